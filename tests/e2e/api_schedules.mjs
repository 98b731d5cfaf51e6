/* api_schedules.mjs - messages that wait: sent once, when they are due, whoever dies and also after a restart. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, inbox } from './clients.mjs'
import { alive, server, sleep, started, until } from './server.mjs'

const WORKERS = 3

function options(sync = '50ms') {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-data-'))
	return {
		workers: WORKERS,
		conf: `data_dir = "${dir}/deep"\nroom "r" { join = any }`,
		auth: 'auth { anonymous = yes }',
		shm: `shm { sessions = 1000  ring_size = 1M  store_size = 16M  sync = ${sync} }`,
		data: dir
	}
}

const gone = (o) => fs.rmSync(o.data, { recursive: true, force: true })

describe('schedules', () => {
	const o = options()
	let s
	before(async () => { s = await started(o) })
	after(async () => { await s.destroy(); gone(o) })
	const emit = (body) => api(s, 'POST', '/v1/emit', body)
	const list = async (query = '') => (await api(s, 'GET', `/v1/schedules${query}`)).json

	test('a delay: 202 at once, sent when it is over, to who is there then', async (t) => {
		const began = Date.now()
		const r = await emit({ to: 'r:1', event: 'later', data: { big: 12345678901234567890n.toString() }, delay: 2500, id: 'd1' })
		assert.equal(r.status, 202)
		assert.equal(r.json.id, 'd1')
		assert.ok(r.json.at >= began + 2500 && r.json.at <= Date.now() + 2500)
		assert.deepEqual((await api(s, 'GET', '/v1/schedules/d1')).json,
			{ id: 'd1', at: r.json.at, to: 'r:1', event: 'later', data: { big: '12345678901234567890' } })
		const all = await connect_each(t, s, WORKERS, () => ({}))
		const boxes = all.map((c) => inbox(c, 'later'))
		await Promise.all(all.slice(0, 2).map((c) => c.emitWithAck('subscribe', { room: 'r', id: 1 })))
		await until('it', () => boxes[0].length === 1 && boxes[1].length === 1)
		assert.ok(Date.now() >= r.json.at - 5)
		await sleep(100)
		assert.deepEqual(boxes.map((b) => b.length), [1, 1, 0])
		assert.equal((await api(s, 'GET', '/v1/schedules/d1')).status, 404)
		/* The same id is known a while longer. */
		assert.equal((await emit({ to: 'r:1', event: 'later', id: 'd1' })).status, 202)
		await sleep(100)
		assert.equal(boxes[0].length, 1)
	})

	test('a time, a text delay, POST /v1/schedules: in the order of their times', async (t) => {
		const c = await connect(t, s, {})
		const box = inbox(c, 'o')
		const at = Date.now() + 500
		const post = (body) => api(s, 'POST', '/v1/schedules', { to: 'all', event: 'o', ...body })
		assert.equal((await post({ data: 3, at: new Date(at + 40).toISOString() })).json.at, at + 40)
		assert.equal((await post({ data: 2, at: at + 20 })).json.at, at + 20)
		assert.equal((await post({ data: 1, at })).json.at, at)
		assert.equal((await post({ data: 0, at: '2001-01-01T00:00:00+01:00' })).json.at, 978303600000)
		assert.equal((await post({ data: 4, delay: '1s' })).status, 202)
		await until('all', () => box.length === 5)
		assert.deepEqual(box.map((e) => e[1]), [0, 1, 2, 3, 4])
	})

	test('pages, and DELETE', async (t) => {
		const c = await connect(t, s, {})
		const box = inbox(c, 'p')
		for (let i = 0; i < 25; i++) await emit({ to: 'all', event: 'p', data: i, delay: '2s', id: `p${String(i).padStart(2, '0')}` })
		const first = await list('?limit=10')
		assert.deepEqual(first.items.map((i) => i.id), [...Array(10).keys()].map((i) => `p0${i}`))
		assert.equal(first.next, 'p09')
		const rest = await list(`?limit=1000&after=${first.next}`)
		assert.equal(rest.items.length, 15)
		assert.equal(rest.next, undefined)
		for (let i = 0; i < 24; i++) {
			const r = await api(s, 'DELETE', `/v1/schedules/p${String(i).padStart(2, '0')}`)
			assert.deepEqual([r.status, r.json.cancelled], [200, true])
		}
		assert.equal((await api(s, 'DELETE', '/v1/schedules/p00')).status, 404)
		/* Its id is free again. */
		assert.equal((await emit({ to: 'all', event: 'p', data: 'again', delay: 100, id: 'p00' })).status, 202)
		await until('two', () => box.length === 2)
		assert.deepEqual(box.map((e) => e[1]), ['again', 24])
		assert.deepEqual((await list()).items, [])
	})

	test('schedule and cancel in a batch', async (t) => {
		const c = await connect(t, s, {})
		const box = inbox(c, 'b')
		const body = { to: 'all', event: 'b' }
		const lines = [
			{ schedule: { ...body, data: 1, delay: 300, id: 'b1' } },
			{ emit: { ...body, data: 2, delay: '300ms', id: 'b2' } },
			{ cancel: { id: 'b1' } }, { cancel: { id: 'b0' } }, { schedule: body }
		]
		const r = await api(s, 'POST', '/v1/batch', lines.map((l) => JSON.stringify(l)).join('\n'), { headers: { 'content-type': 'application/x-ndjson' } })
		const results = r.text.trim().split('\n').map((l) => JSON.parse(l))
		assert.deepEqual(results.map((x) => x.status), [202, 202, 200, 404, 422], r.text)
		assert.equal(results[2].cancelled, true)
		await until('the other', () => box.length === 1)
		await sleep(50)
		assert.deepEqual(box, [['b', 2]])
	})

	for (const [what, body, field] of [
		['both', { delay: 1, at: 1 }, 'at'], ['a negative delay', { delay: -1 }, 'delay'], ['a delay without unit', { delay: '5' }, 'delay'],
		['too far ahead', { delay: '367d' }, 'delay'], ['no date', { at: '2026-02-30T00:00:00Z' }, 'at'], ['a date without zone', { at: '2026-02-03T00:00:00' }, 'at'],
		['local', { delay: 5, local: true }, 'local'], ['timeout', { delay: 5, timeout: 5 }, 'timeout'], ['a list', { at: [1] }, 'at']
	])
		test(`refused: ${what}`, async () => {
			const r = await emit({ to: 'all', event: 'x', ...body })
			assert.deepEqual([r.status, r.json.error.field], [422, field])
		})

	test('what is too long to wait is refused, with how long it may be', async () => {
		assert.equal((await emit({ to: 'r:1', event: 'long', data: 'x'.repeat(65000), delay: 1, id: 'long-1' })).status, 202)
		const r = await emit({ to: 'r:1', event: 'long', data: 'x'.repeat(66000), delay: 1, id: 'long-2' })
		assert.deepEqual([r.status, r.json.error.message], [413, 'what waits has less than 64 KiB'])
	})

	test('refused: POST /v1/schedules without a time', async () => {
		const r = await api(s, 'POST', '/v1/schedules', { to: 'all', event: 'x' })
		assert.deepEqual([r.status, r.json.error.code], [422, 'missing'])
	})
})

test('a call made again is told what the first was, also after a restart', async (t) => {
	const s = await server(t, { workers: 2 })
	const again = (id, more) => api(s, 'POST', '/v1/emit', { to: 'all', event: 'x', id, ...more })
	const first = (await again('told', { delay: '1h' })).json
	await sleep(20)
	assert.deepEqual((await again('told', { delay: '2h' })).json, first)
	assert.deepEqual((await again('told', {})).json, first)
	const now = (await again('now', {})).json
	assert.deepEqual((await again('now', { delay: '1h' })).json, now, 'it was sent at once')
	await s.stop()
	await s.start()
	assert.deepEqual((await again('told', { delay: '2h' })).json, first)
	assert.equal((await api(s, 'GET', '/v1/schedules/told')).json.at, first.at)
})

test('processes that gave root up can keep what waits', { skip: process.getuid() !== 0 && 'needs root' }, async (t) => {
	const s = await server(t, { workers: 1, conf: 'user = nobody' })
	assert.equal((await api(s, 'POST', '/v1/emit', { to: 'all', event: 'x', delay: '1h', id: 'kept' })).status, 202)
	await s.stop()
	await s.start()
	assert.equal((await api(s, 'GET', '/v1/schedules/kept')).status, 200)
})

test('without data_dir nothing waits', async (t) => {
	const s = await server(t, { workers: 1, args: ['--dev'] })
	const r = await api(s, 'POST', '/v1/emit', { to: 'all', event: 'x', delay: 5 })
	assert.deepEqual([r.status, r.json.error.code], [422, 'no_data_dir'])
	assert.equal((await api(s, 'GET', '/v1/schedules')).status, 404)
})

for (const [how, end] of [
	['SIGTERM', async (s) => { await s.stop() }],
	['SIGKILL of the master', async (s) => { s.process.kill('SIGKILL'); await until('all are gone', () => s.pids().length === 0) }]
])
	test(`a restart by ${how}: what waits is there, what is overdue is sent at once, in order`, async (t) => {
		const o = options('10ms')
		t.after(() => gone(o))
		const s = await server(t, o)
		for (let i = 0; i < 6; i++)
			assert.equal((await api(s, 'POST', '/v1/emit', { to: 'all', event: 'm', data: i, delay: 1200 - 100 * i, id: `m${i}` })).status, 202)
		assert.equal((await api(s, 'POST', '/v1/emit', { to: ['r:1', 'all'], event: 'm', data: 'far', delay: '4s', id: 'far' })).status, 202)
		assert.equal((await api(s, 'DELETE', '/v1/schedules/m3')).status, 200)
		await sleep(100)
		await end(s)
		await sleep(1500)
		await s.start()
		const c = await connect(t, s, {})
		const box = inbox(c, 'm')
		assert.deepEqual((await api(s, 'GET', '/v1/schedules')).json.items.map((i) => i.id), ['far'])
		await until('the last', () => box.length >= 1)
		assert.deepEqual(box, [['m', 'far']])
		await sleep(200)
		assert.equal(box.length, 1)
		/* The overdue ones went out before anybody was there. */
		const m = (await api(s, 'GET', '/metrics')).text.match(/^forkcast_outbox_sent_total(?:\{[^}]*\})? (\d+)/m)
		assert.ok(Number(m[1]) >= 6, m[0])
	})

test('each is sent exactly once while the keeper is killed again and again', async (t) => {
	const o = options('20ms')
	t.after(() => gone(o))
	const s = await server(t, o)
	const all = await connect_each(t, s, WORKERS, () => ({}))
	const heard = all.map((c) => {
		const n = new Map()
		c.on('m', (i) => n.set(i, (n.get(i) ?? 0) + 1))
		return n
	})
	const N = 300
	let next = 0
	const client = async () => {
		while (next < N) {
			const i = next++
			for (let tries = 0; ; tries++) {
				const r = await api(s, 'POST', '/v1/emit', { to: 'all', event: 'm', data: i, id: `m${i}`, delay: 20 + (i * 37) % 400 })
				if (r.status === 202) break
				assert.ok([429, 503].includes(r.status), r.text)
				assert.ok(tries < 100)
				await sleep(20)
			}
		}
	}
	const clients = [client(), client(), client()]
	for (let kills = 0; kills < 6; kills++) {
		const pid = s.keeper().pid
		await sleep(50 + 30 * kills)
		process.kill(pid, 'SIGKILL')
		await until('another keeper', () => s.keeper()?.pid !== pid && s.keeper()?.state === 'live' && !alive(pid))
	}
	await Promise.all(clients)
	await until('all', () => heard.every((n) => n.size === N))
	await sleep(200)
	for (const n of heard) for (const [i, times] of n) assert.equal(times, 1, `message ${i}`)
	assert.deepEqual((await api(s, 'GET', '/v1/schedules')).json.items, [])
	/* On disk nothing is left of them: they do not come again. */
	await s.stop()
	await s.start()
	assert.deepEqual((await api(s, 'GET', '/v1/schedules')).json.items, [])
})

test('sync = always: what was answered is on disk', async (t) => {
	const o = options('always')
	t.after(() => gone(o))
	const s = await server(t, o)
	const ids = []
	for (let i = 0; i < 20; i++) {
		const r = await api(s, 'POST', '/v1/emit', { to: 'all', event: 'm', delay: '1h' })
		assert.equal(r.status, 202)
		ids.push(r.json.id)
	}
	assert.equal((await api(s, 'DELETE', `/v1/schedules/${ids[0]}`)).status, 200)
	/* Everything dies at once, as by a power loss. */
	for (const pid of [s.pid, ...s.pids()]) process.kill(pid, 'SIGKILL')
	await until('all are gone', () => s.pids().length === 0)
	await s.start()
	assert.deepEqual((await api(s, 'GET', '/v1/schedules')).json.items.map((i) => i.id).sort(), ids.slice(1).sort())
})

test('a directory that cannot be written: refused, and nothing else suffers', async (t) => {
	const o = options()
	t.after(() => gone(o))
	const s = await server(t, o)
	fs.writeFileSync(path.join(o.data, 'deep'), 'a file')
	/* The first is taken before anybody knows. */
	await api(s, 'POST', '/v1/emit', { to: 'all', event: 'm', delay: '1h', id: 'a' })
	await s.logged('durable_not_written')
	const r = await api(s, 'POST', '/v1/emit', { to: 'all', event: 'm', delay: '1h', id: 'b' })
	assert.deepEqual([r.status, r.json.error.code], [503, 'unavailable'])
	assert.equal((await api(s, 'POST', '/v1/emit', { to: 'all', event: 'm' })).status, 202)
	fs.rmSync(path.join(o.data, 'deep'))
	await s.logged('durable_written_again')
	assert.equal((await api(s, 'POST', '/v1/emit', { to: 'all', event: 'm', delay: '1h', id: 'b' })).status, 202)
	await s.stop()
	await s.start()
	assert.deepEqual((await api(s, 'GET', '/v1/schedules')).json.items.map((i) => i.id), ['a', 'b'])
})
