/* ws_frames.mjs - frames, fragments, control frames, reserved bits and codes (RFC 6455), whole and byte by byte. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { bin, cases, close, cont, dial, fragments, more, parts, ping, pong, ponged, text } from './cases.mjs'
import { PATIENT, started } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())
const on = () => s

describe('sizes', () => {
	const sizes = [0, 1, 125, 126, 127, 128, 65535, 65536]
	cases(on, Object.fromEntries(sizes.map((n) => [`text of ${n}`, { send: text('*'.repeat(n)), hear: ['*'.repeat(n)] }])), [0, 997])
	cases(on, Object.fromEntries(sizes.map((n) => [`binary of ${n}`, { send: bin(Buffer.alloc(n, 0xfe)), hear: [Buffer.alloc(n, 0xfe)] }])), [0, 997])
	/* "The minimal number of bytes MUST be used" (5.2): ws does not mind, others may. */
	for (const form of [16, 64]) {
		test(`a length in ${form} bits that it does not need`, async (t) => {
			const line = await dial(t, s.port)
			line.write(text('hey', { form }))
			const f = await line.frame()
			if (f.opcode === 8) assert.equal(f.payload.readUInt16BE(0), 1002)
			else assert.equal(f.payload.toString(), 'hey')
		})
	}
})

describe('pings and pongs', () => {
	const bytes = Buffer.from([0, 255, 254, 253, 252, 251, 0, 255])
	cases(on, {
		'empty': { send: ping(), hear: [ponged()] },
		'text': { send: ping('Hello, world!'), hear: [ponged('Hello, world!')] },
		'bytes': { send: ping(bytes), hear: [ponged(bytes)] },
		'125 bytes': { send: ping(Buffer.alloc(125, 0xfe)), hear: [ponged(Buffer.alloc(125, 0xfe))] },
		'126 bytes': { send: ping(Buffer.alloc(126, 0xfe)), end: 1002 },
		'a pong that answers nothing': { send: pong() },
		'the same with payload': { send: pong('unsolicited') },
		'a pong, then a ping': { send: [pong('unsolicited'), ping('ping')], hear: [ponged('ping')] },
		'a pong of 126 bytes': { send: pong(Buffer.alloc(126)), end: 1002 },
		'ten pings': { send: [...Array(10).keys()].map((i) => ping(`ping ${i}`)), hear: [...Array(10).keys()].map((i) => ponged(`ping ${i}`)) }
	})
})

describe('reserved bits', () => {
	const list = {}
	for (let rsv = 1; rsv < 8; rsv++) {
		list[`${rsv} on text`] = { send: text('x', { rsv }), end: 1002 }
		list[`${rsv} on binary`] = { send: bin('x', { rsv }), end: 1002 }
		list[`${rsv} on a ping`] = { send: ping('x', { rsv }), end: 1002 }
		list[`${rsv} on a pong`] = { send: pong('x', { rsv }), end: 1002 }
		list[`${rsv} after a text, before a ping`] = { send: [text('first'), text('x', { rsv }), ping()], hear: ['first'], end: 1002 }
		list[`${rsv} on a continuation`] = { send: [text('x', more), cont('y', { rsv })], end: 1002 }
	}
	cases(on, list)
})

describe('opcodes', () => {
	const list = {}
	for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
		list[`${opcode}`] = { send: text('x', { opcode }), end: 1002 }
		list[`${opcode}, empty, after a text`] = { send: [text('first'), text('', { opcode }), ping()], hear: ['first'], end: 1002 }
	}
	cases(on, list)
})

describe('fragments', () => {
	cases(on, {
		'a ping in two': { send: [ping('a', more), cont('b')], end: 1002 },
		'a pong in two': { send: [pong('a', more), cont('b')], end: 1002 },
		'a close in two': { send: [text('', { opcode: 8, fin: false }), cont('b')], end: 1002 },
		'text in two': { send: fragments(['fragment1', 'fragment2']), hear: ['fragment1fragment2'] },
		'binary in two': { send: fragments(['a', 'b'], 2), hear: [Buffer.from('ab')] },
		'text in a thousand': { send: fragments(Array(1000).fill('x')), hear: ['x'.repeat(1000)] },
		'empty ones': { send: fragments(['', '', '']), hear: [''] },
		'empty ones around': { send: fragments(['', 'middle', '']), hear: ['middle'] },
		'a ping in between': { send: [text('1', more), ping('ping'), cont('2')], hear: [ponged('ping'), '12'] },
		'a pong in between': { send: [text('1', more), pong('pong'), cont('2')], hear: ['12'] },
		'a ping between each of five': {
			send: [text('1', more), ping('a'), cont('2', more), ping('b'), cont('3', more), cont('4', more), ping('c'), cont('5')],
			hear: [ponged('a'), ponged('b'), ponged('c'), '12345']
		},
		'a close in between': { send: [text('1', more), close(1000), cont('2')], end: 1000 },
		'a continuation of nothing': { send: cont('x'), end: 1002 },
		'a continuation of nothing, not the last': { send: cont('x', more), end: 1002 },
		'a continuation behind a whole message': { send: [text('first'), cont('x')], hear: ['first'], end: 1002 },
		'a continuation behind fragments': { send: [...fragments(['a', 'b']), cont('x')], hear: ['ab'], end: 1002 },
		'a message inside another': { send: [text('a', more), text('b')], end: 1002 },
		'binary inside text': { send: [text('a', more), bin('b', more), cont('c')], end: 1002 }
	})
})

describe('not masked', () => {
	cases(on, {
		'text': { send: text('x', { mask: false }), end: 1002 },
		'a ping': { send: ping('x', { mask: false }), end: 1002 },
		'a continuation': { send: [text('x', more), cont('y', { mask: false })], end: 1002 }
	})
})

describe('long messages', () => {
	const list = {}
	for (const n of [1 << 16, 1 << 18, 1 << 20, 1 << 22]) {
		list[`text of ${n}`] = { send: text('*'.repeat(n)), hear: ['*'.repeat(n)] }
		list[`binary of ${n}`] = { send: bin(Buffer.alloc(n, 1)), hear: [Buffer.alloc(n, 1)] }
	}
	cases(on, list, [0])
	const whole = Buffer.alloc(1 << 18, 0x2a)
	cases(on, Object.fromEntries([64, 256, 1024, 4096, 16384, 65536].map((n) =>
		[`256K in fragments of ${n}`, { send: fragments(parts(whole, n), 2), hear: [whole] }])), [0])
	for (const n of [64, 512, 2048]) cases(on, { [`256K in writes of ${n}`]: { send: bin(whole), hear: [whole] } }, [n])
	cases(on, { '64K in fragments of 1300': { send: fragments(parts('*'.repeat(65536), 1300)), hear: ['*'.repeat(65536)] } }, [0, 997])
	cases(on, { '16M, the most': { send: bin(Buffer.alloc(1 << 24, 1)), hear: [Buffer.alloc(1 << 24, 1)] } }, [0])
	cases(on, {
		'16M and one': { send: bin('', { length: (1 << 24) + 1 }), end: 1009 },
		'the same in fragments': { send: [bin(Buffer.alloc(1 << 23), more), cont(Buffer.alloc((1 << 23) + 1))], end: 1009 },
		'more than a file may have': { send: bin('', { form: 64, length: 2 ** 52 }), end: [1009, 1002] }
	}, [0])
})
