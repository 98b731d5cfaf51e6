/* client_heartbeat.mjs - who is alive: pings, pongs, and the time a client has for its first namespace. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, next, token } from './clients.mjs'
import { disconnected } from './prometheus.mjs'
import { budget, sleep, started } from './server.mjs'
import { open_engine, open_socket } from './wire.mjs'

const now = () => Number(process.hrtime.bigint()) / 1e6
const auth = { token: token({ sub: 'ada' }) }

describe('heartbeats', () => {
	let s
	before(async () => {
		s = await started({
			workers: 1,
			conf: 'engine { ping_interval = 150ms  ping_timeout = 250ms  connect_timeout = 500ms }'
		})
	})
	after(() => s.destroy())

	test('the open packet tells the intervals', async (t) => {
		const { open } = await open_engine(t, s.port)
		assert.deepEqual(open, { sid: open.sid, upgrades: [], pingInterval: 150, pingTimeout: 250, maxPayload: 1000000 })
		assert.match(open.sid, /^[A-Za-z0-9_-]{20}$/)
	})

	test('a ping comes an interval after the open packet and after each pong', async (t) => {
		/* From before what begins the time: whoever hears of it late must not count too little. */
		let since = now()
		const wire = await open_socket(t, s.port, { auth })
		for (let i = 0; i < 4; i++) {
			assert.equal(await wire.text(), '2')
			assert.ok(now() - since > 100, `ping ${i} after ${now() - since} ms`)
			since = now()
			wire.send('3')
		}
	})

	test('who does not answer is closed in time, without a code', async (t) => {
		const since = now()
		const wire = await open_socket(t, s.port, { auth })
		await disconnected(s, 'ping timeout', async () => {
			assert.equal(await wire.text(), '2')
			assert.equal(await wire.closed(), 0)
			assert.ok(now() - since > 350 && now() - since < budget(2000), `after ${now() - since} ms`)
		})
		assert.equal((await api(s, 'GET', `/v1/sockets/${wire.sid}`)).status, 404)
	})

	test('socket.io-client lives through many of them', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		let pings = 0
		let gone
		a.io.on('ping', () => pings++)
		a.on('disconnect', (reason) => (gone = reason))
		await sleep(1200)
		assert.equal(gone, undefined)
		assert.ok(pings >= 3, `${pings} pings`)
		assert.equal(await a.emitWithAck('ping'), 'pong')
	})

	test('who joins no namespace in time is closed', async (t) => {
		await disconnected(s, 'connect timeout', async () => {
			const since = now()
			const wire = await open_engine(t, s.port)
			assert.equal(await wire.text(), '2')
			wire.send('3')
			let f
			while ((f = await wire.frame()).opcode === 1) wire.send('3')
			assert.equal(f.opcode, 8)
			assert.equal(f.payload.length, 0)
			assert.ok(now() - since > 450 && now() - since < budget(2500), `after ${now() - since} ms`)
		})
	})

	test('a refused CONNECT does not stop that clock', async (t) => {
		await disconnected(s, 'connect timeout', async () => {
			const wire = await open_engine(t, s.port)
			wire.send('40')
			let f
			while ((f = await wire.frame()).opcode === 1) if (String(f.payload) === '2') wire.send('3')
			assert.equal(f.opcode, 8)
		})
	})

	test('leaving the last namespace does not start it again', async (t) => {
		const wire = await open_socket(t, s.port, { auth })
		wire.send('41')
		for (let i = 0; i < 6; i++) {
			assert.equal(await wire.text(), '2')
			wire.send('3')
		}
		wire.send(`40${JSON.stringify(auth)}`)
		assert.match(await wire.text(), /^40\{"sid"/)
	})
})

/* With so much time for a pong that a client which is late itself does not spoil it. */
describe('instead of a pong', { concurrency: true }, () => {
	const TIMEOUT = budget(1000)
	let s
	before(async () => {
		s = await started({ workers: 1, conf: `engine { ping_interval = 200ms  ping_timeout = ${TIMEOUT}ms }` })
	})
	after(() => s.destroy())

	test('a packet that is none begins the time again, once', async (t) => {
		const wire = await open_socket(t, s.port, { auth })
		assert.equal(await wire.text(), '2')
		const since = now()
		await sleep(TIMEOUT / 2)
		const chatter = setInterval(() => wire.send('42["ping"]'), 20)
		t.after(() => clearInterval(chatter))
		await disconnected(s, 'ping timeout', async () => {
			let f
			do f = await wire.frame()
			while (f.opcode === 1 && now() - since < 4 * TIMEOUT)
			assert.equal(f.opcode, 8)
			assert.ok(now() - since > 1.3 * TIMEOUT, `after ${now() - since} ms`)
		})
	})

	test('and begins again with the next ping', async (t) => {
		const wire = await open_socket(t, s.port, { auth })
		for (let i = 0; i < 2; i++) {
			assert.equal(await wire.text(), '2')
			await sleep(0.6 * TIMEOUT)
			wire.send('42["nobody"]')
			await sleep(0.7 * TIMEOUT)
			wire.send('3')
		}
		assert.equal(await wire.text(), '2')
	})
})

test('idle_timeout ends a client that only answers pings', async (t) => {
	const s = await started({ workers: 1, conf: 'engine { ping_interval = 100ms  ping_timeout = 1s  idle_timeout = 400ms }' })
	t.after(() => s.destroy())
	const idle = await connect(t, s, { user: 'idle' })
	const busy = await connect(t, s, { user: 'busy' })
	const work = setInterval(() => busy.emit('ping'), 50)
	t.after(() => clearInterval(work))
	await disconnected(s, 'idle', async () => assert.equal((await next(idle, 'disconnect'))[0], 'transport close'))
	assert.equal(busy.connected, true)
})
