/*
 * http.mjs - HTTP requests written by hand and responses read exactly: how a body was framed is kept, too.
 */
import assert from 'node:assert/strict'
import { Wire, frame } from '../e2e/wire.mjs'

const WAIT_MS = 15000

/* The bytes of a chunked body that starts at AT: {end, data}, or undefined while it is not whole. */
function dechunked(bytes, at) {
	const parts = []
	for (;;) {
		const line = bytes.indexOf('\r\n', at)
		if (line < 0) return undefined
		const n = parseInt(bytes.subarray(at, line).toString('latin1'), 16)
		const next = line + 2 + n + 2
		if (bytes.length < next) return undefined
		if (n === 0) return { end: next, data: Buffer.concat(parts) }
		parts.push(bytes.subarray(line + 2, line + 2 + n))
		at = next
	}
}

function fields_of(lines) {
	const headers = {}
	for (const line of lines) {
		const name = line.slice(0, line.indexOf(':')).toLowerCase()
		const value = line.slice(line.indexOf(':') + 1).trim()
		headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
	}
	return headers
}

export class Line extends Wire {
	/*
	 * The next response: {status, reason, lines (of the head), headers (lower case), framing, body, text}; {status: 0,
	 * end} when the connection ended instead.  BODILESS: an answer to HEAD.
	 */
	response({ bodiless = false, timeout_ms } = {}) {
		return this.until('response', () => {
			const at = this.data.indexOf('\r\n\r\n')
			if (at < 0) return this.end && { status: 0, end: this.end, rest: this.data.toString('latin1') }
			const [first, ...lines] = this.data.subarray(0, at).toString('latin1').split('\r\n')
			const [, status, reason] = first.match(/^HTTP\/1\.1 (\d{3}) (.*)$/)
			const headers = fields_of(lines)
			const r = { status: Number(status), reason, lines, headers }
			const body = this.#body(r, at + 4, bodiless)
			if (!body) return undefined
			this.take(body.end)
			return Object.assign(r, { framing: body.framing, body: Buffer.from(body.data), text: body.data.toString() })
		}, timeout_ms)
	}

	#body({ status, headers }, at, bodiless) {
		const none = Buffer.alloc(0)
		if (bodiless || status < 200 || status === 204 || status === 304) return { framing: 'none', end: at, data: none }
		if (headers['transfer-encoding'] === 'chunked') {
			const body = dechunked(this.data, at)
			return body && { framing: 'chunked', ...body }
		}
		if (headers['content-length'] !== undefined) {
			const end = at + Number(headers['content-length'])
			return this.data.length >= end ? { framing: 'length', end, data: this.data.subarray(at, end) } : undefined
		}
		return this.end && { framing: 'end', end: this.data.length, data: this.data.subarray(at) }
	}

	ask(...args) {
		return this.write(request(...args))
	}

	until(what, fn, timeout_ms = WAIT_MS) {
		return super.until(what, fn, timeout_ms)
	}

	/* The code of the close frame that comes next (0: none in it).  It is answered, and the connection ends. */
	async closed(timeout_ms) {
		const f = await this.frame(timeout_ms)
		assert.equal(f.opcode, 8, JSON.stringify(f))
		this.write(frame(f.payload, { opcode: 8 }))
		await this.ended(timeout_ms)
		return f.payload.length >= 2 ? f.payload.readUInt16BE(0) : 0
	}
}

/* A request's bytes.  BODY gives Content-Length unless FIELDS say otherwise; a field that is null is left out. */
export function request(method, path, { fields = {}, body } = {}) {
	const data = body === undefined ? Buffer.alloc(0) : Buffer.from(body)
	const all = { Host: 'localhost', ...(body === undefined ? {} : { 'Content-Length': data.length }), ...fields }
	const lines = Object.entries(all).filter(([, v]) => v !== null).flatMap(([k, v]) => [].concat(v).map((one) => `${k}: ${one}\r\n`))
	return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), data])
}

/* What one request on a connection of its own is answered. */
export async function fetched(t, port, method, path, { timeout_ms, ...options } = {}) {
	const line = await Line.open(t, port)
	line.ask(method, path, options)
	const r = await line.response({ bodiless: method === 'HEAD', timeout_ms })
	line.socket.destroy()
	return r
}
