/* api_ids.mjs - a message with an id: sent once, whoever asks how often, and whoever dies meanwhile. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, inbox } from './clients.mjs'
import { alive, server, sleep, started, until } from './server.mjs'

const WORKERS = 3
const options = {
	workers: WORKERS,
	conf: 'room "r" { join = any }\nroute "order" { to = all  emit = order  data = \'{@payload}\'  also { to = "r:1"  emit = copy  data = \'{@payload}\' } }',
	auth: 'auth { anonymous = yes }'
}

describe('an emit with an id', () => {
	let s
	before(async () => { s = await started(options) })
	after(() => s.destroy())
	const emit = (body) => api(s, 'POST', '/v1/emit', body)

	test('is sent once, and every call is told the same', async (t) => {
		const all = await connect_each(t, s, WORKERS, () => ({}))
		const boxes = all.map((c) => inbox(c, 'news', 'end'))
		await Promise.all(all.map((c) => c.emitWithAck('subscribe', { room: 'r', id: 1 })))
		await api(s, 'GET', '/v1/rooms')
		const body = { to: 'r:1', event: 'news', data: { a: 1 }, id: 'order-1' }
		const first = await emit(body)
		assert.deepEqual([first.status, first.json], [202, { id: 'order-1', delivered: 3 }])
		all[0].disconnect()
		await until('it is gone', async () => (await api(s, 'GET', '/v1/rooms/r:1')).json.sockets === 2)
		/* On whichever worker, at once or later, and whatever is in it. */
		const again = await Promise.all([...Array(30)].map(() => emit({ ...body, data: { a: 2 } })))
		for (const r of again) assert.deepEqual([r.status, r.json], [202, { id: 'order-1', delivered: 3 }])
		assert.equal((await emit({ to: 'r:1', event: 'end' })).json.delivered, 2)
		await until('the end', () => boxes.slice(1).every((b) => b.some((e) => e[0] === 'end')))
		for (const b of boxes.slice(1)) assert.equal(b.length, 2)
	})

	test('of many at a time one is sent', async (t) => {
		const c = await connect(t, s, {})
		const box = inbox(c, 'race')
		const r = await Promise.all([...Array(60)].map((_, i) => emit({ to: 'all', event: 'race', data: i, id: 'race-1' })))
		for (const one of r) assert.equal(one.status, 202)
		await emit({ to: 'all', event: 'race', data: 'end' })
		await until('the end', () => box.length >= 2)
		await sleep(50)
		assert.equal(box.length, 2)
	})

	test('other ids are other messages, in any text', async (t) => {
		const c = await connect(t, s, {})
		const box = inbox(c, 'x')
		const ids = ['a', 'A', 'a ', 'é'.repeat(64), 'q"\\', 'x'.repeat(128)]
		for (const id of ids) {
			const r = await emit({ to: 'all', event: 'x', id })
			assert.deepEqual([r.status, r.json?.id], [202, id])
		}
		await until('all of them', () => box.length === ids.length)
	})

	for (const [what, body] of [
		['empty', { id: '' }], ['too long', { id: 'x'.repeat(129) }], ['a number', { id: 5 }], ['with a control character', { id: 'a\n' }],
		['beside timeout', { id: 'a', timeout: 100 }]
	])
		test(`an id that is ${what} is refused`, async () => {
			const r = await emit({ to: 'all', event: 'x', ...body })
			assert.deepEqual([r.status, r.json.error.field], [422, 'id'])
		})

	test('a route with an id: all that it sends, once', async (t) => {
		const c = await connect(t, s, {})
		const box = inbox(c, 'order', 'copy')
		await c.emitWithAck('subscribe', { room: 'r', id: 1 })
		await api(s, 'GET', '/v1/rooms')
		const r = await Promise.all([...Array(20)].map((_, i) => api(s, 'POST', '/v1/events', { type: 'order', data: i, id: 'ev-1' })))
		for (const one of r) assert.deepEqual([one.status, one.json], [202, r[0].json])
		assert.equal(r[0].json.id, 'ev-1')
		/* An emit of that id is another thing. */
		assert.equal((await emit({ to: 'all', event: 'order', data: 'e', id: 'ev-1' })).status, 202)
		await until('three', () => box.length >= 3)
		await sleep(50)
		assert.deepEqual(box.map((e) => e[0]).sort(), ['copy', 'order', 'order'])
	})

	test('what is too large for it is refused, and the id is free', async (t) => {
		const c = await connect(t, s, {})
		const box = inbox(c, 'big')
		const big = await emit({ to: 'all', event: 'big', data: 'x'.repeat(131072), id: 'big-1' })
		assert.equal(big.status, 413)
		assert.match(big.json.error.message, /at most 128 KiB/)
		/* An eighth of the ring of 1M is the same size. */
		assert.equal((await emit({ to: 'all', event: 'big', data: 'x'.repeat(120000), id: 'big-1' })).status, 202)
		await until('it', () => box.length === 1)
	})

	test('a local one stays on its worker; a volatile one and an excepted room as ever', async (t) => {
		const all = await connect_each(t, s, WORKERS, () => ({}))
		const boxes = all.map((c) => inbox(c, 'l', 'e'))
		await all[1].emitWithAck('subscribe', { room: 'r', id: 7 })
		await api(s, 'GET', '/v1/rooms')
		const r = await emit({ to: 'all', event: 'l', local: true, id: 'local-1' })
		assert.equal(r.json.delivered, 1)
		await emit({ to: 'all', except: 'r:7', event: 'e', volatile: true, id: 'except-1' })
		await until('those', () => boxes.flat().length === 3)
		await sleep(50)
		assert.equal(boxes.flat().length, 3)
		assert.equal(boxes[1].filter((e) => e[0] === 'e').length, 0)
	})
})

test('ids while the keeper is killed again and again: each message exactly once', async (t) => {
	const s = await server(t, options)
	const all = await connect_each(t, s, WORKERS, () => ({}))
	await api(s, 'GET', '/v1/rooms') /* the store knows them all */
	const heard = all.map((c) => {
		const n = new Map()
		c.on('m', (i) => n.set(i, (n.get(i) ?? 0) + 1))
		return n
	})
	const acked = new Set()
	let stop = false
	let next = 0
	const client = async () => {
		while (!stop) {
			const i = next++
			for (let tries = 0; ; tries++) {
				/* Each is asked for twice even when all is well. */
				const r = await Promise.all([1, 2].map(() => api(s, 'POST', '/v1/emit', { to: 'all', event: 'm', data: i, id: `m${i}` })))
				for (const one of r) if (one.status === 202) assert.deepEqual(one.json, { id: `m${i}`, delivered: 3 })
				if (r.some((one) => one.status === 202)) break
				for (const one of r) assert.ok([429, 503].includes(one.status), one.text)
				assert.ok(tries < 50)
				await sleep(20)
			}
			acked.add(i)
		}
	}
	const clients = [client(), client(), client(), client()]
	for (let kills = 0; kills < 8; kills++) {
		const pid = s.keeper().pid
		await sleep(60 + 40 * kills)
		process.kill(pid, 'SIGKILL')
		await until('another keeper', () => s.keeper()?.pid !== pid && s.keeper()?.state === 'live' && !alive(pid))
	}
	stop = true
	await Promise.all(clients)
	await api(s, 'POST', '/v1/emit', { to: 'all', event: 'm', data: 'end' })
	await until('the end', () => heard.every((n) => n.has('end')))
	await sleep(100)
	assert.ok(acked.size > 50)
	for (const n of heard) {
		for (const i of acked) assert.equal(n.get(i), 1, `message ${i}`)
		for (const [i, times] of n) assert.equal(times, 1, `message ${i}`)
	}
})

test('a keeper that is stopped: the call is told so, and may be made again', async (t) => {
	const s = await server(t, { ...options, conf: `watchdog = 10s\n${options.conf}` })
	const c = await connect(t, s, {})
	const box = inbox(c, 'late', 'end')
	const pid = s.keeper().pid
	process.kill(pid, 'SIGSTOP')
	t.after(() => { try { process.kill(pid, 'SIGCONT') } catch { /* gone */ } })
	const began = Date.now()
	const r = await api(s, 'POST', '/v1/emit', { to: 'all', event: 'late', id: 'late-1' })
	assert.deepEqual([r.status, r.json.error.code, r.headers['retry-after']], [503, 'unavailable', '1'])
	assert.ok(Date.now() - began > 1500)
	/* Everything else goes on. */
	assert.equal((await api(s, 'POST', '/v1/emit', { to: 'all', event: 'end' })).status, 202)
	process.kill(pid, 'SIGCONT')
	assert.equal((await api(s, 'POST', '/v1/emit', { to: 'all', event: 'late', id: 'late-1' })).status, 202)
	await until('both', () => box.length === 2)
	await sleep(100)
	assert.equal(box.length, 2)
})
