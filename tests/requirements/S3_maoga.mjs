/* S3_maoga.mjs - finding players: chats, lobbies, matchmaking, notifications, with the services behind them. */
import { execFile, execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { after, before } from 'node:test'
import { Client } from '../../client/node/index.mjs'
import { Backend } from '../e2e/backend.mjs'
import { binary } from '../e2e/server.mjs'
import { refused } from '../e2e/clients.mjs'
import { KEY, QUIET_MS, SECRET, api, ask, assert, block, connect, connect_each, copy_profiles, effective, listen, next, publish, recent, serve, silent, sleep, test, token, until } from './system.mjs'

/* The services: who belongs where. */
const members = new Map()
const requests = new Map()
const lobby = { lobbyId: 'l1', status: 'forming', members: [] }

function answer({ event, args, user, room }, url) {
	const [data] = args
	if (url === '/chats') {
		if (event === 'chat:join' && !members.get(data.chatId)?.includes(user.id)) return [{ error: { message: 'Not your chat', code: 'not_member' } }]
		if (event === 'chat:message' && data.content === 'refuse me') return [{ error: { message: 'Not saved' } }]
		return undefined
	}
	if (url === '/lobbies') return members.get(data.lobbyId)?.includes(user.id) ? [{ data: { ...lobby, lobbyId: data.lobbyId } }] : [{ error: { message: 'Not a member of this lobby' } }]
	if (url === '/matchmaking' && event === 'matchmaking') {
		const request = requests.get(room.slice('match:'.length))
		if (!request?.periodic) return undefined
		return [{ emit: { to: room, event: 'matchmaking:status', data: { status: 'searching', searchTimeElapsed: ++request.periodic, currentRelaxationLevel: 0 } } }]
	}
	if (url === '/matchmaking') {
		const request = requests.get(data.matchRequestId)
		if (request?.user !== user.id) return [{ error: { message: 'Not your request' } }]
		return [{ data: { status: request.status } }]
	}
	return undefined
}
const backend = new Backend((body, request) => answer(body, request.url))
const asked = (url, event, user) => backend.asked.filter((b, i) => backend.heads[i].url === url && b.event === event && (user === undefined || b.user?.id === user))

let s
let conf
let env
before(async () => {
	await backend.listen()
	env = Object.fromEntries(['chats', 'lobbies', 'matchmaking', 'users'].map((n) => [`${n.toUpperCase()}_URL`, `http://127.0.0.1:${backend.port}/${n}`]))
	s = await serve('maoga', { env, edit: [['interval = 5s', 'interval = 250ms']] })
	conf = effective(s, 'maoga')
})
after(() => backend.close())

let users = 0
const claims = (more) => ({ userId: `u${++users}`, username: `Name${users}`, role: 'player', ...more })
const known = (socket, who) => Object.assign(socket, { user: who.userId, username: who.username, hears: listen(socket) })
async function client(t, more = {}, options = {}) {
	const who = claims(more)
	return known(await connect(t, s, { token: token(who), ...options }), who)
}
async function pair(t) {
	const who = []
	const two = await connect_each(t, s, 2, (i) => ({ token: token((who[i] ??= claims())) }))
	return two.map((c, i) => known(c, who[i]))
}
let number = 0
async function chat(...clients) {
	const chatId = `c${++number}`
	members.set(chatId, clients.map((c) => c.user))
	for (const c of clients) assert.deepEqual(await ask(c, 'chat:join', { chatId }), { success: true })
	return chatId
}
const rooms_of = async (c) => (await api(s, 'GET', `/v1/sockets/${c.id}`)).json.rooms

test('S3-04, S3-05, S3-06, S3-16, S3-52 chat:join for members alone, chat:member:joined to the others, once a user', async (t) => {
	const [a, b] = await pair(t)
	const c = await client(t)
	const chatId = await chat(a)
	members.get(chatId).push(b.user)
	assert.deepEqual(await ask(b, 'chat:join', { chatId }), { success: true })
	assert.equal(await a.hears.next('chat:member:joined'), `{"chatId":"${chatId}","user":{"id":"${b.user}","name":"${b.username}","role":"player"}}`)
	assert.ok((await rooms_of(b)).includes(`chat:${chatId}`))
	assert.deepEqual(await ask(c, 'chat:join', { chatId }), { success: false, error: 'Not your chat', code: 'not_member' })
	assert.equal((await ask(c, 'chat:message', { chatId, content: 'hi' })).code, 'not_member')
	assert.equal((await ask(c, 'subscribe', { room: 'chat', id: chatId })).code, 'forbidden')
	const again = known(await connect(t, s, { token: token({ userId: b.user, username: b.username }) }), { userId: b.user })
	await ask(again, 'chat:join', { chatId })
	await silent('chat:member:joined', b.hears)
	assert.equal(a.hears.count('chat:member:joined'), 1)
})

test('S3-07 chat:leave, and chat:member:left when the last window is gone', async (t) => {
	const [a, b] = await pair(t)
	const again = await connect(t, s, { token: token({ userId: b.user }) })
	const chatId = await chat(a, b)
	await ask(again, 'chat:join', { chatId })
	assert.deepEqual(await ask(b, 'chat:leave', { chatId }), { success: true })
	assert.equal((await ask(b, 'chat:leave', { chatId })).code, 'not_member')
	await sleep(QUIET_MS)
	assert.equal(a.hears.count('chat:member:left'), 0)
	again.disconnect()
	assert.equal(await a.hears.next('chat:member:left'), `{"chatId":"${chatId}","userId":"${b.user}"}`)
})

test('S3-08, S3-09, S3-10, S3-11 chat:message is checked, kept by the service, stamped, sent to all, answered', async (t) => {
	const [a, b] = await pair(t)
	const chatId = await chat(a, b)
	const answered = await ask(a, 'chat:message', { chatId, content: 'hello', more: 1 })
	assert.deepEqual(Object.keys(answered), ['success', 'messageId'])
	for (const c of [a, b]) {
		const text = await c.hears.next('chat:message')
		const m = text.match(/^\{"chatId":"(.*?)","content":"hello","contentType":"text","messageId":"(.*?)","sender":\{"id":"(.*?)","name":"(.*?)","role":"player"\},"timestamp":"(.*?)"\}$/)
		assert.ok(m, text)
		assert.deepEqual(m.slice(1, 5), [chatId, answered.messageId, a.user, a.username])
		recent(m[5])
	}
	const [kept] = asked('/chats', 'chat:message', a.user)
	assert.deepEqual(kept.args, [{ chatId, content: 'hello', contentType: 'text', messageId: answered.messageId }])
	for (const type of ['emoji', 'gif']) assert.equal((await ask(b, 'chat:message', { chatId, content: 'https://x.example/a.gif', contentType: type })).success, true)
	for (const bad of [{ content: '' }, { content: 'x'.repeat(2001) }, { content: 5 }, { content: 'x', contentType: 'video' }, {}]) assert.equal((await ask(a, 'chat:message', { chatId, ...bad })).code, 'invalid')
	assert.equal((await ask(a, 'chat:message', { chatId, content: 'refuse me' })).error, 'Not saved')
	await ask(a, 'chat:message', { chatId, content: 'last' })
	await until('the last', () => b.hears.texts('chat:message').some((x) => x.includes('"last"')))
	assert.equal(b.hears.count('chat:message'), 4, 'nothing of the refused ones')
})

test('S3-15 every event answers, and errors come as an event when no answer was asked', async (t) => {
	const [a] = await pair(t)
	for (const [event, data] of [['chat:join', { chatId: 'none' }], ['chat:leave', { chatId: 'none' }], ['chat:message', {}], ['chat:typing', { chatId: 'none' }], ['chat:read', { chatId: 'none' }], ['lobby:subscribe', { lobbyId: 'none' }], ['matchmaking:subscribe', { matchRequestId: 'none' }]]) {
		const { success, error } = await ask(a, event, data)
		assert.deepEqual([success, typeof error], [false, 'string'], event)
		const told = next(a, 'error')
		a.emit(event, data)
		assert.deepEqual(await told, [{ message: error }])
	}
})

test('S3-14 chat:read: the service is told, then the other side', async (t) => {
	const [a, b] = await pair(t)
	const second = known(await connect(t, s, { token: token({ userId: a.user }) }), { userId: a.user })
	const chatId = await chat(a, b)
	await ask(second, 'chat:join', { chatId })
	assert.deepEqual(await ask(a, 'chat:read', { chatId, lastReadId: 'm7', lastReadAt: '2026-01-01T00:00:00Z' }), { success: true })
	assert.equal(await b.hears.next('chat:read'), `{"chatId":"${chatId}","lastReadId":"m7","lastReadAt":"2026-01-01T00:00:00Z","userId":"${a.user}"}`)
	assert.deepEqual(asked('/chats', 'chat:read', a.user)[0].args, [{ chatId, lastReadId: 'm7', lastReadAt: '2026-01-01T00:00:00Z' }])
	await silent('chat:read', a.hears, second.hears)
	/* chat:typing, as far as it is there: to the others, at any pace */
	assert.deepEqual(await ask(a, 'chat:typing', { chatId }), { success: true })
	assert.equal(await b.hears.next('chat:typing'), `{"chatId":"${chatId}","userId":"${a.user}","username":"${a.username}"}`)
	await silent('chat:typing', a.hears)
})

test('S3-17 four services are asked, each for its own', async (t) => {
	const [a] = await pair(t)
	members.set('l17', [a.user])
	requests.set('q17', { user: a.user })
	await chat(a)
	await ask(a, 'lobby:subscribe', { lobbyId: 'l17' })
	await ask(a, 'matchmaking:subscribe', { matchRequestId: 'q17' })
	await until('presence', () => asked('/users', 'online', a.user).length > 0)
	for (const [url, event] of [['/chats', 'chat:join'], ['/lobbies', 'lobby:subscribe'], ['/matchmaking', 'matchmaking:subscribe']]) assert.equal(asked(url, event, a.user).length, 1, url)
})

async function subscribed(lobbyId, ...clients) {
	members.set(lobbyId, clients.map((c) => c.user))
	for (const c of clients) {
		assert.deepEqual(await ask(c, 'lobby:subscribe', { lobbyId }), { success: true })
		await c.hears.next('lobby:update')
	}
}

test('S3-18, S3-50 lobby:subscribe: members, the room lobby:ID, the lobby as it is', async (t) => {
	const [a, b] = await pair(t)
	members.set('l1', [a.user])
	assert.deepEqual(await ask(a, 'lobby:subscribe', { lobbyId: 'l1' }), { success: true })
	assert.equal(await a.hears.next('lobby:update'), '{"lobbyId":"l1","status":"forming","members":[]}')
	assert.ok((await rooms_of(a)).includes('lobby:l1'))
	assert.deepEqual(await ask(b, 'lobby:subscribe', { lobbyId: 'l1' }), { success: false, error: 'Not a member of this lobby' })
	assert.equal((await ask(b, 'subscribe', { room: 'lobby', id: 'l1' })).code, 'forbidden')
	assert.equal(b.hears.count('lobby:update'), 0)
	assert.deepEqual(await ask(a, 'lobby:unsubscribe', { lobbyId: 'l1' }), { success: true })
	assert.ok(!(await rooms_of(a)).includes('lobby:l1'))
})

test('S3-19, S3-20, S3-21, S3-23, S3-24, S3-26, S3-51 what happens in a lobby, as its service publishes it', async (t) => {
	const [a, b] = await pair(t)
	const c = await client(t)
	await subscribed('l2', a, b)
	const all = [
		['lobby:update', '{"lobbyId":"l2","status":"ready","settings":{"map":"x"},"game":"chess","members":["p"],"custom":1}'],
		['lobby:member:joined', '{"lobbyId":"l2","member":{"id":"p","name":"P"}}'],
		['lobby:member:left', '{"lobbyId":"l2","memberId":"p","reason":"left"}'],
		['lobby:member:ready', '{"lobbyId":"l2","memberId":"p","ready":true}'],
		['lobby:host:changed', '{"lobbyId":"l2","hostId":"p"}']
	]
	for (const [type, text] of all) {
		await publish(s, type, JSON.parse(text))
		for (const x of [a, b]) assert.equal(await x.hears.next(type), text)
	}
	assert.equal(c.hears.heard.filter((h) => h.event.startsWith('lobby')).length, 0)
	for (const [type, data, field] of [['lobby:update', { lobbyId: 'l2', status: 'lost' }, 'status'], ['lobby:member:joined', { lobbyId: 'l2' }, 'member'], ['lobby:member:left', { lobbyId: 'l2', memberId: 'p', reason: 'x' }, 'reason'], ['lobby:member:ready', { lobbyId: 'l2', memberId: 'p', ready: 1 }, 'ready'], ['lobby:host:changed', { lobbyId: 'l2' }, 'hostId']]) {
		const r = await api(s, 'POST', '/v1/events', { type, data })
		assert.deepEqual([r.status, r.json.error.field], [422, `data.${field}`])
	}
})

test('S3-22 lobby:member:kicked to the room and to who is kicked, in all windows, who is out then', async (t) => {
	const [a, b] = await pair(t)
	await subscribed('l3', a, b)
	const elsewhere = known(await connect(t, s, { token: token({ userId: b.user }) }), { userId: b.user })
	await publish(s, 'lobby:member:kicked', { lobbyId: 'l3', memberId: b.user, reason: 'rude' })
	for (const x of [a, b, elsewhere]) assert.equal(await x.hears.next('lobby:member:kicked'), `{"lobbyId":"l3","memberId":"${b.user}","reason":"rude"}`)
	await publish(s, 'lobby:host:changed', { lobbyId: 'l3', hostId: a.user })
	await a.hears.next('lobby:host:changed')
	await silent('lobby:host:changed', b.hears)
	assert.equal(b.hears.count('lobby:member:kicked'), 1)
	assert.ok((await rooms_of(b)).includes(`user:${b.user}`))
})

test('S3-25 lobby:closed, and the room is empty', async (t) => {
	const [a, b] = await pair(t)
	await subscribed('l4', a, b)
	await publish(s, 'lobby:closed', { lobbyId: 'l4', reason: 'done' })
	for (const x of [a, b]) assert.equal(await x.hears.next('lobby:closed'), '{"lobbyId":"l4","reason":"done"}')
	await until('nobody is in it', async () => (await api(s, 'GET', '/v1/rooms/lobby:l4')).status === 404)
})

test('S3-29 matchmaking:subscribe: one\'s own request, an answer, the status so far', async (t) => {
	const [a, b] = await pair(t)
	const status = { status: 'searching', searchTimeElapsed: 3, currentRelaxationLevel: 0 }
	requests.set('q1', { user: a.user, status })
	requests.set('q2', { user: b.user })
	assert.deepEqual(await ask(a, 'matchmaking:subscribe', { matchRequestId: 'q1' }), { success: true, matchRequestId: 'q1' })
	assert.equal(await a.hears.next('matchmaking:status'), JSON.stringify(status))
	assert.ok((await rooms_of(a)).includes('match:q1'))
	assert.equal((await ask(a, 'matchmaking:subscribe', { matchRequestId: 'q2' })).error, 'Not your request')
	assert.deepEqual(await ask(b, 'matchmaking:subscribe', { matchRequestId: 'q2' }), { success: true, matchRequestId: 'q2' })
	await silent('matchmaking:status', b.hears)
	assert.deepEqual(await ask(a, 'matchmaking:unsubscribe', { matchRequestId: 'q1' }), { success: true })
	assert.ok(!(await rooms_of(a)).includes('match:q1'))
	assert.equal((await ask(b, 'subscribe', { room: 'match', id: 'q1' })).code, 'forbidden')
})

test('S3-31 matchmaking:status at a steady pace, each 5 s, once for all workers', async (t) => {
	const [a, b] = await pair(t)
	requests.set('p1', { user: a.user, periodic: 1 })
	await ask(a, 'matchmaking:subscribe', { matchRequestId: 'p1' })
	const began = Date.now()
	await until('three', () => a.hears.count('matchmaking:status') >= 3)
	requests.delete('p1')
	assert.ok(Date.now() - began >= 200, 'not all at once')
	assert.deepEqual(a.hears.texts('matchmaking:status').slice(0, 3), [2, 3, 4].map((n) => `{"status":"searching","searchTimeElapsed":${n},"currentRelaxationLevel":0}`))
	await silent('matchmaking:status', b.hears)
	assert.ok(backend.asked.every((q) => q.event !== 'matchmaking' || /^match:./.test(q.room)))
	assert.ok(block(conf, 'every "matchmaking"').includes('interval = 5s'))
})

test('S3-30, S3-32, S3-33, S3-34, S3-35, S3-48 status, error, matched, cancelled, expired; the end closes the room', async (t) => {
	for (const [i, [type, data]] of [['matchmaking:matched', { lobbyId: 'l9', game: { id: 'chess' }, players: ['x', 'y'] }], ['matchmaking:cancelled', { by: 'user' }], ['matchmaking:expired', { after: 300 }]].entries()) {
		const [a, b] = await pair(t)
		const id = `end${i}`
		requests.set(id, { user: a.user })
		await ask(a, 'matchmaking:subscribe', { matchRequestId: id })
		const status = { status: 'relaxing_criteria', searchTimeElapsed: 12.5, estimatedWaitTime: 30, currentRelaxationLevel: 2, potentialMatchesFound: 4 }
		await publish(s, 'matchmaking:status', status, { matchRequestId: id })
		assert.equal(await a.hears.next('matchmaking:status'), JSON.stringify(status))
		await publish(s, 'matchmaking:error', { message: 'slow' }, { matchRequestId: id })
		assert.equal(await a.hears.next('matchmaking:error'), '{"message":"slow"}')
		await publish(s, type, data, { matchRequestId: id })
		assert.equal(await a.hears.next(type), JSON.stringify(data))
		await until('the room is closed', async () => (await api(s, 'GET', `/v1/rooms/match:${id}`)).status === 404)
		assert.equal(b.hears.heard.filter((h) => h.event.startsWith('match')).length, 0)
	}
	for (const [data, field] of [[{ status: 'lost', searchTimeElapsed: 1, currentRelaxationLevel: 0 }, 'status'], [{ status: 'searching', currentRelaxationLevel: 0 }, 'searchTimeElapsed'], [{ status: 'searching', searchTimeElapsed: 1 }, 'currentRelaxationLevel']]) {
		const r = await api(s, 'POST', '/v1/events', { type: 'matchmaking:status', data, vars: { matchRequestId: 'x' } })
		assert.equal(r.json.error.field, `data.${field}`)
	}
	assert.equal((await api(s, 'POST', '/v1/events', { type: 'matchmaking:matched', data: {}, vars: { matchRequestId: 'x' } })).json.error.field, 'data.lobbyId')
})

test('S3-36, S3-38, S3-39, S3-45 notification:new to the user\'s room; the answer says whether anybody was there', async (t) => {
	const [a, b] = await pair(t)
	const second = known(await connect(t, s, { token: token({ userId: a.user }) }), { userId: a.user })
	const data = { id: 'n1', type: 'friend', title: 'Hi', message: 'there', data: { from: 'x' }, createdAt: '2026-01-01T00:00:00Z' }
	const { delivered } = await publish(s, 'notification:new', data, { userId: a.user })
	assert.equal(delivered, 2)
	for (const c of [a, second]) assert.equal(await c.hears.next('notification:new'), JSON.stringify(data))
	assert.equal((await publish(s, 'notification:new', data, { userId: 'nobody' })).delivered, 0)
	await publish(s, 'notification:count', { unreadCount: 3 }, { userId: a.user })
	assert.equal(await a.hears.next('notification:count'), '{"unreadCount":3}')
	for (const key of ['id', 'type', 'title', 'message', 'createdAt']) assert.equal((await api(s, 'POST', '/v1/events', { type: 'notification:new', data: { ...data, [key]: undefined }, vars: { userId: 'x' } })).json.error.field, `data.${key}`)
	assert.equal((await api(s, 'POST', '/v1/events', { type: 'notification:count', data: { unreadCount: -1 }, vars: { userId: 'x' } })).json.error.field, 'data.unreadCount')
	assert.ok((await rooms_of(a)).includes(`user:${a.user}`))
	assert.equal(b.hears.heard.filter((h) => h.event.startsWith('notification')).length, 0)
})

test('S3-01, S3-40 presence: everybody hears who comes and goes, the backend too, for push and mail', async (t) => {
	const [a] = await pair(t)
	const b = await client(t)
	await until('online', () => a.hears.texts('user:status').includes(`{"userId":"${b.user}","status":"online"}`))
	b.disconnect()
	await until('offline', () => a.hears.texts('user:status').includes(`{"userId":"${b.user}","status":"offline"}`))
	await until('the backend knows', () => asked('/users', 'offline', b.user).length === 1)
	assert.equal(asked('/users', 'online', b.user).length, 1)
})

test('S3-28, S3-49 a service publishes by name, over HTTP, and knows neither rooms nor Socket.IO', async (t) => {
	const [a, b] = await pair(t)
	await subscribed('l5', a, b)
	const kit = new Client({ url: `http://127.0.0.1:${s.admin_port}`, key: KEY })
	await kit.event('lobby:host:changed', { lobbyId: 'l5', hostId: 'h' })
	for (const c of [a, b]) assert.equal(await c.hears.next('lobby:host:changed'), '{"lobbyId":"l5","hostId":"h"}')
	await assert.rejects(kit.event('lobby:host:changed', { lobbyId: 'l5' }), (e) => e.field === 'data.hostId')
	kit.close()
})

test('S3-41 the recipe for a bus inside the backend, as it is in the manual', async (t) => {
	const [a] = await pair(t)
	const code = fs.readFileSync('docs/recipes.md', 'utf8').match(/## A bus inside the backend\n.*?```js\n(.*?)```/s)[1]
	const file = path.join(s.dir, 'bus.mjs')
	const more = "bus.on('notification.missed', ({ to }) => console.log('missed ' + to))\nsetTimeout(() => forkcast.close(), 500)\n"
	fs.writeFileSync(file, code.replace("'forkcast-client'", JSON.stringify(path.resolve('client/node/index.mjs'))) + more)
	for (const [user, said] of [[a.user, ''], ['nobody', 'missed nobody\n']]) {
		const env = { ...process.env, FORKCAST_URL: `http://127.0.0.1:${s.admin_port}`, FORKCAST_KEY: KEY, USER_ID: user }
		assert.equal(await new Promise((resolve, reject) => execFile(process.execPath, [file], { env, timeout: 8000 }, (e, text) => (e ? reject(e) : resolve(text)))), said)
	}
	const { createdAt, ...rest } = JSON.parse(await a.hears.next('notification:new'))
	assert.deepEqual(rest, { id: 'f1', type: 'friendship', title: 'A request', message: 'from ada' })
	recent(createdAt)
	assert.equal(a.hears.count('notification:new'), 1)
})

test('S3-47 the recipe for POST /api/matchmaking, as it is in the manual: the id, the search, the match', async (t) => {
	const port = await new Promise((resolve) => {
		const free = http.createServer().listen(0, '127.0.0.1', () => {
			const { port: n } = free.address()
			free.close(() => resolve(n))
		})
	})
	const own = await serve('maoga', { env: { ...env, MATCHMAKING_URL: `http://127.0.0.1:${port}/matchmaking` }, edit: [['interval = 5s', 'interval = 250ms']] })
	const code = fs.readFileSync('docs/recipes.md', 'utf8').match(/## An endpoint that starts a search\n.*?```js\n(.*?)```/s)[1]
	const file = path.join(own.dir, 'search.mjs')
	fs.writeFileSync(file, code.replace("'forkcast-client'", JSON.stringify(path.resolve('client/node/index.mjs'))))
	const child = spawn(process.execPath, [file], { env: { ...process.env, PORT: port, FORKCAST_URL: `http://127.0.0.1:${own.admin_port}`, FORKCAST_KEY: KEY, HOOK_SECRET: own.options.env.HOOK_SECRET }, stdio: 'inherit' })
	t.after(() => child.kill('SIGKILL'))
	const post = (route, headers = {}) => new Promise((resolve, reject) => {
		const r = http.request({ port, path: route, method: 'POST', headers, agent: false }, (response) => {
			let text = ''
			response.on('data', (d) => (text += d)).on('end', () => resolve({ status: response.statusCode, json: JSON.parse(text) }))
		})
		r.on('error', reject).end('{}')
	})
	await until('it listens', () => post('/').then(() => true, () => false))
	const who = [claims(), claims()]
	const two = await connect_each(t, own, 2, (i) => ({ token: token(who[i]) }))
	const [a, b] = two.map((c, i) => known(c, who[i]))
	const search = async (c) => {
		const { status, json } = await post('/api/matchmaking', { 'x-user': c.user })
		assert.equal(status, 201)
		assert.deepEqual(await ask(c, 'matchmaking:subscribe', json), { success: true, matchRequestId: json.matchRequestId })
		return json
	}
	const first = await search(a)
	await until('statuses', () => a.hears.count('matchmaking:status') >= 2)
	assert.equal((await ask(b, 'matchmaking:subscribe', first)).error, 'Not your request')
	assert.equal((await post('/matchmaking')).status, 401, 'anybody could ask')
	await search(b)
	const [one, other] = [await a.hears.next('matchmaking:matched'), await b.hears.next('matchmaking:matched')]
	assert.equal(one, other)
	assert.deepEqual(JSON.parse(one).players.sort(), [a.user, b.user].sort())
	await own.destroy()
})

test('S3-43, S3-44 the token is in auth; none, a wrong one, and one in the query are an Authentication error', async (t) => {
	const text = token(claims())
	for (const options of [{}, { token: 'x' }, { query: { token: text } }, { token: token(claims({ exp: 1 })) }]) assert.equal((await refused(t, s, options)).message, 'Authentication error')
	const c = await client(t, { sub: 'of another', name: 'of another', role: 'moderator' })
	assert.deepEqual((await api(s, 'GET', `/v1/sockets/${c.id}`)).json.user, { id: c.user, name: c.username, role: 'moderator' })
	assert.ok(!s.log.includes(text))
	const open = await serve('maoga', { env, edit: [['sources = {auth.token, bearer}', 'sources = {auth.token, bearer, query.token}']] })
	assert.ok(await connect(t, open, { query: { token: text } }))
	assert.ok(!open.log.includes(text))
	await open.destroy()
})

test('S3-46 a token that ends: the client is told before, may bring a newer one, and else is disconnected', async (t) => {
	const strict = await serve('maoga', { env, edit: [['algorithm = HS256', 'algorithm = HS256  leeway = 0']] })
	const exp = Math.floor(Date.now() / 1000) + 3
	const [a, b] = await Promise.all([0, 1].map(async () => {
		const who = claims({ exp })
		return known(await connect(t, strict, { token: token(who) }), who)
	}))
	const gone = next(b, 'disconnect')
	const told = next(b, 'error')
	assert.equal(await a.hears.next('auth:expiring'), `{"userId":"${a.user}"}`)
	assert.equal((await ask(a, 'authenticate', { token: token({ userId: a.user }) })).success, true)
	assert.deepEqual((await told)[0], { message: 'Authentication error', code: 'auth_expired' })
	assert.equal((await gone)[0], 'io server disconnect')
	assert.ok(a.connected)
	assert.ok(block(conf, 'auth').includes('expiry = disconnect'))
	await strict.destroy()
})

test('S3-03 long polling where it must be; a lost connection comes back', async (t) => {
	const p = await client(t, {}, { transports: ['polling'], upgrade: false })
	const chatId = await chat(p)
	await ask(p, 'chat:message', { chatId, content: 'polled' })
	await p.hears.next('chat:message')
	const head = await new Promise((resolve, reject) => http.get({ port: s.port, path: '/socket.io/?EIO=4&transport=polling', headers: { origin: 'http://localhost:3000' }, agent: false }, (r) => resolve(r.resume())).on('error', reject))
	assert.deepEqual([head.statusCode, head.headers['access-control-allow-credentials']], [200, 'true'], 'the page may poll from its own origin')
	const c = await client(t, {}, { reconnection: true, reconnectionDelay: 20 })
	const id = c.id
	c.io.engine.close()
	await next(c, 'connect')
	assert.notEqual(c.id, id)
	members.set('back', [c.user])
	assert.deepEqual(await ask(c, 'chat:join', { chatId: 'back' }), { success: true })
})

test('S3-54 requests of one session over connections to whichever worker', async () => {
	const get = (route, method = 'GET', body) => new Promise((resolve, reject) => {
		const r = http.request({ port: s.port, path: route, method, agent: false }, (response) => {
			let text = ''
			response.on('data', (d) => (text += d)).on('end', () => resolve(text))
		})
		r.on('error', reject).end(body)
	})
	for (let i = 0; i < 4; i++) {
		const base = '/socket.io/?EIO=4&transport=polling'
		const { sid } = JSON.parse((await get(base)).slice(1))
		assert.equal(await get(`${base}&sid=${sid}`, 'POST', `40${JSON.stringify({ token: token(claims()) })}`), 'ok')
		assert.match(await get(`${base}&sid=${sid}`), /40\{"sid"/)
	}
	await until('some were handed over', async () => /^forkcast_handover_total\{worker="\d"\} [1-9]/m.test((await api(s, 'GET', '/metrics')).text))
})

/* forkcast token, as a test suite of the application calls it. */
function minted(user, ...more) {
	const dir = path.join(s.dir, `mint${++number}`)
	copy_profiles(dir)
	return execFileSync(binary, ['token', '-c', path.join(dir, 'maoga.conf'), '--user', user, ...more], { env: { ...process.env, JWT_SECRET: SECRET, ADMIN_KEY: KEY, HOOK_SECRET: 'x' }, encoding: 'utf8' }).trim()
}

test('S3-55, S3-58 a test suite mints tokens, connects many clients, emits', async (t) => {
	const all = []
	for (let i = 0; i < 10; i++) all.push(known(await connect(t, s, { token: minted(`suite${i}`, '--role', 'player', '--ttl', '5m') }), { userId: `suite${i}` }))
	const chatId = await chat(...all)
	await ask(all[0], 'chat:message', { chatId, content: 'to all' })
	for (const c of all) assert.match(await c.hears.next('chat:message'), /"content":"to all"/)
})

test('S3-57 a test suite asks who is in a room', async (t) => {
	const [a, b] = await pair(t)
	const chatId = await chat(a, b)
	const { items } = (await api(s, 'GET', `/v1/sockets?in=chat:${chatId}`)).json
	assert.deepEqual(items.map((x) => x.user.id).sort(), [a.user, b.user].sort())
})

test('S3-59 a real server on a free port, which it tells', async (t) => {
	const other = await serve('maoga', { env, args: ['--dev'] })
	assert.match(other.out, /^ports: \S*?0=\d+ \S*?0=\d+$/m)
	assert.notEqual(other.port, s.port)
	assert.ok(await connect(t, other, { token: token(claims()) }))
	await other.destroy()
})
