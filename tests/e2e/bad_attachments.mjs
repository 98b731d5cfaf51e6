/* bad_attachments.mjs - attachments that do not come, are too many, or are nobody's: the session ends, and memory is bounded. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { encode } from 'notepack.io'
import { connect } from './clients.mjs'
import { disconnected, metric } from './prometheus.mjs'
import { server, started, until } from './server.mjs'
import { Wire, open_engine, open_socket } from './wire.mjs'

const ANYBODY = 'auth { anonymous = yes }'
const CONF = 'event "echo" { emit = echo  to = self }'
let s
let bystander
before(async () => {
	s = await started({ workers: 1, conf: CONF, auth: ANYBODY })
	bystander = await connect({ after: () => {} }, s)
})
after(async () => {
	bystander.disconnect()
	await s.destroy()
})
afterEach(async () => assert.equal(await bystander.emitWithAck('ping'), 'pong'))

const P = (n) => `{"_placeholder":true,"num":${n}}`
const list = (n) => Array.from({ length: n }, (_, i) => P(i)).join()
const ONE = Buffer.from('one')

describe('forced close', () => {
	const cases = {
		'eleven attachments': [`4511-["echo",${list(11)}]`],
		'eleven, of which ten are named': [`4511-["echo",${list(10)}]`],
		'a million': [`451000000-["echo",${P(0)}]`],
		'more than fit a number': [`4599999999999999999999-["echo",${P(0)}]`],
		'a placeholder beyond them': [`451-["echo",${P(1)}]`],
		'a negative placeholder': [`451-["echo",${P(-1)}]`],
		'a placeholder that is a fraction': [`451-["echo",${P(0.5)}]`],
		'a placeholder without a number': ['451-["echo",{"_placeholder":true}]'],
		'no count': [`45["echo",${P(0)}]`],
		'text instead of one': [`451-["echo",${P(0)}]`, '42["echo",1]'],
		'another binary packet instead of one': [`452-["echo",${list(2)}]`, ONE, `451-["echo",${P(0)}]`],
		'one that was not announced': [ONE],
		'one too many': [`451-["echo",${P(0)}]`, ONE, ONE],
		'for a namespace that was not joined': [`451-/nowhere,["echo",${P(0)}]`],
		'of an event that is reserved': [`451-["disconnect",${P(0)}]`]
	}
	for (const [what, packets] of Object.entries(cases)) {
		test(what, async (t) => {
			await disconnected(s, 'forced close', async () => {
				const wire = await open_socket(t, s.port)
				for (const p of packets) wire.send(p)
				let f
				do f = await wire.frame()
				while (f.opcode !== 8)
				assert.equal(f.payload.length, 0)
				assert.equal(await wire.ended(), 'fin')
			})
		})
	}

	test('eleven of a msgpack client', async (t) => {
		const open = async () => {
			const wire = await open_engine(t, s.port)
			wire.send(encode({ type: 0, nsp: '/' }))
			assert.equal((await wire.frame()).opcode, 2)
			return wire
		}
		const event = (n) => encode({ type: 2, nsp: '/', data: ['echo', ...Array.from({ length: n }, () => ONE)] })
		const good = await open()
		good.send(event(10))
		assert.deepEqual((await good.frame()).payload.length > 60, true)
		await disconnected(s, 'forced close', async () => assert.equal(await (await open()).send(event(11)).closed(), 0))
	})

	test('eleven of a polling client', async (t) => {
		const wire = await Wire.open(t, s.port)
		const get = (sid) => wire.write(`GET /socket.io/?EIO=4&transport=polling${sid} HTTP/1.1\r\nHost: x\r\n\r\n`).response()
		const post = (sid, body) => wire.write(`POST /socket.io/?EIO=4&transport=polling${sid} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`).response()
		const sid = `&sid=${JSON.parse((await get('')).text.slice(1)).sid}`
		await post(sid, '40')
		assert.match((await get(sid)).text, /^40/)
		await post(sid, ['4510-["echo",' + list(10) + ']', ...Array(10).fill('bb25l')].join('\x1e'))
		assert.equal((await get(sid)).text, ['4510-["echo",' + list(10) + ']', ...Array(10).fill('bb25l')].join('\x1e'))
		await disconnected(s, 'forced close', () => post(sid, '4511-["echo",' + list(11) + ']'))
	})
})

test('heartbeats pass between attachments, and attachments may take their time', async (t) => {
	const s2 = await server(t, { workers: 1, conf: `${CONF}\nengine { ping_interval = 300ms  ping_timeout = 300ms }`, auth: ANYBODY })
	const wire = await open_socket(t, s2.port)
	wire.send(`453-["echo",${list(3)}]`)
	for (let i = 0; i < 3; i++) {
		assert.equal(await wire.text(), '2')
		wire.send('3').send(Buffer.from([i]))
	}
	assert.equal(await wire.text(), `453-["echo",${list(3)}]`)
	for (let i = 0; i < 3; i++) assert.deepEqual((await wire.frame()).payload, Buffer.from([i]))
})

test('attachments that never come: the heartbeat ends it, and their memory is used again', async (t) => {
	const s2 = await server(t, { workers: 1, conf: `${CONF}\nengine { ping_interval = 300ms  ping_timeout = 300ms }`, auth: ANYBODY })
	const resident = () => s2.worker(0).rss_bytes
	async function round() {
		const wires = await Promise.all(Array.from({ length: 20 }, () => open_socket(t, s2.port)))
		await disconnected(s2, 'ping timeout', async () => {
			for (const wire of wires) {
				wire.send(`4510-["echo",${list(10)}]`)
				for (let i = 0; i < 9; i++) wire.send(Buffer.alloc(100000, i))
			}
			await Promise.all(wires.map((wire) => wire.ended()))
		}, 20)
		await until('them to be gone', async () => (await metric(s2, 'sessions')) === 0)
		return resident()
	}
	const before = resident()
	const first = await round()
	assert.ok(first - before > 10e6, 'they were kept') /* 18 MB */
	let last
	for (let i = 0; i < 5; i++) last = await round()
	assert.ok(last - first < 15e6, `${last - first} bytes more after five rounds`)
})

test('one session keeps at most ten, each at most max_payload', async (t) => {
	const wire = await open_socket(t, s.port)
	wire.send(`4510-["echo",${list(10)}]`)
	await disconnected(s, 'message too big', async () => {
		for (let i = 0; i < 3; i++) wire.send(Buffer.alloc(999999))
		wire.send(Buffer.alloc(1000001))
		assert.equal(await wire.closed(), 1009)
	})
})

test('a client that leaves between its attachments', async (t) => {
	const wire = await open_socket(t, s.port)
	/* text is not allowed there, so the only way is to end the session */
	await disconnected(s, 'forced close', async () => {
		wire.send(`452-["echo",${list(2)}]`).send(ONE).send('41')
		assert.equal(await wire.closed(), 0)
	})
	const gone = await open_socket(t, s.port)
	gone.send(`452-["echo",${list(2)}]`).send(ONE)
	await disconnected(s, 'transport close', async () => gone.socket.destroy())
})
