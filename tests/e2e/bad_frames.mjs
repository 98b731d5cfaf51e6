/* bad_frames.mjs - WebSocket by hand: frames as RFC 6455 allows them, and every kind it does not. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { api, connect } from './clients.mjs'
import { disconnected } from './prometheus.mjs'
import { started, until } from './server.mjs'
import { Wire, frame, handshake, open_engine, open_socket } from './wire.mjs'

const CONT = 0
const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9
const PONG = 10

let s
let worker
let bystander
before(async () => {
	s = await started({
		workers: 1,
		conf: 'engine { max_payload = 20000 }\nevent "echo" { emit = echo  to = self  ack = no }',
		auth: 'auth { anonymous = yes }'
	})
	worker = s.worker(0).pid
	bystander = await connect({ after: () => {} }, s)
})
after(() => {
	bystander.disconnect()
	return s.destroy()
})
/* Whatever a test did, others on the same worker go on as before. */
afterEach(async () => {
	assert.equal(await bystander.emitWithAck('ping'), 'pong')
	assert.equal(s.worker(0).pid, worker)
})

const close_frame = (code, reason = '') => {
	const payload = Buffer.alloc(2 + Buffer.byteLength(reason))
	payload.writeUInt16BE(code)
	payload.write(reason, 2)
	return frame(payload, { opcode: CLOSE })
}
const bytes = (hex) => Buffer.from(hex, 'hex')

describe('frames as they may come', () => {
	const PACKET = '42["echo","é💛"]'
	const split = (parts, op = TEXT) => parts.map((p, i) =>
		frame(Buffer.from(p), { opcode: i === 0 ? op : CONT, fin: i === parts.length - 1 }))
	const data = Buffer.from(PACKET)
	const shapes = {
		'one frame': [frame(PACKET)],
		'two fragments': split([data.subarray(0, 5), data.subarray(5)]),
		'a fragment for each byte, inside characters': split([...data].map((b) => Buffer.from([b]))),
		'empty fragments': split(['', data.subarray(0, 3), '', data.subarray(3), '']),
		'a mask of zeros': [Buffer.concat([bytes(`81${(0x80 | data.length).toString(16)}00000000`), data])]
	}
	for (const [what, frames] of Object.entries(shapes)) {
		test(`${what}, whole and byte by byte`, async (t) => {
			const wire = await open_socket(t, s.port)
			wire.write(Buffer.concat(frames))
			assert.equal(await wire.text(), PACKET)
			for (const b of Buffer.concat(frames)) {
				wire.write(Buffer.from([b]))
				await new Promise(setImmediate)
			}
			assert.equal(await wire.text(), PACKET)
		})
	}

	test('a ping, also between fragments, is answered with its bytes', async (t) => {
		const wire = await open_socket(t, s.port)
		const [first, second] = split([data.subarray(0, 5), data.subarray(5)])
		for (const payload of ['', 'x', 'p'.repeat(125)]) {
			wire.write(Buffer.concat([first, frame(Buffer.from(payload), { opcode: PING }), second]))
			const pong = await wire.frame()
			assert.deepEqual([pong.opcode, pong.fin, pong.payload.toString()], [PONG, true, payload])
			assert.equal(await wire.text(), PACKET)
		}
	})

	test('pongs nobody asked for are ignored', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.write(frame(Buffer.from('hello'), { opcode: PONG })).write(frame(PACKET))
		assert.equal(await wire.text(), PACKET)
	})

	test('messages of many connections in fragments, their frames in turns', async (t) => {
		const wires = await Promise.all([...Array(12).keys()].map(() => open_socket(t, s.port)))
		const packets = wires.map((_, i) => Buffer.from(`42["echo","${'é💛'.repeat(i + 1)}${i}"]`))
		const longest = packets.at(-1).length
		for (let at = 0; at < longest; at += 3) {
			for (const [i, p] of packets.entries()) {
				if (at < p.length) wires[i].write(frame(p.subarray(at, at + 3), { opcode: at === 0 ? TEXT : CONT, fin: at + 3 >= p.length }))
			}
			await new Promise(setImmediate)
			if (at % 30 === 0) assert.equal(await bystander.emitWithAck('ping'), 'pong')
		}
		for (const [i, p] of packets.entries()) assert.equal(await wires[i].text(), p.toString())
	})

	test('lengths at the edges of their forms', async (t) => {
		const wire = await open_socket(t, s.port)
		for (const n of [125, 126, 127, 4095, 4096, 19999, 20000]) {
			const text = `42["echo","${'x'.repeat(n - 13)}"]`
			assert.equal(text.length, n)
			wire.send(text)
			assert.equal(await wire.text(), text)
		}
	})

	test('many frames in one write', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.write(Buffer.concat([...Array(3000).keys()].map((i) => frame(`42["echo",${i}]`))))
		for (let i = 0; i < 3000; i++) assert.equal(await wire.text(), `42["echo",${i}]`)
	})

	test('what the server sends is one unmasked text frame in the shortest form', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('42["echo",1]')
		const f = await wire.frame()
		assert.deepEqual([f.fin, f.rsv, f.opcode], [true, 0, TEXT])
	})
})

describe('frames that break the rules: 1002', () => {
	const cases = {
		'no mask': frame('42["echo"]', { mask: false }),
		'an empty frame without a mask': bytes('8100'),
		'RSV1': frame('x', { rsv: 4 }),
		'RSV2': frame('x', { rsv: 2 }),
		'RSV3': frame('x', { rsv: 1 }),
		'all RSV on a ping': frame('', { rsv: 7, opcode: PING }),
		...Object.fromEntries([3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((op) => [`opcode ${op}`, frame('', { opcode: op })])),
		'a ping in fragments': frame('x', { opcode: PING, fin: false }),
		'a pong in fragments': frame('x', { opcode: PONG, fin: false }),
		'a close in fragments': frame(bytes('03e8'), { opcode: CLOSE, fin: false }),
		'a ping of 126 bytes': frame('x'.repeat(126), { opcode: PING }),
		'a pong of 126 bytes': frame('x'.repeat(126), { opcode: PONG }),
		'a ping that says 65,536 bytes': frame('', { opcode: PING, length: 65536 }),
		'a close of 126 bytes': frame(Buffer.concat([bytes('03e8'), Buffer.alloc(124, 'x')]), { opcode: CLOSE }),
		'a continuation of nothing': frame('x', { opcode: CONT }),
		'a continuation of nothing, not the last': frame('x', { opcode: CONT, fin: false }),
		'a text inside a message': Buffer.concat([frame('x', { fin: false }), frame('y')]),
		'a binary inside a text': Buffer.concat([frame('x', { fin: false }), frame(Buffer.from('y'))]),
		'a continuation behind the last': Buffer.concat([frame('3', { fin: false }), frame('', { opcode: CONT }), frame('', { opcode: CONT })]),
		'125 bytes told in 16 bits': frame('x'.repeat(125), { form: 16 }),
		'nothing told in 64 bits': frame('', { form: 64 }),
		'65,535 bytes told in 64 bits': frame('', { form: 64, length: 65535 }),
		'a length with the highest bit': bytes('81ff8000000000000001'),
		'a close of one byte': frame('x', { opcode: CLOSE })
	}
	for (const [what, frames] of Object.entries(cases)) {
		test(what, async (t) => {
			const wire = await open_socket(t, s.port)
			await disconnected(s, 'transport error', async () => assert.equal(await wire.write(frames).closed(), 1002))
			assert.equal((await api(s, 'GET', `/v1/sockets/${wire.sid}`)).status, 404)
		})
	}

	for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
		test(`close code ${code}`, async (t) => {
			const wire = await open_socket(t, s.port)
			await disconnected(s, 'transport error', async () => assert.equal(await wire.write(close_frame(code)).closed(), 1002))
		})
	}
})

describe('text that is not UTF-8: 1007', () => {
	const texts = {
		'a lone continuation byte': 'f0'.slice(2) + '80',
		'an overlong slash': 'c0af',
		'an overlong NUL': 'c080',
		'a surrogate': 'eda080',
		'beyond the last character': 'f4908080',
		'five bytes': 'f888808080',
		'FE': 'fe',
		'half a character at the end': 'e282'
	}
	for (const [what, hex] of Object.entries(texts)) {
		const packet = Buffer.concat([Buffer.from('42["echo","'), bytes(hex), ...(what.startsWith('half') ? [] : [Buffer.from('"]')])])
		test(`${what}, whole`, async (t) => {
			const wire = await open_socket(t, s.port)
			await disconnected(s, 'transport error', async () => assert.equal(await wire.write(frame(packet, { opcode: TEXT })).closed(), 1007))
		})
		test(`${what}, in fragments of one byte`, async (t) => {
			const wire = await open_socket(t, s.port)
			for (const [i, b] of [...packet].entries()) wire.write(frame(Buffer.from([b]), { opcode: i === 0 ? TEXT : CONT, fin: i === packet.length - 1 }))
			assert.equal(await wire.closed(), 1007)
		})
	}

	test('a first fragment that cannot become text is enough', async (t) => {
		const wire = await open_socket(t, s.port)
		assert.equal(await wire.write(frame(bytes('34c0af'), { opcode: TEXT, fin: false })).closed(), 1007)
	})

	test('a close whose reason is not UTF-8', async (t) => {
		const wire = await open_socket(t, s.port)
		assert.equal(await wire.write(frame(bytes('03e8c0af'), { opcode: CLOSE })).closed(), 1007)
	})
})

describe('too large: 1009', () => {
	const cases = {
		'a frame that says so': frame('', { length: 20001 }),
		'a frame that says 2^62 bytes': frame('', { length: 2 ** 62 }),
		'a frame that is': frame('x'.repeat(20001)),
		'two fragments together': Buffer.concat([frame('x'.repeat(15000), { fin: false }), frame('y'.repeat(5001), { opcode: CONT })]),
		'a binary one': frame(Buffer.alloc(20001))
	}
	for (const [what, frames] of Object.entries(cases)) {
		test(what, async (t) => {
			const wire = await open_socket(t, s.port)
			await disconnected(s, 'message too big', async () => assert.equal(await wire.write(frames).closed(), 1009))
		})
	}

	test('exactly as much as allowed is fine, in fragments too', async (t) => {
		const wire = await open_socket(t, s.port)
		const text = `42["echo","${'x'.repeat(20000 - 13)}"]`
		wire.write(frame(text.slice(0, 10000), { fin: false })).write(frame(text.slice(10000), { opcode: CONT }))
		assert.equal(await wire.text(), text)
	})

	test('more fragments than anybody needs: 1008', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.write(frame('4', { fin: false }))
		wire.write(Buffer.concat(Array(5000).fill(frame('2', { opcode: CONT, fin: false }))))
		assert.equal(await wire.closed(), 1008)
	})

	test('a large frame that is promised and never sent costs nothing', async (t) => {
		const wires = await Promise.all([...Array(50).keys()].map(() => open_socket(t, s.port)))
		for (const wire of wires) wire.write(frame('', { length: 20000 }))
		assert.equal(await bystander.emitWithAck('ping'), 'pong')
	})
})

describe('closing', () => {
	for (const [code, reason] of [[1000, ''], [1000, 'bye'], [1001, 'é'.repeat(61)], [1003, ''], [1007, ''], [1011, ''], [1012, ''], [1014, ''], [3000, ''], [4999, 'own']]) {
		test(`close ${code} ${reason.slice(0, 5)} is answered with its code`, async (t) => {
			const wire = await open_socket(t, s.port)
			await disconnected(s, 'transport close', async () => assert.equal(await wire.write(close_frame(code, reason)).closed(), code))
		})
	}

	test('a close without a code is answered without one', async (t) => {
		const wire = await open_socket(t, s.port)
		await disconnected(s, 'transport close', async () => assert.equal(await wire.write(frame('', { opcode: CLOSE })).closed(), 0))
	})

	test('what comes behind a close is not looked at', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.write(Buffer.concat([frame('421["ping"]'), close_frame(1000), frame('422["ping"]'), bytes('ffffff')]))
		assert.equal(await wire.text(), '431["pong"]')
		assert.equal(await wire.closed(), 1000)
	})

	test('a connection cut in the middle of a frame, by FIN and by RST', async (t) => {
		for (const [how, reason] of [['end', 'transport close'], ['resetAndDestroy', 'transport close']]) {
			const wire = await open_socket(t, s.port)
			await disconnected(s, reason, async () => {
				wire.write(frame('42["echo","xyz"]').subarray(0, 9))
				await new Promise((r) => setTimeout(r, 20))
				wire.socket[how]()
			})
		}
	})

	test('who never answers our close is gone after a while', async (t) => {
		const wire = await open_socket(t, s.port)
		await api(s, 'POST', '/v1/sockets/disconnect', { in: `socket:${wire.sid}`, close: true })
		assert.equal(await wire.text(), '41')
		assert.equal(await wire.closed(), 0)
		await until('the descriptor to be closed', () => s.worker(0).counters.connections <= 1, 8000)
	})

	test('garbage instead of frames', async (t) => {
		for (let i = 0; i < 30; i++) {
			const wire = await Wire.open(t, s.port)
			const noise = Buffer.from([...Array(400).keys()].map((k) => (k * 7919 * (i + 3)) & 255))
			wire.write(handshake())
			await wire.response()
			wire.write(noise)
			await until('an end or a frame that waits', () => wire.end !== undefined || wire.data.length > 0)
		}
	})
})

describe('binary messages', () => {
	test('one that nobody asked for ends the connection, as with the reference', async (t) => {
		for (const payload of ['', 'x', '42["echo"]', '\x04']) {
			const wire = await open_socket(t, s.port)
			await disconnected(s, 'forced close', async () => assert.equal(await wire.write(frame(Buffer.from(payload), { opcode: BINARY })).closed(), 0))
		}
	})

	test('before any namespace too', async (t) => {
		const wire = await open_engine(t, s.port)
		assert.equal(await wire.write(frame(Buffer.from('40'), { opcode: BINARY })).closed(), 0)
	})
})
