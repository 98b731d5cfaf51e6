/* clients_server.mjs - what the server does to clients of each transport: asks them, sends them bytes, sends them away. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import { next } from '../e2e/clients.mjs'
import { until } from '../e2e/server.mjs'
import { KINDS } from './crowd.mjs'
import { proxy } from './proxy.mjs'
import { PATIENT, started } from './target.mjs'

let s
let p
before(async () => {
	s = await started(PATIENT)
	p = await proxy(s.port)
})
after(() => {
	p.stop()
	return s.stop()
})

async function connected(t, kind, nsp = '/') {
	const socket = io(`http://127.0.0.1:${p.port}${nsp}`, { transports: KINDS[kind], forceNew: true, reconnection: false })
	t.after(() => socket.disconnect())
	await Promise.all([next(socket, 'auth'), next(socket, 'connect')])
	return socket
}

for (const kind of Object.keys(KINDS)) {
	describe(kind, () => {
		test('asks, and is answered', async (t) => {
			const socket = await connected(t, kind)
			socket.on('question', (a, b, ack) => ack(a + b))
			for (let i = 0; i < 5; i++) assert.deepEqual(await s.ask('emit_with_ack', socket.id, 4000, 'question', i, 1), [i + 1])
		})

		test('asks, and the answer comes late, or has nothing', async (t) => {
			const socket = await connected(t, kind)
			socket.on('slow', (ack) => setTimeout(ack, 150, 'at last'))
			assert.deepEqual(await s.ask('emit_with_ack', socket.id, 4000, 'slow'), ['at last'])
			socket.on('null', (ack) => ack(null))
			assert.deepEqual(await s.ask('emit_with_ack', socket.id, 4000, 'null'), [null])
		})

		test('asks twice at a time', async (t) => {
			const socket = await connected(t, kind)
			const acks = []
			socket.on('question', (n, ack) => {
				acks.push(() => ack(n))
				if (acks.length === 2) acks.reverse().forEach((fn) => fn())
			})
			assert.deepEqual(await Promise.all([1, 2].map((n) => s.ask('emit_with_ack', socket.id, 4000, 'question', n))), [[1], [2]])
		})

		test('sends to one only', async (t) => {
			const [a, b] = [await connected(t, kind), await connected(t, kind)]
			const strays = []
			b.on('news', (x) => strays.push(x))
			const heard = next(a, 'news')
			await s.ask('emit', a.id, 'news', { deep: ['é', null] }, 2)
			assert.deepEqual(await heard, [{ deep: ['é', null] }, 2])
			await b.emitWithAck('message-with-ack', 1)
			assert.deepEqual(strays, [])
		})

		test('sends many, in order', async (t) => {
			const socket = await connected(t, kind)
			const heard = []
			socket.on('news', (i) => heard.push(i))
			for (let i = 0; i < 50; i++) await s.ask('emit', socket.id, 'news', i)
			await until('all', () => heard.length === 50)
			assert.deepEqual(heard, [...Array(50).keys()])
		})

		test('sends away from the namespace: the connection stays for others', async (t) => {
			const main = await connected(t, kind)
			const custom = main.io.socket('/custom')
			t.after(() => custom.disconnect())
			await next(custom, 'auth')
			const gone = next(main, 'disconnect')
			await s.ask('disconnect', main.id, false)
			assert.equal((await gone)[0], 'io server disconnect')
			assert.deepEqual(await custom.emitWithAck('message-with-ack', 'on'), 'on')
			main.connect()
			await next(main, 'connect')
			assert.deepEqual(await main.emitWithAck('message-with-ack', 'back'), 'back')
		})

		test('sends away altogether', async (t) => {
			const socket = await connected(t, kind)
			const { engine } = socket.io
			const gone = next(socket, 'disconnect')
			await s.ask('disconnect', socket.id, true)
			assert.equal((await gone)[0], 'io server disconnect')
			await until('the engine to close', () => engine.readyState === 'closed')
		})

		test('bytes come and go, small and large', async (t) => {
			const socket = await connected(t, kind)
			for (const n of [0, 1, 1000, 100000, 300000]) {
				const bytes = Buffer.alloc(n, n & 255)
				const back = next(socket, 'message-back')
				socket.emit('message', bytes, { inside: [bytes] }, 'text')
				const [a, b, c] = await back
				assert.ok(bytes.equals(a) && bytes.equals(b.inside[0]) && c === 'text', `${n}`)
			}
		})
	})
}

test('while they move from polling to WebSocket, nothing is lost, repeated or out of order', async (t) => {
	const N = 60
	await Promise.all(Array.from({ length: 16 }, async () => {
		const socket = io(`http://127.0.0.1:${p.port}`, { transports: ['polling', 'websocket'], forceNew: true, reconnection: false })
		t.after(() => socket.disconnect())
		const heard = []
		socket.on('message-back', (i) => heard.push(i))
		await next(socket, 'connect')
		for (let i = 0; i < N; i++) {
			socket.emit('message', i, Buffer.from([i]))
			if (i % 4 === 3) await new Promise((resolve) => setTimeout(resolve, 5))
		}
		await until('the last', () => heard.length >= N)
		assert.deepEqual(heard, [...Array(N).keys()])
		assert.equal(socket.io.engine.transport.name, 'websocket')
	}))
})
