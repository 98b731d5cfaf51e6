/* rule_limits_react.mjs - limits of what no client sends: reactions, every, routes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOOK_SECRET, backend } from './backend.mjs'
import { api, connect, connect_each, inbox, refused } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { server, sleep, until } from './server.mjs'

const auth = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
const publish = (s, type, data, more = {}) => api(s, 'POST', '/v1/events', { type, data, ...more })

test('a route: 429 with Retry-After above it, one count on all workers, whatever the way', async (t) => {
	const b = await backend(t, (body) => (body.event === 'x' ? [{ event: { type: 'few', data: {} } }, { data: 1 }] : [{ data: 1 }]))
	const s = await server(t, {
		workers: 2,
		auth,
		conf: `hook "h" { url = "${b.url}"  secret = "${HOOK_SECRET}" }
		limit "few" { rate = 4/10m  by = event  text = "Too \\"many\\""  role "admin" { rate = 100/10m } }
		limit "short" { rate = 1/2s  by = event }
		route "few" { to = all  limit = few  fields = "n?: any" }  route "other" { to = all  limit = few }
		route "asks" { to = all  hook = h  limit = few }
		route "short" { to = all  limit = short }  route "end" { to = all }
		event "x" { hook = h }`
	})
	const a = await connect(t, s)
	const box = inbox(a, 'few', 'other', 'asks', 'short', 'end')
	const codes = async (list) => (await api(s, 'POST', '/v1/batch', JSON.stringify(list))).json.map((r) => r.error?.code ?? r.status)
	assert.equal((await publish(s, 'few', 'no object')).status, 422, 'what is wrong is not counted')
	assert.equal((await publish(s, 'few', {})).status, 202)
	assert.equal((await publish(s, 'few', {}, { id: 'one' })).status, 202)
	assert.deepEqual(await codes([{ event: { type: 'few', data: {} } }, { event: { type: 'few', data: {}, id: 'two' } }]), [202, 202])
	await refusal(s, 'rate_limited', async () => {
		const r = await publish(s, 'few', {})
		assert.deepEqual([r.status, r.json], [429, { error: { code: 'rate_limited', message: 'Too "many"' } }])
		assert.ok(r.headers['retry-after'] > 500 && r.headers['retry-after'] <= 600)
	})
	assert.equal((await publish(s, 'few', {}, { id: 'three' })).status, 429)
	/* the lines behind it are done */
	assert.deepEqual(await codes([{ event: { type: 'few', data: {} } }, { event: { type: 'other' } }, { event: { type: 'few', data: {}, id: 'four' } }, { event: { type: 'end' } }]),
		['rate_limited', 202, 'rate_limited', 202])
	assert.deepEqual(await a.emitWithAck('x'), { success: true }, 'the verb is left out, and the rule goes on')
	/* the hook is asked of those that pass */
	b.asked.length = 0
	const asks = await Promise.all([...Array(7)].map(() => publish(s, 'asks', 1)))
	assert.deepEqual(asks.map((r) => r.status).sort(), [202, 202, 202, 202, 429, 429, 429])
	assert.equal(b.asked.length, 4)
	/* a window that ends */
	assert.equal((await publish(s, 'short')).status, 202)
	assert.equal((await publish(s, 'short')).headers['retry-after'], '2')
	await until('the window to end', async () => (await publish(s, 'short')).status === 202)
	await publish(s, 'end', 'last')
	await until('the end', () => box.at(-1)?.[1] === 'last')
	const count = (name) => box.filter(([n]) => n === name).length
	assert.deepEqual([count('few'), count('other'), count('asks'), count('short')], [4, 1, 4, 2])
})

test('reactions about a client: by user, by the trigger, and of one that is gone', async (t) => {
	const s = await server(t, {
		workers: 2,
		auth,
		conf: `room "g" { join = any }  limit "mine" { rate = 2/10m }  limit "all" { rate = 3/10m  by = event }  limit "ip" { rate = 1/10m  by = {ip, event} }
		limit "told" { rate = 1/10m  by = {user, event} }  limit "once" { rate = 1/10m  events = "again" }
		event "again" { }  event "shared" { limit = mine }
		on "join g" { limit = mine  emit = joined  to = all  data = '{@user.id}' }
		on "leave g" { limit = all  emit = left  to = all }
		on "disconnect" { limit = ip  emit = gone  to = all }
		on "limited" { limit = told  emit = told  to = all  data = '{@event}' }`
	})
	const [watch, a, b] = [await connect(t, s), await connect(t, s, { user: 'a' }), await connect(t, s, { user: 'b' })]
	const box = inbox(watch, 'joined', 'left', 'gone', 'told')
	const heard = (name) => box.filter(([n]) => n === name).length
	await refusal(s, 'rate_limited', async () => {
		for (let i = 0; i < 4; i++)
			for (const c of [a, b]) {
				assert.ok((await c.emitWithAck('subscribe', { room: 'g', id: `${i}` })).success)
				assert.ok((await c.emitWithAck('unsubscribe', { room: 'g', id: `${i}` })).success)
			}
		await until('the reactions', () => heard('joined') === 4 && heard('left') === 3)
		await sleep(300)
	}, 4 + 5)
	assert.deepEqual(box.filter(([n]) => n === 'joined').map(([, u]) => u).sort(), ['a', 'a', 'b', 'b'])
	assert.equal(heard('left'), 3)
	assert.equal(heard('told'), 0, 'nothing reacts to a reaction that is left out')
	/* one count with the event that names it too */
	assert.equal((await a.emitWithAck('shared')).code, 'rate_limited')
	for (let i = 0; i < 3; i++) await a.emitWithAck('again')
	await until('it is told', () => heard('told') === 1)
	a.disconnect()
	b.disconnect()
	await until('one is told', () => heard('gone') === 1)
	await sleep(300)
	assert.deepEqual([heard('gone'), heard('told')], [1, 1])
})

test('once for the host: by the user it is about, by the rule, every', async (t) => {
	const s = await server(t, {
		workers: 2,
		auth,
		conf: `room "g" { join = any }  limit "mine" { rate = 1/10m }  limit "all" { rate = 2/10m  by = event }
		on "online" { limit = mine  emit = online  to = all  data = '{@user.id}' }
		on "enter g" { limit = all  emit = entered  to = all }
		every "tick" { interval = 100ms  limit = all  emit = tick  to = all }
		every "tock" { interval = 100ms  emit = tock  to = all }`
	})
	const watch = await connect(t, s)
	const box = inbox(watch, 'online', 'entered')
	const ticks = inbox(watch, 'tick', 'tock')
	for (let round = 0; round < 2; round++) {
		for (const c of await connect_each(t, s, 2, (i) => ({ user: `u${i}` }))) {
			await c.emitWithAck('subscribe', { room: 'g', id: '1' })
			c.disconnect()
		}
		await sleep(300)
	}
	await until('all is heard', () => box.length === 4 && ticks.filter(([n]) => n === 'tock').length > 8)
	assert.deepEqual(box.map((x) => x.join(' ')).sort(), ['entered', 'entered', 'online u0', 'online u1'])
	assert.ok(ticks.filter(([n]) => n === 'tick').length <= 2)
})

test('on "connecting": one too many is refused, not let in', async (t) => {
	const s = await server(t, {
		workers: 2,
		auth,
		conf: 'limit "c" { rate = 2/10m  text = "Not so often" }  on "connecting" { limit = c  check { if = "@user.id != \\"bad\\""  error = bad } }'
	})
	for (let i = 0; i < 2; i++) (await connect(t, s, { user: 'u' })).disconnect()
	await refusal(s, 'rate_limited', async () => {
		const error = await refused(t, s, { user: 'u' })
		assert.equal(error.message, 'Not so often')
		assert.deepEqual(error.data, { code: 'rate_limited' })
	})
	await refusal(s, 'check', async () => assert.equal((await refused(t, s, { user: 'bad' })).message, 'bad'))
	await connect(t, s, { user: 'v' })
})
