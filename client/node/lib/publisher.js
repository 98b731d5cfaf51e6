'use strict'
/*
 * publisher.js - fire and forget: lines wait in a bounded queue and leave in batches.
 *
 *	send()          queue                    one request at a time
 *	verb -> line -> [ | | | | ] -> by time or size -> POST /v1/batch
 *
 * One request at a time keeps the order, and while it is under way the next batch fills.  What does not fit is dropped and
 * counted, never waited for.  A batch that failed for good is counted as failed: the client has tried again before that.
 */
const { ForkcastError } = require('./errors.js')
const { line_of, send_lines, failed } = require('./batch.js')
const { act_body, emit_body, event_body } = require('./verbs.js')

const DEFAULTS = {
	linger: 5,
	batchBytes: 256 << 10,
	batchLines: 500,
	queueLines: 10000,
	queueBytes: 16 << 20,
	attempts: 3,
	busyPause: 1000
}

class Publisher {
	#client
	#queue = []
	#head = 0
	#bytes = 0
	#flying = 0
	#timer
	#closed = false
	#waiting = []
	#settled = 0
	#taken = 0
	#counters = { sent: 0, failed: 0, dropped: 0 }

	/* OPTIONS: what DEFAULTS has; idempotent; onError(error, verbs' lines): a line, or a whole batch, that failed. */
	constructor(client, options = {}) {
		this.#client = client
		this.options = { ...DEFAULTS, idempotent: client.options.idempotent }
		for (const [name, value] of Object.entries(options)) if (value !== undefined) this.options[name] = value
		this.options.batchBytes = Math.min(this.options.batchBytes, client.options.bodyLimit)
	}

	/* Lines that wait, those under way included, and what became of the others. */
	get counters() {
		return { ...this.#counters, queued: this.#length + this.#flying, bytes: this.#bytes }
	}

	get #length() {
		return this.#queue.length - this.#head
	}

	/* VERB ({emit: {...}} and its like) is on its way: true.  False: the queue is full or closed, and it was dropped. */
	send(verb) {
		const { queueLines, queueBytes, batchBytes, idempotent } = this.options
		const line = line_of(verb, { bytes: batchBytes, idempotent })
		const n = line.bytes?.length ?? 0
		if (this.#closed || line.error || this.#length >= queueLines || this.#bytes + n > queueBytes) {
			this.#counters.dropped++
			if (line.error) this.#report(line.error, 1)
			return false
		}
		this.#queue.push(line)
		this.#bytes += n
		this.#taken++
		this.#wake()
		return true
	}

	emit(to, event, data, options) {
		return this.send({ emit: emit_body(to, event, data, options) })
	}

	event(type, data, vars, options) {
		return this.send({ event: event_body(type, data, vars, options) })
	}

	join(where, rooms, options) {
		return this.send({ join: act_body(where, { ...options, rooms }) })
	}

	leave(where, rooms, options) {
		return this.send({ leave: act_body(where, { ...options, rooms }) })
	}

	disconnect(where, options) {
		return this.send({ disconnect: act_body(where, options) })
	}

	#wake() {
		if (this.#flying > 0 || this.#length === 0) return
		const { linger, batchLines, batchBytes } = this.options
		const now = this.#waiting.length > 0 || this.#length >= batchLines || this.#bytes >= batchBytes
		if (now) {
			clearTimeout(this.#timer)
			this.#timer = undefined
			this.#fly()
		} else {
			this.#timer ??= setTimeout(() => {
				this.#timer = undefined
				this.#fly()
			}, linger)
		}
	}

	#next_batch() {
		const { batchLines, batchBytes } = this.options
		const lines = []
		let bytes = 0
		while (this.#head < this.#queue.length && lines.length < batchLines) {
			const line = this.#queue[this.#head]
			if (bytes + line.bytes.length + 1 > batchBytes && lines.length > 0) break
			this.#queue[this.#head++] = undefined
			lines.push(line)
			bytes += line.bytes.length + 1
		}
		/* Moved down when half of it is gone, so that no line costs more than one move. */
		if (this.#head * 2 >= this.#queue.length) {
			this.#queue.splice(0, this.#head)
			this.#head = 0
		}
		return lines
	}

	async #fly() {
		if (this.#flying > 0 || this.#length === 0) return
		const lines = this.#next_batch()
		this.#flying = lines.length
		await this.#deliver(lines)
		this.#bytes -= lines.reduce((sum, l) => sum + l.bytes.length, 0)
		this.#settled += lines.length
		this.#flying = 0
		this.#tell()
		this.#wake()
	}

	/* Those who wait for a flush, when what they wait for is settled. */
	#tell() {
		this.#waiting = this.#waiting.filter((w) => w.until > this.#settled || w.done())
	}

	/* Lines that the server was too busy for are sent again, before what came after them. */
	async #deliver(lines) {
		let left = lines
		for (let n = 1; left.length > 0; n++) {
			let results
			try {
				results = await send_lines(this.#client, left, {})
			} catch (error) {
				results = left.map(() => failed(error))
				this.#settle(results, error)
				return
			}
			const again = n < this.options.attempts ? left.filter((_, i) => busy(results[i])) : []
			this.#settle(results.filter((r) => again.length === 0 || !busy(r)))
			left = again
			if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, this.options.busyPause * (1 + Math.random())))
		}
	}

	#settle(results, whole) {
		for (const r of results) {
			if (r.ok) this.#counters.sent++
			else {
				this.#counters.failed++
				if (!whole) this.#report(r.error, 1)
			}
		}
		if (whole) this.#report(whole, results.length)
	}

	#report(error, lines) {
		try {
			this.options.onError?.(error, lines)
		} catch {
			/* what a listener throws is no reason to stop publishing */
		}
	}

	/* Resolves when everything sent before has its result; true, or false after TIMEOUT ms. */
	flush({ timeout } = {}) {
		if (this.#settled >= this.#taken) return Promise.resolve(true)
		return new Promise((resolve) => {
			let timer
			const entry = {
				until: this.#taken,
				done: () => {
					clearTimeout(timer)
					resolve(true)
				}
			}
			this.#waiting.push(entry)
			if (timeout !== undefined) {
				timer = setTimeout(() => {
					this.#waiting = this.#waiting.filter((w) => w !== entry)
					resolve(false)
				}, timeout)
			}
			this.#wake()
		})
	}

	/* Takes no more, and gives what waits TIMEOUT ms to leave; the rest is dropped and counted. */
	async close({ timeout = 5000 } = {}) {
		this.#closed = true
		const all = await this.flush({ timeout })
		if (all) return true
		const rest = this.#queue.splice(this.#head)
		this.#bytes -= rest.reduce((sum, l) => sum + l.bytes.length, 0)
		this.#counters.dropped += rest.length
		this.#settled += rest.length
		this.#tell()
		if (rest.length > 0) this.#report(new ForkcastError('dropped', 'the publisher was closed before they left'), rest.length)
		return false
	}
}

function busy(result) {
	return !result.ok && (result.error.status === 429 || result.error.status === 503)
}

module.exports = { Publisher }
