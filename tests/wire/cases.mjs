/*
 * cases.mjs - WebSocket cases in a compact form, played against the echo at /echo.
 *
 * A case is {send, hear, end}: what is written, as frames; what comes back, as frames; and how it ends: a close code, or
 * nothing for "it goes on".  Frames are written with the functions below; text(1), bin(2), cont(0), ping(9), pong(10),
 * close(8).  hear may hold strings (text frames) and Buffers (binary frames) for short.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frame, handshake } from '../e2e/wire.mjs'
import { Line } from './http.mjs'

const with_opcode = (opcode) => (payload = '', options = {}) => frame(Buffer.from(payload), { opcode, ...options })
export const text = with_opcode(1)
export const bin = with_opcode(2)
export const cont = with_opcode(0)
export const ping = with_opcode(9)
export const pong = with_opcode(10)
export const more = { fin: false } /* a fragment that is not the last */

export function close(code, reason = '') {
	if (code === undefined) return frame(Buffer.alloc(0), { opcode: 8 })
	const head = Buffer.alloc(2)
	head.writeUInt16BE(code)
	return frame(Buffer.concat([head, Buffer.from(reason)]), { opcode: 8 })
}

/* The parts of DATA, N bytes each. */
export function parts(data, n) {
	const bytes = Buffer.from(data)
	const list = []
	for (let at = 0; at < bytes.length; at += n) list.push(bytes.subarray(at, at + n))
	return list.length > 0 ? list : [bytes]
}

/* A message in fragments of the PIECES. */
export function fragments(pieces, opcode = 1) {
	return pieces.map((p, i) => frame(Buffer.from(p), { opcode: i === 0 ? opcode : 0, fin: i === pieces.length - 1 }))
}

/* What an echo may answer a ping with. */
export const ponged = (payload = '') => ({ opcode: 10, payload: Buffer.from(payload) })

function expected(one) {
	if (typeof one === 'string') return { opcode: 1, payload: Buffer.from(one) }
	return Buffer.isBuffer(one) ? { opcode: 2, payload: one } : one
}

/* The next message, its fragments put together, or the next control frame. */
async function message(line) {
	const first = await line.frame()
	if (first.end || first.opcode > 2) return first
	const list = [first]
	while (!list.at(-1).fin) list.push(await line.frame())
	return { opcode: first.opcode, payload: Buffer.concat(list.map((f) => f.payload)) }
}

export async function dial(t, port, { fields, path = '/echo' } = {}) {
	const line = await Line.open(t, port)
	line.write(handshake(fields, { path }))
	const r = await line.response()
	assert.equal(r.status, 101)
	return Object.assign(line, { response_headers: r.headers })
}

/*
 * Plays one case.  CHOP: bytes that are written at a time (0: all at once).  end may be a list: any of them will do; 1006
 * stands for an end without a close frame.
 */
export async function play(t, port, { send, hear = [], end }, chop = 0) {
	const line = await dial(t, port)
	const bytes = Buffer.concat([].concat(send))
	if (chop === 0) line.write(bytes)
	for (const piece of chop === 0 ? [] : parts(bytes, chop)) {
		line.write(piece)
		await new Promise(setImmediate)
	}
	for (const one of hear) {
		const f = await message(line)
		assert.equal(f.end, undefined, 'the connection ended')
		const want = expected(one)
		assert.equal(f.opcode, want.opcode, f.opcode === 8 ? `closed ${f.payload.toString('hex')}` : '')
		assert.ok(f.payload.equals(want.payload), `${f.payload.subarray(0, 100)}`)
	}
	if (end === undefined) {
		line.write(text('the end'))
		assert.equal((await message(line)).payload.toString(), 'the end')
		return
	}
	const f = await line.frame()
	const code = f.opcode === 8 ? (f.payload.length > 1 ? f.payload.readUInt16BE(0) : 1005) : 1006
	assert.ok([].concat(end).includes(code), `closed with ${code}, not ${end}`)
	if (f.opcode === 8) line.write(frame(f.payload, { opcode: 8 }))
	await line.ended()
	assert.equal(line.data.length, 0, 'nothing comes behind a close')
}

/* Tests of CASES by name, each in all of CHOPS. */
export function cases(server, list, chops = [0, 1]) {
	for (const [what, one] of Object.entries(list)) {
		test(what, async (t) => {
			for (const chop of chops) await play(t, server().port, one, chop)
		})
	}
}
