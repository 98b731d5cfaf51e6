/* batch.mjs - many verbs in few requests, and the publisher that never waits; against an HTTP server of the test. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchError, Client } from '../index.mjs'
import { all_good, recorder, until } from './support/recorder.mjs'

function client(t, url, options = {}) {
	const c = new Client({ url, key: 'k', ...options })
	t.after(() => c.close())
	return c
}

const verb = (n, more = {}) => ({ emit: { to: 'x:1', event: 'e', data: n, ...more } })
const numbers = (lines) => lines.map((l) => l.emit.data)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

test('lines keep their order, and chunks the limits', async (t) => {
	const r = await recorder(t, all_good)
	const c = client(t, r.url, { batchLines: 4, bodyLimit: 300 })
	const results = await c.batch([...Array(10).keys()].map((n) => verb(n)))
	assert.deepEqual(numbers(r.seen.flatMap((s) => s.lines)), [...Array(10).keys()])
	assert.deepEqual(r.seen.map((s) => s.lines.length), [4, 4, 2])
	assert.ok(r.seen.every((s) => s.path === '/v1/batch' && Buffer.byteLength(s.text) <= 300))
	assert.deepEqual(results[5], { ok: true, id: 'r1', delivered: 1 })
	await c.batch([verb('é'.repeat(60)), verb('é'.repeat(60))])
	assert.deepEqual(r.seen.slice(3).map((s) => s.lines.length), [1, 1], 'bytes are counted, not characters')
})

test('a line that is refused is that line alone; one that is too long is not sent', async (t) => {
	const r = await recorder(t, (q) => ({ text: q.lines.map((l) => JSON.stringify(l.emit.data === 'bad' ? { error: { code: 'invalid', message: 'no', field: 'to' } } : { id: 'i', delivered: 0 })).join('\n') }))
	const c = client(t, r.url, { bodyLimit: 200 })
	const [a, b, long, d] = await c.batch([verb(1), verb('bad'), verb('x'.repeat(200)), verb(2)])
	assert.deepEqual([a.ok, b.ok, b.error.code, b.error.field, long.ok, long.error.code, d.ok], [true, false, 'invalid', 'to', false, 'too_large', true])
	await assert.rejects(c.batch([{ emit: {}, join: {} }]), TypeError)
})

test('a request that fails ends the batch, and every line has a result', async (t) => {
	const r = await recorder(t, (q, n) => (n === 1 ? { status: 401, json: { error: { code: 'unauthorized', message: 'no' } } } : all_good(q)))
	const c = client(t, r.url, { batchLines: 2 })
	const error = await c.batch([1, 2, 3, 4, 5].map((n) => verb(n))).catch((e) => e)
	assert.ok(error instanceof BatchError)
	assert.deepEqual([error.code, error.status], ['unauthorized', 401])
	assert.deepEqual(error.results.map((x) => (x.ok ? 'ok' : x.error.code)), ['ok', 'ok', 'unauthorized', 'unauthorized', 'not_sent'])
	assert.equal(r.seen.length, 2)
})

test('a stream is read at the speed of the server', async (t) => {
	const r = await recorder(t, all_good)
	const c = client(t, r.url, { batchLines: 10 })
	let made = 0
	async function* source() {
		for (;;) yield verb(made++)
	}
	let got = 0
	for await (const result of c.batchStream(source())) {
		assert.equal(result.ok, true)
		if (++got === 35) break
	}
	assert.equal(r.seen.length, 4)
	assert.ok(made <= 51, `${made} were made for ${got}`)
})

test('a batch whose lines all have ids is sent again after a broken connection, another is not', async (t) => {
	const r = await recorder(t, (q, n) => (n % 2 === 0 ? 'reset' : all_good(q)))
	const c = client(t, r.url)
	await c.batch([verb(1, { id: 'a' }), { join: { in: 'x', rooms: 'y' } }])
	assert.equal(r.seen[0].text, r.seen[1].text)
	const error = await c.batch([verb(1, { id: 'a' }), verb(2)]).catch((e) => e)
	assert.deepEqual([error.code, error.sent, r.seen.length], ['connection', true, 3])
	const d = client(t, r.url, { idempotent: true })
	r.seen.pop()
	await d.batch([verb(1), verb(2)])
	assert.equal(r.seen.length, 4)
	assert.equal(r.seen[2].text, r.seen[3].text)
	assert.notEqual(r.seen[2].lines[0].emit.id, r.seen[2].lines[1].emit.id)
})

test('results that do not fit the lines are no results', async (t) => {
	const replies = [{ text: '{}\n' }, { text: 'x' }]
	const r = await recorder(t, (_, n) => replies[n])
	const c = client(t, r.url)
	for (const _ of replies) assert.equal((await c.batch([verb(1), verb(2)]).catch((e) => e)).code, 'bad_reply')
})

test('publisher: what is sent together leaves together, in order, one request at a time', async (t) => {
	let open = 0
	const r = await recorder(t, async (q) => {
		assert.equal(++open, 1)
		await sleep(20)
		open--
		return all_good(q)
	})
	const p = client(t, r.url).publisher({ batchLines: 50 })
	for (let n = 0; n < 120; n++) assert.equal(p.emit('x:1', 'e', n), true)
	assert.equal(p.counters.queued, 120)
	assert.equal(await p.flush(), true)
	assert.deepEqual(r.seen.map((s) => s.lines.length), [50, 50, 20])
	assert.deepEqual(numbers(r.seen.flatMap((s) => s.lines)), [...Array(120).keys()])
	assert.deepEqual(p.counters, { sent: 120, failed: 0, dropped: 0, queued: 0, bytes: 0 })
	p.event('t', 1, { v: 1 })
	p.join('user:1', 'x:1')
	p.leave('user:1', 'x:1')
	p.disconnect('user:1', { close: true })
	assert.equal(await p.close(), true)
	assert.deepEqual(r.seen.at(-1).lines, [
		{ event: { type: 't', data: 1, vars: { v: 1 } } },
		{ join: { in: 'user:1', rooms: 'x:1' } },
		{ leave: { in: 'user:1', rooms: 'x:1' } },
		{ disconnect: { in: 'user:1', close: true } }
	])
	assert.equal(p.emit('x:1', 'e'), false, 'closed')
	assert.equal(p.counters.dropped, 1)
})

test('publisher: a line alone leaves after the linger', async (t) => {
	const r = await recorder(t, all_good)
	const p = client(t, r.url).publisher({ linger: 30 })
	const started = performance.now()
	p.emit('x:1', 'e', 1)
	await until('the line', () => p.counters.sent === 1)
	assert.ok(r.seen[0].at - started >= 25)
})

test('publisher: the queue is bounded by lines and by bytes, and what it drops is counted', async (t) => {
	let go
	const gate = new Promise((resolve) => (go = resolve))
	const r = await recorder(t, async (q) => (await gate, all_good(q)))
	const p = client(t, r.url).publisher({ batchLines: 10, queueLines: 20, linger: 0 })
	for (let n = 0; n < 100; n++) p.emit('x:1', 'e', n)
	assert.equal(p.counters.dropped, 100 - 10 - 20)
	go()
	await p.flush()
	assert.deepEqual(numbers(r.seen.flatMap((s) => s.lines)), [...Array(30).keys()])
	const small = client(t, r.url).publisher({ queueBytes: 1000, batchBytes: 600 })
	const taken = [...Array(20).keys()].filter(() => small.emit('x:1', 'e', 'y'.repeat(200)))
	assert.equal(taken.length, 4)
	assert.equal(small.emit('x:1', 'e', 'y'.repeat(600)), false, 'longer than any batch')
	await small.flush()
	assert.deepEqual(small.counters, { sent: 4, failed: 0, dropped: 17, queued: 0, bytes: 0 })
})

test('publisher: a batch that fails is counted and told, and the next goes on', async (t) => {
	const r = await recorder(t, (q, n) => (n === 0 ? { status: 403, json: { error: { code: 'forbidden', message: 'no' } } } : all_good(q)))
	const told = []
	const p = client(t, r.url).publisher({ onError: (e, lines) => told.push([e.code, lines]) })
	p.emit('x:1', 'e', 1)
	p.emit('x:1', 'e', 2)
	await p.flush()
	p.emit('x:1', 'e', 3)
	await p.flush()
	assert.deepEqual(told, [['forbidden', 2]])
	assert.deepEqual(p.counters, { sent: 1, failed: 2, dropped: 0, queued: 0, bytes: 0 })
})

test('publisher: lines that the server was too busy for are sent again, ahead of later ones', async (t) => {
	const busy = JSON.stringify({ status: 429, error: { code: 'busy', message: 'try again' } })
	const good = JSON.stringify({ id: 'i', delivered: 1 })
	const r = await recorder(t, (q, n) => ({ text: q.lines.map((_, i) => (n === 0 && i > 0 ? busy : good)).join('\n') }))
	const p = client(t, r.url).publisher({ linger: 0, busyPause: 30 })
	for (const n of [1, 2, 3]) p.emit('x:1', 'e', n)
	await until('the first', () => r.seen.length === 1)
	p.emit('x:1', 'e', 4)
	await p.flush()
	assert.deepEqual(r.seen.map((s) => numbers(s.lines)), [[1, 2, 3], [2, 3], [4]])
	assert.equal(p.counters.sent, 4)
})

test('publisher: close() waits so long and no longer, and counts what is left', async (t) => {
	await recorder(t, () => 'silence').then(async (r) => {
		const told = []
		const p = client(t, r.url).publisher({ batchLines: 2, onError: (e, lines) => told.push([e.code, lines]) })
		for (let n = 0; n < 5; n++) p.emit('x:1', 'e', n)
		const flushed = p.flush()
		const started = performance.now()
		assert.equal(await p.close({ timeout: 100 }), false)
		assert.ok(performance.now() - started < 1000)
		assert.deepEqual(told, [['dropped', 3]])
		assert.equal(p.counters.dropped, 3)
		assert.equal(await Promise.race([flushed, sleep(50)]), undefined, 'two are under way still')
	})
})
