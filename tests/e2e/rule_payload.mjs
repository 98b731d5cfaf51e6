/* rule_payload.mjs - a client's bytes reach the receivers as they came; what the server adds or builds is the rest. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect, next, token } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { started } from './server.mjs'
import { open_socket } from './wire.mjs'

const ISO = /"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/g
const UUID = /"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"/g

let s
before(async () => {
	s = await started({
		workers: 1,
		conf: `
			room "r" { join = any }
			event "member" { room = "r:{id}" }
			event "pass"  { emit = out  to = self  ack = no }
			event "add"   { emit = out  to = self  ack = no  add = {"id: @id", "from: @user.id", "at: @now"} }
			event "set"   { emit = out  to = self  ack = no  add = {"sender: @user", "copy: body.text", "gone: nothing"} }
			event "data"  { emit = out  to = self  ack = no  data = '{"p": {@payload}, "v": {v}, "all": {@args}}' }
			event "args"  { emit = out  to = self  ack = no  args = '[{a}, "two", {@user.id|null}, {opt?}]' }
			event "every" { emit = out  to = self  ack = no  args = '{@args}' }
			event "none"  { emit = out  to = self  ack = no  args = '[]' }
			event "fixed" { emit = out  to = self  ack = no  data = 'true' }
		`
	})
})
after(() => s.destroy())

const known = (t) => open_socket(t, s.port, { auth: { token: token({ sub: 'ada', name: 'Ada', role: 'chief' }) } })

/* What comes back for the packet 42["EVENT",ARGS]. */
async function reply(t, event, args) {
	const wire = await known(t)
	wire.send(args === undefined ? `42["${event}"]` : `42["${event}",${args}]`)
	return wire.text()
}

describe('arguments that only pass', () => {
	const values = {
		'a number above 2^53': '9007199254740993',
		'a number above 2^64': '18446744073709551617',
		'an amount in Wei, as a number': '115792089237316195423570985008687907853269984665640564039457584007913129639935',
		'an amount in Wei, as text': '"115792089237316195423570985008687907853269984665640564039457584007913129639935"',
		'a fraction as it was written': '0.1000',
		'an exponent': '1E+400',
		'minus zero': '-0',
		'members in their order, repeated ones too': '{"z":1,"a":2,"10":3,"z":4}',
		'a member called __proto__': '{"__proto__":{"x":1},"constructor":null}',
		'escapes as they were written': '"\\u00e9\\/\\ud83d\\udc9b\\b"',
		'a lone surrogate': '"\\ud800"',
		'an escaped NUL': '"a\\u0000b"',
		'text beyond ASCII': '"é💛\u2028"',
		'nested lists and objects': '[[[]],{"a":{"b":[{}]}},[]]',
		'several arguments': '1,"two",null,[true,false],{}',
		'white space inside': '{ "a" : [ 1 , 2 ] }\t,\n3',
		'an empty text': '""',
		'a placeholder that is none': '{"_placeholder":true,"num":0}'
	}
	for (const [what, json] of Object.entries(values)) {
		test(what, async (t) => assert.equal(await reply(t, 'pass', json), `42["out",${json}]`))
	}

	test('no argument at all', async (t) => assert.equal(await reply(t, 'pass'), '42["out"]'))

	test('as much as 100,000 bytes', async (t) => {
		const json = `{"text":"${'0123456789'.repeat(10000)}"}`
		assert.equal(await reply(t, 'pass', json), `42["out",${json}]`)
	})

	test('nesting to a depth that is allowed', async (t) => {
		const json = '['.repeat(120) + ']'.repeat(120)
		assert.equal(await reply(t, 'pass', json), `42["out",${json}]`)
	})
})

describe('add', () => {
	test('sets members behind the client\'s, which keep their bytes', async (t) => {
		const got = await reply(t, 'add', '{"big":18446744073709551617,  "x":"\\u00e9"}')
		assert.match(got, /^42\["out",\{"big":18446744073709551617,"x":"\\u00e9","id":/)
		assert.equal(got.replace(UUID, 'UUID').replace(ISO, 'NOW'),
			'42["out",{"big":18446744073709551617,"x":"\\u00e9","id":UUID,"from":"ada","at":NOW}]')
	})

	test('takes away what the client sent under those names, however it was spelled', async (t) => {
		const got = await reply(t, 'add', '{"from":"eve","a":1,"fr\\u006fm":"eve","at":0,"\\u0069d":9,"id":8,"b":2}')
		assert.equal(got.replace(UUID, 'UUID').replace(ISO, 'NOW'), '42["out",{"a":1,"b":2,"id":UUID,"from":"ada","at":NOW}]')
	})

	test('to an empty object, and with more arguments behind it', async (t) => {
		const got = await reply(t, 'add', '{},  [1, 2], "x"')
		assert.equal(got.replace(UUID, 'UUID').replace(ISO, 'NOW'),
			'42["out",{"id":UUID,"from":"ada","at":NOW},  [1, 2], "x"]')
	})

	test('an object of the server, a copy from the payload; an absent source adds nothing', async (t) => {
		assert.equal(await reply(t, 'set', '{"body":{"text":"\\u0041"}}'),
			'42["out",{"body":{"text":"\\u0041"},"sender":{"id":"ada","name":"Ada","role":"chief"},"copy":"\\u0041"}]')
		assert.equal(await reply(t, 'set', '{"copy":"mine","gone":"too","keep":1}'),
			'42["out",{"keep":1,"sender":{"id":"ada","name":"Ada","role":"chief"}}]')
	})

	test('needs an object to add to', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		for (const args of [[], [null], ['text'], [5], [[{}]], [true]]) {
			const heard = next(a, 'error')
			await refusal(s, 'invalid', () => a.emit('add', ...args))
			assert.deepEqual(await heard, [{ message: 'Invalid message' }])
		}
	})

	test('each run has an id of its own', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const ids = new Set()
		for (let i = 0; i < 50; i++) {
			const heard = next(a, 'out')
			a.emit('add', {})
			ids.add((await heard)[0].id)
		}
		assert.equal(ids.size, 50)
	})
})

describe('members that come twice', () => {
	test('the last counts, for the server as for JSON.parse of the receivers', async (t) => {
		const wire = await known(t)
		wire.send('42["data",{"v":1,"v":2}]')
		assert.equal(await wire.text(), '42["out",{"p":{"v":1,"v":2},"v":2,"all":[{"v":1,"v":2}]}]')
		wire.send('421["subscribe",{"room":"nosuch","id":1,"room":"r","id":2,"\\u0069d":3}]')
		assert.equal(await wire.text(), '431[{"success":true,"room":"r:3","message":"Subscribed to r:3"}]')
		/* A member of r:3 cannot send to r:3 what receivers take for a message of r:4. */
		wire.send('422["member",{"id":4,"id":3}]').send('423["member",{"id":3,"id":4}]')
		assert.match(await wire.text(), /^432\[\{"success":true/)
		assert.match(await wire.text(), /^433\[\{"success":false.*not_member/)
	})
})

describe('data and args', () => {
	test('data is the one argument, with the payload\'s bytes in it', async (t) => {
		const got = await reply(t, 'data', '{"v":12345678901234567890, "z":{ "k":"\\u00e9"}},"more"')
		assert.equal(got, '42["out",{"p":{"v":12345678901234567890, "z":{ "k":"\\u00e9"}},"v":12345678901234567890,' +
			'"all":[{"v":12345678901234567890, "z":{ "k":"\\u00e9"}},"more"]}]')
	})

	test('without arguments the payload is null and the list is empty', async (t) =>
		assert.equal(await reply(t, 'data'), '42["out",{"p":null,"v":null,"all":[]}]'))

	test('a constant', async (t) => assert.equal(await reply(t, 'fixed', '1,2'), '42["out",true]'))

	test('args are all arguments', async (t) => {
		assert.equal(await reply(t, 'args', '{"a":[1],"opt":0}'), '42["out",[1],"two","ada",0]')
		assert.equal(await reply(t, 'args', '{}'), '42["out",null,"two","ada"]')
	})

	test('args may be the client\'s, or none', async (t) => {
		assert.equal(await reply(t, 'every', '1,{"a": 2},"\\u00e9"'), '42["out",1,{"a": 2},"\\u00e9"]')
		assert.equal(await reply(t, 'every'), '42["out"]')
		assert.equal(await reply(t, 'none', '1,2'), '42["out"]')
	})
})
