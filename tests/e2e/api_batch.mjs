/* api_batch.mjs - POST /v1/batch: many verbs in one call, in their order, one result each. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, inbox, next } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { KEY, server, sleep, started, until } from './server.mjs'
import { Wire } from './wire.mjs'

const WORKERS = 3
const READER = 'reader-key-0123456789abcdef012345'
const PUBLISHER = 'publisher-key-0123456789abcdef012'
const CONTROLLER = 'controller-key-0123456789abcdef01'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const conf = `
room "r" { join = any }
route "tick" { fields = {"n: int 0..100000"}  to = "r:{@vars.room}" }
route "all" { to = all }
`
const lines = (list) => list.map((l) => (typeof l === 'string' ? l : JSON.stringify(l))).join('\n')
const results = (r) => {
	assert.equal(r.headers['content-type'], 'application/x-ndjson')
	assert.ok(r.text === '' || r.text.endsWith('\n'))
	return r.text.split('\n').slice(0, -1).map((l) => JSON.parse(l))
}

describe('POST /v1/batch', () => {
	let s
	before(async () => {
		s = await started({
			workers: WORKERS,
			conf,
			admin: `admin "127.0.0.1:0" { key = "${KEY}"  client "r" { key = "${READER}"  may = read }
				client "p" { key = "${PUBLISHER}"  may = publish }  client "c" { key = "${CONTROLLER}"  may = control } }`,
			auth: 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
		})
	})
	after(() => s.destroy())

	const batch = (body, more) => api(s, 'POST', '/v1/batch', body, more)
	const ndjson = (list, more) => batch(lines(list), { headers: { 'content-type': 'application/x-ndjson' }, ...more })
	const stored = () => api(s, 'GET', '/v1/rooms')

	test('each verb, as lines and as an array: in its order, with its result', async (t) => {
		for (const how of ['lines', 'array']) {
			const all = await connect_each(t, s, WORKERS)
			const boxes = all.map((a) => inbox(a, 'hello', 'tick', 'all'))
			const gone = next(all[2], 'disconnect')
			const verbs = [
				{ emit: { to: 'all', event: 'hello', data: how } },
				{ join: { in: ['user:user0', 'user:user2'], rooms: 'r:1' } },
				{ event: { type: 'tick', data: { n: 1 }, vars: { room: 1 } } },
				{ leave: { in: 'user:user0', rooms: ['r:1'] } },
				{ event: { type: 'tick', data: { n: 2 }, vars: { room: 1 } } },
				{ disconnect: { in: `socket:${all[2].id}` } },
				{ event: { type: 'all', data: [1, 2] } }
			]
			const r = await (how === 'lines' ? ndjson(verbs) : batch(verbs))
			assert.equal(r.status, 200)
			const got = how === 'lines' ? results(r) : r.json
			assert.equal(got.length, verbs.length)
			for (const [i, one] of got.entries()) {
				const sent = 'emit' in verbs[i] || 'event' in verbs[i]
				assert.equal(one.status, sent ? 202 : 200)
				assert.deepEqual(Object.keys(one), sent ? ['status', 'id', 'delivered'] : ['status', 'matched'])
				if (sent) assert.match(one.id, UUID)
			}
			assert.equal(new Set(got.map((g) => g.id).filter(Boolean)).size, 4)
			assert.deepEqual([got[0].delivered, got[1].matched, got[3].matched, got[5].matched, got[6].delivered], [3, 2, 1, 1, 3])
			await gone
			await until('the last', () => boxes[0].at(-1)?.[0] === 'all' && boxes[1].at(-1)?.[0] === 'all')
			assert.deepEqual(boxes[0], [['hello', how], ['tick', { n: 1 }], ['all', [1, 2]]])
			assert.deepEqual(boxes[1], [['hello', how], ['all', [1, 2]]])
			assert.deepEqual(boxes[2], [['hello', how], ['tick', { n: 1 }], ['tick', { n: 2 }]])
			for (const a of all) a.disconnect()
			await until('them to be gone', async () => (await api(s, 'GET', '/v1/sockets')).json.items.length === 0)
		}
	})

	test('a line that is wrong says so in its place, and the others are done', async (t) => {
		const a = await connect(t, s)
		const heard = inbox(a, 'all')
		const good = (n) => ({ event: { type: 'all', data: n } })
		const cases = [
			['{"event":{"type":"all","data":"\xff"}}'.replace('\xff', '\u0001'), 400, 'syntax', undefined],
			['{"event":', 400, 'syntax', undefined],
			['x', 400, 'syntax', undefined],
			['[]', 400, 'syntax', undefined],
			['{}', 400, 'syntax', undefined],
			['{"event":{"type":"all"},"emit":{}}', 400, 'syntax', undefined],
			['{"emit":[]}', 400, 'syntax', undefined],
			['{"emit":{}}', 422, 'missing', 'to'],
			['{"nothing":{}}', 422, 'unknown_verb', 'nothing'],
			['{"event":{"type":"none"}}', 404, 'unknown_event', 'type'],
			['{"event":{"type":"tick","data":{"n":-1},"vars":{"room":1}}}', 422, 'invalid', 'data.n'],
			['{"event":{"type":"tick","data":{"n":1}}}', 422, 'invalid', 'vars.room'],
			['{"emit":{"to":"all","event":"x","timeout":100}}', 422, 'invalid', 'timeout'],
			['{"emit":{"to":"all","event":"x","more":1}}', 422, 'unknown_field', 'more'],
			['{"disconnect":{}}', 422, 'missing', 'in']
		]
		const list = cases.flatMap(([line], i) => [good(i), line, '', '  \t\r'])
		const got = results(await ndjson(list))
		assert.equal(got.length, 2 * cases.length)
		for (const [i, [line, status, code, field]] of cases.entries()) {
			assert.equal(got[2 * i].status, 202)
			const { error } = got[2 * i + 1]
			assert.deepEqual([got[2 * i + 1].status, error.code, error.field], [status, code, field], line)
			assert.equal(typeof error.message, 'string')
		}
		await until('all', () => heard.length === cases.length)
		assert.deepEqual(heard.map(([, n]) => n), [...cases.keys()])
		await refusal(s, 'api_field', () => ndjson(['{"emit":{}}']))
	})

	test('a call that is none', async () => {
		const cases = [
			['', 400, 'syntax'],
			[' \n \n', 400, 'syntax'],
			['[{"emit":{}}', 400, 'syntax'],
			['[1,]', 400, 'syntax'],
			[`[${Array(10001).fill('1').join(',')}]`, 422, 'too_many'],
			[Array(10001).fill('{}').join('\n'), 422, 'too_many']
		]
		for (const [body, status, code] of cases) {
			const r = await batch(body)
			assert.deepEqual([r.status, r.json.error.code], [status, code], body.slice(0, 30))
		}
		assert.deepEqual((await batch('[]')).json, [])
		assert.equal((await batch('[1]')).json[0].status, 400)
		assert.equal((await batch('x'.repeat(1100000))).status, 413)
		assert.equal((await api(s, 'GET', '/v1/batch')).status, 405)
	})

	test('what is published right behind a join finds the sockets, through whichever worker', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		const boxes = all.map((a) => inbox(a, 'n'))
		for (let i = 0; i < 40; i++) {
			const to = `r:fresh${i}`
			const joins = { in: ['user:user0', 'user:user1', 'user:user2'], rooms: to }
			if (i % 2) {
				assert.equal((await api(s, 'POST', '/v1/sockets/join', joins)).status, 200)
				await api(s, 'POST', '/v1/emit', { to, event: 'n', data: i })
			} else {
				await ndjson([{ join: joins }, { emit: { to, event: 'n', data: i } }])
			}
		}
		await api(s, 'POST', '/v1/emit', { to: 'all', event: 'n', data: 'end' })
		await until('the end', () => boxes.every((b) => b.at(-1)?.[1] === 'end'))
		for (const b of boxes) assert.deepEqual(b.map(([, n]) => n), [...Array(40).keys(), 'end'])
	})

	test('lines with an id are done once, and everybody is told the same, in the order of the lines', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		await Promise.all(all.map((a) => a.emitWithAck('subscribe', { room: 'r', id: 'ids' })))
		await stored()
		const boxes = all.map((a) => inbox(a, 'tick', 'e'))
		/* with an id, without one, and what is wrong, mixed */
		const list = [...Array(600).keys()].map((n) => {
			const id = n % 7 < 4 || n > 400 ? { id: `id-${n}` } : {}
			if (n % 50 === 49) return { emit: { event: 'e', ...id } }
			return n % 2 ? { emit: { to: 'r:ids', event: 'e', data: { n }, ...id } } : { event: { type: 'tick', data: { n }, vars: { room: 'ids' }, ...id } }
		})
		const first = results(await ndjson(list))
		assert.equal(first.length, list.length)
		for (const [i, one] of first.entries()) {
			const body = Object.values(list[i])[0]
			if (i % 50 === 49) assert.deepEqual([one.status, one.error.field], [422, 'to'])
			else assert.deepEqual([one.status, one.delivered, body.id ?? one.id], [202, WORKERS, one.id])
		}
		const good = [...Array(600).keys()].filter((n) => n % 50 !== 49)
		await until('all', () => boxes.every((b) => b.length === good.length))
		for (const b of boxes) assert.deepEqual(b.map(([, { n }]) => n), good)
		/* again, through several workers at once: what has an id is not sent again */
		const again = await Promise.all([1, 2, 3].map(() => batch(list)))
		for (const { json } of again)
			for (const [i, one] of json.entries()) if (Object.values(list[i])[0].id && !one.error) assert.deepEqual(one, first[i])
		const more = list.filter((l, i) => i % 50 !== 49 && !Object.values(l)[0].id).length
		await until('the rest', () => boxes.every((b) => b.length === good.length + 3 * more))
		await sleep(100)
		for (const b of boxes) assert.equal(b.length, good.length + 3 * more)
		/* one id twice in a batch */
		const twice = { event: { type: 'all', data: 1, id: 'twice' } }
		const [x, y] = (await batch([twice, twice])).json
		assert.deepEqual(x, y)
		for (const id of ['', 7, 'x'.repeat(129), null]) assert.equal((await batch([{ event: { type: 'all', id } }])).json[0].error.field, 'id')
	})

	test('a key may do what it may, line by line', async (t) => {
		const a = await connect(t, s, { user: 'k' })
		const verbs = [{ event: { type: 'all', data: 1 } }, { join: { in: 'user:k', rooms: 'r:k' } }]
		const codes = async (key) => (await batch(verbs, { key })).json.map((g) => g.error?.code ?? g.status)
		assert.equal((await batch(verbs, { key: null })).status, 401)
		assert.equal((await batch(verbs, { key: READER })).status, 403)
		assert.deepEqual(await codes(PUBLISHER), [202, 'forbidden'])
		assert.ok(!(await a.emitWithAck('getRooms')).includes('r:k'))
		assert.deepEqual(await codes(CONTROLLER), ['forbidden', 200])
		await until('it to join', async () => (await a.emitWithAck('getRooms')).includes('r:k'))
		assert.deepEqual(await codes(KEY), [202, 200])
	})

	test('ten thousand lines, heard by everybody in their order', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		await Promise.all(all.map((a) => a.emitWithAck('subscribe', { room: 'r', id: 'big' })))
		await stored()
		const boxes = all.map((a) => inbox(a, 'tick'))
		const list = [...Array(10000).keys()].map((n) => ({ event: { type: 'tick', data: { n }, vars: { room: 'big' } } }))
		const got = results(await ndjson(list))
		assert.equal(got.length, 10000)
		assert.ok(got.every((g) => g.status === 202 && g.delivered === WORKERS))
		assert.equal(new Set(got.map((g) => g.id)).size, 10000)
		await until('all', () => boxes.every((b) => b.length === 10000))
		for (const b of boxes) assert.ok(b.every(([, { n }], i) => n === i))
	})

	test('a long one holds up nobody: others are answered meanwhile', async (t) => {
		const one = await server(t, { workers: 1, conf })
		const rooms = [...Array(100).keys()].map((i) => `r:${i}`)
		const list = Array(5000).fill({ emit: { to: rooms, event: 'x', data: 'y' } })
		const text = lines(list.slice(0, 800))
		const pending = []
		for (let i = 0; i < 8; i++) pending.push(api(one, 'POST', '/v1/batch', text))
		let done = false
		const all = Promise.all(pending).then((r) => ((done = true), r))
		let answered = 0
		while (!done) {
			assert.equal((await api(one, 'GET', '/health')).status, 200)
			answered++
		}
		for (const r of await all) assert.ok(results(r).every((g) => g.status === 202))
		assert.ok(answered >= 5, `${answered} answers`)
	})

	test('what follows on the connection is answered after it', async (t) => {
		const wire = await Wire.open(t, s.admin_port)
		const post = (path, body) => `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
		const many = lines(Array(3000).fill({ event: { type: 'all', data: 1 } }))
		wire.write(post('/v1/batch', many) + post('/v1/batch', '[{"event":{"type":"all"}}]') + post('/v1/emit', '{"to":"all","event":"e"}'))
		const first = await wire.response()
		assert.equal(first.text.split('\n').length, 3001)
		assert.equal(JSON.parse((await wire.response()).text).length, 1)
		assert.equal((await wire.response()).status, 202)
	})

	test('a caller that goes ends its batch', async (t) => {
		const one = await server(t, { workers: 1, conf })
		const a = await connect(t, one, { user: 'u' })
		const heard = inbox(a, 'n')
		const list = [...Array(9000).keys()].map((n) => ({ emit: { to: Array(40).fill('all'), event: 'n', data: n } }))
		const body = lines(list.slice(0, 2800))
		const request = http.request({ host: '127.0.0.1', port: one.admin_port, method: 'POST', path: '/v1/batch', headers: { authorization: `Bearer ${KEY}`, 'content-length': Buffer.byteLength(body) } })
		request.on('error', () => {})
		request.end(body, () => setTimeout(() => request.destroy(), 3))
		await until('it to begin', () => heard.length > 0)
		await sleep(300)
		assert.ok(heard.every(([, n], i) => n === i))
		assert.equal((await api(one, 'POST', '/v1/batch', '[{"emit":{"to":"all","event":"n","data":"end"}}]')).json[0].status, 202)
		await until('the end', () => heard.at(-1)[1] === 'end')
	})
})

describe('full rings', () => {
	const list = (n, text) => [...Array(n).keys()].map((i) => ({ emit: { to: 'all', event: 'n', data: `${i} ${text}` } }))
	const stop = async (t, s, index, signal) => {
		const { pid } = s.worker(index)
		process.kill(pid, signal)
		t.after(() => {
			try {
				process.kill(pid, 'SIGCONT')
			} catch {
				/* it was replaced */
			}
		})
	}
	const small = { workers: 2, conf: `watchdog = 30s\n${conf}`, shm: 'shm { sessions = 1000  ring_size = 64K  overflow = 64K  store_size = 16M }' }

	/* The worker that is asked, and that can still answer: the other one is stopped. */
	async function one_stopped(t, options = small) {
		const s = await server(t, options)
		const clients = await connect_each(t, s, 2)
		const heard = inbox(clients[0], 'n')
		const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
		t.after(() => agent.destroy())
		/* a kept connection to worker 0: only sockets of that worker get a local event */
		for (;;) {
			const local = await api(s, 'POST', '/v1/emit', { to: 'user:user0', event: 'x', local: true }, { agent })
			if (local.json.delivered === 1) break
			agent.destroy()
		}
		await stop(t, s, 1, 'SIGSTOP')
		return { s, agent, heard, go_on: () => stop(t, s, 1, 'SIGCONT') }
	}

	test('a batch waits while the overflow is full, and nothing of it is lost', async (t) => {
		const { s, agent, heard, go_on } = await one_stopped(t)
		const answer = api(s, 'POST', '/v1/batch', lines(list(900, 'x'.repeat(900))), { agent })
		const got = results(await answer)
		assert.deepEqual(got.filter((g) => g.status !== 202), [])
		await until('all', () => heard.length === 900)
		assert.ok(heard.every(([, d], i) => d.startsWith(`${i} `)))
		await go_on()
	})

	test('who asks for a join is answered when the sockets are in the room', async (t) => {
		const { s, agent, go_on } = await one_stopped(t)
		const join = { in: ['user:user0', 'user:user1'], rooms: 'r:1' }
		for (const [path, body] of [['/v1/sockets/join', join], ['/v1/batch', [{ join: { ...join, rooms: 'r:2' } }]]]) {
			const answer = api(s, 'POST', path, body, { agent })
			assert.equal(await Promise.race([answer, sleep(300, 'waits')]), 'waits')
			await go_on()
			assert.equal((await answer).status, 200)
			await stop(t, s, 1, 'SIGSTOP')
		}
		/* but not for ever: the keeper of a promise is not the hostage of a worker that hangs */
		assert.equal((await api(s, 'POST', '/v1/sockets/join', { ...join, rooms: 'r:3' }, { agent })).status, 200)
		await go_on()
	})

	/* The ring is full of what the stopped worker has not read, and one record is more than the overflow takes. */
	const tight = { ...small, shm: 'shm { sessions = 1000  ring_size = 1M  overflow = 64K  store_size = 16M }' }

	test('a call that finds no room is answered 429 with Retry-After, and nothing of it is done', async (t) => {
		const { s, agent, heard, go_on } = await one_stopped(t, tight)
		const wanted = []
		let refused
		for (let i = 0; refused === undefined; i++) {
			assert.ok(i < 20, 'it was never full')
			const r = await api(s, 'POST', '/v1/emit', { to: 'all', event: 'n', data: `${i} ${'y'.repeat(100000)}` }, { agent })
			if (r.status === 202) wanted.push(i)
			else refused = r
		}
		assert.equal(refused.status, 429)
		assert.equal(refused.headers['retry-after'], '1')
		assert.equal(refused.json.error.code, 'busy')
		await go_on()
		assert.ok(wanted.length >= 5)
		assert.equal((await api(s, 'POST', '/v1/emit', { to: 'all', event: 'n', data: '99 ' }, { agent })).status, 202)
		await until('the last', () => heard.at(-1)?.[1] === '99 ')
		assert.deepEqual(heard.map(([, d]) => Number(d.split(' ')[0])), [...wanted, 99])
	})

	test('a batch that finds no room: what was not done says so, and is the end of it', async (t) => {
		const { s, agent, heard, go_on } = await one_stopped(t, tight)
		const big = (i) => ({ emit: { to: 'all', event: 'n', data: `${i} ${'z'.repeat(100000)}` } })
		const one = async (from) => results(await api(s, 'POST', '/v1/batch', lines([...Array(9).keys()].map((i) => big(from + i))), { agent }))
		const got = [...(await one(0)), ...(await one(9))]
		const first = got.findIndex((g) => g.status !== 202)
		assert.ok(first >= 5)
		for (const g of got.slice(first)) assert.deepEqual([g.status, g.error.code], [429, 'busy'])
		await go_on()
		assert.equal((await api(s, 'POST', '/v1/emit', { to: 'all', event: 'n', data: '99 ' }, { agent })).status, 202)
		await until('the last', () => heard.at(-1)?.[1] === '99 ')
		assert.deepEqual(heard.map(([, d]) => Number(d.split(' ')[0])), [...Array(first).keys(), 99])
	})

	/* The first message finds room and the second would not: neither is sent. */
	test('an event of several messages is sent whole or not at all', async (t) => {
		const { s, agent, heard, go_on } = await one_stopped(t, {
			...tight,
			conf: `${tight.conf}\nroute "n" { to = all  also { emit = n  to = all  data = '{@payload}' } }`
		})
		const sent = []
		let refused = 0
		for (let i = 0; refused < 3; i++) {
			assert.ok(i < 20, 'it was never full')
			const r = await api(s, 'POST', '/v1/events', { type: 'n', data: `${i} ${'w'.repeat(90000)}` }, { agent })
			if (r.status === 202) sent.push(i, i)
			else refused += r.status === 429
		}
		await go_on()
		assert.equal((await api(s, 'POST', '/v1/emit', { to: 'all', event: 'n', data: '99 ' }, { agent })).status, 202)
		await until('the last', () => heard.at(-1)?.[1] === '99 ')
		assert.deepEqual(heard.map(([, d]) => Number(d.split(' ')[0])), [...sent, 99])
	})
})
