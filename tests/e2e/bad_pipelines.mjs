/*
 * bad_pipelines.mjs - requests pipelined behind one whose answer is owed: they wait, and what that answer sets off is
 * over before they are looked at.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { KEY, sleep, started } from './server.mjs'
import { Wire, handshake } from './wire.mjs'

const PATH = '/socket.io/?EIO=4&transport=polling'

let ours
let hasty /* its pings come soon */
const workers = new Map()
before(async () => {
	const conf = 'event "echo" { emit = echo  to = self }\nengine { origins = "http://a.example"  cookie { } }'
	const auth = 'auth { anonymous = yes }'
	ours = await started({ workers: 1, conf, auth })
	hasty = await started({ workers: 1, conf: conf.replace('engine {', 'engine { ping_interval = 300ms  ping_timeout = 200ms '), auth })
	for (const s of [ours, hasty]) workers.set(s, s.worker(0).pid)
})
after(() => Promise.all([...workers.keys()].map((s) => s.destroy())))
/* Whatever a test did, the worker lives. */
afterEach(async () => {
	for (const [s, pid] of workers) {
		await s.answers()
		assert.equal(s.worker(0).pid, pid, s.log)
	}
})

const get = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const post = (path, body) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/* A session that has joined; PATH is where its requests go. */
async function polling(t, server = ours) {
	const wire = await Wire.open(t, server.port)
	wire.write(get(PATH))
	const { sid } = JSON.parse((await wire.response()).text.slice(1))
	const path = `${PATH}&sid=${sid}`
	wire.write(post(path, '40'))
	assert.equal((await wire.response()).text, 'ok')
	wire.write(get(path))
	assert.match((await wire.response()).text, /^40/)
	return { server, wire, path, upgrade: path.replace('=polling', '=websocket') }
}

/* A GET that waits, with BEHIND in the same write. */
async function waiting(t, p, behind) {
	const line = await Wire.open(t, p.server.port)
	line.write(get(p.path) + behind)
	await sleep(50)
	assert.equal(line.data.length, 0)
	return line
}

const unknown = '{"code":1,"message":"Session ID unknown"}'

describe('behind a poll that waits', () => {
	test('a poll, when the client closes the session', async (t) => {
		const p = await polling(t)
		const line = await waiting(t, p, get(p.path))
		p.wire.write(post(p.path, '1'))
		assert.equal((await p.wire.response()).text, 'ok')
		assert.equal((await line.response()).text, '6')
		assert.equal((await line.response()).text, unknown)
	})

	test('a poll, when another overlaps', async (t) => {
		const p = await polling(t)
		const line = await waiting(t, p, get(p.path) + get(p.path))
		p.wire.write(get(p.path))
		assert.equal((await p.wire.response()).status, 400)
		assert.equal((await line.response()).text, '1')
		assert.equal((await line.response()).text, unknown)
		assert.equal((await line.response()).text, unknown)
	})

	test('a poll, when the pong does not come', async (t) => {
		const p = await polling(t, hasty)
		const line = await waiting(t, p, get(p.path) + get(p.path))
		assert.equal((await line.response()).text, '2')
		assert.equal((await line.response()).text, '1')
		assert.equal((await line.response()).text, unknown)
	})

	test('a poll that is told of the end when its session is long gone', async (t) => {
		const p = await polling(t)
		const line = await waiting(t, p, get(p.path))
		p.wire.write(post(p.path, '7'))
		assert.equal((await p.wire.response()).text, 'ok')
		assert.equal((await line.response()).text, '1')
		assert.equal((await line.response()).text, unknown)
	})

	test('posts, and they are taken', async (t) => {
		const p = await polling(t)
		const line = await waiting(t, p, post(p.path, '42["echo",2]') + post(p.path, '42["echo",3]'))
		p.wire.write(post(p.path, '42["echo",1]'))
		assert.equal((await p.wire.response()).text, 'ok')
		assert.equal((await line.response()).text, '42["echo",1]')
		assert.equal((await line.response()).text, 'ok')
		assert.equal((await line.response()).text, 'ok')
	})

	test('a WebSocket for the same session, when it upgrades', async (t) => {
		const p = await polling(t)
		const line = await waiting(t, p, handshake({}, { path: p.upgrade }))
		const ws = await Wire.open(t, ours.port)
		ws.write(handshake({}, { path: p.upgrade }))
		assert.equal((await ws.response()).status, 101)
		ws.send('5')
		assert.equal((await line.response()).text, '6')
		assert.equal((await line.response()).status, 101)
		assert.equal(await line.closed(), 0)
		ws.send('42["echo","on"]')
		assert.equal(await ws.text(), '42["echo","on"]')
		ws.socket.destroy()
		await sleep(50)
	})

	test('more than may be kept: not read any further, and served later', async (t) => {
		const p = await polling(t)
		const many = 500
		const line = await waiting(t, p, get('/nothing').repeat(many))
		p.wire.write(post(p.path, '42["echo",1]'))
		assert.equal((await line.response()).text, '42["echo",1]')
		for (let i = 0; i < many; i++) assert.equal((await line.response()).status, 404)
	})
})

describe('the API', () => {
	/* Asked with a timeout, and answered at once, since nobody has to be waited for. */
	test('a call in pieces that nobody is asked for', async (t) => {
		const body = JSON.stringify({ to: 'room:nobody', event: 'x', timeout: 1000 })
		const call = `POST /v1/emit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
		const wire = await Wire.open(t, ours.admin_port)
		wire.write(call.slice(0, 30))
		await sleep(50)
		wire.write(call.slice(30) + call)
		for (let i = 0; i < 2; i++) assert.deepEqual(JSON.parse((await wire.response()).text).answers, [])
		await sleep(50)
		assert.equal(wire.data.length, 0)
	})
})

test('header lines are those of one answer, and not of a refusal behind it', async (t) => {
	const wire = await Wire.open(t, ours.port)
	wire.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\nOrigin: http://a.example\r\n\r\n`)
	const { headers } = await wire.response()
	assert.match(headers['set-cookie'], /^io=/)
	assert.equal(headers['access-control-allow-origin'], 'http://a.example')
	wire.write('nonsense\r\n\r\n')
	const r = await wire.response()
	assert.equal(r.status, 400)
	assert.deepEqual(Object.keys(r.headers).sort(), ['connection', 'content-length', 'date'])
})

/* In the same look at the descriptors: both are there when the worker wakes up. */
test('requests that come with SIGTERM are answered', async (t) => {
	const wires = await Promise.all(Array.from({ length: 10 }, () => Wire.open(t, hasty.port)))
	for (const w of wires) {
		w.write(get('/nothing'))
		assert.equal((await w.response()).status, 404)
	}
	const pid = hasty.worker(0).pid
	process.kill(pid, 'SIGSTOP')
	for (const w of wires) w.write(get('/nothing'))
	await sleep(100)
	process.kill(pid, 'SIGTERM')
	process.kill(pid, 'SIGCONT')
	for (const w of wires) assert.equal((await w.response()).status, 404)
	workers.delete(hasty)
	await hasty.destroy()
})

test('who has asked for nothing, or for half of it, does not hold up the end', async (t) => {
	const own = await started({ workers: 1 })
	t.after(() => own.destroy())
	const silent = await Wire.open(t, own.port)
	const half = await Wire.open(t, own.port)
	half.write('GET / HT')
	half.socket.on('end', () => half.socket.end())
	silent.socket.on('end', () => silent.socket.end())
	await sleep(100)
	const at = Date.now()
	own.process.kill('SIGTERM')
	assert.equal((await half.response()).status, 408)
	assert.equal((await own.ended).code, 0)
	assert.ok(Date.now() - at < 3000, `${Date.now() - at} ms`)
})
