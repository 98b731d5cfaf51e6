/* clients_msgpack.mjs - socket.io-client with socket.io-msgpack-parser: the same application, other packets. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import parser from 'socket.io-msgpack-parser'
import { next } from '../e2e/clients.mjs'
import { CHANNELS } from './channels.mjs'
import { KINDS } from './crowd.mjs'
import { PATIENT, started } from './target.mjs'

let s
before(async () => (s = await started(PATIENT, { parser: 'socket.io-msgpack-parser' })))
after(() => s.stop())

async function connected(t, transports, { nsp = '/', auth } = {}) {
	const socket = io(`http://127.0.0.1:${s.port}${nsp}`, { transports, parser, forceNew: true, reconnection: false, auth })
	t.after(() => socket.disconnect())
	const [[hello]] = await Promise.all([next(socket, 'auth'), next(socket, 'connect')])
	assert.deepEqual(hello, auth ?? {})
	return socket
}

const VALUES = {
	'nothing': [], 'numbers': [0, 1, -1, 127, 128, 255, 256, 65535, 65536, -32, -33, -128, -129, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -(2 ** 53 - 1), 0.5, -0.1, 1e-5],
	'texts': ['', 'a', 'é€💛', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(255), 'x'.repeat(256), 'x'.repeat(70000)],
	'words': [null, true, false], 'lists': [[], [[]], [1, [2, [3]]], Array(16).fill(0), Array(70000).fill(7)],
	'objects': [{}, { a: { b: { c: null } } }, Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i]))],
	'binary': [Buffer.from([1, 2, 3]), Buffer.alloc(0), Buffer.alloc(300, 1), Buffer.alloc(70000, 2)], 'binary inside': [{ a: [Buffer.from([1])], b: Buffer.from([2]) }],
	'what is a placeholder elsewhere': [{ _placeholder: true, num: 0 }]
}

for (const [kind, transports] of Object.entries(KINDS)) {
	describe(kind, () => {
		for (const [what, args] of Object.entries(VALUES)) {
			test(`${what} come back`, async (t) => {
				const socket = await connected(t, transports)
				const back = next(socket, 'message-back')
				socket.emit('message', ...args)
				assert.deepEqual(await back, args)
				const answer = new Promise((resolve) => socket.emit('message-with-ack', ...args, (...heard) => resolve(heard)))
				assert.deepEqual(await answer, args)
			})
		}

		test('another namespace, and a payload', async (t) => {
			const socket = await connected(t, transports, { nsp: '/custom', auth: { token: '123', list: [1] } })
			const back = next(socket, 'message-back')
			socket.emit('message', 1)
			assert.deepEqual(await back, [1])
		})

		test('an unknown namespace', async (t) => {
			const socket = io(`http://127.0.0.1:${s.port}/unknown`, { transports, parser, forceNew: true, reconnection: false })
			t.after(() => socket.disconnect())
			const [error] = await next(socket, 'connect_error')
			assert.equal(error.message, 'Invalid namespace')
		})

		test('the server asks', async (t) => {
			const socket = await connected(t, transports)
			socket.on('question', (n, bytes, ack) => ack(n + 1))
			assert.deepEqual(await s.ask('emit_with_ack', socket.id, 5000, 'question', 41, 'x'), [42])
		})

		test('the server disconnects', async (t) => {
			const socket = await connected(t, transports)
			const gone = next(socket, 'disconnect')
			await s.ask('disconnect', socket.id, false)
			assert.equal((await gone)[0], 'io server disconnect')
		})

		test('a hundred in order', async (t) => {
			const socket = await connected(t, transports)
			const heard = []
			const done = new Promise((resolve) => socket.on('message-back', (i) => heard.push(i) === 100 && resolve()))
			for (let i = 0; i < 100; i++) socket.emit('message', i, Buffer.from([i]))
			await done
			assert.deepEqual(heard, [...Array(100).keys()])
		})
	})
}

describe('by hand', () => {
	const { Encoder } = parser
	const packed = (packet) => new Encoder().encode(packet)[0]
	const bad = {
		'an unknown type': packed({ type: 5, nsp: '/', data: [] }), 'no type': packed({ nsp: '/', data: [] }), 'a namespace that is none': packed({ type: 2, nsp: 1, data: ['message'] }),
		'an event that is an object': packed({ type: 2, nsp: '/', data: {} }), 'an id that is text': packed({ type: 2, nsp: '/', data: ['message'], id: 'x' }),
		'a second CONNECT': packed({ type: 0, nsp: '/' }), 'cut short': packed({ type: 2, nsp: '/', data: ['message', 'hello'] }).subarray(0, 20), 'no map': Buffer.from([0x93, 1, 2, 3]),
		'nothing': Buffer.alloc(0)
	}
	for (const kind of Object.keys(CHANNELS)) {
		for (const [what, bytes] of Object.entries(bad)) {
			test(`${kind}: ${what} ends the connection`, async (t) => {
				const c = await CHANNELS[kind](t, s.port)
				await c.send(packed({ type: 0, nsp: '/' }))
				for (let i = 0; i < 2; i++) assert.ok(Buffer.isBuffer(await c.next()))
				await c.send(bytes)
				await c.over()
			})
		}
	}
})
