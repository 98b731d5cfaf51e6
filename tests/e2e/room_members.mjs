/* room_members.mjs - rooms, users and roles whose sockets are spread over workers. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, emit, inbox, worker_of } from './clients.mjs'
import { started, until } from './server.mjs'

const WORKERS = 4

describe('across workers', () => {
	let s
	before(async () => {
		s = await started({
			workers: WORKERS,
			conf: `
				room "r" { join = any }
				event "say"    { room = "r:{id}"  emit = said }
				event "others" { room = "r:{id}"  emit = said  to = others }
				event "self"   { emit = said  to = self }
				event "all"    { emit = said  to = all }
				event "done"   { emit = done  to = all }
			`
		})
	})
	after(() => s.destroy())

	const join = (sockets, id) => Promise.all(sockets.map((a) => a.emitWithAck('subscribe', { room: 'r', id })))

	/* What each socket heard, once everybody has heard SENDER's last word. */
	async function heard_by(sockets, sender, fn) {
		const boxes = sockets.map((a) => inbox(a, 'said'))
		const ends = sockets.map((a) => inbox(a, 'done'))
		await fn()
		await sender.emitWithAck('done')
		await until('the last word', () => ends.every((e) => e.length === 1))
		sockets.forEach((a) => a.off('said').off('done'))
		return boxes.map((box) => box.map(([, ...args]) => args))
	}

	test('clients of every worker hear a room, each message once, whoever sends', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		assert.deepEqual(await Promise.all(all.map((a) => worker_of(s, a))), [0, 1, 2, 3])
		await join(all, 'x')
		for (const sender of all) {
			const heard = await heard_by(all, sender, () => sender.emitWithAck('say', { id: 'x', n: 1 }))
			assert.deepEqual(heard, Array(WORKERS).fill([[{ id: 'x', n: 1 }]]))
		}
	})

	test('others, self and all mean the same on every worker', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		await join(all.slice(0, 3), 'y')
		const counts = async (event, sender = all[1]) =>
			(await heard_by(all, sender, () => sender.emitWithAck(event, { id: 'y' }))).map((h) => h.length)
		assert.deepEqual(await counts('say'), [1, 1, 1, 0])
		assert.deepEqual(await counts('others'), [1, 0, 1, 0])
		assert.deepEqual(await counts('self'), [0, 1, 0, 0])
		assert.deepEqual(await counts('all'), [1, 1, 1, 1])
	})

	test('who left hears nothing more', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		await join(all, 'z')
		await all[2].emitWithAck('unsubscribe', { room: 'r', id: 'z' })
		const heard = await heard_by(all, all[0], () => all[0].emitWithAck('say', { id: 'z' }))
		assert.deepEqual(heard.map((h) => h.length), [1, 1, 0, 1])
	})

	test('one sender keeps its order for every receiver', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		await join(all, 'order')
		const heard = await heard_by(all, all[0], () =>
			Promise.all([...Array(500).keys()].map((n) => all[0].emitWithAck('say', { id: 'order', n }))))
		for (const box of heard) assert.deepEqual(box.map(([m]) => m.n), [...Array(500).keys()])
	})

	test('a user with many sockets is one user, reached on each of them', async (t) => {
		const all = await connect_each(t, s, WORKERS, () => ({ user: 'many', name: 'Many', role: 'crowd' }))
		const { json } = await api(s, 'GET', '/v1/users/many')
		assert.deepEqual({ ...json, sockets: json.sockets.sort() }, { id: 'many', online: true, sockets: all.map((a) => a.id).sort() })
		for (const to of ['user:many', 'role:crowd']) {
			const boxes = all.map((a) => inbox(a, 'hi'))
			assert.deepEqual((await api(s, 'GET', `/v1/rooms/${to}`)).json, { name: to, users: 1, sockets: WORKERS, meta: {} })
			assert.equal((await emit(s, to, 'hi', 1)).json.delivered, WORKERS)
			await until('all to hear', () => boxes.every((b) => b.length === 1))
		}
	})

	test('online with the first socket, offline with the last, on whatever worker', async (t) => {
		const user = async () => (await api(s, 'GET', '/v1/users/edge')).json
		assert.deepEqual(await user(), { id: 'edge', online: false, sockets: [] })
		const all = await connect_each(t, s, WORKERS, () => ({ user: 'edge' }))
		for (const [i, a] of all.entries()) {
			assert.equal((await user()).online, true)
			assert.equal((await user()).sockets.length, WORKERS - i)
			a.disconnect()
			await until('the socket to go', async () => !(await user()).sockets.includes(a.id))
		}
		assert.deepEqual(await user(), { id: 'edge', online: false, sockets: [] })
	})

	test('a room counts sockets and users apart, and is gone with its last member', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const b = await connect(t, s, { user: 'ada' })
		const c = await connect(t, s, { user: 'bob' })
		const room = () => api(s, 'GET', '/v1/rooms/r:count')
		assert.equal((await room()).status, 404)
		await join([a, b, c], 'count')
		assert.deepEqual((await room()).json, { name: 'r:count', users: 2, sockets: 3, meta: {} })
		await a.emitWithAck('unsubscribe', { room: 'r', id: 'count' })
		assert.deepEqual((await room()).json, { name: 'r:count', users: 2, sockets: 2, meta: {} })
		b.disconnect()
		await until('b to go', async () => (await room()).json.users === 1)
		c.disconnect()
		await until('the room to go', async () => (await room()).status === 404)
	})

	test('what the API says of a socket is what the client knows', async (t) => {
		const since = Date.now()
		const a = await connect(t, s, { user: 'ada', name: 'Ada L.', role: 'chief' })
		await join([a], 1)
		const { json } = await api(s, 'GET', `/v1/sockets/${a.id}`)
		assert.ok(json.connected_at >= since - 5 && json.connected_at <= Date.now() + 5)
		assert.ok(json.worker >= 0 && json.worker < WORKERS)
		assert.deepEqual({ ...json, connected_at: 0, worker: 0, rooms: [...json.rooms].sort() }, {
			id: a.id,
			namespace: '/',
			user: { id: 'ada', name: 'Ada L.', role: 'chief' },
			rooms: ['global:all', 'r:1', 'role:chief', 'user:ada'],
			worker: 0,
			transport: 'websocket',
			ip: '127.0.0.1',
			connected_at: 0
		})
		assert.deepEqual(new Set(await a.emitWithAck('getRooms')), new Set(json.rooms))
	})

	test('a hundred clients in one room, ten senders at once', async (t) => {
		const all = await Promise.all([...Array(100).keys()].map((i) => connect(t, s, { user: `u${i}` })))
		await join(all, 'crowd')
		const boxes = all.map((a) => inbox(a, 'said'))
		await Promise.all(all.slice(0, 10).flatMap((a, from) =>
			[...Array(20).keys()].map((n) => a.emitWithAck('say', { id: 'crowd', from, n }))))
		await until('all messages', () => boxes.every((b) => b.length >= 200))
		for (const box of boxes) {
			assert.equal(box.length, 200)
			for (let from = 0; from < 10; from++)
				assert.deepEqual(box.filter(([, m]) => m.from === from).map(([, m]) => m.n), [...Array(20).keys()])
		}
	})
})

test('auth { rooms }: which rooms are automatic is for the conf to say', async (t) => {
	const s = await started({
		workers: 1,
		auth: `auth {
			anonymous = yes
			jwt "k" { secret = "0123456789abcdef0123456789abcdef" }
			rooms = {"everyone", "user:{@user.id}", "team:{@user.claims.team.id}", "vip:{@user.claims.vip}"}
		}
		room "everyone" { single = yes }
		room "team" { }
		room "vip"  { }`
	})
	t.after(() => s.destroy())
	const { token } = await import('./clients.mjs')
	const rooms = async (claims) => (await connect(t, s, claims && { token: token(claims) })).emitWithAck('getRooms')
	assert.deepEqual(await rooms(), ['everyone'])
	assert.deepEqual(await rooms({ sub: 'a' }), ['everyone', 'user:a'])
	assert.deepEqual(await rooms({ sub: 'a', team: { id: 7 }, vip: 'gold' }), ['everyone', 'user:a', 'team:7', 'vip:gold'])
	/* A claim that is no name is as good as absent. */
	assert.deepEqual(await rooms({ sub: 'a', team: { id: [1] }, vip: 'x'.repeat(300) }), ['everyone', 'user:a'])
})
