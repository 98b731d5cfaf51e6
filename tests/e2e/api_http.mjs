/* api_http.mjs - the admin port as an HTTP server: keys, errors, and requests in every shape HTTP allows. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, describe, test } from 'node:test'
import { api, connect, emit, inbox } from './clients.mjs'
import { metric, refusal } from './prometheus.mjs'
import { KEY, started, until } from './server.mjs'
import { Wire } from './wire.mjs'

const KEYS = { ops: 'ops-key-0123456789abcdef', app: 'app-key-0123456789abcdef', mon: 'mon-key-0123456789abcdef' }

let s
before(async () => {
	s = await started({
		workers: 2,
		admin: `admin "127.0.0.1:0" {
			client "ops" { key = "${KEYS.ops}" }
			client "app" { key = "${KEYS.app}"  may = {publish} }
			client "mon" { key = "${KEYS.mon}"  may = read }
			client "own" { key = "${KEY}" }
		}`
	})
})
after(() => s.destroy())

const error = (r, status, code) => {
	assert.equal(r.status, status, r.text)
	assert.match(r.headers['content-type'], /^application\/json/)
	const { error: e } = JSON.parse(r.text)
	assert.equal(e.code, code)
	assert.ok(e.message.length > 5)
}

describe('keys', () => {
	test('health and ready need none', async () => {
		const health = await api(s, 'GET', '/health', undefined, { key: null })
		assert.deepEqual([health.status, health.json], [200, { status: 'ok' }])
		const ready = await api(s, 'GET', '/ready', undefined, { key: null })
		assert.deepEqual([ready.status, ready.json], [200, { ready: true }])
	})

	const wrong = { 'none': {}, 'another': { authorization: 'Bearer nope' }, 'an empty one': { authorization: 'Bearer ' },
		'a longer one': { authorization: `Bearer ${KEY}x` }, 'a shorter one': { authorization: `Bearer ${KEY.slice(0, -1)}` },
		'in another scheme': { authorization: `Basic ${KEY}` }, 'without a scheme': { authorization: KEY }, 'in another header': { 'x-api-key': KEY } }
	for (const [what, headers] of Object.entries(wrong)) {
		test(`401: ${what}`, async () => {
			for (const [method, path] of [['GET', '/v1/sockets'], ['POST', '/v1/emit'], ['GET', '/metrics'], ['GET', '/nosuch'], ['DELETE', '/v1/emit']]) {
				const r = await refusal(s, 'api_key', () => api(s, method, path, method === 'POST' ? {} : undefined, { key: null, headers }))
				error(r, 401, 'unauthorized')
				assert.equal(r.headers['www-authenticate'], 'Bearer')
			}
		})
	}

	test('the scheme in any case', async () =>
		assert.equal((await api(s, 'GET', '/v1/stats', undefined, { key: null, headers: { authorization: `bearer ${KEY}` } })).status, 200))

	const may = [
		['POST', '/v1/emit', { to: 'all', event: 'e' }, ['ops', 'app']],
		['POST', '/v1/sockets/join', { in: 'all', rooms: 'r:1' }, ['ops']],
		['POST', '/v1/sockets/leave', { in: 'all', rooms: 'r:1' }, ['ops']],
		['POST', '/v1/sockets/disconnect', { in: 'user:nobody' }, ['ops']],
		['GET', '/v1/sockets', undefined, ['ops', 'mon']],
		['GET', '/v1/rooms', undefined, ['ops', 'mon']],
		['GET', '/v1/users/x', undefined, ['ops', 'mon']],
		['GET', '/v1/stats', undefined, ['ops', 'mon']],
		['GET', '/metrics', undefined, ['ops', 'mon']]
	]
	for (const [method, path, body, who] of may) {
		test(`${method} ${path}: ${who}`, async () => {
			for (const [name, key] of Object.entries(KEYS)) {
				const r = await api(s, method, path, body, { key })
				if (who.includes(name)) assert.ok(r.status === 200 || r.status === 202, `${name}: ${r.status}`)
				else error(r, 403, 'forbidden')
			}
		})
	}
})

describe('errors', () => {
	test('404 and 405', async () => {
		for (const path of ['/index.html', '/v1/console.js', '/v1', '/v1/emit/', '/v1/Emit', '/v1/nosuch', '/socket.io/?EIO=4&transport=websocket'])
			error(await refusal(s, 'http_not_found', () => api(s, 'GET', path)), 404, 'not_found')
		for (const [method, path, allow] of [['GET', '/v1/emit', 'POST'], ['POST', '/metrics', 'GET, HEAD'], ['DELETE', '/v1/rooms', 'GET, HEAD'], ['PUT', '/v1/sockets/x', 'GET, HEAD'], ['OPTIONS', '/v1/stats', 'GET, HEAD']]) {
			const r = await api(s, method, path)
			error(r, 405, 'method_not_allowed')
			assert.equal(r.headers.allow, allow)
		}
	})

	test('413: a body of more than a megabyte, told before it is sent', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		const head = `POST /v1/emit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: 2000000\r\n\r\n`
		error(await refusal(s, 'http_too_large', () => wire.write(head).response()), 413, 'too_large')
		assert.equal(await wire.ended(), 'fin')
	})

	test('413: a chunked one, as soon as it is seen', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		wire.write(`POST /v1/emit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nTransfer-Encoding: chunked\r\n\r\n`)
		const chunk = `10000\r\n${'x'.repeat(65536)}\r\n`
		for (let i = 0; i < 17; i++) wire.write(chunk)
		error(await wire.response(), 413, 'too_large')
	})

	const heads = [
		['400', 'GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400, 'http_syntax'],
		['414', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414, 'http_too_large'],
		['431', `GET /health HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(17000)}\r\n\r\n`, 431, 'http_too_large'],
		['501', 'POST /v1/emit HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n', 501, 'http_syntax'],
		['505', 'GET /health HTTP/2.0\r\nHost: x\r\n\r\n', 505, 'http_syntax']
	]
	for (const [what, head, status, reason] of heads) {
		test(`${what} has the shape of all errors, and the connection ends`, async (t) => {
			const wire = await Wire.open(t, s.admin_port)
			const r = await refusal(s, reason, () => wire.write(head).response())
			assert.equal(r.status, status)
			assert.deepEqual(Object.keys(JSON.parse(r.text).error), ['code', 'message'])
			assert.equal(r.headers.connection, 'close')
			assert.equal(await wire.ended(), 'fin')
		})
	}
})

describe('shapes of requests', () => {
	const AUTH = `Host: x\r\nAuthorization: Bearer ${KEY}\r\n`
	const post = (json, more = '') => `POST /v1/emit HTTP/1.1\r\n${AUTH}Content-Length: ${Buffer.byteLength(json)}\r\n${more}\r\n${json}`
	const EMIT = '{"to":"all","event":"e","data":1}'

	test('HEAD is GET without the body', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		for (const path of ['/health', '/ready', '/v1/rooms', '/v1/sockets/x']) {
			wire.write(`HEAD ${path} HTTP/1.1\r\n${AUTH}\r\n`)
			const head = await wire.response({ no_body: true })
			wire.write(`GET ${path} HTTP/1.1\r\n${AUTH}\r\n`)
			const get = await wire.response()
			assert.equal(head.status, get.status)
			assert.equal(head.headers['content-length'], get.headers['content-length'])
			assert.equal(head.headers['content-type'], get.headers['content-type'])
		}
		assert.equal(wire.data.length, 0)
	})

	test('a connection is kept, for as many requests as one likes', async () => {
		const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
		const accepted = await metric(s, 'accepted_total')
		for (let i = 0; i < 200; i++) assert.equal((await emit(s, 'all', 'e', i)).status, 202)
		const many = (await metric(s, 'accepted_total')) - accepted
		for (let i = 0; i < 200; i++) assert.equal((await api(s, 'POST', '/v1/emit', { to: 'all', event: 'e' }, { agent })).status, 202)
		const one = (await metric(s, 'accepted_total')) - accepted - many
		agent.destroy()
		assert.ok(many >= 200 && one <= 3, `${many} and ${one}`)
	})

	test('Connection: close, and HTTP/1.0, end with the answer', async (t) => {
		for (const head of [`GET /health HTTP/1.1\r\n${AUTH}Connection: close\r\n\r\n`, 'GET /health HTTP/1.0\r\n\r\n', `GET /health HTTP/1.1\r\n${AUTH}Connection: x, Close\r\n\r\n`]) {
			const wire = await Wire.open(t, s.admin_port)
			const r = await wire.write(head).response()
			assert.equal(r.status, 200)
			assert.equal(r.headers.connection, 'close')
			assert.equal(await wire.ended(), 'fin')
		}
	})

	test('HTTP/1.0 with keep-alive is told that it is kept', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		for (let i = 0; i < 2; i++) {
			const r = await wire.write('GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n').response()
			assert.equal(r.status, 200)
			assert.equal(r.headers.connection, 'keep-alive')
		}
	})

	test('pipelined requests are answered in their order', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		const get = (path) => `GET ${path} HTTP/1.1\r\n${AUTH}\r\n`
		const one = get('/health') + post(EMIT) + get('/v1/sockets') + get('/nosuch') + post('{}') + get('/v1/users/x') + get('/ready')
		wire.write(one.repeat(50))
		for (let i = 0; i < 50; i++)
			for (const status of [200, 202, 200, 404, 422, 200, 200]) assert.equal((await wire.response()).status, status)
		assert.equal(wire.data.length, 0)
	})

	test('3,000 pipelined requests in one write', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		wire.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3000))
		for (let i = 0; i < 3000; i++) assert.equal((await wire.response()).status, 200)
	})

	test('a request byte by byte', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		for (const byte of post(EMIT)) {
			wire.write(byte)
			await new Promise(setImmediate)
		}
		assert.equal((await wire.response()).status, 202)
	})

	test('a body that comes later, in two pieces, with the next request behind it', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		const whole = post(EMIT)
		wire.write(whole.slice(0, -20))
		await new Promise((r) => setTimeout(r, 30))
		wire.write(`${whole.slice(-20)}${whole.slice(0, 50)}`)
		assert.equal((await wire.response()).status, 202)
		wire.write(whole.slice(50))
		assert.equal((await wire.response()).status, 202)
	})

	const chunked = (...lines) => `POST /v1/emit HTTP/1.1\r\n${AUTH}Transfer-Encoding: chunked\r\n\r\n${lines.join('\r\n')}\r\n`
	test('chunked bodies: one chunk, many, extensions, trailers', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		const hex = (text) => Buffer.byteLength(text).toString(16)
		const bodies = [
			chunked(hex(EMIT), EMIT, '0', ''),
			chunked(...[...EMIT].flatMap((c) => ['1', c]), '0', ''),
			chunked(`${hex(EMIT).toUpperCase()};name=value;q="x"`, EMIT, '000', 'X-Trailer: 1', 'Y: 2', ''),
			chunked(`000${hex(EMIT)}`, EMIT, '0', '')
		]
		for (const body of bodies) {
			const r = await wire.write(body).response()
			assert.equal(r.status, 202, r.text)
		}
		for (const body of bodies) wire.write(body)
		for (const _ of bodies) assert.equal((await wire.response()).status, 202)
	})

	const broken = { 'no size': ['', EMIT], 'a size that is no number': ['zz', EMIT], 'a negative size': ['-5', EMIT], 'white space': [' 5', 'x'],
		'0x': ['0x21', EMIT], 'a size of 17 digits': ['00000000000000021', EMIT], 'too little': ['5', EMIT], 'a size beyond 64 bits': ['ffffffffffffffff', 'x'] }
	for (const [what, lines] of Object.entries(broken)) {
		test(`chunks refused: ${what}`, async (t) => {
			const wire = await Wire.open(t, s.admin_port)
			const r = await wire.write(chunked(...lines, '0', '')).response()
			assert.ok([400, 413].includes(r.status), `${r.status}`)
			assert.equal(await wire.ended(), 'fin')
		})
	}

	test('Expect: 100-continue is answered before the body', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		wire.write(post('', 'Expect: 100-continue\r\n').replace('Content-Length: 0', `Content-Length: ${EMIT.length}`))
		const go = await wire.response()
		assert.deepEqual([go.status, go.reason], [100, 'Continue'])
		wire.write(EMIT)
		assert.equal((await wire.response()).status, 202)
		/* A body that came along needs no invitation. */
		wire.write(post(EMIT, 'Expect: 100-continue\r\n'))
		assert.equal((await wire.response()).status, 202)
	})

	test('empty lines in front of a request, an absolute target, a query', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		wire.write('\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n')
		assert.equal((await wire.response()).status, 200)
		wire.write('GET http://x/health?y=z HTTP/1.1\r\nHost: x\r\n\r\n')
		assert.equal((await wire.response()).status, 200)
	})

	test('who sends and shuts its side down still gets the answer', async (t) => {
		for (const path of ['/health', '/v1/sockets', '/metrics']) {
			const wire = await Wire.open(t, s.admin_port)
			wire.write(`GET ${path} HTTP/1.1\r\n${AUTH}\r\n`)
			wire.socket.end()
			assert.equal((await wire.response()).status, 200)
			await wire.ended()
		}
	})

	test('who leaves while its answer is owed harms nobody', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		for (let i = 0; i < 50; i++) {
			const wire = await Wire.open(t, s.admin_port)
			wire.write(`GET /v1/sockets HTTP/1.1\r\n${AUTH}\r\n`)
			wire.socket.resetAndDestroy?.() ?? wire.socket.destroy()
		}
		assert.equal(await a.emitWithAck('ping'), 'pong')
		assert.equal((await api(s, 'GET', '/v1/sockets')).status, 200)
	})

	test('fifty callers at once: every message arrives once', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const heard = inbox(a, 'n')
		await Promise.all([...Array(500).keys()].map((n) => emit(s, 'user:ada', 'n', n)))
		await until('all', () => heard.length >= 500)
		assert.deepEqual(heard.map(([, n]) => n).sort((x, y) => x - y), [...Array(500).keys()])
	})
})
