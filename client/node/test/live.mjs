/* live.mjs - the kit against a running server, with Socket.IO clients that hear. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect as dial, connect_each, inbox, next, until_true } from './support/harness.mjs'
import { KEY, started } from '../../../tests/e2e/server.mjs'
import { CacheReceiver, CacheSync, Client, ForkcastError, Notifier, RepositoryEventEmitter } from '../index.mjs'

const CONF = `
	room "chat"  { join = any }
	room "cache" { join = role:service }
	route "trade" { fields = {"price: int 1..1000"}  to = "chat:{@vars.chat}"  emit = traded }
	route "notify" { to = "user:{@vars.userId}"  emit = notification }
	namespace "/n" { room "chat" { join = any } }
`

describe('a running server', () => {
	let s, c

	before(async () => {
		s = await started({ workers: 2, conf: CONF })
		c = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: KEY })
	})
	after(async () => {
		c?.close()
		await s?.destroy()
	})

	/* `delivered` comes out of the store, where a client is a moment after it is told; a query waits until it is there. */
	const connect = async (...args) => {
		const socket = await dial(...args)
		await c.socket(socket.id)
		return socket
	}

	const joined = async (t, user, id, options = {}) => {
		const socket = await connect(t, s, { user, ...options })
		assert.equal((await socket.emitWithAck('subscribe', { room: 'chat', id })).success, true)
		await c.socket(socket.id)
		return socket
	}

	test('emit: to whom, but whom not, where', async (t) => {
		const [a, b, n] = await Promise.all([joined(t, 'a', '1'), joined(t, 'b', '1'), joined(t, 'a', '1', { nsp: '/n' })])
		const boxes = [a, b, n].map((x) => inbox(x, 'e'))
		assert.equal((await c.emit('chat:1', 'e', { big: 1 })).delivered, 2)
		await c.emit('chat:1', 'e', 2, { except: ['user:a'] })
		await c.emit('user:a', 'e', 3, { namespace: '/n' })
		await c.emit(`socket:${a.id}`, 'e', undefined, { args: [4, 5] })
		await until_true('all', () => boxes[0].length === 2 && boxes[1].length === 2 && boxes[2].length === 1)
		assert.deepEqual(boxes, [[['e', { big: 1 }], ['e', 4, 5]], [['e', { big: 1 }], ['e', 2]], [['e', 3]]])
	})

	test('emit with timeout: what the clients answer', async (t) => {
		const sockets = await Promise.all(['a', 'b'].map((u) => joined(t, u, 'ack')))
		for (const x of sockets) x.on('ask', (n, ack) => ack(n + 1))
		const reply = await c.emit('chat:ack', 'ask', 1, { timeout: 3000 })
		assert.deepEqual([reply.delivered, reply.answers], [2, [2, 2]])
	})

	test('join, leave, disconnect', async (t) => {
		const a = await connect(t, s, { user: 'mover' })
		assert.deepEqual(await c.join('user:mover', ['chat:x', 'chat:y']), { matched: 1 })
		assert.deepEqual((await a.emitWithAck('getRooms')).sort(), ['chat:x', 'chat:y', 'global:all', 'user:mover'])
		assert.deepEqual(await c.leave('user:mover', 'chat:y'), { matched: 1 })
		const gone = next(a, 'disconnect')
		assert.deepEqual(await c.disconnect('user:mover'), { matched: 1 })
		assert.equal((await gone)[0], 'io server disconnect')
	})

	test('queries, page by page', async (t) => {
		const sockets = await Promise.all([...Array(7).keys()].map((i) => joined(t, `q${i % 3}`, 'q')))
		const seen = await c.sockets({ in: 'chat:q', limit: 2 }).toArray()
		assert.deepEqual(seen.map((x) => x.id).sort(), sockets.map((x) => x.id).sort())
		assert.deepEqual((await c.users('chat:q')).sort(), ['q0', 'q1', 'q2'])
		assert.deepEqual(await c.room('chat:q'), { name: 'chat:q', users: 3, sockets: 7, meta: {} })
		assert.equal(await c.room('chat:nobody'), null)
		assert.equal((await c.socket(sockets[0].id)).user.id, 'q0')
		assert.equal(await c.socket('AAAAAAAAAAAAAAAAAAAA'), null)
		assert.equal((await c.user('q0')).sockets.length, 3)
		assert.equal((await c.user('never')).online, false)
		assert.ok((await c.rooms({ type: 'chat', limit: 1 }).toArray()).some((r) => r.name === 'chat:q'))
		assert.equal(typeof (await c.stats()), 'object')
		assert.deepEqual(await c.health(), { alive: true, ready: true, reasons: [] })
	})

	test('what the server refuses', async () => {
		const wrong = await c.emit('', 'e').catch((e) => e)
		assert.ok(wrong instanceof ForkcastError)
		assert.deepEqual([wrong.code, wrong.status, wrong.field], ['invalid', 422, 'to'])
		const other = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: 'wrong' })
		const denied = await other.stats().catch((e) => e)
		other.close()
		assert.deepEqual([denied.code, denied.status], ['unauthorized', 401])
	})

	test('event: the conf says who hears it', async (t) => {
		const a = await joined(t, 'a', 'm')
		const heard = next(a, 'traded')
		assert.equal((await c.event('trade', { price: 7 }, { chat: 'm' })).delivered, 1)
		assert.deepEqual(await heard, [{ price: 7 }])
		const wrong = await c.event('trade', { price: 0 }, { chat: 'm' }).catch((e) => e)
		assert.deepEqual([wrong.status, wrong.field], [422, 'data.price'])
		assert.equal((await c.event('nothing').catch((e) => e)).code, 'unknown_event')
	})

	test('batch: in order, over many requests, a result a line', async (t) => {
		const a = await connect(t, s, { user: 'b1' })
		const heard = inbox(a, 'n', 'traded')
		const many = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: KEY, batchLines: 100 })
		t.after(() => many.close())
		const verbs = [
			{ join: { in: 'user:b1', rooms: 'chat:b' } },
			...[...Array(500).keys()].map((n) => ({ emit: { to: 'chat:b', event: 'n', data: n } })),
			{ emit: { to: 'chat:b', event: 'disconnect' } },
			{ event: { type: 'trade', data: { price: 3 }, vars: { chat: 'b' } } },
			{ leave: { in: 'user:b1', rooms: 'chat:b' } }
		]
		const results = await many.batch(verbs)
		assert.deepEqual(results.slice(0, 2).map((r) => [r.ok, r.matched, r.status]), [[true, 1, 200], [true, undefined, 202]])
		assert.deepEqual([results[501].error.code, results[501].error.status, results[501].error.field], ['reserved', 422, 'event'])
		assert.equal(results.filter((r) => r.ok).length, verbs.length - 1)
		await until_true('all', () => heard.length === 501)
		assert.deepEqual(heard.map((h) => h[1]), [...Array(500).keys(), { price: 3 }])
	})

	test('publisher: a thousand lines in order, one that is wrong among them', async (t) => {
		const a = await joined(t, 'p1', 'p')
		const heard = inbox(a, 'n')
		const told = []
		const p = c.publisher({ onError: (e, lines) => told.push([e.field, lines]) })
		for (let n = 0; n < 1000; n++) p.emit('chat:p', n === 500 ? '' : 'n', n)
		assert.equal(await p.close(), true)
		await until_true('all', () => heard.length === 999)
		assert.deepEqual(heard.map((h) => h[1]), [...Array(1000).keys()].filter((n) => n !== 500))
		assert.deepEqual([told, p.counters.sent, p.counters.failed], [[['event', 1]], 999, 1])
	})

	test('notifications: each user hears its own, and every one has a result', async (t) => {
		const sockets = await Promise.all([connect(t, s, { user: 'n1' }), connect(t, s, { user: 'n2' })])
		const boxes = sockets.map((x) => inbox(x, 'notification'))
		const list = ['n1', 'n2', 'n3', ''.padEnd(300, 'x')].map((userId) => ({ userId, data: { title: `to ${userId}` } }))
		const results = await new Notifier({ client: c }).sendBulkNotifications(list)
		assert.deepEqual(results.map((r) => [r.ok, r.delivered]), [[true, 1], [true, 1], [true, 0], [false, undefined]])
		await until_true('both', () => boxes.every((b) => b.length === 1))
		for (const [i, [[, n]]] of boxes.entries()) {
			assert.deepEqual([n.userId, n.title, n.read, n.notificationId], [`n${i + 1}`, `to n${i + 1}`, false, results[i].notificationId])
			assert.match(n.timestamp, /^\d{4}-.*Z$/)
		}
		await new Notifier({ client: c, type: 'notify' }).sendNotification('n1', { title: 'routed' })
		await until_true('the routed one', () => boxes[0].length === 2)
		await assert.rejects(new Notifier({ client: c }).sendNotification(''.padEnd(300, 'x'), {}), (e) => e instanceof ForkcastError && e.field === 'to')
	})

	test('an id: the message is sent once, in single calls and in batches', async (t) => {
		const a = await joined(t, 'i', 'id')
		const heard = inbox(a, 'n', 'traded')
		const first = await c.emit('chat:id', 'n', 1, { id: 'kit-1' })
		assert.deepEqual(first, { id: 'kit-1', delivered: 1 })
		assert.deepEqual(await c.emit('chat:id', 'n', 1, { id: 'kit-1' }), first)
		for (let i = 0; i < 2; i++) await c.event('trade', { price: 2 }, { chat: 'id' }, { id: 'kit-2' })
		const line = { emit: { to: 'chat:id', event: 'n', data: 3, id: 'kit-3' } }
		assert.deepEqual((await c.batch([line, line])).map((r) => [r.ok, r.id]), [[true, 'kit-3'], [true, 'kit-3']])
		await c.batch([{ emit: { to: 'chat:id', event: 'n', data: 'end' } }], { idempotent: true })
		await until_true('the end', () => heard.some((h) => h[1] === 'end'))
		assert.deepEqual(heard.map((h) => h[1]), [1, { price: 2 }, 3, 'end'])
	})

	test('idempotent calls go through once each, whichever worker dies meanwhile', async (t) => {
		const [a] = await connect_each(t, s, 2)
		const heard = inbox(a, 'm')
		const sure = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: KEY, idempotent: true, retries: 20 })
		t.after(() => sure.close())
		const calls = []
		for (let n = 0; n < 60; n++) {
			calls.push(sure.emit('all', 'm', n))
			if (n === 30) process.kill(s.worker(1).pid, 'SIGKILL')
			if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
		}
		for (const call of calls) assert.match((await call).id, /^[0-9a-f-]{36}$/)
		await c.emit('all', 'm', 'end')
		await until_true('the end', () => heard.some((h) => h[1] === 'end'))
		assert.deepEqual(heard.map((h) => h[1]).filter((n) => n !== 'end').sort((x, y) => x - y), [...Array(60).keys()])
		await s.settled('the successor')
	})

	test('calls go on when the worker that has the connection dies', async (t) => {
		const [a] = await connect_each(t, s, 2)
		const heard = inbox(a, 'n')
		for (let n = 0; n < 5; n++) await c.emit('all', 'n', n)
		process.kill(s.worker(1).pid, 'SIGKILL')
		for (let n = 5; n < 10; n++) {
			await c.emit('all', 'n', n).catch((e) => {
				/* it was under way: nobody knows, and without an id it is not said twice */
				assert.deepEqual([e.code, e.sent], ['connection', true])
				return c.emit('all', 'n', n)
			})
		}
		await until_true('all', () => new Set(heard.map((h) => h[1])).size === 10)
		await s.settled('the successor')
	})

	test('a repository call is heard by the user it is about', async (t) => {
		const a = await connect(t, s, { user: '42' })
		const heard = next(a, 'user:profile_updated')
		const repository = { updateProfile: async (id, profile) => ({ id, ...profile }) }
		const emitter = new RepositoryEventEmitter({ realTimeServer: c })
		emitter.registerRepository('user', repository)
		await repository.updateProfile('42', { city: 'Paris' })
		assert.deepEqual(await heard, [{ id: '42', city: 'Paris' }])
	})

	test('caches follow, keys that are not watched do not, and after a break all is forgotten', async (t) => {
		const socket = await connect(t, s, { user: 'svc', role: 'service', reconnection: true, reconnectionDelay: 20 })
		const cache = new Map([['a', 1], ['b', 2], ['c', 3]])
		const why = []
		const receiver = new CacheReceiver(socket, cache, { onInvalidate: (key, reason) => why.push([key, reason]) })
		t.after(() => receiver.close())
		await receiver.watch('a')
		await receiver.watch('b')
		const sync = new CacheSync({ realTimeServer: c })
		await sync.invalidate('a')
		await sync.invalidate('c')
		for (const message of [{ key: 'c' }, null, 'c', {}]) await c.emit(`socket:${socket.id}`, 'cache:invalidate', message)
		await sync.warm('b', { n: 5 })
		await until_true('the warm value', () => typeof cache.get('b') === 'object')
		assert.deepEqual([...cache], [['b', { n: 5 }], ['c', 3]])
		cache.set('a', 1)
		socket.io.engine.close()
		await until_true('all to be forgotten twice', () => why.filter(([, w]) => w === 'reconnect').length === 2)
		assert.deepEqual([...cache], [['c', 3]])
		await sync.warm('a', 9)
		await until_true('the room again', () => cache.get('a') === 9)
		await receiver.unwatch('a')
		assert.deepEqual((await socket.emitWithAck('getRooms')).filter((r) => r.startsWith('cache:')), ['cache:b'])
		const other = await connect(t, s, { user: 'x' })
		await assert.rejects(new CacheReceiver(other, cache).watch('a'), /cache:a/)
	})
})
