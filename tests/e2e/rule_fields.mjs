/*
 * rule_fields.mjs - fields and params of an event: what clients on two workers see of good arguments, and that nobody but
 * the sender hears of bad ones.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect, connect_each, inbox, next, token } from './clients.mjs'
import { metric, refusal } from './prometheus.mjs'
import { started } from './server.mjs'
import { open_socket } from './wire.mjs'

const invalid = { success: false, error: 'Invalid message format', code: 'invalid' }
const UUID = '7b0c2b1e-0f6b-4c8e-9a37-5d1d4c8a0e11'

let s
before(async () => {
	s = await started({
		workers: 2,
		conf: `
			room "chat" { join = any }
			room "score" { join = own }
			event "trade" {
				fields = {"marketId: id", "trader: string 1..8", "direction: buy|sell", "outcome: 0|1", "amount: digits",
				          "at: date", "note?: string 0..5", "by.ref?: uuid", "by.tags?: list string 1..3 1..2"}
				to = all  emit = trade
			}
			event "message" {
				fields = {"chatId: id", "content: string 1..2000", "contentType: text|emoji|gif = \\"text\\"", "id: uuid = @id"}
				room = "chat:{chatId}"  emit = message  add = "from: @user.id"
				ack = '{"type": {contentType}, "id": {id}, "all": {@args}}'
			}
			event "strict" { fields = "a: int"  unknown = reject  to = all  emit = strict }
			event "open"   { fields = "a: int"  unknown = pass  to = self  emit = open  data = '{"a": {a}, "b": {b}, "p": {@payload}}' }
			event "quiet"  { fields = "a: int"  deny = silent  check { if = "a > 1"  error = "too small" }  to = all  emit = quiet }
			event "secret" { require = "role:chief"  deny = silent  to = all  emit = secret }
			event "file"   { fields = {"name: string 1..20", "file: binary 1..4"}  to = all  emit = file }
			event "score" {
				params = {"userId: string 1..128", "limit: int 1..10 = 5"}  shape = both  deny = silent
				check { if = "userId = @user.id"  error = "not yours" }
				room = "score:{userId}"  require = any  to = self  emit = score
				ack = '{"user": {userId}, "limit": {limit}, "payload": {@payload}, "args": {@args}}'
			}
			event "pair" { params = {"x: int", "y?: int"}  to = self  emit = pair }
			texts { invalid = "Invalid message format" }
		`
	})
})
after(() => s.destroy())

const trade = {
	marketId: 'm:1', trader: 'ada', direction: 'buy', outcome: 1,
	amount: '115792089237316195423570985008687907853269984665640564039457584007913129639935',
	at: '2024-02-29T12:00:00.000Z', by: { ref: UUID, tags: ['a', 'b'] }
}
const without = (name) => Object.fromEntries(Object.entries(trade).filter(([key]) => key !== name))

/* What EVENT with ARGS is answered; nobody hears anything, and it is counted once. */
async function refused(t, event, ...args) {
	const [a, b] = await connect_each(t, s, 2)
	const heard = [inbox(a, event, 'error'), inbox(b, event, 'error')]
	const answer = await refusal(s, 'invalid', () => a.emitWithAck(event, ...args))
	/* what comes later than anything that might have been sent */
	const done = Promise.all([next(a, 'open'), next(b, 'open')])
	a.emit('open', { a: 1 })
	b.emit('open', { a: 1 })
	await done
	assert.deepEqual(heard, [[], []])
	return answer
}

describe('bad arguments', () => {
	const bad = {
		'nothing': [],
		'null': [null],
		'a list': [[trade]],
		'text': ['{}'],
		'a member missing': [without('trader')],
		'a number for an id': [{ ...trade, marketId: 5 }],
		'an id with a space': [{ ...trade, marketId: 'm 1' }],
		'an empty text': [{ ...trade, trader: '' }],
		'a long text': [{ ...trade, trader: 'x'.repeat(9) }],
		'a word that is none of them': [{ ...trade, direction: 'hold' }],
		'a number that is none of them': [{ ...trade, outcome: 2 }],
		'a number as text': [{ ...trade, outcome: '1' }],
		'an amount with a sign': [{ ...trade, amount: '-1' }],
		'an amount as a number': [{ ...trade, amount: 1 }],
		'a day that does not exist': [{ ...trade, at: '2023-02-29' }],
		'null for an optional member': [{ ...trade, note: null }],
		'characters, not bytes: six': [{ ...trade, note: '💛💛💛💛💛💛' }],
		'a member of a member': [{ ...trade, by: { ref: 'x' } }],
		'a list for an object': [{ ...trade, by: [] }],
		'an empty list': [{ ...trade, by: { tags: [] } }],
		'a long list': [{ ...trade, by: { tags: ['a', 'b', 'c'] } }],
		'an element of another type': [{ ...trade, by: { tags: ['a', 5] } }]
	}
	for (const [what, args] of Object.entries(bad)) {
		test(what, async (t) => assert.deepEqual(await refused(t, 'trade', ...args), invalid))
	}

	test('more than is known, where that is refused', async (t) => {
		assert.deepEqual(await refused(t, 'strict', { a: 1, b: 2 }), invalid)
		assert.deepEqual(await refused(t, 'strict', { a: 1 }, 2), invalid)
	})

	test('a text where bytes are wanted, and too many of them', async (t) => {
		assert.deepEqual(await refused(t, 'file', { name: 'x', file: 'AAAA' }), invalid)
		assert.deepEqual(await refused(t, 'file', { name: 'x', file: Buffer.alloc(5) }), invalid)
		assert.deepEqual(await refused(t, 'file', Buffer.alloc(4)), invalid)
	})

	test('without an ack the sender hears an event', async (t) => {
		const [a, b] = await connect_each(t, s, 2)
		const heard = inbox(b, 'trade', 'error')
		const told = next(a, 'error')
		await refusal(s, 'invalid', () => a.emit('trade', {}))
		assert.deepEqual(await told, [{ message: 'Invalid message format' }])
		assert.deepEqual(heard, [])
	})

	test('the last of two members decides', async (t) => {
		const wire = await open_socket(t, s.port, { auth: { token: token({ sub: 'ada' }) } })
		wire.send('421["strict",{"a":1,"a":"x"}]')
		assert.match(await wire.text(), /^431\[\{"success":false/)
		wire.send('42["strict",{"a":"x","\\u0061":2}]')
		assert.equal(await wire.text(), '42["strict",{"\\u0061":2}]')
	})
})

describe('good arguments', () => {
	test('pass to every worker as they came', async (t) => {
		const [a, b] = await connect_each(t, s, 2)
		const heard = [next(a, 'trade'), next(b, 'trade')]
		assert.deepEqual(await a.emitWithAck('trade', trade), { success: true })
		assert.deepEqual(await Promise.all(heard), [[trade], [trade]])
	})

	test('lose what is not declared, and nothing else', async (t) => {
		const [a, b] = await connect_each(t, s, 2)
		const heard = next(b, 'trade')
		await a.emitWithAck('trade', { x: 1, ...trade, by: { tags: ['é'], y: [] }, __proto__x: {}, z: null }, 'more')
		assert.deepEqual(await heard, [{ ...trade, by: { tags: ['é'] } }])
	})

	test('keep their bytes', async (t) => {
		const wire = await open_socket(t, s.port, { auth: { token: token({ sub: 'ada' }) } })
		const known = '"outcome":1e0 ,  "marketId":"m\\u003a1","trader":"\\u00e9", "direction" : "sell","amount":"00"'
		wire.send(`42["trade",{"q":1, ${known},"q":[{}] , "at":"2024-01-01"}]`)
		assert.equal(await wire.text(), `42["trade",{ ${known} , "at":"2024-01-01"}]`)
	})

	test('get their defaults, which templates and add see too', async (t) => {
		const [a, b] = await connect_each(t, s, 2)
		for (const c of [a, b]) await c.emitWithAck('subscribe', { room: 'chat', id: '1' })
		const heard = next(b, 'message')
		const ack = await a.emitWithAck('message', { content: 'hi', chatId: '1', from: 'eve' })
		assert.match(ack.id, /^[0-9a-f-]{36}$/)
		assert.deepEqual(ack, { type: 'text', id: ack.id, all: [{ content: 'hi', chatId: '1', contentType: 'text', id: ack.id }] })
		assert.deepEqual(await heard, [{ content: 'hi', chatId: '1', contentType: 'text', id: ack.id, from: 'user0' }])
	})

	test('with members that pass', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const heard = next(a, 'open')
		a.emit('open', { b: { c: 1 }, a: 5 }, 'more')
		assert.deepEqual(await heard, [{ a: 5, b: { c: 1 }, p: { b: { c: 1 }, a: 5 } }])
	})

	test('with an attachment; what a dropped member held stays behind', async (t) => {
		const [a, b] = await connect_each(t, s, 2)
		const heard = next(b, 'file')
		await a.emitWithAck('file', { drop: Buffer.from('secret'), name: 'x', file: Buffer.from('abcd') })
		assert.deepEqual(await heard, [{ name: 'x', file: Buffer.from('abcd') }])
	})
})

describe('params', () => {
	test('by position, and as members of one object', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const payload = { userId: 'ada', limit: 5 }
		const heard = inbox(a, 'score')
		assert.deepEqual(await a.emitWithAck('score', 'ada'), { user: 'ada', limit: 5, payload, args: ['ada', 5] })
		assert.deepEqual(await a.emitWithAck('score', 'ada', 7, 'x'), { user: 'ada', limit: 7, payload: { userId: 'ada', limit: 7 }, args: ['ada', 7] })
		assert.deepEqual(await a.emitWithAck('score', { userId: 'ada' }), { user: 'ada', limit: 5, payload, args: [payload] })
		assert.deepEqual(heard, [['score', 'ada', 5], ['score', 'ada', 7], ['score', payload]])
	})

	test('undefined is an argument left out', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		assert.deepEqual((await a.emitWithAck('score', 'ada', undefined)).limit, 5)
		const heard = next(a, 'pair')
		a.emit('pair', 1, undefined)
		assert.deepEqual(await heard, [1, null])
	})

	test('missing or of another type', async (t) => {
		assert.deepEqual(await refused(t, 'pair'), invalid)
		assert.deepEqual(await refused(t, 'pair', null, 1), invalid)
		assert.deepEqual(await refused(t, 'pair', 1, '2'), invalid)
		assert.deepEqual(await refused(t, 'pair', { x: 1 }), invalid)
	})
})

describe('deny = silent', () => {
	const cases = {
		'a field': ['quiet', { a: 'x' }, 'invalid'],
		'a check': ['quiet', { a: 1 }, 'check'],
		'require': ['secret', {}, 'forbidden'],
		'a check of params': ['score', 'eve', 'check'],
		'params': ['score', 5, 'invalid']
	}
	for (const [what, [event, arg, reason]] of Object.entries(cases)) {
		test(`${what} is only counted`, async (t) => {
			const [a, b] = await connect_each(t, s, 2)
			const heard = [inbox(a, event, 'error'), inbox(b, event, 'error')]
			await refusal(s, reason, () => a.emit(event, arg))
			await refusal(s, reason, () => a.emit(event, arg, () => heard[0].push('an ack')))
			await a.emitWithAck('ping')
			await b.emitWithAck('ping')
			assert.deepEqual(heard, [[], []])
		})
	}

	test('who may is served', async (t) => {
		const a = await connect(t, s, { user: 'ada', role: 'chief' })
		const heard = [next(a, 'secret'), next(a, 'quiet')]
		a.emit('secret', 1)
		a.emit('quiet', { a: 2 })
		assert.deepEqual(await Promise.all(heard), [[1], [{ a: 2 }]])
		assert.equal(await metric(s, 'events_in_total', { event: 'secret' }) > 0, true)
	})
})
