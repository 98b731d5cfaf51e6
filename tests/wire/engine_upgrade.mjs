/* engine_upgrade.mjs - a session moves from polling to WebSocket, or does not. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { frame, handshake } from '../e2e/wire.mjs'
import { sleep } from '../e2e/server.mjs'
import { Line } from './http.mjs'
import { ENGINE, Poller } from './poller.mjs'
import { open_ws } from './sockets.mjs'
import { PATIENT, started, target } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())

const BAD_REQUEST = '{"code":3,"message":"Bad request"}'

describe('done', () => {
	test('probe, switch, and a message each way', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.upgrade()
		wire.send('4hello')
		assert.equal(await wire.text(), '4hello')
		wire.write(frame(Buffer.from([1, 2])))
		assert.deepEqual((await wire.frame()).payload, Buffer.from([1, 2]))
	})

	test('a poll that waits is let go by a noop soon after the probe', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		await sleep(20)
		const wire = await p.probe()
		const at = performance.now()
		const r = await pending.response()
		assert.equal(r.status, 200)
		assert.equal(r.text, '6')
		assert.ok(performance.now() - at < 400)
		wire.send('5')
		wire.send('4on')
		assert.equal(await wire.text(), '4on')
	})

	test('and so is each that comes while the switch is not made', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.probe()
		for (let i = 0; i < 3; i++) assert.equal(await p.poll(), '6')
		wire.send('5')
		wire.send('4on')
		assert.equal(await wire.text(), '4on')
	})

	test('before the switch messages go by polling, after it what waited comes first', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.probe()
		const pending = await p.start()
		await p.push('4one')
		assert.equal((await pending.response()).text, '4one')
		await p.push('4two')
		await p.push('4three')
		wire.send('5')
		wire.send('4four')
		for (const text of ['4two', '4three', '4four']) assert.equal(await wire.text(), text)
	})

	test('binary that waited comes as bytes', async (t) => {
		const p = await Poller.open(t, s.port)
		await p.push('bAQIDBA==')
		const wire = await p.upgrade()
		assert.deepEqual(await wire.frame(), { fin: true, rsv: 0, opcode: 2, payload: Buffer.from([1, 2, 3, 4]) })
	})

	test('probe and switch in one segment', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.socket()
		wire.write(Buffer.concat([frame('2probe'), frame('5'), frame('4on')]))
		assert.equal(await wire.text(), '3probe')
		assert.equal(await wire.text(), '4on')
	})

	test('handshake, probe and switch in one segment', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await Line.open(t, s.port)
		wire.write(Buffer.concat([Buffer.from(handshake({}, { path: p.url('websocket') })), frame('2probe'), frame('5'), frame('4on')]))
		assert.equal((await wire.response()).status, 101)
		assert.equal(await wire.text(), '3probe')
		assert.equal(await wire.text(), '4on')
	})

	test('a switch without a probe is one', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.socket()
		wire.send('5')
		wire.send('4on')
		assert.equal(await wire.text(), '4on')
	})

	test('several probes are answered', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.probe()
		wire.send('2probe')
		assert.equal(await wire.text(), '3probe')
		wire.send('5')
		wire.send('4on')
		assert.equal(await wire.text(), '4on')
	})

	test('the end of the polling connections is no matter', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		const wire = await p.probe()
		assert.equal((await pending.response()).text, '6')
		wire.send('5')
		pending.socket.destroy()
		await sleep(20)
		wire.send('4on')
		assert.equal(await wire.text(), '4on')
	})
})

describe('afterwards', () => {
	test('a poll and a post with its id are refused, and change nothing', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.upgrade()
		wire.send('4on')
		assert.equal(await wire.text(), '4on')
		for (const r of [await p.get(), await p.post('4x')]) {
			assert.equal(r.status, 400)
			assert.equal(r.text, BAD_REQUEST)
		}
		wire.send('4still on')
		assert.equal(await wire.text(), '4still on')
	})

	test('another WebSocket with its id is closed, and changes nothing', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.upgrade()
		wire.send('4on')
		assert.equal(await wire.text(), '4on')
		const other = await p.socket()
		assert.equal(await other.closed(), 0)
		wire.send('4still on')
		assert.equal(await wire.text(), '4still on')
	})

	test('a session that began as a WebSocket is not polled', async (t) => {
		const wire = await open_ws(t, s.port)
		const p = new Poller(t, s.port, ENGINE, wire.open)
		assert.equal((await p.get()).text, BAD_REQUEST)
		const other = await p.socket()
		wire.send('4still on')
		assert.equal(await wire.text(), '4still on')
		other.socket.destroy()
	})

	test('the end of the WebSocket ends the session', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.upgrade()
		wire.send('4on')
		assert.equal(await wire.text(), '4on')
		wire.socket.destroy()
		await sleep(50)
		await p.gone()
	})
})

describe('not done', () => {
	for (const [what, packet] of Object.entries({ 'a message': '4hello', 'a ping without the word': '2', 'another word': '2probf', 'a pong': '3probe', 'a close': '1', 'a noop': '6', 'not a packet': 'abc', 'nothing': '' })) {
		test(`${what} instead of a probe closes the WebSocket only`, async (t) => {
			const p = await Poller.open(t, s.port)
			const wire = await p.socket()
			wire.send(packet)
			assert.equal(await wire.closed(), 0)
			await p.lives()
		})
	}

	test('bytes instead of the switch close the WebSocket only', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.probe()
		wire.write(frame(Buffer.from([5])))
		assert.equal(await wire.closed(), 0)
		await p.lives()
	})

	test('a WebSocket that goes before the switch leaves polling alive', async (t) => {
		const p = await Poller.open(t, s.port)
		for (const how of ['destroy', 'resetAndDestroy']) {
			const wire = await p.probe()
			wire.socket[how]()
			await sleep(50)
			await p.lives(how)
		}
	})

	test('after a failure the next attempt may do', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.probe()
		wire.send('4no')
		assert.equal(await wire.closed(), 0)
		const next = await p.upgrade()
		next.send('4on')
		assert.equal(await next.text(), '4on')
	})

	test('a second attempt beside the first is closed', async (t) => {
		const p = await Poller.open(t, s.port)
		const first = await p.probe()
		const second = await p.socket()
		assert.equal(await second.closed(), 0)
		first.send('5')
		first.send('4on')
		assert.equal(await first.text(), '4on')
	})

	test('a session that ends closes the WebSocket that probes', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.probe()
		await p.push('1')
		assert.equal(await wire.closed(), 0)
	})

	test('an unknown id is refused before the 101', async (t) => {
		const wire = await Line.open(t, s.port)
		wire.write(handshake({}, { path: `${ENGINE}?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA` }))
		const r = await wire.response()
		assert.equal(r.status, 400)
		assert.equal(r.text, 'Session ID unknown')
	})

	test('another EIO than the session\'s is refused', async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await Line.open(t, s.port)
		wire.write(handshake({}, { path: p.url('websocket').replace('EIO=4', 'EIO=3') }))
		const r = await wire.response()
		assert.equal(r.status, 400)
		assert.equal(r.text, 'Bad request')
		await p.lives()
	})
})

test('without a switch in time the WebSocket is closed, polling goes on', async (t) => {
	const quick = await target(t, { ...PATIENT, upgrade_timeout: 300 })
	const p = await Poller.open(t, quick.port)
	const wire = await p.probe()
	const at = performance.now()
	assert.equal(await wire.closed(), 0)
	assert.ok(performance.now() - at < 600)
	await p.lives()
})

test('without upgrades none is offered, and a probe is answered all the same', async (t) => {
	const plain = await target(t, { ...PATIENT, allow_upgrades: false })
	const p = await Poller.open(t, plain.port)
	assert.deepEqual(p.opened.upgrades, [])
	const wire = await p.upgrade()
	wire.send('4on')
	assert.equal(await wire.text(), '4on')
})

test('heartbeats go over the transport of the moment', async (t) => {
	const fast = await target(t)
	const p = await Poller.open(t, fast.port)
	assert.equal(await p.packet(), '2')
	await p.push('3')
	const wire = await p.upgrade()
	for (let i = 0; i < 2; i++) {
		assert.equal(await wire.text(), '2')
		wire.send('3')
	}
})
