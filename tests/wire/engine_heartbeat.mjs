/* engine_heartbeat.mjs - pings every 300 ms, 200 ms to answer them: the server's times are held, on both transports. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sleep } from '../e2e/server.mjs'
import { Poller } from './poller.mjs'
import { open_ws } from './sockets.mjs'
import { started } from './target.mjs'

let s
before(async () => (s = await started()))
after(() => s.stop())

const SLACK_MS = 150 /* of a busy machine */

describe('polling', () => {
	test('ping and pong, three times', async (t) => {
		const p = await Poller.open(t, s.port)
		for (let i = 0; i < 3; i++) {
			assert.equal(await p.poll(), '2')
			await p.push('3')
		}
	})

	test('a ping comes 300 ms after the pong', async (t) => {
		const p = await Poller.open(t, s.port)
		assert.equal(await p.poll(), '2')
		await p.push('3')
		const at = performance.now()
		assert.equal(await p.poll(), '2')
		const took = performance.now() - at
		assert.ok(took > 250 && took < 300 + SLACK_MS, `${took} ms`)
	})

	/* To the millisecond: a deadline is looked at when a request arrives, not only when a timer fires. */
	test('500 ms after the opening it is over', async (t) => {
		const opened = await Promise.all(Array.from({ length: 8 }, async () => {
			const p = await Poller.open(t, s.port)
			await sleep(500)
			return p.get()
		}))
		assert.deepEqual(opened.map((r) => r.status), Array(8).fill(400))
		assert.equal(opened[0].text, '{"code":1,"message":"Session ID unknown"}')
	})

	test('a poll that waits hears the ping, and nothing of the end', async (t) => {
		const p = await Poller.open(t, s.port)
		assert.equal(await p.poll(), '2')
		await sleep(220)
		await p.gone()
	})

	test('a poll that waits at the end gets a close packet', async (t) => {
		const p = await Poller.open(t, s.port)
		assert.equal(await p.poll(), '2')
		assert.equal(await p.poll(), '1')
		await p.gone()
	})

	test('a pong that nobody asked for keeps nothing alive', async (t) => {
		const p = await Poller.open(t, s.port)
		await p.push('3')
		assert.equal(await p.poll(), '2')
		await sleep(220)
		await p.gone()
	})

	test('a message instead of the pong gives 200 ms more, once', async (t) => {
		const p = await Poller.open(t, s.port)
		assert.equal(await p.poll(), '2')
		await sleep(100)
		await p.push('4a')
		await sleep(130)
		assert.equal(await p.poll(), '4a')
		await p.push('4b')
		await sleep(120)
		await p.gone()
	})
})

describe('WebSocket', () => {
	test('ping and pong, three times', async (t) => {
		const wire = await open_ws(t, s.port)
		for (let i = 0; i < 3; i++) {
			assert.equal(await wire.text(), '2')
			wire.send('3')
		}
	})

	test('without a pong it is closed after 500 ms', async (t) => {
		const wire = await open_ws(t, s.port)
		const at = performance.now()
		assert.equal(await wire.text(), '2')
		assert.equal(await wire.closed(), 0)
		const took = performance.now() - at
		assert.ok(took > 450 && took < 500 + SLACK_MS, `${took} ms`)
	})

	test('a message instead of the pong gives 200 ms more, once', async (t) => {
		const wire = await open_ws(t, s.port)
		assert.equal(await wire.text(), '2')
		await sleep(100)
		const at = performance.now()
		wire.send('4a')
		assert.equal(await wire.text(), '4a')
		await sleep(50)
		wire.send('4b')
		assert.equal(await wire.text(), '4b')
		assert.equal(await wire.closed(), 0)
		const took = performance.now() - at
		assert.ok(took > 150 && took < 200 + SLACK_MS, `${took} ms`)
	})
})
