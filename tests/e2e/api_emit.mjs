/* api_emit.mjs - POST /v1/emit: to whom, with what, and how it is counted. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, emit, inbox, next, worker_of } from './clients.mjs'
import { metric } from './prometheus.mjs'
import { KEY, server, started, until } from './server.mjs'
import { Wire, open_socket } from './wire.mjs'

const WORKERS = 3

describe('POST /v1/emit', () => {
	let s
	before(async () => {
		s = await started({
			workers: WORKERS,
			conf: 'room "r" { join = any }\nroom "q" { join = any }',
			auth: 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
		})
	})
	after(() => s.destroy())

	/* `delivered` is told from the store, which follows the clients within a moment; a query waits for it. */
	const stored = () => api(s, 'GET', '/v1/rooms')

	/* ada (chief) twice and bob in r:1; cleo (chief) in q:1; an anonymous one in nothing. */
	async function people(t) {
		const all = []
		for (const [user, role] of [['ada', 'chief'], ['ada', 'chief'], ['bob'], ['cleo', 'chief'], []]) all.push(await connect(t, s, { user, role }))
		const join = (i, room) => all[i].emitWithAck('subscribe', { room, id: 1 })
		await Promise.all([join(0, 'r'), join(1, 'r'), join(2, 'r'), join(3, 'q')])
		await stored()
		return all
	}

	/* The answer, and who heard it how often: what is sent to all afterwards comes behind it. */
	async function sent(t, body) {
		const all = await people(t)
		const boxes = all.map((a) => inbox(a, 'news'))
		const ends = all.map((a) => inbox(a, 'end'))
		const wire = await Wire.open(t, s.admin_port)
		const post = (json) => `POST /v1/emit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`
		wire.write(post(JSON.stringify(typeof body === 'function' ? body(all) : body)) + post('{"to":"all","event":"end"}'))
		const answer = await wire.response()
		assert.equal((await wire.response()).status, 202)
		await until('the end', () => ends.every((e) => e.length === 1))
		return { status: answer.status, ...JSON.parse(answer.text), heard: boxes.map((b) => b.length), boxes }
	}

	const cases = [
		['a room', { to: 'r:1' }, 3, [1, 1, 1, 0, 0]],
		['a room nobody is in', { to: 'r:99' }, 0, [0, 0, 0, 0, 0]],
		['a type nobody declared', { to: 'what:1' }, 0, [0, 0, 0, 0, 0]],
		['a user', { to: 'user:ada' }, 2, [1, 1, 0, 0, 0]],
		['a role', { to: 'role:chief' }, 3, [1, 1, 0, 1, 0]],
		['all', { to: 'all' }, 5, [1, 1, 1, 1, 1]],
		['a list, each socket once', { to: ['r:1', 'user:ada', 'role:chief'] }, 8, [1, 1, 1, 1, 0]],
		['a list with all in it', { to: ['r:1', 'all'] }, 5, [1, 1, 1, 1, 1]],
		['except a user', { to: 'all', except: 'user:ada' }, 5, [0, 0, 1, 1, 1]],
		['except a list', { to: 'r:1', except: ['user:bob', 'role:none'] }, 3, [1, 1, 0, 0, 0]],
		['except a room', { to: 'role:chief', except: 'q:1' }, 3, [1, 1, 0, 0, 0]],
		['one socket', (all) => ({ to: `socket:${all[1].id}` }), 1, [0, 1, 0, 0, 0]],
		['several sockets', (all) => ({ to: [`socket:${all[1].id}`, `socket:${all[4].id}`] }), 2, [0, 1, 0, 0, 1]],
		['a socket that is gone', { to: 'socket:AAAAAAAAAAAAAAAAAAAA' }, 0, [0, 0, 0, 0, 0]],
		['a room without one socket', (all) => ({ to: 'r:1', except: `socket:${all[0].id}` }), 3, [0, 1, 1, 0, 0]]
	]
	for (const [what, body, delivered, expected] of cases) {
		test(what, async (t) => {
			const r = await sent(t, (all) => ({ event: 'news', data: { x: 1 }, ...(typeof body === 'function' ? body(all) : body) }))
			assert.equal(r.status, 202)
			assert.match(r.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
			assert.equal(r.delivered, delivered)
			assert.deepEqual(r.heard, expected)
			for (const [, ...args] of r.boxes.flat()) assert.deepEqual(args, [{ x: 1 }])
		})
	}

	test('data, args, or nothing, in the bytes of the body', async (t) => {
		const wire = await open_socket(t, s.port)
		const bodies = [
			['{"to":"all","event":"e","data":{"wei":115792089237316195423570985008687907853269984665640564039457584007913129639935,"é":"\\u00e9"}}',
				'42["e",{"wei":115792089237316195423570985008687907853269984665640564039457584007913129639935,"é":"\\u00e9"}]'],
			['{"to":"all","event":"e","args":[1, {"a":2} ,"x"]}', '42["e",1, {"a":2} ,"x"]'],
			['{"to":"all","event":"e","args":[ ]}', '42["e"]'],
			['{"to":"all","event":"e"}', '42["e"]'],
			['{"to":"all","event":"e","data":null}', '42["e",null]'],
			[' {"event" : "\\u0065 \\"q\\"" , "data": "x" , "to" : [ "all" ] } ', '42["\\u0065 \\"q\\"","x"]']
		]
		for (const [body, expected] of bodies) {
			assert.equal((await api(s, 'POST', '/v1/emit', body)).status, 202)
			assert.equal(await wire.text(), expected)
		}
	})

	test('names of rooms with any characters', async (t) => {
		const a = await connect(t, s)
		for (const id of ['ü💛', 'a b', '"\\', 'x'.repeat(128)]) {
			await a.emitWithAck('subscribe', { room: 'r', id })
			await stored()
			const heard = next(a, 'e')
			assert.equal((await emit(s, `r:${id}`, 'e', id)).json.delivered, 1)
			assert.deepEqual(await heard, [id])
		}
	})

	test('local reaches the worker that was asked, and no other', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		await stored()
		const boxes = all.map((a) => inbox(a, 'near', 'far'))
		for (let i = 0; i < 12; i++) assert.equal((await emit(s, 'all', 'near', i, { local: true })).json.delivered, 1)
		await emit(s, 'all', 'far')
		await until('the last', () => boxes.every((b) => b.at(-1)?.[0] === 'far'))
		const heard = boxes.flat().filter(([event]) => event === 'near').map(([, i]) => i)
		assert.deepEqual(heard.sort((a, b) => a - b), [...Array(12).keys()])
	})

	test('volatile reaches who can be written to', async (t) => {
		const a = await connect(t, s)
		const heard = next(a, 'v')
		assert.equal((await emit(s, 'all', 'v', 1, { volatile: true })).status, 202)
		assert.deepEqual(await heard, [1])
	})

	test('one caller\'s emits keep their order for every receiver', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		const boxes = all.map((a) => inbox(a, 'n'))
		for (let n = 0; n < 100; n++) await emit(s, 'all', 'n', n)
		await until('all', () => boxes.every((b) => b.length === 100))
		for (const box of boxes) assert.deepEqual(box.map(([, n]) => n), [...Array(100).keys()])
	})

	test('what is sent is counted: records once, deliveries for each who got one', async (t) => {
		const all = await Promise.all([...Array(7).keys()].map(() => connect(t, s)))
		assert.equal(new Set(await Promise.all(all.map((a) => worker_of(s, a)))).size > 1, true)
		const before = [await metric(s, 'published_total'), await metric(s, 'deliveries_total')]
		await emit(s, 'global:all', 'x')
		await until('the deliveries', async () => (await metric(s, 'deliveries_total')) === before[1] + 7)
		assert.equal(await metric(s, 'published_total'), before[0] + 1)
	})

	const wrong = [
		['no target', { event: 'e' }, 422, 'missing', 'to'],
		['an empty list of targets', { to: [], event: 'e' }, 422, 'missing', 'to'],
		['a target that is no text', { to: 5, event: 'e' }, 422, 'invalid', 'to'],
		['an empty target', { to: '', event: 'e' }, 422, 'invalid', 'to'],
		['a target with a control character', { to: 'r:\n', event: 'e' }, 422, 'invalid', 'to'],
		['a target of 251 bytes', { to: `r:${'x'.repeat(249)}`, event: 'e' }, 422, 'invalid', 'to'],
		['a socket that is none', { to: 'socket:x', event: 'e' }, 422, 'invalid', 'to'],
		['201 targets', { to: [...Array(201).keys()].map((i) => `r:${i}`), event: 'e' }, 422, 'too_many', 'to'],
		['except all', { to: 'r:1', except: 'all', event: 'e' }, 422, 'invalid', 'except'],
		['except that is no target', { to: 'r:1', except: {}, event: 'e' }, 422, 'invalid', 'except'],
		['no event', { to: 'all' }, 422, 'invalid', 'event'],
		['an event that is no text', { to: 'all', event: 1 }, 422, 'invalid', 'event'],
		['an empty event', { to: 'all', event: '' }, 422, 'invalid', 'event'],
		['an event of 300 bytes', { to: 'all', event: 'x'.repeat(300) }, 422, 'invalid', 'event'],
		['a reserved event', { to: 'all', event: 'disconnect' }, 422, 'reserved', 'event'],
		['args that are no list', { to: 'all', event: 'e', args: {} }, 422, 'invalid', 'args'],
		['args beside data', { to: 'all', event: 'e', args: [], data: 1 }, 422, 'invalid', 'args'],
		['volatile that is no switch', { to: 'all', event: 'e', volatile: 1 }, 422, 'invalid', 'volatile'],
		['local that is no switch', { to: 'all', event: 'e', local: 'yes' }, 422, 'invalid', 'local'],
		['a namespace nobody declared', { to: 'all', event: 'e', namespace: '/x' }, 422, 'unknown', 'namespace'],
		['a field nobody knows', { to: 'all', event: 'e', dta: 1 }, 422, 'unknown_field', 'dta'],
		['no JSON', '{"to":"all",', 400, 'syntax'],
		['JSON and more', '{"to":"all","event":"e"} x', 400, 'syntax'],
		['a list', '[]', 400, 'syntax'],
		['text', '"all"', 400, 'syntax'],
		['nothing', '', 400, 'syntax'],
		['bytes that are not UTF-8', Buffer.from('7b22ff223a317d', 'hex'), 400, 'syntax'],
		['a thousand brackets', '['.repeat(1000), 400, 'syntax'],
		['500,000 brackets', '['.repeat(500000), 400, 'syntax']
	]
	for (const [what, body, status, code, field] of wrong) {
		test(`refused: ${what}`, async () => {
			const r = await api(s, 'POST', '/v1/emit', body)
			assert.equal(r.status, status, r.text)
			assert.deepEqual(Object.keys(r.json), ['error'])
			assert.deepEqual(Object.keys(r.json.error), field ? ['code', 'message', 'field'] : ['code', 'message'])
			assert.equal(r.json.error.code, code)
			assert.equal(r.json.error.field, field)
			assert.ok(r.json.error.message.length > 5)
		})
	}

	test('an event too long for a ring is refused, one that fits goes through', async (t) => {
		const a = await connect(t, s)
		const heard = next(a, 'big')
		const r = await emit(s, 'all', 'big', 'x'.repeat(140000))
		assert.equal(r.status, 413)
		assert.equal(r.json.error.code, 'too_large')
		assert.equal((await emit(s, 'all', 'big', 'y'.repeat(100000))).status, 202)
		assert.equal((await heard)[0].length, 100000)
	})
})

test('rings that are full because a worker stands still: 429, and it passes', async (t) => {
	const s = await server(t, { workers: 2, shm: 'shm { sessions = 1000  ring_size = 1M  overflow = 64K  store_size = 16M }' })
	const [a] = await connect_each(t, s, 2)
	const heard = inbox(a, 'n')
	const wire = await Wire.open(t, s.admin_port)
	const get = `GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\n\r\n`
	/* Which worker has this connection: the one whose count of bytes read just rose. */
	const body = JSON.stringify({ to: 'all', event: 'n', data: 'x'.repeat(100000) })
	const post = `POST /v1/emit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
	const read = () => s.status().processes.filter((p) => p.role === 'worker').map((p) => p.counters.bytes_in_total ?? p.counters.bytes_in)
	const before = read()
	assert.equal((await wire.write(post).response()).status, 202)
	const mine = read().findIndex((n, i) => n - before[i] > 90000)
	const other = s.worker(1 - mine).pid
	process.kill(other, 'SIGSTOP')
	const answers = []
	for (let i = 0; i < 20; i++) answers.push(await wire.write(post).response())
	process.kill(other, 'SIGCONT')
	const busy = answers.filter((r) => r.status === 429)
	assert.ok(busy.length > 0, answers.map((r) => r.status).join())
	for (const r of busy) {
		assert.equal(r.headers['retry-after'], '1')
		assert.equal(JSON.parse(r.text).error.code, 'busy')
	}
	assert.ok((await metric(s, 'refused_total', { reason: 'ring_full' })) >= busy.length)
	await until('it to pass', async () => (await wire.write(post).response()).status === 202)
	assert.match((await wire.write(get).response()).text, /^# HELP/)
	if (a.connected) await until('those that were taken', () => heard.length >= answers.length - busy.length)
})
