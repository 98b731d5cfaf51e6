/*
 * main.mjs - the backend of game.conf, with nothing but Node and the publishing kit.
 *
 *	POST /hook		what forkcast asks, signed
 *	POST /api/matchmaking	what a player asks with the token that forkcast also takes: {matchRequestId}
 *
 * Environment: BACKEND_PORT, ADMIN_PORT, ADMIN_KEY, HOOK_SECRET, JWT_SECRET, STATE (a file; none: memory only).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import http from 'node:http'
import { Client } from '../../client/node/index.mjs'
import { Game, HOOKS } from './game.mjs'
import { Store } from './store.mjs'

const BODY_MAX = 1 << 20
const AGE_MAX_S = 300
const env = (name, value) => process.env[name] ?? value
const HOOK_SECRET = env('HOOK_SECRET', 'game-hook-secret')
const JWT_SECRET = env('JWT_SECRET', 'game-jwt-secret-0123456789abcdef0')

const forkcast = new Client({ url: `http://127.0.0.1:${env('ADMIN_PORT', 3001)}`, key: env('ADMIN_KEY', 'game-admin-key-0123456789abcdef01') })
const store = new Store(process.env.STATE)
const game = new Game(store, (type, data, vars, id) => {
	forkcast.event(type, data, vars, { id }).catch((error) => console.error(`${type}: ${error.message}`))
})

const same = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

/* Nobody but forkcast knows the secret; an old request that somebody wrote down does not count. */
function signed(headers, raw) {
	const time = headers['forkcast-timestamp'] ?? ''
	const mac = createHmac('sha256', HOOK_SECRET).update(`${time}.`).update(raw).digest('hex')
	return same(`v1=${mac}`, headers['forkcast-signature'] ?? '') && Math.abs(Date.now() / 1000 - Number(time)) <= AGE_MAX_S
}

/* The user of an HS256 token, or null. */
function user_of(authorization = '') {
	const [head, claims, mac] = authorization.replace(/^Bearer /, '').split('.')
	if (!mac || !same(createHmac('sha256', JWT_SECRET).update(`${head}.${claims}`).digest('base64url'), mac)) return null
	const { sub, exp } = JSON.parse(Buffer.from(claims, 'base64url'))
	return exp > Date.now() / 1000 ? sub : null
}

async function read(request) {
	const chunks = []
	let n = 0
	for await (const chunk of request) {
		if ((n += chunk.length) > BODY_MAX) throw Object.assign(new Error('too large'), { status: 413 })
		chunks.push(chunk)
	}
	return Buffer.concat(chunks)
}

/* [status, body] of a request. */
function answer(request, raw) {
	if (request.method !== 'POST') return [405]
	if (request.url === '/api/matchmaking') {
		const user = user_of(request.headers.authorization)
		if (user === null) return [401]
		const found = game.look(user)
		return found ? [200, found] : [403]
	}
	if (request.url !== '/hook') return [404]
	if (!signed(request.headers, raw)) return [401]
	const id = request.headers['forkcast-id']
	let reply = store.reply(id)
	if (!reply) {
		const body = JSON.parse(raw)
		if (!HOOKS.has(body.event)) return [404]
		reply = game[body.event](body)
		store.done(id, reply)
	}
	return reply.length === 0 ? [204] : [200, reply]
}

const server = http.createServer(async (request, response) => {
	let status
	let body
	try {
		;[status, body] = answer(request, await read(request))
	} catch (error) {
		status = error.status ?? 500
		console.error(`${request.url}: ${error.stack}`)
	}
	response.writeHead(status, body ? { 'content-type': 'application/json' } : {}).end(body && JSON.stringify(body))
})
server.listen(env('BACKEND_PORT', 4000), '127.0.0.1', () => console.log(`backend: ${server.address().port}`))
