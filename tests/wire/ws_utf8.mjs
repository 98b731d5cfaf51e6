/* ws_utf8.mjs - text is UTF-8, however it is cut; what is not ends the connection with 1007. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { bin, cases, close, cont, dial, fragments, more, parts, text } from './cases.mjs'
import { PATIENT, ours, started } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())
const on = () => s

const hex = (digits) => Buffer.from(digits.replace(/ /g, ''), 'hex')

const GOOD = {
	'Greek': 'κόσμε', 'a line': 'Hello-µ@ßöäüàá-UTF-8!!', 'the first of each length': '\u0000\u0080\u0800\u{10000}', 'the last of each length': '\u007f\u07ff\uffff\u{10ffff}',
	'around the surrogates': '\ud7ff\ue000', 'the replacement': '\ufffd', 'what is no character': '\ufffe\uffff\ufdd0\u{1fffe}\u{10ffff}', 'a byte order mark': '\ufefftext', 'beyond the first plane': '💛🜚'
}

const BAD = {
	'a continuation alone': '80', 'the last of them': 'bf', 'six of them': '80 bf 80 bf 80 bf', 'a lead alone, 2': 'c2', 'a lead alone, 3': 'e1', 'a lead alone, 4': 'f1', 'a lead and a space': 'c3 20',
	'three, one missing': 'e2 82', 'four, one missing': 'f0 9f 92', 'four, two missing': 'f0 9f', 'overlong slash, 2': 'c0 af', 'overlong slash, 3': 'e0 80 af', 'overlong slash, 4': 'f0 80 80 af',
	'overlong, the longest, 2': 'c1 bf', 'overlong, the longest, 3': 'e0 9f bf', 'overlong, the longest, 4': 'f0 8f bf bf', 'overlong zero, 2': 'c0 80', 'overlong zero, 3': 'e0 80 80', 'overlong zero, 4': 'f0 80 80 80',
	'the first surrogate': 'ed a0 80', 'the last surrogate': 'ed bf bf', 'a pair of them': 'ed a0 80 ed b0 80', 'beyond the last plane': 'f4 90 80 80', 'far beyond': 'f5 80 80 80', 'five': 'f8 88 80 80 80', 'six': 'fc 84 80 80 80 80',
	'fe': 'fe', 'ff': 'ff', 'fe fe ff ff': 'fe fe ff ff', 'Latin-1': '63 61 66 e9', 'good, then bad': 'ce ba e1 bd b9 cf 83 ed a0 80 65', 'bad between good': '61 80 62'
}

describe('good', () => {
	for (const [what, line] of Object.entries(GOOD)) {
		cases(on, {
			[`${what}, in one`]: { send: text(line), hear: [line] },
			[`${what}, a fragment for each byte`]: { send: fragments(parts(line, 1)), hear: [line] }
		})
	}

	cases(on, Object.fromEntries([...Array('κόσμε'.length * 2 + 2).keys()].map((i) => {
		const bytes = Buffer.from('κόσμε!')
		const at = Math.min(i, bytes.length)
		return [`cut at ${i}`, { send: fragments([bytes.subarray(0, at), bytes.subarray(at)]), hear: ['κόσμε!'] }]
	})))
})

describe('bad', () => {
	for (const [what, digits] of Object.entries(BAD)) {
		cases(on, {
			[`${what}, in one`]: { send: text(hex(digits)), end: 1007 },
			[`${what}, a fragment for each byte`]: { send: fragments(parts(hex(digits), 1)), end: 1007 },
			[`${what}, among good ones`]: { send: text(Buffer.concat([Buffer.from('é'), hex(digits), Buffer.from('é')])), end: 1007 },
			[`${what}, as the reason of a close`]: { send: close(1000, hex(digits)), end: 1007 }
		})
	}

	test('bytes are no text', async (t) => {
		for (const digits of Object.values(BAD)) {
			const line = await dial(t, s.port)
			line.write(bin(hex(digits)))
			assert.deepEqual((await line.frame()).payload, hex(digits))
			line.socket.destroy()
		}
	})
})

/* The reference looks when the message is whole. */
describe('at once', () => {
	const early = [
		['in the first fragment', [text(hex('ce ba ed a0 80'), more)]],
		['in the second', [text('good', more), cont(hex('f4 90 80 80'), more)]],
		['a character begun in one, spoilt in the next', [text(hex('f4'), more), cont(hex('90'), more)]],
		['in a frame that is not whole', [text(hex('61 80'), { length: 100 })]]
	]
	for (const [what, send] of early) {
		ours('looks when the message is whole', what, async (t) => {
			const line = await dial(t, s.port)
			line.write(Buffer.concat(send))
			assert.equal(await line.closed(2000), 1007)
		})
	}
})
