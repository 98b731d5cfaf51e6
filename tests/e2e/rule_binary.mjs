/* rule_binary.mjs - attachments through rules: passed, taken apart and put together anew, to every kind of receiver at once. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import parser from 'socket.io-msgpack-parser'
import { api, connect, connect_each, inbox, next } from './clients.mjs'
import { counted, metric } from './prometheus.mjs'
import { started, until } from './server.mjs'
import { Wire, open_socket } from './wire.mjs'

const KINDS = {
	websocket: {},
	polling: { transports: ['polling'] },
	upgraded: { transports: ['polling', 'websocket'] },
	msgpack: { parser },
	'msgpack over polling': { parser, transports: ['polling'] }
}
const WORKERS = 2
let s
before(async () => {
	s = await started({
		workers: WORKERS,
		auth: 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }',
		conf: `
			event "pass"    { emit = out  to = all }
			event "name"    { emit = "other name"  to = all }
			event "pick"    { emit = out  to = all  data = '{"only": {b}}' }
			event "turn"    { emit = out  to = all  data = '{"x": {b}, "y": {a}}' }
			event "repeat"  { emit = out  to = all  data = '[{a}, {b}, {a}, {a}]' }
			event "drop"    { emit = out  to = all  data = '{"text": {text}, "gone": {gone?}}' }
			event "args"    { emit = out  to = all  args = '[{b}, 1, {a}, {text|null}]' }
			event "whole"   { emit = out  to = all  args = '[{@payload}, {@args}]' }
			event "add"     { emit = out  to = all  add = {"at: @socket.transport", "copy: b"} }
			event "over"    { emit = out  to = all  add = {"a: text"} }
			event "deep"    { emit = out  to = all  data = '{deep.list.1}' }
			event "is"      { emit = out  to = all  data = '{"a": {a}, "has": {a}, "none": {nothing|null}}'  if = a  check { if = b  error = "no b" } }
			event "ack"     { ack = '{"got": {b}, "text": {text}}' }
			event "acks"    { ack_args = '[{b}, {a}, {text}, {b}]' }
			event "echo"    { ack_args = '{@args}' }
			event "none"    { ack_args = '[]' }
			event "both"    { emit = out  to = all  data = '{a}'  ack_args = '[{a}, "and", {b}]'  also { emit = out  to = all  data = '{b}' } }
			event "fast"    { emit = out  to = all  volatile = yes }
			event "room"    { room = "r:{a}"  require = any  emit = out }
			room "r" { join = any }
		`
	})
})
after(() => s.destroy())

const A = Buffer.from([0, 1, 2, 253, 254, 255])
const B = Buffer.from('b is text, and longer than sixteen bytes')
const DATA = { a: A, b: B, text: 'T' }

/* A client of each kind on each worker. */
async function crowd(t) {
	const all = []
	for (const options of Object.values(KINDS)) all.push(...(await connect_each(t, s, WORKERS, () => options)))
	return all
}

describe('what receivers get', () => {
	const cases = {
		pass: [[[DATA, B, 5]], [[DATA, B, 5]]],
		name: [[[A]], undefined],
		pick: [[[DATA]], [[{ only: B }]]],
		turn: [[[DATA]], [[{ x: B, y: A }]]],
		repeat: [[[DATA]], [[[A, B, A, A]]]],
		drop: [[[DATA]], [[{ text: 'T' }]]],
		args: [[[DATA, 'more']], [[B, 1, A, 'T']]],
		whole: [[[DATA, A]], [[DATA, [DATA, A]]]],
		over: [[[DATA, A]], [[{ b: B, text: 'T', a: 'T' }, A]]],
		deep: [[[{ deep: { list: [A, { x: B }] } }]], [[{ x: B }]]],
		is: [[[DATA]], [[{ a: A, has: A, none: null }]]],
		both: [[[DATA]], [[A], [B]]]
	}
	for (const [event, [sent, expected]] of Object.entries(cases)) {
		test(event, async (t) => {
			const all = await crowd(t)
			const boxes = all.map((a) => inbox(a, 'out', 'other name'))
			const want = []
			/* one sender of each kind */
			for (const a of all.filter((_, i) => i % WORKERS === 0)) {
				for (const args of sent) await a.emitWithAck(event, ...args)
				want.push(...(expected ? expected.map((args) => ['out', ...args]) : [['other name', A]]))
			}
			await until('all', () => boxes.every((b) => b.length >= want.length), 5000)
			for (const box of boxes) assert.deepEqual(box, want)
		})
	}

	test('add: beside them, and a copy of one', async (t) => {
		const all = await crowd(t)
		const boxes = all.map((a) => inbox(a, 'out'))
		await all[0].emitWithAck('add', DATA, A)
		await until('all', () => boxes.every((b) => b.length === 1), 5000)
		for (const [box] of boxes) assert.deepEqual(box, ['out', { ...DATA, at: 'websocket', copy: B }, A])
	})

	test('their numbers begin with 0 and have no gaps; what is not named is not sent', async (t) => {
		const wire = await open_socket(t, s.port)
		const P = (n) => `{"_placeholder":true,"num":${n}}`
		const send = (event) => wire.send(`453-["${event}",{"a":${P(2)},"b":${P(0)},"text":"T","c":${P(1)}}]`).send(B).send(Buffer.from('c')).send(A)
		const heard = async () => {
			const f = await wire.frame()
			return f.opcode === 1 ? f.payload.toString() : f.payload
		}
		send('turn')
		assert.deepEqual([await heard(), await heard(), await heard()], [`452-["out",{"x":${P(0)},"y":${P(1)}}]`, B, A])
		send('pick')
		assert.deepEqual([await heard(), await heard()], [`451-["out",{"only":${P(0)}}]`, B])
		send('drop')
		assert.equal(await heard(), '42["out",{"text":"T"}]')
	})

	test('ten attachments, empty ones and large ones', async (t) => {
		const all = await crowd(t)
		const boxes = all.map((a) => inbox(a, 'out'))
		const ten = Array.from({ length: 10 }, (_, i) => Buffer.alloc(i * 1000, i))
		await all[0].emitWithAck('pass', ten)
		await all[0].emitWithAck('pass', ...ten.slice(0, 9), { last: ten[9] })
		await until('all', () => boxes.every((b) => b.length === 2), 5000)
		for (const box of boxes) assert.deepEqual(box, [['out', ten], ['out', ...ten.slice(0, 9), { last: ten[9] }]])
	})

	test('a template that would need more than ten is refused', async (t) => {
		const a = await connect(t, s)
		const ten = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${i}`, Buffer.from([i])]))
		const heard = inbox(a, 'out')
		const answer = await a.emitWithAck('whole', ten)
		/* each of them stands twice: sent once or refused, but never short */
		if (answer.success) await until('it', () => heard.length === 1)
		assert.deepEqual(heard, answer.success ? [['out', ten, [ten]]] : [])
	})

	test('binary is no name for a room, and too long for a ring is refused', async (t) => {
		const a = await connect(t, s)
		assert.equal((await a.emitWithAck('room', DATA)).code, 'invalid')
		assert.equal((await a.emitWithAck('pass', Buffer.alloc(200000))).success, false)
		assert.equal((await a.emitWithAck('is', { a: A })).error, 'no b')
		assert.equal(await a.emitWithAck('ping'), 'pong')
	})
})

describe('acks with attachments', () => {
	const cases = {
		ack: [[DATA], [{ got: B, text: 'T' }]],
		acks: [[DATA], [B, A, 'T', B]],
		echo: [[A, 1, { deep: [B] }], [A, 1, { deep: [B] }]],
		'echo ': [[], []],
		none: [[DATA], []],
		both: [[DATA], [A, 'and', B]]
	}
	for (const [event, [args, expected]] of Object.entries(cases)) {
		test(event, async (t) => {
			for (const [what, options] of Object.entries(KINDS)) {
				const a = await connect(t, s, options)
				const answer = await new Promise((resolve) => a.emit(event.trim(), ...args, (...all) => resolve(all)))
				assert.deepEqual(answer, expected, what)
			}
		})
	}

	test('the bytes', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('452-7["acks",{"a":{"_placeholder":true,"num":0},"b":{"_placeholder":true,"num":1},"text":"T"}]').send(A).send(B)
		assert.match(await wire.text(), /^46\d-7\[\{"_placeholder":true,"num":0\},\{"_placeholder":true,"num":1\},"T",\{"_placeholder":true,"num":\d\}\]$/)
		assert.deepEqual((await wire.frame()).payload, B)
		assert.deepEqual((await wire.frame()).payload, A)
	})
})

describe('a volatile action', () => {
	test('reaches who can take it, binary too', async (t) => {
		const all = await crowd(t)
		const boxes = all.map((a) => inbox(a, 'out'))
		/* a polling client is writable while it polls: that is nearly always */
		await until('all to have heard one', async () => {
			await all[0].emitWithAck('fast', DATA)
			return boxes.every((b) => b.length > 0)
		})
		for (const box of boxes) assert.deepEqual(box[0], ['out', DATA])
	})

	test('is dropped for a polling client between two polls, and counted', async (t) => {
		const a = await connect(t, s)
		const away = await Wire.open(t, s.port)
		const get = (sid) => `GET /socket.io/?EIO=4&transport=polling${sid} HTTP/1.1\r\nHost: x\r\n\r\n`
		const post = async (sid, body) => {
			away.write(`POST /socket.io/?EIO=4&transport=polling${sid} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
			assert.equal((await away.response()).text, 'ok')
		}
		away.write(get(''))
		const sid = `&sid=${JSON.parse((await away.response()).text.slice(1)).sid}`
		await post(sid, '40')
		away.write(get(sid))
		assert.match((await away.response()).text, /^40/)
		await counted(s, 'volatile_dropped_total', {}, async () => {
			const heard = next(a, 'out')
			await a.emitWithAck('fast', 1)
			assert.deepEqual(await heard, [1])
		})
		await a.emitWithAck('pass', 2)
		away.write(get(sid))
		assert.equal((await away.response()).text, '42["out",2]')
		/* and while it polls, it is not */
		away.write(get(sid))
		await api(s, 'GET', '/health')
		await a.emitWithAck('ping')
		await new Promise((resolve) => setTimeout(resolve, 100))
		a.emit('fast', 3)
		assert.equal((await away.response()).text, '42["out",3]')
		await post(sid, '1')
	})

	test('is dropped for a WebSocket whose connection is full, and what is not volatile is not', async (t) => {
		const wire = await open_socket(t, s.port)
		const a = await connect(t, s)
		const heard = inbox(a, 'out')
		wire.socket.pause()
		let n = 0
		await until('a backlog', async () => {
			await a.emitWithAck('pass', n++, 'x'.repeat(50000))
			return (await metric(s, 'backlog_bytes')) > 0
		})
		await counted(s, 'volatile_dropped_total', {}, () => a.emitWithAck('fast', 'not now'))
		await a.emitWithAck('pass', 'the end')
		wire.socket.resume()
		const texts = []
		while (texts.at(-1) !== '42["out","the end"]') texts.push(await wire.text())
		assert.equal(texts.length, n + 1)
		assert.ok(texts.slice(0, n).every((text, i) => text.startsWith(`42["out",${i},`)))
		assert.equal(heard.length, n + 2)
	})
})
