/* engine_message.mjs - text and binary through an echo, over both transports; what is not a packet ends the session. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { frame } from '../e2e/wire.mjs'
import { Poller } from './poller.mjs'
import { open_ws } from './sockets.mjs'
import { PATIENT, started } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())

const TEXTS = {
	'nothing': '', 'a word': 'hello', 'letters from elsewhere': 'é€💛', 'what looks like a packet': '4', 'lines': 'a\nb\r\nc\0d',
	'JSON': '{"a":["b\\u2028",1]}', 'a long one': 'x'.repeat(70000)
}
const BYTES = {
	'four bytes': Buffer.from([1, 2, 3, 4]), 'one byte': Buffer.from([255]), 'every byte': Buffer.from([...Array(256).keys()]),
	'a long one': Buffer.alloc(66000, 0xa5)
}

describe('polling', () => {
	for (const [what, text] of Object.entries(TEXTS)) {
		/* The reference makes nothing of an empty message on its way back: a packet without data. */
		test(`text: ${what}`, async (t) => {
			const p = await Poller.open(t, s.port)
			await p.push(`4${text}`)
			assert.equal(await p.poll(), `4${text}`)
		})
	}

	for (const [what, bytes] of Object.entries(BYTES)) {
		test(`binary: ${what}`, async (t) => {
			const p = await Poller.open(t, s.port)
			await p.push(`b${bytes.toString('base64')}`)
			assert.equal(await p.poll(), `b${bytes.toString('base64')}`)
		})
	}

	test('several packets in one body, text and binary, keep their order', async (t) => {
		const p = await Poller.open(t, s.port)
		await p.push('4test1', 'bAQIDBA==', '4test2', 'bBQ==', '4test3')
		assert.equal(await p.poll(), '4test1\x1ebAQIDBA==\x1e4test2\x1ebBQ==\x1e4test3')
	})

	test('a poll that waits is answered at once', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		await p.push('4late')
		const r = await pending.response()
		assert.equal(r.status, 200)
		assert.equal(r.text, '4late')
	})

	test('what came between two polls waits for the next', async (t) => {
		const p = await Poller.open(t, s.port)
		for (const n of [1, 2, 3]) await p.push(`4${n}`)
		assert.equal(await p.poll(), '41\x1e42\x1e43')
	})

	test('a thousand packets in a hundred bodies', async (t) => {
		const p = await Poller.open(t, s.port)
		const all = Array.from({ length: 1000 }, (_, i) => `4${i}`)
		for (let i = 0; i < 1000; i += 10) await p.push(...all.slice(i, i + 10))
		const heard = []
		while (heard.length < 1000) heard.push(await p.packet())
		assert.deepEqual(heard, all)
	})

	test('base64 as browsers and as others make it', async (t) => {
		const p = await Poller.open(t, s.port)
		await p.push('bAQI', 'bAQI=', 'b-_8')
		assert.equal(await p.poll(), 'bAQI=\x1ebAQI=\x1eb+/8=')
	})

	for (const body of ['abc', '', '7', '4ok\x1e', '4ok\x1eabc', '\x1e4ok', ' 4ok', 'é']) {
		test(`not a packet: ${JSON.stringify(body)}`, async (t) => {
			const p = await Poller.open(t, s.port)
			await p.post(body) /* whatever it is answered */
			await p.gone()
		})
	}

	test('what stands before the bad packet counts, what stands behind does not', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		await p.post('4first\x1eabc\x1e4second')
		assert.equal((await pending.response()).text, '4first')
		await p.gone()
	})

	for (const [what, packet] of Object.entries({ 'open': '0{}', 'upgrade': '5', 'noop': '6', 'an early pong': '3' })) {
		test(`ignored: ${what}`, async (t) => {
			const p = await Poller.open(t, s.port)
			await p.push(packet)
			await p.lives()
		})
	}

	test('a ping from the client is one in the wrong direction', async (t) => {
		const p = await Poller.open(t, s.port)
		await p.push('2')
		await p.gone()
	})
})

describe('WebSocket', () => {
	for (const [what, text] of Object.entries(TEXTS)) {
		test(`text: ${what}`, async (t) => {
			const wire = await open_ws(t, s.port)
			wire.send(`4${text}`)
			assert.equal(await wire.text(), `4${text}`)
		})
	}

	for (const [what, bytes] of Object.entries({ ...BYTES, 'nothing': Buffer.alloc(0) })) {
		test(`binary: ${what}`, async (t) => {
			const wire = await open_ws(t, s.port)
			wire.write(frame(bytes))
			const f = await wire.frame()
			assert.equal(f.opcode, 2)
			assert.deepEqual(f.payload, bytes)
		})
	}

	test('text and binary keep their order', async (t) => {
		const wire = await open_ws(t, s.port)
		const sent = Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? Buffer.from([i]) : `4${i}`))
		for (const one of sent) wire.write(frame(one))
		for (const one of sent) {
			const f = await wire.frame()
			assert.deepEqual(f.opcode === 2 ? f.payload : f.payload.toString(), one)
		}
	})

	test('base64 text is binary, and comes back as bytes', async (t) => {
		const wire = await open_ws(t, s.port)
		wire.send('bAQIDBA==')
		assert.deepEqual(await wire.frame(), { fin: true, rsv: 0, opcode: 2, payload: Buffer.from([1, 2, 3, 4]) })
	})

	test('b64=1: bytes come back as base64 text', async (t) => {
		const wire = await open_ws(t, s.port, { query: '&b64=1' })
		wire.write(frame(Buffer.from([1, 2, 3, 4])))
		assert.equal(await wire.text(), 'bAQIDBA==')
	})

	for (const text of ['abc', '', '7', ' 4']) {
		test(`not a packet: ${JSON.stringify(text)}`, async (t) => {
			const wire = await open_ws(t, s.port)
			wire.send(text)
			assert.equal(await wire.closed(), 0)
		})
	}

	test('a ping from the client is one in the wrong direction', async (t) => {
		const wire = await open_ws(t, s.port)
		wire.send('2')
		assert.equal(await wire.closed(), 0)
	})
})
