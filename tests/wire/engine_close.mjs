/* engine_close.mjs - sessions end: by the client, by requests that overlap, by requests that are given up. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { frame } from '../e2e/wire.mjs'
import { sleep } from '../e2e/server.mjs'
import { Poller } from './poller.mjs'
import { open_ws } from './sockets.mjs'
import { PATIENT, started } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())

describe('by the client', () => {
	test('a close packet answers the pending poll with a noop', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		await sleep(20)
		await p.push('1')
		const r = await pending.response()
		assert.equal(r.status, 200)
		assert.equal(r.text, '6')
		await p.gone()
	})

	test('a close packet without a pending poll', async (t) => {
		const p = await Poller.open(t, s.port)
		await p.push('1')
		/* The poll of the client that has just closed may come late: a noop spares it an error. */
		const r = await p.get()
		if (r.status === 200) assert.equal(r.text, '6')
		await p.gone()
	})

	test('messages in front of a close packet are heard', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		await sleep(20)
		await p.push('4last words', '1')
		assert.equal((await pending.response()).text, '4last words')
	})

	test('a WebSocket is closed', async (t) => {
		const wire = await open_ws(t, s.port)
		wire.write(frame(Buffer.from([0x03, 0xe8]), { opcode: 8 }))
		assert.equal(await wire.closed(), 1000)
	})

	test('a close packet on a WebSocket says nothing', async (t) => {
		const wire = await open_ws(t, s.port)
		wire.send('1')
		wire.send('4on')
		assert.equal(await wire.text(), '4on')
	})
})

describe('requests that overlap', () => {
	test('two polls: the first hears the close, the second is refused', async (t) => {
		const p = await Poller.open(t, s.port)
		const first = await p.start()
		await sleep(20)
		const second = await p.get()
		assert.equal(second.status, 400)
		assert.equal(second.text, '')
		const r = await first.response()
		assert.equal(r.status, 200)
		assert.equal(r.text, '1')
		await p.gone()
	})

	test('two posts: the first is cut off, the second is refused', async (t) => {
		const p = await Poller.open(t, s.port)
		const first = await p.start('POST', { fields: { 'Content-Length': '6' } })
		first.write('4hel')
		await sleep(50)
		const second = await p.post('4world')
		assert.equal(second.status, 400)
		assert.equal(second.text, '')
		assert.equal((await first.response()).status, 0)
		await p.gone()
	})

	test('two posts while a poll waits: it hears the close', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		const first = await p.start('POST', { fields: { 'Content-Length': '6' } })
		first.write('4hel')
		await sleep(50)
		assert.equal((await p.post('4world')).status, 400)
		const r = await pending.response()
		assert.equal(r.status, 200)
		assert.equal(r.text, '1')
	})

	test('a post while a poll waits is no overlap', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		await p.push('4a')
		assert.equal((await pending.response()).text, '4a')
		await p.lives()
	})

	test('one post after the other is no overlap', async (t) => {
		const p = await Poller.open(t, s.port)
		for (let i = 0; i < 10; i++) await p.push(`4${i}`)
		for (let i = 0; i < 10; i++) assert.equal(await p.packet(), `4${i}`)
	})
})

describe('requests that are given up', () => {
	test('a pending poll', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		await sleep(50)
		pending.socket.destroy()
		await sleep(50)
		assert.equal((await p.post('4a')).status, 400)
		await p.gone()
	})

	test('a pending poll, by a reset', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		await sleep(50)
		pending.socket.resetAndDestroy()
		await sleep(50)
		await p.gone()
	})

	test('a post whose body does not come to its end', async (t) => {
		const p = await Poller.open(t, s.port)
		const post = await p.start('POST', { fields: { 'Content-Length': '100' } })
		post.write('4hello')
		await sleep(50)
		post.socket.destroy()
		await sleep(50)
		await p.gone()
	})

	test('a connection that has been answered is no matter', async (t) => {
		const p = await Poller.open(t, s.port)
		const kept = await p.start('POST', { body: '4a' })
		assert.equal((await kept.response()).text, 'ok')
		kept.ask('GET', p.url())
		assert.equal((await kept.response()).text, '4a')
		kept.socket.destroy()
		await sleep(50)
		await p.lives()
	})
})
