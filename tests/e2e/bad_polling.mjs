/*
 * bad_polling.mjs - sessions that poll and upgrade, by clients that follow no rules: random requests, in any order, cut,
 * pipelined, reset, on connections that land anywhere, also while workers are killed.  Nobody may take a worker down.
 *
 * SEED=n repeats a run as far as timing allows; SECONDS=n makes it longer (under a sanitizer, say).
 */
import assert from 'node:assert/strict'
import net from 'node:net'
import { deflateRawSync } from 'node:zlib'
import { after, before, test } from 'node:test'
import { KEY, sleep, started } from './server.mjs'
import { frame, handshake } from './wire.mjs'

const SECONDS = Number(process.env.SECONDS ?? 4)
const SEED = Number(process.env.SEED ?? Date.now() % 1000000)
const CLIENTS = 24
const RS = '\x1e'

/* mulberry32 */
let state = SEED
function random() {
	state = (state + 0x6d2b79f5) | 0
	let t = Math.imul(state ^ (state >>> 15), 1 | state)
	t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
	return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const below = (n) => Math.floor(random() * n)
const one_of = (list) => list[below(list.length)]
const some = (n, fn) => Array.from({ length: 1 + below(n) }, fn)

let s
before(async () => {
	s = await started({
		workers: 3,
		conf: [
			'log { level = warn }',
			'max_backlog = 64K',
			'engine { ping_interval = 200ms  ping_timeout = 300ms  upgrade_timeout = 300ms  connect_timeout = 1s  compression = yes',
			'  origins = "*"  cookie { } }',
			'event "echo" { emit = echo  to = self }',
			'event "all" { emit = all  to = all }',
			'namespace "/tenant-*" { event "all" { emit = all  to = all } }',
			'echo "/engine.io/" { protocol = engine.io }',
			'echo "/ws" { protocol = websocket }'
		].join('\n'),
		auth: 'auth { anonymous = yes }'
	})
	console.log(`# SEED=${SEED}`)
})
after(() => s.destroy())

/* Sessions that were opened, by anybody: their ids are everybody's. */
const sids = []

let favourite = '' /* of what is being written: requests of one segment are mostly for one session */
function target(transport) {
	const path = random() < 0.9 ? '/socket.io/' : '/engine.io/'
	const known = [...sids.slice(-8), 'AAABxxxxxxxxxxxxxxxx']
	const sid = random() < 0.15 ? '' : `&sid=${random() < 0.7 && favourite ? favourite : one_of(known)}`
	return `${path}?EIO=${random() < 0.98 ? 4 : 3}&transport=${transport}${sid}${random() < 0.05 ? '&b64=1' : ''}`
}

const msgpack = () => Buffer.concat([Buffer.from([0x83, 0xa4]), Buffer.from('type'), Buffer.from([2, 0xa3]), Buffer.from('nsp'),
	Buffer.from([0xa1, 0x2f, 0xa4]), Buffer.from('data'), Buffer.from([0x92, 0xa4]), Buffer.from('echo'), Buffer.from([0xc4, 2, 1, 2])])

/* Mostly what is right, so that sessions live for a while. */
function packet() {
	if (random() < 0.6) return one_of(['40', '3', '3', '421["echo","x"]', '42["all",1]', '40/tenant-1,', '42/tenant-1,["all",{}]'])
	return one_of([
		'40', '40', '40/tenant-1,', `40/tenant-${below(200)},`, '41', '41/tenant-1,', '3', '3', '3', '42["echo",1]', '421["echo","x"]',
		'42["all",1]', '42/tenant-1,["all",{}]', '431[1]', '451-["echo",{"_placeholder":true,"num":0}]', 'bAAEC',
		`452-["all",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]${RS}bAA${RS}bAAA=`, `b${msgpack().toString('base64')}`,
		`42["all","${'x'.repeat(below(20000))}"]`, '1', '2', '5', '6', '7', '', '42[', 'b*', '4\u00e9', '42["connect"]', '44', '450-["echo"]'
	])
}

const payload = () => some(6, packet).join(RS)

function post() {
	const body = Buffer.from(payload())
	const type = random() < 0.03 ? 'Content-Type: application/octet-stream\r\n' : ''
	const head = `POST ${target('polling')} HTTP/1.1\r\nHost: x\r\n${type}`
	if (random() < 0.2) {
		return Buffer.concat([Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])
	}
	const length = random() < 0.05 ? body.length + below(100) : body.length
	return Buffer.concat([Buffer.from(`${head}Content-Length: ${length}\r\n${random() < 0.1 ? 'Expect: 100-continue\r\n' : ''}\r\n`), body])
}

function get() {
	const more = one_of(['', '', 'Accept-Encoding: gzip\r\n', 'Origin: http://a.example\r\n', 'Connection: close\r\n', 'Content-Length: 3\r\n\r\nabc'])
	return Buffer.from(`${one_of(['GET', 'GET', 'GET', 'GET', 'GET', 'OPTIONS', 'PUT', 'HEAD'])} ${target('polling')} HTTP/1.1\r\nHost: x\r\n${more}\r\n`)
}

function frames() {
	return Buffer.concat(some(5, () => {
		const text = one_of(['2probe', '5', '5', packet(), packet()]).split(RS)[0]
		switch (below(12)) {
		case 0: return frame(Buffer.from([1, 2, 3]))
		case 1: return frame(msgpack())
		case 2: return Buffer.concat([frame(text, { fin: false }), frame('', { opcode: 9 }), frame('x', { opcode: 0, fin: random() < 0.7 })])
		case 3: return frame(deflateRawSync(Buffer.from(text)), { rsv: 4, opcode: 1 })
		case 4: return frame(Buffer.from([3, 232]), { opcode: 8 })
		case 5: return frame('x', { mask: false })
		default: return frame(text)
		}
	}))
}

function upgrade() {
	const fields = random() < 0.3 ? { 'Sec-WebSocket-Extensions': 'permessage-deflate' } : {}
	const path = random() < 0.1 ? '/ws' : random() < 0.1 ? target('polling') : target('websocket')
	return Buffer.concat([Buffer.from(handshake(fields, { path })), frames()])
}

const bytes = () => {
	favourite = one_of(sids.slice(-8))
	const all = Buffer.concat(some(4, () => one_of([get, get, post, post, post, upgrade])()))
	return random() < 0.1 ? all.subarray(0, below(all.length)) : all
}

/* One connection's life. */
function connection() {
	return new Promise((resolve) => {
		const socket = net.connect(s.port, '127.0.0.1')
		const life = setTimeout(() => {
			/* Node's loop spins when a reset meets its own FIN, or bytes that were not written yet */
			if (random() < 0.5 && socket.writable && socket.writableLength === 0 && !socket.connecting) socket.resetAndDestroy()
			else socket.destroy()
			resolve()
		}, 5 + below(400))
		socket.on('error', () => {})
		socket.on('close', () => {
			clearTimeout(life)
			resolve()
		})
		socket.on('connect', async () => {
			while (socket.writable && !socket.destroyed) {
				const all = random() < 0.3 ? frames() : bytes()
				if (random() < 0.2) {
					const cut = below(all.length)
					socket.write(all.subarray(0, cut))
					await sleep(below(10))
					socket.write(all.subarray(cut))
				} else {
					socket.write(all)
				}
				if (random() < 0.1) socket.pause()
				if (random() < 0.05) socket.end()
				await sleep(below(60))
				socket.resume()
			}
		})
		socket.on('data', (data) => {
			for (const m of data.toString('latin1').matchAll(/0\{"sid":"([^"]{20})"/g)) sids.push(m[1])
			if (sids.length > 1000) sids.splice(0, 900)
		})
	})
}

async function client(end) {
	while (Date.now() < end) await connection()
}

/* The API, meanwhile: what it sends reaches them all, and some of it asks for answers or ends them. */
async function backend(end) {
	while (Date.now() < end) {
		const [path, body] = one_of([
			['emit', { to: 'all', event: 'news', data: 'y'.repeat(below(3000)) }],
			['emit', { to: 'all', event: 'ask', timeout: 50 }],
			['emit', { to: 'all', namespace: '/tenant-1', event: 'ask', timeout: 20 }],
			['sockets/disconnect', { in: 'all', close: random() < 0.5 }]
		])
		await fetch(`http://127.0.0.1:${s.admin_port}/v1/${path}`, {
			method: 'POST',
			headers: { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' },
			body: JSON.stringify(body),
			signal: AbortSignal.timeout(5000)
		}).then((r) => r.arrayBuffer()).catch((error) => assert.notEqual(error.name, 'TimeoutError', JSON.stringify([path, body]).slice(0, 200)))
		await sleep(below(40))
	}
}

const crowd = () => {
	const end = Date.now() + SECONDS * 1000
	return Promise.all([...Array.from({ length: CLIENTS }, () => client(end)), backend(end)])
}

const workers = () => [0, 1, 2].map((i) => s.worker(i).pid)

test('nobody takes a worker down', async () => {
	const before = workers()
	await crowd()
	await s.answers()
	assert.deepEqual(workers(), before, s.log)
})

test('nor does anybody while workers are killed', async () => {
	let killed = 0
	let over = false
	const killer = (async () => {
		while (!over) {
			await sleep(300 + below(500))
			const pid = s.worker(below(3)).pid
			if (!(pid > 0)) continue /* between two lives */
			process.kill(pid, 'SIGKILL')
			killed++
		}
	})()
	await crowd()
	over = true
	await killer
	await s.settled('all workers are back')
	await s.logged('process_died', killed)
	const deaths = s.log.match(/process_died.*/g)
	assert.deepEqual(deaths.filter((line) => !/how="signal KILL"/.test(line)), [], s.log)
	await s.answers()
})

test('what they leave behind goes: connections, sessions, sockets', async () => {
	await s.settled('all live')
	const left = async () => {
		const text = await (await fetch(`http://127.0.0.1:${s.admin_port}/metrics`, { headers: { Authorization: `Bearer ${KEY}` } })).text()
		return ['sessions', 'sockets'].map((name) => [...text.matchAll(new RegExp(`^forkcast_${name}(?:\\{[^}]*\\})? (\\d+)$`, 'gm'))].reduce((n, m) => n + Number(m[1]), 0))
	}
	for (let i = 0; i < 60 && (await left()).some((n) => n > 0); i++) await sleep(100)
	assert.deepEqual(await left(), [0, 0])
})

test('and nothing hangs when it ends', async () => {
	await Promise.race([crowd(), sleep(500)])
	const at = Date.now()
	s.process.kill('SIGTERM')
	const end = await s.ended
	assert.equal(end.code, 0, s.log)
	assert.ok(Date.now() - at < 9000)
})
