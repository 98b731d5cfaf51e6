/* http_cors.mjs - pages of other origins, asked beforehand and let in or not; and the session's cookie. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { handshake } from '../e2e/wire.mjs'
import { Line, fetched } from './http.mjs'
import { ENGINE, Poller, SOCKET } from './poller.mjs'
import { open_ws } from './sockets.mjs'
import { PATIENT, ours, started, target } from './target.mjs'

const APP = 'https://app.example'
const OTHER = 'http://localhost:8080'
const EVIL = [
	'https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'https://app.example:444', 'https://APP.example/',
	'null', 'https://sub.app.example'
]
const OPEN = `${ENGINE}?EIO=4&transport=polling`
const FORBIDDEN = '{"code":4,"message":"Forbidden"}'

let s
before(async () => (s = await started({ ...PATIENT, origins: [APP, OTHER], credentials: true })))
after(() => s.stop())

function admitted(r, origin = APP) {
	assert.equal(r.headers['access-control-allow-origin'], origin)
	assert.equal(r.headers['access-control-allow-credentials'], 'true')
	assert.equal(r.headers.vary.match(/\bOrigin\b/g).length, 1)
}

describe('polling', () => {
	for (const origin of [APP, OTHER]) {
		test(`${origin} may, with every request`, async (t) => {
			const fields = { Origin: origin }
			const p = await Poller.open(t, s.port, ENGINE, { fields })
			admitted(p.response, origin)
			admitted(await p.post('4a', { fields }), origin)
			const r = await p.get({ fields })
			assert.equal(r.text, '4a')
			admitted(r, origin)
		})
	}

	test('errors say so, too: the page shall read them', async (t) => {
		const fields = { Origin: APP }
		for (const query of ['EIO=4&transport=abc', 'EIO=3&transport=polling', 'EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA']) {
			const r = await fetched(t, s.port, 'GET', `${ENGINE}?${query}`, { fields })
			assert.equal(r.status, 400)
			admitted(r)
		}
	})

	test('without Origin: whoever asks is no page', async (t) => {
		const p = await Poller.open(t, s.port)
		assert.equal(p.response.headers['access-control-allow-origin'], undefined)
		await p.lives()
	})

	for (const origin of EVIL) {
		test(`${origin} may not open a session`, async (t) => {
			const r = await fetched(t, s.port, 'GET', OPEN, { fields: { Origin: origin } })
			assert.equal(r.status, 403)
			assert.equal(r.text, FORBIDDEN)
			assert.equal(r.headers['access-control-allow-origin'], undefined)
		})
	}

	test('the reason that comes first counts', async (t) => {
		const fields = { Origin: EVIL[0] }
		for (const [query, code] of [['EIO=4&transport=abc', 0], ['EIO=3&transport=polling', 4], ['EIO=4&transport=websocket', 3]]) {
			const r = await fetched(t, s.port, 'GET', `${ENGINE}?${query}`, { fields })
			assert.equal(JSON.parse(r.text).code, code, query)
		}
	})
})

describe('asked beforehand', () => {
	const ask = (t, fields, path = OPEN) => fetched(t, s.port, 'OPTIONS', path, { fields })

	test('method and fields', async (t) => {
		const r = await ask(t, { Origin: APP, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type, x-more' })
		assert.equal(r.status, 204)
		assert.equal(r.text, '')
		admitted(r)
		assert.match(r.headers['access-control-allow-methods'], /\bGET\b.*\bPOST\b/)
		assert.equal(r.headers['access-control-allow-headers'], 'content-type, x-more')
		assert.match(r.headers.vary, /\bAccess-Control-Request-Headers\b/)
	})

	test('no fields, no answer to them', async (t) => {
		const r = await ask(t, { Origin: APP, 'Access-Control-Request-Method': 'GET' })
		assert.equal(r.status, 204)
		assert.equal(r.headers['access-control-allow-headers'], undefined)
	})

	test('about a session, living or not', async (t) => {
		const p = await Poller.open(t, s.port)
		for (const path of [p.url(), p.url().replace(p.sid, 'A'.repeat(20))]) {
			const r = await ask(t, { Origin: APP, 'Access-Control-Request-Method': 'POST' }, path)
			assert.equal(r.status, 204)
			admitted(r)
		}
		await p.lives()
	})

	test('by others: no origin is named', async (t) => {
		for (const origin of EVIL) {
			const r = await ask(t, { Origin: origin, 'Access-Control-Request-Method': 'POST' })
			assert.equal(r.headers['access-control-allow-origin'], undefined, origin)
		}
	})
})

describe('WebSocket', () => {
	async function dial(t, origin, path = `${ENGINE}?EIO=4&transport=websocket`) {
		const line = await Line.open(t, s.port)
		line.write(handshake({ Origin: origin }, { path }))
		return line.response()
	}

	test('may, and the 101 says so', async (t) => {
		const r = await dial(t, APP)
		assert.equal(r.status, 101)
		admitted(r)
		assert.equal((await dial(t, null)).status, 101)
	})

	for (const origin of EVIL) {
		test(`${origin} is refused before the 101`, async (t) => {
			const r = await dial(t, origin)
			assert.equal(r.status, 400)
			assert.equal(r.text, 'Forbidden')
		})
	}

	test('may upgrade', async (t) => {
		const p = await Poller.open(t, s.port, ENGINE, { fields: { Origin: APP } })
		const r = await dial(t, APP, p.url('websocket'))
		assert.equal(r.status, 101)
		admitted(r)
	})

	ours('the reference asks at the handshake only', 'others may not upgrade, poll or post', async (t) => {
		const p = await Poller.open(t, s.port)
		assert.equal((await dial(t, EVIL[0], p.url('websocket'))).status, 400)
		const fields = { Origin: EVIL[0] }
		assert.equal((await p.post('4a', { fields })).status, 403)
		assert.equal((await p.get({ fields })).status, 403)
		await p.lives()
	})
})

describe('the files of the client', () => {
	const FILE = `${SOCKET}socket.io.esm.min.js`
	const whole = (r) => assert.deepEqual([r.status, /^\/\*!/.test(r.text)], [200, true])

	test('may be imported by pages that may connect, from a cache as well', async (t) => {
		for (const origin of [APP, OTHER]) {
			const r = await fetched(t, s.port, 'GET', FILE, { fields: { Origin: origin } })
			whole(r)
			admitted(r, origin)
			const same = await fetched(t, s.port, 'GET', FILE, { fields: { Origin: origin, 'If-None-Match': r.headers.etag } })
			assert.equal(same.status, 304)
			admitted(same, origin)
		}
	})

	test('are given to others without a word of it, and kept apart', async (t) => {
		for (const origin of [undefined, ...EVIL]) {
			const r = await fetched(t, s.port, 'GET', FILE, { fields: origin ? { Origin: origin } : {} })
			whole(r)
			assert.equal(r.headers['access-control-allow-origin'], undefined, origin)
			assert.equal(r.headers.vary.match(/\bOrigin\b/g).length, 1)
		}
	})

	test('asked beforehand', async (t) => {
		const r = await fetched(t, s.port, 'OPTIONS', FILE, { fields: { Origin: APP, 'Access-Control-Request-Method': 'GET' } })
		assert.equal(r.status, 204)
		admitted(r)
	})
})

test('without credentials none are allowed', async (t) => {
	const plain = await target(t, { ...PATIENT, origins: [APP] })
	const r = await fetched(t, plain.port, 'GET', OPEN, { fields: { Origin: APP } })
	assert.equal(r.headers['access-control-allow-origin'], APP)
	assert.equal(r.headers['access-control-allow-credentials'], undefined)
})

describe('the cookie', () => {
	test('names the session, at the polling handshake only', async (t) => {
		const c = await target(t, { ...PATIENT, cookie: true })
		for (const where of [ENGINE, SOCKET]) {
			const p = await Poller.open(t, c.port, where)
			assert.equal(p.response.headers['set-cookie'], `io=${p.sid}; Path=/; HttpOnly; SameSite=Lax`)
			assert.equal((await p.post('3')).headers['set-cookie'], undefined)
			const wire = await open_ws(t, c.port, { where })
			wire.socket.destroy()
		}
		const line = await Line.open(t, c.port)
		line.write(handshake({}, { path: `${ENGINE}?EIO=4&transport=websocket` }))
		const r = await line.response()
		assert.equal(r.status, 101)
		assert.equal(r.headers['set-cookie'], undefined)
	})

	test('is not made unless asked for', async (t) => {
		assert.equal((await Poller.open(t, s.port)).response.headers['set-cookie'], undefined)
	})

	test('that comes back is no matter', async (t) => {
		const p = await Poller.open(t, s.port, ENGINE, { fields: { Cookie: 'io=AAAAAAAAAAAAAAAAAAAA' } })
		await p.push('4a')
		assert.equal(await p.poll({ fields: { Cookie: 'io=x; a=b; c' } }), '4a')
	})
})
