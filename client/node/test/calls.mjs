/* calls.mjs - what is sent, what is tried again, and how calls fail; against an HTTP server of the test. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Client, ForkcastError } from '../index.mjs'
import { recorder, until } from './support/recorder.mjs'

const busy = (status = 429, headers = {}) => ({ status, headers, json: { error: { code: 'busy', message: 'try again' } } })

function client(t, url, options = {}) {
	const c = new Client({ url, key: 'k', ...options })
	t.after(() => c.close())
	return c
}

async function rejection(promise) {
	const error = await promise.then(
		(value) => assert.fail(`resolved with ${JSON.stringify(value)}`),
		(e) => e
	)
	assert.ok(error instanceof ForkcastError, error.stack)
	return error
}

test('each call: method, path, key and body', async (t) => {
	const r = await recorder(t, () => ({ json: { id: 'x', delivered: 1, items: [] } }))
	const c = client(t, r.url)
	await c.emit('chat:1', 'e', { a: 1 }, { except: ['user:2'], namespace: '/n', volatile: true, local: true, id: 'i', delay: '5s' })
	await c.emit(new Set(['a:1', 'b:2']), 'e', undefined, { args: [1, 2], at: new Date(0), timeout: 100 })
	await c.event('market:trade', { p: 1 }, { marketId: '7' }, { id: 'j' })
	await c.join('user:1', ['a:1'], { except: 'a:2' })
	await c.leave(['user:1'], 'a:1', { namespace: '/n' })
	await c.disconnect('socket:s', { close: true })
	await c.sockets({ in: 'chat:ä+b', limit: 2 }).toArray()
	await c.rooms({ type: 'chat' }).toArray()
	await c.room('chat:1/2', { namespace: '/n' })
	await c.user('a b')
	await c.schedules.create({ id: 's', to: 'a:1', event: 'e', at: new Date(0) })
	await c.schedules.cancel('s/1')
	await c.bans.add({ user: 'u', until: new Date(0), reason: 'r' })
	assert.deepEqual(
		r.seen.map((s) => [s.method, s.path, s.json]),
		[
			['POST', '/v1/emit', { to: 'chat:1', event: 'e', data: { a: 1 }, except: ['user:2'], namespace: '/n', volatile: true, local: true, id: 'i', delay: '5s' }],
			['POST', '/v1/emit', { to: ['a:1', 'b:2'], event: 'e', args: [1, 2], at: '1970-01-01T00:00:00.000Z', timeout: 100 }],
			['POST', '/v1/events', { type: 'market:trade', data: { p: 1 }, vars: { marketId: '7' }, id: 'j' }],
			['POST', '/v1/sockets/join', { in: 'user:1', rooms: ['a:1'], except: 'a:2' }],
			['POST', '/v1/sockets/leave', { in: ['user:1'], rooms: 'a:1', namespace: '/n' }],
			['POST', '/v1/sockets/disconnect', { in: 'socket:s', close: true }],
			['GET', '/v1/sockets?in=chat%3A%C3%A4%2Bb&limit=2', undefined],
			['GET', '/v1/rooms?type=chat', undefined],
			['GET', '/v1/rooms/chat%3A1%2F2?namespace=%2Fn', undefined],
			['GET', '/v1/users/a%20b', undefined],
			['POST', '/v1/schedules', { id: 's', to: 'a:1', event: 'e', at: '1970-01-01T00:00:00.000Z' }],
			['DELETE', '/v1/schedules/s%2F1', undefined],
			['POST', '/v1/bans', { user: 'u', until: '1970-01-01T00:00:00.000Z', reason: 'r' }]
		]
	)
	assert.ok(r.seen.every((s) => s.headers.authorization === 'Bearer k'))
	assert.equal(new Set(r.seen.map((s) => s.socket.remotePort)).size, 1, 'calls in turn share a connection')
})

test('an error has code, status, field and the time to wait', async (t) => {
	const r = await recorder(t, () => ({ status: 422, headers: { 'retry-after': '7' }, json: { error: { code: 'invalid', message: 'no', field: 'to' } } }))
	const e = await rejection(client(t, r.url).emit('x', 'e'))
	assert.deepEqual([e.code, e.status, e.field, e.retryAfter, e.message, e.sent], ['invalid', 422, 'to', 7, 'no', false])
	assert.equal(r.seen.length, 1, 'what the server refused is not tried again')
})

test('429 and 503 are tried again with the same body, not before Retry-After', async (t) => {
	const replies = [busy(429), busy(503, { 'retry-after': '1' }), { status: 202, json: { id: 'i', delivered: 3 } }]
	const r = await recorder(t, (_, n) => replies[n])
	const c = client(t, r.url)
	assert.deepEqual(await c.emit('x:1', 'e', 1), { id: 'i', delivered: 3 })
	assert.equal(r.seen.length, 3)
	assert.equal(new Set(r.seen.map((s) => s.text)).size, 1)
	assert.ok(r.seen[2].at - r.seen[1].at >= 990, `${r.seen[2].at - r.seen[1].at} ms`)
	assert.equal(c.counters.retried, 2)
})

test('tries end: RETRIES of them, or when Retry-After reaches past the total timeout', async (t) => {
	const r = await recorder(t, (q) => busy(429, q.json.to === 'long' ? { 'retry-after': '30' } : {}))
	const c = client(t, r.url, { timeout: 3000, retries: 2 })
	assert.equal((await rejection(c.emit('x', 'e'))).status, 429)
	assert.equal(r.seen.length, 3)
	const started = performance.now()
	const e = await rejection(c.emit('long', 'e'))
	assert.equal(e.retryAfter, 30)
	assert.ok(performance.now() - started < 1000)
	assert.equal(r.seen.length, 4)
})

test('a connection that broke: with an id the same is sent again, without nobody knows', async (t) => {
	const r = await recorder(t, (q, n) => (n % 2 === 0 ? 'reset' : { status: 202, json: { id: q.json.id, delivered: 1 } }))
	const c = client(t, r.url)
	assert.deepEqual(await c.emit('x', 'e', 1, { id: 'once' }), { id: 'once', delivered: 1 })
	assert.deepEqual(r.seen.map((s) => s.json.id), ['once', 'once'])
	const e = await rejection(c.emit('x', 'e', 1))
	assert.deepEqual([e.code, e.sent, r.seen.length], ['connection', true, 3])
})

test('idempotent: ids are made for what can have one', async (t) => {
	const r = await recorder(t, (q, n) => (n === 0 ? 'reset' : { status: 202, json: { id: q.json.id, delivered: 1 } }))
	const c = client(t, r.url, { idempotent: true })
	await c.emit('x', 'e', 1)
	assert.match(r.seen[0].json.id, /^[0-9a-f-]{36}$/)
	assert.equal(r.seen[1].json.id, r.seen[0].json.id)
	await c.event('t', 1)
	assert.match(r.seen[2].json.id, /^[0-9a-f-]{36}$/)
	await c.emit('x', 'e', 'é'.repeat(62000))
	assert.equal(r.seen.pop().json.id, undefined, 'the server would not take it')
	for (const options of [{ volatile: true }, { local: true }, { timeout: 5 }]) await c.emit('x', 'e', 1, options)
	assert.deepEqual(r.seen.slice(3).map((s) => s.json.id), [undefined, undefined, undefined])
})

test('a server that is not there yet: anything is tried again', async (t) => {
	const place = http.createServer()
	await new Promise((resolve) => place.listen(0, '127.0.0.1', resolve))
	const { port } = place.address()
	await new Promise((resolve) => place.close(resolve))
	const c = client(t, `http://127.0.0.1:${port}`, { timeout: 8000, retries: 20 })
	const call = c.disconnect('user:1')
	await until('a second try', () => c.counters.retried > 0)
	const r = await recorder(t, () => ({ json: { matched: 2 } }), port)
	assert.deepEqual(await call, { matched: 2 })
	assert.equal(r.seen.length, 1)
})

test('no answer: the total timeout; an abort; close()', async (t) => {
	const r = await recorder(t, () => 'silence')
	const c = client(t, r.url, { timeout: 200 })
	const started = performance.now()
	const late = await rejection(c.user('u'))
	assert.deepEqual([late.code, late.sent], ['timeout', true])
	assert.ok(performance.now() - started < 2000)
	const stop = new AbortController()
	const aborted = rejection(c.emit('x', 'e', 1, { signal: stop.signal, totalTimeout: 60000 }))
	await until('the request', () => r.seen.length === 2)
	stop.abort()
	assert.equal((await aborted).code, 'aborted')
	assert.equal((await rejection(c.emit('x', 'e', 1, { signal: AbortSignal.abort() }))).code, 'aborted')
	assert.equal(r.seen.length, 2)
	const d = new Client({ url: r.url })
	const open = rejection(d.emit('x', 'e'))
	await until('the request', () => r.seen.length === 3)
	d.close()
	assert.equal((await open).code, 'connection')
	assert.equal((await rejection(d.emit('x', 'e'))).code, 'closed')
	assert.equal(c.counters.pending + d.counters.pending, 0)
})

test('connections: no more than said, kept, and closed when idle', async (t) => {
	const r = await recorder(t, () => new Promise((resolve) => setTimeout(resolve, 10, { json: {} })))
	const c = client(t, r.url, { connections: 3, idle: 150 })
	await Promise.all([...Array(30).keys()].map((i) => c.user(i)))
	assert.equal(new Set(r.seen.map((s) => s.socket.remotePort)).size, 3)
	await until('them to go', () => r.sockets.size === 0)
	await c.user('x')
	assert.equal(r.seen.length, 31)
})

test('calls that wait are bounded', async (t) => {
	const r = await recorder(t, () => 'silence')
	const c = new Client({ url: r.url, maxPending: 2 })
	const two = [c.user(1), c.user(2)].map(rejection)
	assert.equal((await rejection(c.user(3))).code, 'overloaded')
	await until('both', () => r.seen.length === 2)
	c.close()
	for (const error of await Promise.all(two)) assert.equal(error.code, 'closed', 'a closed client tries nothing again')
})

test('a unix socket', async (t) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-kit-'))
	t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
	const r = await recorder(t, () => ({ json: { matched: 1 } }), path.join(dir, 'admin.sock'))
	assert.deepEqual(await client(t, r.url).join('all', 'x:1'), { matched: 1 })
})

test('answers that are none, or too much', async (t) => {
	const replies = { text: { text: 'hello' }, huge: { text: `"${'x'.repeat(17 << 20)}"` }, page: { status: 502, text: '<html>' } }
	const r = await recorder(t, (q) => replies[q.path.split('/').at(-1)])
	const c = client(t, r.url)
	assert.equal((await rejection(c.user('text'))).code, 'bad_reply')
	assert.equal((await rejection(c.user('huge'))).code, 'bad_reply')
	const e = await rejection(c.user('page'))
	assert.deepEqual([e.code, e.status], ['http_502', 502])
	assert.equal((await rejection(c.emit('x', 'e', 'y'.repeat(1 << 20)))).code, 'too_large')
})

test('pages are asked for as they are read', async (t) => {
	const r = await recorder(t, (q) => {
		const after = Number(new URL(q.path, 'http://x').searchParams.get('after') ?? 0)
		return { json: { items: [after + 1, after + 2], ...(after < 8 ? { next: String(after + 2) } : {}) } }
	})
	const c = client(t, r.url)
	assert.deepEqual(await c.rooms().toArray(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
	assert.equal(r.seen.length, 5)
	for await (const n of c.sockets({ in: 'r:1' })) if (n === 3) break
	assert.equal(r.seen.length, 7)
	assert.deepEqual(await c.rooms().page('4'), { items: [5, 6], next: '6' })
})

test('health never rejects', async (t) => {
	const replies = [{ json: { ready: true } }, { status: 503, json: { ready: false, reasons: ['draining'] } }]
	const r = await recorder(t, (_, n) => replies[n])
	const c = client(t, r.url)
	assert.deepEqual(await c.health(), { alive: true, ready: true, reasons: [] })
	assert.deepEqual(await c.health(), { alive: true, ready: false, reasons: ['draining'] })
	const gone = await client(t, 'http://127.0.0.1:1').health()
	assert.deepEqual([gone.alive, gone.ready, gone.reasons.length], [false, false, 1])
})

test('wrong use is told at once', async () => {
	const c = new Client({ url: 'http://127.0.0.1:1' })
	const calls = [c.emit('x', 'e', 1n), c.emit(5, 'e'), c.join('x', 5), c.call('POST', '/x', { json: 1n })]
	for (const call of calls) await assert.rejects(call, TypeError, 'rejected, not thrown')
	assert.throws(() => new Client({}), /url is missing/)
	assert.throws(() => new Client({ url: 'ftp://x' }), /not a URL of http/)
})
