/* engine_handshake.mjs - Engine.IO sessions are opened, or refused, over both transports. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { handshake } from '../e2e/wire.mjs'
import { Line, fetched } from './http.mjs'
import { Poller } from './poller.mjs'
import { started } from './target.mjs'

let s
before(async () => (s = await started()))
after(() => s.stop())

const OPEN = { pingInterval: 300, pingTimeout: 200, maxPayload: 1000000 }
const MEMBERS = ['sid', 'upgrades', 'pingInterval', 'pingTimeout', 'maxPayload']

describe('polling', () => {
	test('opens a session', async (t) => {
		const r = await fetched(t, s.port, 'GET', '/engine.io/?EIO=4&transport=polling')
		assert.equal(r.status, 200)
		assert.equal(r.text[0], '0')
		const opened = JSON.parse(r.text.slice(1))
		assert.deepEqual(Object.keys(opened), MEMBERS)
		assert.match(opened.sid, /^[A-Za-z0-9_-]{20}$/)
		assert.deepEqual(opened, { ...OPEN, sid: opened.sid, upgrades: ['websocket'] })
		assert.equal(JSON.stringify(opened), r.text.slice(1), 'no spaces')
	})

	test('no two sessions have the same id', async (t) => {
		const all = await Promise.all(Array.from({ length: 20 }, () => Poller.open(t, s.port)))
		assert.equal(new Set(all.map((p) => p.sid)).size, 20)
	})

	const refused = {
		'no EIO': ['GET', '?transport=polling'],
		'EIO=abc': ['GET', '?EIO=abc&transport=polling'],
		'EIO=3': ['GET', '?EIO=3&transport=polling'],
		'EIO=5': ['GET', '?EIO=5&transport=polling'],
		'EIO=04': ['GET', '?EIO=04&transport=polling'],
		'an empty EIO': ['GET', '?EIO=&transport=polling'],
		'no transport': ['GET', '?EIO=4'],
		'transport=abc': ['GET', '?EIO=4&transport=abc'],
		'POST': ['POST', '?EIO=4&transport=polling'],
		'PUT': ['PUT', '?EIO=4&transport=polling']
	}
	for (const [what, [method, query]] of Object.entries(refused)) {
		test(`refuses ${what}`, async (t) => {
			assert.equal((await fetched(t, s.port, method, `/engine.io/${query}`)).status, 400)
		})
	}

	const accepted = {
		'members in another order': '?transport=polling&EIO=4',
		'members that it does not know': '?EIO=4&transport=polling&t=Nabc123&foo=%20bar&empty&=x',
		'an empty sid': '?EIO=4&transport=polling&sid=',
		'characters escaped': '?E%49O=%34&transport=poll%69ng',
		'the last of two values': '?EIO=3&EIO=4&transport=abc&transport=polling'
	}
	for (const [what, query] of Object.entries(accepted)) {
		test(`accepts ${what}`, async (t) => {
			const r = await fetched(t, s.port, 'GET', `/engine.io/${query}`)
			assert.equal(r.status, 200, r.text)
			assert.match(r.text, /^0\{"sid"/)
		})
	}

	test('what stands behind the path does not matter', async (t) => {
		const r = await fetched(t, s.port, 'GET', '/engine.io/what/ever?EIO=4&transport=polling')
		assert.match(r.text, /^0\{"sid"/)
	})

	test('a path that is not quite it is another path', async (t) => {
		for (const path of ['/engine.i/', '/engine.io', '/', '/Engine.IO/']) {
			const r = await fetched(t, s.port, 'GET', `${path}?EIO=4&transport=polling`)
			assert.equal(r.status, 404, path)
		}
	})
})

describe('WebSocket', () => {
	const dial = async (t, query) => {
		const wire = await Line.open(t, s.port)
		wire.write(handshake({}, { path: `/engine.io/${query}` }))
		return wire
	}

	test('opens a session', async (t) => {
		const wire = await dial(t, '?EIO=4&transport=websocket')
		assert.equal((await wire.response()).status, 101)
		const text = await wire.text()
		const opened = JSON.parse(text.slice(1))
		assert.equal(text[0], '0')
		assert.deepEqual(Object.keys(opened), MEMBERS)
		assert.deepEqual(opened, { ...OPEN, sid: opened.sid, upgrades: [] })
	})

	for (const query of ['?transport=websocket', '?EIO=abc&transport=websocket', '?EIO=3&transport=websocket', '?EIO=4', '?EIO=4&transport=abc', '?EIO=4&transport=polling']) {
		test(`no session for ${query}`, async (t) => {
			const wire = await dial(t, query)
			const r = await wire.response()
			if (r.status === 400) return assert.equal(await wire.ended(), 'fin')
			/* The reference finds out too late: it closes, or writes a response where frames are due. */
			assert.equal(s.kind, 'reference')
			if (query.endsWith('polling')) assert.equal(await wire.closed(), 0)
			else assert.equal((await wire.response()).status, 400)
		})
	}
})
