/* socketio_faults.mjs - what a client that has joined must not send: each ends its connection, over each transport. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CHANNELS, joined } from './channels.mjs'
import { PATIENT, started } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())

const place = (i) => `{"_placeholder":true,"num":${i}}`
const deep = (n) => `42["message",${'['.repeat(n)}${']'.repeat(n)}]`

const FATAL = {
	'a second CONNECT': ['40'],
	'CONNECT_ERROR': ['44{"message":"x"}'],
	'CONNECT_ERROR without payload': ['44'],
	'DISCONNECT with payload': ['41{}'],
	'DISCONNECT with an empty string': ['41""'],
	'an event for a namespace not joined': ['42/custom,["message"]'],
	'an ack for a namespace not joined': ['43/custom,1[]'],
	'leaving a namespace not joined': ['41/custom,'],
	'an unknown type': ['47["message"]'],
	'type 9': ['49'],
	'a letter': ['4abc'],
	'nothing': ['4'],
	'an event that is an object': ['42{}'],
	'an event that is a string': ['42"message"'],
	'an empty event': ['42[]'],
	'an event whose name is null': ['42[null]'],
	'an event whose name is an object': ['42[{}]'],
	'an event whose name is true': ['42[true]'],
	'half a JSON': ['42["message"'],
	'two JSONs': ['42["message"]["message"]'],
	'a trailing comma': ['42["message",]'],
	'single quotes': ["42['message']"],
	'a bare word': ['42[message]'],
	'a raw line break in a string': ['42["mess\nage"]'],
	'an ack that is an object': ['431{}'],
	'an ack that is half': ['431['],
	'an event connect': ['42["connect"]'],
	'an event connect_error': ['42["connect_error"]'],
	'an event disconnect': ['42["disconnect"]'],
	'an event disconnecting': ['42["disconnecting"]'],
	'an event newListener': ['42["newListener"]'],
	'an event removeListener': ['42["removeListener"]'],
	'a reserved name, escaped': ['42["\\u0063onnect"]'],
	'binary that nobody announced': [Buffer.from([1])],
	'text where an attachment is due': [`451-["message",${place(0)}]`, '42["message"]'],
	'eleven attachments': [`4511-["message",${place(0)}]`],
	'a number of attachments that never ends': [`45${'9'.repeat(400)}-["message",${place(0)}]`],
	'no attachments': ['450-["message"]'],
	'less than none': ['45-1-["message"]'],
	'one and a half': ['451.5-["message"]'],
	'a number that is none': ['45x-["message"]'],
	'binary without a number': ['45["message"]'],
	'binary without a dash': ['451["message"]'],
	'a placeholder beyond the attachments': [`451-["message",${place(1)}]`, Buffer.from([1])],
	'a placeholder below': [`451-["message",${place(-1)}]`, Buffer.from([1])],
	'a placeholder with a string': ['451-["message",{"_placeholder":true,"num":"0"}]', Buffer.from([1])],
	'a placeholder without a number': ['451-["message",{"_placeholder":true}]', Buffer.from([1])],
	'a reserved name with attachments': [`451-["connect",${place(0)}]`, Buffer.from([1])],
	'an object with attachments': [`451-{"a":${place(0)}}`, Buffer.from([1])]
}

for (const kind of Object.keys(CHANNELS)) {
	describe(kind, () => {
		for (const [what, packets] of Object.entries(FATAL)) {
			test(what, async (t) => {
				const c = await joined(kind, t, s.port)
				await c.send(...packets)
				await c.over()
			})
		}

		test('what stood before it was heard', async (t) => {
			const c = await joined(kind, t, s.port)
			await c.send('42["message","first"]')
			assert.equal(await c.next(), '42["message-back","first"]')
			await c.send('42[]')
			await c.over()
		})
	})
}

describe('a server that met all of them', () => {
	for (const kind of Object.keys(CHANNELS)) {
		test(`${kind}: serves the next`, async (t) => {
			const c = await joined(kind, t, s.port)
			await c.send(deep(100))
			assert.equal(await c.next(), deep(100).replace('message', 'message-back'))
		})
	}
})
