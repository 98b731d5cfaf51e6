/* api_acks.mjs - POST /v1/emit with a timeout: clients are asked for an ack, and the caller hears what they answered. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, beforeEach, describe, test } from 'node:test'
import parser from 'socket.io-msgpack-parser'
import { api, connect, connect_each, next, token } from './clients.mjs'
import { metric } from './prometheus.mjs'
import { KEY, resume, server, started, until } from './server.mjs'
import { Wire, open_socket } from './wire.mjs'

const WORKERS = 3
const AUTH = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
const KINDS = {
	websocket: {},
	polling: { transports: ['polling'], upgrade: false },
	upgraded: { transports: ['polling', 'websocket'] },
	msgpack: { parser },
	'msgpack over polling': { parser, transports: ['polling'], upgrade: false }
}

let s
before(async () => {
	s = await started({
		workers: WORKERS,
		conf: 'room "r" { join = any }\nnamespace "/chat" { room "r" { join = any } }\nnamespace "/a[1]" { }\nnamespace "/t-*" { }\n' +
			'event "say" { emit = said  to = all }',
		auth: AUTH
	})
})
after(() => s.destroy())
/* `all` means those of this test. */
beforeEach(() => until('clients of the test before to be gone', async () => (await metric(s, 'sockets')) === 0))

/* A query waits for the store, and so do the counts of an emit behind it. */
const stored = () => api(s, 'GET', '/v1/rooms')
const ask = (to, more = {}) => api(s, 'POST', '/v1/emit', { to, event: 'ask', timeout: 5000, ...more })

/* Asks, and says how long it took. */
async function timed(to, more) {
	const began = performance.now()
	const { status, json, text } = await ask(to, more)
	assert.equal(status, 200, text)
	assert.deepEqual(Object.keys(json), ['id', 'delivered', 'answers'])
	assert.match(json.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
	return { ...json, ms: performance.now() - began }
}

const sorted = (list) => [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

/* The id in the next packet, which is an "ask" in NSP. */
async function asked(wire, nsp = '') {
	const text = await wire.text()
	const m = text.match(/^42(.*?)(\d+)(\["ask".*\])$/)
	assert.ok(m, text)
	assert.equal(m[1], nsp)
	return m[2]
}

/* An answer that only the asking of it proves to have been read. */
const read = async (wire) => {
	wire.send('42777["ping"]')
	assert.equal(await wire.text(), '43777["pong"]')
}

describe('who answers', () => {
	test('all members, on every worker, over every transport and parser', async (t) => {
		const all = []
		for (const options of Object.values(KINDS)) {
			for (const a of await connect_each(t, s, WORKERS, () => options)) {
				a.on('ask', (x, answer) => answer({ me: a.id, x }))
				await a.emitWithAck('subscribe', { room: 'r', id: 1 })
				all.push(a)
			}
		}
		await stored()
		for (const x of [1, 'two', null, { three: [3] }, 4]) {
			const r = await timed('r:1', { data: x })
			assert.equal(r.delivered, all.length)
			assert.deepEqual(sorted(r.answers), sorted(all.map((a) => ({ me: a.id, x }))))
			assert.ok(r.ms < 4000, `${r.ms} ms: it did not wait for the timeout`)
		}
	})

	describe('targets', () => {
		/* ada twice and bob in r:2, eve in nothing; they answer with their place in this list. */
		async function people(t) {
			const all = []
			for (const [user, role] of [['ada', 'chief'], ['ada', 'chief'], ['bob'], ['eve', 'chief']]) all.push(await connect(t, s, { user, role }))
			for (const a of all.slice(0, 3)) await a.emitWithAck('subscribe', { room: 'r', id: 2 })
			all.forEach((a, i) => a.on('ask', (answer) => answer(i)))
			await stored()
			return all
		}
		const cases = {
			'a room': [() => ({ to: 'r:2' }), [0, 1, 2]],
			'a user': [() => ({ to: 'user:ada' }), [0, 1]],
			'a role': [() => ({ to: 'role:chief' }), [0, 1, 3]],
			'a socket': [(all) => ({ to: `socket:${all[1].id}` }), [1]],
			'all': [() => ({ to: 'all' }), [0, 1, 2, 3]],
			'a list, each socket once': [(all) => ({ to: ['r:2', 'user:ada', `socket:${all[0].id}`, 'role:chief'] }), [0, 1, 2, 3]],
			'except a user': [() => ({ to: 'r:2', except: 'user:ada' }), [2]],
			'except a socket and a room': [(all) => ({ to: 'all', except: [`socket:${all[3].id}`, 'user:bob'] }), [0, 1]],
			'a room nobody is in': [() => ({ to: 'r:none' }), []],
			'a user nobody is': [() => ({ to: 'user:nobody' }), []],
			'a socket that is gone': [() => ({ to: 'socket:AAAAAAAAAAAAAAAAAAAA' }), []],
			'all but everybody': [() => ({ to: 'r:2', except: 'r:2' }), []],
			'a namespace with nobody in it': [() => ({ to: 'all', namespace: '/chat' }), []],
			'a namespace by pattern with nobody in it': [() => ({ to: 'all', namespace: '/t-1' }), []]
		}
		for (const [what, [body, expected]] of Object.entries(cases)) {
			test(what, async (t) => {
				const all = await people(t)
				const { to, ...more } = body(all)
				const r = await timed(to, more)
				assert.deepEqual(sorted(r.answers), expected)
				assert.equal(r.delivered, expected.length) /* those that were asked, not an upper bound */
				assert.ok(r.ms < 2000, `${r.ms} ms`)
			})
		}
	})

	test('local: the sockets of the worker that was called', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		all.forEach((a, i) => a.on('ask', (answer) => answer(i)))
		const seen = new Set()
		for (let i = 0; i < 20; i++) {
			const r = await timed('all', { local: true })
			assert.equal(r.delivered, 1)
			assert.equal(r.answers.length, 1)
			seen.add(r.answers[0])
		}
		assert.ok(seen.size > 1)
	})

	test('a worker that has nobody to ask does not end it for the others', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		all.forEach((a, i) => a.on('ask', (answer) => answer(i)))
		for (let n = 0; n < 30; n++) {
			const except = all.filter((_, i) => i !== n % WORKERS).map((a) => `socket:${a.id}`)
			const r = await timed('all', { except })
			assert.deepEqual([r.delivered, r.answers], [1, [n % WORKERS]])
		}
	})

	test('volatile: who cannot take it now is not asked', async (t) => {
		const a = await connect(t, s, { user: 'vera' })
		a.on('ask', (answer) => answer('here'))
		/* a polling client between two polls */
		const away = await Wire.open(t, s.port)
		const get = (sid) => `GET /socket.io/?EIO=4&transport=polling${sid} HTTP/1.1\r\nHost: x\r\n\r\n`
		away.write(get(''))
		const sid = `&sid=${JSON.parse((await away.response()).text.slice(1)).sid}`
		const say = async (body) => {
			away.write(`POST /socket.io/?EIO=4&transport=polling${sid} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
			assert.equal((await away.response()).text, 'ok')
		}
		await say(`40{"token":"${token({ sub: 'vera' })}"}`)
		away.write(get(sid))
		assert.match((await away.response()).text, /^40\{"sid"/)
		await stored()
		const r = await timed('user:vera', { volatile: true })
		assert.deepEqual([r.delivered, r.answers], [1, ['here']])
		/* without it both are, and the second answers when it comes */
		const both = timed('user:vera')
		away.write(get(sid))
		const id = (await away.response()).text.match(/^42(\d+)\["ask"\]$/)[1]
		await say(`43${id}["back"]`)
		assert.deepEqual(sorted((await both).answers), ['back', 'here'])
		await say('1')
	})
})

describe('what they answer', () => {
	const HUGE = '115792089237316195423570985008687907853269984665640564039457584007913129639935'
	const cases = {
		'an object': ['[{"a":1}]', [], '{"a":1}'],
		'its bytes': [`[{"wei":${HUGE}, "é" : "\\u00e9"}]`, [], `{"wei":${HUGE}, "é" : "\\u00e9"}`],
		'the first of several arguments': ['["one","two",3]', [], '"one"'],
		'no argument': ['[]', [], 'null'],
		'nothing at all': ['', [], 'null'],
		'null': ['[null]', [], 'null'],
		'binary, as base64': ['[{"_placeholder":true,"num":0}]', [Buffer.from([0, 1, 254, 255])], '"AAH+/w=="'],
		'the second of two': ['[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]', [Buffer.from('one'), Buffer.from('two')], '"dHdv"'],
		'empty binary': ['[{"num":0,"_placeholder":true}]', [Buffer.alloc(0)], '""'],
		'an object that only looks like it': ['[{"_placeholder":true,"num":0}]', [], '{"_placeholder":true,"num":0}']
	}
	for (const [what, [json, attachments, expected]] of Object.entries(cases)) {
		test(what, async (t) => {
			const wire = await open_socket(t, s.port)
			await stored()
			const call = ask(`socket:${wire.sid}`, { data: 1 })
			const id = await asked(wire)
			wire.send(attachments.length > 0 ? `46${attachments.length}-${id}${json}` : `43${id}${json}`)
			for (const a of attachments) wire.send(a)
			const r = await call
			assert.equal(r.status, 200)
			assert.ok(r.text.endsWith(`"delivered":1,"answers":[${expected}]}`), r.text)
		})
	}

	test('binary of every client', async (t) => {
		const data = Buffer.from('binary \x00\xff', 'latin1')
		for (const [what, options] of Object.entries(KINDS)) {
			const a = await connect(t, s, options)
			a.on('ask', (answer) => answer(data))
			await stored()
			assert.deepEqual((await timed(`socket:${a.id}`)).answers, [data.toString('base64')], what)
		}
	})

	test('an answer of 100,000 bytes; one too long for a ring is missed', async (t) => {
		const a = await connect(t, s)
		await stored()
		let n = 100000
		a.on('ask', (answer) => answer('x'.repeat(n)))
		assert.equal((await timed(`socket:${a.id}`)).answers[0].length, n)
		n = 200000
		const r = await timed(`socket:${a.id}`, { timeout: 300 })
		assert.deepEqual([r.delivered, r.answers], [1, []])
		assert.equal(await a.emitWithAck('ping'), 'pong')
	})
})

describe('answers that do not come, or come too often', () => {
	test('a client that is silent: at the timeout, with what there is', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		all[0].on('ask', (answer) => answer('one'))
		all[1].on('ask', () => {})
		/* all[2] does not even listen */
		const r = await timed('all', { timeout: 500 })
		assert.deepEqual([r.delivered, r.answers], [3, ['one']])
		assert.ok(r.ms >= 490 && r.ms < 1500, `${r.ms} ms`)
	})

	test('one that answers twice counts once', async (t) => {
		const [wire, other] = [await open_socket(t, s.port), await open_socket(t, s.port)]
		await stored()
		const call = timed([`socket:${wire.sid}`, `socket:${other.sid}`])
		const id = await asked(wire)
		const id2 = await asked(other)
		wire.send(`43${id}["first"]`).send(`43${id}["second"]`)
		await read(wire)
		other.send(`43${id2}["third"]`)
		assert.deepEqual(sorted((await call).answers), ['first', 'third'])
	})

	test('answers to what was never asked, and of those who were not', async (t) => {
		const [wire, stranger] = [await open_socket(t, s.port), await open_socket(t, s.port)]
		await stored()
		const call = timed(`socket:${wire.sid}`)
		const id = await asked(wire)
		for (const x of [Number(id) + 1, Number(id) + 1000, 9007199254740991]) wire.send(`43${x}["wrong"]`)
		stranger.send(`43${id}["stranger"]`).send(`43["no id"]`)
		wire.send('43["no id"]')
		await Promise.all([read(wire), read(stranger)])
		wire.send(`43${id}["right"]`)
		assert.deepEqual((await call).answers, ['right'])
	})

	test('after the timeout: ignored', async (t) => {
		const wire = await open_socket(t, s.port)
		await stored()
		const late = timed(`socket:${wire.sid}`, { timeout: 100 })
		const id = await asked(wire)
		assert.deepEqual((await late).answers, [])
		const call = timed(`socket:${wire.sid}`)
		const id2 = await asked(wire)
		assert.notEqual(id2, id)
		wire.send(`43${id}["late"]`)
		await read(wire)
		wire.send(`43${id2}["in time"]`)
		assert.deepEqual((await call).answers, ['in time'])
	})

	test('a client that leaves owes nothing to the others', async (t) => {
		const [wire, other] = [await open_socket(t, s.port), await open_socket(t, s.port)]
		await stored()
		const call = timed([`socket:${wire.sid}`, `socket:${other.sid}`], { timeout: 700 })
		other.send(`43${await asked(other)}["still here"]`)
		await asked(wire)
		wire.send('41')
		const r = await call
		assert.deepEqual([r.delivered, r.answers], [2, ['still here']])
		await wire.send('40').text()
		wire.send('430["again"]')
		await read(wire)
	})

	test('1001 questions that nobody answers: the oldest is forgotten, the rest is not', async (t) => {
		const wire = await open_socket(t, s.port)
		await stored()
		const agent = new http.Agent({ keepAlive: true, maxSockets: 1100 })
		t.after(() => agent.destroy())
		const body = { to: `socket:${wire.sid}`, event: 'ask', timeout: 6000 }
		const calls = Array.from({ length: 1001 }, () => api(s, 'POST', '/v1/emit', body, { agent }))
		const ids = []
		for (let i = 0; i < 1001; i++) ids.push(await asked(wire))
		assert.equal(new Set(ids).size, 1001)
		ids.forEach((id) => wire.send(`43${id}[1]`))
		const answers = (await Promise.all(calls)).map((r) => r.json.answers.length)
		assert.equal(answers.filter((n) => n === 1).length, 1000)
		assert.equal(answers.filter((n) => n === 0).length, 1)
	})
})

describe('callers', () => {
	test('1000 at once, each hears its own', async (t) => {
		const all = await connect_each(t, s, WORKERS, () => ({ user: 'busy' }))
		all.forEach((a, i) => a.on('ask', (x, answer) => answer([i, x])))
		await stored()
		const agent = new http.Agent({ keepAlive: true, maxSockets: 500 })
		t.after(() => agent.destroy())
		const calls = Array.from({ length: 1000 }, (_, x) =>
			api(s, 'POST', '/v1/emit', { to: 'user:busy', event: 'ask', data: x, timeout: 7000 }, { agent }))
		for (const [x, r] of (await Promise.all(calls)).entries()) {
			assert.equal(r.status, 200, r.text)
			assert.equal(r.json.delivered, WORKERS)
			assert.deepEqual(sorted(r.json.answers), [[0, x], [1, x], [2, x]])
		}
	})

	test('one that goes away: its place is free, and the answer is nobody\'s', async (t) => {
		const s1 = await server(t, { workers: 1, auth: AUTH })
		const wire = await open_socket(t, s1.port)
		await api(s1, 'GET', '/v1/rooms')
		const body = JSON.stringify({ to: `socket:${wire.sid}`, event: 'ask', timeout: 60000 })
		const post = `POST /v1/emit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
		let id
		/* more than can wait at a time */
		for (let round = 0; round < 3; round++) {
			const callers = await Promise.all(Array.from({ length: 500 }, () => Wire.open(t, s1.admin_port)))
			for (const c of callers) c.write(post)
			for (let i = 0; i < callers.length; i++) id = await asked(wire)
			for (const [i, c] of callers.entries()) i % 2 ? c.socket.destroy() : c.socket.resetAndDestroy()
			await until('them to be gone', async () => s1.worker(0).counters.connections <= 2)
		}
		wire.send(`43${id}["too late"]`)
		await read(wire)
		const r = api(s1, 'POST', '/v1/emit', body)
		wire.send(`43${await asked(wire)}["yes"]`)
		assert.deepEqual((await r).json.answers, ['yes'])
	})

	test('the 1001st that waits at one worker: 429', async (t) => {
		const s1 = await server(t, { workers: 1, auth: AUTH })
		const wire = await open_socket(t, s1.port)
		await api(s1, 'GET', '/v1/rooms')
		const body = { to: `socket:${wire.sid}`, event: 'ask', timeout: 7000 }
		const agent = new http.Agent({ keepAlive: true, maxSockets: 2000 })
		t.after(() => agent.destroy())
		const calls = Array.from({ length: 1000 }, () => api(s1, 'POST', '/v1/emit', body, { agent }))
		const ids = []
		while (ids.length < 1000) ids.push(await asked(wire))
		const busy = await api(s1, 'POST', '/v1/emit', body)
		assert.equal(busy.status, 429)
		assert.equal(busy.json.error.code, 'busy')
		assert.equal(busy.headers['retry-after'], '1')
		wire.send(`43${ids[500]}[500]`)
		await Promise.race(calls)
		const call = api(s1, 'POST', '/v1/emit', body)
		wire.send(`43${await asked(wire)}[1]`)
		assert.deepEqual((await call).json.answers, [1])
		for (const id of ids) wire.send(`43${id}[0]`)
		await Promise.all(calls)
	})

	test('what comes behind on the same connection waits, in order', async (t) => {
		const wire = await open_socket(t, s.port)
		await stored()
		const caller = await Wire.open(t, s.admin_port)
		const post = (body) => `POST /v1/emit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
		caller.write(post(JSON.stringify({ to: `socket:${wire.sid}`, event: 'ask', timeout: 5000 })) +
			post(JSON.stringify({ to: `socket:${wire.sid}`, event: 'next' })))
		wire.send(`43${await asked(wire)}[1]`)
		const first = await caller.response()
		assert.deepEqual([first.status, JSON.parse(first.text).answers], [200, [1]])
		assert.equal((await caller.response()).status, 202)
		assert.equal(await wire.text(), '42["next"]')
	})

	for (const timeout of [0, -1, 1.5, 60001, 1e20, '500', true, null, [], {}]) {
		test(`refused: a timeout of ${JSON.stringify(timeout)}`, async () => {
			const r = await ask('all', { timeout })
			assert.equal(r.status, 422, r.text)
			assert.equal(r.json.error.field, 'timeout')
			assert.equal(r.json.error.code, 'invalid')
		})
	}

	test('refused as without it: too long, nobody left, no target', async () => {
		assert.equal((await ask('all', { data: 'x'.repeat(140000) })).status, 413)
		assert.equal((await ask('r:1', { except: 'all' })).status, 422)
		assert.equal((await ask([])).status, 422)
		assert.equal((await ask('all', { namespace: '/nowhere' })).status, 422)
	})
})

describe('namespaces', () => {
	test('ids and answers of two do not mix, on one connection', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('40/chat,')
		const sid = JSON.parse((await wire.text()).slice(8)).sid
		await stored()
		for (let round = 0; round < 3; round++) {
			const chat = timed('all', { namespace: '/chat' })
			const id = await asked(wire, '/chat,')
			const main = timed('all')
			const id2 = await asked(wire)
			wire.send(`43${id2}["main ${round}"]`)
			assert.deepEqual((await main).answers, [`main ${round}`])
			/* the other's id in this one, and this one's in the other */
			if (id !== id2) wire.send(`43/chat,${id2}["wrong"]`).send(`43${id}["wrong"]`)
			await read(wire)
			wire.send(`43/chat,${id}["chat ${round}"]`)
			const r = await chat
			assert.deepEqual([r.delivered, r.answers], [1, [`chat ${round}`]])
		}
		assert.notEqual(sid, wire.sid)
	})

	test('one with a bracket in its name, and those of a pattern', async (t) => {
		for (const nsp of ['/chat', '/a[1]', '/t-1', '/t-[2]', '/t-é"\\']) {
			const all = []
			for (const options of Object.values(KINDS)) {
				/* not in the URL, where a bracket means something else */
				const a = (await connect(t, s, options)).io.socket(nsp)
				t.after(() => a.disconnect())
				await next(a, 'connect')
				all.push(a)
			}
			for (const a of all) a.on('ask', (x, answer) => answer([x, nsp]))
			await stored()
			const r = await timed('all', { namespace: nsp, data: { '[': 1 } })
			assert.deepEqual(r.answers, all.map(() => [{ '[': 1 }, nsp]), nsp)
		}
	})
})

test('events that ask and events that do not keep their order', async (t) => {
	const a = await connect(t, s)
	await stored()
	const heard = []
	a.on('n', (n) => heard.push(n))
	a.on('ask', (n, answer) => {
		heard.push(n)
		answer(n)
	})
	const caller = await Wire.open(t, s.admin_port)
	const post = (body) => `POST /v1/emit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
	const bodies = Array.from({ length: 60 }, (_, n) => JSON.stringify({ to: `socket:${a.id}`, data: n, ...(n % 3 ? { event: 'n' } : { event: 'ask', timeout: 5000 }) }))
	caller.write(bodies.map(post).join(''))
	for (let n = 0; n < 60; n++) assert.equal((await caller.response()).status, n % 3 ? 202 : 200)
	await until('the last', () => heard.length >= 60)
	assert.deepEqual(heard, Array.from({ length: 60 }, (_, n) => n))
})

describe('processes', () => {
	/* A connection to the admin listener of the worker of two that is not INDEX. */
	async function caller(t, s2, index) {
		const other = () => s2.worker(1 - index).counters.accepted
		for (let tries = 0; tries < 100; tries++) {
			const before = other()
			const wire = await Wire.open(t, s2.admin_port)
			wire.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
			assert.equal((await wire.response()).status, 200)
			if (other() > before) return wire
		}
		assert.fail('all connections go there')
	}
	const post = (body) => `POST /v1/emit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
	const BODY = post(JSON.stringify({ to: 'all', event: 'ask', timeout: 1500 }))

	test('a worker that is killed in between: its clients do not answer', async (t) => {
		const s2 = await server(t, { workers: 2, auth: AUTH })
		const all = await connect_each(t, s2, 2)
		const wire = await caller(t, s2, 0)
		all[0].on('ask', () => process.kill(s2.worker(0).pid, 'SIGKILL'))
		all[1].on('ask', (answer) => answer('alive'))
		const r = await wire.write(BODY).response()
		assert.equal(r.status, 200)
		const json = JSON.parse(r.text)
		assert.deepEqual([json.delivered, json.answers], [2, ['alive']])
	})

	test('a worker that is stopped cannot even say how many: the timeout ends it', async (t) => {
		const s2 = await server(t, { workers: 2, auth: AUTH, conf: 'watchdog = 60s' })
		const all = await connect_each(t, s2, 2)
		const wire = await caller(t, s2, 0)
		all[1].on('ask', (answer) => answer('alive'))
		const pid = s2.worker(0).pid
		process.kill(pid, 'SIGSTOP')
		t.after(() => resume(pid))
		const began = performance.now()
		const json = JSON.parse((await wire.write(BODY).response()).text)
		assert.deepEqual([json.delivered, json.answers], [1, ['alive']])
		assert.ok(performance.now() - began > 1400)
		/* what it says when it goes on is nobody's any more */
		process.kill(pid, 'SIGCONT')
		all[0].on('ask', (answer) => answer('back'))
		await until('it to answer again', async () => {
			const r = JSON.parse((await wire.write(BODY).response()).text)
			return r.answers.length === 2
		})
	})

	test('a successor does not take answers that its predecessor asked for', async (t) => {
		const s2 = await server(t, { workers: 2, auth: AUTH })
		const all = await connect_each(t, s2, 2)
		let answer_late
		const asked_once = new Promise((resolve) => all[1].once('ask', (answer) => resolve((answer_late = answer))))
		const wire = await caller(t, s2, 1)
		wire.write(BODY)
		await asked_once
		const { pid, generation } = s2.worker(0)
		process.kill(pid, 'SIGKILL')
		await s2.settled('the successor', () => s2.worker(0).generation > generation)
		const again = await caller(t, s2, 1)
		all[1].on('ask', (answer) => {
			answer_late('for the dead')
			answer('for the living')
		})
		const json = JSON.parse((await again.write(BODY).response()).text)
		assert.deepEqual([json.delivered, json.answers], [1, ['for the living']])
	})
})

test('what was asked is counted like everything else', async (t) => {
	const a = await connect(t, s)
	a.on('ask', (answer) => answer(1))
	await stored()
	const before = await metric(s, 'deliveries_total')
	await timed(`socket:${a.id}`)
	assert.equal(await metric(s, 'deliveries_total'), before + 1)
	assert.equal(await metric(s, 'ring_bad_total'), 0)
})
