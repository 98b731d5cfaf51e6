/* route_events.mjs - POST /v1/events: routes of the conf say who hears what backends publish, and what may be published. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, inbox, next } from './clients.mjs'
import { counted, refusal } from './prometheus.mjs'
import { KEY, started, until } from './server.mjs'
import { open_socket } from './wire.mjs'

const WORKERS = 3
const READER = 'reader-key-0123456789abcdef012345'
const PUBLISHER = 'publisher-key-0123456789abcdef012'

const conf = `
room "lobby" { join = any }
room "match" { join = any }
room "market" { join = any }
room "shop" { join = any  single = yes }
envelope "typed" { data = '{"type": {@event}, "timestamp": {@now}, "data": {@payload}}' }
route "matchmaking:matched" { to = "match:{@vars.matchRequestId}"  close = yes }
route "lobby:member:kicked" { to = {"lobby:{lobbyId}", "user:{memberId}"}  evict = "{memberId}" }
route "market:trade" {
	to = {"market:{marketId}", "user:{trader}"}  envelope = typed
	fields = {"marketId: id", "trader: string 1..64", "direction: buy|sell", "outcome: 0|1", "amount: digits", "at: date"}
}
route "market:resolved" { to = {"market:{marketId}", "global:all"}  envelope = typed }
route "dividend:available" { to = "user:{@vars.address}"  envelope = typed }
route "notification" {
	to = "user:{userId}"  envelope = typed  unknown = pass
	fields = {"notificationId: uuid = @id", "userId: string 1..64", "read: bool = false", "timestamp: date = @now"}
}
route "strict" { to = all  unknown = reject  fields = {"a: int", "b.c: int", "b.d?: string 1..3"} }
route "system:maintenance" { to = all  envelope = typed }
route "raw" { to = all }
route "renamed" { to = all  emit = other }
route "made" { to = all  data = '{"n": {n}, "twice": "{n}{n}", "none": {x?}}' }
route "listed" { to = all  args = '[{a}, {b}]' }
route "added" { to = all  add = {"id: @id", "name: @event", "at: @now.ms"} }
route "but" { to = all  except = {"user:{@vars.not}", "lobby:1"} }
route "when" {
	to = all  if = "n > 1"
	also { emit = "when:more"  to = all  if = "@vars.more" }
	also { emit = "when:always"  to = "lobby:{n}" }
}
route "checked" { to = all  check { if = "n > 1"  error = "too \\"small\\""  code = small }  check { if = "n < 5"  error = "too large" } }
route "room" { room = "lobby:{id}"  data = '{"room": {@room}, "sockets": {@room.socket_count}}' }
route "single" { to = shop }
route "quiet" { to = all  volatile = yes }
route "over" { to = "lobby:1"  also { emit = bye  to = {"lobby:1", "lobby:2"}  close = yes } }
namespace "/n" { room "lobby" { join = any }  route "inner" { to = all }  route "raw" { to = "lobby:1" } }
namespace "/tenant-*" { route "inner" { to = all } }
`

describe('POST /v1/events', () => {
	let s
	before(async () => {
		s = await started({
			workers: WORKERS,
			conf,
			admin: `admin "127.0.0.1:0" { key = "${KEY}"  client "r" { key = "${READER}"  may = {read, control} }  client "p" { key = "${PUBLISHER}"  may = publish } }`,
			auth: 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
		})
	})
	after(() => s.destroy())

	const publish = (type, data, more = {}) => api(s, 'POST', '/v1/events', { type, data, ...more })
	const join = (socket, room, id) => socket.emitWithAck('subscribe', { room, id })
	const stored = () => api(s, 'GET', '/v1/rooms')

	/* user0, user1 and user2, one on each worker. */
	async function people(t) {
		const all = await connect_each(t, s, WORKERS)
		all.heard = (...events) => all.map((a) => inbox(a, ...events))
		/* What is published to all afterwards comes behind everything. */
		all.settle = async (boxes) => {
			const ends = all.map((a) => next(a, 'raw'))
			assert.equal((await publish('raw', 'end')).status, 202)
			await Promise.all(ends)
			return boxes
		}
		return all
	}

	test('to rooms that the payload names, in an envelope, on all workers, each socket once', async (t) => {
		const all = await people(t)
		const boxes = all.heard('market:trade')
		await join(all[0], 'market', 'm1')
		await join(all[1], 'market', 'm1')
		await stored()
		const data = { marketId: 'm1', trader: 'user1', direction: 'buy', outcome: 1, amount: '340282366920938463463374607431768211456', at: '2026-01-02T03:04:05Z' }
		const r = await publish('market:trade', { ...data, secret: 'x' })
		assert.equal(r.status, 202)
		assert.match(r.json.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
		assert.equal(r.json.delivered, 3) /* an upper bound: user1 is in the room too */
		await all.settle()
		assert.deepEqual(boxes.map((b) => b.length), [1, 1, 0])
		const [, envelope] = boxes[0][0]
		assert.equal(envelope.type, 'market:trade')
		assert.match(envelope.timestamp, /^\d{4}-\d\d-\d\dT.*Z$/)
		assert.deepEqual(envelope.data, data)
	})

	test('vars name the target and are not sent', async (t) => {
		const all = await people(t)
		const boxes = all.heard('dividend:available')
		const r = await publish('dividend:available', { amount: '7' }, { vars: { address: 'user2' } })
		assert.equal(r.json.delivered, 1)
		await all.settle()
		assert.deepEqual(boxes.map((b) => b.length), [0, 0, 1])
		assert.deepEqual(boxes[2][0][1].data, { amount: '7' })
	})

	test('defaults come in, and what is unknown passes where it may; @id is the id of the answer', async (t) => {
		const all = await people(t)
		const boxes = all.heard('notification')
		const r = await publish('notification', { userId: 'user0', text: 'hi' })
		await all.settle()
		const { data } = boxes[0][0][1]
		assert.deepEqual({ ...data, timestamp: 0 }, { userId: 'user0', text: 'hi', notificationId: r.json.id, read: false, timestamp: 0 })
	})

	test('the bytes of the data go on as they came', async (t) => {
		const wire = await open_socket(t, s.port)
		for (const [body, expected] of [
			['{"type":"raw","data":{"wei":115792089237316195423570985008687907853269984665640564039457584007913129639935, "é":"\\u00e9"}}', '42["raw",{"wei":115792089237316195423570985008687907853269984665640564039457584007913129639935, "é":"\\u00e9"}]'],
			['{"type":"raw"}', '42["raw"]'],
			['{"type":"raw","data":null}', '42["raw",null]'],
			[' { "data" : [ 1 ] , "type" : "r\\u0061w" } ', '42["raw",[ 1 ]]'],
			['{"type":"renamed","data":1}', '42["other",1]'],
			['{"type":"made","data":{"n":3}}', '42["made",{"n":3,"twice":"33"}]'],
			['{"type":"listed","data":{"a":1,"b":[2]}}', '42["listed",1,[2]]']
		]) {
			assert.equal((await api(s, 'POST', '/v1/events', body)).status, 202, body)
			assert.equal(await wire.text(), expected)
		}
	})

	test('add, except, if, also, room, a single room', async (t) => {
		const all = await people(t)
		const boxes = all.heard('added', 'but', 'when', 'when:more', 'when:always', 'room', 'single')
		await join(all[0], 'lobby', '1')
		await join(all[1], 'lobby', '3')
		await join(all[2], 'shop')
		await stored()
		const r = await publish('added', { id: 'mine', x: 1 })
		await publish('but', 1, { vars: { not: 'user2' } })
		assert.equal((await publish('when', { n: 1 })).json.delivered, 0)
		assert.equal((await publish('when', { n: 3 }, { vars: { more: true } })).json.delivered, 7)
		assert.equal((await publish('room', { id: 1 })).json.delivered, 1)
		assert.equal((await publish('single', 's')).json.delivered, 1)
		await all.settle()
		const added = boxes[2].shift()[1]
		assert.deepEqual({ ...added, at: 0 }, { x: 1, id: r.json.id, name: 'added', at: 0 })
		assert.ok(Math.abs(added.at - Date.now()) < 60000)
		const many = [['when', { n: 3 }], ['when:more', { n: 3 }]]
		assert.deepEqual(boxes[0].slice(1), [...many, ['room', { room: 'lobby:1', sockets: 1 }]])
		assert.deepEqual(boxes[1].slice(1), [['but', 1], ...many, ['when:always', { n: 3 }]])
		assert.deepEqual(boxes[2], [...many, ['single', 's']])
	})

	test('close and evict: who leaves hears it first', async (t) => {
		const all = await people(t)
		const boxes = all.heard('matchmaking:matched', 'lobby:member:kicked', 'over', 'bye')
		const rooms = (i) => all[i].emitWithAck('getRooms')
		await Promise.all(all.flatMap((a) => [join(a, 'match', 'q'), join(a, 'lobby', '1'), join(a, 'lobby', '2')]))
		await stored()
		assert.equal((await publish('matchmaking:matched', { g: 1 }, { vars: { matchRequestId: 'q' } })).json.delivered, 3)
		assert.equal((await publish('lobby:member:kicked', { lobbyId: 1, memberId: 'user1' })).json.delivered, 4)
		await all.settle()
		for (const i of [0, 2]) assert.deepEqual((await rooms(i)).filter((r) => /^(match|lobby)/.test(r)).sort(), ['lobby:1', 'lobby:2'])
		assert.deepEqual((await rooms(1)).filter((r) => /^(match|lobby)/.test(r)), ['lobby:2'])
		assert.deepEqual(boxes[1], [['matchmaking:matched', { g: 1 }], ['lobby:member:kicked', { lobbyId: 1, memberId: 'user1' }]])
		assert.equal((await publish('over', 1)).status, 202)
		await all.settle()
		assert.deepEqual(boxes.map((b) => b.slice(2).map(([e]) => e)), [['over', 'bye'], ['bye'], ['over', 'bye']])
		for (const i of [0, 1, 2]) assert.deepEqual((await rooms(i)).filter((r) => r.startsWith('lobby')), [])
		await until('the store to know', async () => (await api(s, 'GET', '/v1/rooms?type=lobby')).json.items.length === 0)
	})

	test('in another namespace', async (t) => {
		const [root, inner, tenant] = await Promise.all(['/', '/n', '/tenant-7'].map((nsp) => connect(t, s, { user: 'ada', nsp })))
		const boxes = [root, inner, tenant].map((a) => inbox(a, 'inner', 'raw'))
		await inner.emitWithAck('subscribe', { room: 'lobby', id: 1 })
		await stored()
		assert.equal((await publish('inner', 1, { namespace: '/n' })).json.delivered, 1)
		assert.equal((await publish('inner', 2, { namespace: '/tenant-7' })).json.delivered, 1)
		assert.equal((await publish('raw', 3, { namespace: '/n' })).json.delivered, 1)
		assert.equal((await publish('inner', 4)).status, 404)
		await until('all', () => boxes[1].length === 2 && boxes[2].length === 1)
		assert.deepEqual(boxes, [[], [['inner', 1], ['raw', 3]], [['inner', 2]]])
	})

	test('refused: what is wrong is named, and nothing is sent', async (t) => {
		const all = await people(t)
		const boxes = all.heard('market:trade', 'strict', 'checked', 'added', 'dividend:available')
		const trade = { marketId: 'm', trader: 'x', direction: 'buy', outcome: 0, amount: '1', at: '2026-01-02T03:04:05Z' }
		const cases = [
			[{}, 422, 'missing', 'type'],
			[{ type: 1 }, 422, 'invalid', 'type'],
			[{ type: '' }, 404, 'unknown_event', 'type'],
			[{ type: 'none' }, 404, 'unknown_event', 'type'],
			[{ type: 'x'.repeat(5000) }, 404, 'unknown_event', 'type'],
			[{ type: 'market:' }, 404, 'unknown_event', 'type'],
			[{ type: 'raw', extra: 1 }, 422, 'unknown_field', 'extra'],
			[{ type: 'raw', to: 'all' }, 422, 'unknown_field', 'to'],
			[{ type: 'raw', vars: [] }, 422, 'invalid', 'vars'],
			[{ type: 'raw', vars: 'x' }, 422, 'invalid', 'vars'],
			[{ type: 'raw', namespace: 'n' }, 422, 'unknown', 'namespace'],
			[{ type: 'raw', namespace: 7 }, 422, 'invalid', 'namespace'],
			[{ type: 'market:trade' }, 422, 'invalid', 'data.marketId'],
			[{ type: 'market:trade', data: 'x' }, 422, 'invalid', 'data'],
			[{ type: 'market:trade', data: null }, 422, 'invalid', 'data'],
			[{ type: 'market:trade', data: { ...trade, trader: undefined } }, 422, 'invalid', 'data.trader'],
			[{ type: 'market:trade', data: { ...trade, marketId: 'a b' } }, 422, 'invalid', 'data.marketId'],
			[{ type: 'market:trade', data: { ...trade, direction: 'hold' } }, 422, 'invalid', 'data.direction'],
			[{ type: 'market:trade', data: { ...trade, outcome: '1' } }, 422, 'invalid', 'data.outcome'],
			[{ type: 'market:trade', data: { ...trade, amount: 1 } }, 422, 'invalid', 'data.amount'],
			[{ type: 'market:trade', data: { ...trade, at: 'yesterday' } }, 422, 'invalid', 'data.at'],
			[{ type: 'strict', data: { a: 1, b: { c: 1 }, z: 1 } }, 422, 'invalid', 'data.z'],
			[{ type: 'strict', data: { a: 1, b: { c: 'x' } } }, 422, 'invalid', 'data.b.c'],
			[{ type: 'strict', data: { a: 1 } }, 422, 'invalid', 'data.b.c'],
			[{ type: 'strict', data: { a: 1, b: { c: 1, d: 'long' } } }, 422, 'invalid', 'data.b.d'],
			[{ type: 'strict', data: { a: 1, b: { c: 1, e: 0 } } }, 422, 'invalid', 'data.b.e'],
			[{ type: 'market:resolved', data: {} }, 422, 'invalid', 'data.marketId'],
			[{ type: 'market:resolved', data: { marketId: 'a\u0001' } }, 422, 'invalid', 'data.marketId'],
			[{ type: 'market:resolved', data: { marketId: 'x'.repeat(129) } }, 422, 'invalid', 'data.marketId'],
			[{ type: 'market:resolved', data: { marketId: 1.5 } }, 422, 'invalid', 'data.marketId'],
			[{ type: 'dividend:available', data: 1 }, 422, 'invalid', 'vars.address'],
			[{ type: 'dividend:available', data: 1, vars: { address: null } }, 422, 'invalid', 'vars.address'],
			[{ type: 'lobby:member:kicked', data: { lobbyId: 1 } }, 422, 'invalid', 'data.memberId'],
			[{ type: 'added', data: 'x' }, 422, 'invalid', 'data'],
			[{ type: 'checked', data: { n: 1 } }, 422, 'small', undefined],
			[{ type: 'checked', data: { n: 9 } }, 422, 'refused', undefined],
			['', 400, 'syntax', undefined],
			['[]', 400, 'syntax', undefined],
			['{"type":"raw"', 400, 'syntax', undefined],
			['{"type":"raw"}{}', 400, 'syntax', undefined],
			[Buffer.from('{"type":"raw","data":"\xff"}', 'latin1'), 400, 'syntax', undefined]
		]
		for (const [body, status, code, field] of cases) {
			const r = await api(s, 'POST', '/v1/events', body)
			const said = JSON.stringify(body)?.slice(0, 120)
			assert.equal(r.status, status, said)
			assert.equal(r.json.error.code, code, said)
			assert.equal(r.json.error.field, field, said)
			assert.equal(typeof r.json.error.message, 'string')
			assert.deepEqual(Object.keys(r.json), ['error'])
		}
		assert.equal((await publish('checked', { n: 1 })).json.error.message, 'too "small"')
		assert.equal((await publish('checked', { n: 3 })).status, 202)
		await all.settle()
		assert.deepEqual(boxes.map((b) => b.length), [1, 1, 1])
	})

	test('keys: none, another, one that may not, one that may', async (t) => {
		const a = await connect(t, s)
		const heard = inbox(a, 'raw')
		const call = (key) => api(s, 'POST', '/v1/events', { type: 'raw', data: key }, { key })
		assert.equal((await call(null)).status, 401)
		assert.equal((await call('wrong')).json.error.code, 'unauthorized')
		const r = await call(READER)
		assert.deepEqual([r.status, r.json.error.code], [403, 'forbidden'])
		assert.equal((await api(s, 'GET', '/v1/events')).status, 405)
		assert.equal((await call(PUBLISHER)).status, 202)
		await until('it', () => heard.length > 0)
		assert.deepEqual(heard, [['raw', PUBLISHER]])
	})

	test('one publisher is heard in its order', async (t) => {
		const all = await people(t)
		const boxes = all.heard('raw', 'renamed', 'other')
		for (let i = 0; i < 50; i++) assert.equal((await publish(i % 2 ? 'raw' : 'renamed', i)).status, 202)
		await until('all', () => boxes.every((b) => b.length === 50))
		for (const b of boxes) assert.deepEqual(b.map(([, i]) => i), [...Array(50).keys()])
	})

	test('what is published is counted, and what is refused', async () => {
		await counted(s, 'published_total', {}, () => publish('raw', 1))
		await refusal(s, 'api_field', () => publish('strict', {}))
		await refusal(s, 'http_not_found', () => publish('none', {}))
	})
})
