/* ws_close.mjs - the closing handshake: codes that may be sent and codes that may not, reasons, what comes behind. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { bin, cases, close, cont, dial, more, ping, pong, ponged, text } from './cases.mjs'
import { PATIENT, started } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())
const on = () => s

describe('codes', () => {
	const good = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
	const bad = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
	cases(on, Object.fromEntries(good.map((code) => [`${code} comes back`, { send: close(code), end: code }])))
	cases(on, Object.fromEntries(bad.map((code) => [`${code} is a fault`, { send: close(code), end: 1002 }])))
})

describe('payloads', () => {
	cases(on, {
		'none': { send: close(), end: 1005 },
		'one byte': { send: text('\u0003', { opcode: 8 }), end: 1002 },
		'a reason': { send: close(1000, 'Hello World!'), end: 1000 },
		'a reason with letters from elsewhere': { send: close(1000, 'Grüße 💛'), end: 1000 },
		'the longest reason': { send: close(1000, '*'.repeat(123)), end: 1000 },
		'one byte longer': { send: close(1000, '*'.repeat(124)), end: 1002 }
	})
})

describe('what comes behind', () => {
	cases(on, {
		'a message before': { send: [text('Hello World!'), close(1000)], hear: ['Hello World!'], end: 1000 },
		'a ping before': { send: [ping('x'), close(1000)], hear: [ponged('x')], end: 1000 },
		'another close': { send: [close(1000), close(1001)], end: 1000 },
		'a ping': { send: [close(1000), ping('late')], end: 1000 },
		'a pong': { send: [close(1000), pong('late')], end: 1000 },
		'a message': { send: [close(1000), text('late')], end: 1000 },
		'bytes': { send: [close(1000), bin('late')], end: 1000 },
		'the rest of a message': { send: [text('half', more), close(1000), cont('late')], end: 1000 },
		'what is no frame': { send: [close(1000), Buffer.from('ffffffffffff', 'hex')], end: 1000 }
	})
	cases(on, { '256K before': { send: [text('B'.repeat(1 << 18)), close(1000)], hear: ['B'.repeat(1 << 18)], end: 1000 } }, [0, 9973])

	test('a message, a close, a message, in writes of their own', async (t) => {
		const line = await dial(t, s.port)
		line.write(text('first'))
		assert.equal(await line.text(), 'first')
		line.write(close(1000))
		line.write(text('late'))
		assert.equal(await line.closed(), 1000)
	})

	test('the connection ends when both have said so', async (t) => {
		const line = await dial(t, s.port)
		line.write(close(3333, 'bye'))
		const f = await line.frame()
		assert.equal(f.payload.readUInt16BE(0), 3333)
		const at = performance.now()
		assert.equal(await line.ended(), 'fin')
		assert.ok(performance.now() - at < 500)
	})

	test('an end without a close is one', async (t) => {
		const line = await dial(t, s.port)
		line.socket.end()
		await line.ended()
	})
})
