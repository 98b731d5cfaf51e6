'use strict'
/*
 * repository.js - repositories whose changes are published: userRepo.updateProfile(id, profile) -> user:profile_updated.
 *
 * Methods are replaced in place, on the object that was registered: whoever holds it already publishes too.  The original
 * runs first; only when it succeeded is anything sent, and what sending does never reaches the caller unless `strict`.
 */
const { AsyncLocalStorage } = require('node:async_hooks')
const { EventEmitter } = require('node:events')
const { ForkcastError } = require('./errors.js')
const { eventName } = require('./event_name.js')

const QUEUE = 1000
const SECRET = /passw|secret|token|hash|salt|private|credential/i

const is_id = (v) => (typeof v === 'string' && v !== '') || typeof v === 'number' || typeof v === 'bigint'
const is_object = (v) => v !== null && typeof v === 'object' && !Array.isArray(v) && !(v instanceof Date) && !Buffer.isBuffer(v)

/* The id that a call is about: its first argument, or that argument's id, or the result's. */
function id_of({ args, result }) {
	for (const v of [args[0], args[0]?.id, result?.id]) if (is_id(v)) return String(v)
	return undefined
}

/* The id, and the first object among the arguments: what was changed. */
function data_of(call) {
	const changes = call.args.find(is_object) ?? {}
	const shown = Object.entries(changes).filter(([k, v]) => typeof v !== 'function' && !SECRET.test(k))
	return { ...Object.fromEntries(shown), id: call.id }
}

/* Not the repository's own: what it has from these is left as it is. */
const FOREIGN = new Set([Object, EventEmitter, Array, Map, Set, Function].map((c) => c.prototype))

/* Names of all methods of OBJECT, its classes' included. */
function methods_of(object) {
	const names = new Set()
	for (let o = object; o !== null && !FOREIGN.has(o); o = Object.getPrototypeOf(o)) {
		for (const [name, p] of Object.entries(Object.getOwnPropertyDescriptors(o))) {
			if (name !== 'constructor' && typeof p.value === 'function') names.add(name)
		}
	}
	return names
}

class RepositoryEventEmitter {
	#target
	#options
	#registered = new Map()
	#inside = new AsyncLocalStorage()
	#tail = Promise.resolve()
	#counters = { published: 0, failed: 0, dropped: 0, queued: 0 }

	/* REALTIMESERVER: a Client, a Publisher, or anything with emit(to, event, data, options). */
	constructor({ realTimeServer, ...options } = {}) {
		if (typeof realTimeServer?.emit !== 'function') throw new TypeError('realTimeServer is missing: a Client or a Publisher')
		this.#target = realTimeServer
		this.#options = { queue: QUEUE, ...options }
	}

	get counters() {
		return { ...this.#counters }
	}

	/* From now on REPOSITORY publishes as NAME:EVENT.  Returns it.  OPTIONS: see index.d.ts. */
	registerRepository(name, repository, options = {}) {
		if (this.#registered.has(name)) throw new Error(`a repository "${name}" is registered already`)
		const events = this.#events(name, repository, options)
		const undo = []
		for (const [method, spec] of events) undo.push(this.#wrap(name, repository, method, spec, options))
		this.#registered.set(name, { repository, undo })
		return repository
	}

	/* Its methods are what they were. */
	unregisterRepository(name) {
		const entry = this.#registered.get(name)
		if (entry === undefined) return false
		for (const fn of entry.undo) fn()
		return this.#registered.delete(name)
	}

	/* Method -> {event, to?, data?}: what the options say, and for what they do not say, what the names say. */
	#events(name, repository, { events = {}, auto = true }) {
		const found = new Map()
		for (const method of auto ? methods_of(repository) : []) {
			const event = eventName(method, name)
			if (event !== undefined) found.set(method, { event: `${name}:${event}` })
		}
		for (const [method, said] of Object.entries(events)) {
			if (typeof repository[method] !== 'function') throw new TypeError(`repository "${name}" has no method "${method}"`)
			if (said === false) {
				found.delete(method)
				continue
			}
			const spec = typeof said === 'string' ? { event: said } : { ...said }
			spec.event ??= eventName(method, name) ?? method
			if (!spec.event.includes(':')) spec.event = `${name}:${spec.event}`
			found.set(method, spec)
		}
		return found
	}

	#wrap(name, repository, method, spec, options) {
		const original = repository[method]
		const own = Object.getOwnPropertyDescriptor(repository, method)
		const emitter = this
		const wrapped = {
			[method](...args) {
				const outer = emitter.#inside.getStore()
				/* A method that calls another of the same repository is one change. */
				if (outer?.repository === repository && outer.running && !options.nested) return original.apply(this, args)
				const frame = { repository, running: true }
				const finished = (result) => {
					frame.running = false
					return emitter.#publish({ name, method, args, result, spec, options })
				}
				let result
				try {
					result = emitter.#inside.run(frame, () => original.apply(this, args))
				} catch (error) {
					frame.running = false
					throw error
				}
				if (typeof result?.then !== 'function') {
					finished(result)
					return result
				}
				return result.then(
					async (value) => {
						const sent = finished(value)
						if (emitter.#strict(options)) {
							const error = await sent
							if (error) throw error
						}
						return value
					},
					(error) => {
						frame.running = false
						throw error
					}
				)
			}
		}[method]
		Object.defineProperty(repository, method, { value: wrapped, writable: true, configurable: true, enumerable: own?.enumerable ?? false })
		return () => {
			if (own) Object.defineProperty(repository, method, own)
			else delete repository[method]
		}
	}

	#strict(options) {
		return options.strict ?? this.#options.strict ?? false
	}

	/* Queues one event; resolves with nothing, or with the error that it met.  Events leave in the order of the calls' ends. */
	#publish({ name, method, args, result, spec, options }) {
		const call = { repository: name, method, event: spec.event, args, result }
		let message
		try {
			if ((spec.if ?? options.if)?.(call) === false) return Promise.resolve()
			message = this.#message(call, spec, options)
			if (this.#counters.queued >= this.#options.queue) {
				this.#counters.dropped++
				throw new ForkcastError('overloaded', `${this.#counters.queued} events wait already`)
			}
		} catch (error) {
			return Promise.resolve(this.#failed(error, call))
		}
		this.#counters.queued++
		const sent = this.#tail.then(async () => {
			try {
				if ((await this.#target.emit(message.to, call.event, message.data, message.options)) === false) {
					throw new ForkcastError('dropped', 'the publisher took no more')
				}
				this.#counters.published++
				return undefined
			} catch (error) {
				return this.#failed(error, call)
			} finally {
				this.#counters.queued--
			}
		})
		this.#tail = sent
		return sent
	}

	#message(call, spec, options) {
		const choose = (key, usual) => {
			const said = spec[key] ?? options[key]
			return typeof said === 'function' ? said(call) : (said ?? usual(call))
		}
		call.id = choose('id', id_of)
		const to = choose('to', () => (call.id === undefined ? undefined : `${call.repository}:${call.id}`))
		if (to === undefined) throw new TypeError(`${call.repository}.${call.method}: no id in the arguments or the result; say \`to\``)
		return { to, data: choose('data', data_of), options: choose('options', () => undefined) }
	}

	#failed(error, call) {
		this.#counters.failed++
		try {
			this.#options.onError?.(error, call)
		} catch {
			/* the repository's caller must not see it */
		}
		return error
	}

	/* Resolves when what was queued is sent. */
	async flush() {
		await this.#tail
		await this.#target.flush?.()
	}
}

module.exports = { RepositoryEventEmitter }
