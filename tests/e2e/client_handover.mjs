/* client_handover.mjs - a request for a session of another worker takes its connection there. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { metric } from './prometheus.mjs'
import { resume, server, sleep, started, until } from './server.mjs'
import { Wire, handshake } from './wire.mjs'

const ANYBODY = 'auth { anonymous = yes }'
const WORKERS = 3

const workers = (s) => s.status().processes.filter((p) => p.role === 'worker')
const owner = (s, index) => s.worker(index)

/* A session id as worker P would make one (proto/sid.h); no worker has a session of that id. */
const sid_of = (p) => Buffer.concat([Buffer.from([p.slot, (p.generation >> 8) & 255, p.generation & 255]), randomBytes(12)]).toString('base64url')

const path_of = (p) => `/socket.io/?EIO=4&transport=websocket&sid=${sid_of(p)}`
const get = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
const post = (path, body) => `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/* Connections a worker has, by worker number. */
const connections = (s) => workers(s).map((p) => p.counters.connections)
const handovers = (s) => workers(s).reduce((n, p) => n + p.counters.handovers, 0)
const descriptors = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length

/* TCP connections of the server at PORT that are established, or that it has yet to close. */
const sockets_of = (port) =>
	fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1).map((line) => line.trim().split(/\s+/))
		.filter(([, local, , state]) => local?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`) && ['01', '08'].includes(state))

async function unknown(wire, options) {
	const r = await wire.response(options)
	assert.equal(r.status, 400, JSON.stringify(r))
	assert.equal(JSON.parse(r.text).message, 'Session ID unknown')
	return r
}

/* N connections that worker INDEX has. */
async function wires_at(t, s, index, n) {
	const p = owner(s, index)
	const wires = await Promise.all(Array.from({ length: n }, () => Wire.open(t, s.port)))
	for (const wire of wires) wire.write(get(path_of(p)))
	await Promise.all(wires.map((wire) => unknown(wire)))
	return wires
}

const wire_at = async (t, s, index) => (await wires_at(t, s, index, 1))[0]

describe('all workers live', () => {
	let s
	before(async () => {
		s = await started({ workers: WORKERS, auth: ANYBODY })
	})
	after(() => s.destroy())

	test('the connection goes where the session lives, and stays there', async (t) => {
		const wire = await Wire.open(t, s.port)
		const first = handovers(s)
		/* who gave it away closes its own copy behind the answer */
		const held_by = (index) =>
			until(`held by worker ${index} alone`, () => connections(s).every((n, i) => n === Number(i === index)))
		for (const index of [0, 1, 2, 0, 2, 1]) {
			wire.write(get(path_of(owner(s, index))))
			await unknown(wire)
			await held_by(index)
			/* what has no session is served where the connection is */
			wire.write(get('/nothing'))
			assert.equal((await wire.response()).status, 404)
			await held_by(index)
		}
		assert.ok([5, 6].includes(handovers(s) - first), `${handovers(s) - first} handovers`)
		/* and so is a session that begins there */
		wire.write(handshake())
		assert.equal((await wire.response()).status, 101)
		assert.match(JSON.parse((await wire.text()).slice(1)).sid, new RegExp(`^${sid_of(owner(s, 1)).slice(0, 4)}`))
	})

	test('metrics and status count it at the worker that took it', async (t) => {
		const wire = await wire_at(t, s, 0)
		const at = (worker) => metric(s, 'handover_total', { worker: String(worker) })
		const [zero, two] = [await at(0), await at(2)]
		wire.write(get(path_of(owner(s, 2))))
		await unknown(wire)
		assert.equal(await at(0), zero)
		assert.equal(await at(2), two + 1)
		assert.equal(await metric(s, 'refused_total', { reason: 'handover' }), 0)
	})

	test('ids of no worker are answered where they come in', async (t) => {
		const wire = await wire_at(t, s, 1)
		const first = handovers(s)
		const p = owner(s, 0)
		const keeper = s.keeper()
		for (const other of [{ ...p, generation: p.generation + 1 }, { ...p, slot: 200 }, { ...p, slot: 255 }, keeper, owner(s, 1)]) {
			wire.write(get(path_of(other)))
			await unknown(wire)
		}
		for (const sid of ['x', '%00', 'A'.repeat(20), 'A'.repeat(19), 'A'.repeat(21), sid_of(p).replace(/.$/, '!')]) {
			wire.write(get(`/socket.io/?EIO=4&transport=websocket&sid=${sid}`))
			await unknown(wire)
		}
		assert.equal(handovers(s), first)
		/* not our path, and not the public port */
		wire.write(get(`/other/?sid=${sid_of(p)}`))
		assert.equal((await wire.response()).status, 404)
		const admin = await Wire.open(t, s.admin_port)
		admin.write(get(`/socket.io/?EIO=4&transport=websocket&sid=${sid_of(p)}`))
		assert.notEqual((await admin.response()).status, 400)
		assert.equal(handovers(s), first)
	})

	test('an upgrade with an id is handed over with its fields', async (t) => {
		const wire = await wire_at(t, s, 0)
		wire.write(handshake({}, { path: path_of(owner(s, 2)) }))
		const r = await wire.response()
		assert.equal(r.status, 400)
		assert.equal(r.text, 'Session ID unknown')
		await wire.ended()
	})

	/* A session on each worker, by long polling: its target, for requests with a body. */
	async function sessions(t) {
		const found = []
		for (let tries = 0; found.filter(Boolean).length < WORKERS; tries++) {
			assert.ok(tries < 200, 'the kernel never chose some worker')
			const wire = await Wire.open(t, s.port)
			wire.write(get('/socket.io/?EIO=4&transport=polling'))
			const { sid } = JSON.parse((await wire.response()).text.slice(1))
			const index = workers(s).find((p) => sid.startsWith(sid_of(p).slice(0, 4))).index
			found[index] ??= `/socket.io/?EIO=4&transport=polling&sid=${sid}`
			wire.socket.destroy()
		}
		return found
	}

	/* A POST that was taken. */
	async function taken(wire) {
		const r = await wire.response()
		assert.deepEqual([r.status, r.text], [200, 'ok'])
	}

	test('a request that comes in two pieces, cut anywhere', async (t) => {
		const at = await sessions(t)
		const wire = await Wire.open(t, s.port)
		const first = handovers(s)
		const length = post(at[0], '3hello').length
		for (let cut = 1; cut < length; cut++) {
			const request = post(at[cut % 3], '3hello')
			wire.write(request.slice(0, cut))
			await sleep(2)
			wire.write(request.slice(cut))
			await taken(wire)
		}
		assert.ok(handovers(s) - first >= length - 2)
	})

	test('a request that comes byte by byte', async (t) => {
		const at = await sessions(t)
		const wire = await wire_at(t, s, 2)
		for (const index of [0, 1]) {
			for (const byte of post(at[index], '3hello')) {
				wire.write(byte)
				await sleep(1)
			}
			await taken(wire)
			assert.equal(connections(s)[index], 1)
		}
	})

	test('a body that is waited for: the owner asks for it', async (t) => {
		const at = await sessions(t)
		const wire = await wire_at(t, s, 0)
		wire.write(`POST ${at[1]} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`)
		assert.equal((await wire.response()).status, 100)
		assert.equal(connections(s)[1], 1)
		wire.write('3bc')
		await taken(wire)
		wire.write(`POST ${at[2]} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`)
		await until('it to be there', () => connections(s)[2] === 1)
		wire.write('3\r\n3bc\r\n0\r\n\r\n')
		await taken(wire)
	})

	test('a body that nobody waits for: the owner answers the head, and the connection ends', async (t) => {
		for (const field of ['Content-Length: 6', 'Transfer-Encoding: chunked', 'Expect: 100-continue\r\nContent-Length: 6']) {
			const wire = await wire_at(t, s, 0)
			wire.write(`POST ${path_of(owner(s, 1))} HTTP/1.1\r\nHost: x\r\n${field}\r\n\r\n`)
			const { headers } = await unknown(wire)
			assert.equal(headers.connection, 'close')
			assert.equal(await wire.ended(), 'fin')
		}
	})

	test('pipelined requests for several owners are answered in their order', async (t) => {
		const wire = await Wire.open(t, s.port)
		const first = handovers(s)
		const at = [0, 1, 2].map((i) => owner(s, i))
		const all = Array.from({ length: 600 }, (_, i) => get(i % 2 ? `/nothing${i}` : path_of(at[(i / 2) % 3]))).join('')
		wire.write(all)
		for (let i = 0; i < 600; i++) assert.equal((await wire.response()).status, i % 2 ? 404 : 400, `answer ${i}`)
		assert.ok(handovers(s) - first >= 299)
	})

	test('a client that goes meanwhile leaves nothing behind', async (t) => {
		const at = [0, 1, 2].map((i) => owner(s, i))
		const before = at.map((p) => descriptors(p.pid))
		for (let i = 0; i < 300; i++) {
			const wire = await Wire.open(t, s.port)
			wire.write(get(path_of(at[i % 3])))
			if (i % 2) wire.socket.resetAndDestroy()
			else wire.socket.destroy()
		}
		await until('nothing is open', () => connections(s).every((n) => n === 0))
		assert.deepEqual(at.map((p) => descriptors(p.pid)), before)
	})

	test('2000 connections at once, from owner to owner', async (t) => {
		const at = [0, 1, 2].map((i) => owner(s, i))
		const before = at.map((p) => descriptors(p.pid))
		const first = handovers(s)
		const wires = await Promise.all(Array.from({ length: 2000 }, () => Wire.open(t, s.port)))
		for (let round = 0; round < 3; round++) {
			wires.forEach((wire, i) => wire.write(get(path_of(at[(i + round) % 3]))))
			await Promise.all(wires.map((wire) => unknown(wire, { timeout_ms: 20000 })))
			assert.equal(connections(s).reduce((a, b) => a + b), 2000)
		}
		assert.ok(handovers(s) - first >= 4000)
		for (const wire of wires) wire.socket.destroy()
		await until('nothing is open', () => connections(s).every((n) => n === 0))
		assert.deepEqual(at.map((p) => descriptors(p.pid)), before)
		assert.equal(await metric(s, 'refused_total', { reason: 'handover' }), 0)
	})
})

describe('an owner that does not answer', () => {
	test('stopped for a while: it answers when it goes on', async (t) => {
		const s = await server(t, { workers: 2, auth: ANYBODY, conf: 'watchdog = 20s' })
		const wires = await wires_at(t, s, 1, 50)
		const p = owner(s, 0)
		const first = owner(s, 1).counters.handovers
		process.kill(p.pid, 'SIGSTOP')
		t.after(() => resume(p.pid))
		wires.forEach((wire) => wire.write(get(path_of(p))))
		await sleep(500) /* neighbours adopt its listeners meanwhile, and must not read its mail */
		assert.ok(wires.every((wire) => wire.data.length === 0))
		assert.equal(owner(s, 1).counters.handovers, first)
		process.kill(p.pid, 'SIGCONT')
		await Promise.all(wires.map((wire) => unknown(wire)))
		assert.deepEqual(connections(s), [50, 0])
		assert.equal(owner(s, 0).pid, p.pid)
	})

	test('killed with connections under way: nobody waits, nothing leaks', async (t) => {
		const s = await server(t, { workers: 2, auth: ANYBODY })
		const other = owner(s, 1)
		const before = descriptors(other.pid)
		const master = descriptors(s.pid)
		const wires = await wires_at(t, s, 1, 200)
		const p = owner(s, 0)
		process.kill(p.pid, 'SIGSTOP')
		wires.forEach((wire) => wire.write(get(path_of(p))))
		await until('all are under way', () => connections(s)[1] === 0)
		const killed = Date.now()
		process.kill(p.pid, 'SIGKILL')
		await Promise.all(wires.map((wire) => unknown(wire)))
		assert.ok(Date.now() - killed < 1500, `took ${Date.now() - killed} ms`)
		/* they all go on, wherever they are */
		wires.forEach((wire) => wire.write(get('/nothing')))
		for (const wire of wires) assert.equal((await wire.response()).status, 404)
		await s.settled('the successor', (st) => st.processes[0].pid !== p.pid)
		assert.equal(connections(s)[0] + connections(s)[1], 200)
		const fresh = owner(s, 0).pid
		wires.forEach((wire) => wire.socket.destroy())
		await until('nothing is open', () => connections(s).every((n) => n === 0))
		await until('the descriptors are what they were', () => descriptors(other.pid) === before && descriptors(fresh) === before)
		assert.equal(descriptors(s.pid), master)
		assert.deepEqual(sockets_of(s.port), [])
	})

	test('stopped until the watchdog comes', async (t) => {
		const s = await server(t, { workers: 2, auth: ANYBODY, conf: 'watchdog = 1s' })
		const wire = await wire_at(t, s, 1)
		process.kill(owner(s, 0).pid, 'SIGSTOP')
		wire.write(get(path_of(owner(s, 0))))
		await unknown(wire, { timeout_ms: 4000 })
	})

	test('dead, and its slot stays empty: a neighbour answers', async (t) => {
		const s = await server(t, { workers: 3, auth: ANYBODY })
		for (let life = 0; life < 5; life++) {
			process.kill(owner(s, 0).pid, 'SIGKILL')
			await s.logged('process_died', life + 1)
			if (life < 4) await s.settled('the next life')
			else await s.settled('the last life')
		}
		const wires = await wires_at(t, s, 2, 20)
		const p = owner(s, 0)
		process.kill(p.pid, 'SIGSTOP')
		wires.forEach((wire) => wire.write(get(path_of(p))))
		await until('all are under way', () => connections(s)[2] === 0)
		process.kill(p.pid, 'SIGKILL')
		await Promise.all(wires.map((wire) => unknown(wire)))
		assert.notEqual(s.worker(0).state, 'live', 'the successor may have answered: nothing was tested')
		assert.deepEqual(connections(s).slice(1), [20, 0])
		/* and what comes after its death is answered at once, where it comes in */
		const first = handovers(s)
		wires[0].write(get(path_of(p)))
		await unknown(wires[0])
		assert.equal(handovers(s), first)
	})

	test('too much mail: some wait and are served, or hear 503', async (t) => {
		const s = await server(t, { workers: 2, auth: ANYBODY, conf: 'watchdog = 60s' })
		const p = owner(s, 0)
		/* Long messages fill the box soon: it does not hold 100 of them. */
		const long = () => post(path_of(p), 'x'.repeat(120000))
		const wires = await wires_at(t, s, 1, 200)
		const round = (part) => part.forEach((wire) => wire.write(long()))
		process.kill(p.pid, 'SIGSTOP')
		t.after(() => resume(p.pid))
		round(wires.slice(0, 100))
		await sleep(1000)
		assert.ok(connections(s)[1] > 100, 'the box was not full')
		process.kill(p.pid, 'SIGCONT')
		await Promise.all(wires.slice(0, 100).map((wire) => unknown(wire)))
		assert.equal(await metric(s, 'refused_total', { reason: 'handover' }), 0)
		process.kill(p.pid, 'SIGSTOP')
		round(wires.slice(100))
		await sleep(5500)
		process.kill(p.pid, 'SIGCONT')
		const answers = await Promise.all(wires.slice(100).map((wire) => wire.response()))
		const refused = answers.filter((r) => r.status === 503)
		assert.ok(refused.length > 0 && refused.length < 100, `${refused.length} of 100`)
		assert.ok(refused.every((r) => r.headers['retry-after'] === '1' && r.headers.connection === 'close'))
		assert.ok(answers.every((r) => r.status === 503 || r.status === 400))
		assert.equal(await metric(s, 'refused_total', { reason: 'handover' }), refused.length)
	})

	test('killed while its box is full: those that wait are answered where they are', async (t) => {
		const s = await server(t, { workers: 2, auth: ANYBODY, conf: 'watchdog = 60s' })
		const p = owner(s, 0)
		const wires = await wires_at(t, s, 1, 100)
		process.kill(p.pid, 'SIGSTOP')
		wires.forEach((wire) => wire.write(post(path_of(p), 'x'.repeat(120000))))
		await sleep(1000)
		const waiting = connections(s)[1]
		assert.ok(waiting > 0, 'the box was not full')
		const first = handovers(s)
		process.kill(p.pid, 'SIGKILL')
		await Promise.all(wires.map((wire) => unknown(wire)))
		await s.settled('the successor', (st) => st.processes[0].pid !== p.pid)
		assert.equal(handovers(s) - first, 100 - waiting, 'only what was in the box')
		assert.equal(await metric(s, 'refused_total', { reason: 'handover' }), 0)
	})

	test('draining: it serves what it is given until it ends', async (t) => {
		const s = await server(t, { workers: 2, auth: ANYBODY })
		const slow = await wire_at(t, s, 0)
		slow.write('GET /') /* keeps it from ending */
		const wire = await wire_at(t, s, 1)
		const p = owner(s, 0)
		process.kill(p.pid, 'SIGTERM')
		await until('it drains', () => owner(s, 0).state === 'draining')
		wire.write(get(path_of(p)))
		const r = await unknown(wire)
		assert.equal(r.headers.connection, 'close')
	})

	test('out of descriptors: the peer hears the end, it is counted, and goes on', async (t) => {
		const s = await server(t, { workers: 2, auth: ANYBODY })
		const wires = await wires_at(t, s, 1, 5)
		const p = owner(s, 0)
		const limit = fs.readFileSync(`/proc/${p.pid}/limits`, 'utf8').match(/^Max open files +(\d+) +(\d+)/m)
		const taken = new Set(fs.readdirSync(`/proc/${p.pid}/fd`).map(Number))
		const free = [...Array(taken.size + 1).keys()].find((fd) => !taken.has(fd))
		execFileSync('prlimit', ['--pid', String(p.pid), `--nofile=${free + 2}:${limit[2]}`])
		wires.forEach((wire) => wire.write(get(path_of(p))))
		const answers = await Promise.all(wires.map((wire) => wire.response()))
		const lost = answers.filter((r) => r.status === 0).length
		execFileSync('prlimit', ['--pid', String(p.pid), `--nofile=${limit[1]}:${limit[2]}`])
		assert.equal(lost, 3)
		assert.equal(await metric(s, 'refused_total', { reason: 'descriptors' }), lost)
		const wire = await wire_at(t, s, 1)
		wire.write(get(path_of(p)))
		await unknown(wire)
		assert.equal(owner(s, 0).pid, p.pid)
	})

	test('it has all the connections it may have: 503', async (t) => {
		const s = await server(t, { workers: 2, auth: ANYBODY, conf: 'max_connections = 4' })
		const held = await wires_at(t, s, 0, 4)
		let wire
		for (let tries = 0, status = 503; status === 503; tries++) {
			assert.ok(tries < 100, 'the kernel never chose worker 1')
			wire = await Wire.open(t, s.port)
			wire.write(get('/nothing'))
			status = (await wire.response()).status
		}
		wire.write(get(path_of(owner(s, 0))))
		assert.equal((await wire.response()).status, 503)
		held[0].write(get('/nothing'))
		assert.equal((await held[0].response()).status, 404)
	})
})
