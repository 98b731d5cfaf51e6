/*
 * unread.mjs - a firehose, and somebody who does not read: memory stays within what the conf allows.
 *
 *  - Clients that never read are let go when their backlog passes `max_backlog`; the others get everything.
 *  - While a worker stutters, the writers' overflow stays below `overflow`: first they stop reading their clients, then
 *    they refuse.  What was answered arrives, what was refused does not.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import { test } from 'node:test'
import { Api } from './api.mjs'
import { LONG, host, now_ns, sleep, token, until } from './host.mjs'
import { Ledger } from './ledger.mjs'
import { Fleet, node } from './members.mjs'
import { Load } from './senders.mjs'

const MIB = 1 << 20

/* A text frame with a mask of zeros. */
function frame(text) {
	const data = Buffer.from(text)
	const head = data.length < 126 ? Buffer.from([0x81, 0x80 | data.length, 0, 0, 0, 0]) : Buffer.from([0x81, 0xfe, data.length >> 8, data.length & 255, 0, 0, 0, 0])
	return Buffer.concat([head, data])
}

/* A client that joins chat:0, and from then on leaves unread what comes.  Resolves when it has joined. */
function deaf(port, name) {
	return new Promise((resolve, reject) => {
		const s = net.connect(port, '127.0.0.1')
		let text = ''
		const step = [
			[/^0\{|[^0-9]0\{/, () => s.write(frame(`40${JSON.stringify({ token: token(name) })}`))],
			[/40\{"sid"/, () => s.write(frame('420["subscribe",{"room":"chat","id":"0"}]'))],
			[/430\[\{"success":true/, () => {
				s.pause()
				s.removeAllListeners('data')
				resolve(s)
			}]
		]
		s.on('error', reject)
		s.on('data', (d) => {
			text += d.toString('latin1')
			while (step.length > 0 && step[0][0].test(text)) step.shift()[1]()
		})
		s.write('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
			'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')
	})
}

/* Memory of its own that a process has, in bytes: without the segment and the store. */
function anonymous(pid) {
	return Number(fs.readFileSync(`/proc/${pid}/status`, 'latin1').match(/^RssAnon:\s+(\d+) kB/m)[1]) * 1024
}

/* Peaks of memory and of two gauges, looked at all the time. */
class Gauge {
	constructor(h, pids) {
		Object.assign(this, { h, pids, over: false, overflow: 0, backlog: 0, looks: 0 })
		this.first = Math.max(...pids.map(anonymous))
		this.peak = 0
		this.ended = Promise.all([this.#memory(), this.#counters()])
	}

	async #memory() {
		while (!this.over) {
			this.peak = Math.max(this.peak, ...this.pids.map(anonymous))
			await sleep(10)
		}
	}

	async #counters() {
		while (!this.over) {
			for (const p of (await this.h.look()).processes) {
				if (p.role !== 'worker') continue
				this.overflow = Math.max(this.overflow, p.counters.overflow_bytes)
				this.backlog = Math.max(this.backlog, p.counters.backlog_bytes)
			}
			this.looks++
			await sleep(20)
		}
	}

	async end() {
		this.over = true
		await this.ended
	}

	get grown() {
		return this.peak - this.first
	}
}

test('clients that do not read are let go, and cost no more than their backlog', { timeout: 180000 }, async (t) => {
	const DEAF = 24, CAP = MIB / 2
	const MESSAGES = LONG ? 4000 : 1500, PAD = 16000
	const h = await host(t, { top: 'max_backlog = 512K' })
	const ledger = new Ledger()
	const fleet = new Fleet(h, ledger)
	t.after(() => fleet.leave())
	for (let i = 0; i < 4; i++) fleet.add(node, `m${i}`, [0])
	await fleet.connect()
	const mute = await Promise.all(Array.from({ length: DEAF }, (_, i) => deaf(h.port, `deaf${i}`)))
	t.after(() => mute.forEach((s) => s.destroy()))
	const workers = (await h.look()).processes.filter((p) => p.role === 'worker')
	const gauge = new Gauge(h, workers.map((p) => p.pid))
	const load = new Load(ledger, () => ({ event: 'post', room: 'chat:0' }), { quota: MESSAGES, pad: PAD, window: 2 })
	await Promise.all([load.by_member(fleet, fleet.members[0]), load.by_api(h.admin_port, 'api', () => {})])
	await fleet.quiet()
	await until('the slow to be let go', async () => (await h.look()).processes.reduce((n, p) => n + p.counters.sockets, 0) === 4, 5000)
	await gauge.end()

	const api = new Api(h.admin_port)
	const metrics = await api.get('/metrics')
	const slow = [...metrics.matchAll(/^forkcast_disconnects_total\{([^}]*)\} (\d+)/gm)].filter((m) => /reason="slow client"/.test(m[1])).reduce((n, m) => n + Number(m[2]), 0)
	assert.equal(slow, DEAF)
	const v = ledger.verdict()
	t.diagnostic(`${(v.sent * PAD / MIB).toFixed(0)} MiB sent to ${DEAF} clients that do not read: all let go; a worker grew by ${(gauge.grown / MIB).toFixed(1)} MiB, ` +
		`backlogs of a worker at most ${(gauge.backlog / 1024).toFixed(0)} KiB; ${v.arrived} deliveries to the others, missed ${v.missed}`)
	assert.deepEqual(v.faults, [])
	assert.equal(v.lost + v.refused, 0)
	assert.equal(fleet.members.reduce((n, m) => n + m.tries, 0), 4, 'who reads stayed')
	assert.ok(gauge.backlog > 0 && gauge.backlog <= DEAF * CAP)
	/* Backlogs of all of them, in buffers that double, and what a turn builds. */
	assert.ok(gauge.grown <= 2 * DEAF * CAP + 24 * MIB, `a worker grew by ${gauge.grown} bytes`)
	assert.deepEqual((await api.list('/v1/sockets')).map((s) => s.user.id).sort(), ['m0', 'm1', 'm2', 'm3'])
	api.close()
	fleet.leave()
	await h.stop()
})

test('the overflow holds while a worker stutters', { timeout: 180000 }, async (t) => {
	const CAP = MIB, SECONDS = LONG ? 20 : 4
	const h = await host(t, { top: 'watchdog = 60s\nmax_backlog = 64M', shm: 'sessions = 2000  ring_size = 256K  overflow = 1M' })
	const ledger = new Ledger()
	const fleet = new Fleet(h, ledger)
	t.after(() => fleet.leave())
	for (let i = 0; i < 10; i++) fleet.add(node, `m${i}`, [i % 2])
	await fleet.connect()
	const workers = (await h.look()).processes.filter((p) => p.role === 'worker')
	const victim = workers[2]
	await fleet.shuffle(fleet.members, () => fleet.members.some((m) => m.slot === victim.slot) && fleet.members.filter((m) => m.slot !== victim.slot).length >= 6)
	const gauge = new Gauge(h, workers.map((p) => p.pid))
	let running = true
	const load = new Load(ledger, (i) => ({ event: 'post', room: `chat:${i % 2}` }), { pad: 12000, window: 300, stop: () => !running })
	const jobs = Array.from({ length: 12 }, (_, i) => load.by_api(h.admin_port, `api${i}`, () => {}))
	jobs.push(...fleet.members.filter((m) => m.slot !== victim.slot).slice(0, 4).map((m) => load.by_member(fleet, m)))
	/*
	 * It moves a little before it would count as stuck, and so is waited for until it has been behind for a second.  On a
	 * busy machine the load is less, and looks are few: it goes on until one has seen the overflow.
	 */
	const end_ns = now_ns() + SECONDS * 1e9
	while (now_ns() < end_ns || (gauge.overflow <= CAP / 4 && now_ns() < end_ns + 30e9)) {
		process.kill(victim.pid, 'SIGSTOP')
		await sleep(150)
		process.kill(victim.pid, 'SIGCONT')
		await sleep(2)
	}
	running = false
	await Promise.all(jobs)
	await fleet.quiet()
	await gauge.end()

	const look = (await h.look()).processes
	const v = ledger.verdict()
	t.diagnostic(`${v.sent} messages of 12 KB, ${v.acked} acked, ${v.refused} refused, ${v.lost} without answer, ${v.arrived} deliveries: missed ${v.missed}, ` +
		`repeated ${v.repeated + v.again}, disordered ${v.disordered}; overflow at most ${(gauge.overflow / 1024).toFixed(0)} KiB of 1024 in ${gauge.looks} looks, ` +
		`a worker grew by ${(gauge.grown / MIB).toFixed(1)} MiB, rings overtook ${look.reduce((n, p) => n + p.counters.ring_lapped, 0)} times`)
	assert.deepEqual(v.faults, [])
	assert.ok(gauge.overflow > CAP / 4, 'the overflow was used')
	assert.ok(gauge.overflow <= 2 * CAP, 'broadcasts and operations have a megabyte each')
	assert.ok(gauge.grown <= 64 * MIB, `a worker grew by ${gauge.grown} bytes`)
	assert.equal(look.reduce((n, p) => n + p.counters.ring_bad + p.watchdog_kills, 0), 0)
	fleet.leave()
	await h.stop()
})
