/* client_connect.mjs - socket.io-client connects, is refused, is let go, comes back. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, dial, emit, inbox, next, refused, token } from './clients.mjs'
import { disconnected, refusal } from './prometheus.mjs'
import { SECRET, started, until } from './server.mjs'
import { open_engine } from './wire.mjs'

describe('socket.io-client', () => {
	let s
	before(async () => {
		s = await started({
			conf: 'event "echo" { emit = echo  to = self }',
			auth: `auth {
				jwt "k" { secret = "${SECRET}" }
				sources = {auth.token, bearer, query.token, cookie.session}
			}`
		})
	})
	after(() => s.destroy())

	const user_of = async (socket) => (await api(s, 'GET', `/v1/sockets/${socket.id}`)).json.user
	const mine = (sub) => token({ sub })

	test('connects over WebSocket with an id of its own', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const b = await connect(t, s, { user: 'ada' })
		assert.equal(a.io.engine.transport.name, 'websocket')
		for (const id of [a.id, b.id, a.io.engine.id]) assert.match(id, /^[A-Za-z0-9_-]{20}$/)
		assert.equal(new Set([a.id, b.id, a.io.engine.id, b.io.engine.id]).size, 4)
	})

	test('sends events, and hears acks and events', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const heard = next(a, 'echo')
		assert.deepEqual(await a.emitWithAck('echo', { x: [1, 'é', null] }, 2), { success: true })
		assert.deepEqual(await heard, [{ x: [1, 'é', null] }, 2])
	})

	test('emits buffered before the connection are not lost', async (t) => {
		const a = dial(t, s, { user: 'ada' })
		const heard = next(a, 'echo')
		a.emit('echo', 'early')
		assert.deepEqual(await heard, ['early'])
	})

	const sources = {
		'auth.token': () => ({ auth: { token: mine('by-auth') } }),
		'auth.token with a scheme': () => ({ auth: { token: `Bearer ${mine('by-auth')}` } }),
		'Authorization: Bearer': () => ({ extraHeaders: { Authorization: `Bearer ${mine('by-auth')}` } }),
		'Authorization: bearer, any case': () => ({ extraHeaders: { authorization: `bEARER ${mine('by-auth')}` } }),
		'the declared query parameter': () => ({ query: { a: 1, token: mine('by-auth') } }),
		'the declared cookie': () => ({ extraHeaders: { Cookie: `a=b; session=${mine('by-auth')}; c` } })
	}
	for (const [what, options] of Object.entries(sources)) {
		test(`is known by a token in ${what}`, async (t) => {
			const a = await connect(t, s, options())
			assert.deepEqual(await user_of(a), { id: 'by-auth', name: null, role: null })
		})
	}

	test('sources count in the order of the conf', async (t) => {
		const query = { token: mine('third') }
		const Authorization = `Bearer ${mine('second')}`
		const Cookie = `session=${mine('fourth')}`
		const all = await connect(t, s, { auth: { token: mine('first') }, query, extraHeaders: { Authorization, Cookie } })
		const header = await connect(t, s, { query, extraHeaders: { Authorization, Cookie } })
		const asked = await connect(t, s, { query, extraHeaders: { Cookie } })
		assert.equal((await user_of(all)).id, 'first')
		assert.equal((await user_of(header)).id, 'second')
		assert.equal((await user_of(asked)).id, 'third')
	})

	test('without a token it hears why, and so does the log of refusals', async (t) => {
		const error = await refusal(s, 'auth_missing', () => refused(t, s))
		assert.equal(error.message, 'Authentication required')
		assert.equal(error.data, undefined)
	})

	test('a parameter or cookie of another name is no token', async (t) => {
		for (const options of [{ query: { tok: mine('x') } }, { extraHeaders: { Cookie: `sess=${mine('x')}; xsession=${mine('x')}` } }])
			assert.equal((await refused(t, s, options)).message, 'Authentication required')
	})

	test('a refused CONNECT leaves the transport open for another', async (t) => {
		const wire = await open_engine(t, s.port)
		wire.send('40')
		assert.equal(await wire.text(), '44{"message":"Authentication required"}')
		wire.send('40{"token":"a.b.c"}')
		assert.equal(await wire.text(), '44{"message":"Authentication failed"}')
		wire.send(`40${JSON.stringify({ token: mine('ada') })}`)
		assert.match(await wire.text(), /^40\{"sid":/)
	})

	test('a namespace that nobody declared is refused', async (t) => {
		const error = await refusal(s, 'namespace', () => refused(t, s, { user: 'ada', nsp: '/other' }))
		assert.equal(error.message, 'Invalid namespace')
	})

	test('a client that leaves is a client namespace disconnect', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const gone = next(a, 'disconnect')
		await disconnected(s, 'client namespace disconnect', () => a.disconnect())
		assert.equal((await gone)[0], 'io client disconnect')
	})

	test('a client that just goes is a transport close', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const gone = next(a, 'disconnect')
		await disconnected(s, 'transport close', () => a.io.engine.close())
		assert.equal((await gone)[0], 'forced close') /* the client's own word for it */
	})

	test('disconnected by the API: io server disconnect, and it stays away', async (t) => {
		for (const close of [false, true]) {
			const a = await connect(t, s, { user: 'ada', reconnection: true, reconnectionDelay: 10 })
			const gone = next(a, 'disconnect')
			const reason = 'server namespace disconnect' /* as the reference's server calls both */
			await disconnected(s, reason, () => api(s, 'POST', '/v1/sockets/disconnect', { in: `socket:${a.id}`, close }))
			assert.equal((await gone)[0], 'io server disconnect')
			assert.equal(a.active, false)
		}
	})

	test('its worker killed: transport close, and it comes back with a new id', async (t) => {
		const a = await connect(t, s, { user: 'back', reconnection: true, reconnectionDelay: 10, randomizationFactor: 0 })
		const old = a.id
		const { json } = await api(s, 'GET', `/v1/sockets/${old}`)
		const gone = next(a, 'disconnect')
		const back = next(a, 'connect')
		process.kill(s.worker(json.worker).pid, 'SIGKILL')
		assert.equal((await gone)[0], 'transport close')
		await back
		assert.notEqual(a.id, old)
		const heard = inbox(a, 'echo')
		assert.deepEqual(await a.emitWithAck('echo', 1), { success: true })
		await until('the echo', () => heard.length === 1)
		await until('the old socket to be gone', async () => (await api(s, 'GET', `/v1/sockets/${old}`)).status === 404)
		assert.deepEqual((await api(s, 'GET', '/v1/users/back')).json.sockets, [a.id])
	})
})

describe('a server that stops', () => {
	test('lets go of its clients: transport close', async (t) => {
		const s = await started()
		t.after(() => s.destroy())
		const all = await Promise.all([...Array(6).keys()].map((i) => connect(t, s, { user: `u${i}` })))
		const gone = all.map((a) => next(a, 'disconnect'))
		const end = await s.stop()
		assert.deepEqual((await Promise.all(gone)).map(([reason]) => reason), Array(6).fill('transport close'))
		assert.deepEqual(end, { code: 0, signal: null })
	})

	test('delivers first what it has accepted', async (t) => {
		const s = await started()
		t.after(() => s.destroy())
		const a = await connect(t, s, { user: 'ada' })
		const heard = next(a, 'last')
		assert.equal((await emit(s, 'user:ada', 'last', 1)).status, 202)
		await s.stop()
		assert.deepEqual(await heard, [1])
	})
})
