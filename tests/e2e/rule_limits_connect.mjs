/* rule_limits_connect.mjs - limits of connections: by address, for each way to connect, and for nothing else. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { test } from 'node:test'
import { connect, dial, next } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { server, sleep } from './server.mjs'
import { WS_KEY } from './wire.mjs'

const ANYBODY = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
const PROXY = 'trusted_proxies = 127.0.0.0/8\n'

/* A request for a new session: {status, headers, text}; status 101 for an upgrade, 0 when it ends without an answer. */
function attempt(s, { ip, transport = 'polling', headers = {}, sid, method = 'GET', path = '/socket.io/' } = {}) {
	const all = { ...headers, ...(ip ? { 'x-forwarded-for': ip } : {}) }
	if (transport === 'websocket')
		Object.assign(all, { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': 13, 'sec-websocket-key': WS_KEY })
	return new Promise((resolve, reject) => {
		const request = http.request(
			{ host: '127.0.0.1', port: s.port, method, path: `${path}?EIO=4&transport=${transport}${sid ? `&sid=${sid}` : ''}`, headers: all, agent: false },
			(r) => {
				let text = ''
				r.on('data', (d) => (text += d)).on('end', () => resolve({ status: r.statusCode, headers: r.headers, text }))
			}
		)
		request.on('upgrade', (r, socket) => {
			socket.destroy()
			resolve({ status: 101, headers: r.headers })
		})
		request.on('error', (e) => (e.code === 'ECONNRESET' ? resolve({ status: 0 }) : reject(e)))
		request.setTimeout(8000, () => request.destroy(new Error('no answer')))
		request.end()
	})
}

const statuses = async (s, n, options) => (await Promise.all([...Array(n)].map(() => attempt(s, options)))).map((a) => a.status)
const count = (list, status) => list.filter((x) => x === status).length

test('an address has so many attempts, over all workers and transports; others have theirs', async (t) => {
	const s = await server(t, {
		workers: 4,
		auth: ANYBODY,
		conf: `${PROXY} limit "c" { on = connect  rate = 10/15m  text = "Too many connection attempts from this IP" }`
	})
	await refusal(s, 'rate_limited', async () => {
		const seen = [...(await statuses(s, 20, { ip: '192.0.2.1' })), ...(await statuses(s, 20, { ip: '192.0.2.1', transport: 'websocket' }))]
		assert.deepEqual([count(seen, 200) + count(seen, 101), count(seen, 429)], [10, 30])
	}, 30)
	const websockets = await statuses(s, 20, { ip: '192.0.2.2', transport: 'websocket' })
	assert.deepEqual([count(websockets, 101), count(websockets, 429)], [10, 10])
	assert.equal((await attempt(s, { ip: '192.0.2.3' })).status, 200)

	const polling = await attempt(s, { ip: '192.0.2.1' })
	assert.equal(polling.headers['content-type'], 'application/json')
	assert.deepEqual(JSON.parse(polling.text), { code: 'rate_limited', message: 'Too many connection attempts from this IP' })
	const after = Number(polling.headers['retry-after'])
	assert.ok(Number.isInteger(after) && after > 800 && after <= 900, `Retry-After: ${after}`)
	const upgrade = await attempt(s, { ip: '192.0.2.1', transport: 'websocket' })
	assert.equal(upgrade.status, 429)
	assert.equal(upgrade.text, 'Too many connection attempts from this IP')
	assert.equal(upgrade.headers.connection, 'close')
	assert.ok(Number(upgrade.headers['retry-after']) > 800)
})

test('only the last hop that no trusted proxy has counts; an IPv6 address by its first 64 bits', async (t) => {
	const s = await server(t, { auth: ANYBODY, conf: `${PROXY} limit "c" { on = connect  rate = 2/15m }` })
	const made_up = await Promise.all([1, 2, 3, 4].map((i) => attempt(s, { ip: `10.9.9.${i}, 192.0.2.7, 127.0.0.9` })))
	assert.deepEqual(made_up.map((a) => a.status).sort(), [200, 200, 429, 429])
	const same = await Promise.all([1, 2, 3, 4].map((i) => attempt(s, { ip: `2001:db8:0:1::${i}` })))
	assert.deepEqual(same.map((a) => a.status).sort(), [200, 200, 429, 429])
	assert.equal((await attempt(s, { ip: '2001:db8:0:2::1' })).status, 200)
	assert.equal((await attempt(s, { ip: '::ffff:192.0.2.8' })).status, 200)
})

test('without a trusted proxy the header is nobody', async (t) => {
	const s = await server(t, { auth: ANYBODY, conf: 'limit "c" { on = connect  rate = 2/15m }' })
	const seen = await Promise.all([1, 2, 3, 4].map((i) => attempt(s, { ip: `192.0.2.${i}` })))
	assert.deepEqual(seen.map((a) => a.status).sort(), [200, 200, 429, 429])
})

test('requests of a session are no attempts; files, preflights and the API are none either', async (t) => {
	const s = await server(t, {
		workers: 2,
		auth: ANYBODY,
		conf: 'engine { origins = https://app.example }\nlimit "c" { on = connect  rate = 3/15m }\nevent "e" { }'
	})
	const polling = await connect(t, s, { transports: ['polling'] })
	for (let i = 0; i < 10; i++) assert.deepEqual(await polling.emitWithAck('e'), { success: true })
	const upgraded = await connect(t, s, { transports: ['polling', 'websocket'] })
	if (upgraded.io.engine.transport.name !== 'websocket') await new Promise((done) => upgraded.io.engine.once('upgrade', done))
	assert.deepEqual(await upgraded.emitWithAck('e'), { success: true })
	const origin = { origin: 'https://app.example', 'access-control-request-method': 'POST' }
	for (let i = 0; i < 5; i++) assert.equal((await attempt(s, { method: 'OPTIONS', headers: origin })).status, 204)
	for (let i = 0; i < 5; i++) assert.equal((await attempt(s, { path: '/elsewhere' })).status, 404)
	for (let i = 0; i < 5; i++) assert.equal((await attempt(s, { sid: 'nobodys' })).status, 400)
	/* the third; one that fails counts as one that does not */
	assert.equal((await attempt(s, { transport: 'nonsense' })).status, 400)
	const refused = await attempt(s, { headers: { origin: 'https://app.example' } })
	assert.equal(refused.status, 429)
	assert.equal(refused.headers['access-control-allow-origin'], 'https://app.example')
	/* those that are connected stay so */
	assert.deepEqual(await polling.emitWithAck('e'), { success: true })
	assert.deepEqual(await upgraded.emitWithAck('e'), { success: true })
})

test('the reference client hears of it, and connects when the window is over', async (t) => {
	const s = await server(t, { workers: 2, auth: ANYBODY, conf: 'limit "c" { on = connect  rate = 2/1s }' })
	for (const transport of ['polling', 'websocket']) {
		await sleep(1500)
		await connect(t, s, { transports: [transport] })
		await connect(t, s, { transports: [transport] })
		const a = dial(t, s, { transports: [transport], reconnection: true, reconnectionDelay: 300 })
		const [error] = await next(a, 'connect_error')
		assert.equal(error.type, 'TransportError')
		if (transport === 'polling') assert.equal(error.description, 429)
		await new Promise((done) => a.once('connect', done))
	}
})

test('drop ends the connection without a word', async (t) => {
	const s = await server(t, { auth: ANYBODY, conf: 'limit "c" { on = connect  rate = 2/15m  action = drop }' })
	await refusal(s, 'rate_limited', async () => {
		assert.deepEqual((await statuses(s, 4)).sort(), [0, 0, 200, 200])
		assert.equal((await attempt(s, { transport: 'websocket' })).status, 0)
	}, 3)
})
