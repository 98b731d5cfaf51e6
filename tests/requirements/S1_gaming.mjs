/* S1_gaming.mjs - the platform for games: moves, lobbies, tournaments, with a backend that decides. */
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before } from 'node:test'
import { Client } from '../../client/node/index.mjs'
import { Backend, signature, HOOK_SECRET } from '../e2e/backend.mjs'
import { dial, emit, refused } from '../e2e/clients.mjs'
import { metric } from '../e2e/prometheus.mjs'
import { handshake, Wire } from '../e2e/wire.mjs'
import { KEY, QUIET_MS, api, ask, assert, block, connect, connect_each, effective, listen, next, publish, recent, serve, silent, sleep, test, token, until } from './system.mjs'

/* What the platform's services know. */
const games = new Map()
const rooms = new Map()
let last = 0

function games_service({ event, args, user }) {
	const game = games.get(args[0].gameId)
	if (event === 'game:join' || event === 'game:spectate') {
		if (!game?.players.includes(user.id) && !game?.allowSpectators) return [{ error: { message: 'Cannot join this game' } }]
		return [{ data: { gameState: game.state, players: game.players, spectators: game.spectators } }]
	}
	if (!game.players.includes(user.id)) return [{ error: { message: 'You are not a player in this game' } }]
	if (event !== 'game:move') return [{ emit: { to: `game:${args[0].gameId}`, event: `${event}:done`, data: { by: user.id } } }]
	if (game.turn !== user.id) return [{ error: { message: 'It is not your turn' } }]
	if (args[0].move === 'impossible') return [{ error: { message: 'Invalid state transition' } }]
	if (args[0].move === 'crash') return null
	game.turn = game.players.find((p) => p !== user.id)
	game.state = { moves: [...(game.state.moves ?? []), args[0].move] }
	const data = { gameState: game.state, timeLeft: args[0].timeLeft, gameEnded: args[0].move === 'mate', gameResult: { winner: user.id } }
	const more = data.gameEnded ? [{ emit: { to: 'role:admin', event: 'game:archived', data: { gameId: args[0].gameId } } }] : []
	return [{ data }, ...more]
}

function lobbies_service({ event, args }) {
	if (event === 'lobby:create-room') {
		const roomId = `r${++last}`
		rooms.set(roomId, args[0])
		return [{ data: { roomId } }]
	}
	if (event === 'lobby:join-room' && rooms.get(args[0].roomId)?.password !== args[0].password) return [{ error: { message: 'Wrong password' } }]
	return undefined
}

const tournaments_service = ({ args }) => (args[0].tournamentId === 'full' ? [{ error: { message: 'Tournament is full' } }] : undefined)

const backend = new Backend((body, request, response) => {
	if (request.url === '/games') {
		const reply = games_service(body)
		if (reply === null) response.writeHead(500).end()
		return reply
	}
	if (request.url === '/lobbies') return lobbies_service(body)
	if (request.url === '/tournaments') return tournaments_service(body)
	return undefined
})
const asked = (url, event, user) => backend.asked.filter((b, i) => backend.heads[i].url === url && b.event === event && (user === undefined || b.user?.id === user))

let s
let conf
let env
before(async () => {
	await backend.listen()
	const url = (name) => `http://127.0.0.1:${backend.port}/${name}`
	env = { GAMES_URL: url('games'), LOBBIES_URL: url('lobbies'), TOURNAMENTS_URL: url('tournaments'), NOTIFICATIONS_URL: url('notifications') }
	s = await serve('gaming', { env: { ...env, DATA_DIR: fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-data-')) }, conf: 'log { level = debug }\ndata_dir = "${DATA_DIR}"' })
	conf = effective(s, 'gaming')
})
after(async () => {
	await backend.close()
	fs.rmSync(s.options.env.DATA_DIR, { recursive: true })
})

let users = 0
const claims = (more) => token({ id: `u${++users}`, username: `Name ${users}`, role: 'user', ...more })
/* A user, who knows who it is. */
async function player(t, more = {}) {
	const text = claims(more)
	return known(await connect(t, s, { token: text }), text)
}
function known(socket, text) {
	const { id, username } = JSON.parse(Buffer.from(text.split('.')[1], 'base64url'))
	return Object.assign(socket, { user: id, username, hears: listen(socket) })
}
/* Two users on two workers. */
async function pair(t, more = {}) {
	const texts = []
	const two = await connect_each(t, s, 2, (i) => ({ token: (texts[i] ??= claims(more)) }))
	return two.map((c, i) => known(c, texts[i]))
}
let number = 0
/* A game of these players, who have joined it. */
async function game(players, { allowSpectators = true } = {}) {
	const gameId = `g${++number}`
	games.set(gameId, { players: players.map((p) => p.user), spectators: [], state: { moves: [] }, turn: players[0].user, allowSpectators })
	for (const p of players) {
		assert.deepEqual(await ask(p, 'game:join', { gameId }), { success: true })
		await p.hears.next('game:joined')
	}
	return gameId
}
const rooms_of = async (c) => (await api(s, 'GET', `/v1/sockets/${c.id}`)).json.rooms
const http_get = (path, headers = {}, port = s.port) => new Promise((resolve, reject) => {
	http.get({ port, path, headers, agent: false }, (r) => {
		const parts = []
		r.on('data', (d) => parts.push(d)).on('end', () => resolve({ status: r.statusCode, headers: r.headers, bytes: Buffer.concat(parts) }))
	}).on('error', reject)
})
const OPEN = '/socket.io/?EIO=4&transport=polling'

test('S1-09, S1-10, S1-11, S1-12, S1-13 the transport: heartbeats, sizes, both transports, upgrades', async (t) => {
	const { bytes } = await http_get(OPEN)
	const { pingInterval, pingTimeout, maxPayload, upgrades } = JSON.parse(bytes.toString().slice(1))
	assert.deepEqual({ pingInterval, pingTimeout, maxPayload, upgrades }, { pingInterval: 25000, pingTimeout: 60000, maxPayload: 1e6, upgrades: ['websocket'] })
	assert.ok(block(conf, 'engine').includes('upgrade_timeout = 10s'))
	for (const transports of [['websocket', 'polling'], ['polling', 'websocket']]) {
		const c = await connect(t, s, { token: claims(), transports })
		await until('WebSocket', () => c.io.engine.transport.name === 'websocket')
	}
	const c = await connect(t, s, { token: claims() })
	const gone = next(c, 'disconnect')
	c.emit('game:resign', { gameId: 'x'.repeat(1e6) })
	await gone
})

test('S1-08 origins: by default one, from the environment several, with credentials', async () => {
	const from = async (port, origin) => {
		const { status, headers } = await http_get(OPEN, { origin }, port)
		return [status, headers['access-control-allow-origin'], headers['access-control-allow-credentials']]
	}
	assert.deepEqual(await from(s.port, 'http://localhost:3000'), [200, 'http://localhost:3000', 'true'])
	assert.equal((await from(s.port, 'https://a.example'))[0], 403)
	const two = await serve('gaming', { env: { ...env, ALLOWED_ORIGINS: 'https://a.example,https://b.example' } })
	for (const origin of ['https://a.example', 'https://b.example']) assert.deepEqual(await from(two.port, origin), [200, origin, 'true'])
	assert.equal((await from(two.port, 'http://localhost:3000'))[0], 403)
	await two.destroy()
})

test('S1-14 compression: of WebSocket messages, and of polls', async (t) => {
	const ws = await Wire.open(t, s.port)
	ws.write(handshake({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }))
	assert.match((await ws.response()).headers['sec-websocket-extensions'], /^permessage-deflate/)
	const { bytes } = await http_get(OPEN)
	const { sid: mine } = JSON.parse(bytes.toString().slice(1))
	await new Promise((resolve) => http.request({ port: s.port, method: 'POST', path: `${OPEN}&sid=${mine}`, agent: false }, resolve).end(`40{"token":"${claims({ id: 'zip' })}"}`))
	await http_get(`${OPEN}&sid=${mine}`)
	await emit(s, 'user:zip', 'big', 'x'.repeat(3000))
	const big = await http_get(`${OPEN}&sid=${mine}`, { 'accept-encoding': 'gzip' })
	assert.equal(big.headers["content-encoding"], "gzip")
	assert.ok(big.bytes.length < 1000)
})

test('S1-15 the cookie gaming-platform-socket, HttpOnly, SameSite=Strict', async () => {
	const { headers } = await http_get(OPEN)
	assert.match(headers['set-cookie'][0], /^gaming-platform-socket=[\w-]{20}; Path=\/; HttpOnly; SameSite=Strict$/)
})

test('S1-16, S1-18 the token in auth or in the header; who it is: id, name, role', async (t) => {
	const text = token({ sub: 'of another', id: 'ada1', username: 'Ada', name: 'of another', role: 'admin' })
	const in_auth = await connect(t, s, { token: text })
	const in_header = await connect(t, s, { extraHeaders: { authorization: `Bearer ${text}` }, transports: ['polling'] })
	for (const c of [in_auth, in_header]) assert.deepEqual((await api(s, 'GET', `/v1/sockets/${c.id}`)).json.user, { id: 'ada1', name: 'Ada', role: 'admin' })
	assert.ok(block(conf, 'auth').join('\n').match(/sources = \{?auth.token, bearer/))
})

test('S1-17 Authentication failed, whatever was wrong', async (t) => {
	for (const options of [{}, { token: 'nonsense' }, { token: token({ id: 'x', exp: 1 }) }, { token: token({ id: 'x' }, { secret: 'another secret of thirty-two bytes' }) }])
		assert.equal((await refused(t, s, options)).message, 'Authentication failed')
})

test('S1-19 ten events a second of a user, on both workers together; Rate limit exceeded', async (t) => {
	const text = claims()
	const two = await connect_each(t, s, 2, () => ({ token: text }))
	const answers = await Promise.all(Array.from({ length: 13 }, (_, i) => ask(two[i % 2], 'lobby:leave')))
	assert.equal(answers.filter((a) => a.success).length, 10)
	assert.deepEqual(answers.filter((a) => !a.success), Array(3).fill({ success: false, error: 'Rate limit exceeded', code: 'rate_limited' }))
	const told = next(two[0], 'error')
	two[0].emit('lobby:leave')
	assert.deepEqual(await told, [{ message: 'Rate limit exceeded' }])
	await sleep(1050)
	assert.deepEqual(await ask(two[1], 'lobby:leave'), { success: true })
})

test('S1-20 every event is a line at debug: user, name, socket, time', async (t) => {
	const [a] = await pair(t)
	await ask(a, 'lobby:join', { gameType: 'chess' })
	await until('the line', () => new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\S+Z debug worker \\d event sid=${a.id} name=lobby:join user=${a.user}$`, 'm').test(s.log))
})

test('S1-22, S1-23, S1-26 sockets of a user, the room user:ID, and nothing is left of who disconnects', async (t) => {
	const text = claims()
	const two = await connect_each(t, s, 2, () => ({ token: text }))
	const { user } = known(two[0], text)
	const found = (await api(s, 'GET', `/v1/users/${user}`)).json
	assert.deepEqual({ ...found, sockets: found.sockets.sort() }, { id: user, online: true, sockets: two.map((c) => c.id).sort() })
	for (const c of two) assert.ok((await rooms_of(c)).includes(`user:${user}`))
	await ask(two[0], 'lobby:join', { gameType: 'go-left' })
	two[0].disconnect()
	await until('one socket', async () => (await api(s, 'GET', `/v1/users/${user}`)).json.sockets.length === 1)
	two[1].disconnect()
	await until('none', async () => (await api(s, 'GET', `/v1/users/${user}`)).json.online === false)
	assert.equal((await api(s, 'GET', `/v1/sockets/${two[0].id}`)).status, 404)
	assert.equal((await api(s, 'GET', `/v1/rooms/user:${user}`)).status, 404)
})

test('S1-24 the backend hears of the first and of the last socket of a user, once each', async (t) => {
	const text = claims()
	const two = await connect_each(t, s, 2, () => ({ token: text }))
	const { user } = known(two[0], text)
	const n = (event) => asked('/notifications', event, user).length
	await until('online', () => n('online') >= 1)
	const offline = n('offline') /* sockets that connect_each let go */
	two[0].disconnect()
	await sleep(QUIET_MS)
	assert.equal(n('offline'), offline)
	two[1].disconnect()
	await until('offline', () => n('offline') === offline + 1)
	assert.equal(n('online'), n('offline'))
})

test('S1-25 connection:confirmed {socketId, serverTime, features}, by role', async (t) => {
	for (const [role, features] of [['user', ['game', 'lobby', 'tournament']], ['admin', ['game', 'lobby', 'tournament', 'admin']]]) {
		const c = dial(t, s, { token: claims({ role }) })
		const [data] = await next(c, 'connection:confirmed')
		assert.deepEqual(Object.keys(data), ['socketId', 'serverTime', 'features'])
		assert.equal(data.socketId, c.id)
		assert.deepEqual(data.features, features)
		recent(data.serverTime)
		assert.equal((await rooms_of(c)).includes('admin:all'), role === 'admin')
	}
})

test('S1-27 a line for who disconnects: user, socket, reason, duration', async (t) => {
	const a = await player(t)
	const sid = a.id
	a.disconnect()
	await until('the line', () => new RegExp(`info worker \\d disconnect sid=${sid} user=${a.user} reason="client namespace disconnect" duration_ms=\\d+$`, 'm').test(s.log))
})

test('S1-28, S1-56, S1-57, S1-58, S1-59 game:join: players, and spectators where allowed; a snapshot; the others hear of spectators', async (t) => {
	const [a, b] = await pair(t)
	const [c, d] = await pair(t)
	games.set('gj', { players: [a.user, b.user], spectators: ['x'], state: { board: '8/8' }, turn: a.user, allowSpectators: true })
	assert.deepEqual(await ask(a, 'game:join', { gameId: 'gj' }), { success: true })
	const snapshot = (is) => `{"gameId":"gj","gameState":{"board":"8/8"},"players":["${a.user}","${b.user}"],"spectators":["x"],"isPlayer":${is}}`
	assert.equal(await a.hears.next('game:joined'), snapshot(true))
	await ask(b, 'game:join', { gameId: 'gj' })
	await ask(c, 'game:join', { gameId: 'gj' })
	assert.equal(await c.hears.next('game:joined'), snapshot(false))
	for (const one of [a, b]) assert.equal(await one.hears.next('game:spectator-joined'), `{"userId":"${c.user}","username":"${c.username}"}`)
	assert.ok((await rooms_of(a)).includes('game:gj'))
	games.get('gj').allowSpectators = false
	const told = next(d, 'error')
	d.emit('game:join', { gameId: 'gj' })
	assert.deepEqual(await told, [{ message: 'Cannot join this game' }])
	assert.ok(!(await rooms_of(d)).includes('game:gj'))
	assert.equal(c.hears.count('game:spectator-joined'), 0, 'players are no news, and oneself is not')
	assert.equal(a.hears.count('game:spectator-joined'), 1)
	assert.deepEqual([a, b, c].map((one) => one.hears.count('game:joined')), [1, 1, 1], 'the snapshot is for who joins')
})

test('S1-29, S1-50, S1-51, S1-52, S1-53, S1-74 game:move: players, in turn, by the rules; game:move-made to all of the game', async (t) => {
	const [a, b] = await pair(t)
	const c = await player(t)
	const gameId = await game([a, b])
	assert.deepEqual(await ask(a, 'game:move', { gameId, move: { from: 'e2', to: 'e4' }, timeLeft: 58.5 }), { success: true })
	const text = `{"gameId":"${gameId}","move":{"from":"e2","to":"e4"},"player":"${a.user}","gameState":{"moves":[{"from":"e2","to":"e4"}]},"timeLeft":58.5}`
	for (const one of [a, b]) assert.equal(await one.hears.next('game:move-made'), text)
	const [body] = asked('/games', 'game:move', a.user)
	assert.deepEqual(body.args, [{ gameId, move: { from: 'e2', to: 'e4' }, timeLeft: 58.5 }])
	assert.equal(body.room, `game:${gameId}`)
	for (const [who, message, move] of [[c, 'You are not a player in this game', 1], [a, 'It is not your turn', 1], [b, 'Invalid state transition', 'impossible']]) {
		const told = next(who, 'error')
		who.emit('game:move', { gameId, move })
		assert.deepEqual(await told, [{ message }])
	}
	assert.deepEqual(await ask(b, 'game:move', { gameId, move: 1, timeLeft: 'soon' }), { success: false, error: 'Invalid message', code: 'invalid' })
	await ask(b, 'game:move', { gameId, move: 'e5' })
	assert.equal(JSON.parse(await a.hears.next('game:move-made')).move, 'e5', 'none of the refused ones came')
})

test('S1-54 the end of a game: game:ended to its room, and what else the backend wants to be done', async (t) => {
	const [a, b] = await pair(t)
	const admin = await player(t, { role: 'admin' })
	const gameId = await game([a, b])
	await ask(a, 'game:move', { gameId, move: 'check' })
	await ask(b, 'game:move', { gameId, move: 'away' })
	for (const one of [a, b]) assert.equal(one.hears.count('game:ended'), 0, 'it goes on')
	await ask(a, 'game:move', { gameId, move: 'mate' })
	for (const one of [a, b]) assert.equal(await one.hears.next('game:ended'), `{"gameId":"${gameId}","result":{"winner":"${a.user}"}}`)
	assert.equal(await admin.hears.next('game:archived'), `{"gameId":"${gameId}"}`)
	for (const event of ['game:join', 'game:spectate', 'game:stop-spectating']) assert.equal((await ask(admin, event, {})).code, 'invalid', event)
	assert.deepEqual([a, b].map((c) => c.hears.count('game:ended')), [1, 1])
})

test('S1-55 a handler that fails: error {message} to the player, a line with the user', async (t) => {
	const [a, b] = await pair(t)
	const gameId = await game([a, b])
	const told = next(a, 'error')
	a.emit('game:move', { gameId, move: 'crash' })
	assert.deepEqual(await told, [{ message: 'The request could not be handled, try again later' }])
	await until('the lines', () => new RegExp(`debug worker \\d event_refused sid=${a.id} code=hook_failed user=${a.user} `).test(s.log) && /warn worker \d hook_failed hook=games why=status/.test(s.log))
	await ask(a, 'game:move', { gameId, move: 'e4' })
	assert.equal(JSON.parse(await b.hears.next('game:move-made')).move, 'e4', 'nothing went out for the one that failed')
})

test('S1-30..36 resign, draws and revenges go to the backend, which replies what is to be sent', async (t) => {
	const [a, b] = await pair(t)
	const gameId = await game([a, b])
	for (const name of ['resign', 'offer-draw', 'accept-draw', 'decline-draw', 'offer-revenge', 'accept-revenge', 'decline-revenge']) {
		const event = `game:${name}`
		assert.deepEqual(await ask(a, event, { gameId, more: 'is dropped' }), { success: true })
		assert.deepEqual(asked('/games', event, a.user)[0].args, [{ gameId }])
		assert.equal(await b.hears.next(`${event}:done`), `{"by":"${a.user}"}`)
	}
	const c = await player(t)
	assert.equal((await ask(c, 'game:resign', { gameId })).code, 'not_member')
	assert.equal((await ask(c, 'game:resign', {})).code, 'invalid')
})

test('S1-37, S1-38 game:spectate and game:stop-spectating', async (t) => {
	const [a, b] = await pair(t)
	const c = await player(t)
	const gameId = await game([a, b])
	assert.deepEqual(await ask(c, 'game:spectate', { gameId }), { success: true })
	await ask(a, 'game:move', { gameId, move: 'd4' })
	await c.hears.next('game:move-made')
	assert.deepEqual(await ask(c, 'game:stop-spectating', { gameId }), { success: true })
	assert.ok(!(await rooms_of(c)).includes(`game:${gameId}`))
	games.get(gameId).allowSpectators = false
	assert.equal((await ask(c, 'game:spectate', { gameId })).error, 'Cannot join this game')
})

test('S1-39, S1-40, S1-63 lobby:join {gameType}, lobby:leave, and what a lobby hears', async (t) => {
	const [a, b] = await pair(t)
	for (const c of [a, b]) assert.deepEqual(await ask(c, 'lobby:join', { gameType: 'chess' }), { success: true })
	assert.ok((await rooms_of(a)).includes('lobby:chess'))
	await emit(s, 'lobby:chess', 'lobby:news', { n: 1 })
	for (const c of [a, b]) assert.equal(await c.hears.next('lobby:news'), '{"n":1}')
	assert.deepEqual(await ask(a, 'lobby:leave'), { success: true })
	assert.ok(!(await rooms_of(a)).some((r) => r.startsWith('lobby:')))
	await emit(s, 'lobby:chess', 'lobby:news', { n: 2 })
	await b.hears.next('lobby:news')
	assert.equal(a.hears.count('lobby:news'), 1)
})

test('S1-41..45 rooms of a lobby: create, join with a password, ready and unready, leave', async (t) => {
	const [a, b] = await pair(t)
	const { success, roomId } = await ask(a, 'lobby:create-room', { name: 'Ours', password: 'sesame', maxPlayers: 2 })
	assert.equal(success, true)
	assert.deepEqual(asked('/lobbies', 'lobby:create-room', a.user)[0].args, [{ name: 'Ours', password: 'sesame', maxPlayers: 2 }])
	assert.equal((await ask(b, 'lobby:join-room', { roomId, password: 'wrong' })).error, 'Wrong password')
	assert.equal((await ask(b, 'lobby:ready', { roomId })).code, 'not_member')
	assert.deepEqual(await ask(b, 'lobby:join-room', { roomId, password: 'sesame' }), { success: true })
	assert.equal(await a.hears.next('lobby:room-joined'), `{"roomId":"${roomId}","userId":"${b.user}"}`)
	for (const event of ['lobby:ready', 'lobby:unready']) {
		assert.deepEqual(await ask(b, event, { roomId }), { success: true })
		for (const c of [a, b]) assert.equal(await c.hears.next(event), `{"roomId":"${roomId}","userId":"${b.user}"}`)
		assert.equal(asked('/lobbies', event, b.user).length, 1)
	}
	assert.deepEqual(await ask(b, 'lobby:leave-room', { roomId }), { success: true })
	assert.equal(await a.hears.next('lobby:room-left'), `{"roomId":"${roomId}","userId":"${b.user}"}`)
	assert.ok(!(await rooms_of(b)).includes(`lobby-room:${roomId}`))
	assert.equal(b.hears.count('lobby:room-joined') + b.hears.count('lobby:room-left'), 0)
})

test('S1-46..49, S1-62 tournament:join, leave, spectate, stop-spectating, and what a tournament hears', async (t) => {
	const [a, b] = await pair(t)
	const T = { tournamentId: 't1' }
	for (const [into, out] of [['join', 'leave'], ['spectate', 'stop-spectating']]) {
		assert.deepEqual(await ask(a, `tournament:${into}`, T), { success: true })
		assert.deepEqual(asked('/tournaments', `tournament:${into}`, a.user)[0].args, [T])
		const seen = a.hears.count('tournament:round')
		await emit(s, 'tournament:t1', 'tournament:round', 1)
		await until('it', () => a.hears.count('tournament:round') === seen + 1)
		assert.deepEqual(await ask(a, `tournament:${out}`, T), { success: true })
		assert.ok(!(await rooms_of(a)).includes('tournament:t1'))
		assert.equal((await ask(a, `tournament:${out}`, T)).code, 'not_member')
	}
	assert.equal((await ask(b, 'tournament:join', { tournamentId: 'full' })).error, 'Tournament is full')
	assert.equal((await ask(b, 'tournament:spectate', { tournamentId: 'full' })).error, 'Tournament is full')
	assert.equal(b.hears.count('tournament:round'), 0)
})

test('S1-05 each kind of event has its backend, asked by signed requests', async (t) => {
	const [a, b] = await pair(t)
	await game([a, b])
	await ask(a, 'lobby:create-room', {})
	await ask(a, 'tournament:join', { tournamentId: 'x' })
	await until('notifications', () => asked('/notifications', 'online', a.user).length > 0)
	for (const [url, event] of [['/games', 'game:join'], ['/lobbies', 'lobby:create-room'], ['/tournaments', 'tournament:join'], ['/notifications', 'online']]) {
		const i = backend.asked.findIndex((q, k) => q.event === event && q.user?.id === a.user && backend.heads[k].url === url)
		assert.ok(i >= 0, url)
		assert.equal(backend.heads[i]['forkcast-signature'], signature(HOOK_SECRET, backend.heads[i]))
	}
	await publish(s, 'notification', { text: 'hi' }, { userId: a.user })
	assert.equal(await a.hears.next('notification'), '{"text":"hi"}')
	await silent('notification', b.hears)
})

test('S1-60, S1-61, S1-64, S1-65 publish to a user, to a game but one, to administrators, to everybody', async (t) => {
	const [a, b] = await pair(t)
	const [c, d] = await pair(t, { role: 'admin' })
	const gameId = await game([a, b])
	await emit(s, `user:${a.user}`, 'to-user', 1)
	await a.hears.next('to-user')
	await emit(s, `game:${gameId}`, 'to-game', 1, { except: `user:${a.user}` })
	await b.hears.next('to-game')
	await emit(s, 'role:admin', 'to-admins', 1)
	for (const x of [c, d]) await x.hears.next('to-admins')
	await emit(s, 'all', 'to-all', { n: 1 })
	for (const x of [a, b, c, d]) assert.equal(await x.hears.next('to-all'), '{"n":1}')
	assert.deepEqual([a, b, c, d].map((x) => ['to-user', 'to-game', 'to-admins'].map((e) => x.hears.count(e)).join('')), ['100', '010', '001', '001'])
})

test('S1-66 publish later, and call it off; what waits is kept on disk', async (t) => {
	const [a, b] = await pair(t)
	const at = []
	for (const [id, to] of [['later-1', `user:${a.user}`], ['later-2', `user:${b.user}`]]) {
		const { status, json, text } = await emit(s, to, 'later', { n: 1 }, { id, delay: 1000 })
		assert.equal(status, 202, text)
		at.push(json.at)
	}
	assert.equal((await api(s, 'DELETE', '/v1/schedules/later-2')).json.cancelled, true)
	assert.equal(a.hears.count('later'), 0)
	assert.equal(await a.hears.next('later'), '{"n":1}')
	assert.ok(Date.now() >= at[0] - 20 && at[0] > Date.now() - 5000)
	await silent('later', b.hears)
	const { json } = await emit(s, `user:${a.user}`, 'never', 1, { id: 'later-3', delay: '1h' })
	assert.deepEqual((await api(s, 'GET', '/v1/schedules')).json.items.map((x) => [x.id, x.event, x.at]), [['later-3', 'never', json.at]])
	await api(s, 'DELETE', '/v1/schedules/later-3')
})

test('S1-67, S1-72 types of rooms: who may join; lobbies and those of administrators stay when empty', async (t) => {
	const a = await player(t)
	const admin = await player(t, { role: 'admin' })
	for (const room of ['game', 'tournament', 'admin', 'user', 'lobby-room']) assert.equal((await ask(a, 'subscribe', { room, id: 'x' })).code, 'forbidden', room)
	assert.equal((await ask(a, 'subscribe', { room: 'lobby', id: 'stays' })).success, true)
	assert.equal((await ask(admin, 'subscribe', { room: 'admin', id: 'stays' })).success, true)
	await ask(a, 'unsubscribe', { room: 'lobby', id: 'stays' })
	await ask(admin, 'unsubscribe', { room: 'admin', id: 'stays' })
	for (const room of ['lobby:stays', 'admin:stays']) assert.deepEqual((await api(s, 'GET', `/v1/rooms/${room}`)).json, { name: room, users: 0, sockets: 0, meta: {} })
})

test('S1-69, S1-70, S1-71 the result of a join, in the log too; who is in a room; empty ones go', async (t) => {
	const [a, b] = await pair(t)
	const gameId = await game([a, b])
	await until('the line', () => new RegExp(`debug worker \\d join sid=${a.id} user=${a.user} room=game:${gameId}$`, 'm').test(s.log))
	assert.equal((await ask(a, 'subscribe', { room: 'admin', id: 'y' })).success, false)
	await until('the refusal', () => new RegExp(`event_refused sid=${a.id} code=forbidden user=${a.user} `).test(s.log))
	const client = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: KEY })
	assert.deepEqual((await client.users(`game:${gameId}`)).sort(), [a.user, b.user].sort())
	client.close()
	for (const c of [a, b]) await ask(c, 'game:stop-spectating', { gameId })
	assert.equal((await api(s, 'GET', `/v1/rooms/game:${gameId}`)).status, 404)
})

test('S1-02 health for a balancer, and a client that polls over whichever worker', async (t) => {
	assert.equal((await api(s, 'GET', '/health', undefined, { key: null })).status, 200)
	assert.equal((await api(s, 'GET', '/ready', undefined, { key: null })).status, 200)
	const text = claims()
	const c = known(await connect(t, s, { token: text, transports: ['polling'], upgrade: false }), text)
	const before = await metric(s, 'handover_total')
	/* each request on a connection of its own: the kernel chooses the worker, the session stays where it is */
	await until('a request at the other worker', async () => {
		await new Promise((resolve) => http.request({ port: s.port, method: 'POST', path: `${OPEN}&sid=${c.io.engine.id}`, agent: false }, resolve).end('42["lobby:leave"]'))
		return (await metric(s, 'handover_total')) > before
	})
	await sleep(1050)
	assert.deepEqual(await ask(c, 'lobby:join', { gameType: 'polled' }), { success: true })
	assert.ok((await rooms_of(c)).includes('lobby:polled'))
})

test('S1-93, S1-94, S1-95 the breaker: after 5 failures, of that event alone, closed by a success', async (t) => {
	assert.deepEqual(block(conf, 'hook "games"').slice(-5), ['breaker {', 'failures = 5', 'reset = 1m', "text = 'Circuit breaker is open for operation: {@event}'", '}'])
	let good = false
	const own = await new Backend((body, _, response) => (good || body.event !== 'game:resign' ? [] : (response.writeHead(503).end(), null))).listen()
	t.after(() => own.close())
	const one = await serve('gaming', { workers: 1, env: { ...env, GAMES_URL: `http://127.0.0.1:${own.port}/games` }, edit: [['reset = 60s', 'reset = 1s'], ['rate = 10/1s', 'rate = 1000/1s']] })
	const c = await connect(t, one, { token: claims() })
	await ask(c, 'game:spectate', { gameId: '1' })
	const resign = () => ask(c, 'game:resign', { gameId: '1' })
	for (let i = 0; i < 5; i++) assert.equal((await resign()).error, 'The request could not be handled, try again later')
	const n = own.asked.length
	assert.deepEqual(await resign(), { success: false, error: 'Circuit breaker is open for operation: game:resign', code: 'hook_failed' })
	assert.equal(own.asked.length, n, 'the backend is left alone')
	assert.deepEqual(await ask(c, 'game:offer-draw', { gameId: '1' }), { success: true }, 'another operation')
	good = true
	await sleep(1050)
	for (let i = 0; i < 6; i++) assert.deepEqual(await resign(), { success: true })
	await one.destroy()
})

test('S1-97, S1-98 figures: events by name and errors; latency, queues, memory', async (t) => {
	const a = await player(t)
	const before = await metric(s, 'refused_total', { reason: 'not_member' })
	await ask(a, 'game:resign', { gameId: 'none' })
	await ask(a, 'lobby:join', { gameType: 'm' })
	assert.equal(await metric(s, 'refused_total', { reason: 'not_member' }), before + 1)
	const stats = (await api(s, 'GET', '/v1/stats')).json
	assert.ok(stats.events['lobby:join'] > 0 && stats.events['game:resign'] > 0)
	assert.ok(stats.latency.publish_to_flush_p50_us > 0 && stats.memory > 0)
	for (const p of stats.processes.filter((x) => x.role === 'worker')) for (const key of ['backlog_bytes', 'overflow_bytes', 'ring_lag']) assert.equal(typeof p[key], 'number')
})
