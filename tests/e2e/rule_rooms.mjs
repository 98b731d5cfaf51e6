/*
 * rule_rooms.mjs - what rules do to memberships and connections: join, leave, evict, close, disconnect, each, and the rooms
 * and features of roles; clients on two workers.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect, connect_each, inbox, next } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { started, until } from './server.mjs'

let s
before(async () => {
	s = await started({
		workers: 2,
		conf: `
			max_rooms = 3
			room "game" { }
			room "lobby" { join = any }
			room "board" { single = yes }
			room "admin" { }
			role "chief" { features = {"game", "say \\"x\\""}  rooms = {"admin:all", "admin:{@user.id}"} }
			role "guest" { }
			event "game:join"  { fields = "id: id"  room = "game:{id}"  require = any  join = room  emit = joined  data = '{"who": {@user.id}}' }
			event "game:say"   { fields = "id: id"  room = "game:{id}"  emit = said }
			event "game:leave" { fields = "id: id"  room = "game:{id}"  leave = room  emit = left  data = '{"who": {@user.id}}' }
			event "game:quit"  { leave = {"game:*", board} }
			event "game:quiet" { fields = "id: id"  room = "game:{id}"  leave = room  emit = left  to = others }
			event "board"      { join = board }
			event "many"       { join = {"game:a", "game:b", "game:c", "game:d"} }
			event "maybe"      { fields = "yes: bool"
			                     also { if = "yes"  join = "game:m"  emit = joined  to = "game:m" }
			                     also { if = "not yes"  leave = "game:m" } }
			event "own"        { leave = {"user:{@user.id}", "global:all"} }
			event "kick"       { fields = {"id: id", "who: id"}  room = "game:{id}"  to = {room, "user:{who}"}  emit = kicked  evict = "{who}" }
			event "closed"     { fields = "id: id"  room = "game:{id}"  require = any  emit = over  to = {room, self}  close = yes }
			event "shut"       { fields = "id: id"  room = "game:{id}"  require = any  close = yes }
			event "bye"        { emit = farewell  to = self  ack = '"bye"'  disconnect = namespace }
			event "away"       { emit = farewell  to = self  disconnect = transport }
			event "each"       { each = game  emit = here  to = room  data = '{"room": {@room}, "id": {@room.id}, "from": {@user.id}}'
			                     also { each = game  if = "@room.id != \\"a\\""  leave = room } }
			event "features"   { ack = '{"list": {@user.features}}' }
			event "play"       { check { if = '"game" in @user.features'  error = no } }
			namespace "/n" { role "guest" { features = local } event "local" { ack = '{@user.features}' } }
			on "connect" { join = "lobby:{@socket.transport}" }
		`
	})
})
after(() => s.destroy())

/* What a rule can have put it into: its own doing, not the server's at connect. */
const games = async (c) => (await c.emitWithAck('getRooms')).filter((r) => /^(game|board)/.test(r)).sort()

async function pair(t, ...rooms) {
	const both = await connect_each(t, s, 2)
	for (const c of both) for (const id of rooms) assert.deepEqual(await c.emitWithAck('game:join', { id }), { success: true })
	return both
}

describe('join', () => {
	test('comes before what is sent, and needs no leave of the room', async (t) => {
		const [a, b] = await pair(t)
		assert.equal((await a.emitWithAck('subscribe', { room: 'game', id: '1' })).code, 'forbidden')
		let heard = next(a, 'joined')
		await a.emitWithAck('game:join', { id: '1' })
		assert.deepEqual(await heard, [{ who: 'user0' }])
		heard = next(a, 'joined')
		await b.emitWithAck('game:join', { id: '1' })
		assert.deepEqual(await heard, [{ who: 'user1' }])
		assert.deepEqual(await games(a), ['game:1'])
		assert.deepEqual(await a.emitWithAck('game:say', { id: '1' }), { success: true })
		assert.equal((await a.emitWithAck('game:say', { id: '2' })).code, 'not_member')
	})

	test('twice is once; rooms without an id; no more than max_rooms', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		await a.emitWithAck('board')
		await a.emitWithAck('board')
		assert.deepEqual(await games(a), ['board'])
		const answer = await refusal(s, 'too_many_rooms', () => a.emitWithAck('many'))
		assert.equal(answer.code, 'too_many_rooms')
		assert.deepEqual(await games(a), ['board', 'game:a'])
	})

	test('of an also that is asked, and of on connect', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		await a.emitWithAck('maybe', { yes: false })
		assert.deepEqual(await games(a), [])
		const heard = next(a, 'joined')
		await a.emitWithAck('maybe', { yes: true })
		await heard
		assert.deepEqual(await games(a), ['game:m'])
		await a.emitWithAck('maybe', { yes: false })
		assert.deepEqual(await games(a), [])
		assert.ok((await a.emitWithAck('getRooms')).includes('lobby:websocket'))
	})
})

describe('leave', () => {
	test('comes after what is sent, which the sender hears', async (t) => {
		const [a, b] = await pair(t, '1')
		const heard = [next(a, 'left'), next(b, 'left')]
		await a.emitWithAck('game:leave', { id: '1' })
		assert.deepEqual(await Promise.all(heard), [[{ who: 'user0' }], [{ who: 'user0' }]])
		assert.deepEqual([await games(a), await games(b)], [[], ['game:1']])
		const silent = inbox(a, 'said')
		const last = next(b, 'said')
		await b.emitWithAck('game:say', { id: '1' })
		await last
		await a.emitWithAck('ping')
		assert.deepEqual(silent, [])
	})

	test('others are others still', async (t) => {
		const [a, b] = await pair(t, '1')
		const silent = inbox(a, 'left')
		const heard = next(b, 'left')
		await a.emitWithAck('game:quiet', { id: '1' })
		await heard
		await a.emitWithAck('ping')
		assert.deepEqual(silent, [])
	})

	test('all rooms of a type, and what one is not in', async (t) => {
		const [a] = await pair(t, '1', '2')
		await a.emitWithAck('game:quit')
		assert.deepEqual(await games(a), [])
		await a.emitWithAck('game:quit')
		await a.emitWithAck('game:join', { id: '1' })
		assert.deepEqual(await games(a), ['game:1'])
	})

	test('not what the server joined at connect', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		await a.emitWithAck('own')
		const rooms = await a.emitWithAck('getRooms')
		assert.ok(rooms.includes('user:ada') && rooms.includes('global:all'))
	})
})

describe('evict and close', () => {
	test('one user leaves the room, not the room that is its own', async (t) => {
		const [a, b] = await pair(t, '1', '2')
		const heard = [next(a, 'kicked'), next(b, 'kicked')]
		await a.emitWithAck('kick', { id: '1', who: 'user1' })
		await Promise.all(heard)
		await until('the eviction', async () => (await games(b)).join() === 'game:2')
		assert.deepEqual(await games(a), ['game:1', 'game:2'])
		assert.ok((await b.emitWithAck('getRooms')).includes('user:user1'))
	})

	test('everybody leaves, after what is sent', async (t) => {
		const [a, b] = await pair(t, '1', '2')
		const heard = [next(a, 'over'), next(b, 'over')]
		await a.emitWithAck('closed', { id: '1' })
		await Promise.all(heard)
		for (const c of [a, b]) await until('the close', async () => (await games(c)).join() === 'game:2')
	})

	test('without a word', async (t) => {
		const [a, b] = await pair(t, '1')
		await a.emitWithAck('shut', { id: '1' })
		for (const c of [a, b]) await until('the close', async () => (await games(c)).length === 0)
	})
})

describe('disconnect', () => {
	test('from the namespace, after what is sent and the ack', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const n = a.io.socket('/n', { auth: a.auth })
		t.after(() => n.disconnect())
		await next(n, 'connect')
		const heard = next(a, 'farewell')
		const gone = next(a, 'disconnect')
		assert.equal(await a.emitWithAck('bye'), 'bye')
		await heard
		assert.equal((await gone)[0], 'io server disconnect')
		assert.equal(await n.emitWithAck('ping'), 'pong')
	})

	test('from all of them', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const n = a.io.socket('/n', { auth: a.auth })
		t.after(() => n.disconnect())
		await next(n, 'connect')
		const heard = next(a, 'farewell')
		const gone = [next(a, 'disconnect'), next(n, 'disconnect')]
		a.emit('away')
		await heard
		assert.deepEqual((await Promise.all(gone)).map(([reason]) => reason), ['io server disconnect', 'io server disconnect'])
	})
})

describe('each', () => {
	test('does it for each room of the type', async (t) => {
		const [a, b] = await pair(t, 'a', 'b')
		const heard = inbox(b, 'here')
		await a.emitWithAck('each')
		await until('both', () => heard.length === 2)
		assert.deepEqual(heard.map(([, got]) => got).sort((x, y) => x.id.localeCompare(y.id)), [
			{ room: 'game:a', id: 'a', from: 'user0' },
			{ room: 'game:b', id: 'b', from: 'user0' }
		])
		assert.deepEqual(await games(a), ['game:a'])
	})

	test('and nothing without one', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		assert.deepEqual(await a.emitWithAck('each'), { success: true })
	})
})

describe('roles', () => {
	test('bring rooms that do not count, and features', async (t) => {
		const a = await connect(t, s, { user: 'ada', role: 'chief' })
		const rooms = await a.emitWithAck('getRooms')
		assert.ok(rooms.includes('admin:all') && rooms.includes('admin:ada') && rooms.includes('role:chief'))
		assert.deepEqual(await a.emitWithAck('features'), { list: ['game', 'say "x"'] })
		assert.equal((await a.emitWithAck('play')).success, true)
		for (const id of ['1', '2']) assert.deepEqual(await a.emitWithAck('game:join', { id }), { success: true })
		assert.equal((await a.emitWithAck('unsubscribe', { room: 'admin', id: 'all' })).code, 'forbidden')
	})

	test('without features, without a block, without a role', async (t) => {
		const features = async (options) => (await connect(t, s, options)).emitWithAck(options.nsp ? 'local' : 'features')
		assert.deepEqual(await features({ user: 'ada', role: 'guest' }), { list: [] })
		assert.deepEqual(await features({ user: 'ada', role: 'other' }), { list: null })
		assert.deepEqual(await features({ user: 'ada' }), { list: null })
		assert.equal((await (await connect(t, s, { user: 'ada', role: 'guest' })).emitWithAck('play')).success, false)
		assert.deepEqual(await features({ user: 'ada', role: 'guest', nsp: '/n' }), ['local'])
		assert.deepEqual(await features({ user: 'ada', role: 'chief', nsp: '/n' }), ['game', 'say "x"'])
	})
})
