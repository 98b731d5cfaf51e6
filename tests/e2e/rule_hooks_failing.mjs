/* rule_hooks_failing.mjs - backends that are slow, down, gone or not trusted, and what the server makes of it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Backend, backend } from './backend.mjs'
import { connect } from './clients.mjs'
import { metric } from './prometheus.mjs'
import { Server, server, sleep, until } from './server.mjs'

const AUTH = 'auth { anonymous = yes }'
const FAILED = { success: false, error: 'The request could not be handled, try again later', code: 'hook_failed' }
const X = `event "x" { hook = h  ack = '{@hook|"none"}' }\n`
const NO_BREAKER = 'breaker { failures = 0 }'

function folder(t) {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-hook-'))
	t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
	return dir
}

async function asking(t, url, keys = '', more = X) {
	const s = await server(t, { workers: 1, auth: AUTH, conf: `hook "h" { url = "${url}"  ${keys} }\n${more}` })
	return [s, await connect(t, s)]
}

/* A port that nobody listens on. */
async function free_port() {
	const l = net.createServer().listen(0, '127.0.0.1')
	await new Promise((resolve) => l.once('listening', resolve))
	const { port } = l.address()
	await new Promise((resolve) => l.close(resolve))
	return port
}

test('a slow backend: the timeout counts, and retries have the same id', async (t) => {
	const b = await backend(t, () => null)
	const [s, a] = await asking(t, b.url, `timeout = 200ms  retries = 2  ${NO_BREAKER}`)
	const began = Date.now()
	assert.deepEqual(await a.emitWithAck('x', 1), FAILED)
	assert.ok(Date.now() - began >= 600, 'three attempts')
	assert.equal(b.asked.length, 3)
	assert.equal(new Set(b.heads.map((h) => h['forkcast-id'])).size, 1)
	await a.emitWithAck('x', 2)
	assert.equal(new Set(b.heads.map((h) => h['forkcast-id'])).size, 2)
	assert.equal(await metric(s, 'hook_failures_total', { reason: 'timeout' }), 2)
})

test('a backend that dies in the middle: a retry succeeds, a whole answer is never asked for again', async (t) => {
	let n = 0
	const b = await backend(t, (_, request, response) => {
		n++
		if (n === 1) return request.socket.destroy(), null
		if (n === 2) return response.writeHead(200, { 'content-length': 50 }), response.write('[{"data'), setTimeout(() => response.destroy(), 10), null
		if (n === 3) return [{ data: 'third' }]
		return response.writeHead(500).end(), null
	})
	const [s, a] = await asking(t, b.url, `retries = 2  ${NO_BREAKER}`)
	assert.equal(await a.emitWithAck('x'), 'third', JSON.stringify(s.log))
	assert.deepEqual(await a.emitWithAck('x'), FAILED)
	assert.equal(n, 4)
})

test('nobody listens: it fails at once; when somebody does it works', async (t) => {
	const port = await free_port()
	const [s, a] = await asking(t, `http://127.0.0.1:${port}/`, NO_BREAKER)
	const began = Date.now()
	assert.deepEqual(await a.emitWithAck('x'), FAILED)
	assert.ok(Date.now() - began < 1900, 'it does not wait for the timeout')
	assert.equal(await metric(s, 'hook_failures_total', { reason: 'connect' }), 1)
	const b = await backend(t, () => [{ data: 'up' }], {}, { port, host: '127.0.0.1' })
	assert.equal(await a.emitWithAck('x'), 'up')
	assert.equal(b.heads[0].url, '/')
})

test('names are looked up: localhost is found, one that is not there fails', async (t) => {
	const b = await backend(t, () => [{ data: 'here' }])
	const [s, a] = await asking(
		t,
		`http://localhost:${b.port}/`,
		NO_BREAKER,
		`${X} hook "n" { url = "http://no-such-host.invalid/"  timeout = 8s  ${NO_BREAKER} }  event "n" { hook = n }`
	)
	assert.equal(await a.emitWithAck('x'), 'here')
	assert.equal(b.heads[0].host, `localhost:${b.port}`)
	assert.deepEqual(await a.emitWithAck('n'), FAILED)
	assert.equal((await metric(s, 'hook_failures_total', { reason: 'lookup' })) + (await metric(s, 'hook_failures_total', { reason: 'timeout' })), 1)
})

test('connections are kept; one that was closed meanwhile costs nothing', async (t) => {
	const b = await backend(t, () => [{ data: b.connections }])
	const [s, a] = await asking(t, b.url, NO_BREAKER)
	for (let i = 0; i < 5; i++) assert.equal(await a.emitWithAck('x'), 1)
	b.drop()
	await sleep(50)
	assert.equal(await a.emitWithAck('x'), 2)
	/* closed by the backend at the very moment that the request comes: it is sent again */
	b.answer = (_, request) => {
		if (request.socket.seen) return request.socket.destroy(), null
		request.socket.seen = true
		return [{ data: b.connections }]
	}
	assert.equal(await a.emitWithAck('x'), 2)
	assert.equal(await a.emitWithAck('x'), 3)
	assert.equal(await metric(s, 'hook_failures_total', {}), 0)
})

test('many long replies at once: each turn does some, and the worker is not taken for hung', async (t) => {
	const verbs = Buffer.from(JSON.stringify([...Array(980)].map(() => ({ emit: { to: [...Array(200).keys()].map((k) => `r${k % 10}`), event: 'e' } }))))
	const waiting = []
	const b = await backend(t, (_, __, response) => (waiting.push(response), null))
	const s = await server(t, { workers: 1, auth: AUTH, conf: `hook "h" { url = "${b.url}"  timeout = 60s }\nevent "x" { hook = h }` })
	const clients = []
	for (let i = 0; i < 64; i++) clients.push(await connect(t, s))
	const acks = clients.map((c) => c.emitWithAck('x'))
	await b.seen(64)
	for (const r of waiting) r.writeHead(200, { 'content-length': verbs.length }).end(verbs)
	assert.deepEqual(await Promise.all(acks), Array(64).fill({ success: true }))
	assert.equal(s.status().deaths, 0)
})

test('https: a backend that hangs up while it is written to costs nobody anything', async (t) => {
	const b = await backend(t, () => [{ data: 1 }], { tls: certificate(folder(t), 'cut', 'IP:127.0.0.1') })
	let n = 0
	b.server.on('secureConnection', (c) => {
		if (++n % 2 === 0) return
		c.on('error', () => {})
		c.once('data', () => c.destroy())
	})
	const [s, a] = await asking(t, b.url, `ca_file = "${b.options.tls.file}"  retries = 3  ${NO_BREAKER}`)
	for (let i = 0; i < 20; i++) {
		assert.equal(await a.emitWithAck('x', 'y'.repeat(900000)), 1)
		b.drop()
	}
	assert.ok(n > 20, `${n} connections`)
	assert.equal(s.status().deaths, 0, s.log)
})

test('the breaker: open after failures in a row, one trial, closed', async (t) => {
	let good = false
	const b = await backend(t, (_, __, response) => (good ? [{ data: 'ok' }] : (response.writeHead(503).end(), null)))
	const [s, a] = await asking(
		t,
		b.url,
		'breaker { failures = 3  reset = 300ms  text = "closed for {@event}" }',
		`${X} event "y" { hook = h  ack = '{@hook|"none"}' }`
	)
	const open = { success: false, error: 'closed for x', code: 'hook_failed' }
	for (let i = 0; i < 3; i++) assert.deepEqual(await a.emitWithAck('x'), FAILED)
	assert.deepEqual(await a.emitWithAck('x'), open)
	assert.equal(b.asked.length, 3, 'an open breaker asks nobody')
	assert.deepEqual(await a.emitWithAck('y'), FAILED, 'another event has a breaker of its own')
	await sleep(350)
	assert.deepEqual(await a.emitWithAck('x'), FAILED, 'the trial')
	assert.deepEqual(await a.emitWithAck('x'), open, 'which failed')
	good = true
	await sleep(350)
	for (let i = 0; i < 3; i++) assert.equal(await a.emitWithAck('x'), 'ok')
	good = false
	for (let i = 0; i < 2; i++) assert.deepEqual(await a.emitWithAck('x'), FAILED, 'two failures do not open it')
	good = true
	assert.equal(await a.emitWithAck('x'), 'ok')
	assert.equal(await metric(s, 'hook_failures_total', { reason: 'breaker_open' }), 2)
})

test('half open: one is tried, the others are refused', async (t) => {
	let release
	const b = await backend(t, (body) => (body.args[0] === 'fail' ? [{ no: 1 }] : new Promise((resolve) => (release = () => resolve([{ data: 1 }])))))
	const [s, a] = await asking(t, b.url, 'breaker { failures = 1  reset = 100ms }')
	const c = await connect(t, s)
	assert.deepEqual(await a.emitWithAck('x', 'fail'), FAILED)
	await sleep(120)
	const trial = a.emitWithAck('x', 'wait')
	await b.seen(2)
	assert.equal((await c.emitWithAck('x', 'wait')).error, 'Circuit breaker is open for operation: x')
	release()
	assert.equal(await trial, 1)
	assert.equal(b.asked.length, 2)
})

test('a full queue is busy at once', async (t) => {
	const waiting = []
	const b = await backend(t, () => new Promise((resolve) => waiting.push(() => resolve([{ data: 1 }]))))
	const [s, a] = await asking(t, b.url, `concurrency = 2  queue = 1  ${NO_BREAKER}`)
	const more = await Promise.all([...Array(3)].map(() => connect(t, s)))
	const sent = [a, more[0]].map((c) => c.emitWithAck('x'))
	await b.seen(2)
	sent.push(more[1].emitWithAck('x'))
	await sleep(50)
	assert.equal((await more[2].emitWithAck('x')).code, 'busy')
	assert.equal(b.connections, 2)
	waiting.splice(0).forEach((fn) => fn())
	await b.seen(3)
	waiting.splice(0).forEach((fn) => fn())
	assert.deepEqual(await Promise.all(sent), [1, 1, 1])
	assert.equal(b.connections, 2)
})

test('64 hooks that hang: others do not feel it', async (t) => {
	const b = await backend(t, () => null)
	const [s, a] = await asking(t, b.url, `timeout = 3s  ${NO_BREAKER}`, `${X} event "q" { ack = '"q"' }`)
	const hang = await Promise.all([...Array(80)].map(() => connect(t, s)))
	const measure = async () => {
		const took = []
		for (let i = 0; i < 200; i++) {
			const began = process.hrtime.bigint()
			assert.equal(await a.emitWithAck('q'), 'q')
			took.push(Number(process.hrtime.bigint() - began) / 1e6)
		}
		return took.sort((x, y) => x - y)
	}
	const before = await measure()
	const sent = hang.map((c) => c.emitWithAck('x'))
	await b.seen(64)
	const during = await measure()
	t.diagnostic(`p50 ${before[100].toFixed(3)} ms, while 64 hang ${during[100].toFixed(3)} ms; p99 ${before[198].toFixed(2)} and ${during[198].toFixed(2)} ms`)
	assert.ok(during[100] < before[100] * 3 + 2, 'p50')
	assert.ok(during[199] < 500, 'no turn waits')
	for (const answer of await Promise.all(sent)) assert.deepEqual(answer, FAILED)
})

test('unix sockets', async (t) => {
	const at = path.join(folder(t), 'app.sock')
	const b = await new Backend((body) => [{ data: body.args[0] }]).listen(at)
	t.after(() => b.close())
	const [, a] = await asking(t, b.url)
	assert.equal(await a.emitWithAck('x', 'over a socket'), 'over a socket')
	assert.equal(b.heads[0].url, '/')
	assert.equal(b.heads[0].host, 'localhost')
})

function certificate(dir, name, san) {
	const key = path.join(dir, `${name}.key`)
	const cert = path.join(dir, `${name}.pem`)
	const r = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
		'-subj', `/CN=${name}`, '-addext', `subjectAltName=${san}`, '-keyout', key, '-out', cert])
	assert.equal(r.status, 0, r.stderr?.toString())
	return { key: fs.readFileSync(key), cert: fs.readFileSync(cert), file: cert }
}

test('https: trusted by ca_file; another authority, another host, and the system\'s trust are refused', async (t) => {
	const dir = folder(t)
	const tls = certificate(dir, 'backend', 'IP:127.0.0.1,DNS:localhost')
	const other = certificate(dir, 'other', 'IP:127.0.0.1')
	const b = await backend(t, (body) => [{ data: 'x'.repeat(body.args[0]) }], { tls })
	const b2 = await backend(t, () => [{ data: 'no' }], { tls: certificate(dir, 'wrong', 'DNS:example.test') })
	const [s, a] = await asking(
		t,
		b.url,
		`ca_file = "${tls.file}"  ${NO_BREAKER}`,
		`${X} hook "name" { url = "https://localhost:${b.port}/"  ca_file = "${tls.file}" }  event "name" { hook = name  ack = '{@hook}' }
		hook "other" { url = "${b.url}"  ca_file = "${other.file}" }  event "other" { hook = other }
		hook "system" { url = "${b.url}" }  event "system" { hook = system }
		hook "host" { url = "${b2.url}"  ca_file = "${path.join(dir, 'wrong.pem')}" }  event "host" { hook = host }
		hook "plain" { url = "https://127.0.0.1:${(await backend(t)).port}/" }  event "plain" { hook = plain }`
	)
	assert.equal(await a.emitWithAck('x', 3), 'xxx')
	assert.equal((await a.emitWithAck('x', 300000)).length, 300000)
	assert.equal((await a.emitWithAck('x', 5, 'y'.repeat(300000))).length, 5)
	assert.equal(b.connections, 1, 'kept over TLS too')
	assert.equal(await a.emitWithAck('name', 2), 'xx')
	for (const event of ['other', 'system', 'host', 'plain']) assert.deepEqual(await a.emitWithAck(event, 1), FAILED, event)
	assert.equal(await metric(s, 'hook_failures_total', { reason: 'tls' }), 4)
	assert.equal(b.asked.length, 4)
	assert.equal(b2.asked.length, 0)
	assert.match(s.log, /hook_tls_failed hook=host why="IP address mismatch"/)
	assert.match(s.log, /hook_tls_failed hook=system why="self-signed certificate"/)
	b.drop()
	await sleep(50)
	assert.equal(await a.emitWithAck('x', 1), 'x')
})

test('SIGTERM: a hook that was asked finishes first, its client hears of it', async (t) => {
	let release
	const b = await backend(t, () => new Promise((resolve) => (release = () => resolve([{ data: 'late' }]))))
	const [s, a] = await asking(t, b.url, 'timeout = 8s')
	const c = await connect(t, s)
	const gone = new Promise((resolve) => c.once('disconnect', resolve))
	const answer = a.emitWithAck('x')
	await b.seen(1)
	s.process.kill('SIGTERM')
	await gone
	await sleep(200)
	release()
	assert.equal(await answer, 'late')
	await until('it ends', () => s.process.exitCode !== null)
})

test('SIGTERM: a backend that hangs does not hold it up for ever', async (t) => {
	const b = await backend(t, () => null)
	const [s, a] = await asking(t, b.url, 'timeout = 60s')
	a.emit('x')
	await b.seen(1)
	const began = Date.now()
	s.process.kill('SIGTERM')
	await s.ended
	assert.ok(Date.now() - began < 9000)
})

test('forkcast check masks the secret and refuses what is wrong', async (t) => {
	const s = new Server({ auth: AUTH, conf: 'hook "h" { url = "http://127.0.0.1:1/"  secret = very-secret }' })
	t.after(() => s.destroy())
	const good = s.run('check', '-c', s.conf)
	assert.equal(good.status, 0, good.err)
	assert.match(good.out, /secret = "\*+"/)
	assert.ok(!good.out.includes('very-secret'))
	s.options.conf = 'hook "users" { url = "gopher://x/" }\nevent "x" { hook = user }'
	s.write_conf()
	const bad = s.run('check', '-c', s.conf)
	assert.equal(bad.status, 2)
	assert.match(bad.err, /:4: `url = gopher:\/\/x\/`: write http:\/\/HOST:PORT\/PATH, https:\/\/HOST\/PATH or unix:\/PATH\n/)
	assert.match(bad.err, /:5: hook `user` is not declared: did you mean `users`\?\n/)
})
