/* client_listen.mjs - where clients come in: addresses, unix sockets, proxies, another path; and what the log says. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { api, connect, refused } from './clients.mjs'
import { server, until } from './server.mjs'
import { Wire, handshake, open_engine } from './wire.mjs'

const ANYBODY = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
const ip_of = async (s, a) => (await api(s, 'GET', `/v1/sockets/${a.id}`)).json.ip

test('several listeners, IPv6 among them, serve the same rooms', async (t) => {
	const s = await server(t, { listen: 'listen "127.0.0.1:0" { }\nlisten "[::1]:0" { }', auth: ANYBODY, conf: 'event "all" { emit = out  to = all }' })
	const a = await connect(t, s)
	const b = await connect(t, s)
	assert.equal(await ip_of(s, a), '127.0.0.1')
	const six = await new Promise((resolve, reject) => {
		const socket = net.connect({ host: '::1', port: Number(s.ports[1]) })
		t.after(() => socket.destroy())
		socket.on('error', reject).on('connect', () => resolve(new Wire(socket)))
	})
	six.write(handshake())
	assert.equal((await six.response()).status, 101)
	await six.text()
	six.send('40')
	const { sid } = JSON.parse((await six.text()).slice(2))
	assert.equal((await api(s, 'GET', `/v1/sockets/${sid}`)).json.ip, '::1')
	await b.emitWithAck('all', 1)
	assert.equal(await six.text(), '42["out",1]')
})

test('a unix listener serves clients', async (t) => {
	const dir = fs.mkdtempSync('/tmp/fc-')
	t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
	const s = await server(t, { listen: `listen "unix:${path.join(dir, 's')}" { }`, auth: ANYBODY })
	for (let i = 0; i < 8; i++) {
		const wire = await new Promise((resolve, reject) => {
			const socket = net.connect(path.join(dir, 's'))
			t.after(() => socket.destroy())
			socket.on('error', reject).on('connect', () => resolve(new Wire(socket)))
		})
		wire.write(handshake())
		assert.equal((await wire.response()).status, 101)
		await wire.text()
		wire.send('40')
		const { sid } = JSON.parse((await wire.text()).slice(2))
		assert.equal((await api(s, 'GET', `/v1/sockets/${sid}`)).json.ip, null)
	}
})

test('X-Forwarded-For is believed from trusted proxies, to the first that is none', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY, conf: 'trusted_proxies = {"127.0.0.0/8", "10.0.0.0/8"}' })
	const cases = {
		'203.0.113.7': '203.0.113.7',
		'198.51.100.1, 203.0.113.7': '203.0.113.7',
		'203.0.113.7, 10.1.2.3,10.9.9.9': '203.0.113.7',
		'2001:db8::1': '2001:db8::1',
		'[2001:db8::1]:443': '2001:db8::1',
		'203.0.113.7:5000': '203.0.113.7',
		'10.1.1.1, 10.2.2.2': '10.1.1.1',
		'nonsense': '127.0.0.1',
		'203.0.113.7, unknown': '127.0.0.1'
	}
	for (const [header, ip] of Object.entries(cases))
		assert.equal(await ip_of(s, await connect(t, s, { extraHeaders: { 'X-Forwarded-For': header } })), ip, header)
	assert.equal(await ip_of(s, await connect(t, s)), '127.0.0.1')
})

test('and from nobody else', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY })
	assert.equal(await ip_of(s, await connect(t, s, { extraHeaders: { 'X-Forwarded-For': '203.0.113.7' } })), '127.0.0.1')
})

test('engine { path }', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY, conf: 'engine { path = "/live/ws" }' })
	const a = await connect(t, s, { path: '/live/ws/' })
	assert.equal(await a.emitWithAck('ping'), 'pong')
	assert.match((await refused(t, s)).message, /websocket error/)
	assert.ok(await open_engine(t, s.port, { path: '/live/ws?EIO=4&transport=websocket' }))
})

test('the log: connect and disconnect at info, events at debug, one JSON object a line', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY, conf: 'log { format = json  level = debug }\nevent "e" { }' })
	const lines = (event) => s.log.split('\n').filter(Boolean).map((line) => JSON.parse(line)).filter((l) => l.event === event)
	const user = 'a"b=c\u2028 d'
	const a = await connect(t, s, { user })
	await a.emitWithAck('e')
	await a.emitWithAck('name with \\ and "')
	const id = a.id
	a.disconnect()
	await until('the disconnect', () => lines('disconnect').length === 1)
	const [up] = lines('connect')
	const [down] = lines('disconnect')
	assert.deepEqual([up.sid, up.user, up.level], [id, user, 'info'])
	assert.deepEqual([down.sid, down.user, down.reason], [id, user, 'client namespace disconnect'])
	assert.ok(Number(down.duration_ms) >= 0)
	assert.ok(!Number.isNaN(new Date(up.time).getTime()))
	assert.deepEqual(lines('event').map((l) => l.name), ['e', 'name with \\ and "'])
})

test('the log as text: what a peer names cannot forge a line', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY, conf: 'log { level = debug }' })
	const a = await connect(t, s, { user: 'x y="z"' })
	await a.emitWithAck('2026-01-01 error\nforged "line" x=1 \u001b[31m\u2028\u0085')
	await a.emitWithAck('ping')
	await s.logged(/event sid=\S+ name=ping/)
	for (const line of s.log.split('\n').filter(Boolean)) assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (info|warn|error|debug) /)
	assert.ok(!/[\x00-\x09\x0b-\x1f\x7f]/.test(s.log))
})
