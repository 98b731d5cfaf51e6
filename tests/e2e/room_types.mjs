/*
 * room_types.mjs - what a room type may say: claim:X, case, persistent; and what rules know of a room's users and of the
 * handshake.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, emit, next, refused, token } from './clients.mjs'
import { started, until } from './server.mjs'

let s
before(async () => {
	s = await started({
		workers: 2,
		conf: `
			room "clan"    { join = {"claim:clans", "role:admin"} }
			room "org"     { join = "claim:org.ids" }
			room "creator" { join = any  case = lower }
			room "lobby"   { join = any  persistent = yes }
			room "chat"    { join = any }
			room "duel"    { join = any  max_users = 2 }
			room "big"     { join = any  max_users = 20 }
			event "to"     { fields = "creator: string 1..64"  to = "creator:{creator}"  emit = told }
			event "in"     { fields = "creator: string 1..64"  room = "creator:{creator}"  ack = '{@room}' }
			event "users"  { fields = "id: id"  room = "chat:{id}"  require = any  ack = '{"users": {@room.users}, "n": {@room.user_count}}' }
			event "asked"  { ack = '{"v": {@socket.query.v?}, "agent": {@socket.headers.user-agent?}, "x": {@socket.headers.x-none|"none"}}' }
			on "connecting" { check { if = "not @socket.query.fail"  error = "Auth failed (main namespace)" } }
			on "disconnect" { emit = gone  to = "chat:watch"  data = '{"v": {@socket.query.v?}}' }
		`
	})
})
after(() => s.destroy())

const subscribe = (c, room, id) => c.emitWithAck('subscribe', { room, id })

describe('join = claim:X', () => {
	const ask = async (t, claims, room, id) => (await subscribe(await connect(t, s, { token: token({ sub: 'c', ...claims }) }), room, id)).success

	test('the id is in the list, is the text or the number, or names a member', async (t) => {
		assert.equal(await ask(t, { clans: ['a', 'b'] }, 'clan', 'b'), true)
		assert.equal(await ask(t, { clans: [7] }, 'clan', '7'), true)
		assert.equal(await ask(t, { clans: 'a' }, 'clan', 'a'), true)
		assert.equal(await ask(t, { clans: { a: 1 } }, 'clan', 'a'), true)
		assert.equal(await ask(t, { org: { ids: ['x'] } }, 'org', 'x'), true)
		assert.equal(await ask(t, { clans: ['esc\u0061pe'] }, 'clan', 'escape'), true)
	})

	test('and otherwise not, whatever the claim is', async (t) => {
		for (const clans of [['a'], 'ab', 70, {}, null, true, [['b']], undefined]) assert.equal(await ask(t, { clans }, 'clan', 'b'), false, JSON.stringify(clans))
		assert.equal(await ask(t, { role: 'admin' }, 'clan', 'b'), true, 'one of')
	})
})

describe('case = lower', () => {
	test('ids are the same wherever a room is named', async (t) => {
		const [a, b] = await connect_each(t, s, 2)
		assert.deepEqual(await subscribe(a, 'creator', '0xAbC'), { success: true, room: 'creator:0xabc', message: 'Subscribed to creator:0xabc' })
		let heard = next(a, 'told')
		b.emit('to', { creator: '0XABC' })
		assert.deepEqual(await heard, [{ creator: '0XABC' }], 'the payload stays')
		heard = next(a, 'told')
		assert.equal((await emit(s, 'creator:0xABC', 'told', 1)).json.delivered, 1)
		await heard
		assert.equal(await a.emitWithAck('in', { creator: '0xABc' }), 'creator:0xabc')
		assert.equal((await api(s, 'GET', '/v1/rooms/creator:0xABC')).json.sockets, 1)
		assert.deepEqual((await a.emitWithAck('unsubscribe', { room: 'creator', id: '0xABC' })).room, 'creator:0xabc')
		assert.deepEqual((await subscribe(a, 'chat', 'Abc')).room, 'chat:Abc', 'other types keep it')
	})
})

describe('max_users', () => {
	test('counts users of the whole host, each once, and those without a user by their sockets', async (t) => {
		const [a, b] = await connect_each(t, s, 2, (i) => ({ user: `du${i}` }))
		const again = await connect(t, s, { user: 'du0' })
		const third = await connect(t, s, { user: 'du2' })
		assert.deepEqual(await subscribe(a, 'duel', 'm1'), { success: true, room: 'duel:m1', message: 'Subscribed to duel:m1' })
		assert.equal((await subscribe(b, 'duel', 'm1')).success, true)
		assert.deepEqual(await subscribe(third, 'duel', 'm1'), { success: false, error: 'This room is full', code: 'room_full' })
		assert.equal((await subscribe(again, 'duel', 'm1')).success, true, 'its user is in it')
		assert.equal((await subscribe(a, 'duel', 'm1')).success, true, 'it is in it')
		const heard = [a, b, again].map((c) => next(c, 'told'))
		assert.equal((await emit(s, 'duel:m1', 'told', 1)).json.delivered, 3)
		await Promise.all(heard)
		assert.deepEqual(await third.emitWithAck('getRooms'), ['user:du2', 'global:all'])
		await b.emitWithAck('unsubscribe', { room: 'duel', id: 'm1' })
		assert.equal((await subscribe(third, 'duel', 'm1')).success, true, 'a place was free')
		assert.equal((await subscribe(b, 'duel', 'm1')).code, 'room_full')
	})

	test('forty at once on two workers: twenty come in, whatever the order, and the keeper dies meanwhile', async (t) => {
		const all = await Promise.all([...Array(40).keys()].map((i) => connect(t, s, { user: `bi${i}` })))
		const answers = all.map((c) => subscribe(c, 'big', 'b1'))
		process.kill(s.keeper().pid, 'SIGKILL')
		const got = await Promise.all(answers)
		const inside = all.filter((c, i) => got[i].success)
		assert.deepEqual(got.filter((r) => !r.success && !['room_full', 'busy'].includes(r.code)), [])
		assert.ok(inside.length <= 20)
		for (const [i, c] of all.entries()) if (got[i].code === 'busy') got[i] = await subscribe(c, 'big', 'b1')
		assert.equal(got.filter((r) => r.success).length, 20)
		await until('the store to agree', async () => (await api(s, 'GET', '/v1/rooms/big:b1')).json.users === 20)
	})

	test('what a client asks for behind it waits, and one that goes takes no place', async (t) => {
		const a = await connect(t, s, { user: 'wa' })
		const order = []
		a.emit('subscribe', { room: 'duel', id: 'w1' }, () => order.push('subscribe'))
		a.emit('getRooms', (rooms) => order.push(rooms.includes('duel:w1')))
		await until('both', () => order.length === 2)
		assert.deepEqual(order, ['subscribe', true])
		for (let i = 0; i < 5; i++) {
			const c = await connect(t, s, { user: `go${i}` })
			c.emit('subscribe', { room: 'duel', id: 'w2' })
			c.disconnect()
		}
		const b = await connect(t, s, { user: 'wb' })
		await until('the places to be free', async () => (await subscribe(b, 'duel', 'w2')).success && (await subscribe(a, 'duel', 'w2')).success)
	})
})

describe('persistent', () => {
	test('a room that was used stays in the list, and is as good as new', async (t) => {
		const c = await connect(t, s, { user: 'pe' })
		const rooms = async (type) => (await api(s, 'GET', `/v1/rooms?type=${type}`)).json.items
		await subscribe(c, 'lobby', 'p1')
		await subscribe(c, 'chat', 'p1')
		await c.emitWithAck('unsubscribe', { room: 'lobby', id: 'p1' })
		await c.emitWithAck('unsubscribe', { room: 'chat', id: 'p1' })
		assert.deepEqual((await rooms('lobby')).map(({ name, users, sockets }) => ({ name, users, sockets })), [{ name: 'lobby:p1', users: 0, sockets: 0 }])
		assert.deepEqual((await rooms('chat')).filter((r) => r.name === 'chat:p1'), [])
		await subscribe(c, 'lobby', 'p1')
		assert.deepEqual((await rooms('lobby')).map((r) => [r.users, r.sockets]), [[1, 1]])
	})
})

describe('what rules know', () => {
	test('the users of a room, once each, on all workers', async (t) => {
		const both = await connect_each(t, s, 2, () => ({ user: 'twice' }))
		const other = await connect(t, s, { user: 'other' })
		for (const c of [...both, other]) await subscribe(c, 'chat', 'u1')
		await until('the store to know', async () => (await other.emitWithAck('users', { id: 'u1' })).n === 2)
		const r = await other.emitWithAck('users', { id: 'u1' })
		assert.deepEqual(r.users.sort(), ['other', 'twice'])
		assert.deepEqual((await other.emitWithAck('users', { id: 'none' })), { users: [], n: 0 })
	})

	test('query and headers of the handshake, by whatever transport', async (t) => {
		for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
			const c = await connect(t, s, { user: 'q', transports, query: { v: 'a b+c&ä"' }, extraHeaders: { 'user-agent': 'probe/1 "x"' } })
			assert.deepEqual(await c.emitWithAck('asked'), { v: 'a b+c&ä"', agent: 'probe/1 "x"', x: 'none' })
		}
		const plain = await connect(t, s, { user: 'q' })
		assert.equal('v' in (await plain.emitWithAck('asked')), false)
	})

	test('a client can be refused by its query, and is known by it when it is gone', async (t) => {
		assert.equal((await refused(t, s, { user: 'q', query: { fail: 'yes' } })).message, 'Auth failed (main namespace)')
		const w = await connect(t, s, { user: 'w' })
		await subscribe(w, 'chat', 'watch')
		const c = await connect(t, s, { user: 'q', query: { v: 'was' } })
		const heard = next(w, 'gone')
		c.disconnect()
		assert.deepEqual(await heard, [{ v: 'was' }])
	})
})
