/*
 * backend.mjs - the backend of a hook: answers as the test says, and remembers what it was asked.
 */
import crypto from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { until } from './server.mjs'

export const HOOK_SECRET = 'hook-secret-of-the-tests'

export class Backend {
	/*
	 * ANSWER(body, request, response): a value that is sent as JSON with 200, undefined for 204, or a promise of one; null
	 * when it answers by itself, or not at all.
	 */
	constructor(answer = () => undefined, options = {}) {
		this.answer = answer
		this.asked = [] /* bodies, */
		this.heads = [] /* and headers */
		this.sockets = new Set()
		this.connections = 0
		this.options = options
	}

	async listen(at = { port: 0, host: '127.0.0.1' }) {
		const { tls } = this.options
		this.server = tls ? https.createServer(tls, (q, r) => this.on_request(q, r)) : http.createServer((q, r) => this.on_request(q, r))
		this.server.keepAliveTimeout = this.options.keep_alive ?? 60000
		this.server.on('connection', (s) => {
			this.connections++
			this.sockets.add(s)
			s.on('close', () => this.sockets.delete(s))
			s.on('error', () => {})
		})
		this.server.on('tlsClientError', () => (this.tls_errors = (this.tls_errors ?? 0) + 1))
		await new Promise((resolve, reject) => this.server.once('error', reject).listen(at, resolve))
		this.at = typeof at === 'string' ? at : { ...at, port: this.server.address().port }
		return this
	}

	get port() {
		return this.at.port
	}

	get url() {
		if (typeof this.at === 'string') return `unix:${this.at}`
		return `${this.options.tls ? 'https' : 'http'}://127.0.0.1:${this.port}/hook`
	}

	async on_request(request, response) {
		const chunks = []
		try {
			for await (const c of request) chunks.push(c)
		} catch {
			return
		}
		const raw = Buffer.concat(chunks)
		const body = JSON.parse(raw.toString())
		this.asked.push(body)
		this.heads.push({ ...request.headers, raw, method: request.method, url: request.url })
		const value = await this.answer(body, request, response)
		if (value === null) return
		if (value === undefined) {
			response.writeHead(204).end()
			return
		}
		const text = Buffer.from(JSON.stringify(value))
		response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text)
	}

	/* Waits until it has been asked N times. */
	seen(n) {
		return until(`${n} requests, there are ${this.asked.length}`, () => this.asked.length >= n)
	}

	/* Ends all connections, also those that are kept. */
	drop() {
		for (const s of this.sockets) s.destroy()
	}

	async close() {
		this.drop()
		await new Promise((resolve) => this.server.close(resolve))
	}
}

export async function backend(t, answer, options = {}, at) {
	const b = await new Backend(answer, options).listen(at)
	t.after(() => b.close())
	return b
}

export function signature(secret, head) {
	return 'v1=' + crypto.createHmac('sha256', secret).update(`${head['forkcast-timestamp']}.`).update(head.raw).digest('hex')
}
