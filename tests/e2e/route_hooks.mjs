/* route_hooks.mjs - routes that ask a hook before they send, or tell it. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { test } from 'node:test'
import { HOOK_SECRET, backend } from './backend.mjs'
import { api, connect, inbox, next } from './clients.mjs'
import { KEY, server, sleep, until } from './server.mjs'

const AUTH = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
const hook = (b, more = '') => `hook "h" { url = "${b.url}"  secret = "${HOOK_SECRET}"  ${more} }\n`
const publish = (s, type, data, more = {}) => api(s, 'POST', '/v1/events', { type, data, ...more })
const batch = (s, list) => api(s, 'POST', '/v1/batch', JSON.stringify(list))

test('the hook is asked behind the checks, its data says what is sent and to whom, and the call waits', async (t) => {
	let answer
	const b = await backend(t, () => new Promise((resolve) => (answer = () => resolve([{ emit: { to: 'all', event: 'first' } }, { data: { price: 7, who: 'ann' } }, { ack: 'nobody' }]))))
	const s = await server(t, {
		workers: 2,
		auth: AUTH,
		conf: `${hook(b, 'timeout = 20s')} route "priced" {
			fields = {"n: int", "id: uuid = @id"}  check { if = "n < 9"  error = "large"  code = large }  if = "n > 0"  hook = h
			to = "user:{@hook.who}"  data = '{"n": {n}, "price": {@hook.price}, "id": {id}}'
			also { emit = cheap  to = all  if = "@hook.price < 5" }
		}`
	})
	const ann = await connect(t, s, { user: 'ann' })
	const bob = await connect(t, s, { user: 'bob' })
	const boxes = [ann, bob].map((c) => inbox(c, 'first', 'priced', 'cheap'))
	let done = false
	const call = publish(s, 'priced', { n: 1 }, { vars: { secret: 1 } }).finally(() => (done = true))
	await until('the hook is asked', () => answer)
	await sleep(100)
	assert.ok(!done, 'the call waits for the reply')
	assert.deepEqual(boxes, [[], []])
	answer()
	const r = await call
	assert.equal(r.status, 202)
	assert.equal(r.json.delivered, 1)
	await until('all is heard', () => boxes[0].length === 2 && boxes[1].length === 1)
	assert.deepEqual(boxes, [[['first'], ['priced', { n: 1, price: 7, id: r.json.id }]], [['first']]])
	const [body] = b.asked
	assert.equal(body.event, 'priced')
	assert.deepEqual(body.args, [{ n: 1, id: r.json.id }])
	assert.equal(body.socket, null)
	assert.equal(body.user, null)
	assert.ok(!JSON.stringify(body).includes('secret'))

	/* what ends before the hook does not ask it */
	assert.equal((await publish(s, 'priced', { n: 9 })).json.error.code, 'large')
	assert.equal((await publish(s, 'priced', { n: 'x' })).json.error.field, 'data.n')
	assert.equal((await publish(s, 'priced', { n: 0 })).json.delivered, 0)
	assert.equal(b.asked.length, 1)
})

test('an error of the hook is 422 with its words, a failure is 503, on_fail = continue goes on', async (t) => {
	const replies = {
		no: [{ emit: { to: 'all', event: 'before' } }, { error: { message: 'No "é"', code: 'no"pe' } }],
		bare: [{ error: { message: 'No' } }],
		nonsense: { a: 1 },
		nowhere: [{ data: { who: '' } }],
		nested: [{ event: { type: 'asking', data: 1 } }],
		other: [{ event: { type: 'plain', data: 2 } }, { data: { who: 'ann' } }]
	}
	const b = await backend(t, (body) => replies[body.args[0]])
	const s = await server(t, {
		workers: 1,
		auth: AUTH,
		conf: `${hook(b, 'breaker { failures = 3  text = "shut: {@event}" }')}
		hook "soft" { url = "${b.url}"  on_fail = continue  breaker { failures = 1 } }
		route "asking" { hook = h  to = "user:{@hook.who}" }
		route "soft" { hook = soft  to = all  data = '{@hook|"none"}' }
		route "plain" { to = all }
		event "x" { hook = h  emit = never  to = all }`
	})
	const ann = await connect(t, s, { user: 'ann' })
	const box = inbox(ann, 'before', 'asking', 'soft', 'plain')
	const fails = async (data, type = 'asking') => {
		const { status, json } = await publish(s, type, data)
		return [status, json.error.code, json.error.message]
	}
	assert.deepEqual(await fails('no'), [422, 'no"pe', 'No "é"'])
	assert.deepEqual(await fails('bare'), [422, 'refused', 'No'])
	assert.equal((await fails('nowhere'))[1], 'invalid')
	assert.equal((await publish(s, 'asking', 'other')).status, 202)
	assert.deepEqual(await fails('nonsense'), [503, 'hook_failed', 'the hook of this route failed: reply'])
	assert.equal((await fails('nested'))[1], 'hook_failed', 'a reply cannot name a route that waits')
	assert.equal((await ann.emitWithAck('x', 'nested')).code, 'hook_failed')
	assert.equal((await fails('nonsense'))[1], 'hook_failed')
	const r = await publish(s, 'asking', 'other')
	assert.deepEqual([r.status, r.headers['retry-after'], r.json.error.message], [503, '1', 'shut: asking'])
	/* without a reply, and then not asked at all */
	assert.equal((await publish(s, 'soft', 'nonsense')).json.delivered, 1)
	assert.equal((await publish(s, 'soft', 'bare')).json.delivered, 1)
	await until('all is heard', () => box.length === 5)
	assert.deepEqual(box, [['before'], ['plain', 2], ['asking', 'other'], ['soft', 'none'], ['soft', 'none']])
	const { status, json } = await publish(s, 'asking', 1, { id: 'mine' })
	assert.deepEqual([status, json.error.code, json.error.field], [422, 'invalid', 'id'])
})

test('in a batch the lines behind wait, whatever kind they are', async (t) => {
	const b = await backend(t, async (body) => {
		if (body.args[0] === 'no') return [{ error: { message: 'no' } }]
		await sleep(50)
		return [{ data: body.args[0] }]
	})
	const s = await server(t, { workers: 2, auth: AUTH, conf: `${hook(b)} route "slow" { hook = h  to = all  data = '{@hook}' }  route "fast" { to = all }` })
	const a = await connect(t, s)
	const box = inbox(a, 'slow', 'fast')
	const list = []
	const want = []
	for (let i = 0; i < 24; i++) {
		const type = i % 3 === 1 ? 'slow' : 'fast'
		list.push({ event: { type, data: i, ...(i % 3 === 2 && { id: `id${i}` }) } })
		want.push([type, i])
	}
	list.push({ event: { type: 'slow', data: 'no' } }, { event: { type: 'fast', data: 'end' } })
	want.push(['fast', 'end'])
	const r = await batch(s, list)
	assert.deepEqual(r.json.map((x) => x.error?.message ?? x.status), [...Array(24).fill(202), 'no', 202])
	assert.ok(r.json[1].delivered === 1)
	await until('all is heard', () => box.length === want.length)
	assert.deepEqual(box, want)
})

test('notify: the hook is told, the call does not wait, and of an id it is told once', async (t) => {
	const b = await backend(t, () => sleep(3000).then(() => [{ error: { message: 'no' } }]))
	const s = await server(t, { workers: 2, auth: AUTH, conf: `${hook(b, 'timeout = 10s')} route "told" { hook = h  notify = yes  to = all  if = "n > 0" }` })
	const a = await connect(t, s)
	const heard = next(a, 'told')
	const before = Date.now()
	assert.equal((await publish(s, 'told', { n: 1 })).status, 202)
	await heard
	assert.ok(Date.now() - before < 2500)
	assert.equal((await publish(s, 'told', { n: 0 })).json.delivered, 0)
	const box = inbox(a, 'told')
	await Promise.all([1, 2, 3, 4].map(() => publish(s, 'told', { n: 2 }, { id: 'mine' })))
	await batch(s, [{ event: { type: 'told', data: { n: 2 }, id: 'mine' } }, { event: { type: 'told', data: { n: 3 } } }])
	await until('it is told', () => b.asked.length >= 3 && box.length >= 2)
	await sleep(200)
	assert.deepEqual(b.asked.map((x) => x.args[0].n).sort(), [1, 2, 3])
	assert.deepEqual(box.map((x) => x[1].n), [2, 3])
})

test('a caller that goes: what its hook was asked about is done all the same, the rest of its batch is not', async (t) => {
	const answers = []
	const b = await backend(t, () => new Promise((resolve) => answers.push(() => resolve([{ data: 1 }]))))
	const s = await server(t, { workers: 1, auth: AUTH, conf: `${hook(b, 'timeout = 20s')} route "slow" { hook = h  to = all }  route "fast" { to = all }` })
	const a = await connect(t, s)
	const box = inbox(a, 'slow', 'fast')
	const leave = async (path, value, asked) => {
		const body = JSON.stringify(value)
		const request = http.request({ host: '127.0.0.1', port: s.admin_port, method: 'POST', path, headers: { authorization: `Bearer ${KEY}`, 'content-length': Buffer.byteLength(body) } })
		request.on('error', () => {})
		request.end(body)
		await until('the hook is asked', () => answers.length === asked)
		request.destroy()
	}
	await leave('/v1/events', { type: 'slow', data: 1 }, 1)
	await leave('/v1/batch', [{ event: { type: 'slow', data: 2 } }, { event: { type: 'fast', data: 'never' } }], 2)
	await sleep(100)
	answers.forEach((f) => f())
	await until('both are sent', () => box.length === 2)
	await publish(s, 'fast', 'end')
	await until('the end', () => box.length === 3)
	assert.deepEqual(box.map((x) => x[1]).sort(), [1, 2, 'end'])
	assert.equal(box[2][1], 'end')
})
