'use strict'
/*
 * batch.js - many verbs in few requests: lines of NDJSON, in chunks that the server's limits allow.
 *
 * Chunks go one after the other, so lines keep their order.  A chunk is made when the one before was answered: an iterable
 * of any length is read at the speed of the server.
 */
const { ForkcastError } = require('./errors.js')
const { encode } = require('./verbs.js')

const NEWLINE = Buffer.from('\n')

/* A line of VERB, or the error that it is: {bytes, repeatable} or {error}. */
function line_of(verb, limits) {
	const [name, ...more] = Object.keys(verb ?? {})
	if (name === undefined || more.length > 0) throw new TypeError('a verb is an object with one member, like {emit: {...}}')
	const { text, repeatable } = encode(name, verb[name], limits.idempotent)
	const bytes = Buffer.from(`{${JSON.stringify(name)}:${text}}`)
	if (bytes.length + 1 > limits.bytes) return { error: new ForkcastError('too_large', `a line of ${bytes.length} bytes, ${limits.bytes} are allowed`) }
	return { bytes, repeatable }
}

/* Groups VERBS: yields lists of lines that fit in one request. */
async function* chunks(verbs, limits) {
	let lines = []
	let bytes = 0
	for await (const verb of verbs) {
		const line = line_of(verb, limits)
		const n = line.bytes ? line.bytes.length + 1 : 0
		if (lines.length >= limits.lines || bytes + n > limits.bytes) {
			yield lines
			lines = []
			bytes = 0
		}
		lines.push(line)
		bytes += n
	}
	if (lines.length > 0) yield lines
}

function failed(error) {
	return { ok: false, error }
}

/* What the server said of one line. */
function result_of(reply) {
	const e = reply?.error
	if (e === undefined) return { ok: true, ...reply }
	return failed(new ForkcastError(e.code ?? 'unknown', e.message ?? 'refused', { status: reply.status, field: e.field }))
}

function parse_results(body, count) {
	let rows
	try {
		const text = body.toString().trim()
		rows = text.startsWith('[') ? JSON.parse(text) : text.split('\n').filter((l) => l.trim() !== '').map((l) => JSON.parse(l))
	} catch (cause) {
		throw new ForkcastError('bad_reply', 'the results of the batch are no JSON', { sent: true, cause })
	}
	if (rows.length !== count) throw new ForkcastError('bad_reply', `${count} lines were sent and ${rows.length} results came`, { sent: true })
	return rows.map(result_of)
}

/* Sends LINES; resolves with a result for each, rejects when the request as a whole failed. */
async function send_lines(client, lines, options) {
	const good = lines.filter((l) => l.bytes)
	const repeatable = good.every((l) => l.repeatable)
	let results = []
	if (good.length > 0) {
		const body = Buffer.concat(good.flatMap((l) => [l.bytes, NEWLINE]))
		const reply = await client.send('POST', '/v1/batch', { ...options, body, type: 'application/x-ndjson', repeatable })
		results = parse_results(reply.body, good.length)
	}
	return lines.map((l) => (l.bytes ? results.shift() : failed(l.error)))
}

module.exports = { chunks, send_lines, line_of, failed }
