/* bad_http.mjs - requests that are broken, too large, too slow or meant to be read twice: answered, counted, forgotten. */
import assert from 'node:assert/strict'
import { after, before, afterEach, describe, test } from 'node:test'
import { connect } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { sleep, started, until } from './server.mjs'
import { Wire, WS_KEY, handshake, open_engine } from './wire.mjs'

let s
let worker
let bystander
const suite = { after: () => {} }
before(async () => {
	s = await started({ workers: 1, conf: 'header_timeout = 400ms', auth: 'auth { anonymous = yes }' })
	worker = s.worker(0).pid
	bystander = await connect(suite, s)
})
after(() => {
	bystander.disconnect()
	return s.destroy()
})
/* Whatever a test did, others on the same worker go on as before. */
afterEach(async () => {
	assert.equal(await bystander.emitWithAck('ping'), 'pong')
	assert.equal(s.worker(0).pid, worker)
})

const GOOD = { Host: 'x', Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': WS_KEY }
const lines = (more = [], base = GOOD) => [...Object.entries(base).map(([k, v]) => `${k}: ${v}`), ...more].join('\r\n')
const TARGET = '/socket.io/?EIO=4&transport=websocket'
const head = (more, line = `GET ${TARGET} HTTP/1.1`) => `${line}\r\n${lines(more)}\r\n\r\n`

describe('refused with a status, and the connection ends', () => {
	const cases = {
		'no method': [` ${TARGET} HTTP/1.1\r\n${lines()}\r\n\r\n`, 400],
		'a method in small letters': [head([], `get ${TARGET} HTTP/1.1`), 400],
		'no target': [head([], 'GET HTTP/1.1'), 400],
		'no version': [head([], `GET ${TARGET}`), 400],
		'two spaces': [head([], `GET  ${TARGET} HTTP/1.1`), 400],
		'a tab for a space': [head([], `GET\t${TARGET} HTTP/1.1`), 400],
		'a space behind the version': [head([], `GET ${TARGET} HTTP/1.1 `), 400],
		'a target without a slash': [head([], 'GET socket.io HTTP/1.1'), 400],
		'a control byte in the target': [head([], 'GET /socket.io/?\x01 HTTP/1.1'), 400],
		'bytes beyond ASCII in the target': [head([], 'GET /socket.io/é HTTP/1.1'), 400],
		'a fragment in the target': [head([], 'GET /socket.io/#x HTTP/1.1'), 400],
		'HTTP/1.2': [head([], `GET ${TARGET} HTTP/1.2`), 505],
		'HTTP/2.0': [head([], `GET ${TARGET} HTTP/2.0`), 505],
		'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
		'another protocol': [head([], `GET ${TARGET} ICE/1.1`), 400],
		'http in small letters': [head([], `GET ${TARGET} http/1.1`), 400],
		'a TLS hello': [Buffer.from('160301020001000001fc0303aabbccdd0d0a0d0a', 'hex'), 400],
		'no Host': [`GET ${TARGET} HTTP/1.1\r\nA: b\r\n\r\n`, 400],
		'an empty Host': [`GET ${TARGET} HTTP/1.1\r\nHost:\r\n\r\n`, 400],
		'two Hosts': [head(['Host: y']), 400],
		'a Host with a path': [`GET ${TARGET} HTTP/1.1\r\nHost: a/b\r\n\r\n`, 400],
		'another host in the target': [`GET http://evil${TARGET} HTTP/1.1\r\nHost: x\r\n\r\n`, 400],
		'a space before the colon': [head(['X : y']), 400],
		'a tab before the colon': [head(['X\t: y']), 400],
		'a name with a space': [head(['X y: z']), 400],
		'a name with a bracket': [head(['X(): z']), 400],
		'an empty name': [head([': z']), 400],
		'a line without a colon': [head(['nothing']), 400],
		'a folded line': [head(['X: a', ' b']), 400],
		'a folded line with a tab': [head(['X: a', '\tb']), 400],
		'white space before the first field': [`GET ${TARGET} HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n`, 400],
		'a bare LF in the head': [`GET ${TARGET} HTTP/1.1\r\nHost: x\nX: y\r\n\r\n`, 400],
		'bare LFs only': [`GET ${TARGET} HTTP/1.1\nHost: x\n\n`, 400],
		'a bare CR': [`GET ${TARGET} HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n`, 400],
		'a NUL in a value': [head(['X: a\0b']), 400],
		'a control byte in a value': [head(['X: a\x07b']), 400],
		'Content-Length and Transfer-Encoding': [head(['Content-Length: 5', 'Transfer-Encoding: chunked']), 400],
		'two Content-Lengths': [head(['Content-Length: 0', 'Content-Length: 0']), 400],
		'two Content-Lengths in one': [head(['Content-Length: 0, 0']), 400],
		'a Content-Length with a sign': [head(['Content-Length: +0']), 400],
		'a negative Content-Length': [head(['Content-Length: -1']), 400],
		'a Content-Length in hex': [head(['Content-Length: 0x0']), 400],
		'an empty Content-Length': [head(['Content-Length:']), 400],
		'a Content-Length beyond 64 bits': [head(['Content-Length: 99999999999999999999999']), 400],
		'an unknown transfer coding': [head(['Transfer-Encoding: gzip']), 501],
		'chunked twice': [head(['Transfer-Encoding: chunked, chunked']), 400],
		'chunked, then something else': [head(['Transfer-Encoding: chunked, gzip']), 400],
		'chunked with a byte before it': [head(['Transfer-Encoding: \x0bchunked']), 400],
		'two Transfer-Encodings': [head(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']), 400],
		'Transfer-Encoding with HTTP/1.0': [`POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
		'an upgrade with a body': [head(['Content-Length: 1']), 400],
		'an upgrade with chunks': [head(['Transfer-Encoding: chunked']), 400],
		'two Authorizations': [head(['Authorization: Bearer a', 'Authorization: Bearer b']), 400],
		'two Origins': [head(['Origin: http://a', 'Origin: http://b']), 400],
		'a target of 9,000 bytes': [head([], `GET /socket.io/?${'x'.repeat(9000)} HTTP/1.1`), 414],
		'a target that never ends': [`GET /${'x'.repeat(20000)}`, 414],
		'a head of 17,000 bytes': [head([`X: ${'y'.repeat(17000)}`]), 431],
		'a head that never ends': [`GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(4000)}`, 431],
		'101 fields': [head([...Array(101).keys()].map((i) => `X${i}: y`)), 431],
		'20,000 empty lines': ['\r\n'.repeat(20000), 431]
	}
	for (const [what, [bytes, status]] of Object.entries(cases)) {
		test(`${what}: ${status}`, async (t) => {
			const reason = status === 414 || status === 431 ? 'http_too_large' : 'http_syntax'
			await refusal(s, reason, async () => {
				const wire = await Wire.open(t, s.port)
				const r = await wire.write(bytes).response()
				assert.equal(r.status, status)
				assert.equal(r.headers.connection, 'close')
				assert.equal(await wire.ended(), 'fin')
				assert.equal(wire.data.length, 0)
			})
		})
	}

	test('what stands behind a refused request is not read as another', async (t) => {
		const wire = await Wire.open(t, s.port)
		wire.write(head(['Content-Length: 5', 'Transfer-Encoding: chunked']) + handshake() + handshake())
		assert.equal((await wire.response()).status, 400)
		assert.equal(await wire.ended(), 'fin')
		assert.equal(wire.data.length, 0)
	})

	test('a smuggled request inside a body is a body', async (t) => {
		const wire = await Wire.open(t, s.port)
		const inner = handshake()
		wire.write(`POST /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`)
		const r = await wire.response()
		assert.deepEqual([r.status, r.text], [400, '{"code":2,"message":"Bad handshake method"}'])
		wire.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n')
		assert.equal((await wire.response()).status, 404)
	})

	test('a body of more than max_payload, for a session that takes bodies: 413', async (t) => {
		const target = '/socket.io/?EIO=4&transport=polling'
		const wire = await Wire.open(t, s.port)
		wire.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
		const { sid } = JSON.parse((await wire.response()).text.slice(1))
		await refusal(s, 'http_too_large', async () => {
			wire.write(`POST ${target}&sid=${sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n`)
			assert.equal((await wire.response()).status, 413)
			assert.equal(await wire.ended(), 'fin')
		})
	})
})

describe('too slow', () => {
	test('nothing at all: 408 within header_timeout', async (t) => {
		const wire = await Wire.open(t, s.port)
		const since = Date.now()
		await refusal(s, 'http_timeout', async () => assert.equal((await wire.response()).status, 408))
		assert.ok(Date.now() - since > 300, `${Date.now() - since} ms`)
		assert.equal(await wire.ended(), 'fin')
	})

	test('a byte now and then does not help: the whole head has one deadline', async (t) => {
		const wire = await Wire.open(t, s.port)
		const bytes = handshake()
		let i = 0
		const since = Date.now()
		const drip = setInterval(() => wire.write(bytes[i++]), 30)
		t.after(() => clearInterval(drip))
		await refusal(s, 'http_timeout', async () => assert.equal((await wire.response()).status, 408))
		assert.ok(Date.now() - since > 300 && Date.now() - since < 2500, `${Date.now() - since} ms`)
	})

	test('a second request on a kept connection is under the same deadline', async (t) => {
		const wire = await Wire.open(t, s.port)
		wire.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n')
		assert.equal((await wire.response()).status, 404)
		await sleep(600) /* doing nothing between two requests is fine */
		wire.write('GET /nothing HT')
		await refusal(s, 'http_timeout', async () => assert.equal((await wire.response()).status, 408))
	})

	test('a kept connection may upgrade, and is under no deadline then', async (t) => {
		const wire = await Wire.open(t, s.port)
		wire.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n')
		assert.equal((await wire.response()).status, 404)
		wire.write(handshake())
		assert.equal((await wire.response()).status, 101)
		await wire.text()
		await sleep(700)
		wire.send('40')
		assert.match(await wire.text(), /^40/)
	})

	test('two hundred of them at once go as one does', async (t) => {
		await refusal(s, 'http_timeout', async () => {
			const all = await Promise.all([...Array(200).keys()].map(() => Wire.open(t, s.port)))
			for (const wire of all) wire.write('GET /socket.io/ HTTP/1.1\r\nHost: x\r\nX: ')
			for (const wire of all) assert.equal((await wire.response()).status, 408)
		}, 200)
	})

	test('who has upgraded is under that deadline no more', async (t) => {
		const wire = await open_engine(t, s.port)
		await sleep(700)
		wire.send('40')
		assert.match(await wire.text(), /^40/)
	})
})

describe('connections that just end', () => {
	const parts = ['', 'G', 'GET / HT', handshake().slice(0, -2), handshake().slice(0, -1)]
	for (const part of parts) {
		test(`after ${part.length} bytes: by FIN and by RST`, async (t) => {
			for (const how of ['end', 'resetAndDestroy']) {
				const wire = await Wire.open(t, s.port)
				wire.write(part)
				await new Promise(setImmediate)
				wire.socket[how]()
				if (how === 'end') await wire.ended()
			}
		})
	}

	test('they leave nothing behind', async () => {
		/* The bystander, and perhaps one status query's. */
		await until('the connections to go', () => s.worker(0).counters.connections <= 1)
	})
})
