/*
 * clients.mjs - Socket.IO clients, tokens and calls of the API for the tests of one running server.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import http from 'node:http'
import { io } from 'socket.io-client'
import { KEY, SECRET, budget } from './server.mjs'

const WAIT_MS = 8000

const b64 = (data) => Buffer.from(data).toString('base64url')

/* A signature made by hand, so that wrong ones can be made too. */
export function sign(text, alg = 'HS256', secret = SECRET) {
	return createHmac(`sha${alg.slice(2)}`, secret).update(text).digest('base64url')
}

/* A token of CLAIMS, which lives an hour unless they say otherwise (exp: undefined leaves it out). */
export function token(claims = {}, { alg = 'HS256', secret = SECRET, header = {} } = {}) {
	const exp = Math.floor(Date.now() / 1000) + 3600
	const text = `${b64(JSON.stringify({ alg, typ: 'JWT', ...header }))}.${b64(JSON.stringify({ exp, ...claims }))}`
	return `${text}.${sign(text, alg, secret)}`
}

/* EVENT's arguments; fails loudly when it does not come, or when the connection is refused instead. */
export function next(socket, event, timeout_ms = WAIT_MS) {
	return new Promise((resolve, reject) => {
		const done = (fn, value) => {
			clearTimeout(late)
			socket.off(event, heard)
			socket.off('connect_error', refused)
			fn(value)
		}
		const heard = (...args) => done(resolve, args)
		const refused = (error) => done(reject, error)
		const late = setTimeout(() => done(reject, new Error(`no "${event}" within ${budget(timeout_ms)} ms`)), budget(timeout_ms))
		socket.on(event, heard)
		if (event !== 'connect_error') socket.on('connect_error', refused)
	})
}

/*
 * A client that is connecting; it goes with the test T.  OPTIONS are socket.io-client's and: user, name, role (a token
 * of them), token, nsp.
 */
export function dial(t, s, { user, name, role, token: text, nsp = '/', ...options } = {}) {
	const auth = { ...options.auth }
	if (user !== undefined) auth.token = token({ sub: user, name, role })
	if (text !== undefined) auth.token = text
	const socket = io(`http://127.0.0.1:${s.port}${nsp}`, {
		transports: ['websocket'],
		forceNew: true,
		reconnection: false,
		...options,
		auth: Object.keys(auth).length > 0 ? auth : undefined
	})
	t.after(() => socket.disconnect())
	return socket
}

export async function connect(t, s, options) {
	const socket = dial(t, s, options)
	await next(socket, 'connect')
	return socket
}

/* How a connection is refused: the error of connect_error. */
export async function refused(t, s, options) {
	const socket = dial(t, s, options)
	const error = await Promise.race([
		next(socket, 'connect_error').then(([e]) => e),
		next(socket, 'connect').then(() => assert.fail('was admitted'), () => new Promise(() => {}))
	])
	return error
}

/* One client on each worker, in order: which of them accepts is the kernel's choice, so others are let go. */
export async function connect_each(t, s, workers, options = (i) => ({ user: `user${i}` })) {
	const found = []
	for (let tries = 0; found.filter(Boolean).length < workers; tries++) {
		assert.ok(tries < 200, 'the kernel never chose some worker')
		const wanted = [...Array(workers).keys()].find((i) => !found[i])
		const socket = await connect(t, s, options(wanted))
		const worker = await worker_of(s, socket)
		if (worker === wanted) found[worker] = socket
		else socket.disconnect()
	}
	return found
}

export async function worker_of(s, socket) {
	const { status, json } = await api(s, 'GET', `/v1/sockets/${socket.id}`)
	assert.equal(status, 200)
	return json.worker
}

/* What SOCKET hears of EVENTS, in order, as [event, ...args]. */
export function inbox(socket, ...events) {
	const heard = []
	for (const event of events) socket.on(event, (...args) => heard.push([event, ...args]))
	return heard
}

/*
 * What a call is answered: {status, headers, text, json}.  BODY: text, bytes, or what becomes JSON.  KEY null: none.
 */
export function api(s, method, path, body, { key = KEY, headers = {}, agent } = {}) {
	const data = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
	const all = { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers }
	if (data !== undefined) all['content-length'] = Buffer.byteLength(data)
	return new Promise((resolve, reject) => {
		const options = { host: '127.0.0.1', port: s.admin_port, method, path, headers: all, agent: agent ?? false }
		const request = http.request(options, (response) => {
			const parts = []
			response.on('data', (d) => parts.push(d))
			response.on('error', reject)
			response.on('end', () => {
				const text = Buffer.concat(parts).toString()
				const is_json = (response.headers['content-type'] ?? '').startsWith('application/json') && text !== ''
				resolve({
					status: response.statusCode,
					headers: response.headers,
					text,
					json: is_json ? JSON.parse(text) : undefined
				})
			})
		})
		request.setTimeout(WAIT_MS, () => request.destroy(new Error(`${method} ${path}: no answer`)))
		request.on('error', reject)
		request.end(data)
	})
}

export function emit(s, to, event, data, more = {}) {
	return api(s, 'POST', '/v1/emit', { to, event, data, ...more })
}
