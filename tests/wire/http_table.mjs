/* http_table.mjs - every row of what a request may be answered: status, body, and the fields that matter. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { handshake } from '../e2e/wire.mjs'
import { Line, fetched } from './http.mjs'
import { UNKNOWN, WITHOUT_SESSION } from './http_rows.mjs'
import { ENGINE, Poller } from './poller.mjs'
import { open_ws } from './sockets.mjs'
import { PATIENT, ours, started, target } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())

const ERRORS = ['Transport unknown', 'Session ID unknown', 'Bad handshake method', 'Bad request', 'Forbidden', 'Unsupported protocol version']

function refused(r, code, status = 400) {
	assert.equal(r.status, status)
	assert.equal(r.headers['content-type'], 'application/json')
	assert.equal(r.text, `{"code":${code},"message":"${ERRORS[code]}"}`)
}

describe('answers', () => {
	test('a poll', async (t) => {
		const r = await fetched(t, s.port, 'GET', `${ENGINE}?EIO=4&transport=polling`)
		assert.equal(r.status, 200)
		assert.equal(r.headers['content-type'], 'text/plain; charset=UTF-8')
		assert.equal(r.headers['cache-control'], 'no-store')
		assert.equal(r.headers['content-length'], String(r.body.length))
		assert.match(r.headers.date, / GMT$/)
		assert.equal(r.headers['set-cookie'], undefined)
		assert.equal(r.headers['access-control-allow-origin'], undefined)
	})

	test('a post', async (t) => {
		const p = await Poller.open(t, s.port)
		const r = await p.post('4a')
		assert.equal(r.status, 200)
		assert.equal(r.headers['content-type'], 'text/html')
		assert.equal(r.headers['cache-control'], 'no-store')
		assert.equal(r.headers['content-length'], '2')
		assert.equal(r.text, 'ok')
	})

	test('a length counts bytes, not letters', async (t) => {
		const p = await Poller.open(t, s.port)
		await p.push('4é€💛')
		const r = await p.get()
		assert.equal(r.headers['content-length'], '10')
		assert.equal(r.text, '4é€💛')
	})

	for (const agent of ['Mozilla/4.0 (compatible;MSIE 7.0)', 'Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0)']) {
		test(`an old browser is told to keep its filter out: ${agent}`, async (t) => {
			const p = await Poller.open(t, s.port, ENGINE, { fields: { 'User-Agent': agent } })
			assert.equal(p.response.headers['x-xss-protection'], '0')
			assert.equal((await p.post('4a', { fields: { 'User-Agent': agent } })).headers['x-xss-protection'], '0')
			assert.equal((await p.get()).headers['x-xss-protection'], undefined)
		})
	}
})

describe('refused without a session', () => {
	for (const [what, method, query, code] of WITHOUT_SESSION) {
		test(what, async (t) => {
			const fields = method === 'POST' || method === 'PUT' ? { 'Content-Length': '0' } : {}
			const r = await fetched(t, s.port, method, `${ENGINE}${query && `?${query}`}`, { fields })
			if (method !== 'HEAD') return refused(r, code)
			assert.equal(r.status, 400)
		})
	}
})

describe('refused with a session', () => {
	/* Method, what is changed in the query, status, code or empty body, and whether the session lives. */
	const rows = [
		['transport=websocket without an upgrade', 'GET', (u) => u.replace('polling', 'websocket'), 400, 3, true],
		['an unknown transport', 'GET', (u) => u.replace('polling', 'abc'), 400, 0, true],
		['another EIO', 'GET', (u) => u.replace('EIO=4', 'EIO=3'), 400, 3, true],
		['no EIO', 'GET', (u) => u.replace('EIO=4&', ''), 400, 3, true],
		['PUT', 'PUT', (u) => u, 500, '', true],
		['DELETE', 'DELETE', (u) => u, 500, '', true],
		['PATCH', 'PATCH', (u) => u, 500, '', true],
		['OPTIONS', 'OPTIONS', (u) => u, 500, '', true],
		['HEAD', 'HEAD', (u) => u, 500, '', true]
	]
	for (const [what, method, change, status, code, lives] of rows) {
		test(what, async (t) => {
			const p = await Poller.open(t, s.port)
			const fields = method === 'PUT' || method === 'PATCH' ? { 'Content-Length': '0' } : {}
			const r = await fetched(t, s.port, method, change(p.url()), { fields })
			if (code === '') {
				assert.equal(r.status, status)
				assert.equal(r.text, '')
			} else {
				refused(r, code, status)
			}
			await (lives ? p.lives() : p.gone())
		})
	}

	test('a body of bytes', async (t) => {
		const p = await Poller.open(t, s.port)
		const r = await p.post('4a', { fields: { 'Content-Type': 'application/octet-stream' } })
		assert.equal(r.status, 400)
		assert.equal(r.text, '')
		await p.gone()
	})

	test('a body of bytes, while a poll waits: it hears the close', async (t) => {
		const p = await Poller.open(t, s.port)
		const pending = await p.start()
		await p.post('4a', { fields: { 'Content-Type': 'application/octet-stream' } })
		const r = await pending.response()
		assert.equal(r.status, 200)
		assert.equal(r.text, '1')
	})

	for (const type of [null, 'text/plain', 'application/json', 'application/octet-stream; a=b', 'application/x-www-form-urlencoded', '']) {
		test(`any other body is text: ${type}`, async (t) => {
			const p = await Poller.open(t, s.port)
			const r = await p.post('4a', { fields: { 'Content-Type': type } })
			assert.equal(r.text, 'ok')
			assert.equal(await p.packet(), '4a')
		})
	}

	test('more than max_payload: refused, and the session lives', async (t) => {
		const small = await target(t, { ...PATIENT, max_payload: 1000 })
		const p = await Poller.open(t, small.port)
		assert.equal(p.opened.maxPayload, 1000)
		for (const n of [1001, 2000, 500000]) {
			const r = await p.post(`4${'x'.repeat(n - 1)}`)
			assert.equal(r.status, 413)
			assert.equal(r.text, '')
			await p.lives()
		}
		await p.push(`4${'x'.repeat(999)}`)
		assert.equal(await p.packet(), `4${'x'.repeat(999)}`)
	})

	test('the same in chunks, which nobody announced', async (t) => {
		const small = await target(t, { ...PATIENT, max_payload: 1000 })
		const p = await Poller.open(t, small.port)
		const line = await p.start('POST', { fields: { 'Transfer-Encoding': 'chunked' } })
		for (let i = 0; i < 3; i++) line.write(`190\r\n${'x'.repeat(400)}\r\n`)
		line.write('0\r\n\r\n')
		const r = await line.response()
		assert.equal(r.status, 413)
		assert.equal(r.text, '')
		await p.lives()
	})

	test('more than max_payload on a WebSocket: 1009', async (t) => {
		const small = await target(t, { ...PATIENT, max_payload: 1000 })
		const wire = await open_ws(t, small.port)
		wire.send(`4${'x'.repeat(999)}`)
		assert.equal((await wire.text()).length, 1000)
		wire.send(`4${'x'.repeat(1000)}`)
		assert.equal(await wire.closed(), 1009)
	})
})

describe('an upgrade is refused in plain words', () => {
	const rows = [
		['no transport', {}, 'EIO=4', 'Transport unknown'],
		['an unknown transport', {}, 'EIO=4&transport=abc', 'Transport unknown'],
		['webtransport', {}, 'EIO=4&transport=webtransport', 'Transport unknown'],
		['unknown sid', {}, `EIO=4&transport=websocket&sid=${UNKNOWN}`, 'Session ID unknown'],
		['unknown sid, polling', {}, `EIO=4&transport=polling&sid=${UNKNOWN}`, 'Session ID unknown'],
		['unknown transport before unknown sid', {}, `EIO=4&transport=abc&sid=${UNKNOWN}`, 'Transport unknown']
	]
	for (const [what, fields, query, text] of rows) {
		test(what, async (t) => {
			const line = await Line.open(t, s.port)
			line.write(handshake(fields, { path: `${ENGINE}?${query}` }))
			const r = await line.response()
			assert.equal(r.status, 400)
			assert.equal(r.reason, 'Bad Request')
			assert.equal(r.headers.connection, 'close')
			assert.equal(r.headers['content-type'], 'text/html')
			assert.equal(r.headers['content-length'], String(text.length))
			assert.equal(r.text, text)
			await line.ended()
		})
	}

	test('another EIO than the session\'s', async (t) => {
		const p = await Poller.open(t, s.port)
		const line = await Line.open(t, s.port)
		line.write(handshake({}, { path: p.url('websocket').replace('EIO=4', 'EIO=3') }))
		const r = await line.response()
		assert.equal(r.status, 400)
		assert.equal(r.text, 'Bad request')
		await p.lives()
	})

	ours('the reference finds out after the 101', 'another protocol version', async (t) => {
		for (const query of ['EIO=3&transport=websocket', 'transport=websocket']) {
			const line = await Line.open(t, s.port)
			line.write(handshake({}, { path: `${ENGINE}?${query}` }))
			const r = await line.response()
			assert.equal(r.status, 400)
			assert.equal(r.text, 'Unsupported protocol version')
		}
	})

	test('another path: closed after a second', async (t) => {
		const line = await Line.open(t, s.port)
		const at = performance.now()
		line.write(handshake({}, { path: '/elsewhere/?EIO=4&transport=websocket' }))
		const r = await line.response()
		if (r.status !== 0) assert.equal(r.status, 404) /* an answer is better than silence */
		await line.ended()
		assert.ok(performance.now() - at < 2000)
	})
})

describe('transports', () => {
	test('polling alone', async (t) => {
		const one = await target(t, { ...PATIENT, transports: ['polling'] })
		const p = await Poller.open(t, one.port)
		refused(await fetched(t, one.port, 'GET', `${ENGINE}?EIO=4&transport=websocket`), 0)
		refused(await fetched(t, one.port, 'GET', p.url('websocket')), 0)
		await p.lives()
	})

	ours('the reference offers it all the same', 'polling alone offers no upgrade', async (t) => {
		const one = await target(t, { ...PATIENT, transports: ['polling'] })
		assert.deepEqual((await Poller.open(t, one.port)).opened.upgrades, [])
	})

	test('WebSocket alone', async (t) => {
		const one = await target(t, { ...PATIENT, transports: ['websocket'] })
		refused(await fetched(t, one.port, 'GET', `${ENGINE}?EIO=4&transport=polling`), 0)
		const wire = await open_ws(t, one.port)
		wire.send('4on')
		assert.equal(await wire.text(), '4on')
	})
})
