/* rule_checks.mjs - `check` blocks, in events and before a client is admitted: what is refused, with what, and what stays. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import parser from 'socket.io-msgpack-parser'
import { api, connect, dial, inbox, next, token } from './clients.mjs'
import { counted, disconnected, metric, refusal } from './prometheus.mjs'
import { server, started, until } from './server.mjs'
import { open_engine, open_socket } from './wire.mjs'

const CONF = `
room "r" { join = any }
event "trade" {
	ack = '{"done": {amount}}'
	emit = traded  to = all
	check { if = "amount <= 100"  error = "Too much: 100 is all"  code = too_much }
	check { if = {"amount > 0", "side in list"}  error = 'Not "fair" \\\\ é' }
	check { if = "amount != 50"  error = "Not 50"  code = not-50 }
	require = "role:trader"
	if = active
	also { if = "amount >= 90"  emit = large  to = all }
}
event "in room" { room = "r:{id}"  check { if = ok  error = "not ok"  code = nok }  emit = out }
namespace "/guarded" {
	on "connecting" {
		check { if = "@socket.auth.version >= 3"  error = 'Please "update"'  code = outdated }
		check { if = "not @socket.auth.banned"  error = "You are banned" }
		check { if = '@user.role = "admin" or not @socket.auth.admin'  error = "Not yours"  code = forbidden }
	}
	on "connect" { emit = welcome  to = all  data = '{"id": {@socket.id}}' }
	event "x" { emit = x  to = all }
}
namespace "/only-*" { on "connecting" { if = "@socket.auth.key"  check { if = "@socket.auth.key = @namespace"  error = "wrong key"  code = key } } }
`
const AUTH = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
let s
before(async () => (s = await started({ workers: 2, conf: CONF, auth: AUTH })))
after(() => s.destroy())

const MUCH = { success: false, error: 'Too much: 100 is all', code: 'too_much' }
const UNFAIR = { success: false, error: 'Not "fair" \\ é' }

describe('in an event', () => {
	const trade = (more) => ({ active: true, side: 'buy', list: ['buy', 'sell'], amount: 1, ...more })
	const cases = [
		['all hold', trade(), { done: 1 }, ['traded']],
		['at the edge', trade({ amount: 100 }), { done: 100 }, ['traded', 'large']],
		['the first does not', trade({ amount: 101 }), MUCH, []],
		['a value that is no number', trade({ amount: '1' }), MUCH, []],
		['a value that is missing', { active: 1, side: 'buy', list: ['buy'] }, MUCH, []],
		['the second does not, one of two conditions', trade({ side: 'hold' }), UNFAIR, []],
		['nor the other', trade({ amount: 0 }), UNFAIR, []],
		['the third does not', trade({ amount: 50 }), { success: false, error: 'Not 50', code: 'not-50' }, []],
		['two do not: the first in the file counts', trade({ amount: 500, side: 'hold' }), MUCH, []]
	]
	for (const [what, body, answer, heard] of cases) {
		test(what, async (t) => {
			const a = await connect(t, s, { user: 'ann', role: 'trader' })
			const box = inbox(a, 'traded', 'large', 'error')
			const send = () => a.emitWithAck('trade', body)
			assert.deepEqual(await (answer.success === false ? refusal(s, 'check', send) : send()), answer)
			assert.deepEqual(box.map(([event]) => event), heard)
		})
	}

	test('without an ack: the event error, with the text alone', async (t) => {
		const wire = await open_socket(t, s.port, { auth: { token: token({ sub: 'ann', role: 'trader' }) } })
		await refusal(s, 'check', async () => {
			wire.send('42["trade",{"active":1,"amount":101}]').send('42["trade",{"active":1,"amount":1}]')
			assert.equal(await wire.text(), '42["error",{"message":"Too much: 100 is all"}]')
			assert.equal(await wire.text(), '42["error",{"message":"Not \\"fair\\" \\\\ é"}]')
		}, 2)
		wire.send('427["trade",{"active":1,"amount":101}]')
		assert.equal(await wire.text(), '437[{"success":false,"error":"Too much: 100 is all","code":"too_much"}]')
	})

	test('the order: if, require, check, emit, ack', async (t) => {
		const anyone = await open_socket(t, s.port)
		const trader = await open_socket(t, s.port, { auth: { token: token({ sub: 'ann', role: 'trader' }) } })
		/* if before require and check: silence */
		anyone.send('421["trade",{"active":false,"amount":500}]')
		/* require before check */
		anyone.send('422["trade",{"active":true,"amount":500}]')
		assert.equal(await anyone.text(), '432[{"success":false,"error":"You are not allowed to do this","code":"forbidden"}]')
		trader.send('423["trade",{"active":true,"amount":95,"side":1,"list":[1]}]')
		assert.equal(await trader.text(), '42["traded",{"active":true,"amount":95,"side":1,"list":[1]}]')
		assert.equal(await trader.text(), '42["large",{"active":true,"amount":95,"side":1,"list":[1]}]')
		assert.equal(await trader.text(), '433[{"done":95}]')
		/* a room's membership is a require too; a room that cannot be is the first of all */
		trader.send('424["in room",{"id":1}]').send('425["in room",{}]').send('426["subscribe",{"room":"r","id":1}]').send('427["in room",{"id":1}]')
		for (const code of ['not_member', 'invalid']) assert.match(await trader.text(), new RegExp(`"code":"${code}"`))
		await trader.text()
		assert.equal(await trader.text(), '437[{"success":false,"error":"not ok","code":"nok"}]')
	})
})

describe('on connecting', () => {
	test('the bytes of a refusal, with a code and without', async (t) => {
		const wire = await open_engine(t, s.port)
		const cases = [
			['', '{"message":"Please \\"update\\"","data":{"code":"outdated"}}'],
			['{}', '{"message":"Please \\"update\\"","data":{"code":"outdated"}}'],
			['{"version":2}', '{"message":"Please \\"update\\"","data":{"code":"outdated"}}'],
			['{"version":"3"}', '{"message":"Please \\"update\\"","data":{"code":"outdated"}}'],
			['{"version":3,"banned":true}', '{"message":"You are banned"}'],
			['{"version":3,"admin":1}', '{"message":"Not yours","data":{"code":"forbidden"}}'],
			[`{"version":3,"admin":1,"token":"${token({ sub: 'u', role: 'user' })}"}`, '{"message":"Not yours","data":{"code":"forbidden"}}']
		]
		for (const [auth, expected] of cases) {
			await refusal(s, 'check', async () => {
				wire.send(`40/guarded,${auth}`)
				assert.equal(await wire.text(), `44/guarded,${expected}`)
			})
		}
		/* the same connection may ask again */
		wire.send(`40/guarded,{"version":3,"admin":1,"token":"${token({ sub: 'u', role: 'admin' })}"}`)
		assert.match(await wire.text(), /^40\/guarded,\{"sid":"/)
		assert.match(await wire.text(), /^42\/guarded,\["welcome",/)
	})

	test('a refused token comes before the checks', async (t) => {
		const wire = await open_engine(t, s.port)
		await refusal(s, 'auth_invalid', async () => {
			wire.send('40/guarded,{"token":"nonsense"}')
			assert.match(await wire.text(), /^44\/guarded,\{"message":"[^"]+"\}$/)
		})
	})

	for (const [what, options] of Object.entries({ websocket: {}, polling: { transports: ['polling'] }, msgpack: { parser } })) {
		test(`what a client hears over ${what}`, async (t) => {
			const a = dial(t, s, { nsp: '/guarded', auth: { version: 1 }, ...options })
			const [error] = await next(a, 'connect_error')
			assert.equal(error.message, 'Please "update"')
			assert.deepEqual(error.data, { code: 'outdated' })
			assert.equal(a.connected, false)
			/* another namespace of the same connection is not concerned */
			const main = a.io.socket('/')
			t.after(() => main.disconnect())
			await next(main, 'connect')
			assert.equal(await main.emitWithAck('ping'), 'pong')
			a.auth = { version: 4 }
			const welcome = new Promise((resolve) => a.once('welcome', resolve))
			a.connect()
			assert.equal((await welcome).id, a.id)
		})
	}

	test('who is refused was never there: not in the store, not for others, not counted', async (t) => {
		const there = await connect(t, s, { nsp: '/guarded', auth: { version: 3 } })
		const heard = inbox(there, 'welcome', 'x')
		await api(s, 'GET', '/v1/rooms')
		const read = () => Promise.all(['connects_total', 'disconnects_total', 'store_ops_total', 'users'].map((name) => metric(s, name)))
		const before = await read()
		const wire = await open_engine(t, s.port)
		for (let i = 0; i < 50; i++) {
			wire.send(`40/guarded,{"version":1,"token":"${token({ sub: 'ghost' })}"}`)
			await wire.text()
		}
		assert.deepEqual((await api(s, 'GET', '/v1/sockets?namespace=/guarded')).json.items.map((i) => i.id), [there.id])
		assert.equal((await api(s, 'GET', '/v1/users/ghost')).json.online, false)
		assert.equal((await api(s, 'GET', '/v1/rooms/user:ghost?namespace=/guarded')).status, 404)
		assert.deepEqual(await read(), before)
		assert.equal(await metric(s, 'sockets'), 1)
		/* an event to a namespace that was not entered */
		await disconnected(s, 'forced close', async () => {
			wire.send('42/guarded,["x"]')
			assert.equal(await wire.closed(), 0)
		})
		await there.emitWithAck('x')
		assert.deepEqual(heard, [['x']])
	})

	test('if: without it the checks are not asked; @namespace of a pattern', async (t) => {
		for (const [nsp, auth, refused] of [['/only-1', {}, false], ['/only-1', { key: '/only-1' }, false], ['/only-1', { key: '/only-2' }, true]]) {
			const wire = await open_engine(t, s.port)
			wire.send(`40${nsp},${JSON.stringify(auth)}`)
			const text = await wire.text()
			if (refused) assert.equal(text, `44${nsp},{"message":"wrong key","data":{"code":"key"}}`)
			else assert.ok(text.startsWith(`40${nsp},{"sid":`), text)
		}
	})

	test('names of a pattern that only refused clients gave leave nothing', async (t) => {
		const wire = await open_socket(t, s.port)
		const rooms = await metric(s, 'worker_rooms')
		for (let i = 0; i < 200; i++) {
			wire.send(`40/only-${i},{"key":"no"}`)
			assert.match(await wire.text(), /^44\/only-/)
		}
		assert.equal(await metric(s, 'worker_rooms'), rooms)
	})

	test('who is only ever refused is let go after connect_timeout', async (t) => {
		const s2 = await server(t, { workers: 1, auth: AUTH, conf: 'engine { connect_timeout = 400ms }\non "connecting" { check { if = "@socket.auth.ok"  error = no } }' })
		const wire = await open_engine(t, s2.port)
		await counted(s2, 'disconnects_total', {}, async () => {
			wire.send('40')
			assert.equal(await wire.text(), '44{"message":"no"}')
			await wire.ended(3000)
		})
		const good = await open_engine(t, s2.port)
		good.send('40').send('40{"ok":1}')
		await good.text()
		assert.match(await good.text(), /^40\{"sid"/)
		await new Promise((resolve) => setTimeout(resolve, 700))
		good.send('421["ping"]')
		assert.equal(await good.text(), '431["pong"]')
		await until('one to be left', async () => (await metric(s2, 'sessions')) === 1)
	})
})
