/* rule_every.mjs - every "NAME": in its rhythm, once on the whole host, for each room, whoever dies. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { test } from 'node:test'
import { api, connect, connect_each, inbox } from './clients.mjs'
import { alive, server, sleep, until } from './server.mjs'

const WORKERS = 3
const with_rules = (rules) => ({
	workers: WORKERS,
	conf: `room "game" { join = any }\nroom "lobby" { join = any  single = yes }\nroom "quiet" { join = any }\n${rules}`,
	auth: 'auth { anonymous = yes }'
})

test('it goes out in its rhythm, once, to clients of all workers', async (t) => {
	const s = await server(t, with_rules(`
		every "pulse" { interval = 200ms  emit = pulse  to = all  data = '{"at": {@now.ms}, "id": {@id}, "nsp": {@namespace}}' }
		namespace "/n" { every "pulse" { interval = 300ms  emit = beat  to = all } }`))
	const all = await connect_each(t, s, WORKERS, () => ({}))
	const other = await connect(t, s, { nsp: '/n' })
	const boxes = all.map((c) => inbox(c, 'pulse', 'beat'))
	const there = inbox(other, 'beat', 'pulse')
	await until('ten', () => boxes[0].length >= 10)
	const at = boxes[0].map(([, d]) => d.at)
	for (let i = 1; i < at.length; i++) assert.ok(at[i] - at[i - 1] > 50, `${at}`)
	/* No drift: what is late once does not move the others. */
	assert.ok(Math.abs(at[9] - at[0] - 9 * 200) < 400, `${at}`)
	assert.equal(new Set(boxes[0].map(([, d]) => d.id)).size, boxes[0].length)
	for (const b of boxes) assert.deepEqual(b.slice(-5), boxes[0].slice(-5).map((e) => e))
	assert.ok(there.length >= 5 && there.every((e) => e.length === 1 && e[0] === 'beat'))
})

test('conditions, each room of a type, a single room, and nobody there', async (t) => {
	const s = await server(t, with_rules(`
		every "rooms" { interval = 300ms  each = game  emit = tick  data = '{"room": {@room}, "id": {@room.id}, "n": {@room.socket_count}}'
			also { each = lobby  emit = tock  data = '{@room}' }
			also { each = quiet  if = "@room.id = \\"2\\""  emit = hush  data = '{@room}' }
			also { if = "@server.connections > 1000"  emit = never  to = all }
			also { emit = done  to = "user:nobody"  } }
		every "not" { interval = 100ms  if = "@server.connections > 1000"  emit = never  to = all }`))
	const all = await connect_each(t, s, WORKERS, () => ({}))
	const boxes = all.map((c) => inbox(c, 'tick', 'tock', 'hush', 'never'))
	await sleep(400)
	assert.equal(boxes.flat().length, 0)
	await all[0].emitWithAck('subscribe', { room: 'game', id: 'a' })
	await all[1].emitWithAck('subscribe', { room: 'game', id: 'a' })
	await all[2].emitWithAck('subscribe', { room: 'game', id: 'b' })
	await all[0].emitWithAck('subscribe', { room: 'lobby' })
	for (const id of [1, 2]) await all[1].emitWithAck('subscribe', { room: 'quiet', id })
	await until('some', () => boxes[2].length >= 3 && boxes[0].length >= 6)
	assert.deepEqual(boxes[2].at(-1), ['tick', { room: 'game:b', id: 'b', n: 1 }])
	assert.deepEqual(boxes[0].slice(-2).sort(), [['tick', { room: 'game:a', id: 'a', n: 2 }], ['tock', 'lobby']])
	assert.deepEqual([...new Set(boxes[1].map((e) => JSON.stringify(e)))].sort(),
		['["hush","quiet:2"]', '["tick",{"room":"game:a","id":"a","n":2}]'])
	assert.ok(boxes.flat().every((e) => e[0] !== 'never'))
})

test('hundreds of rooms: every one, once each time', async (t) => {
	const N = 300
	const options = with_rules(`every "rooms" { interval = 1s  each = game  emit = tick  data = '{@room}' }`)
	const s = await server(t, { ...options, conf: `max_rooms = 1000\n${options.conf}` })
	const c = await connect(t, s, {})
	await Promise.all([...Array(N).keys()].map((id) => c.emitWithAck('subscribe', { room: 'game', id })))
	const box = inbox(c, 'tick')
	await until('two times all', () => box.length >= 3 * N)
	const last = box.slice(-2 * N).map((e) => e[1])
	const count = new Map()
	for (const r of last) count.set(r, (count.get(r) ?? 0) + 1)
	assert.equal(count.size, N)
	for (const n of count.values()) assert.equal(n, 2)
})

test('a keeper that is killed again and again: no time twice, and few are missing', async (t) => {
	const s = await server(t, with_rules(`every "pulse" { interval = 100ms  emit = pulse  to = all  data = '{@now.ms}' }`))
	const c = await connect(t, s, {})
	const box = inbox(c, 'pulse')
	await until('the first', () => box.length > 0)
	const began = Date.now()
	for (let i = 0; i < 4; i++) {
		const pid = s.keeper().pid
		await sleep(137)
		process.kill(pid, 'SIGKILL')
		await until('another keeper', () => s.keeper()?.pid !== pid && s.keeper()?.state === 'live' && !alive(pid))
	}
	await sleep(350)
	const lasted = Date.now() - began
	const at = box.map((e) => e[1])
	/* One was due in each interval, and in none two. */
	assert.ok(at.length <= lasted / 100 + 2, `${at.length} in ${lasted} ms`)
	assert.ok(at.length >= 4, `${at.length} in ${lasted} ms`)
	const first = at[0]
	const phases = at.map((x) => Math.round((x - first) / 100))
	/* one that the machine delays falls into the time of the next */
	assert.ok(new Set(phases).size >= 0.7 * phases.length, `${phases}`)
})

test('a worker that dies: the others go on', async (t) => {
	const s = await server(t, with_rules(`every "pulse" { interval = 100ms  emit = pulse  to = all  data = '{@server.worker}' }`))
	const all = await connect_each(t, s, WORKERS, () => ({}))
	const box = inbox(all[2], 'pulse')
	await until('each of them', () => new Set(box.map((e) => e[1])).size === WORKERS)
	process.kill(s.worker(0).pid, 'SIGKILL')
	await s.settled('all again')
	const n = box.length
	await until('each of them', () => new Set(box.slice(n).map((e) => e[1])).size === WORKERS)
	assert.equal((await api(s, 'GET', '/ready')).status, 200)
})

test('a hook is asked about each room, at most so many at a time, and about those alone that the condition admits', async (t) => {
	const N = 400
	const asked = new Map()
	let open = 0
	let most = 0
	const backend = http.createServer((req, res) => {
		let text = ''
		most = Math.max(most, ++open)
		req.on('data', (d) => (text += d))
		req.on('end', () => {
			const body = JSON.parse(text)
			asked.set(body.room, (asked.get(body.room) ?? 0) + 1)
			assert.equal(body.event, 'look')
			setTimeout(() => {
				open--
				if (body.room === 'game:7') return res.writeHead(500).end()
				if (body.room === 'game:8') return res.end(JSON.stringify([{ error: { message: 'no' } }]))
				res.end(JSON.stringify([{ data: { said: body.room } }, { emit: { to: body.room, event: 'verb', data: body.room } }]))
			}, 5)
		})
	})
	await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve))
	t.after(() => (backend.close(), backend.closeAllConnections()))
	const options = with_rules(`
		hook "b" { url = "http://127.0.0.1:${backend.address().port}/"  concurrency = 32  breaker { failures = 0 } }
		every "look" { interval = 1s  each = game  hook = b  if = "@room.socket_count > 0"  emit = looked  data = '{"room": {@room.id}, "hook": {@hook.said}}'
			also { emit = done  to = "lobby" } }`)
	const s = await server(t, { ...options, conf: `max_rooms = 1000\n${options.conf}` })
	const [c, d] = await connect_each(t, s, 2, () => ({}))
	const box = inbox(c, 'looked', 'verb')
	const other = inbox(d, 'done', 'looked')
	await d.emitWithAck('subscribe', { room: 'lobby' })
	for (let i = 0; i < N; i++) c.emit('subscribe', { room: 'game', id: i })
	await c.emitWithAck('subscribe', { room: 'game', id: N })
	await until('every room', () => asked.size === N + 1)
	await until('what was said', () => new Set(box.filter(([e]) => e === 'looked').map(([, m]) => m.room)).size === N - 1)
	for (const [, m] of box.filter(([e]) => e === 'looked')) assert.equal(m.hook, `game:${m.room}`)
	assert.equal(box.filter(([e, m]) => e === 'looked' && ['7', '8'].includes(m.room)).length, 0, 'one failed, one refused')
	assert.ok(box.some(([e, m]) => e === 'verb' && m === 'game:0'))
	await until('the further action, once each time', () => other.some(([e]) => e === 'done'))
	assert.equal(other.filter(([e]) => e === 'looked').length, 0)
	assert.ok(most <= 32 * WORKERS, `${most}`)
	for (let i = 0; i <= N; i++) c.emit('unsubscribe', { room: 'game', id: i })
	await sleep(1500)
	const before = [...asked.values()].reduce((a, b) => a + b, 0)
	await sleep(1500)
	assert.equal([...asked.values()].reduce((a, b) => a + b, 0), before, 'nobody is there')
})
