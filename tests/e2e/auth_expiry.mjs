/* auth_expiry.mjs - a token that ends while its client is connected: disconnect, refuse, ignore. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { api, connect, inbox, next, token } from './clients.mjs'
import { disconnected, metric, refusal } from './prometheus.mjs'
import { SECRET, budget, server, sleep, until } from './server.mjs'
import { open_socket } from './wire.mjs'

/* A token of whole seconds, at least LEFT of which are left: time to connect with it. */
const LEFT = budget(1000) / 1000
const short = () => token({ sub: 'ada', exp: Math.ceil(Date.now() / 1000) + LEFT })
const auth = (more, leeway = '0') => `auth { jwt "k" { secret = "${SECRET}"  leeway = ${leeway} }  ${more} }`

/* Side by side: each waits for a second or two. */
describe('expiry', { concurrency: true }, () => {
	test('disconnect: the event error with its code, then the server lets go', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('expiry = disconnect') })
		const stays = await connect(t, s, { user: 'bob' })
		const a = await connect(t, s, { token: short(), reconnection: true, reconnectionDelay: 10 })
		const heard = inbox(a, 'error', 'disconnect')
		await disconnected(s, 'auth expired', () => until('the end', () => heard.length === 2))
		assert.deepEqual(heard[0], ['error', { message: 'Authentication expired', code: 'auth_expired' }])
		assert.equal(heard[1][1], 'io server disconnect')
		assert.equal(a.active, false)
		assert.equal((await api(s, 'GET', '/v1/users/ada')).json.online, false)
		assert.equal(await stays.emitWithAck('ping'), 'pong')
	})

	test('disconnect: on the wire error, 41, close, not before its time', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('') })
		const exp = Math.ceil(Date.now() / 1000) + LEFT
		const wire = await open_socket(t, s.port, { auth: { token: token({ sub: 'ada', exp }) } })
		assert.equal(await wire.text(), '42["error",{"message":"Authentication expired","code":"auth_expired"}]')
		assert.ok(Date.now() >= exp * 1000 - 5 && Date.now() < exp * 1000 + budget(1500), `${Date.now() - exp * 1000} ms late`)
		assert.equal(await wire.text(), '41')
		assert.equal(await wire.closed(), 0)
	})

	test('disconnect: the leeway is waited for', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('', `${LEFT + 2}s`) })
		const exp = Math.floor(Date.now() / 1000) - 1
		const wire = await open_socket(t, s.port, { auth: { token: token({ sub: 'ada', exp }) } })
		assert.match(await wire.text(), /^42\["error"/)
		assert.ok(Date.now() >= (exp + LEFT + 2) * 1000 - 5, `${Date.now() - exp * 1000} ms after exp`)
	})

	test('refuse: events are refused, the connection stays and hears on', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('expiry = refuse'), conf: 'event "e" { emit = out  to = self }' })
		const a = await connect(t, s, { token: short() })
		const no = { success: false, error: 'Authentication expired', code: 'auth_expired' }
		assert.deepEqual(await a.emitWithAck('e'), { success: true })
		await until('the token to end', async () => (await a.emitWithAck('e')).code === 'auth_expired')
		for (const event of ['e', 'getRooms', 'ping', 'subscribe', 'nosuch'])
			assert.deepEqual(await refusal(s, 'auth_expired', () => a.emitWithAck(event, {})), no)
		const error = next(a, 'error')
		a.emit('e')
		assert.deepEqual(await error, [{ message: 'Authentication expired' }])
		const news = next(a, 'news')
		await api(s, 'POST', '/v1/emit', { to: 'user:ada', event: 'news' })
		assert.deepEqual(await news, [])
	})

	test('ignore: nothing happens', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('expiry = ignore') })
		const a = await connect(t, s, { token: short() })
		await sleep((LEFT + 1.3) * 1000)
		assert.equal(a.connected, true)
		assert.equal(await a.emitWithAck('ping'), 'pong')
		assert.equal(await metric(s, 'refused_total', { reason: 'auth_expired' }), 0)
	})
})
