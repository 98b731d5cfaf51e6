'use strict'
/*
 * cache.js - caches of several processes that follow each other through rooms cache:KEY.
 *
 * CacheSync tells (a backend that wrote), CacheReceiver hears (a process that keeps copies) over a Socket.IO client that
 * the application brings.  A receiver that was away cannot know what it missed: it forgets what it watched.
 */

const room_of = (key) => `cache:${key}`

class CacheSync {
	#target

	/* REALTIMESERVER: a Client, a Publisher, or anything with emit(to, event, data, options). */
	constructor({ realTimeServer } = {}) {
		if (typeof realTimeServer?.emit !== 'function') throw new TypeError('realTimeServer is missing: a Client or a Publisher')
		this.#target = realTimeServer
	}

	/* KEY is old everywhere. */
	invalidate(key, options) {
		return this.#target.emit(room_of(key), 'cache:invalidate', { key: String(key) }, options)
	}

	/* KEY is VALUE everywhere, for TTL ms if given. */
	warm(key, value, { ttl, ...options } = {}) {
		return this.#target.emit(room_of(key), 'cache:warm', { key: String(key), value, ttl }, options)
	}
}

class CacheReceiver {
	#socket
	#cache
	#options
	#keys = new Set()
	#listeners

	/*
	 * SOCKET: of socket.io-client.  CACHE: with delete(key) and set(key, value, {ttl}), like a Map.  OPTIONS:
	 * onInvalidate(key, why), onWarm(key, value), onError(error); subscribe [subscribe], unsubscribe [unsubscribe]: the
	 * server's names of these.
	 */
	constructor(socket, cache, options = {}) {
		this.#socket = socket
		this.#cache = cache
		this.#options = { subscribe: 'subscribe', unsubscribe: 'unsubscribe', timeout: 5000, ...options }
		this.#listeners = {
			'cache:invalidate': (m) => this.#heard(m, () => this.#forget(m.key, 'invalidate')),
			'cache:warm': (m) => this.#heard(m, () => this.#keep(m)),
			disconnect: () => this.#forget_all('disconnect'),
			connect: () => this.#connected()
		}
		for (const [event, fn] of Object.entries(this.#listeners)) socket.on(event, fn)
	}

	/* Follows KEY from now on, over reconnects too.  Resolves when the server has let us into its room. */
	async watch(key) {
		this.#keys.add(String(key))
		if (!this.#socket.connected) return
		try {
			await this.#ask(this.#options.subscribe, key)
		} catch (error) {
			this.#keys.delete(String(key))
			throw error
		}
	}

	async unwatch(key) {
		if (!this.#keys.delete(String(key)) || !this.#socket.connected) return
		await this.#ask(this.#options.unsubscribe, key)
	}

	/* Hears no more; the socket stays the application's. */
	close() {
		for (const [event, fn] of Object.entries(this.#listeners)) this.#socket.off(event, fn)
		this.#keys.clear()
	}

	async #ask(event, key) {
		const reply = await this.#socket.timeout(this.#options.timeout).emitWithAck(event, { room: 'cache', id: String(key) })
		if (reply?.success !== true) throw new Error(`${event} ${room_of(key)}: ${reply?.error ?? 'refused'}`)
	}

	/* After a recovery nothing was missed and the rooms are there still; otherwise both are to be made good. */
	#connected() {
		if (this.#socket.recovered) return
		for (const key of this.#keys) {
			this.#ask(this.#options.subscribe, key).then(
				() => this.#forget(key, 'reconnect'),
				(error) => this.#options.onError?.(error)
			)
		}
	}

	#forget_all(why) {
		for (const key of this.#keys) this.#forget(key, why)
	}

	/* What comes from the network is a key that is watched, or nothing. */
	#heard(message, fn) {
		if (this.#keys.has(message?.key)) fn()
	}

	#forget(key, why) {
		this.#cache?.delete(key)
		this.#options.onInvalidate?.(key, why)
	}

	#keep({ key, value, ttl }) {
		this.#cache?.set(key, value, ttl === undefined ? undefined : { ttl })
		this.#options.onWarm?.(key, value)
	}
}

module.exports = { CacheSync, CacheReceiver }
