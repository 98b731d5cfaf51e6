/* S2_guesslyfe.mjs - the prediction market: rooms that clients choose, events in an envelope, amounts in Wei. */
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { before } from 'node:test'
import { Client, Notifier } from '../../client/node/index.mjs'
import { dial, refused } from '../e2e/clients.mjs'
import { binary } from '../e2e/server.mjs'
import { metric } from '../e2e/prometheus.mjs'
import { KEY, QUIET_MS, SECRET, WAIT_MS, api, ask, assert, block, connect, connect_each, copy_profiles, effective, listen, next, recent, serve, sleep, test, token, until } from './system.mjs'

let s
let conf
before(async () => {
	s = await serve('guesslyfe', { edit: [['rate = 100/1m', 'rate = 100000/1m']] })
	conf = effective(s, 'guesslyfe')
})

let wallets = 0
const claims = (more) => ({ userId: `name${wallets}`, walletAddress: `0xAbC${String(++wallets).padStart(4, '0')}`, ...more })
const known = (socket, who) => Object.assign(socket, { wallet: who.walletAddress, hears: listen(socket) })
async function client(t, more = {}, options = {}) {
	const who = claims(more)
	return known(await connect(t, s, { token: token(who), ...options }), who)
}
async function pair(t) {
	const who = []
	const two = await connect_each(t, s, 2, (i) => ({ token: token((who[i] ??= claims())) }))
	return two.map((c, i) => known(c, who[i]))
}
const subscribe = async (c, room, id) => assert.equal((await ask(c, 'subscribe', { room, id })).success, true)
const raw = (type, text, vars) => api(s, 'POST', '/v1/events', `{"type":"${type}","data":${text}${vars ? `,"vars":${JSON.stringify(vars)}` : ''}}`, { headers: { 'content-type': 'application/json' } })
const http_get = (route, headers = {}, port = s.port) => new Promise((resolve, reject) => {
	http.get({ port, path: route, headers, agent: false }, (r) => {
		const parts = []
		r.on('data', (d) => parts.push(d)).on('end', () => resolve({ status: r.statusCode, headers: r.headers, text: Buffer.concat(parts).toString() }))
	}).on('error', reject)
})
const OPEN = '/socket.io/?EIO=4&transport=polling'

/* The envelope around TEXT, as bytes: what type and data are, and a time that is one. */
async function enveloped(c, type, text) {
	const heard = await c.hears.next(type)
	const m = heard.match(/^\{"type":"([^"]+)","timestamp":"([^"]+)","data":(.*)\}$/s)
	assert.ok(m, heard)
	assert.equal(m[1], type)
	recent(m[2])
	assert.equal(m[3], text)
}

const TRADE = '{"marketId":"m1","tradeId":"t1","trader":"0xTrader","direction":"buy","outcome":1,"amount":"1000000000000000000","shares":"99999999999999999999999999","price":"1","newYesPrice":"600000000000000000","newNoPrice":"400000000000000000","timestamp":"2026-01-16T10:00:00.000Z"}'
const CREATED = '{"marketId":"m1","question":"Will it \\u0072ain?","creator":"0xC","creatorHandle":"@c","category":"weather","endDate":"2026-12-31T00:00:00Z","initialPrice":"500000000000000000","imageUrl":"https://img.example/1.png"}'
const RESOLVED = '{"marketId":"m1","question":"Will it rain?","outcome":0,"resolvedBy":"0xAdmin","reason":"it did not","timestamp":"2026-12-31T00:00:00Z","totalVolume":"123456789012345678901234567890","totalParticipants":42}'
const change = (text, key, value) => JSON.stringify({ ...JSON.parse(text), [key]: value })

test('S2-11, S2-21 market:created to all, with its fields and no others', async (t) => {
	const two = await pair(t)
	assert.equal((await raw('market:created', CREATED.replace('"marketId"', '"secret":1,"marketId"'))).status, 202)
	for (const c of two) await enveloped(c, 'market:created', CREATED)
	for (const [key, value] of [['marketId', undefined], ['question', ''], ['question', 'x'.repeat(501)], ['creator', undefined], ['endDate', 'soon'], ['initialPrice', 5], ['initialPrice', '0x5'], ['imageUrl', 'javascript:1']]) {
		const r = await raw('market:created', change(CREATED, key, value))
		assert.deepEqual([r.status, r.json.error.field], [422, `data.${key}`], key)
	}
	for (const key of ['creatorHandle', 'category', 'imageUrl']) assert.equal((await raw('market:created', change(CREATED, key, undefined))).status, 202, key)
})

test('S2-12, S2-22, S2-25, S2-20 market:trade to the market and the trader, once each, Wei as it was', async (t) => {
	const [a, b] = await pair(t)
	const trader = await client(t, { walletAddress: '0xTrader' })
	await subscribe(a, 'market', 'm1')
	await subscribe(trader, 'market', 'm1')
	assert.equal((await raw('market:trade', TRADE)).status, 202)
	await enveloped(a, 'market:trade', TRADE)
	await enveloped(trader, 'market:trade', TRADE)
	await sleep(QUIET_MS)
	assert.deepEqual([a, b, trader].map((c) => c.hears.count('market:trade')), [1, 0, 1])
	for (const [key, value] of [['tradeId', undefined], ['direction', 'hold'], ['outcome', 2], ['outcome', '1'], ['amount', 1e18], ['shares', '-1'], ['price', ''], ['newYesPrice', undefined], ['newNoPrice', null], ['timestamp', 'x']]) {
		const r = await raw('market:trade', change(TRADE, key, value))
		assert.deepEqual([r.status, r.json.error.field], [422, `data.${key}`], key)
	}
})

test('S2-13, S2-24 market:resolved to the market and to all, once', async (t) => {
	const [a, b] = await pair(t)
	await subscribe(a, 'market', 'm1')
	assert.equal((await raw('market:resolved', RESOLVED)).status, 202)
	for (const c of [a, b]) await enveloped(c, 'market:resolved', RESOLVED)
	await sleep(QUIET_MS)
	assert.equal(a.hears.count('market:resolved'), 1)
	for (const [key, value] of [['outcome', 3], ['resolvedBy', undefined], ['totalVolume', 7], ['totalParticipants', 1.5]]) assert.equal((await raw('market:resolved', change(RESOLVED, key, value))).json.error.field, `data.${key}`)
	assert.equal((await raw('market:resolved', change(RESOLVED, 'reason', undefined))).status, 202)
})

test('S2-14, S2-15, S2-16 shares:trade, shares:unlocked, dividend:available', async (t) => {
	const [a, b] = await pair(t)
	const c = await client(t)
	await subscribe(a, 'creator', '0xCREA')
	await raw('shares:trade', `{"creator":"0xcrea","trader":"${b.wallet}","amount":"1"}`)
	for (const x of [a, b]) await enveloped(x, 'shares:trade', `{"creator":"0xcrea","trader":"${b.wallet}","amount":"1"}`)
	await raw('shares:unlocked', '{"creator":"0xCrea","shares":"5"}', { address: b.wallet })
	for (const x of [a, b]) await enveloped(x, 'shares:unlocked', '{"creator":"0xCrea","shares":"5"}')
	await raw('dividend:available', '{"amount":"7"}', { address: b.wallet })
	await enveloped(b, 'dividend:available', '{"amount":"7"}')
	await sleep(QUIET_MS)
	assert.deepEqual([a, c].map((x) => x.hears.count('dividend:available')), [0, 0])
	assert.equal(c.hears.heard.filter((h) => h.event.startsWith('shares')).length, 0)
})

test('S2-17, S2-23, S2-43, S2-41, S2-47 notification to its user, with defaults for what is left out', async (t) => {
	const [a, b] = await pair(t)
	const whole = `{"notificationId":"n1","userId":"${a.wallet}","type":"custom","title":"Hi","message":"there","data":{"x":1},"actionUrl":"/m/1","read":true,"timestamp":"2026-01-01T00:00:00Z"}`
	await raw('notification', whole)
	await enveloped(a, 'notification', whole)
	const kit = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: KEY })
	const r = await kit.event('notification', { userId: a.wallet, type: 'trade_executed', title: 'T', message: 'M' })
	assert.equal(r.delivered, 1)
	kit.close()
	const { data } = JSON.parse(await a.hears.next('notification'))
	assert.deepEqual(Object.keys(data).sort(), ['message', 'notificationId', 'read', 'timestamp', 'title', 'type', 'userId'])
	assert.equal(data.read, false)
	assert.match(data.notificationId, /^[0-9a-f-]{36}$/)
	recent(data.timestamp)
	for (const [key, value] of [['type', 'spam'], ['title', undefined], ['message', ''], ['read', 'no'], ['userId', undefined]]) assert.equal((await raw('notification', change(whole, key, value))).json.error.field, `data.${key}`)
	assert.equal(b.hears.count('notification'), 0)
})

test('S2-42 notifications for many users in one call', async (t) => {
	const [a, b] = await pair(t)
	const kit = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: KEY })
	const notifier = new Notifier({ client: kit, type: 'notification' })
	const of = (c) => ({ userId: c.wallet, data: { type: 'custom', title: 'all', message: c.wallet } })
	const results = await notifier.sendBulkNotifications([of(a), of(b), { userId: '0xNobody', data: { type: 'custom', title: 'x', message: 'y' } }])
	assert.deepEqual(results.map((r) => [r.userId, r.ok, r.delivered]), [[a.wallet, true, 1], [b.wallet, true, 1], ['0xNobody', true, 0]])
	for (const c of [a, b]) assert.equal(JSON.parse(await c.hears.next('notification')).data.message, c.wallet)
	kit.close()
})

test('S2-18, S2-19, S2-48 system:maintenance and system:announcement to all', async (t) => {
	const two = await pair(t)
	for (const type of ['system:maintenance', 'system:announcement']) {
		await raw(type, '{"message":"at noon"}')
		for (const c of two) await enveloped(c, type, '{"message":"at noon"}')
	}
})

test('S2-01, S2-40, S2-38 a service publishes all families by name; clients find the data in event.data', async (t) => {
	const [a] = await pair(t)
	await subscribe(a, 'market', 'm1')
	await subscribe(a, 'creator', 'c1')
	const kit = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: KEY })
	const all = { 'market:created': JSON.parse(CREATED), 'market:trade': JSON.parse(TRADE), 'market:resolved': JSON.parse(RESOLVED), 'shares:trade': { creator: 'c1', trader: 'x' }, 'system:announcement': {} }
	for (const [type, data] of Object.entries(all)) {
		const heard = next(a, type)
		await kit.event(type, data)
		assert.deepEqual((await heard)[0].data, data)
	}
	const heard = next(a, 'dividend:available')
	await kit.event('dividend:available', { amount: '1' }, { address: a.wallet })
	assert.deepEqual((await heard)[0].data, { amount: '1' })
	kit.close()
})

test('S2-34, S2-35, S2-36, S2-37, S2-03, S2-46 subscribe, unsubscribe, getRooms', async (t) => {
	for (const c of await pair(t)) {
		assert.deepEqual(await ask(c, 'subscribe', { room: 'market', id: 'market123' }), { success: true, room: 'market:market123', message: 'Subscribed to market:market123' })
		c.emit('subscribe', { room: 'creator', id: '0x1234AB' })
		assert.deepEqual(await ask(c, 'getRooms'), [`user:${c.wallet}`, 'global:all', 'market:market123', 'creator:0x1234ab'])
		assert.deepEqual(await ask(c, 'unsubscribe', { room: 'market', id: 'market123' }), { success: true, room: 'market:market123', message: 'Unsubscribed from market:market123' })
		c.emit('unsubscribe', { room: 'creator', id: '0x1234Ab' })
		assert.deepEqual(await ask(c, 'getRooms'), [`user:${c.wallet}`, 'global:all'])
	}
})

test('S2-29, S2-28, S2-58 connect, socket.id, connected {message, rooms}; the library that browsers get can be looked into', async (t) => {
	const c = dial(t, s, { token: token({ walletAddress: '0xW', userId: 'ada' }) })
	const [data] = await next(c, 'connected')
	assert.deepEqual(data, { message: 'Welcome to GuessLyfe, ada', rooms: ['user:0xW', 'global:all'] })
	assert.deepEqual([c.connected, c.id.length], [true, 20])
	const { status, text } = await http_get('/socket.io/socket.io.js')
	assert.equal(status, 200)
	assert.match(text, /localStorage/)
})

test('S2-30 disconnect with a reason, and error', async (t) => {
	const [a, b] = await pair(t)
	const told = next(a, 'error')
	a.emit('subscribe', { room: 'nothing', id: '1' })
	assert.deepEqual(Object.keys((await told)[0]), ['message'])
	const gone = next(a, 'disconnect')
	await api(s, 'POST', '/v1/sockets/disconnect', { in: `user:${a.wallet}` })
	assert.equal((await gone)[0], 'io server disconnect')
	const self = next(b, 'disconnect')
	b.disconnect()
	assert.equal((await self)[0], 'io client disconnect')
})

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
test('S2-02, S2-66, S2-56 each connection has a token that holds, or hears Authentication failed', async (t) => {
	for (const options of [{}, { token: 'x' }, { token: token({ walletAddress: '0x1' }, { secret: 'z'.repeat(32) }) }, { token: `${token({ walletAddress: '0x1' }).slice(0, -3)}AAA` }, { token: `${part({ alg: 'none' })}.${part({ walletAddress: '0x1' })}.` }])
		assert.equal((await refused(t, s, options)).message, 'Authentication failed')
	assert.ok(await refused(t, s, { token: token({ walletAddress: '0x1', exp: 1 }) }))
	assert.ok(await refused(t, s, { token: token({ email: 'nobody' }) }))
})

test('S2-44, S2-09 token in auth or header; the wallet is the user, whose room is there', async (t) => {
	const text = token({ userId: '77', walletAddress: '0xDeaD' })
	for (const options of [{ token: text }, { extraHeaders: { authorization: `Bearer ${text}` }, transports: ['polling'] }]) {
		const c = await connect(t, s, options)
		assert.deepEqual((await api(s, 'GET', `/v1/sockets/${c.id}`)).json.user, { id: '0xDeaD', name: '77', role: null })
		assert.ok((await ask(c, 'getRooms')).includes('user:0xDeaD'))
		await subscribe(c, 'market', 'x')
	}
	assert.ok(block(conf, 'auth').join('\n').includes('sources = {auth.token, bearer}'))
})

test('S2-45 a new token, and the same socket connects again', async (t) => {
	const a = await client(t)
	const first = a.id
	a.auth = { token: token({ walletAddress: '0xNew' }) }
	a.disconnect().connect()
	await next(a, 'connect')
	assert.notEqual(a.id, first)
	assert.ok((await ask(a, 'getRooms')).includes('user:0xNew'))
})

test('S2-27, S2-55 transports in either order, polling alone; a lost connection comes back', async (t) => {
	const c = await client(t, {}, { transports: ['websocket', 'polling'], reconnection: true, reconnectionAttempts: 5, reconnectionDelay: 200 })
	assert.equal(c.io.engine.transport.name, 'websocket')
	c.io.engine.close()
	await next(c, 'connect')
	await subscribe(c, 'market', 'm')
	const p = await client(t, {}, { transports: ['polling', 'websocket'] })
	await until('the upgrade', () => p.io.engine.transport.name === 'websocket')
	const only = await client(t, {}, { transports: ['polling'], upgrade: false })
	await subscribe(only, 'market', 'poll')
	await raw('market:trade', change(TRADE, 'marketId', 'poll'))
	await until('it', () => only.hears.heard.length > 0)
	const { status, headers } = await http_get(OPEN, { origin: 'http://localhost:5173' })
	assert.deepEqual([status, headers['access-control-allow-origin'], headers['access-control-allow-credentials']], [200, 'http://localhost:5173', 'true'])
	assert.equal((await http_get(OPEN, { origin: 'http://elsewhere.example' })).status, 403)
})

test('S2-06, S2-62, S2-63 heartbeats each 25 s, 60 s to answer; who does not is let go', async (t) => {
	const { pingInterval, pingTimeout } = JSON.parse((await http_get(OPEN)).text.slice(1))
	assert.deepEqual([pingInterval, pingTimeout], [25000, 60000])
	const quick = await serve('guesslyfe', { edit: [['ping_interval = 25s', 'ping_interval = 100ms'], ['ping_timeout  = 60s', 'ping_timeout  = 1s']] })
	const alive = await connect(t, quick, { token: token(claims()) })
	const silent = await connect(t, quick, { token: token(claims()) })
	silent.io.engine._sendPacket = silent.io.engine.sendPacket = () => {}
	await until('ping timeout', async () => (await metric(quick, 'disconnects_total', { reason: 'ping timeout' })) === 1)
	assert.ok(alive.connected)
	await quick.destroy()
})

test('S2-57 names are case-sensitive: an unknown one is told, and counted', async (t) => {
	const [a] = await pair(t)
	const before = await metric(s, 'refused_total', { reason: 'unknown_event' })
	assert.equal((await ask(a, 'Subscribe', { room: 'market', id: '1' })).code, 'unknown_event')
	assert.equal(await metric(s, 'refused_total', { reason: 'unknown_event' }), before + 1)
	assert.equal((await raw('Market:Trade', TRADE)).status, 404)
	await subscribe(a, 'market', 'M1')
	assert.deepEqual((await api(s, 'GET', `/v1/sockets/${a.id}`)).json.rooms, [`user:${a.wallet}`, 'global:all', 'market:M1'])
})

test('S2-59 ping is answered', async (t) => {
	for (const c of await pair(t)) assert.equal(await ask(c, 'ping'), 'pong')
})

test('S2-60 10,000 connections, and no more', async (t) => {
	assert.match(conf, /^max_connections = 10000$/m)
	const few = await serve('guesslyfe', { workers: 1, edit: [['max_connections = 10000', 'max_connections = 3']] })
	for (let i = 0; i < 3; i++) await connect(t, few, { token: token(claims()) })
	assert.equal((await http_get(OPEN, {}, few.port)).status, 503)
	await few.destroy()
})

test('S2-61 100 rooms a client, and one more is refused', async (t) => {
	const [a] = await pair(t)
	for (let i = 0; i < 100; i++) await subscribe(a, 'market', `m${i}`)
	assert.deepEqual(await ask(a, 'subscribe', { room: 'creator', id: 'x' }), { success: false, error: 'You are in too many rooms', code: 'too_many_rooms' })
	assert.equal((await ask(a, 'getRooms')).length, 102)
	assert.match(conf, /^max_rooms = 100$/m)
})

test('S2-64 figures for operators: clients, rooms, time', async (t) => {
	const [a] = await pair(t)
	const admin = await client(t, { role: 'admin' })
	assert.equal((await ask(a, 'stats')).code, 'forbidden')
	const { connectedClients, activeRooms, timestamp, ...more } = await ask(admin, 'stats')
	assert.deepEqual(more, {})
	assert.ok(connectedClients >= 3 && activeRooms >= 4)
	recent(timestamp)
	const stats = (await api(s, 'GET', '/v1/stats')).json
	assert.ok(stats.connections >= 3 && stats.rooms >= 4)
})

test('S2-67 connections of an address are limited', async () => {
	assert.ok(block(conf, 'limit "connections"').includes('rate = 100/1m'))
	const few = await serve('guesslyfe', { edit: [['rate = 100/1m', 'rate = 4/1m']] })
	const all = []
	for (let i = 0; i < 6; i++) all.push((await http_get(OPEN, {}, few.port)).status)
	assert.deepEqual(all, [200, 200, 200, 200, 429, 429])
	await few.destroy()
})

test('S2-68 data is sanitized: what is not declared goes, lengths and forms are checked', async (t) => {
	const [a] = await pair(t)
	await raw('market:created', change(CREATED, '__proto__x', { admin: true }))
	await enveloped(a, 'market:created', JSON.stringify(JSON.parse(CREATED)))
	assert.equal((await raw('market:created', change(CREATED, 'creatorHandle', 'h'.repeat(65)))).json.error.field, 'data.creatorHandle')
	for (const bad of [[], 'x', { room: 'market' }, { room: 'market', id: '' }, { room: 'market', id: 'x'.repeat(129) }, { room: 'user', id: 'other' }, { room: 'market', id: 'a\u0000b' }]) assert.equal((await ask(a, 'subscribe', bad)).success, false, JSON.stringify(bad))
})

test('S2-69 rooms decide who sees what', async (t) => {
	const [a, b] = await pair(t)
	assert.equal((await ask(a, 'subscribe', { room: 'user', id: b.wallet })).code, 'forbidden')
	assert.equal((await ask(a, 'subscribe', { room: 'global', id: 'other' })).code, 'forbidden')
	await subscribe(b, 'market', 'seen')
	await raw('market:trade', change(TRADE, 'marketId', 'seen'))
	await b.hears.next('market:trade')
	await sleep(QUIET_MS)
	assert.equal(a.hears.count('market:trade'), 0)
})

test('S2-70 a secret is rotated: new tokens hold, old ones do not, who is connected stays', async (t) => {
	const own = await serve('guesslyfe', { edit: [['secret = "${JWT_SECRET}"', 'secret_file = "${KEY_FILE}"']], env: { KEY_FILE: keyed(SECRET) } })
	const a = await connect(t, own, { token: token(claims()) })
	const secret = 'another-secret-of-thirty-two-byte'
	fs.writeFileSync(`${own.options.env.KEY_FILE}.new`, secret)
	fs.renameSync(`${own.options.env.KEY_FILE}.new`, own.options.env.KEY_FILE)
	await own.logged('key_changed', 2)
	assert.equal((await refused(t, own, { token: token(claims()) })).message, 'Authentication failed')
	assert.ok(await connect(t, own, { token: token(claims(), { secret }) }))
	assert.equal(await ask(a, 'ping'), 'pong')
	await own.destroy()
})

function keyed(secret) {
	const file = path.join(fs.mkdtempSync(path.join(s.dir, 'key-')), 'secret')
	fs.writeFileSync(file, secret)
	return file
}

test('S2-07, S2-26 types for TypeScript come from the conf', async () => {
	const dir = path.join(s.dir, 'types')
	copy_profiles(dir)
	const text = execFileSync(binary, ['types', '-c', path.join(dir, 'guesslyfe.conf')], { env: { ...process.env, JWT_SECRET: SECRET, ADMIN_KEY: KEY }, encoding: 'utf8' })
	const of = (name) => text.match(new RegExp(`^export type ${name} = (.*);$`, 'm'))[1]
	assert.equal(of('OnMarketTrade'), '{ type: "market:trade"; timestamp: string; data: { marketId: string; tradeId: string; trader: string; direction: "buy" | "sell"; outcome: 0 | 1; amount: string; shares: string; price: string; newYesPrice: string; newNoPrice: string; timestamp: string } }')
	assert.match(of('OnMarketCreated'), /creatorHandle\?: string; category\?: string; endDate: string; initialPrice: string; imageUrl\?: string/)
	assert.match(of('OnNotification'), /type: "market_resolved" \| "trade_executed" \| "dividend_available" \| "custom"/)
	assert.match(of('Subscription'), /room: "market"; id: string/)
	for (const name of ['market:created', 'market:trade', 'market:resolved', 'shares:trade', 'shares:unlocked', 'dividend:available', 'notification', 'system:maintenance', 'system:announcement', 'connected']) assert.match(text, new RegExp(`^\t"${name}": \\(payload`, 'm'))
})

const PYTHON = `
import socketio, sys
sio = socketio.Client()
@sio.event
def connect():
    sio.emit('subscribe', {'room': 'market', 'id': 'py'}, callback=lambda answer: print('subscribed', answer['room'], flush=True))
@sio.on('market:trade')
def trade(data):
    print('trade', data['type'], data['data']['amount'], flush=True)
    sio.disconnect()
sio.connect(sys.argv[1], auth={'token': sys.argv[2]})
sio.wait()
`
test('S2-54 python-socketio subscribes and hears', async (t) => {
	const python = spawn('/usr/bin/python3', ['-c', PYTHON, `http://127.0.0.1:${s.port}`, token(claims())], { stdio: ['ignore', 'pipe', 'pipe'] })
	t.after(() => python.kill('SIGKILL'))
	let said = ''
	python.stdout.on('data', (d) => (said += d))
	python.stderr.on('data', (d) => (said += d))
	await until(`it has subscribed: ${said}`, () => said.includes('subscribed market:py'), WAIT_MS * 2)
	await raw('market:trade', change(TRADE, 'marketId', 'py'))
	await until('it has heard', () => said.includes('trade market:trade 1000000000000000000'), WAIT_MS)
})
