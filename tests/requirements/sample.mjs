/* sample.mjs - each rule of sample.conf, with clients on both workers, and the bytes that arrive. */
import http from 'node:http'
import path from 'node:path'
import os from 'node:os'
import fs from 'node:fs'
import { after, before } from 'node:test'
import { Backend, HOOK_SECRET, signature } from '../e2e/backend.mjs'
import { dial, emit, refused } from '../e2e/clients.mjs'
import { Wallet, login, post } from '../e2e/wallets.mjs'
import { QUIET_MS, api, ask, assert, block, connect, connect_each, listen, next, publish, recent, serve, silent, sleep, test, token, until } from './system.mjs'

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname)
const FROM = process.env.PROFILES ?? here

/* What the backend knows of users, by the keys of their wallets; and what it replies to games and the others. */
const users = new Map()
let games = () => undefined
const backend = new Backend((body, request) => {
	if (request.url === '/users') {
		if (body.event === 'subscribe') return body.room === 'clan:closed' ? [{ error: { message: 'Not a member' } }] : undefined
		if (body.user === null) return undefined
		const user = users.get(body.user.id)
		return user === 'gone' ? [{ error: { message: 'User not found' } }] : user && [{ user }]
	}
	if (request.url === '/lobbies') return /:closed$/.test(body.room) ? [{ error: { message: 'Not for you' } }] : undefined
	return games(body)
})
const requests = new Map()
const matchmaking = new Backend(({ event, args, user, room }) => {
	if (event === 'matchmaking') return room === 'match:q2' ? [{ emit: { to: room, event: 'matchmaking:status', data: { status: 'relaxing_criteria' } } }] : undefined
	const request = requests.get(args[0].matchRequestId)
	return request?.user === user.id ? [{ data: { status: request.status } }] : [{ error: { message: 'Not your request' } }]
})

let s
let conf
let edit
before(async () => {
	await backend.listen()
	const at = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-sample-')), 'maoga.sock')
	await matchmaking.listen(at)
	edit = [['workers = auto', ''], ['0.0.0.0:3000', '127.0.0.1:0'], ['127.0.0.1:3001', '127.0.0.1:0'], ['http://127.0.0.1:8080', `http://127.0.0.1:${backend.port}`], ['unix:/run/maoga.sock', `unix:${at}`]]
	s = await serve('sample', { from: FROM, edit: [...edit, ['rate = 100/15m', 'rate = 100000/15m'], ['interval = 30s', 'interval = 300ms'], ['interval = 5s', 'interval = 300ms']] })
	conf = s.run('check', '-c', s.conf).out
})
after(async () => {
	await backend.close()
	await matchmaking.close()
	fs.rmSync(path.dirname(matchmaking.at), { recursive: true })
})

/* Two users on two workers, who logged in with their wallets before they connected; MORE: what the backend says of them. */
async function pair(t, more = { name: 'Ada', role: 'user' }, at = s) {
	const who = []
	const two = await connect_each(t, at, 2, (i) => ({ auth: who[i].auth }), who.push(await user(more, at), await user(more, at)))
	return two.map((c, i) => Object.assign(c, { key: who[i].key, hears: listen(c) }))
}
async function user(more, at = s) {
	const wallet = new Wallet()
	users.set(wallet.key, more)
	const { token: text, signature: signed, message } = await login(at, wallet)
	return { key: wallet.key, wallet, auth: { token: text, signature: signed, message } }
}
async function one(t, more = { name: 'Ada', role: 'user' }, at = s) {
	const who = await user(more, at)
	const c = await connect(t, at, { auth: who.auth })
	return Object.assign(c, { key: who.key, hears: listen(c) })
}
const into = async (c, ...rooms) => assert.equal((await api(s, 'POST', '/v1/sockets/join', { in: `socket:${c.id}`, rooms })).json.matched, 1)
const rooms_of = async (c) => (await api(s, 'GET', `/v1/sockets/${c.id}`)).json.rooms
const open = (port, headers = {}) => new Promise((resolve, reject) => {
	http.get({ port, path: '/socket.io/?EIO=4&transport=polling', headers, agent: false }, (r) => {
		let text = ''
		r.on('data', (d) => (text += d)).on('end', () => resolve({ status: r.statusCode, headers: r.headers, text }))
	}).on('error', reject)
})
async function enveloped(c, type, text) {
	const heard = await c.hears.next(type)
	const m = heard.match(/^\{"type":"([^"]+)","timestamp":"([^"]+)","data":(.*)\}$/s)
	assert.deepEqual([m?.[1], m?.[3]], [type, text])
	recent(m[2])
}

test('S1-08..13, S4-44 the transport', async () => {
	const { text, headers } = await open(s.port, { origin: 'http://localhost:3000' })
	const { pingInterval, pingTimeout, maxPayload, upgrades } = JSON.parse(text.slice(1))
	assert.deepEqual([pingInterval, pingTimeout, maxPayload, upgrades], [25000, 60000, 1 << 20, ['websocket']])
	assert.deepEqual([headers['access-control-allow-origin'], headers['access-control-allow-credentials']], ['http://localhost:3000', 'true'])
	assert.equal((await open(s.port, { origin: 'http://elsewhere.example' })).status, 403)
	for (const line of ['upgrade_timeout = 10s', 'idle_timeout = 1m']) assert.ok(block(conf, 'engine').includes(line), line)
})

test('S0-22, S0-23, S0-28, S0-44..46, S0-57 wallet, token and signature, authenticated, authentication_failed', async (t) => {
	for (const socket of await connect_each(t, s, 2, () => ({}))) {
		const heard = listen(socket)
		assert.equal((await ask(socket, 'lobby:leave')).code, 'auth_missing')
		socket.emit('authenticate', 'bad', 'x', 'y')
		assert.equal(await heard.next('authentication_failed'), '{"error":"Authentication failed"}')
		const who = await user({ name: 'Ada', role: 'user' })
		const { token: text, signature: signed, message } = who.auth
		assert.equal((await ask(socket, 'authenticate', text)).code, 'auth_missing')
		assert.equal((await ask(socket, 'authenticate', text, signed, message)).success, true)
		assert.equal(await heard.next('authenticated'), `{"userId":"${who.key}","username":"Ada","role":"user"}`)
		assert.equal(await heard.next('system:authentication'), '{"status":"authenticated"}')
	}
	assert.equal((await post(s, new Wallet().proof({ at: Date.now() - 301000 }))).status, 401)
	const wallet = new Wallet()
	const { signature: signed, message } = wallet.proof()
	const c = await connect(t, s, {})
	assert.deepEqual(await ask(c, 'authenticate', token({ address: wallet.key, username: 'By claim', name: 'of another', role: 'x' }), signed, message), { success: true, user: { id: wallet.key, name: 'By claim', role: 'x' } })
	assert.ok(block(conf, 'in_band').includes('deadline = 15s'))
})

test('S1-25, S2-29 connection:confirmed and connected, in this order, by role', async (t) => {
	for (const [role, features] of [['user', '["game","lobby","tournament"]'], ['admin', '["game","lobby","tournament","admin"]']]) {
		const who = await user({ name: 'Ada', role })
		const c = dial(t, s, { auth: who.auth })
		const order = []
		c.onAny((event, data) => order.push([event, data]))
		await next(c, 'connected')
		assert.deepEqual(order.map(([event]) => event).slice(0, 2), ['connection:confirmed', 'connected'])
		const [[, confirmed], [, connected]] = order
		assert.equal(JSON.stringify(confirmed), `{"socketId":"${c.id}","serverTime":"${confirmed.serverTime}","features":${features}}`)
		recent(confirmed.serverTime)
		const rooms = [`user:${who.key}`, `role:${role}`, 'global:all', ...(role === 'admin' ? ['admin:all'] : [])]
		assert.deepEqual(connected, { message: 'Welcome Ada', rooms })
	}
	const guest = dial(t, s, {})
	assert.equal((await next(guest, 'connected'))[0].message, 'Welcome guest')
})

test('S4-19, S0-55 connecting: the user must exist, and a client may be refused by its query', async (t) => {
	const gone = await user('gone')
	assert.equal((await refused(t, s, { auth: gone.auth })).message, 'User not found')
	assert.equal((await refused(t, s, { query: { fail: 'true' } })).message, 'Auth failed (main namespace)')
})

test('S1-28..38, S1-52..54, S1-74 game:move and what else is played', async (t) => {
	const [a, b] = await pair(t)
	for (const c of [a, b]) {
		assert.equal((await ask(c, 'subscribe', { room: 'game', id: 'g1' })).code, 'forbidden')
		assert.equal((await ask(c, 'game:move', { gameId: 'g1', move: 1 })).code, 'not_member')
		await into(c, 'game:g1')
	}
	games = ({ event, args }) => event !== 'game:move' ? [{ emit: { to: `game:${args[0].gameId}`, event: 'game:told', data: event } }] : args[0].move === 'bad' ? [{ error: { message: 'Invalid state transition' } }] : [{ data: { gameState: { n: 1 }, timeLeft: args[0].timeLeft, gameEnded: args[0].move === 'mate', gameResult: '1-0' } }]
	assert.deepEqual(await ask(a, 'game:move', { gameId: 'g1', move: { to: 'e4' }, timeLeft: 9.5, cheat: 1 }), { success: true })
	for (const c of [a, b]) assert.equal(await c.hears.next('game:move-made'), `{"gameId":"g1","move":{"to":"e4"},"player":"${a.key}","gameState":{"n":1},"timeLeft":9.5}`)
	const told = next(a, 'error')
	a.emit('game:move', { gameId: 'g1', move: 'bad' })
	assert.deepEqual(await told, [{ message: 'Invalid state transition' }])
	await ask(b, 'game:move', { gameId: 'g1', move: 'mate' })
	for (const c of [a, b]) {
		assert.equal(await c.hears.next('game:move-made'), `{"gameId":"g1","move":"mate","player":"${b.key}","gameState":{"n":1}}`)
		assert.equal(await c.hears.next('game:ended'), '{"gameId":"g1","result":"1-0"}')
	}
	for (const name of ['join', 'resign', 'offer-draw', 'accept-draw', 'decline-draw', 'offer-revenge', 'accept-revenge', 'decline-revenge', 'spectate', 'stop-spectating']) {
		assert.deepEqual(await ask(a, `game:${name}`, { gameId: 'g1' }), { success: true })
		assert.equal(await b.hears.next('game:told'), `"game:${name}"`)
	}
	const i = backend.asked.findLastIndex((q) => q.event === 'game:resign')
	assert.deepEqual(backend.asked[i].args, [{ gameId: 'g1' }])
	assert.equal(backend.heads[i]['forkcast-signature'], signature(HOOK_SECRET, backend.heads[i]))
})

test('S1-19 moves: ten a second of a user', async (t) => {
	const [a, b] = await pair(t)
	for (const c of [a, b]) await into(c, 'game:g2')
	games = () => undefined
	const all = await Promise.all(Array.from({ length: 12 }, () => ask(a, 'game:move', { gameId: 'g2', move: 1 })))
	assert.equal(all.filter((x) => x.code === 'rate_limited').length, 2)
	assert.deepEqual(await ask(b, 'game:move', { gameId: 'g2', move: 1 }), { success: true })
})

test('S1-93..95 the breaker of the games: as many failures as its block says', async (t) => {
	assert.deepEqual(block(conf, 'breaker'), ['failures = 5', 'reset = 1m', "text = 'Circuit breaker is open for operation: {@event}'"])
	const soon = await serve('sample', { from: FROM, edit: [...edit, ['failures = 5', 'failures = 2']] })
	const c = await one(t, { name: 'Ada' }, soon)
	await api(soon, 'POST', '/v1/sockets/join', { in: `socket:${c.id}`, rooms: ['game:g3'] })
	games = () => [{ no_such_verb: 1 }]
	const errors = []
	for (let i = 0; i < 3; i++) errors.push((await ask(c, 'game:offer-draw', { gameId: 'g3' })).error)
	games = () => undefined
	const failed = 'The request could not be handled, try again later'
	assert.deepEqual(errors, [failed, failed, 'Circuit breaker is open for operation: game:offer-draw'])
	await soon.destroy()
})

test('S1-40, S1-42, S1-67, S1-72 lobbies: any may join, and they stay; their rooms by the backend; administrators\' by role', async (t) => {
	const [a, b] = await pair(t)
	const admin = await one(t, { name: 'Root', role: 'admin' })
	for (const c of [a, b]) assert.equal((await ask(c, 'subscribe', { room: 'lobby', id: 'chess' })).success, true)
	assert.equal((await ask(a, 'subscribe', { room: 'lobbyroom', id: 'open' })).success, true)
	assert.deepEqual(await ask(a, 'subscribe', { room: 'lobbyroom', id: 'closed' }), { success: false, error: 'Not for you' })
	assert.equal((await ask(a, 'subscribe', { room: 'admin', id: 'x' })).code, 'forbidden')
	assert.equal((await ask(admin, 'subscribe', { room: 'admin', id: 'x' })).success, true)
	await ask(admin, 'unsubscribe', { room: 'admin', id: 'x' })
	for (const c of [a, b]) assert.deepEqual(await ask(c, 'lobby:leave'), { success: true })
	assert.ok(!(await rooms_of(a)).includes('lobby:chess'))
	for (const room of ['lobby:chess', 'admin:x']) assert.equal((await api(s, 'GET', `/v1/rooms/${room}`)).json.sockets, 0)
})

test('S0-61 test:event under --dev alone', async (t) => {
	assert.equal((await ask(await one(t), 'test:event', {})).code, 'unknown_event')
	const dev = await serve('sample', { from: FROM, edit, args: ['--dev'] })
	const c = await one(t, { name: 'Ada' }, dev)
	c.emit('test:event', { message: 'Test data' })
	assert.equal(await c.hears.next('test:event'), '{"message":"Test data"}')
	await dev.destroy()
})

test('S4-48, S0-06 60 events a minute of a user, 600 of a premium one; S0-58 votes', async (t) => {
	const [a, b] = await pair(t)
	const premium = await one(t, { name: 'P', role: 'premium' })
	for (const [c, n] of [[a, 60], [premium, 600]]) {
		const all = await Promise.all(Array.from({ length: n + 2 }, () => ask(c, 'ping')))
		assert.equal(all.filter((x) => x === 'pong').length, n)
		assert.equal(all.at(-1).error, 'Rate limit exceeded')
	}
	for (let i = 0; i < 6; i++) b.emit('vote:up', {})
	assert.equal(await b.hears.next('rate_limited'), '{"message":"Slow down","retryAfter":1}')
})

test('S0-58 rate_limited comes with the sixth vote', async (t) => {
	const two = await pair(t)
	for (const c of two) {
		for (let i = 0; i < 5; i++) await ask(c, 'vote:up', {})
		assert.equal(c.hears.count('rate_limited'), 0)
		await ask(c, 'vote:up', {})
		assert.equal(await c.hears.next('rate_limited'), '{"message":"Slow down","retryAfter":1}')
	}
})

test('S4-47 100 connections of an address in 15 minutes', async () => {
	const strict = await serve('sample', { from: FROM, edit })
	const all = []
	for (let i = 0; i < 101; i++) all.push(await open(strict.port))
	assert.deepEqual(all.map((r) => r.status), [...Array(100).fill(200), 429])
	assert.equal(JSON.parse(all[100].text).message, 'Too many connection attempts from this IP')
	await strict.destroy()
})

test('S3-29, S3-31, S3-32 matchmaking:subscribe over a unix socket, status each 5 s, and matched', async (t) => {
	const [a, b] = await pair(t)
	requests.set('q1', { user: a.key, status: { status: 'searching' } })
	requests.set('q2', { user: b.key })
	assert.deepEqual(await ask(a, 'matchmaking:subscribe', { matchRequestId: 'q1' }), { success: true, matchRequestId: 'q1' })
	assert.equal(await a.hears.next('matchmaking:status'), '{"status":"searching"}')
	assert.equal((await ask(b, 'matchmaking:subscribe', { matchRequestId: 'q1' })).error, 'Not your request')
	await ask(b, 'matchmaking:subscribe', { matchRequestId: 'q2' })
	await publish(s, 'matchmaking:matched', { lobbyId: 'l' }, { matchRequestId: 'q1' })
	assert.equal(await a.hears.next('matchmaking:matched'), '{"lobbyId":"l"}')
	await until('closed', async () => !(await rooms_of(a)).includes('match:q1'))
	await until('two', () => b.hears.count('matchmaking:status') >= 2)
	assert.equal(b.hears.texts('matchmaking:status')[1], '{"status":"relaxing_criteria"}')
	assert.deepEqual([a.hears.count('matchmaking:status'), b.hears.count('matchmaking:matched')], [1, 0])
})

test('S3-04, S3-05, S3-07, S3-08, S3-10, S3-11 chat: who is let in, members who come and go, messages, typing', async (t) => {
	const [a, b] = await pair(t)
	assert.deepEqual(await ask(a, 'subscribe', { room: 'chat', id: 'closed' }), { success: false, error: 'Not for you' })
	for (const c of [a, b]) assert.equal((await ask(c, 'subscribe', { room: 'chat', id: 'c1' })).success, true)
	assert.equal(await a.hears.next('chat:member:joined'), `{"chatId":"c1","user":{"id":"${b.key}","name":"Ada","role":"user"}}`)
	const { messageId } = await ask(a, 'chat:message', { chatId: 'c1', content: 'hi', extra: 1 })
	for (const c of [a, b]) {
		const text = await c.hears.next('chat:message')
		const { timestamp } = JSON.parse(text)
		recent(timestamp)
		assert.equal(text, `{"chatId":"c1","content":"hi","contentType":"text","messageId":"${messageId}","sender":{"id":"${a.key}","name":"Ada","role":"user"},"timestamp":"${timestamp}"}`)
	}
	assert.equal((await ask(a, 'chat:message', { chatId: 'c1', content: '' })).error, 'Invalid message format')
	await ask(a, 'chat:typing', { chatId: 'c1' })
	assert.equal(await b.hears.next('chat:typing'), `{"chatId":"c1","userId":"${a.key}","username":"Ada"}`)
	await silent('chat:typing', a.hears)
	await ask(b, 'unsubscribe', { room: 'chat', id: 'c1' })
	assert.equal(await a.hears.next('chat:member:left'), `{"chatId":"c1","userId":"${b.key}"}`)
	assert.equal(b.hears.count('chat:member:joined'), 0)
	assert.equal((await ask(b, 'chat:message', { chatId: 'c1', content: 'x' })).code, 'not_member')
})

test('S3-22, S3-25 lobby:member:kicked and lobby:closed', async (t) => {
	const [a, b] = await pair(t)
	for (const c of [a, b]) await ask(c, 'subscribe', { room: 'lobby', id: 'k' })
	await publish(s, 'lobby:member:kicked', { lobbyId: 'k', memberId: b.key })
	for (const c of [a, b]) assert.equal(await c.hears.next('lobby:member:kicked'), `{"lobbyId":"k","memberId":"${b.key}"}`)
	await until('out', async () => !(await rooms_of(b)).includes('lobby:k'))
	await publish(s, 'lobby:closed', { lobbyId: 'k' })
	assert.equal(await a.hears.next('lobby:closed'), '{"lobbyId":"k"}')
	await until('empty', async () => !(await rooms_of(a)).includes('lobby:k'))
	assert.equal(b.hears.count('lobby:closed'), 0)
})

test('S4-05..07, S4-24, S4-43 the scoreboard\'s rooms, and ping to all', async (t) => {
	const two = await pair(t)
	for (const [i, c] of two.entries()) {
		await ask(c, 'subscribe_scoreboard')
		assert.deepEqual(await ask(c, 'subscribe_user_score', i === 0 ? c.key : { userId: c.key }), { success: true })
		const rooms = await rooms_of(c)
		assert.ok(rooms.includes('scoreboard') && rooms.includes(`score:${c.key}`))
		assert.equal((await ask(c, 'subscribe', { room: 'scoreboard' })).success, true, 'it is in it')
		await ask(c, 'unsubscribe_scoreboard')
		assert.ok(!(await rooms_of(c)).includes('scoreboard'))
		assert.equal((await ask(c, 'subscribe', { room: 'scoreboard' })).code, 'forbidden')
		await until('ping', () => c.hears.count('ping') > 0)
	}
	const told = []
	two[0].on('error', (e) => told.push(e))
	two[0].emit('subscribe_user_score', two[1].key)
	await ask(two[0], 'ping')
	assert.deepEqual([told, (await rooms_of(two[0])).includes(`score:${two[1].key}`)], [[], false])
	assert.equal((await ask(two[1], 'subscribe', { room: 'score', id: two[0].key })).code, 'forbidden')
	assert.equal((await ask(two[0], 'unsubscribe', { room: 'score', id: two[0].key })).success, true)
	assert.equal((await ask(two[0], 'subscribe', { room: 'score', id: two[0].key })).success, true, 'one\'s own')
})

const TRADE = '{"marketId":"m","tradeId":"t","trader":"0xT","direction":"sell","outcome":0,"amount":"1000000000000000000000","shares":"1","price":"1","newYesPrice":"2","newNoPrice":"3","timestamp":"2026-01-01T00:00:00Z"}'
const CREATED = '{"marketId":"m","question":"Q?","creator":"0xC","endDate":"2026-01-01","initialPrice":"1"}'

test('S2-11..22, S2-25, S2-34, S2-46 markets: rooms, routes and their envelope', async (t) => {
	const [a, b] = await pair(t)
	const c = await one(t)
	assert.deepEqual(await ask(a, 'subscribe', { room: 'market', id: 'm' }), { success: true, room: 'market:m', message: 'Subscribed to market:m' })
	await ask(a, 'subscribe', { room: 'creator', id: '0xAB' })
	const cases = [
		['market:created', CREATED, undefined, [a, b, c]],
		['market:trade', TRADE.replace('0xT', b.key), undefined, [a, b]],
		['market:resolved', '{"marketId":"m","outcome":1}', undefined, [a, b, c]],
		['shares:trade', `{"creator":"0xab","trader":"${b.key}"}`, undefined, [a, b]],
		['shares:unlocked', '{"creator":"0xAb"}', { address: b.key }, [a, b]],
		['dividend:available', '{"amount":"7"}', { address: b.key }, [b]],
		['notification', `{"userId":"${b.key}","title":"x","notificationId":"n","read":true,"timestamp":"2026-01-01"}`, undefined, [b]],
		['system:maintenance', '{"at":1}', undefined, [a, b, c]],
		['system:announcement', '{"at":2}', undefined, [a, b, c]]
	]
	for (const [type, text, vars, who] of cases) {
		const r = await api(s, 'POST', '/v1/events', `{"type":"${type}","data":${text}${vars ? `,"vars":${JSON.stringify(vars)}` : ''}}`, { headers: { 'content-type': 'application/json' } })
		assert.equal(r.status, 202, r.text)
		for (const x of who) await enveloped(x, type, text)
		await sleep(QUIET_MS)
		for (const x of [a, b, c]) assert.equal(x.hears.count(type), who.includes(x) ? 1 : 0, type)
	}
	await publish(s, 'notification', { userId: b.key })
	const { data } = JSON.parse(await b.hears.next('notification'))
	assert.deepEqual([data.userId, data.read, data.notificationId.length], [b.key, false, 36])
	recent(data.timestamp)
	assert.equal((await api(s, 'POST', '/v1/events', { type: 'market:trade', data: { ...JSON.parse(TRADE), amount: 1e21 } })).json.error.field, 'data.amount')
	assert.equal((await api(s, 'POST', '/v1/events', { type: 'market:created', data: { ...JSON.parse(CREATED), question: '' } })).json.error.field, 'data.question')
})

test('S0-29, S0-32, S0-39 status to all; what is published for one user, and for who watches', async (t) => {
	const [a, b] = await pair(t)
	for (const c of [a, b]) assert.match(await c.hears.next('system:server_status'), /^\{"connections":\d+,"memory":\d+,"uptime":\d+\}$/)
	await ask(a, 'subscribe', { room: 'voting', id: 'c1' })
	await publish(s, 'user:achievement_unlocked', { achievementName: 'x' }, { userId: a.key })
	await publish(s, 'user:balance_updated', { newBalance: 5 }, { userId: a.key })
	await publish(s, 'vote:count_updated', { contentId: 'c1', newCount: 2 })
	for (const [event, text] of [['user:achievement_unlocked', '{"achievementName":"x"}'], ['user:balance_updated', '{"newBalance":5}'], ['vote:count_updated', '{"contentId":"c1","newCount":2}']]) {
		assert.equal(await a.hears.next(event), text)
		assert.equal(b.hears.count(event), 0)
	}
})

test('S0-48, S0-50..52 clans by claim or by the backend, rooms of any name, room_joined, room_left', async (t) => {
	const two = await connect_each(t, s, 2, () => ({}))
	for (const c of two) {
		const wallet = new Wallet()
		const { signature: signed, message } = wallet.proof()
		const hears = listen(c)
		await ask(c, 'authenticate', token({ sub: wallet.key, clans: ['closed'] }), signed, message)
		assert.equal((await ask(c, 'subscribe', { room: 'clan', id: 'closed' })).success, true, 'by the claim, without asking')
		assert.equal(await hears.next('room_joined'), '{"roomId":"clan:closed"}')
		assert.equal((await ask(c, 'subscribe', { room: 'room', id: 'custom_room_id' })).success, true)
		assert.equal(await hears.next('room_joined'), '{"roomId":"room:custom_room_id"}')
		await ask(c, 'unsubscribe', { room: 'room', id: 'custom_room_id' })
		assert.equal(await hears.next('room_left'), '{"roomId":"room:custom_room_id"}')
	}
	const [a] = await pair(t)
	assert.deepEqual(await ask(a, 'subscribe', { room: 'clan', id: 'closed' }), { success: false, error: 'Not a member' })
	assert.equal((await ask(a, 'subscribe', { room: 'clan', id: 'open' })).success, true)
})

test('S4-17, S4-50 texts', async (t) => {
	const [a] = await pair(t)
	const told = next(a, 'error')
	a.emit('chat:message', 5)
	assert.deepEqual(await told, [{ message: 'Invalid message format' }])
	const renamed = await serve('sample', { from: FROM, edit: [...edit, ['errors { emit = error ', 'errors { emit = failure ']] })
	const c = await one(t, { name: 'Ada' }, renamed)
	c.emit('chat:message', 5)
	assert.equal(await c.hears.next('failure'), '{"message":"Invalid message format"}')
	await renamed.destroy()
	assert.equal((await ask(await connect(t, s, {}), 'ping')).error, 'Authentication token required')
	assert.equal((await refused(t, s, { token: 'x' })).message, 'Authentication failed')
})

test('S0-18 the reference client\'s own server: /custom, message, message-with-ack', async (t) => {
	const [a, b] = await pair(t)
	for (const c of [a, b]) {
		const back = next(c, 'message-back')
		c.emit('message', 1, 'two', { three: [true] }, Buffer.from([4]))
		assert.deepEqual(await back, [1, 'two', { three: [true] }, Buffer.from([4])])
		const answer = await new Promise((resolve) => c.emit('message-with-ack', 1, '2', Buffer.from([3]), (...args) => resolve(args)))
		assert.deepEqual(answer, [1, '2', Buffer.from([3])])
		await emit(s, `socket:${c.id}`, 'x', 1)
		await c.hears.next('x')
	}
	const who = await user({ name: 'Ada' })
	const custom = dial(t, s, { nsp: '/custom', auth: { ...who.auth, more: 1 } })
	assert.deepEqual(await next(custom, 'auth'), [{ ...who.auth, more: 1 }])
})
