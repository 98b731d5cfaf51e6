/* deflated.mjs - permessage-deflate by hand (RFC 7692): offers and answers, messages compressed and undone. */
import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import { dial } from './cases.mjs'

const TAIL = Buffer.from([0, 0, 255, 255])
const WINDOW = 32768

/* The offers or answers of a header: [{name, params}]; a parameter without a value is true. */
export function parsed(value) {
	const param = (text) => {
		const [key, data] = text.split('=').map((x) => x.trim())
		return [key, data === undefined ? true : data.replace(/^"(.*)"$/, '$1')]
	}
	return value.split(',').map((one) => {
		const [name, ...params] = one.split(';').map((x) => x.trim())
		return { name, params: Object.fromEntries(params.map(param)) }
	})
}

/* Asserts that ANSWER is one that the client may accept which made the OFFER (7.1). */
export function legal(answer, offer) {
	assert.equal(answer.length, 1, 'one extension')
	const [{ name, params }] = answer
	assert.equal(name, 'permessage-deflate')
	for (const [key, value] of Object.entries(params)) {
		if (/^(server|client)_no_context_takeover$/.test(key)) assert.equal(value, true)
		else if (key === 'server_max_window_bits') assert.match(String(value), /^([89]|1[0-5])$/)
		else if (key === 'client_max_window_bits') assert.match(String(value), /^([89]|1[0-5])$/)
		else assert.fail(`what is ${key}?`)
	}
	const suits = parsed(offer).filter((o) => o.name === 'permessage-deflate').some((o) =>
		(!o.params.server_no_context_takeover || params.server_no_context_takeover) &&
		(o.params.server_max_window_bits === undefined || Number(params.server_max_window_bits) <= Number(o.params.server_max_window_bits)) &&
		(params.client_max_window_bits === undefined || o.params.client_max_window_bits !== undefined))
	assert.ok(suits, `${JSON.stringify(params)} is no answer to ${offer}`)
	return params
}

/* DATA as the payload of a compressed message; OPTIONS are zlib's. */
export function squeezed(data, options = {}) {
	const bytes = zlib.deflateRawSync(Buffer.from(data), { finishFlush: zlib.constants.Z_SYNC_FLUSH, ...options })
	return bytes.subarray(-4).equals(TAIL) ? bytes.subarray(0, -4) : bytes
}

/* A WebSocket with permessage-deflate, as agreed upon (.params); hear() undoes what comes. */
export async function dial_deflated(t, port, { offer = 'permessage-deflate; client_max_window_bits', path, fields = {} } = {}) {
	const line = await dial(t, port, { path, fields: { 'Sec-WebSocket-Extensions': offer, ...fields } })
	line.params = legal(parsed(line.response_headers['sec-websocket-extensions']), offer)
	let window = Buffer.alloc(0)
	/* The next message: {compressed, opcode, data}. */
	line.hear = async () => {
		const list = [await line.frame()]
		assert.equal(list[0].end, undefined)
		if (list[0].opcode > 2) return { opcode: list[0].opcode, data: list[0].payload }
		while (!list.at(-1).fin) list.push(await line.frame())
		assert.ok(list.slice(1).every((f) => f.rsv === 0), 'bits on a continuation')
		const raw = Buffer.concat(list.map((f) => f.payload))
		if (list[0].rsv === 0) return { compressed: false, opcode: list[0].opcode, data: raw, size: raw.length }
		assert.equal(list[0].rsv, 4)
		const windowBits = Number(line.params.server_max_window_bits ?? 15)
		const data = zlib.inflateRawSync(Buffer.concat([raw, TAIL]), {
			finishFlush: zlib.constants.Z_SYNC_FLUSH, dictionary: window, windowBits: Math.max(windowBits, 8)
		})
		if (!line.params.server_no_context_takeover) window = Buffer.concat([window, data]).subarray(-WINDOW)
		return { compressed: true, opcode: list[0].opcode, data, size: raw.length }
	}
	return line
}
