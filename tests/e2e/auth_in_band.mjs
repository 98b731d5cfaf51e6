/* auth_in_band.mjs - clients that connect first and say who they are in an event. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { api, connect, connect_each, emit, inbox, next, refused, token } from './clients.mjs'
import { disconnected, refusal } from './prometheus.mjs'
import { SECRET, server, sleep, until } from './server.mjs'
import { open_socket } from './wire.mjs'

const auth = (in_band = '', more = '') => `auth { jwt "k" { secret = "${SECRET}"  leeway = 0 }  in_band { ${in_band} }  ${more} }`
const NO = {
	missing: { success: false, error: 'Authentication required', code: 'auth_missing' },
	invalid: { success: false, error: 'Authentication failed', code: 'auth_invalid' },
	expired: { success: false, error: 'Authentication expired', code: 'auth_expired' },
	unknown: { success: false, error: 'User not found', code: 'user_unknown' },
	forbidden: { success: false, error: 'You are not allowed to do this', code: 'forbidden' }
}
const row = async (s, id) => (await api(s, 'GET', `/v1/sockets/${id}`)).json
const ada = () => token({ sub: 'ada', name: 'Ada', role: 'chief' })
const exp_in = (s) => Math.ceil(Date.now() / 1000) + s

describe('a client without a token', () => {
	test('is nobody and nowhere until it has one, then as if it had come with it', async (t) => {
		const s = await server(t, {
			workers: 3,
			auth: auth(),
			conf: 'room "r" { join = any }\nevent "e" { emit = out  to = all }\non "connect" { emit = hello  to = self  data = \'{"user": {@user.id|null}, "count": {@socket.room_count}}\' }'
		})
		const known = await connect(t, s, { user: 'bob' })
		for (const a of await connect_each(t, s, 3, () => ({}))) {
			const heard = inbox(a, 'out', 'news', 'all', 'mine')
			assert.deepEqual({ ...(await row(s, a.id)), ip: 0, worker: 0, connected_at: 0 },
				{ id: a.id, namespace: '/', user: null, rooms: [], worker: 0, transport: 'websocket', ip: 0, connected_at: 0 })
			for (const [event, data] of [['e', {}], ['subscribe', { room: 'r', id: '1' }], ['getRooms'], ['ping'], ['nosuch']])
				assert.deepEqual(await refusal(s, 'auth_missing', () => a.emitWithAck(event, data)), NO.missing)
			/* neither rooms nor the namespace reach it, nor can it be put into one */
			await api(s, 'POST', '/v1/sockets/join', { in: [`socket:${a.id}`], rooms: ['r:1'] })
			for (const to of ['all', 'global:all', 'r:1', 'user:ada']) await emit(s, to, 'news', to)
			assert.deepEqual(await known.emitWithAck('e', 1), { success: true })
			await emit(s, `socket:${a.id}`, 'mine', 1)
			await until('what is for it alone', () => heard.length > 0)
			assert.deepEqual(heard, [['mine', 1]])

			assert.deepEqual(await a.emitWithAck('authenticate', { token: ada() }), { success: true, user: { id: 'ada', name: 'Ada', role: 'chief' } })
			const now = await row(s, a.id)
			assert.deepEqual(now.user, { id: 'ada', name: 'Ada', role: 'chief' })
			assert.deepEqual(now.rooms.toSorted(), ['global:all', 'role:chief', 'user:ada'])
			assert.deepEqual(await a.emitWithAck('getRooms'), ['user:ada', 'role:chief', 'global:all'])
			assert.equal((await api(s, 'GET', '/v1/users/ada')).json.sockets.length, 1)
			assert.deepEqual(await a.emitWithAck('subscribe', { room: 'r', id: '1' }), { success: true, room: 'r:1', message: 'Subscribed to r:1' })
			heard.length = 0
			for (const to of ['all', 'global:all', 'role:chief', 'user:ada', 'r:1']) await emit(s, to, 'news', to)
			await until('all of them', () => heard.length === 5)
			assert.deepEqual(heard.map((h) => h[1]), ['all', 'global:all', 'role:chief', 'user:ada', 'r:1'])
			a.disconnect()
			await until('nobody', async () => !(await api(s, 'GET', '/v1/users/ada')).json.online)
		}
	})

	test('object, text and Bearer, by ack or by event; the reaction of the conf', async (t) => {
		const s = await server(t, {
			workers: 1,
			auth: auth('event = login'),
			conf: `on "authenticated" {
				emit = authenticated  to = self  data = '{"userId": {@user.id}, "username": {@user.name?}, "rooms": {@socket.rooms}}'
				also { emit = joined  to = others  data = '{@user.id}' }
			}
			on "auth_failed" { emit = authentication_failed  to = self  data = '{"error": {@error.message}, "code": {@error.code}}' }`
		})
		const other = await connect(t, s, { user: 'bob' })
		const heard = inbox(other, 'joined')
		for (const argument of [{ token: ada() }, ada(), { token: `Bearer ${ada()}` }, `bearer ${ada()}`]) {
			const a = await connect(t, s)
			const told = next(a, 'authenticated')
			a.emit('login', argument, 'more', { of: 'it' })
			assert.deepEqual(await told, [{ userId: 'ada', username: 'Ada', rooms: ['user:ada', 'role:chief', 'global:all'] }])
		}
		await until('the others to hear', () => heard.length === 4)
		const a = await connect(t, s)
		const both = inbox(a, 'error', 'authentication_failed')
		a.emit('login', { token: 'x' })
		await until('both', () => both.length === 2)
		assert.deepEqual(both, [['error', { message: 'Authentication failed' }], ['authentication_failed', { error: 'Authentication failed', code: 'auth_invalid' }]])
		assert.equal((await a.emitWithAck('authenticate', { token: ada() })).code, 'auth_missing', 'the event has another name')
	})

	test('is refused what is no token of ours, ten times at most', async (t) => {
		const s = await server(t, { workers: 1, auth: auth() })
		const bad = [
			[undefined, NO.missing], [null, NO.missing], [{}, NO.missing], [{ token: null }, NO.missing],
			[{ token: 5 }, NO.invalid], [5, NO.invalid], [[], NO.invalid], [{ token: {} }, NO.invalid], ['', NO.invalid],
			[{ token: token({ sub: 'ada' }, { secret: 'x'.repeat(32) }) }, NO.invalid],
			[{ token: `${'A'.repeat(4000)}.${'A'.repeat(4200)}.AA` }, NO.invalid],
			[{ token: token({ sub: 'ada', exp: 1 }) }, NO.expired],
			[{ token: token({ sub: 'ada', exp: 'soon' }) }, NO.invalid],
			[{ token: token({ name: 'x' }) }, NO.unknown]
		]
		for (const [argument, expected] of bad) {
			const a = await connect(t, s)
			assert.deepEqual(await refusal(s, expected.code, () => a.emitWithAck('authenticate', argument)), expected, JSON.stringify(argument)?.slice(0, 60))
			assert.equal((await row(s, a.id)).user, null)
			assert.deepEqual((await a.emitWithAck('authenticate', { token: ada() })).success, true)
		}
		const a = await connect(t, s)
		const heard = inbox(a, 'error', 'disconnect')
		await disconnected(s, 'auth failed', async () => {
			for (let i = 0; i < 12; i++) a.emit('authenticate', 'x')
			await until('the end', () => heard.some(([event]) => event === 'disconnect'))
		})
		assert.equal(heard.length, 12)
		assert.deepEqual(heard.at(-2), ['error', { message: 'Authentication failed', code: 'auth_invalid' }])
		assert.equal(heard.at(-1)[1], 'io server disconnect')
		/* A good one forgives. */
		const b = await connect(t, s)
		for (let round = 0; round < 3; round++) {
			for (let i = 0; i < 9; i++) assert.equal((await b.emitWithAck('authenticate', 'x')).code, 'auth_invalid')
			assert.ok((await b.emitWithAck('authenticate', ada())).success)
		}
	})

	test('with a bad token at connect is refused as ever', async (t) => {
		const s = await server(t, { workers: 1, auth: auth() })
		assert.equal((await refused(t, s, { token: 'x' })).message, 'Authentication failed')
	})

	test('in each namespace by itself', async (t) => {
		const s = await server(t, { workers: 1, auth: auth(), conf: 'namespace "/chat" { on "authenticated" { emit = in_chat  to = self } }' })
		const a = await connect(t, s)
		const b = await connect(t, s, { nsp: '/chat' })
		assert.ok((await a.emitWithAck('authenticate', ada())).success)
		assert.deepEqual(await b.emitWithAck('getRooms'), NO.missing)
		const told = next(b, 'in_chat')
		assert.ok((await b.emitWithAck('authenticate', ada())).success)
		assert.deepEqual(await told, [])
	})

	test('by long polling', async (t) => {
		const s = await server(t, { workers: 3, auth: auth() })
		const a = await connect(t, s, { transports: ['polling'] })
		assert.ok((await a.emitWithAck('authenticate', { token: ada() })).success)
		const news = next(a, 'news')
		await emit(s, 'user:ada', 'news')
		await news
	})
})

describe('what judges connections', () => {
	test('judges twice: on "connecting" sees nobody first, then the user', async (t) => {
		const s = await server(t, {
			workers: 1,
			auth: auth(),
			conf: `on "connecting" {
				if = @user
				check { if = '@user.role = "chief"'  error = "chiefs alone"  code = not_chief }
			}
			on "auth_failed" { emit = failed  to = self  data = '{@error.code}' }`
		})
		const a = await connect(t, s)
		const failed = next(a, 'failed')
		assert.deepEqual(await refusal(s, 'check', () => a.emitWithAck('authenticate', token({ sub: 'eve', role: 'guest' }))),
			{ success: false, error: 'chiefs alone', code: 'not_chief' })
		assert.deepEqual(await failed, ['not_chief'])
		assert.equal((await row(s, a.id)).user, null)
		assert.deepEqual(await a.emitWithAck('getRooms'), NO.missing)
		assert.ok((await a.emitWithAck('authenticate', ada())).success)
		/* A refresh that is refused leaves the user as it was. */
		assert.equal((await a.emitWithAck('authenticate', token({ sub: 'ada', role: 'guest' }))).code, 'not_chief')
		assert.deepEqual((await row(s, a.id)).user, { id: 'ada', name: 'Ada', role: 'chief' })
		assert.deepEqual(await a.emitWithAck('getRooms'), ['user:ada', 'role:chief', 'global:all'])
	})

	test('anonymous = yes: nobody must, everybody may', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('deadline = 300ms', 'anonymous = yes'), conf: 'room "r" { join = any }' })
		const a = await connect(t, s)
		assert.deepEqual(await a.emitWithAck('getRooms'), ['global:all'])
		await a.emitWithAck('subscribe', { room: 'r', id: '1' })
		await sleep(600)
		assert.ok((await a.emitWithAck('authenticate', ada())).success)
		assert.deepEqual((await a.emitWithAck('getRooms')).toSorted(), ['global:all', 'r:1', 'role:chief', 'user:ada'])
		assert.deepEqual((await row(s, a.id)).rooms.toSorted(), ['global:all', 'r:1', 'role:chief', 'user:ada'])
		/* The client's own room is still the client's. */
		assert.deepEqual(await a.emitWithAck('unsubscribe', { room: 'r', id: '1' }), { success: true, room: 'r:1', message: 'Unsubscribed from r:1' })
	})
})

/* Side by side: each waits for a second or two. */
describe('time', { concurrency: true }, () => {
	test('the deadline: the event error, 41, the end; not for who was in time', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('deadline = 700ms') })
		const began = Date.now()
		const wire = await open_socket(t, s.port)
		const good = await connect(t, s)
		assert.ok((await good.emitWithAck('authenticate', ada())).success)
		const heard = await disconnected(s, 'auth deadline', async () => [await wire.text(), await wire.text(), await wire.closed()])
		assert.deepEqual(heard, ['42["error",{"message":"Authentication required","code":"auth_missing"}]', '41', 0])
		assert.ok(Date.now() - began >= 690 && Date.now() - began < 2500, `after ${Date.now() - began} ms`)
		await sleep(400)
		assert.equal(await good.emitWithAck('ping'), 'pong')
	})

	test('a refresh by the same user extends, and brings its new name and role', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('', 'expiry = disconnect') })
		const log = () => s.log.match(/disconnect /g)?.length ?? 0
		const a = await connect(t, s, { token: token({ sub: 'ada', name: 'Ada', role: 'chief', exp: exp_in(1) }) })
		assert.deepEqual(await a.emitWithAck('authenticate', { token: token({ sub: 'ada', name: 'Ada L', role: 'guest', exp: exp_in(4) }) }),
			{ success: true, user: { id: 'ada', name: 'Ada L', role: 'guest' } })
		assert.deepEqual(await a.emitWithAck('getRooms'), ['user:ada', 'global:all', 'role:guest'])
		const now = await row(s, a.id)
		assert.deepEqual([now.user.role, now.rooms.toSorted()], ['guest', ['global:all', 'role:guest', 'user:ada']])
		await sleep(2500)
		assert.equal(await a.emitWithAck('ping'), 'pong')
		assert.equal(log(), 0)
		assert.deepEqual(await a.emitWithAck('authenticate', token({ sub: 'eve' })), NO.forbidden)
		/* and ends when the new one does */
		await next(a, 'disconnect')
	})

	test('expiry = refuse: another token and it goes on', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('', 'expiry = refuse') })
		const a = await connect(t, s)
		assert.ok((await a.emitWithAck('authenticate', token({ sub: 'ada', exp: exp_in(1) }))).success)
		await until('the token to end', async () => (await a.emitWithAck('ping')).code === 'auth_expired')
		assert.ok((await a.emitWithAck('authenticate', ada())).success)
		assert.equal(await a.emitWithAck('ping'), 'pong')
	})

	test('refresh = no: once is all', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('refresh = no') })
		const a = await connect(t, s)
		assert.ok((await a.emitWithAck('authenticate', ada())).success)
		assert.deepEqual(await refusal(s, 'forbidden', () => a.emitWithAck('authenticate', ada())), NO.forbidden)
		const b = await connect(t, s, { user: 'bob' })
		assert.deepEqual(await b.emitWithAck('authenticate', token({ sub: 'bob' })), NO.forbidden)
	})

	test('a user who refreshes was never away, and no token is in the log', async (t) => {
		const s = await server(t, { workers: 1, auth: auth(), conf: 'log { level = debug }' })
		const a = await connect(t, s)
		const first = ada()
		await a.emitWithAck('authenticate', first)
		await s.logged(/ online user=ada/)
		for (let i = 0; i < 5; i++) assert.ok((await a.emitWithAck('authenticate', token({ sub: 'ada', role: `r${i}` }))).success)
		await api(s, 'GET', '/v1/users/ada')
		a.disconnect()
		await s.logged(/ offline user=ada/)
		assert.equal(s.log.match(/ online user=ada/g).length, 1)
		assert.equal(s.log.match(/ offline user=ada/g).length, 1)
		assert.ok(!s.log.includes(first.split('.')[2]) && !s.log.includes(first.split('.')[1]))
	})
})
