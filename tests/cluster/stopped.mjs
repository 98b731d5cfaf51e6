/*
 * stopped.mjs - one worker stands still (SIGSTOP).  Broadcasts, joins and queries on the others go on undisturbed, and
 * whoever connects is served by a neighbour.
 *
 *  - With the usual watchdog it is killed after 2 s and replaced; its clients come back.
 *  - With a watchdog that waits for a minute it stays stopped.  Others overtake it; when it goes on it knows, and lets
 *    exactly those clients go who may have missed something, so that they come back and know.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Api } from './api.mjs'
import { LONG, host, ms, now_ns, quantile, sleep, until } from './host.mjs'
import { Ledger } from './ledger.mjs'
import { Fleet, node } from './members.mjs'
import { Prober } from './prober.mjs'
import { Python } from './python.mjs'
import { Load } from './senders.mjs'
import { Pulse, differences, told, truth, wrong_users } from './view.mjs'

const STOP_MS = LONG ? 30000 : 4000
const CALM_MS = LONG ? 8000 : 1500
const ROOMS = 4
const SENDERS = 6
/*
 * For one in twenty.  Whoever waited for the stopped one would do so for 200 ms or more; on a machine that others use, too,
 * the second before and the seconds after differ by less than that without any server.
 */
const SLACK_NS = LONG ? 10e6 : 100e6

/* Samples [at, took] of what is done again and again, while RUNNING. */
async function sampled(running, samples, gap_ms, act) {
	while (running()) {
		const at_ns = now_ns()
		await act()
		samples.push([at_ns, now_ns() - at_ns])
		await sleep(gap_ms)
	}
}

/* An API connection that worker INDEX does not serve: the worker's own count of calls tells. */
async function api_elsewhere(h, index) {
	const calls = async () => new Map((await h.look()).processes.filter((p) => p.role === 'worker').map((p) => [p.index, p.counters.api_calls]))
	for (;;) {
		const api = new Api(h.admin_port)
		const before = await calls()
		await api.get('/health')
		const after = await calls()
		const served = [...after].find(([i, n]) => n !== before.get(i))[0]
		if (served !== index) return api
		api.close()
	}
}

/* The fleet, its load, and everything that is measured. */
class Scene {
	constructor(t, h, options) {
		Object.assign(this, { t, h, ledger: new Ledger(), samples: { ack: [], delivery: [], join: [], query: [] }, running: true }, options)
		this.fleet = new Fleet(h, this.ledger)
		t.after(() => this.fleet.leave())
		this.python = new Python()
		t.after(() => this.python.process.kill('SIGKILL'))
	}

	/* TALK members in chat rooms and QUIET ones in a room of their own; the worker to be stopped has SOME of both. */
	async gather(talk, quiet, some) {
		for (let i = 0; i < talk; i++) this.fleet.add(i % 6 === 5 ? this.python : node, `m${i}`, [i % ROOMS, (i + 1) % ROOMS])
		for (let i = 0; i < quiet; i++) this.fleet.add(node, `q${i}`, ['quiet:1'])
		await this.fleet.connect()
		this.talkers = this.fleet.members.slice(0, talk)
		this.quiets = this.fleet.members.slice(talk)
		this.victim = (await this.h.look()).processes.find((p) => p.role === 'worker' && p.index === 1)
		const there = (list) => list.filter((m) => m.slot === this.victim.slot)
		const away = (list) => list.filter((m) => m.slot !== this.victim.slot)
		await this.fleet.shuffle(this.talkers, () => there(this.talkers).length >= some && away(this.talkers).length >= SENDERS + 4)
		if (quiet > 0) await this.fleet.shuffle(this.quiets, () => there(this.quiets).length >= some && away(this.quiets).length >= 1)
		this.hit = there(this.fleet.members)
		this.others = away(this.talkers)
	}

	async start() {
		const { h, ledger, samples, others } = this
		const bystanders = new Set(others)
		this.load = new Load(ledger, (i) => ({ event: i % 5 === 4 ? 'tell' : 'post', room: `chat:${i % ROOMS}` }),
			{ gap_ms: 20, pad: this.pad, stop: () => !this.running })
		this.fleet.on_got = (m, from, seq) => {
			const sent = ledger.sent.get(from)[seq].at_ns
			if (bystanders.has(m)) samples.delivery.push([sent, now_ns() - sent])
		}
		const joiner = others[others.length - 1]
		/* True when it was answered; a connection that ends meanwhile is no answer, and the rooms are left with it. */
		const ask = (event) => new Promise((resolve, reject) => {
			this.gone = (member) => member === joiner && resolve(false)
			joiner.line.emit(event, { room: 'quiet', id: 'scratch' }, (r) => (r.success ? resolve(true) : reject(new Error(JSON.stringify(r)))))
		})
		/* What one session joined only that session can leave. */
		const in_and_out = async () => {
			await this.fleet.joined(joiner)
			const { session } = joiner
			if ((await ask('subscribe')) && joiner.session === session) await ask('unsubscribe')
		}
		this.fleet.on_end.push((member) => this.gone?.(member))
		this.api = await api_elsewhere(h, this.victim.index)
		const on = () => this.running
		this.jobs = [
			...others.slice(0, SENDERS).map((m) => this.load.by_member(this.fleet, m)),
			sampled(on, samples.join, 15, in_and_out),
			sampled(on, samples.query, 15, async () => {
				assert.ok((await this.api.get('/v1/rooms/chat:1')).sockets > 0)
				await this.api.get('/v1/sockets?in=chat:2')
			})
		]
		this.prober = new Prober(h.port, 50)
		this.pulse = new Pulse()
		this.t.after(() => (this.pulse.over = true))
		this.t.after(() => this.prober.process.kill('SIGKILL'))
	}

	async end() {
		this.running = false
		await Promise.all(this.jobs)
		this.pulse.over = true
		this.probed = await this.prober.end()
		samples_of_acks(this)
	}

	/* How much of that time the machine took: it stood still, or, in the short form, kept the clients from a CPU. */
	machine(start_ns, end_ns) {
		return Math.max(this.prober.stalled(start_ns, end_ns), LONG ? 0 : this.pulse.held(start_ns, end_ns))
	}

	/* Waits until there is enough of everything to compare with, and for CALM_MS. */
	async calm() {
		await sleep(CALM_MS)
		await until('enough samples', () => Object.values(this.samples).every((list) => list === this.samples.ack || list.length > 25))
	}

	/* Quantiles from STOPPED to UNTIL beside those from before; WORST is what nothing may take. */
	undisturbed(started_ns, stopped_ns, until_ns, worst_ns) {
		for (const [what, list] of Object.entries(this.samples)) {
			const before = list.filter(([at]) => at >= started_ns && at < stopped_ns - 1e9 * 0.1).map(([, took]) => took)
			const during = list.filter(([at]) => at >= stopped_ns && at < until_ns)
			const took = during.map(([, d]) => d)
			const q = (s) => [0.5, 0.95, 0.99, 1].map((x) => ms(quantile(s, x))).join(' ')
			this.t.diagnostic(`${what}: p50 p95 p99 max before ${q(before)} ms (${before.length}), while it stood still ${q(took)} ms (${took.length})`)
			assert.ok(before.length > 20 && took.length > 20)
			assert.ok(quantile(took, 0.5) <= 2 * quantile(before, 0.5) + 2e6, `${what}: the median`)
			const own = during.map(([at, d]) => d - this.machine(at, at + d))
			assert.ok(quantile(own, 0.95) <= 2 * quantile(before, 0.95) + SLACK_NS, `${what}: one in twenty`)
			assert.deepEqual(during.filter(([at, d]) => d - this.machine(at, at + d) > worst_ns).map(([, d]) => ms(d)), [], `${what}: the worst`)
		}
	}

	/* Attempts begun after the stop were served, in time; those that had been accepted before are its own. */
	probes(stopped_ns, worst_ns) {
		const p = this.probed
		this.t.diagnostic(`probes: ${p.tried}, served ${p.served}, cut ${p.cut}, hung ${p.hung}, refused ${p.refused}; served p50 ${p.served_us.p50} ` +
			`p99 ${p.served_us.p99} max ${p.served_us.max} us; the machine: echo p99 ${p.echo_us.p99} max ${p.echo_us.max} us`)
		assert.deepEqual(this.prober.faults.filter((f) => f.start_ns > stopped_ns || f.end_ns < stopped_ns), [])
		const late = this.prober.slow.filter((s) => s.start_ns > stopped_ns && s.end_ns - s.start_ns - this.prober.stalled(s.start_ns, s.end_ns) > worst_ns)
		assert.deepEqual(late.map((s) => ms(s.end_ns - s.start_ns)), [])
	}

	async agreed() {
		const api = new Api(this.h.admin_port)
		await until('API and clients to agree', async () => differences(truth(this.fleet), await told(api)).length === 0, 2000)
		assert.deepEqual(await wrong_users(api, this.fleet), [])
		api.close()
	}

	async finish() {
		this.fleet.leave()
		this.api.close()
		await this.python.end()
		await this.h.stop()
		assert.deepEqual(this.h.remains(), [])
	}
}

function samples_of_acks(scene) {
	scene.samples.ack.push(...scene.load.ack_ns)
}

/* Stops the worker between two of its turns or in the middle of one: nobody knows. */
function stop(pid) {
	process.kill(pid, 'SIGSTOP')
	return now_ns()
}

test('a worker that stands still is replaced, and nobody else notices', { timeout: 120000 }, async (t) => {
	const h = await host(t)
	const s = new Scene(t, h, { pad: 0 })
	await s.gather(24, 0, 4)
	await s.start()
	const started_ns = now_ns()
	await s.calm()
	const stopped_ns = stop(s.victim.pid)
	const successor = await until('the watchdog', async () => (await h.look()).processes.find((p) =>
		p.index === s.victim.index && p.role === 'worker' && p.pid !== s.victim.pid && p.state === 'live'), 6000)
	const back_ns = now_ns()
	await sleep(Math.max(500, STOP_MS - (back_ns - stopped_ns) / 1e6))
	const until_ns = now_ns()
	await s.end()
	await s.fleet.quiet()

	s.undisturbed(started_ns, stopped_ns, until_ns, 300e6)
	/* Silent for 200 ms before a neighbour adopts, which looks every 100 ms. */
	s.probes(stopped_ns, 400e6)
	/* The watchdog's act is seen in the log, in the status, in the generation. */
	assert.match(h.log, new RegExp(`watchdog_kill kind=worker slot_watched=${s.victim.slot} pid=${s.victim.pid} silent_ms=2\\d\\d\\d`))
	assert.equal(successor.generation, s.victim.generation + 1)
	assert.equal(successor.watchdog_kills, 1)
	assert.equal(successor.restarts, s.victim.restarts + 1)
	assert.match(successor.last_exit, /KILL/)
	const v = s.ledger.verdict()
	t.diagnostic(`${v.sent} messages, ${v.acked} acked, ${v.arrived} deliveries, ${v.checked} owed: missed ${v.missed}, repeated ${v.repeated + v.again}, ` +
		`disordered ${v.disordered}; the successor was there after ${ms(back_ns - stopped_ns)} ms`)
	assert.deepEqual(v.faults, [])
	assert.equal(v.lost + v.refused, 0)
	/* Its clients, and only they, came back. */
	const ended = s.ledger.sessions.filter((x) => x.ended_ns !== null && x.ended_ns > stopped_ns)
	assert.deepEqual(ended.map((x) => x.member).sort(), s.hit.map((m) => m.name).sort())
	await s.agreed()
	await s.finish()
})

test('a worker that stood still knows what it missed', { timeout: 180000 }, async (t) => {
	/* Small rings and long messages, so that it is overtaken; many buckets, so that no two rooms share one. */
	const h = await host(t, { top: 'watchdog = 60s', shm: 'sessions = 20000  ring_size = 128K' })
	const s = new Scene(t, h, { pad: 1000 })
	await s.gather(24, 16, 3)
	await s.start()
	const started_ns = now_ns()
	await s.calm()
	const stopped_ns = stop(s.victim.pid)
	await sleep(STOP_MS)
	const until_ns = now_ns()
	assert.equal((await h.look()).processes.find((p) => p.pid === s.victim.pid)?.restarts, s.victim.restarts, 'it is still there')
	assert.ok(s.hit.every((m) => m.session !== null), 'nobody left it meanwhile')
	process.kill(s.victim.pid, 'SIGCONT')
	await sleep(1000)
	await s.end()
	await s.fleet.quiet()

	/* A writer waits 200 ms for a reader before it overtakes it: once for each ring. */
	s.undisturbed(started_ns, stopped_ns, until_ns, 500e6)
	s.probes(stopped_ns, 400e6)
	const look = (await h.look()).processes
	const lapped = look.find((p) => p.pid === s.victim.pid).counters.ring_lapped
	/* Those of the three other workers, and the keeper's, in which the prober's coming and going is told. */
	assert.ok(lapped >= 1 && lapped <= 4, `${lapped} rings overtook it`)
	assert.equal(look.reduce((n, p) => n + p.counters.ring_lapped, 0), lapped)
	assert.equal(look.reduce((n, p) => n + p.counters.ring_bad + p.watchdog_kills, 0), 0)
	/* Exactly its members of rooms that were talked in were let go, the reason is said, and the others stayed. */
	const talked = s.hit.filter((m) => s.talkers.includes(m))
	const ended = s.ledger.sessions.filter((x) => x.ended_ns !== null && x.ended_ns > stopped_ns)
	assert.deepEqual(ended.map((x) => x.member).sort(), talked.map((m) => m.name).sort())
	for (const x of ended) await h.logged(`disconnect sid=${x.sid} user=${x.member} reason=lapped`)
	const closed = [...h.log.matchAll(/lapped ring=\d+ bytes=\d+ sessions_closed=(\d+)/g)].reduce((n, m) => n + Number(m[1]), 0)
	assert.ok(closed >= talked.length)
	const v = s.ledger.verdict()
	t.diagnostic(`${v.sent} messages, ${v.acked} acked, ${v.arrived} deliveries, ${v.checked} owed: missed ${v.missed}, repeated ${v.repeated + v.again}, ` +
		`disordered ${v.disordered}; overtaken by ${lapped} rings, ${talked.length} clients let go, ${s.hit.length - talked.length} stayed`)
	assert.deepEqual(v.faults, [])
	assert.equal(v.refused, 0)

	/* Those who stayed still hear everything. */
	const more = new Load(s.ledger, () => ({ room: 'quiet:1' }), { quota: 50 })
	const wrong = []
	await more.by_api(h.admin_port, 'late', (room, n) => n === s.quiets.length || wrong.push(n))
	await s.fleet.quiet()
	assert.deepEqual(wrong, [])
	const late = s.ledger.verdict()
	assert.deepEqual(late.faults, [])
	assert.equal(late.arrived - v.arrived, 50 * s.quiets.length)
	await s.agreed()
	await s.finish()
})

test('a worker that stutters is never silently short', { timeout: 240000 }, async (t) => {
	const h = await host(t, { top: 'watchdog = 60s', shm: 'sessions = 20000  ring_size = 64K' })
	const s = new Scene(t, h, { pad: 3000 })
	await s.gather(24, 0, 3)
	await s.start()
	let lapped = 0
	for (let i = 0; i < (LONG ? 40 : 4); i++) {
		await sleep(200 + Math.random() * 300)
		/* Any of them, at any moment: in its drain, between two rings, asleep. */
		const p = (await h.look()).processes.filter((x) => x.role === 'worker')[i % 4]
		stop(p.pid)
		await sleep(250 + Math.random() * 500)
		process.kill(p.pid, 'SIGCONT')
	}
	await sleep(500)
	await s.end()
	await s.fleet.quiet()
	const look = (await h.look()).processes
	lapped = look.reduce((n, p) => n + p.counters.ring_lapped, 0)
	const v = s.ledger.verdict()
	t.diagnostic(`${v.sent} messages, ${v.acked} acked, ${v.lost} without answer, ${v.arrived} deliveries, ${v.checked} owed: missed ${v.missed}, ` +
		`repeated ${v.repeated + v.again}, disordered ${v.disordered}; rings overtook ${lapped} times, ` +
		`${s.ledger.sessions.filter((x) => x.ended_ns !== null).length} connections ended`)
	assert.deepEqual(v.faults, [])
	assert.ok(lapped > 0, 'nobody was overtaken')
	assert.equal(look.reduce((n, p) => n + p.counters.ring_bad + p.watchdog_kills, 0), 0)
	await s.agreed()
	await s.finish()
})
