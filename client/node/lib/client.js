'use strict'
/* client.js - the admin API of forkcast as calls. */
const { Connections } = require('./connections.js')
const { ForkcastError, BatchError } = require('./errors.js')
const { with_retries } = require('./retry.js')
const { Pages } = require('./pages.js')
const { Publisher } = require('./publisher.js')
const { chunks, failed, send_lines } = require('./batch.js')
const { act_body, date_text, emit_body, encode, event_body } = require('./verbs.js')

const DEFAULTS = {
	timeout: 10000,
	retries: 5,
	connections: 8,
	idle: 30000,
	maxPending: 10000,
	idempotent: false,
	bodyLimit: 1 << 20,
	batchLines: 1000
}

function query_text(query) {
	const text = new URLSearchParams(Object.entries(query ?? {}).filter(([, v]) => v !== undefined)).toString()
	return text === '' ? '' : `?${text.replaceAll('+', '%20')}`
}

const segment = (id) => encodeURIComponent(String(id))

class Client {
	#connections
	#pending = 0
	#retried = 0
	#closed = false

	/* OPTIONS: url, key, and what DEFAULTS has; see index.d.ts. */
	constructor(options = {}) {
		this.options = { ...DEFAULTS }
		for (const [name, value] of Object.entries(options)) if (value !== undefined) this.options[name] = value
		if (typeof this.options.url !== 'string') throw new TypeError('url is missing: http://HOST:PORT or unix:/PATH of the admin listener')
		this.#connections = new Connections(this.options)
		this.schedules = new Schedules(this)
		this.bans = new Bans(this)
	}

	/* Calls that wait for an answer now, and attempts that were repeated. */
	get counters() {
		return { pending: this.#pending, retried: this.#retried }
	}

	/* EVENT with DATA to a room, user:ID, role:R, socket:SID, all, or a list of these. */
	async emit(to, event, data, options = {}) {
		/* Clients have `timeout` to answer in; the call has its own time on top. */
		const totalTimeout = (options.totalTimeout ?? this.options.timeout) + (options.timeout ?? 0)
		return this.#verb('emit', '/v1/emit', emit_body(to, event, data, options), { ...options, totalTimeout })
	}

	/* An event by name, which the server's conf routes by VARS. */
	async event(type, data, vars, options = {}) {
		return this.#verb('event', '/v1/events', event_body(type, data, vars, options), options)
	}

	async join(where, rooms, options = {}) {
		return this.#verb('join', '/v1/sockets/join', act_body(where, { ...options, rooms }), options)
	}

	async leave(where, rooms, options = {}) {
		return this.#verb('leave', '/v1/sockets/leave', act_body(where, { ...options, rooms }), options)
	}

	/* Not done twice when nobody knows: who was told to go may be back. */
	async disconnect(where, options = {}) {
		return this.#verb('disconnect', '/v1/sockets/disconnect', act_body(where, options), options)
	}

	#verb(name, path, body, options) {
		const { text, repeatable } = encode(name, body, this.options.idempotent)
		return this.#json('POST', path, text, { ...call_options(options), repeatable })
	}

	/*
	 * VERBS: an iterable, async ones too, of {emit: {...}}, {event: {...}}, {join: {...}} ...  Resolves with a result for
	 * each: {ok: true, ...reply} or {ok: false, error}.  When a request as a whole fails, rejects with a BatchError that
	 * has the results so far, and sends no more.
	 */
	async batch(verbs, options = {}) {
		const results = []
		for await (const chunk of this.#sent_chunks(verbs, options)) {
			results.push(...chunk.results)
			if (chunk.error) throw new BatchError(chunk.error, results)
		}
		return results
	}

	/* The same, result by result; ends with the error of the first request that failed. */
	async *batchStream(verbs, options = {}) {
		for await (const chunk of this.#sent_chunks(verbs, options)) {
			yield* chunk.results
			if (chunk.error) throw chunk.error
		}
	}

	/* A list that failed is read to its end, so that each of its lines has a result; a stream is not. */
	async *#sent_chunks(verbs, options) {
		const { bodyLimit, batchLines } = this.options
		const limits = { bytes: bodyLimit, lines: batchLines, idempotent: options.idempotent ?? this.options.idempotent }
		let error
		for await (const lines of chunks(verbs, limits)) {
			if (error) {
				const not_sent = new ForkcastError('not_sent', 'a request before this line failed', { cause: error })
				yield { results: lines.map((l) => failed(l.error ?? not_sent)) }
				continue
			}
			try {
				yield { results: await send_lines(this, lines, call_options(options)) }
			} catch (e) {
				error = e
				const results = lines.map((l) => failed(l.error ?? e))
				if (!Array.isArray(verbs)) {
					yield { results, error }
					return
				}
				yield { results }
			}
		}
		if (error) yield { results: [], error }
	}

	/* Sockets of a namespace: {in: ROOM, namespace, limit (a page)}. */
	sockets({ in: room, namespace, limit } = {}) {
		return new Pages(this, '/v1/sockets', { in: room, namespace, limit })
	}

	rooms({ type, namespace, limit } = {}) {
		return new Pages(this, '/v1/rooms', { type, namespace, limit })
	}

	/* One socket, or null when there is none. */
	socket(id) {
		return this.#found(`/v1/sockets/${segment(id)}`)
	}

	/* One room, or null when nobody is in it. */
	room(name, { namespace } = {}) {
		return this.#found(`/v1/rooms/${segment(name)}`, { namespace })
	}

	/* {id, online, sockets} */
	user(id) {
		return this.call('GET', `/v1/users/${segment(id)}`)
	}

	/* Who is in ROOM: the ids of users, each once. */
	async users(room, { namespace } = {}) {
		const ids = new Set()
		for await (const s of this.sockets({ in: room, namespace, limit: 1000 })) if (s.user !== null) ids.add(s.user.id)
		return [...ids]
	}

	async #found(path, query) {
		try {
			return await this.call('GET', path, { query })
		} catch (error) {
			if (error.status === 404) return null
			throw error
		}
	}

	stats() {
		return this.call('GET', '/v1/stats')
	}

	/* {alive, ready, reasons}: never rejects because of what the server is or is not. */
	async health({ timeout = 2000 } = {}) {
		try {
			const { status, body } = await this.#connections.request({ method: 'GET', path: '/ready', headers: {}, timeout })
			const said = JSON.parse(body.toString())
			return { alive: true, ready: status === 200, reasons: said.reasons ?? [] }
		} catch (error) {
			return { alive: false, ready: false, reasons: [error.message] }
		}
	}

	/* Fire and forget: see Publisher. */
	publisher(options) {
		return new Publisher(this, options)
	}

	/* Any call of the API: METHOD and PATH as docs/api.md has them, JSON is the body.  Resolves with the JSON of the reply. */
	async call(method, path, { json, query, ...options } = {}) {
		const text = json === undefined ? undefined : JSON.stringify(json)
		return this.#json(method, path + query_text(query), text, { repeatable: method === 'GET', ...options })
	}

	async #json(method, path, text, options) {
		const body = text === undefined ? undefined : Buffer.from(text)
		const reply = await this.send(method, path, { ...options, body, type: 'application/json' })
		if (reply.body.length === 0) return undefined
		try {
			return JSON.parse(reply.body.toString())
		} catch (cause) {
			throw new ForkcastError('bad_reply', 'the answer is no JSON', { status: reply.status, sent: true, cause })
		}
	}

	/* The same with bytes, for who needs them: {status, headers, body}. */
	async send(method, path, options) {
		const { body, type, headers, repeatable = false, signal } = options
		const { timeout = this.options.timeout, retries = this.options.retries } = options
		const all = { accept: 'application/json', ...headers }
		if (this.options.key !== undefined) all.authorization = `Bearer ${this.options.key}`
		if (body !== undefined) {
			if (body.length > this.options.bodyLimit) throw new ForkcastError('too_large', `a body of ${body.length} bytes, ${this.options.bodyLimit} are allowed`)
			all['content-type'] = type
			all['content-length'] = body.length
		} else if (method !== 'GET') {
			all['content-length'] = 0
		}
		if (this.#pending >= this.options.maxPending) throw new ForkcastError('overloaded', `${this.#pending} calls wait already`)
		this.#pending++
		try {
			return await with_retries(
				async (left) => {
					if (this.#closed) throw new ForkcastError('closed', 'the client was closed')
					const reply = await this.#connections.request({ method, path, headers: all, body, timeout: left, signal })
					if (reply.status >= 300) throw ForkcastError.of_reply(reply)
					return reply
				},
				{ timeout, retries, repeatable, signal, on_retry: () => this.#retried++ }
			)
		} finally {
			this.#pending--
		}
	}

	/* Ends the connections; calls that wait are rejected. */
	close() {
		this.#closed = true
		this.#connections.close()
	}
}

/* The options of a call that are not the body's. */
function call_options({ totalTimeout, retries, signal }) {
	const options = { signal }
	if (totalTimeout !== undefined) options.timeout = totalTimeout
	if (retries !== undefined) options.retries = retries
	return options
}

class Schedules {
	#client

	constructor(client) {
		this.#client = client
	}

	list({ limit } = {}) {
		return new Pages(this.#client, '/v1/schedules', { limit })
	}

	/* One, or null. */
	async get(id) {
		try {
			return await this.#client.call('GET', `/v1/schedules/${segment(id)}`)
		} catch (error) {
			if (error.status === 404) return null
			throw error
		}
	}

	/* An `emit` that waits, {to, event, data, at or delay, id?}; `at` may be a Date. */
	create(body) {
		const json = body.at === undefined ? body : { ...body, at: date_text(body.at) }
		return this.#client.call('POST', '/v1/schedules', { json, repeatable: json.id !== undefined })
	}

	/* True when there was one; after a connection that broke it may be this call that took it. */
	async cancel(id) {
		return was_there(this.#client.call('DELETE', `/v1/schedules/${segment(id)}`, { repeatable: true }))
	}
}

class Bans {
	#client

	constructor(client) {
		this.#client = client
	}

	list({ limit } = {}) {
		return new Pages(this.#client, '/v1/bans', { limit })
	}

	/* {user or ip, until?, reason?}; `until` may be a Date. */
	add(ban) {
		return this.#client.call('POST', '/v1/bans', { json: { ...ban, until: date_text(ban.until) }, repeatable: true })
	}

	/* {user} or {ip}; true when there was one. */
	async remove({ user, ip }) {
		return was_there(this.#client.call('DELETE', '/v1/bans', { json: { user, ip }, repeatable: true }))
	}
}

async function was_there(call) {
	try {
		await call
		return true
	} catch (error) {
		if (error.status === 404) return false
		throw error
	}
}

module.exports = { Client }
