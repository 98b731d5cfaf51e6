/* S4_scoreboard.mjs - the live scoreboard: who watches it, who sees one's own score, and what is published. */
import http from 'node:http'
import { after, before } from 'node:test'
import { Backend } from '../e2e/backend.mjs'
import { emit, refused } from '../e2e/clients.mjs'
import { metric } from '../e2e/prometheus.mjs'
import { api, ask, assert, block, connect, connect_each, effective, listen, next, publish, recent, serve, silent, test, token, until } from './system.mjs'

const TOP = Array.from({ length: 10 }, (_, i) => ({ userId: `p${i}`, username: `P${i}`, score: 100 - i, rank: i + 1, ...(i === 0 && { avatar: '/p0.png' }) }))
const backend = new Backend((body, request) => {
	if (request.url === '/users') {
		if (body.user === null) return undefined
		if (body.user.id === 'ghost') return [{ error: { message: 'User not found' } }]
		return [{ user: { name: `Name of ${body.user.id}` } }]
	}
	return body.event === 'subscribe_scoreboard' ? [{ data: { topScores: TOP, totalUsers: 1234 } }] : [{ data: { score: 42, rank: 7 } }]
})

let s
let conf
let env
before(async () => {
	await backend.listen()
	env = { USERS_URL: `http://127.0.0.1:${backend.port}/users`, SCORES_URL: `http://127.0.0.1:${backend.port}/scores` }
	s = await serve('scoreboard', { env, edit: [['rate = 100/15m', 'rate = 100000/15m'], ['interval = 30s', 'interval = 400ms']] })
	conf = effective(s, 'scoreboard')
})
after(() => backend.close())

let users = 0
const fresh = () => `u${++users}`
const known = (socket, user) => Object.assign(socket, { user, hears: listen(socket) })
async function client(t, options = {}, at = s) {
	const user = options.user_id ?? fresh()
	return known(await connect(t, at, { token: token({ sub: 'of another', userId: user }), ...options }), user)
}
async function pair(t) {
	const ids = []
	const two = await connect_each(t, s, 2, (i) => ({ token: token({ userId: (ids[i] ??= fresh()) }) }))
	return two.map((c, i) => known(c, ids[i]))
}
const rooms_of = async (c) => (await api(s, 'GET', `/v1/sockets/${c.id}`)).json.rooms
const http_get = (port, headers = {}) => new Promise((resolve, reject) => {
	http.get({ port, path: '/socket.io/?EIO=4&transport=polling', headers, agent: false }, (r) => {
		let text = ''
		r.on('data', (d) => (text += d)).on('end', () => resolve({ status: r.statusCode, headers: r.headers, text }))
	}).on('error', reject)
})
/* Publishes DATA as it stands; what must be wrong with it, by name of the member. */
const wrong = async (type, data, field) => {
	const r = await api(s, 'POST', '/v1/events', { type, data })
	assert.deepEqual([r.status, r.json.error?.field], [422, `data.${field}`], `${type} ${JSON.stringify(data)}`)
}

test('S4-01, S4-03, S4-04, S4-32 port, origins, transports, heartbeats; the client\'s options', async (t) => {
	const { pingInterval, pingTimeout, upgrades } = JSON.parse((await http_get(s.port)).text.slice(1))
	assert.deepEqual([pingInterval, pingTimeout, upgrades], [25000, 60000, ['websocket']])
	for (const transports of [['websocket', 'polling'], ['polling', 'websocket']]) {
		const c = await client(t, { transports, timeout: 20000 })
		await until('WebSocket', () => c.io.engine.transport.name === 'websocket')
	}
})

test('S4-02 origins: one by default, from FRONTEND_URLS several, with credentials', async () => {
	const from = async (port, origin) => {
		const { status, headers } = await http_get(port, { origin })
		return [status, headers['access-control-allow-origin'], headers['access-control-allow-credentials']]
	}
	assert.deepEqual(await from(s.port, 'http://localhost:3000'), [200, 'http://localhost:3000', 'true'])
	assert.equal((await from(s.port, 'https://a.example'))[0], 403)
	const two = await serve('scoreboard', { env: { ...env, FRONTEND_URLS: 'https://a.example,https://b.example' } })
	for (const origin of ['https://a.example', 'https://b.example']) assert.deepEqual(await from(two.port, origin), [200, origin, 'true'])
	await two.destroy()
})

test('S4-17, S4-20, S4-34 no token, a bad one: connect_error with its text', async (t) => {
	assert.equal((await refused(t, s, {})).message, 'Authentication token required')
	assert.equal((await refused(t, s, { token: 'x' })).message, 'Authentication failed')
	assert.equal((await refused(t, s, { token: token({ userId: 'u' }, { secret: 'y'.repeat(32) }) })).message, 'Authentication failed')
	const c = await client(t, { token: undefined, extraHeaders: { authorization: `Bearer ${token({ userId: 'h' })}` }, transports: ['polling'] })
	assert.ok(c.connected)
	assert.ok(block(conf, 'auth').includes('sources = {auth.token, bearer}'))
})

test('S4-18, S4-19, S4-20, S4-22 the claim userId; the user must exist; its name; its room', async (t) => {
	assert.equal((await refused(t, s, { token: token({ userId: 'ghost' }) })).message, 'User not found')
	const c = await client(t)
	assert.deepEqual((await api(s, 'GET', `/v1/sockets/${c.id}`)).json.user, { id: c.user, name: `Name of ${c.user}`, role: null })
	assert.ok((await rooms_of(c)).includes(`user:${c.user}`))
})

test('S4-05, S4-23, S4-51, S4-11, S4-15 subscribe_scoreboard: the room, and the ten best as leaderboard_refresh', async (t) => {
	for (const c of await pair(t)) {
		assert.deepEqual(await ask(c, 'subscribe_scoreboard'), { success: true })
		const text = await c.hears.next('leaderboard_refresh')
		const { lastUpdated } = JSON.parse(text)
		recent(lastUpdated)
		assert.equal(text, `{"topScores":${JSON.stringify(TOP)},"totalUsers":1234,"lastUpdated":"${lastUpdated}"}`)
		assert.equal(JSON.parse(text).topScores.length, 10)
		assert.ok((await rooms_of(c)).includes('scoreboard'))
	}
	assert.equal((await ask(await client(t), 'subscribe', { room: 'scoreboard' })).code, 'forbidden', 'a subscription gets its snapshot')
})

test('S4-07, S4-25 unsubscribe_scoreboard, and a connection that ends', async (t) => {
	const [a, b] = await pair(t)
	for (const c of [a, b]) await ask(c, 'subscribe_scoreboard')
	assert.deepEqual(await ask(a, 'unsubscribe_scoreboard'), { success: true })
	assert.ok(!(await rooms_of(a)).includes('scoreboard'))
	await publish(s, 'scoreboard_update', { type: 'NEW_LEADER', userId: 'x', newScore: 5 })
	await b.hears.next('scoreboard_update')
	await silent('scoreboard_update', a.hears)
	const { sockets } = (await api(s, 'GET', '/v1/rooms/scoreboard')).json
	b.disconnect()
	await until('its subscription is gone', async () => ((await api(s, 'GET', '/v1/rooms/scoreboard')).json.sockets ?? 0) < sockets)
})

test('S4-06, S4-24, S4-49 subscribe_user_score: the bare id or {userId}, one\'s own; of others nothing at all', async (t) => {
	const [a, b] = await pair(t)
	for (const [c, argument] of [[a, a.user], [b, { userId: b.user }]]) {
		assert.deepEqual(await ask(c, 'subscribe_user_score', argument), { success: true })
		const text = await c.hears.next('user_score_update')
		const { timestamp } = JSON.parse(text)
		recent(timestamp)
		assert.equal(text, `{"userId":"${c.user}","score":42,"rank":7,"actionType":"CURRENT","scoreIncrease":0,"timestamp":"${timestamp}"}`)
		assert.ok((await rooms_of(c)).includes(`score:${c.user}`))
	}
	const c = await client(t)
	const told = []
	c.on('error', (e) => told.push(e))
	for (const argument of [a.user, { userId: a.user }, { userId: 'e5a1f0d2-0000-4000-8000-000000000000' }, 7, undefined, '']) c.emit('subscribe_user_score', argument)
	assert.equal(await ask(c, 'ping'), 'pong')
	await silent('user_score_update', c.hears)
	assert.deepEqual(told, [])
	assert.ok(!(await rooms_of(c)).some((r) => r.startsWith('score:')))
	assert.equal((await ask(c, 'subscribe', { room: 'score', id: a.user })).code, 'forbidden')
	assert.equal((await ask(c, 'subscribe', { room: 'score', id: c.user })).success, true)
})

test('S4-08 ping is answered by pong, as an ack or as an event', async (t) => {
	for (const c of await pair(t)) {
		assert.equal(await ask(c, 'ping'), 'pong')
		const heard = next(c, 'pong')
		c.emit('ping')
		assert.deepEqual(await heard, [])
	}
})

test('S4-09, S4-13 scoreboard_update to who watches, with its fields', async (t) => {
	const [a, b] = await pair(t)
	await ask(a, 'subscribe_scoreboard')
	const whole = { type: 'RANK_CHANGE', userId: 'p1', newScore: 12.5, newRank: 1, oldRank: 2, timestamp: '2026-01-01T00:00:00Z' }
	await publish(s, 'scoreboard_update', whole)
	assert.equal(await a.hears.next('scoreboard_update'), JSON.stringify(whole))
	await publish(s, 'scoreboard_update', { type: 'SCORE_UPDATE', userId: 'p1', newScore: 1, hidden: true })
	const { timestamp, ...rest } = JSON.parse(await a.hears.next('scoreboard_update'))
	recent(timestamp)
	assert.deepEqual(rest, { type: 'SCORE_UPDATE', userId: 'p1', newScore: 1 })
	await silent('scoreboard_update', b.hears)
	for (const [key, value] of [['type', 'OTHER'], ['userId', undefined], ['newScore', '1'], ['newRank', 0], ['oldRank', 1.5], ['timestamp', 'now']]) await wrong('scoreboard_update', { ...whole, [key]: value }, key)
})

test('S4-10, S4-14, S4-27, S4-52 user_score_update to its user, with its fields', async (t) => {
	const [a, b] = await pair(t)
	const whole = { userId: a.user, score: 50, rank: 3, actionType: 'QUIZ', scoreIncrease: 8, timestamp: '2026-01-01T00:00:00Z' }
	await publish(s, 'user_score_update', whole)
	assert.equal(await a.hears.next('user_score_update'), JSON.stringify(whole))
	await publish(s, 'user_score_update', { userId: a.user, score: 50, rank: 4, actionType: 'RANK_CHANGE' })
	const { timestamp, ...rest } = JSON.parse(await a.hears.next('user_score_update'))
	recent(timestamp)
	assert.deepEqual(rest, { userId: a.user, score: 50, rank: 4, actionType: 'RANK_CHANGE', scoreIncrease: 0 })
	await emit(s, `user:${b.user}`, 'user_score_update', { userId: 'test-user-123', score: 9 })
	assert.equal(await b.hears.next('user_score_update'), '{"userId":"test-user-123","score":9}')
	assert.equal(a.hears.count('user_score_update'), 2)
	for (const [key, value] of [['userId', undefined], ['score', undefined], ['rank', 0], ['actionType', ''], ['scoreIncrease', 'x'], ['timestamp', 5]]) await wrong('user_score_update', { ...whole, [key]: value }, key)
})

test('S4-11, S4-15, S4-29 leaderboard_refresh to who watches, with its fields', async (t) => {
	const [a, b] = await pair(t)
	await ask(a, 'subscribe_scoreboard')
	await a.hears.next('leaderboard_refresh')
	const whole = { topScores: TOP, totalUsers: 99, lastUpdated: '2026-01-01T00:00:00Z' }
	await publish(s, 'leaderboard_refresh', whole)
	assert.equal(await a.hears.next('leaderboard_refresh'), JSON.stringify(whole))
	await silent('leaderboard_refresh', b.hears)
	for (const [key, value] of [['topScores', undefined], ['topScores', [1]], ['totalUsers', -1], ['lastUpdated', 'x']]) await wrong('leaderboard_refresh', { ...whole, [key]: value }, key === 'topScores' && value ? 'topScores' : key)
})

test('S4-12, S4-16 system_notification to all, with its fields', async (t) => {
	const two = await pair(t)
	const whole = { type: 'MAINTENANCE', message: 'Server maintenance starting in 30 seconds', severity: 'warning', timestamp: '2026-01-01T00:00:00Z', duration: 30000 }
	await publish(s, 'system_notification', whole)
	for (const c of two) assert.equal(await c.hears.next('system_notification'), JSON.stringify(whole))
	for (const [key, value] of [['type', 'OTHER'], ['message', ''], ['severity', 'fatal'], ['timestamp', 'x'], ['duration', -1]]) await wrong('system_notification', { ...whole, [key]: value }, key)
	const { type, message, severity } = whole
	await publish(s, 'system_notification', { type, message, severity })
	recent(JSON.parse(await two[0].hears.next('system_notification')).timestamp)
})

test('S4-35 what clients listen to reaches them as they are in the specification', async (t) => {
	const c = await client(t)
	const heard = ['leaderboard_refresh', 'user_score_update', 'system_notification'].map((e) => next(c, e))
	c.emit('subscribe_scoreboard')
	c.emit('subscribe_user_score', c.user)
	await publish(s, 'system_notification', { type: 'ACHIEVEMENT', message: 'm', severity: 'info' })
	const [[a], [b], [d]] = await Promise.all(heard)
	assert.deepEqual([Object.keys(a), Object.keys(b).length, d.type], [['topScores', 'totalUsers', 'lastUpdated'], 6, 'ACHIEVEMENT'])
})

test('S4-21, S4-26 log lines: who connects, who disconnects and why, who sends what is no packet', async (t) => {
	const [a, b] = await pair(t)
	const [sid, bad] = [a.id, b.id]
	a.disconnect()
	const gone = next(b, 'disconnect')
	b.io.engine.transport.ws.send('42["x",{')
	await gone
	for (const [id, user, reason] of [[sid, a.user, 'client namespace disconnect'], [bad, b.user, 'forced close']]) {
		await until('connect', () => new RegExp(`info worker \\d connect sid=${id} user=${user} `).test(s.log))
		await until('disconnect', () => new RegExp(`info worker \\d disconnect sid=${id} user=${user} reason="${reason}" duration_ms=`).test(s.log))
	}
})

test('S4-33 a disconnection by the server is "io server disconnect"', async (t) => {
	for (const c of await pair(t)) {
		const gone = next(c, 'disconnect')
		await api(s, 'POST', '/v1/sockets/disconnect', { in: `user:${c.user}`, close: true })
		assert.equal((await gone)[0], 'io server disconnect')
		c.connect()
		await next(c, 'connect')
	}
})

test('S4-43 ping to all, each 30 s', async (t) => {
	assert.ok(block(conf, 'every "app ping"').includes('interval = 30s'))
	for (const c of await pair(t)) await until('ping', () => c.hears.count('ping') > 0)
})

test('S4-44 who sends nothing for 60 s is disconnected, and it is logged', async (t) => {
	assert.ok(block(conf, 'engine').includes('idle_timeout = 1m'))
	const quick = await serve('scoreboard', { env, edit: [['idle_timeout  = 60s', 'idle_timeout  = 1s'], ['ping_interval = 25s', 'ping_interval = 200ms'], ['interval = 30s', 'interval = 100ms']] })
	const busy = await client(t, {}, quick)
	busy.on('ping', () => busy.emit('ping'))
	const idle = await client(t, {}, quick)
	const { id } = idle
	await next(idle, 'disconnect')
	await until('the line', () => new RegExp(`disconnect sid=${id} user=${idle.user} reason=idle `).test(quick.log))
	assert.ok(busy.connected)
	await quick.destroy()
})

test('S4-47 100 connections of an address in 15 minutes', async () => {
	const strict = await serve('scoreboard', { env })
	const all = []
	for (let i = 0; i < 102; i++) all.push(await http_get(strict.port))
	assert.deepEqual(all.map((r) => r.status), [...Array(100).fill(200), 429, 429])
	assert.equal(JSON.parse(all[101].text).message, 'Too many connection attempts from this IP')
	assert.ok(Number(all[101].headers['retry-after']) > 800)
	await strict.destroy()
})

test('S4-48 60 events a minute of a user, on both workers together', async (t) => {
	const user = fresh()
	const two = await connect_each(t, s, 2, () => ({ token: token({ userId: user }) }))
	const answers = await Promise.all(Array.from({ length: 63 }, (_, i) => ask(two[i % 2], 'ping')))
	assert.equal(answers.filter((a) => a === 'pong').length, 60)
	assert.deepEqual(answers.find((a) => a !== 'pong'), { success: false, error: 'Rate limit exceeded', code: 'rate_limited' })
	const told = next(two[0], 'error')
	two[0].emit('ping')
	assert.deepEqual(await told, [{ message: 'Rate limit exceeded' }])
})

test('S4-50 error {message: "Invalid message format"}', async (t) => {
	const [a] = await pair(t)
	const told = next(a, 'error')
	a.emit('subscribe', { room: 7 })
	assert.deepEqual(await told, [{ message: 'Invalid message format' }])
	assert.equal((await ask(a, 'subscribe', 'x')).error, 'Invalid message format')
	assert.ok((await metric(s, 'refused_total', { reason: 'invalid' })) >= 2)
})
