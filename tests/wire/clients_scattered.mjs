/*
 * clients_scattered.mjs - socket.io-client on each transport, every request at a worker of the kernel's choice: each
 * message to a room arrives exactly once and in its sender's order.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EVERYBODY, Ledger } from '../cluster/ledger.mjs'
import { Load } from '../cluster/senders.mjs'
import { until } from '../e2e/server.mjs'
import { KINDS, client, crowd } from './crowd.mjs'
import { TARGET } from './target.mjs'

const EACH = 8
const ROOMS = 3
const MESSAGES = 500

function plan(i) {
	if (i % 20 === 19) return { event: 'shout', room: EVERYBODY }
	return { event: i % 7 === 6 ? 'tell' : 'post', room: `chat:${(i * 5) % ROOMS}` }
}

test('24 clients on three transports', { timeout: 120000 }, async (t) => {
	const ledger = new Ledger()
	const { host, proxy, fleet } = await crowd(t, ledger)
	for (let i = 0; i < EACH; i++) {
		for (const [name, transports] of Object.entries(KINDS)) fleet.add(client(transports), `${name}${i}`, [i % ROOMS, (i + 1) % ROOMS])
	}
	await fleet.connect()
	const before = TARGET === 'reference' ? {} : { published: await host.counted('published'), deliveries: await host.counted('deliveries') }
	const load = new Load(ledger, plan, { quota: MESSAGES, gap_ms: 5 })
	/* Two of each transport send. */
	await Promise.all(fleet.members.slice(0, 6).map((m) => load.by_member(fleet, m)))
	await fleet.quiet()
	const v = ledger.verdict()
	assert.deepEqual(v.faults, [])
	assert.equal(v.acked, v.sent)
	assert.ok(v.acked >= MESSAGES)
	assert.deepEqual(fleet.members.flatMap((m) => m.failed), [])
	assert.equal(ledger.sessions.length, fleet.members.length, 'nobody lost a connection')
	for (const m of fleet.members) {
		const expected = m.kind.transports.at(-1)
		await until(`${m.name} on ${expected}`, () => m.line.engine().transport.name === expected)
	}
	t.diagnostic(`${v.acked} messages acked, ${v.arrived} deliveries, ${proxy.made} connections made by the proxy`)
	if (TARGET === 'reference') return
	assert.equal((await host.counted('published')) - before.published, v.sent)
	assert.equal((await host.counted('deliveries')) - before.deliveries, v.arrived)
	const over = await host.counted('handover')
	t.diagnostic(`${over} requests were handed over`)
	assert.ok(over > proxy.made / 4, 'requests that came to the wrong worker')
})
