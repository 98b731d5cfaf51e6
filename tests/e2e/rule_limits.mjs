/* rule_limits.mjs - limits of events: how many pass on the whole host, whose count together, and what becomes of the rest. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, connect_each, inbox, next, worker_of } from './clients.mjs'
import { disconnected, metric, refusal } from './prometheus.mjs'
import { server, sleep, until } from './server.mjs'

const ANYBODY = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
const ok = { success: true }
const limited = { success: false, error: 'Rate limit exceeded', code: 'rate_limited' }

/* N events at once from each of SOCKETS; how many passed.  The others were all refused as REFUSED says. */
async function pass(sockets, n, event = 'e', refused = limited, ...args) {
	const list = [sockets].flat()
	const answers = await Promise.all(list.flatMap((a) => [...Array(n)].map(() => a.emitWithAck(event, ...args))))
	const passed = answers.filter((a) => a.success === true)
	for (const a of answers) assert.deepEqual(a, a.success === true ? ok : refused)
	return passed.length
}

test('one user on four workers: exactly as many as the rate allows, whoever asks', async (t) => {
	const s = await server(t, {
		workers: 4,
		conf: 'limit "m" { rate = 100/10m }  event "e" { limit = m }  event "free" { }'
	})
	const mine = await connect_each(t, s, 4, () => ({ user: 'u' }))
	const other = await connect(t, s, { user: 'v' })
	await refusal(s, 'rate_limited', async () => {
		const before = await Promise.all([0, 1, 2, 3].map((worker) => metric(s, 'refused_total', { worker, reason: 'rate_limited' })))
		assert.equal(await pass(mine, 200), 100)
		for (const worker of [0, 1, 2, 3])
			assert.ok((await metric(s, 'refused_total', { worker, reason: 'rate_limited' })) > before[worker], `worker ${worker} refused some`)
	}, 700)
	assert.equal(await pass(mine, 5), 0)
	assert.equal(await pass(mine, 5, 'free'), 20) /* an event that no limit names */
	assert.equal(await pass(other, 120), 100)
	assert.equal(await metric(s, 'limit_evictions_total'), 0)
})

test('many users at once, each on all workers: each gets exactly his rate', async (t) => {
	const s = await server(t, { workers: 4, conf: 'limit "m" { rate = 7/10m }  event "e" { limit = m }' })
	const users = await Promise.all(
		[...Array(24).keys()].map((u) => Promise.all([...Array(4)].map(() => connect(t, s, { user: `u${u}` }))))
	)
	assert.deepEqual(await Promise.all(users.map((sockets) => pass(sockets, 5))), Array(24).fill(7))
})

test('a window opens with its first event, and after it the next one does', async (t) => {
	const s = await server(t, { workers: 2, conf: 'limit "m" { rate = 5/500ms }  event "e" { limit = m }' })
	const [a, b] = await connect_each(t, s, 2, () => ({ user: 'u' }))
	for (let round = 0; round < 3; round++) {
		assert.equal(await pass([a, b], 10), 5)
		await sleep(700)
	}
	/* who keeps trying gets his turn all the same */
	assert.equal(await pass(a, 10), 5)
	await until('the window to be over', async () => (await a.emitWithAck('e')).success, 5000)
})

test('what counts together', async (t) => {
	const s = await server(t, {
		auth: ANYBODY,
		conf: `
			limit "socket" { rate = 3/10m  by = socket }
			limit "ip" { rate = 5/10m  by = ip }
			limit "role" { rate = 4/10m  by = role }
			limit "event" { rate = 6/10m  by = event }
			limit "both" { rate = 2/10m  by = {user, event} }
			limit "user" { rate = 3/10m }
			event "socket" { limit = socket }
			event "ip" { limit = ip }
			event "role" { limit = role }
			event "event1" { limit = event }
			event "event2" { limit = event }
			event "both1" { limit = both }
			event "both2" { limit = both }
			event "user" { limit = user }
		`
	})
	const [a, b] = [await connect(t, s, { user: 'u', role: 'r' }), await connect(t, s, { user: 'u', role: 'r' })]
	const [c, d] = [await connect(t, s, { user: 'v', role: 'q' }), await connect(t, s, { user: 'w' })]
	const [x, y] = [await connect(t, s), await connect(t, s)]
	assert.equal(await pass([a, b], 5, 'socket'), 6)
	assert.equal(await pass([a, b, c, d, x, y], 3, 'ip'), 5)
	assert.equal(await pass([a, b], 4, 'role'), 4)
	assert.equal(await pass(c, 5, 'role'), 4)
	assert.equal(await pass([d, x, y], 4, 'role'), 4) /* those without a role are one */
	assert.equal(await pass([a, c, x], 4, 'event1'), 6)
	assert.equal(await pass([a, c, x], 4, 'event2'), 6)
	assert.equal(await pass([a, b], 3, 'both1'), 2)
	assert.equal(await pass([a, b], 3, 'both2'), 2)
	assert.equal(await pass(c, 3, 'both2'), 2)
	assert.equal(await pass([a, b], 3, 'user'), 3)
	assert.equal(await pass([x, y], 4, 'user'), 6) /* a socket without a user is a user of its own */
})

test('a role may have another rate', async (t) => {
	const s = await server(t, {
		conf: 'limit "m" { rate = 2/10m  role "vip" { rate = 6/10m }  role "bot" { rate = 1/10m } }  event "e" { limit = m }'
	})
	assert.equal(await pass(await connect(t, s, { user: 'a', role: 'vip' }), 9), 6)
	assert.equal(await pass(await connect(t, s, { user: 'b', role: 'bot' }), 9), 1)
	assert.equal(await pass(await connect(t, s, { user: 'c', role: 'other' }), 9), 2)
	assert.equal(await pass(await connect(t, s, { user: 'd' }), 9), 2)
})

test('a limit with events needs no naming: declared, built-in and made-up events', async (t) => {
	const s = await server(t, {
		conf: `
			limit "all" { rate = 10/10m  events = "*" }
			limit "votes" { rate = 2/10m  events = {"vote:*", poll}  text = "Slow \\"down\\"" }
			limit "each" { rate = 3/10m  by = {user, event}  events = {"x:*", ping} }
			event "vote:up" { }  event "vote" { }  event "poll" { }  event "x:a" { }  event "e" { }
		`
	})
	const slow = { success: false, error: 'Slow "down"', code: 'rate_limited' }
	const a = await connect(t, s, { user: 'a' })
	assert.equal(await pass(a, 4, 'vote:up', slow), 2) /* the text is that of the limit that refuses */
	assert.equal(await pass(a, 1, 'poll', slow), 0)
	assert.equal(await pass(a, 20, 'e'), 5) /* ten, less what was counted before it was refused */
	assert.deepEqual(await a.emitWithAck('nobody'), limited)
	assert.deepEqual(await a.emitWithAck('getRooms'), limited)
	/* names that nobody declared have one window, however many they are; a built-in has its own */
	const b = await connect(t, s, { user: 'b' })
	const made_up = await Promise.all([1, 2, 3, 4, 5].map((i) => b.emitWithAck(`x:made-up-${i}`)))
	assert.deepEqual(made_up.map((m) => m.code), ['unknown_event', 'unknown_event', 'unknown_event', 'rate_limited', 'rate_limited'])
	assert.deepEqual(await Promise.all([1, 2, 3, 4].map(() => b.emitWithAck('ping'))), ['pong', 'pong', 'pong', limited])
	assert.equal(await pass(b, 1, 'x:a'), 1)
})

test('a name written with escapes is the same name', async (t) => {
	const s = await server(t, { conf: 'limit "m" { rate = 3/10m  by = {user, event} }  event "e" { limit = m  ack = \'{"success": true}\' }' })
	const a = await connect(t, s, { user: 'a' })
	const answers = []
	for (let id = 700; id < 706; id++) {
		a.acks[id] = (x) => answers.push(x)
		a.io.engine.write(`2${id}${id % 2 ? '["e"]' : '["\\u0065"]'}`)
	}
	await until('six answers', () => answers.length === 6)
	assert.deepEqual(answers, [ok, ok, ok, limited, limited, limited])
})

test('without an ack the sender gets the event error; with drop nobody hears of it; disconnect ends the connection', async (t) => {
	const s = await server(t, {
		conf: `
			limit "reply" { rate = 1/10m }
			limit "drop" { rate = 1/10m  action = drop }
			limit "out" { rate = 1/10m  by = socket  action = disconnect  text = "Enough" }
			event "reply" { limit = reply  emit = out  to = all }
			event "drop" { limit = drop  emit = out  to = all }
			event "out" { limit = out  emit = out  to = all }
		`
	})
	const a = await connect(t, s, { user: 'a' })
	const b = await connect(t, s, { user: 'b' })
	const heard = inbox(b, 'out')
	const errors = inbox(a, 'error')
	a.emit('reply', 1).emit('reply', 2)
	await until('the refusal', () => errors.length === 1)
	assert.deepEqual(errors, [['error', { message: 'Rate limit exceeded' }]])

	assert.deepEqual(await a.emitWithAck('drop', 3), ok)
	await refusal(s, 'rate_limited', async () => {
		a.emit('drop', 4)
		await assert.rejects(a.timeout(300).emitWithAck('drop', 5))
	}, 2)
	assert.equal(errors.length, 1)
	assert.equal(await a.emitWithAck('ping'), 'pong')

	assert.deepEqual(await a.emitWithAck('out', 6), ok)
	const gone = next(a, 'disconnect')
	await disconnected(s, 'rate limited', async () => {
		assert.deepEqual(await a.emitWithAck('out', 7), { success: false, error: 'Enough', code: 'rate_limited' })
		assert.deepEqual((await gone)[0], 'io server disconnect')
	})
	assert.deepEqual(await b.emitWithAck('out', 8), ok)
	await until('what passed', () => heard.length >= 4)
	assert.deepEqual(heard, [['out', 1], ['out', 3], ['out', 6], ['out', 8]])
	/* a new connection of the same user is another socket */
	assert.deepEqual(await (await connect(t, s, { user: 'a' })).emitWithAck('out', 9), ok)
})

test('disconnect while many more events are on their way, over both transports', async (t) => {
	const s = await server(t, { workers: 1, conf: 'limit "m" { rate = 3/10m  by = socket  action = disconnect }  event "e" { limit = m }' })
	for (const transport of ['websocket', 'polling']) {
		const a = await connect(t, s, { user: 'a', transports: [transport] })
		const answers = []
		const gone = next(a, 'disconnect')
		for (let i = 0; i < 50; i++) a.emit('e', (x) => answers.push(x))
		assert.equal((await gone)[0], 'io server disconnect')
		assert.deepEqual(answers, [ok, ok, ok, limited])
	}
	assert.equal(await (await connect(t, s, { user: 'b' })).emitWithAck('ping'), 'pong')
})

test('the limit comes before all other steps, and says what is left', async (t) => {
	const s = await server(t, {
		conf: `
			room "r" { join = any }
			limit "m" { rate = 3/10m }
			event "e" { room = "r:{id}"  limit = m  emit = x  to = self }
			event "left" { ack = '{@limit.m.remaining}' }
			event "take" { limit = m  ack = '{"left": {@limit.m.remaining}, "more": {@limit.m.remaining > 0}}' }
		`
	})
	const a = await connect(t, s, { user: 'a' })
	const not_member = { success: false, error: 'You are not in this room', code: 'not_member' }
	assert.equal(await a.emitWithAck('left'), 3)
	assert.deepEqual(await a.emitWithAck('take'), { left: 2, more: true })
	assert.deepEqual(await a.emitWithAck('e', { id: 1 }), not_member)
	assert.deepEqual(await a.emitWithAck('take'), { left: 0, more: false })
	assert.deepEqual(await a.emitWithAck('e', { id: 1 }), limited)
	assert.equal(await a.emitWithAck('left'), 0)
	assert.equal(await (await connect(t, s, { user: 'b' })).emitWithAck('left'), 3)
})

test('each namespace has its own limits, each that a pattern covers its own counts', async (t) => {
	const s = await server(t, {
		conf: `
			limit "m" { rate = 1/10m }  event "e" { limit = m }
			namespace "/a" { limit "m" { rate = 2/10m }  event "e" { limit = m } }
			namespace "/t-*" { limit "m" { rate = 3/10m  events = "*" }  event "e" { } }
		`
	})
	const passes = async (nsp) => pass(await connect(t, s, { user: 'u', nsp }), 6)
	assert.deepEqual([await passes('/'), await passes('/a'), await passes('/t-1'), await passes('/t-2')], [1, 2, 3, 3])
	assert.deepEqual([await passes('/'), await passes('/a'), await passes('/t-1'), await passes('/t-2')], [0, 0, 0, 0])
})

test('counts outlive the worker that counted', async (t) => {
	const s = await server(t, { workers: 2, conf: 'limit "m" { rate = 10/10m }  event "e" { limit = m }' })
	const a = await connect(t, s, { user: 'u' })
	assert.equal(await pass(a, 6), 6)
	process.kill(s.worker(await worker_of(s, a)).pid, 'SIGKILL')
	await next(a, 'disconnect')
	await s.settled('a successor', (x) => x.processes.some((p) => p.restarts > 0))
	const again = await connect_each(t, s, 2, () => ({ user: 'u' }))
	assert.equal(await pass(again, 6), 4)
})

test('an event of its own tells of a limit, with the time to wait; errors may tell it too', async (t) => {
	const s = await server(t, {
		conf: `
			errors { ack = '{"no": {@error.message}, "wait": {@error.retry_after?}}' }
			limit "own" { rate = 1/90s  text = "Slow down"
				emit = rate_limited  data = '{"message": {@error.message}, "retryAfter": {@error.retry_after}, "code": {@error.code}, "who": {@user.id}}' }
			limit "short" { rate = 1/90s  emit = "it's \\"short\\"" }
			limit "out" { rate = 1/90s  emit = bye  action = disconnect }
			event "own" { limit = own }
			event "short" { limit = short }
			event "out" { limit = out }
		`
	})
	const a = await connect(t, s, { user: 'a' })
	const heard = inbox(a, 'rate_limited', 'it\'s "short"', 'error', 'bye')
	const wait = (n) => assert.ok(Number.isInteger(n) && n > 60 && n <= 90, `wait ${n}`)
	a.emit('own').emit('own')
	await until('the event', () => heard.length === 1)
	const { retryAfter, ...rest } = heard[0][1]
	wait(retryAfter)
	assert.deepEqual([heard[0][0], rest], ['rate_limited', { message: 'Slow down', code: 'rate_limited', who: 'a' }])
	/* beside the ack, which comes first */
	const answer = await a.emitWithAck('own')
	assert.equal(answer.no, 'Slow down')
	wait(answer.wait)
	await until('the event again', () => heard.length === 2)
	a.emit('short').emit('short')
	await until('the event with the data of errors', () => heard.length === 3)
	assert.deepEqual(heard[2], ['it\'s "short"', { message: 'Rate limit exceeded' }])
	assert.deepEqual(await a.emitWithAck('nobody'), { no: 'Unknown event' }) /* there is nothing to wait for */
	const gone = next(a, 'disconnect')
	a.emit('out').emit('out')
	await gone
	assert.deepEqual(heard.slice(3), [['bye', { message: 'Rate limit exceeded' }]])
})

test('patterns: what a rule of a pattern covers counts by name for limits, and as one for `by = event`', async (t) => {
	const s = await server(t, {
		conf: `
			limit "chess" { rate = 2/10m  events = "game:chess:*" }
			limit "named" { rate = 5/10m  by = {user, event} }
			limit "subs" { rate = 1/10m  events = enter }
			builtins { subscribe = enter }
			room "r" { join = any }
			event "game:*" { limit = named }
		`
	})
	const a = await connect(t, s, { user: 'a' })
	const answers = []
	for (const name of ['chess:1', 'chess:2', 'chess:3', 'go', 'go', 'go:2', 'go:3']) answers.push((await a.emitWithAck(`game:${name}`)).success)
	assert.deepEqual(answers, [true, true, false, true, true, false, false])
	assert.equal((await a.emitWithAck('enter', { room: 'r', id: 1 })).success, true)
	assert.deepEqual(await a.emitWithAck('enter', { room: 'r', id: 2 }), limited)
})
