/*
 * wire.mjs - bytes on a connection: HTTP and WebSocket written by hand, so that they can be wrong.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { budget } from './sanitizer.mjs'

const WAIT_MS = 15000 /* only what fails takes so long */
export const WS_KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
export const WS_ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' /* RFC 6455, section 1.3 */

/* A frame, right unless told otherwise: LENGTH lies about the payload's, FORM picks 7, 16 or 64 bits for it. */
export function frame(payload, { fin = true, rsv = 0, opcode, mask = true, length, form } = {}) {
	const data = Buffer.from(payload ?? '')
	const n = length ?? data.length
	const bits = form ?? (n < 126 ? 7 : n < 65536 ? 16 : 64)
	const head = Buffer.alloc(2 + (bits === 7 ? 0 : bits === 16 ? 2 : 8))
	head[0] = (fin ? 0x80 : 0) | (rsv << 4) | (opcode ?? (Buffer.isBuffer(payload) ? 2 : 1))
	head[1] = (mask ? 0x80 : 0) | (bits === 7 ? n : bits === 16 ? 126 : 127)
	if (bits === 16) head.writeUInt16BE(n, 2)
	if (bits === 64) head.writeBigUInt64BE(BigInt(n), 2)
	if (!mask) return Buffer.concat([head, data])
	const key = randomBytes(4)
	for (let i = 0; i < data.length; i++) data[i] ^= key[i & 3]
	return Buffer.concat([head, key, data])
}

export class Wire {
	constructor(socket) {
		this.socket = socket
		this.data = Buffer.alloc(0)
		this.end = undefined /* 'fin' or the error's code */
		this.waiters = new Set()
		socket.on('data', (d) => {
			this.data = Buffer.concat([this.data, d])
			this.wake()
		})
		socket.on('end', () => this.over('fin'))
		socket.on('error', (e) => this.over(e.code))
		socket.on('close', () => this.over('closed'))
	}

	/* A connection that goes with the test T. */
	static open(t, port) {
		return new Promise((resolve, reject) => {
			const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
			t.after(() => socket.destroy())
			socket.setNoDelay(true)
			socket.once('error', reject)
			socket.once('connect', () => {
				socket.off('error', reject)
				resolve(new this(socket))
			})
		})
	}

	over(how) {
		this.end ??= how
		this.wake()
	}

	wake() {
		for (const w of this.waiters) w()
	}

	write(data) {
		this.socket.write(data)
		return this
	}

	/* Waits until FN() gives something; FN is asked again whenever bytes or the end came. */
	until(what, fn, timeout_ms = WAIT_MS) {
		return new Promise((resolve, reject) => {
			const look = () => {
				const value = fn()
				if (value === undefined) return
				this.waiters.delete(look)
				clearTimeout(late)
				resolve(value)
			}
			const late = setTimeout(() => {
				this.waiters.delete(look)
				reject(new Error(`no ${what} within ${budget(timeout_ms)} ms; ${this.data.length} bytes, end: ${this.end}`))
			}, budget(timeout_ms))
			this.waiters.add(look)
			look()
		})
	}

	/* How the peer ended the connection. */
	ended(timeout_ms) {
		return this.until('end', () => this.end, timeout_ms)
	}

	take(n) {
		const bytes = this.data.subarray(0, n)
		this.data = this.data.subarray(n)
		return bytes
	}

	/* The next HTTP response: {status, reason, headers, text}.  NO_BODY: as for HEAD. */
	response({ no_body = false, timeout_ms } = {}) {
		return this.until('response', () => {
			const at = this.data.indexOf('\r\n\r\n')
			if (at < 0) return this.end && { status: 0, end: this.end }
			const [line, ...fields] = this.data.subarray(0, at).toString('latin1').split('\r\n')
			const [, status, reason] = line.match(/^HTTP\/1\.1 (\d{3}) (.*)$/)
			const headers = Object.fromEntries(fields.map((f) => [f.split(':')[0].toLowerCase(), f.slice(f.indexOf(':') + 1).trim()]))
			const chunked = headers['transfer-encoding'] === 'chunked'
			const last = this.data.indexOf('0\r\n\r\n', at + 4)
			const n = no_body ? 0 : chunked ? last + 5 - at - 4 : Number(headers['content-length'] ?? 0)
			if ((chunked && last < 0) || this.data.length < at + 4 + n) return undefined
			const head = this.take(at + 4)
			const body = this.take(n).toString()
			const text = chunked ? body.replace(/[0-9a-f]+\r\n|\r\n/g, '') : body /* one short chunk is all we meet */
			return { status: Number(status), reason, headers, text, head: head.toString('latin1') }
		}, timeout_ms)
	}

	/* The next frame: {fin, rsv, opcode, payload}, or {end}. */
	frame(timeout_ms) {
		return this.until('frame', () => {
			const d = this.data
			const short = d.length < 2 ? -1 : d[1] & 127
			const head = short < 0 ? Infinity : short === 127 ? 10 : short === 126 ? 4 : 2
			if (d.length < head) return this.end && { end: this.end }
			const n = short === 127 ? Number(d.readBigUInt64BE(2)) : short === 126 ? d.readUInt16BE(2) : short
			if (d.length < head + n) return this.end && { end: this.end }
			assert.equal(d[1] & 0x80, 0, 'a server does not mask')
			this.take(head)
			return { fin: (d[0] & 0x80) !== 0, rsv: (d[0] >> 4) & 7, opcode: d[0] & 15, payload: Buffer.from(this.take(n)) }
		}, timeout_ms)
	}

	/* The next text frame's text; anything else fails. */
	async text(timeout_ms) {
		const f = await this.frame(timeout_ms)
		assert.equal(f.opcode, 1, JSON.stringify(f))
		return f.payload.toString()
	}

	/* The code of the close frame that comes next (0: none in it), and then the end. */
	async closed(timeout_ms) {
		const f = await this.frame(timeout_ms)
		assert.equal(f.opcode, 8, JSON.stringify(f))
		assert.equal(await this.ended(timeout_ms), 'fin')
		return f.payload.length >= 2 ? f.payload.readUInt16BE(0) : 0
	}

	send(text, options) {
		return this.write(frame(text, options))
	}
}

/* Lines of a request head; FIELDS replace (null: leave out) or add to those of a good handshake. */
export function handshake(fields = {}, { path = '/socket.io/?EIO=4&transport=websocket', method = 'GET', version = 'HTTP/1.1' } = {}) {
	const all = {
		Host: 'localhost',
		Connection: 'Upgrade',
		Upgrade: 'websocket',
		'Sec-WebSocket-Version': '13',
		'Sec-WebSocket-Key': WS_KEY,
		...fields
	}
	const lines = Object.entries(all).filter(([, v]) => v !== null).flatMap(([k, v]) => [].concat(v).map((one) => `${k}: ${one}`))
	return `${method} ${path} ${version}\r\n${lines.join('\r\n')}\r\n\r\n`
}

/* A WebSocket that has heard the open packet. */
export async function open_engine(t, port, { fields, kind = Wire, ...where } = {}) {
	const wire = await kind.open(t, port)
	wire.write(handshake(fields, where))
	const { status, headers } = await wire.response()
	assert.equal(status, 101)
	assert.equal(headers['sec-websocket-accept'], WS_ACCEPT)
	wire.open = JSON.parse((await wire.text()).slice(1))
	return wire
}

/* And that has joined the main namespace. */
export async function open_socket(t, port, { auth, ...more } = {}) {
	const wire = await open_engine(t, port, more)
	wire.send(auth === undefined ? '40' : `40${JSON.stringify(auth)}`)
	const answer = await wire.text()
	assert.match(answer, /^40\{"sid":"[^"]{20}"\}$/)
	wire.sid = JSON.parse(answer.slice(2)).sid
	return wire
}
