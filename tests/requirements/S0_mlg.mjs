/* S0_mlg.mjs - the clan: wallets log in, backends publish votes, clans, content, users. */
import http from 'node:http'
import net from 'node:net'
import tls from 'node:tls'
import { before } from 'node:test'
import { io } from 'socket.io-client'
import { CacheReceiver, CacheSync, Client, RepositoryEventEmitter } from '../../client/node/index.mjs'
import { Wallet, login, post } from '../e2e/wallets.mjs'
import { KEY, QUIET_MS, api, ask, assert, block, connect, connect_each, effective, listen, next, publish, recent, serve, silent, sleep, test, token, until } from './system.mjs'

let s
let conf
before(async () => {
	s = await serve('mlg', { edit: [['interval = 30s', 'interval = 300ms'], ['rate = 300/1m', 'rate = 100000/1m']] })
	conf = effective(s, 'mlg')
})

/* Whoever this is, a wallet signs; CLAIMS: what the platform's own login put into its token. */
async function authenticated(socket, claims = {}, wallet = new Wallet()) {
	const { signature, message } = wallet.proof()
	const answer = await ask(socket, 'authenticate', token({ sub: wallet.key, ...claims }), signature, message)
	assert.deepEqual(answer.success, true, JSON.stringify(answer))
	return Object.assign(socket, { key: wallet.key, hears: listen(socket) })
}

/* Two users on two workers. */
async function pair(t, claims = {}) {
	const two = await connect_each(t, s, 2, () => ({}))
	for (const one of two) await authenticated(one, claims)
	return two
}

async function join(socket, room, id) {
	assert.deepEqual(await ask(socket, 'subscribe', { room, id }), { success: true, room: `${room}:${id}`, message: `Subscribed to ${room}:${id}` })
}

test('S0-27 system:connection on every connection, before anybody is known', async (t) => {
	for (let i = 0; i < 2; i++) {
		const socket = io(`http://127.0.0.1:${s.port}`, { transports: ['websocket'], forceNew: true })
		t.after(() => socket.disconnect())
		const [data] = await next(socket, 'system:connection')
		assert.deepEqual(Object.keys(data), ['status', 'socketId', 'timestamp'])
		assert.deepEqual([data.status, data.socketId], ['connected', socket.id])
		recent(data.timestamp)
	}
})

test('S0-03, S0-44, S0-45, S0-46 a wallet signs, POST /api/auth/wallet gives a token, authenticate takes both, on each worker', async (t) => {
	const wallet = new Wallet()
	const message = `MLG.clan authentication: ${Date.now()}`
	const proof = wallet.proof({ message })
	const r = await post(s, proof, { path: '/api/auth/wallet' })
	assert.equal(r.status, 200, r.text)
	assert.deepEqual(Object.keys(r.json), ['token'])
	const answered = await post(s, proof, { path: '/api/auth/wallet' })
	assert.equal(answered.status, 409, 'a signature is worth one login')
	const stale = wallet.proof({ at: Date.now() - 5 * 60000 - 1000 })
	assert.equal((await post(s, stale)).status, 401)
	assert.equal((await post(s, wallet.proof({ message: `Other.app authentication: ${Date.now()}` }))).status, 401)
	for (const socket of await connect_each(t, s, 2, () => ({}))) {
		/* one of the two factors is not enough */
		assert.equal((await ask(socket, 'authenticate', r.json.token)).code, 'auth_missing')
		assert.equal((await ask(socket, 'authenticate', r.json.token, new Wallet().proof().signature, message)).code, 'auth_invalid')
		const told = next(socket, 'authenticated')
		assert.deepEqual(await ask(socket, 'authenticate', r.json.token, proof.signature, message), { success: true, user: { id: wallet.key, name: null, role: null } })
		assert.equal((await told)[0].userId, wallet.key)
	}
})

test('S0-22, S0-23, S0-28 a connection without a token; authenticate; authenticated and system:authentication', async (t) => {
	for (const socket of await connect_each(t, s, 2, () => ({}))) {
		assert.equal((await ask(socket, 'subscribe', { room: 'content', id: '1' })).code, 'auth_missing', 'nothing before')
		const heard = listen(socket)
		await authenticated(socket, { username: 'Ada', name: 'of another', role: 'moderator' })
		assert.equal(await heard.next('authenticated'), `{"userId":"${socket.key}","username":"Ada","role":"moderator","rooms":["user:${socket.key}","role:moderator","global:all"]}`)
		assert.equal(await heard.next('system:authentication'), `{"status":"authenticated","userId":"${socket.key}"}`)
	}
	assert.ok(block(conf, 'in_band').includes('deadline = 15s'), 'who says nothing has 15 s')
})

test('S0-22 with one factor the token alone is enough, and who brings none in time is disconnected', async (t) => {
	const one = await serve('mlg', { edit: [['factors = both', 'factors = token'], ['deadline = 15s', 'deadline = 2s']] })
	const [a, b] = await connect_each(t, one, 2, () => ({}))
	const gone = next(b, 'disconnect')
	const told = next(a, 'authenticated')
	a.emit('authenticate', token({ sub: 'ada' }))
	assert.equal((await told)[0].userId, 'ada')
	assert.equal((await gone)[0], 'io server disconnect')
	assert.ok(a.connected)
	await one.destroy()
})

test('S0-57 authentication_failed {error}', async (t) => {
	for (const socket of await connect_each(t, s, 2, () => ({}))) {
		const heard = listen(socket)
		socket.emit('authenticate', 'no token', 'x', 'y')
		assert.equal(await heard.next('authentication_failed'), '{"error":"Authentication failed"}')
		assert.equal(await heard.next('system:authentication'), '{"status":"failed"}')
	}
})

test('S0-55 connect_error reaches the client with its text', async (t) => {
	const socket = io(`http://127.0.0.1:${s.port}/nowhere`, { transports: ['websocket'], forceNew: true, reconnection: false })
	t.after(() => socket.disconnect())
	const [error] = await next(socket, 'connect_error')
	assert.equal(error.message, 'Invalid namespace')
})

test('S0-47, S0-24, S0-48, S0-49, S0-50 subscriptions: the own room is there, clans are for members, content and voting for users, any room', async (t) => {
	const [a, b] = await pair(t, { clans: ['7', 'red'] })
	for (const c of [a, b]) {
		const own = await ask(c, 'subscribe', { room: 'user', id: c.key })
		assert.equal(own.success, true)
		await join(c, 'clan', '7')
		await join(c, 'voting', 'c1')
		await join(c, 'content', 'c1')
		await join(c, 'room', 'custom_room_id')
		assert.deepEqual(await ask(c, 'getRooms'), [`user:${c.key}`, 'global:all', 'clan:7', 'voting:c1', 'content:c1', 'room:custom_room_id'])
		assert.equal((await ask(c, 'subscribe', { room: 'clan', id: '8' })).code, 'forbidden')
	}
	assert.equal((await ask(a, 'subscribe', { room: 'user', id: b.key })).code, 'forbidden')
	assert.equal((await ask(a, 'subscribe', { room: 'admin', id: 'all' })).code, 'forbidden')
})

test('S0-51, S0-52 room_joined {roomId} and room_left {roomId}', async (t) => {
	const [a, b] = await pair(t)
	for (const c of [a, b]) {
		await join(c, 'content', 'x')
		assert.equal(await c.hears.next('room_joined'), '{"roomId":"content:x"}')
	}
	await ask(a, 'unsubscribe', { room: 'content', id: 'x' })
	assert.equal(await a.hears.next('room_left'), '{"roomId":"content:x"}')
	await silent('room_left', b.hears)
	assert.deepEqual([a, b].map((c) => c.hears.count('room_joined')), [1, 1], 'each hears of itself alone')
})

/* What is published is what arrives, byte for byte, for those in the room and for nobody else. */
async function arrives(a, b, type, text, vars) {
	const before = b.hears.count(type)
	const r = await api(s, 'POST', '/v1/events', `{"type": "${type}", "data": ${text}${vars ? `, "vars": ${JSON.stringify(vars)}` : ''}}`, { headers: { 'content-type': 'application/json' } })
	assert.equal(r.status, 202, `${type}: ${r.text}`)
	assert.equal(await a.hears.next(type), text)
	return () => assert.equal(b.hears.count(type), before, `${type} is not for everybody`)
}

const events_of = (name, rows) => test(name, async (t) => {
	const [a, b] = await pair(t, { clans: ['7'] })
	await join(a, 'clan', '7')
	await join(a, 'voting', 'c1')
	await join(a, 'content', 'c1')
	await join(a, 'tournament', 't1')
	const after = []
	for (const [type, text, vars] of rows(a)) after.push(await arrives(a, b, type, text, vars))
	await sleep(QUIET_MS)
	for (const check of after) check()
})

events_of('S0-32, S0-14 user:profile_updated and progress, to the user alone', (a) => [
	['user:profile_updated', '{"name":"Ada","n":1.50,"a":[1, 2]}', { userId: a.key }],
	['user:achievement_unlocked', '{"achievementName":"First blood","extra":1}', { userId: a.key }],
	['user:balance_updated', '{"newBalance":123456789012345678901234567890}', { userId: a.key }],
	['user:reputation_changed', '{"reputation":12}', { userId: a.key }],
	['user:level_up', '{"level":3}', { userId: a.key }]
])

events_of('S0-35, S0-36, S0-37, S0-12 clan:member_joined, clan:leaderboard_updated, clan:proposal_created, to the clan', () => [
	['clan:member_joined', '{"username":"bob","more":[1]}', { clanId: '7' }],
	['clan:member_left', '{"username":"bob","more":[1]}', { clanId: '7' }],
	['clan:leaderboard_updated', '{"leaderboard":[{"user":"bob","score":10}],"more":1}', { clanId: '7' }],
	['clan:proposal_created', '{"title":"Raise the fee","more":1}', { clanId: '7' }]
])

events_of('S0-39, S0-11 vote:mlg_burned and counts, to who watches the content', (a) => [
	['vote:mlg_burned', '{"contentId":"c1","tokensBurned":25.5}', { userId: a.key }],
	['vote:count_updated', '{"contentId":"c1","newCount":42,"more":1}']
])

events_of('S0-41 content:approved {title}, and engagement', (a) => [
	['content:approved', '{"contentId":"c1","title":"My clip","more":1}', { authorId: a.key }],
	['content:rejected', '{"contentId":"c1","reason":"spam"}', { authorId: a.key }],
	['content:engagement', '{"contentId":"c1","type":"like","more":1}']
])

events_of('S0-15 news of tournaments, to who follows them', () => [['tournament:updated', '{"tournamentId":"t1","round":2}']])

test('S0-13 moderation: submissions to moderators, verdicts to their author, trends to all', async (t) => {
	const [a, b] = await connect_each(t, s, 2, () => ({}))
	await authenticated(a, { role: 'moderator' })
	await authenticated(b)
	await publish(s, 'content:submitted', { contentId: 'c9' })
	assert.equal(await a.hears.next('content:submitted'), '{"contentId":"c9"}')
	await publish(s, 'content:approved', { contentId: 'c9', title: 'T' }, { authorId: b.key })
	assert.equal(await b.hears.next('content:approved'), '{"contentId":"c9","title":"T"}')
	await publish(s, 'content:trending_updated', { trending: ['c9'], more: 1 })
	for (const c of [a, b]) assert.equal(await c.hears.next('content:trending_updated'), '{"trending":["c9"],"more":1}')
	assert.equal(b.hears.count('content:submitted'), 0)
})

test('S0-30, S0-31 system:maintenance and system:alert, to all', async (t) => {
	const two = await pair(t)
	await publish(s, 'system:maintenance', { at: 'noon' })
	await publish(s, 'system:alert', { level: 'high' })
	for (const c of two) {
		assert.equal(await c.hears.next('system:maintenance'), '{"at":"noon"}')
		assert.equal(await c.hears.next('system:alert'), '{"level":"high"}')
	}
})

test('S0-01, S0-05 a backend publishes each event of the platform by its name', async () => {
	const names = ['system:maintenance', 'system:alert', 'user:profile_updated', 'user:achievement_unlocked', 'user:balance_updated',
		'clan:member_joined', 'clan:leaderboard_updated', 'clan:proposal_created', 'vote:count_updated', 'vote:mlg_burned',
		'content:approved', 'content:trending_updated', 'content:engagement']
	const data = { contentId: 'c', achievementName: 'x', username: 'x', leaderboard: [], title: 'x', newCount: 1, trending: [], type: 'x' }
	for (const type of names) await publish(s, type, data, { userId: 'u', clanId: 'c', authorId: 'u' })
	/* and fields are asked for: an event that lacks what clients read is told to who publishes it */
	for (const [type, field] of [['user:achievement_unlocked', 'data.achievementName'], ['clan:member_joined', 'data.username'], ['clan:leaderboard_updated', 'data.leaderboard'], ['clan:proposal_created', 'data.title'], ['vote:count_updated', 'data.newCount'], ['content:approved', 'data.title'], ['content:trending_updated', 'data.trending'], ['content:engagement', 'data.type']]) {
		const r = await api(s, 'POST', '/v1/events', { type, data: { ...data, [field.slice(5)]: undefined }, vars: { userId: 'u', clanId: 'c', authorId: 'u' } })
		assert.equal(r.status, 422, type)
		assert.equal(r.json.error.field, field)
	}
	assert.equal((await api(s, 'POST', '/v1/events', { type: 'user:unheard_of', data: {} })).status, 404)
})

test('S0-29 system:server_status {connections, memory, uptime}, to all, each 30 s', async (t) => {
	assert.ok(block(conf, 'every "status"').includes('interval = 30s'))
	for (const c of await pair(t)) {
		const { connections, memory, uptime, ...more } = JSON.parse(await c.hears.next('system:server_status'))
		assert.deepEqual(more, {})
		assert.ok(connections >= 2 && memory > 1e6 && uptime >= 0)
		assert.match(c.hears.texts('system:server_status')[0], /^\{"connections":\d+,"memory":\d+,"uptime":\d+\}$/)
	}
})

test('S0-40 vote:daily_limit_warning {remainingVotes}, then no more', async (t) => {
	const [a, b] = await pair(t)
	await join(a, 'voting', 'd1')
	await join(b, 'voting', 'd1')
	for (let i = 0; i < 10; i++) {
		assert.deepEqual(await ask(a, 'vote:cast', { contentId: 'd1' }), { success: true, remainingVotes: 9 - i })
		if (i % 5 === 4) await sleep(1050) /* five a second */
	}
	assert.deepEqual(b.hears.texts('vote:cast').length, 10)
	assert.equal(b.hears.texts('vote:cast')[0], `{"contentId":"d1","up":true,"userId":"${a.key}"}`)
	assert.deepEqual(a.hears.texts('vote:daily_limit_warning'), [2, 1, 0].map((n) => `{"remainingVotes":${n}}`))
	const more = await ask(a, 'vote:cast', { contentId: 'd1' })
	assert.deepEqual([more.success, more.error, more.code], [false, 'No votes are left for today', 'rate_limited'])
	assert.equal(b.hears.count('vote:daily_limit_warning'), 0)
	assert.equal((await ask(b, 'vote:cast', { contentId: 'd2' })).code, 'not_member')
})

test('S0-58 rate_limited {message, retryAfter}', async (t) => {
	const [a, b] = await pair(t)
	for (let i = 0; i < 6; i++) a.emit('vote:look', {})
	assert.equal(await a.hears.next('rate_limited'), '{"message":"Slow down","retryAfter":1}')
	b.emit('vote:look', {})
	await silent('rate_limited', b.hears)
	assert.equal(a.hears.count('rate_limited'), 1)
})

test('S0-06 limits are counted on all workers together, and roles have their own', async (t) => {
	const two = await connect_each(t, s, 2, () => ({}))
	const wallet = new Wallet()
	for (const c of two) await authenticated(c, {}, wallet)
	let passed = 0
	/* the two logins are not counted, the ends of a window are not waited for */
	for (let i = 0; i < 64; i++) if ((await ask(two[i % 2], 'getRooms')).code !== 'rate_limited') passed++
	assert.equal(passed, 60)
	for (const [role, n] of [['moderator', 300], ['admin', 1000]]) {
		const c = await authenticated(await connect(t, s, {}), { role })
		const all = await Promise.all(Array.from({ length: n + 5 }, () => ask(c, 'getRooms')))
		assert.equal(all.filter((x) => x.code !== 'rate_limited').length, n, role)
		assert.deepEqual((await connect_rooms(c)).includes('admin:all'), role === 'admin')
	}
})

async function connect_rooms(c) {
	return (await api(s, 'GET', `/v1/sockets/${c.id}`)).json.rooms
}

test('S0-04 the life of a connection: online, in its rooms, gone; health and readiness', async (t) => {
	for (const [path, status] of [['/health', 200], ['/ready', 200]]) assert.equal((await api(s, 'GET', path, undefined, { key: null })).status, status)
	const [a] = await pair(t)
	assert.deepEqual((await api(s, 'GET', `/v1/users/${a.key}`)).json, { id: a.key, online: true, sockets: [a.id] })
	a.disconnect()
	await until('offline', async () => (await api(s, 'GET', `/v1/users/${a.key}`)).json.online === false)
	const log = s.log.match(new RegExp(`disconnect sid=.* user=${a.key} .*`))[0]
	assert.match(log, /reason="client namespace disconnect" duration_ms=\d+/)
	assert.match(conf, /^limit "logins"/m)
})

test('S0-04 too many connections of one address are turned away', async (t) => {
	const one = await serve('mlg', { edit: [['rate = 300/1m', 'rate = 3/1m']] })
	for (let i = 0; i < 3; i++) await connect(t, one, {})
	const r = await new Promise((resolve) => http.get({ port: one.port, path: '/socket.io/?EIO=4&transport=polling', agent: false }, resolve))
	assert.equal(r.statusCode, 429)
	let text = ''
	for await (const part of r) text += part
	assert.equal(JSON.parse(text).message, 'Too many connections from this address')
	await one.destroy()
})

test('S0-07, S0-68 figures while it runs: /metrics and /v1/stats', async (t) => {
	const [a] = await pair(t)
	await join(a, 'voting', 'm')
	await ask(a, 'vote:cast', { contentId: 'm' })
	const stats = (await api(s, 'GET', '/v1/stats')).json
	for (const key of ['connections', 'sessions', 'users', 'rooms', 'memory', 'uptime', 'published', 'deliveries']) assert.equal(typeof stats[key], 'number', key)
	assert.ok(stats.events['vote:cast'] >= 1)
	assert.ok(stats.latency.publish_to_flush_p50_us > 0)
	const text = (await api(s, 'GET', '/metrics')).text
	for (const name of ['connections', 'users', 'events_in_total', 'publish_to_flush_seconds_count', 'process_resident_bytes']) assert.match(text, new RegExp(`^forkcast_${name}`, 'm'))
})

test('S0-08, S0-25, S0-26, S0-70 registerRepository, and updateProfile becomes user:profile_updated', async (t) => {
	const [a, b] = await pair(t)
	const client = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: KEY })
	const emitter = new RepositoryEventEmitter({ realTimeServer: client })
	const repo = emitter.registerRepository('user', {
		async updateProfile(userId, profileData) {
			return { id: userId, ...profileData }
		}
	})
	await repo.updateProfile(a.key, { city: 'Paris' })
	assert.deepEqual(JSON.parse(await a.hears.next('user:profile_updated')), { id: a.key, city: 'Paris' })
	await silent('user:profile_updated', b.hears)
	await emitter.flush()
	client.close()
})

test('S0-09, S0-70 caches: cache:invalidate and cache:warm reach the servers that watch a key, and no one else', async (t) => {
	const [a, b] = await connect_each(t, s, 2, () => ({}))
	await authenticated(a, { role: 'service' })
	await authenticated(b)
	assert.equal((await ask(b, 'subscribe', { room: 'cache', id: 'k' })).code, 'forbidden')
	const cache = new Map([['profile:42', 'old']])
	const receiver = new CacheReceiver(a, cache)
	await receiver.watch('profile:42')
	const client = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: KEY })
	const sync = new CacheSync({ realTimeServer: client })
	await sync.warm('profile:42', { city: 'Paris' })
	await a.hears.next('cache:warm')
	assert.deepEqual(cache.get('profile:42'), { city: 'Paris' })
	await sync.invalidate('profile:42')
	await a.hears.next('cache:invalidate')
	assert.equal(cache.has('profile:42'), false)
	receiver.close()
	client.close()
})

test('S0-61 test:event in development alone', async (t) => {
	const [a] = await pair(t)
	assert.equal((await ask(a, 'test:event', { message: 'Test data' })).code, 'unknown_event')
	const dev = await serve('mlg', { args: ['--dev'] })
	const socket = await authenticated(await connect(t, dev, {}))
	const heard = listen(socket)
	socket.send('test:event') /* the library's own send() is an event `message` */
	socket.emit('test:event', { message: 'Test data' })
	assert.equal(await heard.next('test:event'), '{"message":"Test data"}')
	await dev.destroy()
})

test('S0-18, S0-62 socket.io-client with the options of production: WebSocket alone', async (t) => {
	const socket = io(`ws://127.0.0.1:${s.port}`, { forceNew: true, reconnection: true, reconnectionAttempts: 10, reconnectionDelay: 2000, timeout: 20000, transports: ['websocket'] })
	t.after(() => socket.disconnect())
	await next(socket, 'connect')
	assert.equal(socket.io.engine.transport.name, 'websocket')
	await authenticated(socket)
	assert.deepEqual(await ask(socket, 'getRooms'), [`user:${socket.key}`, 'global:all'])
	const head = (origin) => new Promise((resolve, reject) => http.get({ port: s.port, path: '/socket.io/?EIO=4&transport=polling', headers: { origin }, agent: false }, (r) => resolve(r.resume())).on('error', reject))
	assert.equal((await head('http://localhost:8080')).headers['access-control-allow-credentials'], 'true')
	assert.equal((await head('http://elsewhere.example')).statusCode, 403)
})

/* A certificate for a day, and a proxy that has it. */
const CERT = `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout`

test('S0-64 wss behind a proxy that has the certificate, which the client checks; the proxy is believed who called', async (t) => {
	const { execFileSync } = await import('node:child_process')
	const fs = await import('node:fs')
	const key_file = `${s.dir}/proxy.key`
	const cert_file = `${s.dir}/proxy.crt`
	execFileSync('sh', ['-c', `${CERT} ${key_file} -out ${cert_file} 2>/dev/null`])
	const cert = fs.readFileSync(cert_file)
	const proxy = tls.createServer({ key: fs.readFileSync(key_file), cert }, (from) => {
		const to = net.connect(s.port, '127.0.0.1')
		let first = true
		from.on('data', (d) => {
			to.write(first ? d.toString('latin1').replace('\r\n', '\r\nX-Forwarded-For: 203.0.113.9\r\n') : d, 'latin1')
			first = false
		})
		to.pipe(from)
		for (const one of [from, to]) one.on('error', () => {}).on('close', () => (from.destroy(), to.destroy()))
	})
	t.after(() => proxy.close())
	await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve))
	const url = `wss://127.0.0.1:${proxy.address().port}`
	const options = { forceNew: true, reconnection: false, secure: true, rejectUnauthorized: true, transports: ['websocket'] }
	const stranger = io(url, options)
	t.after(() => stranger.disconnect())
	await assert.rejects(next(stranger, 'connect'), /websocket error/)
	const socket = io(url, { ...options, ca: cert })
	t.after(() => socket.disconnect())
	await next(socket, 'connect')
	assert.equal((await api(s, 'GET', `/v1/sockets/${socket.id}`)).json.ip, '203.0.113.9')
})

test('S0-73, S0-75 a hundred clients: what is published is there in under 100 ms on average; a worker dies, and they are back in under 5 s', async (t) => {
	const own = await serve('mlg', { edit: [['rate = 300/1m', 'rate = 100000/1m']] })
	const all = await Promise.all(Array.from({ length: 100 }, async () => {
		const c = await connect(t, own, { reconnection: true })
		const wallet = new Wallet()
		const { signature, message } = wallet.proof()
		await ask(c, 'authenticate', token({ sub: wallet.key }), signature, message)
		return c
	}))
	const took = []
	for (const c of all) c.on('system:alert', ({ at }) => took.push(Date.now() - at))
	for (let i = 0; i < 10; i++) await publish(own, 'system:alert', { at: Date.now() })
	await until('all of them', () => took.length === 1000)
	const average = (list) => list.reduce((sum, x) => sum + x, 0) / list.length
	assert.ok(average(took) < 100, `${average(took)} ms`)
	const back = []
	for (const c of all) {
		let gone
		c.on('disconnect', () => (gone = Date.now()))
		c.on('connect', () => back.push(Date.now() - gone))
	}
	const { processes } = (await api(own, 'GET', '/v1/stats')).json
	process.kill(processes.find((p) => p.role === 'worker').pid, 'SIGKILL')
	await until('those of that worker to be back', () => back.length > 0 && all.every((c) => c.connected), 15000)
	assert.ok(average(back) < 5000, `${average(back)} ms`)
	await own.destroy()
})

test('S0-80 rules for contributors name what is there', async () => {
	const fs = await import('node:fs')
	const text = fs.readFileSync('CONTRIBUTING.md', 'utf8')
	const makefile = fs.readFileSync('Makefile', 'utf8')
	for (const [, target] of text.matchAll(/`make ([\w-]+)/g)) assert.match(makefile, new RegExp(`^(\\.PHONY:.*\\b${target}\\b|${target}:)`, 'm'), target)
	for (const [, file] of text.matchAll(/`((?:tests|client)\/[\w./-]+)`|\]\(([\w./-]+)\)/g)) if (file) assert.ok(fs.existsSync(file), file)
	for (const topic of ['Many clients', 'What it costs', 'go and come back', 'Backends', 'Manuals']) assert.match(text, new RegExp(topic))
})

test('S0-65 the events are in five files: system, user, clan, voting, content', async () => {
	const fs = await import('node:fs')
	const dir = 'conf/profiles/events'
	const included = fs.readFileSync('conf/profiles/mlg.conf', 'utf8').match(/include\("events\/(\w+)\.conf"\)/g)
	assert.deepEqual(included, ['system', 'user', 'clan', 'voting', 'content'].map((n) => `include("events/${n}.conf")`))
	for (const [name, wants] of [['system', 'system:alert'], ['user', 'user:profile_updated'], ['clan', 'clan:member_joined'], ['voting', 'vote:mlg_burned'], ['content', 'content:approved']]) {
		assert.match(fs.readFileSync(`${dir}/${name}.conf`, 'utf8'), new RegExp(`route "${wants}"`))
		assert.match(conf, new RegExp(`^route "${wants}"`, 'm'))
	}
})
