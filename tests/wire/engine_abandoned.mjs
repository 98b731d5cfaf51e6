/*
 * engine_abandoned.mjs - hundreds of requests, upgrades and sessions are begun and left, on all workers: afterwards they
 * serve as before, and hold no descriptor that they did not hold.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { sleep, until } from '../e2e/server.mjs'
import { frame, handshake } from '../e2e/wire.mjs'
import { Line, request } from './http.mjs'
import { ENGINE, Poller } from './poller.mjs'
import { TARGET, started } from './target.mjs'

const EACH = 100
/* Sessions that nobody comes back to end soon, but not before a test is done with them. */
const TIMES = { ping_interval: 1000, ping_timeout: 1000, connect_timeout: 1000, upgrade_timeout: 500 }

let s
before(async () => (s = await started(TIMES)))
after(() => s.stop())

const descriptors = () => s.pids().reduce((n, pid) => n + fs.readdirSync(`/proc/${pid}/fd`).length, 0)

async function line_of(t, bytes) {
	const line = await Line.open(t, s.port)
	return line.write(bytes)
}

const WAYS = {
	'polls': async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		await sleep(5)
		pending.socket.destroy()
	},
	'polls, by a reset': async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		pending.socket.resetAndDestroy()
	},
	'posts': async (t) => {
		const p = await Poller.open(t, s.port)
		const post = await p.start('POST', { fields: { 'Content-Length': '1000' } })
		post.write('4half')
		await sleep(5)
		post.socket.destroy()
	},
	'posts whose connection stays': async (t) => {
		const p = await Poller.open(t, s.port)
		const post = await p.start('POST', { fields: { 'Content-Length': '1000' } })
		post.write('4half')
		await sleep(5)
		await p.post('4b')
		await post.ended()
	},
	'upgrades before the probe': async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.socket()
		wire.socket.destroy()
	},
	'upgrades after the probe': async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.probe()
		wire.socket.destroy()
	},
	'upgrades that wait': async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.probe()
		await wire.closed()
	},
	'upgraded sessions': async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.upgrade()
		wire.socket.resetAndDestroy()
	},
	'upgrades of a session that ends': async (t) => {
		const p = await Poller.open(t, s.port)
		const wire = await p.probe()
		await p.push('1')
		await wire.closed()
	},
	'half a head': async (t) => {
		const line = await line_of(t, request('GET', `${ENGINE}?EIO=4&transport=polling`).subarray(0, 40))
		line.socket.destroy()
	},
	'half a head of a session': async (t) => {
		const p = await Poller.open(t, s.port)
		const line = await line_of(t, request('GET', p.url()).subarray(0, -3))
		line.socket.resetAndDestroy()
	},
	'half a frame': async (t) => {
		const p = await Poller.open(t, s.port)
		const line = await line_of(t, Buffer.concat([Buffer.from(handshake({}, { path: p.url('websocket') })), frame('2probe').subarray(0, 4)]))
		await sleep(5)
		line.socket.destroy()
	}
}

describe('begun and left', () => {
	for (const [what, way] of Object.entries(WAYS)) {
		test(`${EACH} ${what}`, async (t) => {
			const before_all = TARGET === 'reference' ? 0 : descriptors()
			for (let i = 0; i < EACH; i += 25) await Promise.all(Array.from({ length: 25 }, () => way(t)))
			if (TARGET !== 'reference') await until('the descriptors to be closed', () => descriptors() <= before_all + 2, 6000)
			await (await Poller.open(t, s.port)).lives()
		})
	}
})
