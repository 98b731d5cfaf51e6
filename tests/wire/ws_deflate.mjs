/* ws_deflate.mjs - permessage-deflate (RFC 7692): who gets it, what is compressed, and what must not be sent. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import zlib from 'node:zlib'
import WebSocket from 'ws'
import { io } from 'socket.io-client'
import { next } from '../e2e/clients.mjs'
import { frame, handshake } from '../e2e/wire.mjs'
import { close, cont, dial, fragments, more, parts, ping, pong, text } from './cases.mjs'
import { dial_deflated, legal, parsed, squeezed } from './deflated.mjs'
import { Line } from './http.mjs'
import { SOCKET } from './poller.mjs'
import { PATIENT, ours, started } from './target.mjs'

const RSV1 = { rsv: 4 }
const PD = 'permessage-deflate'
let s
let plain
before(async () => ([s, plain] = await Promise.all([started({ ...PATIENT, compression: true }), started(PATIENT)])))
after(() => Promise.all([s.stop(), plain.stop()]))

describe('offers', () => {
	const yes = [
		PD, `${PD}; client_max_window_bits`, `${PD}; client_max_window_bits=10`, `${PD}; server_no_context_takeover`, `${PD}; client_no_context_takeover`,
		`${PD}; server_max_window_bits=15`, `${PD}; server_max_window_bits=10; client_max_window_bits`,
		`${PD}; server_max_window_bits="12"`, `${PD};client_max_window_bits;server_no_context_takeover`,
		`x-webkit-deflate-frame, ${PD}`, `foo; bar=1; baz="a", ${PD}`, `${PD}; server_max_window_bits=9, ${PD}`
	]
	for (const offer of yes) {
		test(`accepted: ${offer}`, async (t) => {
			const line = await dial_deflated(t, s.port, { offer })
			line.write(text('x'.repeat(2000)))
			const r = await line.hear()
			assert.equal(r.data.toString(), 'x'.repeat(2000))
			assert.ok(r.compressed)
			assert.ok(r.size < 100)
		})
	}

	/* To be passed over, or refused with the whole handshake. */
	const no = [
		`${PD}; unknown`, `${PD}; server_max_window_bits=7`, `${PD}; server_max_window_bits=16`, `${PD}; server_max_window_bits`,
		`${PD}; client_max_window_bits=7`, `${PD}; client_max_window_bits=x`, `${PD}; server_no_context_takeover=1`,
		`${PD}; client_no_context_takeover; client_no_context_takeover`,
		'permessage-deflates', 'x-webkit-deflate-frame', 'permessage-bzip2', `${PD};`, `${PD}; =1`, `${PD}; a=`, ','
	]
	for (const offer of no) {
		test(`not accepted: ${offer}`, async (t) => {
			const line = await Line.open(t, s.port)
			line.write(handshake({ 'Sec-WebSocket-Extensions': offer }, { path: '/echo' }))
			const r = await line.response()
			if (r.status === 400) return
			assert.equal(r.status, 101)
			assert.equal(r.headers['sec-websocket-extensions'], undefined)
			line.write(text('x'.repeat(2000)))
			assert.equal((await line.frame()).rsv, 0)
		})
	}

	ours('the reference reads numbers as JavaScript does', 'numbers are decimal, without zeros before', async (t) => {
		for (const n of ['0x9', '09', '9.0', '+9']) {
			const line = await Line.open(t, s.port)
			line.write(handshake({ 'Sec-WebSocket-Extensions': `${PD}; server_max_window_bits=${n}` }, { path: '/echo' }))
			const r = await line.response()
			assert.equal(r.headers['sec-websocket-extensions'], undefined)
		}
	})

	test('nobody offered', async (t) => {
		const line = await dial(t, s.port)
		assert.equal(line.response_headers['sec-websocket-extensions'], undefined)
		line.write(text('x'.repeat(2000)))
		assert.equal((await line.frame()).rsv, 0)
		line.write(text('x', RSV1))
		assert.equal(await line.closed(), 1002)
	})

	test('off unless the conf says so', async (t) => {
		for (const path of ['/echo', `${SOCKET}?EIO=4&transport=websocket`]) {
			const line = await dial(t, plain.port, { path, fields: { 'Sec-WebSocket-Extensions': PD } })
			assert.equal(line.response_headers['sec-websocket-extensions'], undefined)
		}
	})

	test('in several lines', async (t) => {
		const line = await dial(t, s.port, { fields: { 'Sec-WebSocket-Extensions': ['foo', PD] } })
		legal(parsed(line.response_headers['sec-websocket-extensions']), PD)
	})
})

describe('messages', () => {
	const json = (n) => JSON.stringify({ a: 'hello', list: [1, 2, 3] }).repeat(Math.ceil(n / 28)).slice(0, n)

	/* Where a server keeps its context, short messages are worth it, too. */
	test('without context, from 1024 bytes on', async (t) => {
		const line = await dial_deflated(t, s.port, { offer: `${PD}; server_no_context_takeover` })
		for (const [n, compressed] of [[0, false], [10, false], [1023, false], [1024, true], [5000, true], [100000, true]]) {
			line.write(text(json(n)))
			const r = await line.hear()
			assert.equal(r.data.toString(), json(n))
			assert.equal(r.compressed, compressed, `${n}`)
		}
	})

	test('each with the window that was agreed upon', async (t) => {
		for (let bits = 9; bits <= 15; bits++) {
			const line = await dial_deflated(t, s.port, { offer: `${PD}; server_max_window_bits=${bits}` })
			for (const n of [2000, 70000]) {
				line.write(text(json(n)))
				assert.equal((await line.hear()).data.toString(), json(n))
			}
		}
	})

	const options = {
		'as it comes': true,
		'without context': { serverNoContextTakeover: true, clientNoContextTakeover: true },
		'a window of 9 bits': { serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
		'9 bits without context': { serverMaxWindowBits: 9, clientMaxWindowBits: 9, serverNoContextTakeover: true, clientNoContextTakeover: true },
		'everything compressed': { threshold: 0 },
		'15 bits': { serverMaxWindowBits: 15, clientMaxWindowBits: 15 }
	}
	for (const [what, perMessageDeflate] of Object.entries(options)) {
		test(`a client of ws: ${what}`, async (t) => {
			const ws = new WebSocket(`ws://127.0.0.1:${s.port}/echo`, { perMessageDeflate })
			t.after(() => ws.terminate())
			await new Promise((resolve, reject) => ws.on('open', resolve).on('error', reject))
			assert.match(ws.extensions, /permessage-deflate/)
			const noise = zlib.deflateRawSync(Buffer.from(Array.from({ length: 40000 }, (_, i) => Math.imul(i, 2654435761) >>> 23)))
			const sent = []
			for (const n of [0, 1, 16, 64, 125, 126, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072]) {
				sent.push(json(n), Buffer.from(json(n)), noise.subarray(0, n))
			}
			const heard = []
			const all = new Promise((resolve, reject) => {
				ws.on('message', (data, binary) => heard.push(binary ? data : data.toString()) === sent.length && resolve())
				ws.on('close', (code) => reject(new Error(`closed: ${code}`)))
			})
			for (const one of sent) ws.send(one)
			await all
			assert.ok(sent.every((one, i) => (typeof one === 'string' ? one === heard[i] : one.equals(heard[i]))))
		})
	}

	test('compressed and not, in turns', async (t) => {
		const line = await dial_deflated(t, s.port)
		for (let i = 0; i < 10; i++) {
			const data = json(100 * i)
			line.write(i % 2 === 0 ? text(data) : text(squeezed(data), RSV1))
			assert.equal((await line.hear()).data.toString(), data)
		}
	})

	const shapes = {
		'in one frame': (z) => [text(z, RSV1)],
		'in fragments': (z) => fragments(parts(z, 7), 1, 4),
		'a fragment for each byte': (z) => fragments(parts(z, 1), 1, 4),
		'with an empty fragment at the end': (z) => [text(z, { ...RSV1, ...more }), cont('')]
	}
	for (const [what, shape] of Object.entries(shapes)) {
		test(`${what}, whole and byte by byte`, async (t) => {
			const line = await dial_deflated(t, s.port)
			const bytes = Buffer.concat(shape(squeezed('Hello é💛 '.repeat(20))))
			line.write(bytes)
			assert.equal((await line.hear()).data.toString(), 'Hello é💛 '.repeat(20))
			for (const one of parts(bytes, 1)) {
				line.write(one)
				await new Promise(setImmediate)
			}
			assert.equal((await line.hear()).data.toString(), 'Hello é💛 '.repeat(20))
		})
	}

	test('a ping among the fragments', async (t) => {
		const line = await dial_deflated(t, s.port)
		const z = squeezed('Hello')
		line.write(Buffer.concat([text(z.subarray(0, 3), { ...RSV1, ...more }), ping('x'), cont(z.subarray(3))]))
		assert.equal((await line.hear()).opcode, 10)
		assert.equal((await line.hear()).data.toString(), 'Hello')
	})

	/* RFC 7692, section 7.2.3 shows most of these. */
	const payloads = {
		'Hello': ['f248cdc9c90700', 'Hello'], 'in a stored block': ['000500faff48656c6c6f00', 'Hello'],
		'in two blocks': ['f248050000 00ffffcac9c90700', 'Hello'],
		'with the final bit': ['f348cdc9c9070000', 'Hello'], 'empty': ['00', ''], 'empty, in fixed codes': ['0200', '']
	}
	for (const [what, [digits, data]] of Object.entries(payloads)) {
		test(`made by others: ${what}`, async (t) => {
			const line = await dial_deflated(t, s.port)
			for (let i = 0; i < 2; i++) {
				line.write(text(Buffer.from(digits.replace(/ /g, ''), 'hex'), RSV1))
				assert.equal((await line.hear()).data.toString(), data)
			}
		})
	}

	test('a client that keeps its context, where it may', async (t) => {
		const line = await dial_deflated(t, s.port, { offer: PD })
		if (line.params.client_no_context_takeover) return
		let dictionary = Buffer.alloc(0)
		for (let i = 0; i < 5; i++) {
			const data = Buffer.from(`${json(3000)}${i}`)
			line.write(text(squeezed(data, { dictionary }), RSV1))
			assert.equal((await line.hear()).data.toString(), data.toString())
			dictionary = Buffer.concat([dictionary, data]).subarray(-32768)
		}
	})
})

describe('faults', () => {
	const faults = {
		'the bit on a continuation': [[text(squeezed('Hello').subarray(0, 3), { ...RSV1, ...more }), cont(squeezed('Hello').subarray(3), RSV1)], 1002],
		'the bit on a ping': [[ping('x', RSV1)], 1002],
		'the bit on a pong': [[pong('x', RSV1)], 1002],
		'the bit on a close': [[frame(Buffer.from([3, 232]), { opcode: 8, rsv: 4 })], 1002],
		'another bit': [[text('x', { rsv: 2 })], 1002],
		'both bits': [[text(squeezed('Hello'), { rsv: 6 })], 1002],
		'what was not compressed': [[text(Buffer.from('ffffffffffffffff', 'hex'), RSV1)], [1007, 1002]],
		'a block type that is none': [[text(Buffer.from([0x06]), RSV1)], [1007, 1002]],
		'a reference to before the beginning': [[text(Buffer.from('020200', 'hex'), RSV1)], [1007, 1002]],
		'not UTF-8': [[text(squeezed(Buffer.from('61ff', 'hex')), RSV1)], 1007],
		'UTF-8 cut short': [[text(squeezed(Buffer.from('c3', 'hex')), RSV1)], 1007],
		'64 MiB of zeros': [[text(squeezed(Buffer.alloc(1 << 26)), RSV1)], 1009],
		'the same in fragments': [fragments(parts(squeezed(Buffer.alloc(1 << 26)), 5000), 2, 4), 1009]
	}
	for (const [what, [send, codes]] of Object.entries(faults)) {
		test(what, async (t) => {
			const line = await dial_deflated(t, s.port)
			line.write(Buffer.concat(send))
			const code = await line.closed()
			assert.ok([].concat(codes).includes(code), `${code}`)
		})
	}

	test('16 MiB, the most, may be compressed', async (t) => {
		const line = await dial_deflated(t, s.port)
		line.write(frame(squeezed(Buffer.alloc(1 << 24)), { opcode: 2, rsv: 4 }))
		assert.equal((await line.hear()).data.length, 1 << 24)
		line.write(close(1000))
		assert.equal(await line.closed(), 1000)
	})
})

describe('Socket.IO', () => {
	const where = `${SOCKET}?EIO=4&transport=websocket`
	const long = 'hello '.repeat(400)

	async function joined(t, offer) {
		const line = offer ? await dial_deflated(t, s.port, { path: where, offer }) : await dial(t, s.port, { path: where })
		line.hear ??= async () => {
			const f = await line.frame()
			return { compressed: false, data: f.payload }
		}
		await line.hear()
		line.write(text('40'))
		line.id = JSON.parse((await line.hear()).data.toString().slice(2)).sid
		await line.hear()
		return line
	}

	test('short packets go as they are, long ones compressed', async (t) => {
		const line = await joined(t, `${PD}; server_no_context_takeover`)
		for (const [data, compressed] of [['x', false], [long, true]]) {
			line.write(text(`42["message","${data}"]`))
			const r = await line.hear()
			assert.equal(r.data.toString(), `42["message-back","${data}"]`)
			assert.equal(r.compressed, compressed)
		}
	})

	test('one event to clients of every kind', async (t) => {
		const offers = [PD, `${PD}; server_max_window_bits=10`, null, `${PD}; server_no_context_takeover; client_no_context_takeover`, null]
		const all = await Promise.all(offers.map((offer) => joined(t, offer)))
		for (let i = 0; i < 3; i++) {
			await Promise.all(all.map((line) => s.ask('emit', line.id, 'news', long, i)))
			for (const line of all) {
				const r = await line.hear()
				assert.equal(r.data.toString(), `42["news","${long}",${i}]`)
				assert.equal(r.compressed, line.params !== undefined)
			}
		}
	})

	test('more than max_payload, once undone', async (t) => {
		const line = await joined(t, PD)
		line.write(text(squeezed(`42["message","${'x'.repeat(2000000)}"]`), RSV1))
		assert.equal(await line.closed(), 1009)
	})

	for (const transports of [['websocket'], ['polling', 'websocket']]) {
		test(`socket.io-client: ${transports}`, async (t) => {
			const socket = io(`http://127.0.0.1:${s.port}`, { transports, forceNew: true, reconnection: false, perMessageDeflate: { threshold: 100 } })
			t.after(() => socket.disconnect())
			await next(socket, 'connect')
			for (const n of [1, 200, 5000, 200000]) {
				const args = ['x'.repeat(n), Buffer.alloc(n, 'y')]
				const heard = await socket.timeout(5000).emitWithAck('message-with-ack', ...args)
				assert.ok(heard === args[0])
			}
		})
	}
})
