/* client_order.mjs - acks and refusals come behind what the same client published before, also when the ring is full. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import parser from 'socket.io-msgpack-parser'
import { connect, connect_each, inbox, worker_of } from './clients.mjs'
import { metric } from './prometheus.mjs'
import { resume, server, sleep, until } from './server.mjs'
import { open_socket } from './wire.mjs'

const CONF = `
room "r" { join = any }
event "say" { emit = said  to = all  ack = '{"n": {n}}'  also { if = twice  emit = said  to = self } }
event "quiet" { ack = '{"n": {n}}' }
event "no" { check { if = ok  error = "no" } }
`
const ANYBODY = 'auth { anonymous = yes }'
const KINDS = { websocket: {}, polling: { transports: ['polling'] }, upgraded: { transports: ['polling', 'websocket'] }, msgpack: { parser } }

/* What A hears while it sends N events: "said N" and "ack N", in order. */
function talk(a, n, { pad = '' } = {}) {
	const heard = []
	a.on('said', ({ n: i }) => heard.push(`said ${i}`))
	for (let i = 0; i < n; i++) {
		a.emit('say', { n: i, pad }, () => heard.push(`ack ${i}`))
		a.emit('no', (answer) => heard.push(`${answer.error} ${i}`))
		a.emit('quiet', { n: i }, () => heard.push(`quiet ${i}`))
	}
	return heard
}

/* Every event before its ack, and acks in the order of their questions. */
function in_order(heard, n) {
	const at = new Map(heard.map((what, i) => [what, i]))
	assert.equal(at.size, 4 * n)
	for (let i = 0; i < n; i++) assert.ok(at.get(`said ${i}`) < at.get(`ack ${i}`), `${i}: ${heard}`)
	const acks = heard.filter((what) => !what.startsWith('said'))
	assert.deepEqual(acks, Array.from({ length: n }, (_, i) => [`ack ${i}`, `no ${i}`, `quiet ${i}`]).flat())
}

for (const [what, options] of Object.entries(KINDS)) {
	test(`an idle server, ${what}`, async (t) => {
		const s = await server(t, { workers: 2, conf: CONF, auth: ANYBODY })
		const a = await connect(t, s, options)
		const heard = talk(a, 100)
		await until('all', () => heard.length === 400)
		in_order(heard, 100)
	})
}

test('what was published to oneself alone counts, and each of two events of one rule', async (t) => {
	const s = await server(t, { workers: 1, conf: CONF, auth: ANYBODY })
	const wire = await open_socket(t, s.port)
	wire.send('421["say",{"n":1,"twice":true}]')
	assert.equal(await wire.text(), '42["said",{"n":1,"twice":true}]')
	assert.equal(await wire.text(), '42["said",{"n":1,"twice":true}]')
	assert.equal(await wire.text(), '431[{"n":1}]')
})

describe('a worker that stands still, and the rings are full', () => {
	for (const [what, options] of Object.entries(KINDS)) {
		test(what, async (t) => {
			const s = await server(t, { workers: 2, conf: `${CONF}\nwatchdog = 60s\nmax_backlog = 16M`, auth: ANYBODY })
			const [stopped, a] = await connect_each(t, s, 2, () => options)
			inbox(stopped, 'said')
			const pid = s.worker(0).pid
			process.kill(pid, 'SIGSTOP')
			t.after(() => resume(pid))
			const heard = talk(a, 30, { pad: 'x'.repeat(100000) }) /* three rings full */
			let waited = 0
			for (let i = 0; i < 20 && waited === 0; i++) {
				await sleep(10) /* what is to be sent goes out */
				waited = s.worker(1).counters.overflow_bytes
			}
			assert.ok(waited > 0, 'nothing waited in the overflow')
			await until('all', () => heard.length === 120)
			in_order(heard, 30)
			assert.equal(await metric(s, 'refused_total', { reason: 'ring_full' }).catch(() => 0), 0)
		})
	}
})

test('a client that closes hears what waits for it', async (t) => {
	const s = await server(t, { workers: 2, conf: `${CONF}\nwatchdog = 60s`, auth: ANYBODY })
	let wire
	do wire = await open_socket(t, s.port)
	while ((await worker_of(s, { id: wire.sid })) !== 1)
	const pid = s.worker(0).pid
	process.kill(pid, 'SIGSTOP')
	t.after(() => resume(pid))
	for (let i = 0; i < 15; i++) wire.send(`42${i}["say",{"n":${i},"pad":"${'x'.repeat(100000)}"}]`)
	wire.send('4299["quiet",{"n":99}]').send('41')
	const heard = []
	while (heard.at(-1) !== '4399[{"n":99}]') heard.push((await wire.text()).slice(0, 14))
	assert.ok(heard.filter((h) => h.startsWith('43')).length >= 16)
})
