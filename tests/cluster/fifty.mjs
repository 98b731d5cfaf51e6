/*
 * fifty.mjs - 50 clients, socket.io-client and python-socketio, on four workers; ten of them send.  Each member of a
 * room gets each message exactly once and in its sender's order; the same when a backend publishes over HTTP.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Api } from './api.mjs'
import { LONG, host, until } from './host.mjs'
import { EVERYBODY, Ledger } from './ledger.mjs'
import { Fleet, node } from './members.mjs'
import { Python } from './python.mjs'
import { Load } from './senders.mjs'

const CLIENTS = 50
const PYTHONS = 12
const SENDERS = 10
const ROOMS = 6
const MESSAGES = LONG ? 10000 : 2000
const EACH = 6 /* clients that every worker has at least */

/* Mostly to a room, now and then to a room without oneself, or to everybody. */
function plan(salt) {
	return (i) => {
		if (i % 20 === 19) return { event: 'shout', room: EVERYBODY }
		return { event: i % 7 === 6 ? 'tell' : 'post', room: `chat:${(i * 5 + salt) % ROOMS}` }
	}
}

/* Which worker has how many of our clients, as the API tells. */
async function spread(api, fleet) {
	const where = new Map((await api.list('/v1/sockets')).map((s) => [s.id, s.worker]))
	const workers = [[], [], [], []]
	for (const m of fleet.members) workers[where.get(m.session.sid)].push(m)
	return workers
}

/* Clients of the fullest worker come again until every worker has enough: the kernel throws the dice. */
async function use_all_workers(api, fleet) {
	for (let tries = 0; ; tries++) {
		const workers = await spread(api, fleet)
		if (Math.min(...workers.map((w) => w.length)) >= EACH) return workers.map((w) => w.length)
		assert.ok(tries < 300, `no use of all workers: ${workers.map((w) => w.length)}`)
		const full = workers.reduce((a, b) => (b.length > a.length ? b : a))
		const one = full[Math.floor(Math.random() * full.length)]
		const before = one.session
		one.drop()
		await until('a client to be back', () => one.joined && one.session !== before)
	}
}

function judge(t, ledger, load, h, counters, what) {
	const v = ledger.verdict()
	assert.deepEqual(v.faults, [])
	assert.equal(v.acked, v.sent)
	assert.ok(load.answered >= MESSAGES)
	t.diagnostic(`${what}: ${v.acked} messages acked, ${v.arrived} deliveries, lost 0, repeated 0, disordered 0`)
	/* Every delivery was owed: the counters of the workers say the same. */
	assert.equal(counters.published, v.sent, 'records published')
	assert.equal(counters.deliveries, v.arrived, 'deliveries counted')
}

test('each member gets each message once, in its sender\'s order', { timeout: 300000 }, async (t) => {
	const h = await host(t)
	const python = new Python()
	t.after(() => python.process.kill('SIGKILL'))
	const api = new Api(h.admin_port)
	const ledger = new Ledger()
	const fleet = new Fleet(h, ledger)
	t.after(() => fleet.leave())
	for (let i = 0; i < CLIENTS; i++) {
		const rooms = [i % ROOMS, (i + 1 + Math.floor(i / ROOMS)) % ROOMS].filter((r, k, all) => all.indexOf(r) === k)
		fleet.add(i % 4 === 3 && i < 4 * PYTHONS ? python : node, `m${i}`, rooms)
	}
	await fleet.connect()
	t.diagnostic(`clients on the workers: ${await use_all_workers(api, fleet)}, ${PYTHONS} of them python-socketio`)

	const before = { published: await h.counted('published'), deliveries: await h.counted('deliveries') }
	const since = async () => ({
		published: (await h.counted('published')) - before.published,
		deliveries: (await h.counted('deliveries')) - before.deliveries
	})
	/* Senders are on all workers, and of both kinds: 3, 8, 13 ... are among them. */
	const senders = fleet.members.filter((_, i) => i % 5 === 3).slice(0, SENDERS)
	assert.equal(senders.length, SENDERS)
	assert.ok(senders.some((m) => m.kind === python) && senders.some((m) => m.kind === node))
	const load = new Load(ledger, plan(1), { quota: MESSAGES })
	await Promise.all(senders.map((m) => load.by_member(fleet, m)))
	await fleet.quiet()
	judge(t, ledger, load, h, await since(), 'clients')

	/* The same over HTTP.  What the answer counts is the room, or everybody. */
	const size = new Map([[EVERYBODY, CLIENTS]])
	for (const m of fleet.members) for (const r of m.rooms) size.set(r, (size.get(r) ?? 0) + 1)
	const wrong = []
	const http = new Load(ledger, plan(2), { quota: MESSAGES })
	await Promise.all(Array.from({ length: SENDERS }, (_, i) =>
		http.by_api(h.admin_port, `api${i}`, (room, n) => n === size.get(room) || wrong.push(`${room}: ${n}`))))
	await fleet.quiet()
	assert.deepEqual(wrong, [])
	judge(t, ledger, http, h, await since(), 'clients and API')
	assert.equal(await h.counted('sweep_catches'), 0, 'records that no doorbell told of')
	assert.equal(await h.counted('ring_lapped') + await h.counted('ring_bad'), 0)

	assert.deepEqual(fleet.members.flatMap((m) => m.failed), [], 'connections that failed')
	assert.equal(ledger.sessions.filter((s) => s.ended_ns === null).length, CLIENTS)
	fleet.leave()
	api.close()
	await python.end()
	await h.stop()
	assert.deepEqual(h.remains(), [])
})
