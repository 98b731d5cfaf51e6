/*
 * clients_kills.mjs - workers are killed while clients on each transport send, every request at a worker of the kernel's
 * choice.  Connections of the killed worker end and come back; the others lose nothing.
 */
import assert from 'node:assert/strict'
import { Ledger } from '../cluster/ledger.mjs'
import { Load } from '../cluster/senders.mjs'
import { sleep, until } from '../e2e/server.mjs'
import { KINDS, client, crowd } from './crowd.mjs'
import { ours } from './target.mjs'

const EACH = 8
const ROOMS = 3
const KILLS = 4
const GRACE_NS = 2e9 /* in which a killed worker's sessions are told that they are unknown */

const slot_of = (sid) => Buffer.from(sid, 'base64url')[0]

async function massacre(h, deaths) {
	for (let i = 0; i < KILLS; i++) {
		await sleep(500 + Math.random() * 500)
		const able = (await h.look()).processes.filter((p) => p.role === 'worker' && p.state === 'live')
		const victim = able[Math.floor(Math.random() * able.length)]
		deaths.push({ slot: victim.slot, ...(await h.kill(victim.pid)) })
		await until('a successor', async () => (await h.look()).processes.some((p) =>
			p.role === 'worker' && p.index === victim.index && p.pid !== victim.pid && p.state === 'live'))
	}
}

ours('there is one process', 'workers are killed under 24 clients', { timeout: 120000 }, async (t) => {
	const ledger = new Ledger()
	const { host, fleet } = await crowd(t, ledger)
	const why = new Map()
	fleet.on_end.push((member, session, reason) => {
		const text = session ? reason : `not connected: ${reason}`
		why.set(text, (why.get(text) ?? 0) + 1)
	})
	for (let i = 0; i < EACH; i++) {
		for (const [name, transports] of Object.entries(KINDS)) fleet.add(client(transports), `${name}${i}`, [i % ROOMS, (i + 1) % ROOMS])
	}
	await fleet.connect()
	let over = false
	const load = new Load(ledger, (i) => ({ event: i % 7 === 6 ? 'tell' : 'post', room: `chat:${(i * 5) % ROOMS}` }), { stop: () => over, gap_ms: 20 })
	const sending = Promise.all(fleet.members.slice(0, 6).map((m) => load.by_member(fleet, m)))
	const deaths = []
	await massacre(host, deaths)
	await sleep(500)
	over = true
	await sending
	await fleet.quiet()
	const v = ledger.verdict()
	assert.deepEqual(v.faults, [])
	for (const [text, n] of why) t.diagnostic(`${n} times ${text}`)
	t.diagnostic(`${v.acked} messages acked, ${v.lost} without an answer, ${v.arrived} deliveries, ${ledger.sessions.length - fleet.members.length} sessions ended`)
	/*
	 * Who is not of the killed worker loses its session only if the killed worker had just taken a request of it from the
	 * kernel and not yet handed it over: few, and nobody on a WebSocket.
	 */
	const ended = ledger.sessions.filter((s) => s.ended_ns !== null)
	const innocent = ended.filter((s) => !deaths.some((d) => d.slot === slot_of(s.sid) && s.ended_ns > d.at_ns && s.ended_ns < d.gone_ns + GRACE_NS))
	assert.deepEqual(innocent.filter((s) => s.member.startsWith('websocket')), [])
	assert.ok(innocent.length <= KILLS, `${innocent.length} sessions of other workers ended: ${innocent.map((s) => s.member)}`)
	assert.ok(ended.length > innocent.length, 'somebody was hit')
})
