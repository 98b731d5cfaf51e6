/* client_handshake.mjs - the opening, byte by byte, beside Socket.IO's own server. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { refusal } from './prometheus.mjs'
import { reference } from './reference.mjs'
import { started } from './server.mjs'
import { Wire, frame, handshake, open_engine } from './wire.mjs'

let ours
let theirs
before(async () => {
	ours = await started({
		conf: 'event "echo" { emit = echo  to = self }\nengine { transports = websocket  ping_interval = 300ms  ping_timeout = 200ms  max_payload = 12345 }',
		auth: 'auth { anonymous = yes }'
	})
	theirs = await reference({ pingInterval: 300, pingTimeout: 200, maxHttpBufferSize: 12345 })
})
after(async () => {
	await theirs.stop()
	await ours.destroy()
})

const both = (fn) => Promise.all([fn(ours.port), fn(theirs.port)])
const fields = ({ head }) => head.split('\r\n').slice(1, -2).sort()

describe('101', () => {
	test('status line and header fields are the same', async (t) => {
		const [a, b] = await both(async (port) => (await Wire.open(t, port)).write(handshake()).response())
		assert.equal(a.head.split('\r\n')[0], b.head.split('\r\n')[0])
		assert.deepEqual(fields(a), fields(b))
	})

	test('the open packet differs in nothing but the id', async (t) => {
		const [a, b] = await both(async (port) => {
			const wire = await Wire.open(t, port)
			wire.write(handshake())
			await wire.response()
			return wire.text()
		})
		const plain = (text) => text.replace(/"sid":"[A-Za-z0-9_-]{20}"/, '"sid":"SID"')
		assert.equal(plain(a), plain(b))
		assert.notEqual(plain(a), a)
	})

	test('so do the CONNECT reply, a ping, an event, an ack and a DISCONNECT', async (t) => {
		const [a, b] = await both(async (port) => {
			const wire = await open_engine(t, port)
			wire.send('40')
			const heard = [await wire.text()]
			for (const text of ['42["ping"]', '427["ping"]', '42["echo",{"a":1},[2]]', '420["echo"]']) wire.send(text)
			while (heard.length < 7) heard.push(await wire.text())
			return heard.map((h) => h.replace(/[A-Za-z0-9_-]{20}/, 'SID'))
		})
		/* Acks may overtake the events of the same rule there; here they come behind what they confirm. */
		assert.deepEqual([...a].sort(), [...b].sort())
		assert.equal(a[0], b[0])
		assert.equal(a.at(-1), '2')
	})

	test('the key is answered as RFC 6455 says, for any key', async (t) => {
		const [a, b] = await both(async (port) =>
			(await Wire.open(t, port)).write(handshake({ 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' })).response())
		assert.equal(a.headers['sec-websocket-accept'], b.headers['sec-websocket-accept'])
	})

	test('frames may come with the request, and the request in pieces', async (t) => {
		for (const step of [1, 7, 1000]) {
			const wire = await Wire.open(t, ours.port)
			const bytes = Buffer.concat([Buffer.from(handshake()), frame('40'), frame('421["ping"]')])
			for (let i = 0; i < bytes.length; i += step) {
				wire.write(bytes.subarray(i, i + step))
				if (step < 1000) await new Promise(setImmediate)
			}
			assert.equal((await wire.response()).status, 101)
			assert.match(await wire.text(), /^0\{/)
			assert.match(await wire.text(), /^40\{/)
			assert.equal(await wire.text(), '431["pong"]')
		}
	})

	const accepted = {
		'a path behind the prefix': { path: '/socket.io/x/y?EIO=4&transport=websocket' },
		'parameters in any order': { path: '/socket.io/?t=abc&transport=websocket&b64=1&EIO=4' },
		'Connection as a list, any case': { fields: { Connection: 'keep-alive, uPGRADE', Upgrade: 'WebSocket' } },
		'a subprotocol': { fields: { 'Sec-WebSocket-Protocol': 'mqtt' } },
		'two subprotocols': { fields: { 'Sec-WebSocket-Protocol': 'mqtt , wamp' } },
		'an extension that is not offered': { fields: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' } },
		'an empty sid': { path: '/socket.io/?EIO=4&transport=websocket&sid=' }
	}
	for (const [what, how] of Object.entries(accepted)) {
		test(`${what} is fine with both`, async (t) => {
			const [a, b] = await both(async (port) =>
				(await Wire.open(t, port)).write(handshake(how.fields, how)).response())
			assert.deepEqual([a.status, b.status], [101, 101])
			assert.deepEqual(fields(a), fields(b))
		})
	}
})

describe('refused before 101, as by the reference', () => {
	const upgrades = {
		'no transport': '/socket.io/?EIO=4',
		'an unknown transport': '/socket.io/?EIO=4&transport=carrier-pigeon',
		'webtransport': '/socket.io/?EIO=4&transport=webtransport',
		'polling': '/socket.io/?EIO=4&transport=polling',
		'an unknown sid': '/socket.io/?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA'
	}
	for (const [what, path] of Object.entries(upgrades)) {
		test(`an upgrade with ${what}`, async (t) => {
			const [a, b] = await both(async (port) => {
				const wire = await Wire.open(t, port)
				const { status, text, headers } = await wire.write(handshake({}, { path })).response()
				return { status, text, connection: headers.connection, end: await wire.ended() }
			})
			assert.deepEqual(a, b)
			assert.equal(a.status, 400)
		})
	}

	const requests = {
		'no transport': ['GET', '/socket.io/?EIO=4'],
		'polling, which is not offered': ['GET', '/socket.io/?EIO=4&transport=polling'],
		'an unknown sid': ['GET', '/socket.io/?EIO=4&transport=websocket&sid=x'],
		'a POST': ['POST', '/socket.io/?EIO=4&transport=websocket'],
		'a DELETE': ['DELETE', '/socket.io/?EIO=4&transport=websocket'],
		'websocket without an upgrade': ['GET', '/socket.io/?EIO=4&transport=websocket']
	}
	for (const [what, [method, path]] of Object.entries(requests)) {
		test(`a plain request with ${what}`, async (t) => {
			const [a, b] = await both(async (port) => {
				const wire = await Wire.open(t, port)
				wire.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`)
				const { status, text, headers } = await wire.response()
				return { status, text, type: headers['content-type'] }
			})
			assert.deepEqual(a, b)
			assert.equal(a.status, 400)
		})
	}

	test('another EIO: 400 before 101, where the reference upgrades first', async (t) => {
		for (const eio of ['', 'EIO=3&', 'EIO=5&', 'EIO=44&']) {
			const { status, text } = await refusal(ours, 'handshake', async () =>
				(await Wire.open(t, ours.port)).write(handshake({}, { path: `/socket.io/?${eio}transport=websocket` })).response())
			assert.equal(status, 400)
			assert.equal(text, 'Unsupported protocol version')
		}
	})

	test('another path: 404', async (t) => {
		for (const path of ['/', '/socket.io?EIO=4&transport=websocket', '/engine.io/?EIO=4&transport=websocket', '/socket.ioo/'])
			await refusal(ours, 'http_not_found', async () => {
				const wire = await Wire.open(t, ours.port)
				assert.equal((await wire.write(handshake({}, { path })).response()).status, 404)
				assert.equal(await wire.ended(), 'fin')
			})
	})

	const keys = {
		'no key': [400, { 'Sec-WebSocket-Key': null }],
		'an empty key': [400, { 'Sec-WebSocket-Key': '' }],
		'a key that is no base64': [400, { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZ!==' }],
		'a short key': [400, { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZQ==' }],
		'a subprotocol that is no token': [400, { 'Sec-WebSocket-Protocol': 'a/b' }],
		'an empty subprotocol': [400, { 'Sec-WebSocket-Protocol': '' }],
		'two keys': [400, { 'Sec-WebSocket-Key': ['dGhlIHNhbXBsZSBub25jZQ==', 'AAAAAAAAAAAAAAAAAAAAAA=='] }],
		'no version': [426, { 'Sec-WebSocket-Version': null }],
		'version 12': [426, { 'Sec-WebSocket-Version': '12' }],
		'Upgrade to something else': [400, { Upgrade: 'h2c' }],
		'Upgrade without Connection': [400, { Connection: 'keep-alive' }],
		'Connection without Upgrade': [400, { Upgrade: null }],
		'a body': [400, { 'Content-Length': '5' }],
		'a POST': [400, {}, 'POST'],
		'HTTP/1.0': [400, {}, 'GET', 'HTTP/1.0']
	}
	for (const [what, [expected, fields, method, version]] of Object.entries(keys)) {
		test(`${what}: ${expected}`, async (t) => {
			const wire = await Wire.open(t, ours.port)
			const r = await wire.write(handshake(fields, { method, version })).response()
			assert.equal(r.status, expected)
			if (expected === 426) assert.equal(r.headers['sec-websocket-version'], '13')
		})
	}
})

describe('a page on the admin port', () => {
	const status = async (t, host) => {
		const wire = await Wire.open(t, ours.port)
		return (await wire.write(handshake({ Origin: `http://${host}:${ours.admin_port}` })).response()).status
	}

	for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]'])
		test(`of this host, as ${host}: is the console`, async (t) => assert.equal(await status(t, host), 101))

	for (const host of ['127.example.com', '127.0.0.1.example.com', 'localhost.example.com', '127.0.0.1x'])
		test(`of another that looks like it, ${host}: refused`, async (t) => assert.equal(await status(t, host), 400))
})
