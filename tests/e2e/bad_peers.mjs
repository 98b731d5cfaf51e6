/* bad_peers.mjs - clients that never read, flood, or are too many: they pay, others do not notice. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import { test } from 'node:test'
import { api, connect, emit, inbox, next } from './clients.mjs'
import { disconnected, metric, parse } from './prometheus.mjs'
import { server, sleep, until } from './server.mjs'
import { Wire, frame, handshake, open_engine, open_socket } from './wire.mjs'

const ANYBODY = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
const SHM = 'shm { sessions = 1000  ring_size = 4M  overflow = 16M  store_size = 16M }'
const resident = (pid) => Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096

/* A member of r:1 that stops reading at once. */
async function deaf(t, s) {
	const wire = await open_socket(t, s.port)
	wire.send('421["subscribe",{"room":"r","id":1}]')
	await wire.text()
	wire.socket.pause()
	return wire
}

test('a client that never reads is closed when max_backlog passes; the others hear everything', async (t) => {
	const s = await server(t, { workers: 1, shm: SHM, auth: ANYBODY, conf: 'max_backlog = 256K\nroom "r" { join = any }' })
	const wire = await deaf(t, s)
	const good = await connect(t, s)
	await good.emitWithAck('subscribe', { room: 'r', id: 1 })
	const heard = inbox(good, 'n')
	const text = 'x'.repeat(100000)
	let sent = 0
	const before = resident(s.worker(0).pid)
	await disconnected(s, 'slow client', async () => {
		while ((await metric(s, 'disconnects_total', { reason: 'slow client' })) === 0) {
			assert.ok(sent < 1000, 'a hundred megabytes and it is still there')
			for (let i = 0; i < 10; i++) assert.equal((await emit(s, 'r:1', 'n', { n: sent++, text })).status, 202)
		}
	})
	await until('all messages', () => heard.length === sent)
	assert.deepEqual(heard.map(([, m]) => m.n), [...Array(sent).keys()])
	assert.equal((await api(s, 'GET', `/v1/sockets/${wire.sid}`)).status, 404)
	assert.equal(await good.emitWithAck('ping'), 'pong')
	const grown = resident(s.worker(0).pid) - before
	assert.ok(grown < 40e6, `${grown} bytes more`)
})

test('clients that read in fits get every byte of what they were slow for', async (t) => {
	const s = await server(t, { workers: 2, shm: SHM, auth: ANYBODY, conf: 'max_backlog = 64M\nroom "r" { join = any }' })
	const good = await connect(t, s)
	await good.emitWithAck('subscribe', { room: 'r', id: 1 })
	const heard = inbox(good, 'n')
	const slow = await Promise.all([...Array(8).keys()].map(() => deaf(t, s)))
	const counts = slow.map(() => 0)
	for (const [i, wire] of slow.entries()) {
		/* Sizes are of many kinds, so that writes end anywhere: each frame has to begin where the one before ended. */
		let rest = Buffer.alloc(0)
		wire.socket.removeAllListeners('data')
		wire.socket.on('data', (d) => {
			rest = Buffer.concat([rest, d])
			for (;;) {
				const head = rest.length < 10 ? Infinity : rest[1] === 127 ? 10 : rest[1] === 126 ? 4 : 2
				const n = head === 10 ? Number(rest.readBigUInt64BE(2)) : head === 4 ? rest.readUInt16BE(2) : rest[1]
				if (!(rest.length >= head + n)) break /* n is not known yet, or not all there */
				const [event, m] = JSON.parse(rest.subarray(head + 2, head + n))
				assert.deepEqual([rest[0], event, m.n, m.text.length], [0x81, 'n', counts[i]++, (m.n * 7919) % 100000])
				rest = rest.subarray(head + n)
			}
			wire.socket.pause()
			setTimeout(() => wire.socket.resume(), (i * 3 + counts[i]) % 7)
		})
	}
	for (let n = 0; n < 300; n++) await emit(s, 'r:1', 'n', { n, text: 'x'.repeat((n * 7919) % 100000) })
	for (const wire of slow) wire.socket.resume()
	await until('all of them', () => counts.every((n) => n === 300), 30000)
	await until('the good one', () => heard.length === 300)
})

test('to such a client volatile messages are not sent, and it is not closed for them', async (t) => {
	const s = await server(t, { workers: 1, shm: SHM, auth: ANYBODY, conf: 'max_backlog = 1M\nroom "r" { join = any }' })
	const wire = await deaf(t, s)
	const text = 'x'.repeat(100000)
	for (let i = 0; (await metric(s, 'volatile_dropped_total')) < 20; i++) {
		assert.ok(i < 1000, 'a hundred megabytes and nothing was dropped')
		for (let k = 0; k < 10; k++) await emit(s, 'r:1', 'v', { text }, { volatile: true })
	}
	assert.equal(await metric(s, 'disconnects_total', { reason: 'slow client' }), 0)
	await emit(s, 'r:1', 'last', 1)
	wire.socket.resume()
	const last = await wire.until('the last', () => {
		const at = wire.data.indexOf('42["last",1]')
		return at < 0 ? undefined : at
	}, 20000)
	assert.ok(last > 100000)
})

test('a million WebSocket pings of one that reads are answered, and others are served meanwhile', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY })
	const good = await connect(t, s)
	const wire = await open_socket(t, s.port)
	const chunk = Buffer.concat(Array(10000).fill(frame('', { opcode: 9 })))
	let pongs = 0
	wire.socket.removeAllListeners('data')
	wire.socket.on('data', (d) => (pongs += d.length / 2))
	for (let i = 0; i < 100; i++) {
		if (!wire.socket.write(chunk)) await new Promise((r) => wire.socket.once('drain', r))
		if (i % 10 === 0) assert.equal(await good.emitWithAck('ping'), 'pong')
	}
	await until('a million pongs', () => pongs >= 1e6, 30000)
	assert.equal(pongs, 1e6)
})

test('pings of one that does not read end it as a slow client', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY, conf: 'max_backlog = 64K' })
	const good = await connect(t, s)
	const wire = await open_socket(t, s.port)
	wire.socket.pause()
	wire.socket.on('error', () => {})
	const chunk = Buffer.concat(Array(1000).fill(frame(Buffer.alloc(125), { opcode: 9 })))
	await disconnected(s, 'slow client', async () => {
		for (let i = 0; i < 400 && !wire.socket.destroyed; i++) {
			wire.socket.write(chunk)
			await new Promise(setImmediate)
		}
	})
	assert.equal(await good.emitWithAck('ping'), 'pong')
})

test('a flood of Engine.IO pings ends with the first of them', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY })
	const wire = await open_socket(t, s.port)
	wire.socket.on('error', () => {})
	await disconnected(s, 'transport error', async () => {
		wire.write(Buffer.concat(Array(100000).fill(frame('2'))))
		assert.equal((await wire.frame()).opcode, 8)
	})
})

test('acks of one that does not read count for its backlog too', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY, conf: 'max_backlog = 64K\nevent "big" { ack = \'{@payload}\' }' })
	const good = await connect(t, s)
	const wire = await open_socket(t, s.port)
	wire.socket.pause()
	wire.socket.on('error', () => {})
	const ask = frame(`421["big","${'x'.repeat(60000)}"]`)
	await disconnected(s, 'slow client', async () => {
		for (let i = 0; i < 400 && !wire.socket.destroyed; i++) {
			wire.socket.write(ask)
			await new Promise(setImmediate)
		}
	})
	assert.equal(await good.emitWithAck('ping'), 'pong')
})

test('connections beyond max_connections get 503, those within go on, and places are free again', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY, conf: 'max_connections = 20' })
	/* A place for the one that looks. */
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
	t.after(() => agent.destroy())
	const refused = async () => {
		const family = parse((await api(s, 'GET', '/metrics', undefined, { agent })).text).get('forkcast_refused_total')
		return family.samples.find((m) => m.labels.reason === 'max_connections').value
	}
	assert.equal(await refused(), 0)
	const all = await Promise.all([...Array(19).keys()].map(() => open_socket(t, s.port)))
	for (let i = 0; i < 30; i++) {
		const wire = await Wire.open(t, s.port)
		const r = await wire.write(handshake()).response()
		assert.deepEqual([r.status, r.headers['retry-after'], r.headers.connection], [503, '1', 'close'])
	}
	assert.equal(await refused(), 30)
	for (const wire of all) assert.equal(await wire.send('421["ping"]').text(), '431["pong"]')
	all[0].socket.destroy()
	await until('a place', async () => {
		const wire = await Wire.open(t, s.port)
		const r = await wire.write(handshake()).response()
		return r.status === 101
	})
})

test('a thousand connections that come and go at once', async (t) => {
	const s = await server(t, { workers: 2, auth: ANYBODY })
	const good = await connect(t, s)
	for (let i = 0; i < 5; i++) {
		const all = await Promise.all([...Array(200).keys()].map(() => open_engine(t, s.port)))
		for (const wire of all) wire.send('40')
		await Promise.all(all.map((wire) => wire.text()))
		for (const [k, wire] of all.entries()) k % 2 ? wire.socket.destroy() : wire.socket.resetAndDestroy()
	}
	await until('all to be gone', async () => (await api(s, 'GET', '/v1/rooms/global:all')).json.sockets === 1)
	assert.equal(await good.emitWithAck('ping'), 'pong')
	assert.equal(await metric(s, 'sessions'), 1)
})

test('no descriptor left: newcomers hear 503 at once, the others go on, and it passes', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY, conf: 'room "r" { join = any }' })
	const { pid } = s.worker(0)
	const good = await connect(t, s)
	await good.emitWithAck('subscribe', { room: 'r', id: 1 })
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
	t.after(() => agent.destroy())
	assert.equal((await api(s, 'GET', '/v1/stats', undefined, { agent })).status, 200)
	const limit = fs.readFileSync(`/proc/${pid}/limits`, 'utf8').match(/^Max open files +(\d+) +(\d+)/m)
	/* The next free number is the limit: no new descriptor can be had. */
	const used = fs.readdirSync(`/proc/${pid}/fd`).map(Number)
	const free = [...Array(4096).keys()].find((n) => !used.includes(n))
	execFileSync('prlimit', ['--pid', String(pid), `--nofile=${free}:${limit[2]}`])
	for (let i = 0; i < 20; i++) {
		const wire = await Wire.open(t, s.port)
		const since = Date.now()
		const r = await wire.write(handshake()).response()
		assert.ok(r.status === 503 || r.end, JSON.stringify(r))
		assert.ok(Date.now() - since < 1000)
	}
	const heard = next(good, 'news')
	assert.equal((await api(s, 'POST', '/v1/emit', { to: 'r:1', event: 'news' }, { agent })).status, 202)
	await heard
	const cpu = () => fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ').slice(13, 15).reduce((a, b) => a + Number(b), 0)
	const before = cpu()
	await sleep(500)
	assert.ok(cpu() - before < 25, 'it spins')
	execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit[1]}:${limit[2]}`])
	assert.ok(await open_socket(t, s.port))
	assert.ok((await metric(s, 'refused_total', { reason: 'descriptors' })) >= 20)
	assert.equal(s.worker(0).pid, pid)
})
