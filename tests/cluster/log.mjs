/*
 * log.mjs - the delivery logs of a live segment say what each worker delivered, and in which order: what its clients
 * got is exactly that.
 *
 * Workers are killed meanwhile.  A turn is logged before it is flushed, so what a client of a killed worker got is the
 * beginning of what the log has for it; whoever is still connected got all of it.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { LONG, host, sleep, tool, until } from './host.mjs'
import { EVERYBODY, Ledger } from './ledger.mjs'
import { Fleet, node } from './members.mjs'
import { Python } from './python.mjs'
import { Load } from './senders.mjs'

const CLIENTS = 32
const ROOMS = 5
const SENDERS = 8
const MESSAGES = LONG ? 10000 : 1500
const KILLS = LONG ? 8 : 2

function plan(i) {
	if (i % 20 === 19) return { event: 'shout', room: EVERYBODY }
	return { event: i % 6 === 5 ? 'tell' : 'post', room: `chat:${(i * 3) % ROOMS}` }
}

/* Lives of slots: "slot/generation" -> broadcasts in order, {rooms, except, from, seq}. */
async function read_logs(segment) {
	const { stdout } = await promisify(execFile)(tool('read_log'), [segment], { maxBuffer: 1 << 29 })
	const lives = new Map()
	const now = new Map()
	let turns = 0
	for (const line of stdout.split('\n')) {
		if (line === '') continue
		const e = JSON.parse(line)
		assert.equal(e.gap, undefined, 'nobody was overtaken')
		if (e.gen !== undefined) now.set(e.slot, []), lives.set(`${e.slot}/${e.gen}`, now.get(e.slot))
		if (e.turn !== undefined) turns++
		if (e.packet === undefined) continue
		const [event, m] = JSON.parse(e.packet.slice(2))
		assert.equal(event, 'post')
		now.get(e.slot).push({ rooms: e.rooms, except: e.except, from: m.from, seq: m.seq })
	}
	return { lives, turns }
}

/* What a session owes to a life's log, as "from/seq". */
function owed(life, session) {
	return life.filter((r) => !r.except.includes(session.sid) && (r.rooms.length === 0 || r.rooms.some((x) => session.rooms.has(x))))
		.map((r) => `${r.from}/${r.seq}`)
}

/* What it got since it was in all its rooms. */
function received(session) {
	const list = []
	for (let i = session.before; i < session.got.length; i += 2) list.push(`${session.got[i]}/${session.got[i + 1]}`)
	return list
}

test('what was delivered is what the logs say, in that order', { timeout: 240000 }, async (t) => {
	const h = await host(t, { shm: 'sessions = 2000  ring_size = 16M' })
	const ledger = new Ledger()
	const fleet = new Fleet(h, ledger)
	t.after(() => fleet.leave())
	const python = new Python()
	t.after(() => python.process.kill('SIGKILL'))
	for (let i = 0; i < CLIENTS; i++) fleet.add(i % 8 === 7 ? python : node, `m${i}`, [i % ROOMS, (i + 2) % ROOMS])
	await fleet.connect()
	let killing = true
	const load = new Load(ledger, plan, { gap_ms: LONG ? 3 : 6, stop: () => !killing && load.answered >= MESSAGES })
	const jobs = fleet.members.slice(0, SENDERS).map((m) => load.by_member(fleet, m))
	jobs.push(load.by_api(h.admin_port, 'api', () => {}))
	for (let i = 0; i < KILLS; i++) {
		await sleep(300 + Math.random() * 400)
		const victim = (await h.look()).processes.find((p) => p.role === 'worker' && p.index === (i * 3) % 4)
		await h.kill(victim.pid)
		await until('a successor', async () => (await h.look()).processes.every((p) => p.state === 'live'))
	}
	killing = false
	await Promise.all(jobs)
	await fleet.quiet()

	const status = await h.look()
	const { lives, turns } = await read_logs(status.segment.name)
	assert.equal(lives.size, 4 + KILLS, 'a life for each start')
	let whole = 0, begun = 0, messages = 0
	const wrong = []
	for (const s of ledger.sessions) {
		const raw = Buffer.from(s.sid, 'base64url')
		const life = lives.get(`${raw[0]}/${raw.readUInt16BE(1)}`)
		assert.ok(life, `${s.member} was served by a life without a log`)
		const log = owed(life, s), got = received(s)
		messages += got.length
		if (s.ended_ns === null) whole++
		else begun++
		if (got.length === 0) continue
		/* It was not there from the beginning: the log goes on from its first message. */
		const start = log.indexOf(got[0])
		const at = got.findIndex((x, i) => x !== log[start + i])
		if (start < 0) wrong.push(`${s.member} got ${got[0]}, which its worker's log does not have`)
		else if (at >= 0) wrong.push(`${s.member} got ${got.slice(at, at + 4)}, the log has ${log.slice(start + at, start + at + 4)}`)
		else if (s.ended_ns === null && start + got.length < log.length) wrong.push(`${s.member} got ${got.length}, the log has ${log.length - start}`)
	}
	assert.deepEqual(wrong.slice(0, 5), [])
	assert.equal(whole, CLIENTS)
	assert.ok(begun > 0)
	const v = ledger.verdict()
	assert.deepEqual(v.faults, [])
	t.diagnostic(`${v.sent} messages, ${messages} deliveries in ${turns} logged turns of ${lives.size} lives: ${whole} connections got all that the logs have, ` +
		`${begun} of killed workers its beginning, in that order`)
	fleet.leave()
	await python.end()
	await h.stop()
	assert.deepEqual(h.remains(), [])
})
