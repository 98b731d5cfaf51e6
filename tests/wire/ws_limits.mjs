/* ws_limits.mjs - what peers may make a server hold: fragments, heads, pings that are not read, handshakes that wait. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { sleep, until } from '../e2e/server.mjs'
import { handshake } from '../e2e/wire.mjs'
import { cont, dial, fragments, more, parts, ping, text } from './cases.mjs'
import { Line, request } from './http.mjs'
import { ENGINE, Poller, SOCKET } from './poller.mjs'
import { open_joined } from './sockets.mjs'
import { PATIENT, ours, started } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())
const serves = async (t) => (await Poller.open(t, s.port)).lives()

/* Bytes of memory that all processes of the target hold. */
function memory() {
	return s.pids().reduce((n, pid) => n + 1024 * Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(/^RssAnon:\s+(\d+)/m)?.[1] ?? 0), 0)
}

describe('fragments of one byte', () => {
	test('a thousand of a Socket.IO packet', async (t) => {
		const wire = await open_joined(t, s.port)
		const packet = `42["message","${'x'.repeat(980)}"]`
		wire.write(Buffer.concat(fragments(parts(packet, 1))))
		assert.equal(await wire.text(), packet.replace('message', 'message-back'))
	})

	ours('it has a limit of its own', '65,536 to the echo, and not one more', async (t) => {
		const line = await dial(t, s.port)
		line.write(Buffer.concat(fragments(Array(65536).fill('x'))))
		assert.equal((await line.frame()).payload.length, 65536)
		line.write(Buffer.concat([text('x', more), ...Array(65536).fill(cont('x', more))]))
		assert.equal(await line.closed(), 1008)
	})

	ours('it counts bytes', 'empty ones without end', async (t) => {
		for (const where of ['/echo', `${SOCKET}?EIO=4&transport=websocket`]) {
			const line = await dial(t, s.port, { path: where })
			if (where !== '/echo') await line.text()
			line.write(Buffer.concat([text('4', more), ...Array(70000).fill(cont('', more))]))
			assert.equal(await line.closed(), 1008)
		}
	})
})

describe('heads', () => {
	const many = (n, long = 1) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`X-${i}`, 'y'.repeat(long)]))

	test('a hundred fields are read', async (t) => {
		const line = await Line.open(t, s.port)
		line.write(handshake(many(60), { path: `${ENGINE}?EIO=4&transport=websocket` }))
		assert.equal((await line.response()).status, 101)
	})

	for (const [what, fields] of Object.entries({ 'ten thousand': many(10000), 'long ones': many(50, 4000) })) {
		for (const upgrade of [false, true]) {
			test(`${what}${upgrade ? ', with an upgrade' : ''}: no harm`, async (t) => {
				const line = await Line.open(t, s.port)
				const path = `${ENGINE}?EIO=4&transport=${upgrade ? 'websocket' : 'polling'}`
				line.write(upgrade ? handshake(fields, { path }) : request('GET', path, { fields }))
				const { status } = await line.response()
				assert.ok([0, 101, 200, 400, 431].includes(status), `${status}`)
				await serves(t)
			})
		}
	}

	test('a long path: no harm', async (t) => {
		const line = await Line.open(t, s.port)
		line.ask('GET', `${ENGINE}?EIO=4&transport=polling&x=${'y'.repeat(100000)}`)
		const { status } = await line.response()
		assert.ok([0, 400, 414, 431].includes(status), `${status}`)
		await serves(t)
	})
})

describe('memory', () => {
	/* An echo may owe a whole message of its 16 MB besides; a client of Socket.IO is slow when a megabyte waits for it. */
	ours('it is not measured', 'pings that nobody reads the pongs of', async (t) => {
		const line = await dial(t, s.port, { path: `${SOCKET}?EIO=4&transport=websocket` })
		line.socket.pause()
		const base = memory()
		const burst = Buffer.concat(Array(1000).fill(ping('x'.repeat(125))))
		for (let i = 0; i < 200 && !line.socket.destroyed; i++) {
			line.write(burst)
			await sleep(1)
		}
		await until('it to be closed', () => line.socket.destroyed)
		assert.ok(memory() - base < 16e6, `${memory() - base}`)
		await serves(t)
	})

	ours('it is not measured', 'a length that is announced and does not come', async (t) => {
		const base = memory()
		for (let i = 0; i < 50; i++) (await dial(t, s.port)).write(text('', { length: 1 << 24 }))
		await sleep(200)
		assert.ok(memory() - base < 16e6, `${memory() - base}`)
		await serves(t)
	})

	ours('it is not measured', 'attachments that never come', async (t) => {
		const base = memory()
		const places = [...Array(10).keys()].map((k) => `{"_placeholder":true,"num":${k}}`)
		for (let i = 0; i < 50; i++) (await open_joined(t, s.port)).send(`4510-["message",${places}]`)
		await sleep(200)
		assert.ok(memory() - base < 16e6, `${memory() - base}`)
		await serves(t)
	})
})

test('five hundred handshakes that do not go on keep nobody waiting', async (t) => {
	const whole = request('GET', `${ENGINE}?EIO=4&transport=polling`)
	for (let i = 0; i < 500; i++) (await Line.open(t, s.port)).write(whole.subarray(0, i % (whole.length - 1)))
	const at = performance.now()
	for (let i = 0; i < 20; i++) await serves(t)
	assert.ok(performance.now() - at < 3000)
})
