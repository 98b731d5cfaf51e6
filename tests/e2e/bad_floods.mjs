/*
 * bad_floods.mjs - much at once: whatever some clients send, the others on their worker are served meanwhile, and it is
 * never silent for so long that it is taken for hung.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, afterEach, before, test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { budget, sleep, started } from './server.mjs'
import { Wire, frame, open_engine, open_socket } from './wire.mjs'

const RS = '\x1e'
const PATH = '/socket.io/?EIO=4&transport=polling'
const WATCHDOG_MS = budget(2000)
const STALL_MS = WATCHDOG_MS / 2 /* unbounded, each flood takes two seconds and more */
const PAYLOAD = 1000000

let ours
let worker
before(async () => {
	ours = await started({
		workers: 1,
		conf: [
			'log { level = warn }',
			`watchdog = ${WATCHDOG_MS}ms`,
			'engine { compression = yes  ping_interval = 5m }',
			'event "echo" { emit = echo  to = self }',
			'namespace "/tenant-*" { event "echo" { emit = echo  to = self } }'
		].join('\n'),
		auth: 'auth { anonymous = yes }'
	})
	worker = ours.worker(0).pid
})
after(() => ours.destroy())
afterEach(async () => {
	await ours.answers()
	assert.equal(ours.worker(0).pid, worker, ours.log)
})

const get = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const post = (path, body) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

async function polling(t) {
	const wire = await Wire.open(t, ours.port)
	wire.write(get(PATH))
	const { sid } = JSON.parse((await wire.response()).text.slice(1))
	wire.path = `${PATH}&sid=${sid}`
	wire.write(post(wire.path, '40'))
	assert.equal((await wire.response()).text, 'ok')
	wire.write(get(wire.path))
	assert.match((await wire.response()).text, /^40/)
	return wire
}

/* As many packets as a payload may have: FN(i) is the next. */
function full(fn) {
	const packets = []
	for (let n = 0, i = 0; ; i++) {
		const one = fn(i)
		n += one.length + 1
		if (n > PAYLOAD) return packets
		packets.push(one)
	}
}

/* The longest that another client waited for an answer while FN ran. */
async function stall(t, fn) {
	const other = await open_socket(t, ours.port)
	let worst = 0
	let over = false
	const asking = (async () => {
		while (!over) {
			const at = performance.now()
			other.send('421["ping"]')
			assert.equal(await other.text(20000), '431["pong"]')
			worst = Math.max(worst, performance.now() - at)
			await sleep(5)
		}
	})()
	await Promise.all([asking, fn().finally(() => (over = true))])
	return worst
}

/* Lets the worker find all that FN() writes in one turn. */
async function at_once(fn) {
	process.kill(worker, 'SIGSTOP')
	fn()
	await sleep(200)
	process.kill(worker, 'SIGCONT')
}

test('forty payloads of eighty thousand packets, in one turn', async (t) => {
	const body = full(() => '421["ping"]').join(RS)
	const wires = await Promise.all(Array.from({ length: 40 }, () => polling(t)))
	for (const w of wires) w.write(post(w.path, body).slice(0, -10))
	await sleep(500)
	const worst = await stall(t, async () => {
		await at_once(() => wires.forEach((w) => w.write(body.slice(-10))))
		for (const w of wires) assert.equal((await w.response({ timeout_ms: 30000 })).text, 'ok')
	})
	assert.ok(worst < STALL_MS, `${worst} ms`)
})

test('a payload that takes many turns: all of it, in order', async (t) => {
	const body = full((i) => `42${i}["ping"]`)
	const wire = await polling(t)
	const other = await Wire.open(t, ours.port)
	let heard = ''
	wire.write(post(wire.path, body.join(RS)))
	while (heard.split(RS).length < body.length) {
		other.write(get(wire.path))
		const r = await other.response({ timeout_ms: 20000 })
		assert.equal(r.status, 200)
		heard += (heard === '' ? '' : RS) + r.text
	}
	assert.equal(heard, body.map((_, i) => `43${i}["pong"]`).join(RS))
	assert.equal((await wire.response()).text, 'ok')
})

test('a client that goes in the middle of that', async (t) => {
	const body = full(() => '421["ping"]').join(RS)
	const wires = await Promise.all(Array.from({ length: 10 }, () => polling(t)))
	await at_once(() => wires.forEach((w) => w.write(post(w.path, body))))
	wires.forEach((w) => w.socket.resetAndDestroy())
	await sleep(200)
})

test('one that overlaps it with another post', async (t) => {
	const body = full(() => '421["ping"]').join(RS)
	const wires = await Promise.all(Array.from({ length: 10 }, () => polling(t)))
	const others = await Promise.all(wires.map(() => Wire.open(t, ours.port)))
	await at_once(() => wires.forEach((w) => w.write(post(w.path, body))))
	wires.forEach((w, i) => others[i].write(post(w.path, '1')))
	for (const w of [...wires, ...others]) await w.response({ timeout_ms: 20000 })
})

test('three hundred WebSockets with all that their buffers hold, in one turn', async (t) => {
	const frames = Buffer.concat(Array.from({ length: 10000 }, () => frame('421["ping"]')))
	const wires = await Promise.all(Array.from({ length: 300 }, () => open_socket(t, ours.port)))
	const worst = await stall(t, async () => {
		await at_once(() => wires.forEach((w) => w.write(frames)))
		await sleep(3000)
	})
	wires.forEach((w) => w.socket.destroy())
	assert.ok(worst < STALL_MS, `${worst} ms`)
})

test('eighty thousand namespaces on one session', async (t) => {
	const wire = await polling(t)
	const worst = await stall(t, async () => {
		wire.write(post(wire.path, full((i) => `40/tenant-${i},`).join(RS)))
		assert.equal((await wire.response({ timeout_ms: 30000 })).status, 200)
	})
	assert.ok(worst < STALL_MS, `${worst} ms`)
})

test('the namespace behind the 1024th is refused, the session goes on', async (t) => {
	const wire = await open_socket(t, ours.port)
	for (let i = 1; i < 1024; i++) wire.send(`40/tenant-${i},`)
	for (let i = 1; i < 1024; i++) assert.match(await wire.text(), new RegExp(`^40/tenant-${i},`))
	wire.send('40/tenant-1024,')
	assert.equal(await wire.text(), '44/tenant-1024,{"message":"Too many namespaces"}')
	wire.send('41/tenant-7,').send('40/tenant-1024,')
	assert.match(await wire.text(), /^40\/tenant-1024,\{"sid"/)
})

/* Four clients that each send COUNT times MESSAGE, compressed to a thousandth of it, after HELLO. */
function bombs(what, { opcode, hello, message, count = 120 }) {
	test(what, async (t) => {
		const z = deflateRawSync(message, { finishFlush: 2 /* Z_SYNC_FLUSH */ })
		const one = frame(z.subarray(0, -4), { rsv: 4, opcode })
		const wires = await Promise.all(Array.from({ length: 4 }, () => open_engine(t, ours.port, { fields: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover; server_no_context_takeover' } })))
		for (const w of wires) {
			w.send(hello)
			await w.frame()
		}
		const worst = await stall(t, async () => {
			await at_once(() => wires.forEach((w) => w.write(Buffer.concat(Array.from({ length: count }, () => one)))))
			await sleep(2000)
		})
		const peak = Number(fs.readFileSync(`/proc/${worker}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]) / 1024
		assert.ok(worst < STALL_MS, `${worst} ms`)
		assert.ok(peak < 300, `${peak} MiB`)
	})
}

/* {type, nsp: "/", data}; 990,000 control characters in it, each of which is six bytes of text. */
const packed = (type, data) => Buffer.concat([Buffer.from(`\x83\xa4type${type}\xa3nsp\xa1/\xa4data`, 'latin1'), data])
const text = Buffer.alloc(990000, 1)
const str32 = Buffer.from([0xdb, 0, 0, 0, 0])
str32.writeUInt32BE(text.length, 1)

bombs('bombs: events of a megabyte, compressed', { opcode: 1, hello: '40', message: `421["x","${'a'.repeat(990000)}"]` })
bombs('bombs: the same as MessagePack, which takes six times that as text', {
	opcode: 2,
	hello: Buffer.concat([Buffer.from('\x82\xa4type\x00\xa3nsp\xa1/', 'latin1')]),
	message: packed('\x02', Buffer.concat([Buffer.from('\x92\xa1x', 'latin1'), str32, text]))
})
