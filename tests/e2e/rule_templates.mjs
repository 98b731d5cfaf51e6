/* rule_templates.mjs - sources, text and JSON templates, conditions, and on "connect". */
import assert from 'node:assert/strict'
import os from 'node:os'
import { after, before, describe, test } from 'node:test'
import { api, connect, dial, emit, inbox, next, token } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { server, started, until } from './server.mjs'

const ANYBODY = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
const invalid = { success: false, error: 'Invalid message', code: 'invalid' }

describe('text templates', () => {
	let s
	before(async () => {
		s = await started({
			workers: 1,
			conf: `
				room "a" { }
				room "pair" { }
				event "one"  { room = "a:{id}"  require = any  ack = '{@room}' }
				event "deep" { room = "a:{move.to}-{players.1.id}"  require = any  ack = '{@room}' }
				event "pair" { room = "pair:{x}:{y|none}"  require = any  ack = '{@room}' }
				event "own"  { room = "a:{@user.id}"  require = any  ack = '{@room}' }
				event "part" { room = "a:{id}"  require = any  ack = '[{@room.type}, {@room.id}, {@room.user_count}, {@room.socket_count}]' }
			`,
			auth: ANYBODY
		})
	})
	after(() => s.destroy())

	const good = [
		['one', { id: 'x' }, 'a:x'],
		['one', { id: 0 }, 'a:0'],
		['one', { id: -7 }, 'a:-7'],
		['one', { id: 9007199254740991 }, 'a:9007199254740991'],
		['one', { id: 'x'.repeat(128) }, `a:${'x'.repeat(128)}`],
		['one', { id: 'ü💛 "' }, 'a:ü💛 "'],
		['one', { id: 'b:c' }, 'a:b:c'],
		['deep', { move: { to: 'e4' }, players: [0, { id: 5 }] }, 'a:e4-5'],
		['pair', { x: 1, y: 2 }, 'pair:1:2'],
		['pair', { x: 1 }, 'pair:1:none'],
		['part', { id: 'q:r' }, ['a', 'q:r', 0, 0]]
	]
	for (const [event, payload, room] of good) {
		test(`${event} ${JSON.stringify(payload).slice(0, 60)}`, async (t) =>
			assert.deepEqual(await (await connect(t, s)).emitWithAck(event, payload), room))
	}

	const bad = {
		'nothing there': ['one', {}],
		'no payload': ['one'],
		'a payload that is no object': ['one', 'x'],
		'null': ['one', { id: null }],
		'an empty text': ['one', { id: '' }],
		'true': ['one', { id: true }],
		'a fraction': ['one', { id: 0.5 }],
		'a list': ['one', { id: ['x'] }],
		'an object': ['one', { id: {} }],
		'129 bytes': ['one', { id: 'x'.repeat(129) }],
		'a line break': ['one', { id: 'a\nb' }],
		'a NUL': ['one', { id: 'a\0' }],
		'a default does not help what is there and wrong': ['pair', { x: 1, y: {} }],
		'no user': ['own', {}],
		'more than 250 bytes in all': ['pair', { x: 'x'.repeat(128), y: 'y'.repeat(128) }]
	}
	for (const [what, call] of Object.entries(bad)) {
		test(`answered invalid: ${what}`, async (t) => {
			const a = await connect(t, s)
			assert.deepEqual(await refusal(s, 'invalid', () => a.emitWithAck(...call)), invalid)
		})
	}

	test('exactly 249 bytes behind the namespace are a name still', async (t) => {
		const a = await connect(t, s)
		const x = 'x'.repeat(128)
		assert.equal(await a.emitWithAck('pair', { x, y: 'y'.repeat(249 - 5 - 128 - 1) }), `pair:${x}:${'y'.repeat(115)}`)
		assert.deepEqual(await a.emitWithAck('pair', { x, y: 'y'.repeat(116) }), invalid)
	})
})

describe('JSON templates', () => {
	const templates = {
		plain: '{"a": {a}, "b": [{b}, {c.d}]}',
		optional: '{"a": {a?}, "b": {b?}, "c": [{a?}, 1, {b?}]}',
		fallback: '{"a": {a|0}, "b": {b|"none"}, "c": {c|[1, {"x": null}]}, "n": {n|null}}',
		inside: '"<{a}> {b|nobody} {c?} {{x} {d}"',
		flag: '{"yes": {a >= 100}, "no": {not b}, "has": {c}, "in": {a in [1, 2]}}',
		each: '[{list.*.id}, {list.*}, {list.0.id}, {deep.*.*.x}]',
		key: '{"{{a}": {a}, "é\\u0041": 1}',
		whole: '{@payload}'
	}
	let s
	before(async () => {
		const events = Object.entries(templates).map(([name, text]) => `event "${name}" { ack = '${text.replace(/\\/g, '\\\\')}' }`)
		s = await started({ workers: 1, conf: events.join('\n'), auth: ANYBODY })
	})
	after(() => s.destroy())

	const cases = [
		['plain', { a: 1, b: 'x', c: { d: [2] } }, { a: 1, b: ['x', [2]] }],
		['plain', {}, { a: null, b: [null, null] }],
		['plain', { c: 5 }, { a: null, b: [null, null] }],
		['optional', { a: 1 }, { a: 1, c: [1, 1] }],
		['optional', { b: null }, { b: null, c: [1, null] }],
		['fallback', {}, { a: 0, b: 'none', c: [1, { x: null }], n: null }],
		['fallback', { a: null, b: 0, c: '', n: 'x' }, { a: null, b: 0, c: '', n: 'x' }],
		['inside', { a: 'q"\\\n', b: 5, c: [1], d: { x: 'y"' } }, '<q"\\\n> 5 [1] {x} {"x":"y\\""}'],
		['inside', {}, '<null> nobody  {x} null'],
		['flag', { a: 100 }, { yes: true, no: true, has: null, in: false }],
		['flag', { a: 2, b: 1, c: 'c' }, { yes: false, no: false, has: 'c', in: true }],
		['each', { list: [{ id: 1 }, { x: 2 }, { id: 'b' }], deep: [[{ x: 1 }, {}], [], [{ x: 2 }]] },
			[[1, 'b'], [{ id: 1 }, { x: 2 }, { id: 'b' }], 1, [1, 2]]],
		['each', { list: 'text' }, [[], [], null, []]],
		['key', { a: 1 }, { '{a}': 1, 'éA': 1 }],
		['whole', { a: [{ b: null }] }, { a: [{ b: null }] }],
		['whole', 'text', 'text']
	]
	for (const [event, payload, expected] of cases) {
		test(`${event} of ${JSON.stringify(payload)}`, async (t) =>
			assert.deepEqual(await (await connect(t, s)).emitWithAck(event, payload), expected))
	}
})

describe('conditions', () => {
	const conditions = {
		'x = 1': [[{ x: 1 }, { x: 1.0 }], [{ x: '1' }, { x: true }, {}, { x: 2 }]],
		'x != 1': [[{ x: 2 }], [{ x: 1 }, { x: 'one' }, {}]],
		'x = "a"': [[{ x: 'a' }, { x: '\u0061' }], [{ x: 'A' }, { x: ['a'] }]],
		'x = y': [[{ x: 1, y: 1 }, { x: 'é', y: 'é' }, { x: null, y: null }, { x: [1], y: [1] }], [{ x: 1, y: 2 }, { x: 1 }, {}]],
		'x < y': [[{ x: 1, y: 2 }, { x: 'a', y: 'b' }, { x: 'a', y: 'ab' }], [{ x: 2, y: 1 }, { x: 1, y: 1 }, { x: 1, y: '2' }, { y: 2 }]],
		'x >= 1000': [[{ x: 1000 }, { x: 1e3 }, { x: 1000.5 }], [{ x: 999.9 }, { x: '1000' }, { x: null }]],
		'x <= y': [[{ x: 1, y: 1 }, { x: 1, y: 2 }, { x: 'a', y: 'a' }], [{ x: 2, y: 1 }, { x: 1 }, { x: null, y: null }]],
		'x > 2': [[{ x: 3 }, { x: 2.000001 }], [{ x: 2 }, { x: '3' }]],
		'x > 9007199254740993': [[{ x: 9007199254740996 }], [{ x: 9007199254740992 }]],
		'x in ["a", 2]': [[{ x: 'a' }, { x: 2 }], [{ x: 'b' }, { x: '2' }, {}]],
		'x in y': [[{ x: 1, y: [0, 1] }, { x: 'k', y: { k: null } }], [{ x: 1, y: [] }, { x: 'k', y: { l: 1 } }, { x: 1, y: { 1: 1 } }, { x: 1 }]],
		'not x': [[{}, { x: 0 }, { x: '' }, { x: [] }, { x: {} }, { x: null }, { x: false }], [{ x: 1 }, { x: 'a' }, { x: [0] }]],
		'not x = 1': [[{ x: 2 }, {}], [{ x: 1 }]],
		'x or y = 1': [[{ x: 1 }, { y: 1 }, { x: 0, y: 1 }], [{}, { y: 2 }, { x: 0 }]],
		'@user.id = x': [[{ x: 'ada' }], [{ x: 'eve' }, {}]],
		'x.y.0 = true': [[{ x: { y: [true] } }, { x: { y: { 0: true } } }], [{ x: { y: [1] } }, { x: { y: [] } }, { x: true }]]
	}
	let s
	before(async () => {
		const events = Object.keys(conditions).map((c, i) => `event "c${i}" { ack = '{"holds": {${c}}}' }`)
		/* `X` alone would be a source. */
		s = await started({ workers: 1, conf: events.join('\n'), auth: ANYBODY })
	})
	after(() => s.destroy())

	for (const [i, [condition, [hold, fail]]] of Object.entries(conditions).entries()) {
		test(condition, async (t) => {
			const a = await connect(t, s, { user: 'ada' })
			for (const payload of hold) assert.deepEqual(await a.emitWithAck(`c${i}`, payload), { holds: true }, JSON.stringify(payload))
			for (const payload of fail) assert.deepEqual(await a.emitWithAck(`c${i}`, payload), { holds: false }, JSON.stringify(payload))
		})
	}
})

describe('what the server knows', () => {
	let s
	const sources = {
		event: '@event', namespace: '@namespace', id: '@id', id_again: '@id', now: '@now', now_ms: '@now.ms', now_s: '@now.s',
		user: '@user', user_id: '@user.id', name: '@user.name', role: '@user.role', claim: '@user.claims.deep.er',
		user_sockets: '@user.sockets', sid: '@socket.id', ip: '@socket.ip', transport: '@socket.transport', auth: '@socket.auth',
		auth_x: '@socket.auth.x', rooms: '@socket.rooms', room_count: '@socket.room_count', connected: '@socket.connected_at',
		duration: '@socket.duration', connections: '@server.connections', users: '@server.users', all_rooms: '@server.rooms',
		memory: '@server.memory', uptime: '@server.uptime', host: '@server.host', worker: '@server.worker', version: '@server.version'
	}
	before(async () => {
		const json = Object.entries(sources).map(([k, v]) => `"${k}": {${v}}`).join(', ')
		s = await started({
			workers: 2,
			conf: `event "ask" { ack = '{${json}}' }
				room "r" { join = any }
				event "room" { room = "r:{id}"  ack = '[{@room}, {@room.user_count}, {@room.socket_count}]' }`,
			auth: ANYBODY
		})
	})
	after(() => s.destroy())

	test('of a user', async (t) => {
		const a = await connect(t, s, { auth: { token: token({ sub: 'ada', name: 'Ada', role: 'x', deep: { er: [1] } }), x: 'y' } })
		await a.emitWithAck('subscribe', { room: 'r', id: 1 })
		const got = await a.emitWithAck('ask')
		assert.equal(got.event, 'ask')
		assert.equal(got.namespace, '/')
		assert.match(got.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
		assert.equal(got.id_again, got.id)
		assert.equal(Math.floor(got.now_ms / 1000), got.now_s)
		assert.equal(new Date(got.now).getTime(), got.now_ms)
		assert.ok(Math.abs(got.now_ms - Date.now()) < 2000)
		assert.deepEqual(got.user, { id: 'ada', name: 'Ada', role: 'x' })
		assert.deepEqual([got.user_id, got.name, got.role, got.claim], ['ada', 'Ada', 'x', [1]])
		assert.deepEqual([got.sid, got.ip, got.transport], [a.id, '127.0.0.1', 'websocket'])
		assert.equal(got.auth.x, 'y')
		assert.equal(got.auth_x, 'y')
		assert.deepEqual(got.rooms, ['user:ada', 'role:x', 'global:all', 'r:1'])
		assert.equal(got.room_count, 4)
		assert.ok(got.duration >= 0 && got.connected + got.duration <= got.now_ms + 1)
		assert.equal(got.host, os.hostname())
		assert.ok(got.worker === 0 || got.worker === 1)
		assert.match(got.version, /^\d+\.\d+\.\d+$/)
		assert.ok(got.memory > 1e6 && got.uptime >= 0)
		await until('the users to be counted', async () => (await a.emitWithAck('ask')).user_sockets === 1)
		await until('the host to be counted', async () => {
			const host = await a.emitWithAck('ask')
			return host.connections >= 1 && host.users === 1 && host.all_rooms === 4
		})
	})

	test('of nobody', async (t) => {
		const a = await connect(t, s)
		const got = await a.emitWithAck('ask')
		for (const k of ['user', 'user_id', 'name', 'role', 'claim', 'user_sockets', 'auth_x']) assert.equal(got[k], null, k)
		assert.deepEqual(got.auth, {})
		assert.deepEqual(got.rooms, ['global:all'])
	})

	test('of a room, on all workers', async (t) => {
		const all = await Promise.all(['ada', 'ada', 'bob'].map((user) => connect(t, s, { user })))
		for (const a of all) await a.emitWithAck('subscribe', { room: 'r', id: 'm' })
		await until('three members', async () => (await all[0].emitWithAck('room', { id: 'm' }))[2] === 3)
		for (const a of all) assert.deepEqual(await a.emitWithAck('room', { id: 'm' }), ['r:m', 2, 3])
	})
})

describe('on "connect"', () => {
	test('greets the client, behind the CONNECT reply, and tells others', async (t) => {
		const s = await server(t, {
			workers: 2,
			auth: ANYBODY,
			conf: `on "connect" {
				emit = welcome  to = self  data = '{"id": {@socket.id}, "hi": "Hello {@user.name|guest}", "rooms": {@socket.rooms}}'
				also { if = "@user.id"  emit = arrived  to = others  data = '{@user.id}' }
				also { if = "@user.role = \\"chief\\""  emit = chief  to = "role:chief"  args = '[1, {@socket.auth}]' }
			}`
		})
		const first = dial(t, s)
		const welcome = next(first, 'welcome')
		assert.deepEqual(await welcome, [{ id: first.id, hi: 'Hello guest', rooms: ['global:all'] }])
		const arrivals = inbox(first, 'arrived')
		const ada = dial(t, s, { user: 'ada', name: 'Ada', role: 'chief', auth: { k: 1 } })
		const [chief, hello] = await Promise.all([next(ada, 'chief'), next(ada, 'welcome')])
		assert.equal(hello[0].hi, 'Hello Ada')
		assert.deepEqual([chief[0], chief[1].k], [1, 1])
		await connect(t, s)
		await emit(s, 'all', 'arrived', 'end')
		await until('the end', () => arrivals.length === 2)
		assert.deepEqual(arrivals, [['arrived', 'ada'], ['arrived', 'end']])
	})

	test('a false if: nothing happens', async (t) => {
		const s = await server(t, { workers: 1, auth: ANYBODY, conf: 'on "connect" { if = "@user.id"  emit = hi  to = self }' })
		const a = dial(t, s)
		const heard = inbox(a, 'hi')
		await next(a, 'connect')
		assert.equal(await a.emitWithAck('ping'), 'pong')
		assert.deepEqual(heard, [])
		const b = dial(t, s, { user: 'x' })
		assert.deepEqual(await next(b, 'hi'), [])
		assert.equal((await api(s, 'GET', '/v1/sockets')).json.items.length, 2)
	})
})
