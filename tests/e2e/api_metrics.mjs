/* api_metrics.mjs - /metrics, /v1/stats, status, /ready: what a running instance says of itself. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, emit } from './clients.mjs'
import { metric, metrics } from './prometheus.mjs'
import { server, started, until } from './server.mjs'

describe('metrics', () => {
	let s
	before(async () => {
		s = await started({
			workers: 3,
			conf: 'room "r" { join = any }\nevent "a" { emit = x  to = self }\nevent "b\\"\\\\" { }\nevent "größe" { }'
		})
	})
	after(() => s.destroy())

	test('the text is what Prometheus reads', async () => {
		const r = await api(s, 'GET', '/metrics')
		assert.equal(r.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
		assert.ok((await metrics(s)).size > 30)
	})

	const names = {
		gauge: ['connections', 'sessions', 'rooms', 'users', 'ring_lag_bytes', 'overflow_bytes', 'process_resident_bytes'],
		counter: ['connects_total', 'disconnects_total', 'events_in_total', 'published_total', 'deliveries_total', 'bytes_out_total',
			'refused_total', 'ring_lapped_total', 'wakeups_total', 'sweep_catches_total', 'store_ops_total', 'handover_total', 'upgrades_total'],
		histogram: ['turn_seconds', 'publish_to_flush_seconds', 'store_commit_seconds']
	}
	test('the names of the contract are there, with their types', async () => {
		const all = await metrics(s)
		for (const [type, list] of Object.entries(names)) {
			for (const name of list) assert.equal(all.get(`forkcast_${name}`)?.type, type, name)
		}
		for (const name of all.keys()) {
			assert.match(name, /^forkcast_/)
			assert.equal(all.get(name).type === 'counter', name.endsWith('_total'), name)
			assert.ok(all.get(name).help.length > 5)
		}
	})

	test('each worker is told apart, each role has its memory', async () => {
		const all = await metrics(s)
		const workers = all.get('forkcast_connections').samples.map((m) => m.labels.worker)
		assert.deepEqual(workers, ['0', '1', '2'])
		const roles = all.get('forkcast_process_resident_bytes').samples
		assert.deepEqual(roles.map((m) => m.labels.role).sort(), ['keeper', 'master', 'worker', 'worker', 'worker'])
		for (const m of roles) assert.ok(m.value > 1e6 && m.value < 1e9, JSON.stringify(m))
	})

	test('events have their declared names as labels, and no others', async () => {
		const events = new Set((await metrics(s)).get('forkcast_events_in_total').samples.map((m) => m.labels.event))
		assert.deepEqual(events, new Set(['a', 'b"\\', 'größe']))
	})

	test('an event of several namespaces has one number', async (t) => {
		const s2 = await server(t, {
			workers: 2,
			conf: 'event "a" { emit = a  to = self }\nevent "b" { }\nnamespace "/x" { event "a" { } }\nnamespace "/t-*" { event "a" { }  event "c" { } }'
		})
		const all = []
		for (const nsp of ['/', '/x', '/t-1', '/t-2']) all.push(await connect(t, s2, { user: 'u', nsp }))
		for (const [i, a] of all.entries()) for (let n = 0; n <= i; n++) await a.emitWithAck('a')
		await all[2].emitWithAck('c')
		/* the reader refuses a series that comes twice */
		assert.deepEqual((await metrics(s2)).get('forkcast_events_in_total').samples.map((m) => m.labels.event), ['a', 'a', 'b', 'b', 'c', 'c'])
		assert.equal(await metric(s2, 'events_in_total', { event: 'a' }), 1 + 2 + 3 + 4)
		assert.equal(await metric(s2, 'events_in_total', { event: 'b' }), 0)
		assert.equal(await metric(s2, 'events_in_total', { event: 'c' }), 1)
		const { text, json } = await api(s2, 'GET', '/v1/stats')
		assert.deepEqual(json.events, { a: 10, b: 0, c: 1 })
		assert.equal(text.match(/"a":/g).length, 1)
	})

	test('sessions that go over to WebSocket are counted', async (t) => {
		const before = await metric(s, 'upgrades_total')
		const a = await connect(t, s, { user: 'u', transports: ['polling', 'websocket'] })
		await until('the upgrade', async () => (await metric(s, 'upgrades_total')) === before + 1)
		assert.equal(s.status().processes.reduce((n, p) => n + p.counters.upgrades, 0), before + 1)
		await connect(t, s, { user: 'u' })
		await connect(t, s, { user: 'u', transports: ['polling'] })
		assert.equal(await a.emitWithAck('ping'), 'pong')
		assert.equal(await metric(s, 'upgrades_total'), before + 1)
	})

	test('gauges follow what is there', async (t) => {
		const all = await Promise.all(['x', 'x', 'y'].map((user) => connect(t, s, { user })))
		for (const a of all) await a.emitWithAck('subscribe', { room: 'r', id: 1 })
		await until('the store to follow', async () => (await metric(s, 'users')) === 2 && (await metric(s, 'rooms')) === 4)
		assert.equal(await metric(s, 'sockets'), 3)
		assert.equal(await metric(s, 'sessions'), 3)
		for (const a of all) a.disconnect()
		await until('all to be gone', async () => (await metric(s, 'sessions')) === 0)
		await until('the store to follow', async () => (await metric(s, 'users')) === 0 && (await metric(s, 'rooms')) === 0)
		assert.equal(await metric(s, 'sockets'), 0)
	})

	test('counters count', async (t) => {
		const names = ['connects_total', 'events_in_total', 'published_total', 'deliveries_total', 'bytes_in_total', 'bytes_out_total', 'store_ops_total']
		const read = () => Promise.all(names.map((name) => metric(s, name)))
		const before = await read()
		const a = await connect(t, s, { user: 'ada' })
		for (let i = 0; i < 10; i++) await a.emitWithAck('a', 'x'.repeat(100))
		await until('the store', async () => (await metric(s, 'store_ops_total')) > before[6])
		const now = (await read()).map((v, i) => v - before[i])
		assert.deepEqual(now.slice(0, 4), [1, 10, 10, 10])
		assert.ok(now[4] > 1000 && now[5] > 1000, `${now}`)
	})

	test('histograms saw the deliveries', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const count = async () => (await metrics(s)).get('forkcast_publish_to_flush_seconds').samples
			.filter((m) => m.name.endsWith('_count')).reduce((sum, m) => sum + m.value, 0)
		const before = await count()
		for (let i = 0; i < 5; i++) await emit(s, 'user:ada', 'x')
		await until('five of them', async () => (await count()) >= before + 5)
		assert.ok(a.connected)
	})

	test('nothing was found without a bell in all this', async () => assert.equal(await metric(s, 'sweep_catches_total'), 0))

	test('/v1/stats is one snapshot', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		await a.emitWithAck('a')
		const stats = async () => (await api(s, 'GET', '/v1/stats')).json
		await until('the host to be counted anew', async () => (await stats()).sockets === 1)
		const r = await stats()
		assert.deepEqual(Object.keys(r).slice(0, 7), ['connections', 'sessions', 'sockets', 'users', 'rooms', 'memory', 'uptime'])
		assert.deepEqual([r.sessions, r.users, r.rooms], [1, 1, 2])
		assert.ok(r.events.a >= 1 && r.events['größe'] === 0 && r.events['b"\\'] === 0)
		assert.ok(r.memory > 1e7 && r.latency.publish_to_flush_p50_us >= 0)
		assert.deepEqual(r.processes.map((p) => [p.role, p.state]).sort(),
			[['keeper', 'live'], ['worker', 'live'], ['worker', 'live'], ['worker', 'live']])
		const status = s.status()
		assert.deepEqual(r.processes.map((p) => p.pid).sort(), status.processes.map((p) => p.pid).sort())
	})

	test('forkcast status knows the same counters', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const sum = (name) => s.status().processes.filter((p) => p.role === 'worker').reduce((n, p) => n + p.counters[name], 0)
		assert.equal(sum('sessions'), 1)
		assert.equal(sum('sockets'), 1)
		a.disconnect()
		await until('the session to go', () => sum('sessions') === 0)
	})
})

test('/ready says what is missing while a worker is away', async (t) => {
	const s = await started({ workers: 2, conf: 'watchdog = 3s' })
	t.after(() => s.destroy())
	const victim = s.worker(1)
	process.kill(victim.pid, 'SIGSTOP')
	t.after(() => { try { process.kill(victim.pid, 'SIGKILL') } catch { /* the watchdog was first */ } })
	let seen
	await until('not ready', async () => {
		const r = await api(s, 'GET', '/ready', undefined, { key: null }).catch(() => undefined)
		if (r?.status === 503) seen = r.json
		return seen
	})
	assert.deepEqual(seen, { ready: false, reasons: ['worker 1 is away'] })
	await until('ready again', async () => (await api(s, 'GET', '/ready', undefined, { key: null }).catch(() => ({}))).status === 200, 12000)
	assert.notEqual(s.worker(1).pid, victim.pid)
})
