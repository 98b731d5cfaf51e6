/* http_body.mjs - requests in pieces, in a row, in chunks, and with lengths that lie. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sleep } from '../e2e/server.mjs'
import { Line, request } from './http.mjs'
import { ENGINE, Poller } from './poller.mjs'
import { PATIENT, TARGET, started } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())

const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const CHUNKED = { 'Transfer-Encoding': 'chunked' }

describe('in pieces', () => {
	const BODY = '4é💛\x1ebAQI=\x1e4end'
	const HEARD = ['4é💛', 'bAQI=', '4end']

	async function heard(p) {
		for (const packet of HEARD) assert.equal(await p.packet(), packet)
	}

	test('a post byte by byte', async (t) => {
		const p = await Poller.open(t, s.port)
		const line = await Line.open(t, s.port)
		for (const byte of request('POST', p.url(), { body: BODY })) {
			line.write(Buffer.from([byte]))
			await new Promise(setImmediate)
		}
		assert.equal((await line.response()).text, 'ok')
		await heard(p)
	})

	test('a post cut in two, at every place', async (t) => {
		const p = await Poller.open(t, s.port)
		const line = await Line.open(t, s.port)
		const whole = request('POST', p.url(), { body: BODY })
		for (let at = 1; at < whole.length; at++) {
			line.write(whole.subarray(0, at))
			await new Promise(setImmediate)
			line.write(whole.subarray(at))
			assert.equal((await line.response()).text, 'ok', `cut at ${at}`)
			await heard(p)
		}
	})

	test('a poll byte by byte', async (t) => {
		const line = await Line.open(t, s.port)
		for (const byte of request('GET', `${ENGINE}?EIO=4&transport=polling`)) {
			line.write(Buffer.from([byte]))
			await new Promise(setImmediate)
		}
		assert.equal((await line.response()).status, 200)
	})
})

describe('in chunks', () => {
	const shapes = {
		'one chunk': [chunk('4hello'), '0\r\n\r\n'],
		'a chunk for each byte': [...'4hello'].map(chunk).concat('0\r\n\r\n'),
		'a chunk that ends inside a character': ['3\r\n4\xc3\xa9\r\n'.slice(0, 5), '\xa9\r\n',
		'0\r\n\r\n'].map((x) => Buffer.from(x, 'latin1')),
		'an extension and a trailer': ['6;a=b\r\n4hello\r\n0\r\nX-After: 1\r\n\r\n'],
		'digits in both cases, with zeros before': ['000A\r\n4helloooo!\r\n', '00a\r\n4234567890\r\n', '0\r\n\r\n']
	}
	for (const [what, parts] of Object.entries(shapes)) {
		test(what, async (t) => {
			const p = await Poller.open(t, s.port)
			const line = await p.start('POST', { fields: CHUNKED })
			for (const part of parts) {
				line.write(part)
				await new Promise(setImmediate)
			}
			assert.equal((await line.response()).text, 'ok')
			const text = Buffer.concat(parts.map((x) => Buffer.from(x))).toString()
			const expected = text.includes('4hello') ? (text.includes('!') ? '4helloooo!4234567890' : '4hello') : text.includes('é') ? '4é' : '4hello'
			assert.equal(await p.packet(), expected)
		})
	}

	for (const [what, body] of Object.entries({
		'no number': 'x\r\n4a\r\n0\r\n\r\n', 'a negative one': '-1\r\n4a\r\n0\r\n\r\n', 'one with 0x': '0x2\r\n4a\r\n0\r\n\r\n',
		'more digits than a length has': `${'f'.repeat(20)}\r\n4a\r\n`, 'a chunk longer than it says': '1\r\n4a\r\n0\r\n\r\n'
	})) {
		test(`not a chunk: ${what}`, async (t) => {
			const p = await Poller.open(t, s.port)
			const line = await p.start('POST', { fields: CHUNKED })
			line.write(body)
			const r = await line.response()
			assert.ok(r.status === 400 || r.status === 0, `${r.status}`)
			await line.ended()
			assert.equal(line.data.length, 0)
		})
	}
})

describe('in a row', () => {
	test('polls and posts on one connection', async (t) => {
		const line = await Line.open(t, s.port)
		line.ask('GET', `${ENGINE}?EIO=4&transport=polling`)
		const p = new Poller(t, s.port, ENGINE, JSON.parse((await line.response()).text.slice(1)))
		for (let i = 0; i < 20; i++) {
			line.ask('POST', p.url(), { body: `4${i}` })
			assert.equal((await line.response()).text, 'ok')
			line.ask('GET', p.url())
			assert.equal((await line.response()).text, `4${i}`)
		}
	})

	test('two sessions in turns on one connection', async (t) => {
		const line = await Line.open(t, s.port)
		const [a, b] = [await Poller.open(t, s.port), await Poller.open(t, s.port)]
		for (let i = 0; i < 10; i++) {
			for (const p of [a, b]) {
				line.ask('POST', p.url(), { body: `4${p.sid}${i}` })
				assert.equal((await line.response()).text, 'ok')
				line.ask('GET', p.url())
				assert.equal((await line.response()).text, `4${p.sid}${i}`)
			}
		}
	})

	test('pipelined: a post and a poll in one segment', async (t) => {
		const p = await Poller.open(t, s.port)
		const line = await Line.open(t, s.port)
		for (const text of ['4one', '4two']) {
			line.write(Buffer.concat([request('POST', p.url(), { body: text }), request('GET', p.url())]))
			assert.equal((await line.response()).text, 'ok')
			assert.equal((await line.response()).text, text)
		}
	})

	test('pipelined: a poll that waits, and a post behind it', async (t) => {
		const p = await Poller.open(t, s.port)
		const line = await Line.open(t, s.port)
		line.write(Buffer.concat([request('GET', p.url()), request('POST', p.url(), { body: '4now' })]))
		/* The reference looks at the second request before it has answered the first; one at a time, it waits for its turn. */
		if (TARGET === 'forkcast') {
			await p.push('4then')
			assert.equal((await line.response()).text, '4then')
			assert.equal((await line.response()).text, 'ok')
			assert.equal(await p.poll(), '4now')
		} else {
			assert.equal((await line.response()).text, '4now')
			assert.equal((await line.response()).text, 'ok')
		}
	})

	test('pipelined: two sessions\' requests in one segment', async (t) => {
		const line = await Line.open(t, s.port)
		const [a, b] = [await Poller.open(t, s.port), await Poller.open(t, s.port)]
		line.write(Buffer.concat([
			request('POST', a.url(), { body: '4a' }), request('POST', b.url(), { body: '4b' }), request('GET', b.url()), request('GET', a.url())
		]))
		for (const text of ['ok', 'ok', '4b', '4a']) assert.equal((await line.response()).text, text)
	})

	test('a refusal does not end the connection', async (t) => {
		const line = await Line.open(t, s.port)
		line.write(Buffer.concat([request('GET', `${ENGINE}?EIO=4&transport=abc`), request('GET', `${ENGINE}?EIO=4&transport=polling`)]))
		assert.equal((await line.response()).status, 400)
		assert.equal((await line.response()).status, 200)
	})

	test('Connection: close is kept', async (t) => {
		const line = await Line.open(t, s.port)
		line.ask('GET', `${ENGINE}?EIO=4&transport=polling`, { fields: { Connection: 'close' } })
		const r = await line.response()
		assert.equal(r.status, 200)
		assert.equal(r.headers.connection, 'close')
		assert.equal(await line.ended(), 'fin')
	})

	test('empty lines between requests', async (t) => {
		const line = await Line.open(t, s.port)
		for (let i = 0; i < 2; i++) {
			line.write('\r\n').ask('GET', `${ENGINE}?EIO=4&transport=polling`)
			assert.equal((await line.response()).status, 200)
		}
	})
})

describe('lengths that lie', () => {
	/* HEAD's fields and the bytes behind it; what they may never do is become a second request. */
	const SMUGGLED = 'GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n'
	const heads = {
		'length and chunks': [['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
		'chunks and length': [['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${SMUGGLED}`],
		'two lengths': [['Content-Length: 2', 'Content-Length: 60'], `4a${SMUGGLED}`],
		'a list of lengths': [['Content-Length: 2, 60'], `4a${SMUGGLED}`],
		'a sign': [['Content-Length: +2'], `4a${SMUGGLED}`],
		'less than nothing': [['Content-Length: -2'], `4a${SMUGGLED}`],
		'hexadecimal': [['Content-Length: 0x2'], `4a${SMUGGLED}`],
		'a space inside': [['Content-Length: 2 2'], `4a${SMUGGLED}`],
		'a space before the colon': [['Content-Length : 2'], `4a${SMUGGLED}`],
		'more than 64 bits': [[`Content-Length: ${'9'.repeat(30)}`], `4a${SMUGGLED}`],
		'no length at all': [['Content-Length: '], `4a${SMUGGLED}`],
		'a folded line': [['Transfer-Encoding:', ' chunked', 'Content-Length: 2'], `4a${SMUGGLED}`],
		'chunked, and something after it': [['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${SMUGGLED}`],
		'an unknown coding': [['Transfer-Encoding: xchunked', 'Content-Length: 2'], `4a${SMUGGLED}`]
	}
	for (const [what, [fields, rest]] of Object.entries(heads)) {
		test(what, async (t) => {
			const p = await Poller.open(t, s.port)
			const line = await Line.open(t, s.port)
			line.write(`POST ${p.url()} HTTP/1.1\r\nHost: x\r\n${fields.join('\r\n')}\r\n\r\n${rest}`)
			const r = await line.response()
			assert.ok([0, 400, 411, 413, 501].includes(r.status), `${r.status} ${r.text}`)
			await line.ended()
			assert.doesNotMatch(line.data.toString('latin1'), /"sid"/)
		})
	}

	test('too short: the rest is no request', async (t) => {
		const p = await Poller.open(t, s.port)
		const line = await p.start('POST', { fields: { 'Content-Length': '2' } })
		line.write('4abcdef\r\n\r\n')
		/* The reference loses the answer to what was right. */
		let r = await line.response()
		if (r.text === 'ok') r = await line.response()
		assert.equal(r.status, 400)
		await line.ended()
	})

	test('too long: it waits, and others do not', async (t) => {
		const p = await Poller.open(t, s.port)
		const line = await p.start('POST', { fields: { 'Content-Length': '10' } })
		line.write('4abcdef')
		await sleep(100)
		assert.equal(line.data.length, 0)
		const other = await Poller.open(t, s.port)
		await other.lives()
		line.write('ghi')
		assert.equal((await line.response()).text, 'ok')
		assert.equal(await p.packet(), '4abcdefghi')
	})
})

test('ten handshakes that do not go on keep nobody waiting', async (t) => {
	const idle = []
	for (let i = 0; i < 10; i++) {
		const line = await Line.open(t, s.port)
		idle.push(line.write(request('GET', `${ENGINE}?EIO=4&transport=polling`).subarray(0, 5 * i)))
	}
	for (let i = 0; i < 10; i++) await (await Poller.open(t, s.port)).lives()
	assert.ok(idle.every((line) => line.end === undefined && line.data.length === 0))
})
