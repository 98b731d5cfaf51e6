/* socketio_message.mjs - events and acks, text and binary, both ways and over each transport, byte for byte. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CHANNELS, join, joined } from './channels.mjs'
import { PATIENT, started } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())

const place = (i) => `{"_placeholder":true,"num":${i}}`
const bytes = (...list) => Buffer.from(list)

/* PACKETS in, packets out. */
const TALKS = {
	'an event': [['42["message",1,"2",{"3":[false]}]'], ['42["message-back",1,"2",{"3":[false]}]']],
	'an event without arguments': [['42["message"]'], ['42["message-back"]']],
	'null stays': [['42["message",null]'], ['42["message-back",null]']],
	'letters from elsewhere': [['42["message","é€💛"]'], ['42["message-back","é€💛"]']],
	'a name that looks like JSON': [['42["message",{"a\\"b":"[{"}]'], ['42["message-back",{"a\\"b":"[{"}]']],
	'an event with ack': [['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']],
	'an ack without arguments': [['421["message-with-ack"]'], ['431[]']],
	'ack 0': [['420["message-with-ack","x"]'], ['430["x"]']],
	'a large ack id': [['429007199254740991["message-with-ack","x"]'], ['439007199254740991["x"]']],
	'binary': [[`451-["message",${place(0)}]`, bytes(1, 2, 3)], [`451-["message-back",${place(0)}]`, bytes(1, 2, 3)]],
	'two binaries, one inside': [
		[`452-["message",${place(0)},{"a":[${place(1)}]}]`, bytes(1, 2, 3), bytes(4, 5, 6)],
		[`452-["message-back",${place(0)},{"a":[${place(1)}]}]`, bytes(1, 2, 3), bytes(4, 5, 6)]
	],
	'empty binary': [[`451-["message",${place(0)}]`, bytes()], [`451-["message-back",${place(0)}]`, bytes()]],
	'ten binaries': [
		[`4510-["message",${[...Array(10).keys()].map(place)}]`, ...[...Array(10).keys()].map((i) => bytes(i))],
		[`4510-["message-back",${[...Array(10).keys()].map(place)}]`, ...[...Array(10).keys()].map((i) => bytes(i))]
	],
	'placeholders in another order': [
		[`452-["message",${place(1)},${place(0)}]`, bytes(1), bytes(2)],
		[`452-["message-back",${place(0)},${place(1)}]`, bytes(2), bytes(1)]
	],
	'one attachment in two places': [
		[`451-["message",${place(0)},${place(0)}]`, bytes(7)],
		[`452-["message-back",${place(0)},${place(1)}]`, bytes(7), bytes(7)]
	],
	'a placeholder with its members the other way round': [
		[`451-["message",{"num":0,"_placeholder":true}]`, bytes(7)],
		[`451-["message-back",${place(0)}]`, bytes(7)]
	],
	'an attachment that nothing names': [[`451-["message","x"]`, bytes(7)], ['42["message-back","x"]']],
	'binary with ack': [
		[`452-789["message-with-ack",${place(0)},${place(1)}]`, bytes(1, 2, 3), bytes(4, 5, 6)],
		[`462-789[${place(0)},${place(1)}]`, bytes(1, 2, 3), bytes(4, 5, 6)]
	],
	'an ack without binary is a plain one': [['4212["message-with-ack",{"a":1}]'], ['4312[{"a":1}]']],
	'an object that only looks like a placeholder': [
		['42["message",{"_placeholder":false,"num":0}]'],
		['42["message-back",{"_placeholder":false,"num":0}]']
	],
	'a name that is a number': [['42[1,"x"]', '42["message","after"]'], ['42["message-back","after"]']],
	'an event nobody knows': [['42["nobody","x"]', '42["message","after"]'], ['42["message-back","after"]']],
	'names the server keeps for itself': [['42["connection"]', '42["error","x"]', '42["message","after"]'], ['42["message-back","after"]']],
	'an event without payload': [['42', '42["message","after"]'], ['42["message-back","after"]']],
	'an ack that answers nothing': [['4399["x"]', '42["message","after"]'], ['42["message-back","after"]']],
	'an ack without an id': [['43["x"]', '42["message","after"]'], ['42["message-back","after"]']],
	'several in one go, in order': [
		['42["message",1]', `451-["message",${place(0)}]`, bytes(2), '423["message-with-ack",3]', '42["message",4]'],
		['42["message-back",1]', `451-["message-back",${place(0)}]`, bytes(2), '433[3]', '42["message-back",4]']
	]
}

/* The same for a namespace: its name stands behind the type and the number of attachments. */
function moved(packet) {
	return Buffer.isBuffer(packet) ? packet : packet.replace(/^(4\d(?:\d+-)?)/, '$1/custom,')
}

for (const kind of Object.keys(CHANNELS)) {
	for (const nsp of ['/', '/custom']) {
		describe(`${kind}, ${nsp}`, () => {
			for (const [what, talk] of Object.entries(TALKS)) {
				test(what, async (t) => {
					const c = await joined(kind, t, s.port, nsp)
					const [sent, expected] = nsp === '/' ? talk : talk.map((list) => list.map(moved))
					await c.send(...sent)
					for (const packet of expected) assert.deepEqual(await c.next(), packet)
					/* And nothing more. */
					const [probe] = [nsp === '/' ? '42["message","end"]' : '42/custom,["message","end"]']
					await c.send(probe)
					assert.equal(await c.next(), probe.replace('message', 'message-back'))
				})
			}
		})
	}

	test(`${kind}: two namespaces' attachments are not mixed up`, async (t) => {
		const c = await joined(kind, t, s.port)
		await join(c, '/custom')
		await c.send(`451-/custom,["message",${place(0)}]`, bytes(1), `451-["message",${place(0)}]`, bytes(2))
		assert.equal(await c.next(), `451-/custom,["message-back",${place(0)}]`)
		assert.deepEqual(await c.next(), bytes(1))
		assert.equal(await c.next(), `451-["message-back",${place(0)}]`)
		assert.deepEqual(await c.next(), bytes(2))
	})

	test(`${kind}: a message of nearly max_payload`, async (t) => {
		const c = await joined(kind, t, s.port)
		const text = 'x'.repeat(999000)
		await c.send(`42["message","${text}"]`)
		const back = await c.next()
		assert.ok(back === `42["message-back","${text}"]`, `${back.length}: ${back.slice(0, 60)}`)
	})
}
