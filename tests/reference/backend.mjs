/*
 * backend.mjs - the backend of server.conf: what rules cannot say of the reference client's test server.
 *
 * It is told of three events and replies to none (`notify`): what it does, it does as anybody could.  `ack` wants a client's
 * answer, so the client is asked over the API.  `doge` and `getbin` want bytes, which JSON has not: it comes as a client
 * of its own, over long polling, and sends them to a room.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import http from 'node:http'

const env = (name, value) => process.env[name] ?? value
const PUBLIC = `http://127.0.0.1:${env('PORT', 3210)}`
const ADMIN = `http://127.0.0.1:${env('ADMIN_PORT', 3211)}`
const ADMIN_KEY = env('ADMIN_KEY', 'reference-admin-key-0123456789ab')
const HOOK_SECRET = env('HOOK_SECRET', 'reference-hook-secret')
const JWT_SECRET = env('JWT_SECRET', 'reference-jwt-secret-0123456789a')

function signed(headers, body) {
	const mac = createHmac('sha256', HOOK_SECRET).update(`${headers['forkcast-timestamp']}.`).update(body).digest('hex')
	const given = Buffer.from(headers['forkcast-signature'] ?? '')
	return given.length === mac.length + 3 && timingSafeEqual(given, Buffer.from(`v1=${mac}`))
}

async function call(path, body) {
	const response = await fetch(ADMIN + path, { method: 'POST', headers: { authorization: `Bearer ${ADMIN_KEY}` }, body: JSON.stringify(body) })
	if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
	return response.json()
}

function token() {
	const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
	const exp = Math.floor(Date.now() / 1000) + 60
	const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'backend', role: 'backend', exp })}`
	return `${text}.${createHmac('sha256', JWT_SECRET).update(text).digest('base64url')}`
}

/* A session of Engine.IO's polling: packets in and out as text, \x1e between them. */
async function ask(query, body) {
	const response = await fetch(`${PUBLIC}/socket.io/?EIO=4&transport=polling${query}`, body === undefined ? {} : { method: 'POST', body })
	if (!response.ok) throw new Error(`polling: ${response.status}`)
	return response.text()
}

async function send_bytes(event, to, bytes) {
	const sid = `&sid=${JSON.parse((await ask('')).slice(1)).sid}`
	await ask(sid, `40${JSON.stringify({ token: token() })}`)
	const connected = await ask(sid)
	if (!connected.startsWith('40{')) throw new Error(`the backend is not let in: ${connected}`)
	const packet = `451-${JSON.stringify([event, to, { _placeholder: true, num: 0 }])}`
	await ask(sid, `${packet}\x1eb${bytes.toString('base64')}\x1e1`)
}

const told = {
	async ack(socket) {
		const { answers } = await call('/v1/emit', { to: `socket:${socket.id}`, event: 'ack', timeout: 5000 })
		if (answers[0] === 5) await call('/v1/emit', { to: `socket:${socket.id}`, event: 'got it' })
	},
	doge: (socket) => send_bytes('bytes:doge', socket.id, Buffer.from('asdfasdf')),
	getbin: (socket) => send_bytes('bytes:takebin', socket.id, Buffer.from('asdfasdf'))
}

const server = http.createServer(async (request, response) => {
	const chunks = []
	for await (const chunk of request) chunks.push(chunk)
	const raw = Buffer.concat(chunks)
	if (!signed(request.headers, raw)) return response.writeHead(401).end()
	const { event, socket } = JSON.parse(raw)
	response.writeHead(204).end()
	told[event]?.(socket).catch((error) => console.error(`${event}: ${error.message}`))
})
server.listen(env('BACKEND_PORT', 3212), '127.0.0.1', () => console.log(`backend: ${server.address().port}`))
