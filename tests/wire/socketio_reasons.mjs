/* socketio_reasons.mjs - why a client is gone: the server tells its application the same reasons as the reference. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sleep, until } from '../e2e/server.mjs'
import { metrics } from '../e2e/prometheus.mjs'
import { frame } from '../e2e/wire.mjs'
import { open_polling } from './poller.mjs'
import { open_joined } from './sockets.mjs'
import { PATIENT, ours, started } from './target.mjs'

let s
let fast
before(async () => ([s, fast] = await Promise.all([started(PATIENT), started()])))
after(() => Promise.all([s.stop(), fast.stop()]))

/* Does FN and asserts that exactly one connection, or namespace, ended, and for REASON. */
async function ends(server, reason, fn) {
	const was = await server.ask('reasons')
	await fn()
	let now
	const sum = (all) => Object.values(all).reduce((a, b) => a + b, 0)
	await until('somebody to be gone', async () => sum((now = await server.ask('reasons'))) > sum(was), 3000)
	assert.deepEqual(now, { ...was, [reason]: (was[reason] ?? 0) + 1 })
}

describe('polling', () => {
	const rows = {
		'a close packet': ['transport close', (p) => p.push('1')],
		'a poll given up': ['transport error', async (p) => {
			const pending = await p.start()
			await sleep(30)
			pending.socket.destroy()
		}],
		'a post given up': ['transport error', async (p) => {
			const post = await p.start('POST', { fields: { 'Content-Length': '100' } })
			post.write('4half')
			await sleep(30)
			post.socket.destroy()
		}],
		'two polls': ['transport error', async (p) => {
			await p.start()
			await sleep(30)
			await p.get()
		}],
		'bytes': ['transport error', (p) => p.post('4a', { fields: { 'Content-Type': 'application/octet-stream' } })],
		'a ping': ['transport error', (p) => p.push('2')],
		'no packet': ['parse error', (p) => p.post('abc')],
		'leaving': ['client namespace disconnect', (p) => p.push('41')],
		'sent away': ['server namespace disconnect', (p) => s.ask('disconnect', p.id, false)],
		'sent away, and closed': ['server namespace disconnect', (p) => s.ask('disconnect', p.id, true)]
	}
	for (const [what, [reason, way]] of Object.entries(rows)) {
		test(`${what}: ${reason}`, async (t) => {
			const p = await open_polling(t, s.port)
			await ends(s, reason, () => way(p))
		})
	}

	test('no pong: ping timeout', async (t) => {
		const p = await open_polling(t, fast.port)
		await ends(fast, 'ping timeout', () => p.poll())
	})
})

describe('WebSocket', () => {
	const rows = {
		'a close': ['transport close', async (wire) => {
			wire.write(frame(Buffer.from([3, 232]), { opcode: 8 }))
			assert.equal(await wire.closed(), 1000)
			wire.socket.end()
		}],
		'an end': ['transport close', (wire) => wire.socket.end()],
		'a reset': ['transport close', (wire) => wire.socket.resetAndDestroy()],
		'no frame': ['transport error', (wire) => wire.send('x', { rsv: 4 })],
		'not UTF-8': ['transport error', (wire) => wire.write(frame(Buffer.from([0x34, 0xff]), { opcode: 1 }))],
		'a ping packet': ['transport error', (wire) => wire.send('2')],
		'no packet': ['parse error', (wire) => wire.send('abc')],
		'an event that is none': ['forced close', (wire) => wire.send('42[]')],
		'a second CONNECT': ['forced close', (wire) => wire.send('40')],
		'leaving': ['client namespace disconnect', (wire) => wire.send('41')],
		'sent away': ['server namespace disconnect', (wire) => s.ask('disconnect', wire.id, false)],
		'sent away, and closed': ['server namespace disconnect', (wire) => s.ask('disconnect', wire.id, true)]
	}
	for (const [what, [reason, way]] of Object.entries(rows)) {
		test(`${what}: ${reason}`, async (t) => {
			const wire = await open_joined(t, s.port)
			await ends(s, reason, () => way(wire))
		})
	}

	test('no pong: ping timeout', async (t) => {
		const wire = await open_joined(t, fast.port)
		await ends(fast, 'ping timeout', () => wire.text())
	})
})

ours('it has none', 'the metrics of a server with namespaces can be read', async () => {
	assert.ok((await metrics(s)).has('forkcast_events_in_total'))
})
