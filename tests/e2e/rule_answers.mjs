/* rule_answers.mjs - errors, builtins and envelopes: the shapes that a conf gives to what clients hear. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect, connect_each, next, token } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { started } from './server.mjs'
import { open_socket } from './wire.mjs'

let s
before(async () => {
	s = await started({
		workers: 2,
		conf: `
			room "chat" { join = any }
			room "closed" { }
			errors {
				emit = problem
				data = '{"text": {@error.message}, "who": {@user.id}, "code": {@error.code|"none"}}'
				ack  = '["no", {@error.code}, "{@error.message}!"]'
			}
			builtins { subscribe = enter  unsubscribe = none  rooms = where }
			envelope "typed" { data = '{"type": {@event}, "id": {@id}, "data": {@payload}, "by": {@user.id}}' }
			event "ping" { ack = '"mine"' }
			event "strict" { fields = "a: int" }
			event "check" { check { if = "a"  error = "say \\"a\\"" } }
			event "wrap" { to = all  emit = wrapped  envelope = typed }
			event "wrapadd"  { to = self  emit = wrapped  envelope = typed  add = {"id: @id", "x: @user.id"}  ack = '{@id}' }
			event "wrapdata" { to = self  emit = wrapped  envelope = typed  data = '[{n}]'
			                   also { to = self  emit = "raw \\"x\\""  envelope = typed  data = '{@event}' } }
			on "connect" { to = self  emit = hello  envelope = typed }
			namespace "/same" { event "narrow" { fields = "a: int" } }
			namespace "/own" {
				errors { emit = error  data = '{@error.message}' }
				builtins { ping = heartbeat }
				event "tight" { fields = "a: int" }
			}
			texts { invalid = "bad \\"shape\\"" }
		`
	})
})
after(() => s.destroy())

describe('errors', () => {
	test('an ack and an event of the conf\'s shape', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		assert.deepEqual(await a.emitWithAck('strict', {}), ['no', 'invalid', 'bad "shape"!'])
		const told = next(a, 'problem')
		await refusal(s, 'invalid', () => a.emit('strict', {}))
		assert.deepEqual(await told, [{ text: 'bad "shape"', who: 'ada', code: 'invalid' }])
	})

	test('of checks too, whose code may be missing', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		assert.deepEqual(await a.emitWithAck('check', {}), ['no', null, 'say "a"!'])
		const told = next(a, 'problem')
		a.emit('check', {})
		assert.deepEqual(await told, [{ text: 'say "a"', who: 'ada', code: 'none' }])
	})

	test('of unknown events and of what is built in', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		assert.deepEqual(await a.emitWithAck('nosuch'), ['no', 'unknown_event', 'Unknown event!'])
		assert.deepEqual(await a.emitWithAck('enter', { room: 'closed', id: 1 }), ['no', 'forbidden', 'You are not allowed to do this!'])
	})

	test('a namespace has its own, or those of the top level', async (t) => {
		const same = await connect(t, s, { user: 'ada', nsp: '/same' })
		assert.deepEqual(await same.emitWithAck('narrow', {}), ['no', 'invalid', 'bad "shape"!'])
		const own = await connect(t, s, { user: 'ada', nsp: '/own' })
		assert.deepEqual(await own.emitWithAck('tight', {}), { success: false, error: 'bad "shape"', code: 'invalid' })
		const told = next(own, 'error')
		own.emit('tight', {})
		assert.deepEqual(await told, ['bad "shape"'])
	})
})

describe('builtins', () => {
	test('have the names that the conf gives them', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		assert.equal((await a.emitWithAck('enter', { room: 'chat', id: 1 })).room, 'chat:1')
		assert.ok((await a.emitWithAck('where')).includes('chat:1'))
		for (const name of ['subscribe', 'unsubscribe', 'getRooms', 'none'])
			assert.equal((await a.emitWithAck(name, { room: 'chat', id: 1 }))[1], 'unknown_event')
	})

	test('an event of the same name takes the place of one', async (t) => {
		assert.equal(await (await connect(t, s, { user: 'ada' })).emitWithAck('ping'), 'mine')
		const own = await connect(t, s, { user: 'ada', nsp: '/own' })
		assert.equal(await own.emitWithAck('heartbeat'), 'pong')
		assert.equal((await own.emitWithAck('ping')).code, 'unknown_event')
		assert.equal((await own.emitWithAck('subscribe', {})).code, 'invalid')
		assert.equal(await (await connect(t, s, { user: 'ada', nsp: '/same' })).emitWithAck('ping'), 'pong')
	})
})

describe('envelopes', () => {
	test('go around the argument as it came', async (t) => {
		const wire = await open_socket(t, s.port, { auth: { token: token({ sub: 'ada' }) } })
		assert.match(await wire.text(), /^42\["hello",\{"type":"hello","id":"[^"]+","data":null,"by":"ada"\}\]$/)
		wire.send('42["wrap",{"big":18446744073709551617 ,"e":"\\u00e9"},"more"]')
		assert.match(await wire.text(),
			/^42\["wrapped",\{"type":"wrapped","id":"[^"]+","data":\{"big":18446744073709551617 ,"e":"\\u00e9"\},"by":"ada"\}\]$/)
	})

	test('reach other workers, attachments included', async (t) => {
		const [a, b] = await connect_each(t, s, 2)
		const heard = next(b, 'wrapped')
		a.emit('wrap', { file: Buffer.from('abc') })
		const [got] = await heard
		assert.deepEqual(got, { type: 'wrapped', id: got.id, data: { file: Buffer.from('abc') }, by: 'user0' })
	})

	test('go around what add and data make', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		let heard = next(a, 'wrapped')
		const id = await a.emitWithAck('wrapadd', { x: 'eve', y: 1 })
		assert.deepEqual(await heard, [{ type: 'wrapped', id, data: { y: 1, id, x: 'ada' }, by: 'ada' }])
		heard = [next(a, 'wrapped'), next(a, 'raw "x"')]
		a.emit('wrapdata', { n: 5 })
		assert.deepEqual((await heard[0])[0].data, [5])
		const [raw] = await heard[1]
		assert.deepEqual([raw.type, raw.data], ['raw "x"', 'wrapdata'])
	})
})
