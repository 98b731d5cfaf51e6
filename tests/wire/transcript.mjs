/*
 * transcript.mjs - everything a server sends while a script is played to it, as lines that can be compared: status lines,
 * fields as they are spelt but in one order, bodies, frames bit by bit.  Ids and times are masked, nothing else.
 */
import zlib from 'node:zlib'
import { frame, handshake } from '../e2e/wire.mjs'
import { Line, request } from './http.mjs'
import { ENGINE, SOCKET } from './poller.mjs'

function masked(text) {
	return text
		.replace(/"sid":"[A-Za-z0-9_-]{20}"/g, '"sid":"SID"')
		.replace(/^(Set-Cookie: io=)[A-Za-z0-9_-]{20}/i, '$1SID')
		.replace(/^(Date: ).*/i, '$1NOW')
		.replace(/^(Keep-Alive: timeout=).*/i, '$1TIME')
}

/* How a body is framed says nothing about it (the reference sends some in chunks of unknown number), nor when it was sent. */
const FRAMING = /^(Content-Length|Transfer-Encoding|Date):/i

/* How a compressed body was cut and packed is the library's affair: what it says counts. */
function plain(r) {
	const coding = r.headers['content-encoding']
	if (coding === 'gzip') return zlib.gunzipSync(r.body)
	return coding === 'deflate' ? zlib.inflateSync(r.body) : r.body
}

export class Transcript {
	/* Of server S (target.mjs). */
	constructor(t, s) {
		Object.assign(this, { t, s, lines: [] })
	}

	note(...lines) {
		this.lines.push(...lines.map(masked))
	}

	line() {
		return Line.open(this.t, this.s.port)
	}

	/* The next response on LINE; its body is given back, too. */
	async heard(line, { what, bodiless } = {}) {
		const r = await line.response({ bodiless })
		if (r.status === 0) {
			this.note(`${what}: the connection ended without an answer: ${r.end}`)
			return r
		}
		const fields = r.lines.filter((x) => !FRAMING.test(x)).map((x) => `  ${masked(x)}`).sort()
		this.note(`${what}: HTTP/1.1 ${r.status} ${r.reason}`, ...fields, `  ${plain(r).toString()}`)
		return r
	}

	/* A request on a connection of its own. */
	async ask(method, path, options = {}) {
		const line = await this.line()
		line.write(request(method, path, options))
		const r = await this.heard(line, { what: `${method} ${path.replace(/sid=[A-Za-z0-9_-]{20}/, 'sid=SID')}`, bodiless: method === 'HEAD' })
		line.socket.destroy()
		return r
	}

	/* The url of a polling session that was opened at WHERE. */
	async polling(where = SOCKET, options) {
		const r = await this.ask('GET', `${where}?EIO=4&transport=polling`, options)
		return `${where}?EIO=4&transport=polling&sid=${JSON.parse(r.text.slice(1)).sid}`
	}

	get(url, options) {
		return this.ask('GET', url, options)
	}

	post(url, ...packets) {
		return this.ask('POST', url, { body: packets.join('\x1e'), fields: { 'Content-Type': 'text/plain;charset=UTF-8' } })
	}

	/* A WebSocket; of a session when URL is that of one. */
	async socket(url = `${ENGINE}?EIO=4&transport=polling`, fields = {}) {
		const line = await this.line()
		line.write(handshake(fields, { path: url.replace('transport=polling', 'transport=websocket') }))
		await this.heard(line, { what: 'upgrade' })
		return line
	}

	send(line, ...packets) {
		for (const p of packets) line.write(frame(p))
	}

	/* The next N frames, or until the server closes; a close is answered. */
	async frames(line, n = Infinity) {
		for (let i = 0; i < n; i++) {
			const f = await line.frame()
			if (f.end) return this.note(`end: ${f.end}`)
			const shown = f.opcode === 1 ? f.payload.toString() : f.payload.toString('hex')
			this.note(`frame fin=${f.fin} rsv=${f.rsv} opcode=${f.opcode} ${f.payload.length < 200 ? shown : `${f.payload.length} ${shown.slice(0, 40)}`}`)
			if (f.opcode !== 8) continue
			line.write(frame(f.payload, { opcode: 8 }))
			await line.ended()
			return this.note('end')
		}
	}
}

export const id_of = (r) => r.text.match(/40(?:[^{]*)\{"sid":"([^"]{20})"/)[1]
