/* rule_hooks.mjs - rules that ask a hook: what it is told, what its reply does, who waits for it and who does not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOOK_SECRET, backend, signature } from './backend.mjs'
import { connect, dial, inbox, next, refused, token } from './clients.mjs'
import { metric, metrics } from './prometheus.mjs'
import { server, sleep, until } from './server.mjs'

const AUTH = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
const hook = (b, more = '') => `hook "h" { url = "${b.url}"  secret = "${HOOK_SECRET}"  ${more} }\n`
const FAILED = { success: false, error: 'The request could not be handled, try again later', code: 'hook_failed' }

test('the backend is told of the event, signed; the rule goes on with its data', async (t) => {
	const b = await backend(t, (body) => [{ data: { price: body.args[0].amount * 2, who: body.user?.id } }])
	const s = await server(t, {
		workers: 2,
		auth: AUTH,
		conf: `${hook(b)} room "g" { join = any }
		event "buy" { fields = {"amount: int", "id: uuid = @id", "at: any = @now"}  room = "g:1"  require = any  hook = h
			emit = bought  to = all  data = '{"price": {@hook.price}, "who": {@hook.who}, "id": {id}, "at": {at}}'  ack = '{"all": {@hook}}' }`
	})
	const a = await connect(t, s, { user: 'ann', name: 'Ann', role: 'trader' })
	await a.emitWithAck('subscribe', { room: 'g', id: '1' })
	const heard = next(a, 'bought')
	assert.deepEqual(await a.emitWithAck('buy', { amount: 21, more: 1 }), { all: { price: 42, who: 'ann' } })
	const [message] = await heard
	const [body] = b.asked
	const [head] = b.heads
	assert.equal(message.price, 42)
	assert.equal(body.event, 'buy')
	assert.equal(body.namespace, '/')
	assert.equal(body.args[0].amount, 21)
	assert.ok(!('more' in body.args[0]))
	assert.equal(body.args[0].id, message.id, 'the event goes on with what the hook was told')
	assert.equal(body.args[0].at, message.at)
	assert.deepEqual(body.socket.rooms.sort(), ['g:1', 'global:all', 'role:trader', 'user:ann'])
	assert.equal(body.socket.id, a.id)
	assert.equal(body.socket.ip, '127.0.0.1')
	assert.equal(body.user.claims.sub, 'ann')
	assert.deepEqual({ ...body.user, claims: 0 }, { id: 'ann', name: 'Ann', role: 'trader', claims: 0, data: null })
	assert.equal(body.room, 'g:1')
	assert.ok(Math.abs(Date.parse(body.time) - Date.now()) < 5000)
	assert.equal(head.method, 'POST')
	assert.equal(head.url, '/hook')
	assert.equal(head['content-type'], 'application/json')
	assert.ok(Math.abs(head['forkcast-timestamp'] - Date.now() / 1000) < 5)
	assert.match(head['forkcast-id'], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
	assert.equal(head['forkcast-signature'], signature(HOOK_SECRET, head))
})

test('204, ack, error, and verbs of the API in order', async (t) => {
	const replies = {
		none: () => undefined,
		empty: () => [],
		ack: () => [{ ack: { yes: [1, 2] } }],
		error: () => [{ error: { message: 'No "é"', code: 'nope' } }],
		bare: () => [{ error: { message: 'No' } }],
		verbs: (b) => [
			{ join: { in: `socket:${b.socket.id}`, rooms: ['g:7'] } },
			{ emit: { to: 'all', event: 'first', data: 1 } },
			{ emit: { to: `socket:${b.socket.id}`, event: 'second', data: 2 } },
			{ data: 'd' }
		],
		half: () => [{ emit: { to: 'all', event: 'first', data: 'half' } }, { error: { message: 'then no' } }, { emit: { to: 'all', event: 'second', data: 'never' } }]
	}
	const b = await backend(t, (body) => replies[body.args[0]](body))
	const s = await server(t, {
		auth: AUTH,
		conf: `${hook(b)} room "g" { }  event "x" { hook = h  emit = out  to = all  data = '[{@payload}, {@hook|0}]' }`
	})
	const a = await connect(t, s)
	const box = inbox(a, 'out', 'first', 'second', 'error')
	assert.deepEqual(await a.emitWithAck('x', 'none'), { success: true })
	assert.deepEqual(await a.emitWithAck('x', 'empty'), { success: true })
	assert.deepEqual(await a.emitWithAck('x', 'ack'), { yes: [1, 2] })
	assert.deepEqual(await a.emitWithAck('x', 'error'), { success: false, error: 'No "é"', code: 'nope' })
	a.emit('x', 'bare')
	assert.deepEqual(await a.emitWithAck('x', 'verbs'), { success: true })
	assert.deepEqual(await a.emitWithAck('x', 'half'), { success: false, error: 'then no' })
	assert.deepEqual(await a.emitWithAck('getRooms'), ['global:all', 'g:7'])
	await until('all is heard', () => box.length === 8)
	assert.deepEqual(box, [
		['out', ['none', 0]],
		['out', ['empty', 0]],
		['out', ['ack', 0]],
		['error', { message: 'No' }],
		['first', 1],
		['second', 2],
		['out', ['verbs', 'd']],
		['first', 'half']
	])
	assert.equal(await metric(s, 'refused_total', { reason: 'hook' }), 3)
})

test('a reply that is none: the rule fails, and none of its verbs is run', async (t) => {
	const big = 'x'.repeat(1 << 20)
	const raw = (text, status = 200) => (_, response) => response.writeHead(status, { 'content-length': Buffer.byteLength(text) }).end(text) && null
	const lies = {
		'bad json': raw('[{"data":1},]'),
		'no list': raw('{"data":1}'),
		'no json': raw('hello'),
		'empty with 200': raw(''),
		'unknown verb': raw('[{"emit":{"to":"all","event":"never"}},{"shout":1}]'),
		'two members': raw('[{"emit":{"to":"all","event":"never"},"data":2}]'),
		'no member': raw('[{}]'),
		'no object': raw('[1]'),
		'a verb with a wrong body': raw('[{"emit":{"to":"all","event":"never"}},{"emit":{"event":"x"}}]'),
		'an error without message': raw('[{"error":{}}]'),
		'user outside of connecting': raw('[{"user":{"name":"x"}}]'),
		'status 500': raw('[{"data":1}]', 500),
		'status 201': raw('[{"data":1}]', 201),
		'status 301': (_, r) => r.writeHead(301, { location: '/other' }).end() && null,
		'bad utf-8': (_, r) => r.writeHead(200).end(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])) && null,
		'over 1 MiB': raw(JSON.stringify([{ data: big }])),
		'over 1 MiB in chunks': (_, r) => (r.writeHead(200), r.write('[{"data":"'), r.write(big), r.end('"}]'), null),
		'10 MB': (_, r) => (r.writeHead(200), r.write('[{"data":"'), r.end('y'.repeat(1e7)), null),
		'cut in the body': (_, r) => (r.writeHead(200, { 'content-length': 100 }), r.write('[{"da'), setTimeout(() => r.destroy(), 20), null),
		'cut in the head': (_, r) => (r.socket.write('HTTP/1.1 200 O'), setTimeout(() => r.socket.destroy(), 20), null),
		'no http': (_, r) => (r.socket.end('SSH-2.0-OpenSSH\r\n\r\n'), null),
		'two lengths': (_, r) => (r.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]\n'), null)
	}
	const b = await backend(t, (body, _, response) => lies[body.args[0]](body, response))
	const s = await server(t, {
		workers: 1,
		auth: AUTH,
		conf: `${hook(b, 'breaker { failures = 0 }')} event "x" { hook = h  emit = out  to = all }`
	})
	const a = await connect(t, s)
	const box = inbox(a, 'out', 'never')
	for (const lie of Object.keys(lies)) assert.deepEqual(await a.emitWithAck('x', lie), FAILED, lie)
	assert.deepEqual(box, [])
	assert.equal(b.asked.length, Object.keys(lies).length, 'a whole reply is not asked for again')
	assert.equal(await metric(s, 'refused_total', { reason: 'hook_failed' }), b.asked.length)
	assert.equal(await metric(s, 'hook_failures_total', { reason: 'status' }), 3)
})

test('replies in every shape of HTTP', async (t) => {
	const write = (...parts) => (_, r) => {
		for (const [i, p] of parts.entries()) setTimeout(() => (i === parts.length - 1 ? r.socket.end(p) : r.socket.write(p)), i * 15)
		return null
	}
	const ok = '[{"data":"ok"}]'
	const shapes = {
		chunked: (_, r) => (r.writeHead(200), r.write(ok.slice(0, 4)), setTimeout(() => r.end(ok.slice(4)), 20), null),
		'http/1.0 until the end': write('HTTP/1.0 200 OK\r\n\r\n', ok.slice(0, 5), ok.slice(5)),
		'http/1.1 without length': write('HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\n' + ok, ''),
		'connection: close': (_, r) => r.writeHead(200, { connection: 'close' }).end(ok) && null,
		'byte by byte': write(...[...`HTTP/1.1 200\r\ncontent-length: ${ok.length}\r\n\r\n${ok}`]),
		'behind 100 and 103': write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: ${ok.length}\r\n\r\n${ok}`),
		'chunks with trailers': write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\n${ok.slice(0, 5)}\r\na\r\n${ok.slice(5)}\r\n0\r\nT: u\r\n\r\n`)
	}
	const b = await backend(t, (body, _, response) => shapes[body.args[0]](body, response))
	const s = await server(t, { workers: 1, auth: AUTH, conf: `${hook(b)} event "x" { hook = h  ack = '{@hook}' }` })
	const a = await connect(t, s)
	for (const shape of Object.keys(shapes)) assert.equal(await a.emitWithAck('x', shape), 'ok', shape)
})

test('on_fail = continue goes on without @hook; notify does not wait', async (t) => {
	let release
	const held = new Promise((resolve) => (release = resolve))
	const b = await backend(t, async (body) => {
		if (body.event === 'told') await held
		return [{ data: 1, shout: 1 }]
	})
	const s = await server(t, {
		auth: AUTH,
		conf: `hook "h" { url = "${b.url}"  on_fail = continue }
		event "x" { hook = h  ack = '{@hook|"none"}' }
		event "told" { hook = h  notify = yes  ack = '"told"' }
		on "connect" { hook = h  notify = yes  emit = hello  to = self  data = '1' }`
	})
	const a = await connect(t, s)
	assert.equal(await a.emitWithAck('x', 1), 'none')
	assert.equal(await a.emitWithAck('told', 2), 'told')
	await until('both were told', () => b.asked.some((q) => q.event === 'told') && b.asked.some((q) => q.event === 'connect'))
	assert.equal(b.heads[0]['forkcast-signature'], undefined, 'no secret, no signature')
	release()
})

test('events of one socket wait in order, those of others do not', async (t) => {
	const waiting = new Map()
	const b = await backend(t, (body) => new Promise((resolve) => waiting.set(body.args[0], () => resolve([{ data: body.args[0] }]))))
	const s = await server(t, {
		workers: 1,
		auth: AUTH,
		conf: `${hook(b)} event "slow" { hook = h  emit = out  to = all  ack = '{@hook}' }
		event "quick" { emit = out  to = all  ack = '"quick"' }`
	})
	const [a, c] = [await connect(t, s), await connect(t, s)]
	const box = inbox(c, 'out')
	const order = []
	const send = (socket, event, value) => socket.emitWithAck(event, value).then((answer) => order.push(answer))
	const sent = [send(a, 'slow', 'a1'), send(a, 'quick', 'a2'), send(a, 'slow', 'a3'), send(a, 'quick', 'a4'), send(a, 'getRooms')]
	await until('it is asked', () => waiting.has('a1'))
	assert.equal(await c.emitWithAck('quick', 'c1'), 'quick', 'another socket does not wait')
	await sleep(50)
	assert.deepEqual(order, [])
	assert.equal(b.asked.length, 1, 'the second is not asked before the first has replied')
	waiting.get('a1')()
	await until('the second is asked', () => waiting.has('a3'))
	await until('both acks', () => order.length === 2)
	waiting.get('a3')()
	await Promise.all(sent)
	assert.deepEqual(order, ['a1', 'quick', 'a3', 'quick', ['global:all']])
	await until('all is heard', () => box.length === 5)
	assert.deepEqual(box.map((m) => m[1]), ['c1', 'a1', 'a2', 'a3', 'a4'])
})

test('what waits of one socket is bounded in bytes too, so that it leaves room for others', async (t) => {
	let release
	const b = await backend(t, (body) => (body.args[0] === 'hold' ? new Promise((resolve) => (release = () => resolve([{ data: 0 }]))) : [{ data: body.args[0].length }]))
	const s = await server(t, { workers: 1, auth: AUTH, conf: `hook "h" { url = "${b.url}"  timeout = 8s }\nevent "x" { hook = h  ack = '{@hook}' }\n` })
	const a = await connect(t, s)
	const held = a.emitWithAck('x', 'hold')
	await b.seen(1)
	const behind = Array.from({ length: 4 }, () => a.emitWithAck('x', 'y'.repeat(400000)))
	assert.deepEqual(await behind[3], { success: false, error: 'The server is busy, try again later', code: 'busy' })
	release()
	assert.deepEqual(await Promise.all([held, ...behind.slice(0, 3)]), [0, 400000, 400000, 400000])
})

test('a hundred events wait, one more is busy; binary ones keep their attachments', async (t) => {
	let release
	const b = await backend(t, () => new Promise((resolve) => (release = () => resolve([]))))
	const s = await server(t, {
		workers: 1,
		auth: AUTH,
		conf: `${hook(b)} event "slow" { hook = h  ack_args = '{@args}' }  event "quick" { ack_args = '{@args}' }`
	})
	const a = await connect(t, s)
	const first = a.emitWithAck('slow', { bytes: Buffer.from([1, 2, 3]) })
	await b.seen(1)
	const behind = [...Array(101).keys()].map((i) => a.emitWithAck('quick', i === 99 ? { i, bytes: Buffer.from([i]) } : i))
	assert.deepEqual(await behind[100], { success: false, error: 'The server is busy, try again later', code: 'busy' })
	release()
	assert.deepEqual(await first, { bytes: Buffer.from([1, 2, 3]) })
	assert.deepEqual(await Promise.all(behind.slice(0, 99)), [...Array(99).keys()])
	assert.deepEqual(await behind[99], { i: 99, bytes: Buffer.from([99]) })
})

test('a client that goes takes what waits along', async (t) => {
	let release
	const b = await backend(t, () => new Promise((resolve) => (release = () => resolve([]))))
	const s = await server(t, { workers: 1, auth: AUTH, conf: `${hook(b)} event "slow" { hook = h  emit = out  to = all }` })
	const [a, c] = [await connect(t, s), await connect(t, s)]
	const box = inbox(c, 'out')
	a.emit('slow', 1)
	a.emit('slow', 2)
	await b.seen(1)
	a.disconnect()
	await until('it is gone', async () => (await metric(s, 'sockets', {})) === 1)
	release()
	await sleep(100)
	assert.deepEqual(box, [])
	assert.equal(b.asked.length, 1)
})

test('connecting: the hook refuses, or says who the user is', async (t) => {
	const b = await backend(t, (body) => {
		if (body.event !== 'connecting') return undefined
		if (body.user === null) return [{ error: { message: 'Who are "you"?', data: { code: 'who', n: 1 } } }]
		if (body.user.id === 'bad') return [{ error: { message: 'Banned', code: 'banned' } }]
		if (body.user.id === 'down') return [{ what: 1 }]
		return [{ user: { name: 'Ann B.', role: 'vip', data: { tier: 3, tags: ['a'] }, rooms: ['club:gold', 'undeclared:1', 'lobby'] } }]
	})
	const s = await server(t, {
		auth: AUTH,
		conf: `${hook(b)} room "club" { }  room "lobby" { single = yes }
		role "vip" { features = fast }
		on "connecting" { hook = h }
		on "connect" { emit = welcome  to = self  data = '{"tier": {@user.data.tier}, "user": {@user}, "fast": {@user.features}}' }
		event "me" { ack = '{"data": {@user.data}, "first": {@user.data.tags.0}}' }
		event "ask" { hook = h }
		namespace "/open" { on "connect" { emit = hi  to = self } }`
	})
	const no = await refused(t, s)
	assert.equal(no.message, 'Who are "you"?')
	assert.deepEqual(no.data, { code: 'who', n: 1 })
	const banned = await refused(t, s, { user: 'bad' })
	assert.equal(banned.message, 'Banned')
	assert.deepEqual(banned.data, { code: 'banned' })
	assert.equal((await refused(t, s, { user: 'down' })).message, FAILED.error)
	const a = dial(t, s, { user: 'ann', name: 'Ann' })
	const [[welcome]] = await Promise.all([next(a, 'welcome'), next(a, 'connect')])
	assert.deepEqual(welcome, { tier: 3, user: { id: 'ann', name: 'Ann B.', role: 'vip' }, fast: ['fast'] })
	assert.deepEqual((await a.emitWithAck('getRooms')).sort(), ['club:gold', 'global:all', 'lobby', 'role:vip', 'user:ann'])
	assert.deepEqual(await a.emitWithAck('me'), { data: { tier: 3, tags: ['a'] }, first: 'a' })
	assert.equal((await a.emitWithAck('unsubscribe', { room: 'club', id: 'gold' })).code, 'forbidden', 'what the server chose stays')
	await a.emitWithAck('ask')
	assert.deepEqual(b.asked.at(-1).user.data, { tier: 3, tags: ['a'] })
	assert.ok(await connect(t, s, { nsp: '/open' }), 'another namespace asks nobody')
})

test('connecting: packets wait, connect_timeout counts, a client that gives up is forgotten', async (t) => {
	const waiting = []
	const b = await backend(t, () => new Promise((resolve) => waiting.push(resolve)))
	const s = await server(t, {
		workers: 1,
		auth: AUTH,
		conf: `engine { connect_timeout = 1s }  ${hook(b, 'timeout = 5s')} on "connecting" { hook = h }  event "x" { ack = '"x"' }`
	})
	const a = dial(t, s)
	const closed = new Promise((resolve) => a.io.engine ? resolve() : a.io.on('close', resolve))
	await b.seen(1)
	const c = dial(t, s)
	await b.seen(2)
	waiting[1]([])
	await next(c, 'connect')
	assert.equal(await c.emitWithAck('x'), 'x')
	await closed
	await until('the first was let go', async () => (await metric(s, 'disconnects_total', { reason: 'connect timeout' })) === 1)
	waiting[0]([])
	assert.equal(await c.emitWithAck('x'), 'x')
	assert.equal(await metric(s, 'connects_total', {}), 1)
	const d = dial(t, s)
	await b.seen(3)
	d.disconnect()
	await until('it is gone', async () => (await metric(s, 'sessions', {})) === 1)
	waiting[2]([])
	assert.equal(await c.emitWithAck('x'), 'x')
})

test('in band: the hook judges whom the token names', async (t) => {
	const b = await backend(t, (body) => (body.user?.id === 'bad' ? [{ error: { message: 'Not you', code: 'no' } }] : [{ user: { role: 'vip', data: 7 } }]))
	const s = await server(t, {
		auth: 'auth { jwt "k" { secret = "0123456789abcdef0123456789abcdef" }  in_band { } }',
		conf: `${hook(b)} on "connecting" { if = "@user"  hook = h }  event "x" { ack = '{@user.data}' }
		on "auth_failed" { emit = failed  to = self  data = '{@error.message}' }`
	})
	const a = await connect(t, s)
	const heard = next(a, 'failed')
	assert.deepEqual(await a.emitWithAck('authenticate', { token: token({ sub: 'bad' }) }), { success: false, error: 'Not you', code: 'no' })
	assert.deepEqual(await heard, ['Not you'])
	assert.equal((await a.emitWithAck('x')).code, 'auth_missing')
	const sent = [a.emitWithAck('authenticate', { token: token({ sub: 'ann' }) }), a.emitWithAck('x')]
	assert.deepEqual(await Promise.all(sent), [{ success: true, user: { id: 'ann', name: null, role: 'vip' } }, 7])
	assert.deepEqual((await a.emitWithAck('getRooms')).sort(), ['global:all', 'role:vip', 'user:ann'])
})

test('join = hook: subscribe asks, nothing else does', async (t) => {
	const b = await backend(t, (body) => {
		if (body.room === 'vip:no') return [{ error: { message: 'Full', code: 'full' } }]
		if (body.room === 'vip:down') return [{ bad: 1 }]
		if (body.room === 'vip:ack') return [{ ack: { mine: true } }]
		return undefined
	})
	const s = await server(t, {
		auth: AUTH,
		conf: `hook "h" { url = "${b.url}"  on_fail = continue }
		room "vip" { join = {own, hook}  hook = h }
		event "enter" { join = "vip:{id}" }`
	})
	const a = await connect(t, s, { user: 'ann' })
	const subscribe = (id) => a.emitWithAck('subscribe', { room: 'vip', id })
	assert.deepEqual(await subscribe('yes'), { success: true, room: 'vip:yes', message: 'Subscribed to vip:yes' })
	assert.equal(b.asked[0].event, 'subscribe')
	assert.equal(b.asked[0].room, 'vip:yes')
	assert.deepEqual(b.asked[0].args, [{ room: 'vip', id: 'yes' }])
	assert.deepEqual(await subscribe('no'), { success: false, error: 'Full', code: 'full' })
	assert.deepEqual(await subscribe('down'), FAILED, 'a hook that fails lets nobody in')
	assert.deepEqual(await subscribe('ack'), { mine: true })
	assert.equal(b.asked.length, 4)
	assert.equal((await subscribe('ann')).success, true, 'own')
	assert.deepEqual(await a.emitWithAck('enter', { id: 'rule' }), { success: true })
	assert.equal((await subscribe('yes')).success, true, 'a member already')
	assert.equal(b.asked.length, 4)
	assert.deepEqual((await a.emitWithAck('getRooms')).filter((r) => r.startsWith('vip')).sort(), ['vip:ack', 'vip:ann', 'vip:rule', 'vip:yes'])
})

test('reactions ask too: connect, join, disconnect of one that is gone', async (t) => {
	const b = await backend(t, (body) => [{ data: `${body.event} ${body.user?.id} ${body.room}` }])
	const s = await server(t, {
		auth: AUTH,
		conf: `${hook(b)} room "g" { join = any }
		on "connect" { hook = h  emit = on  to = all  data = '{@hook}' }
		on "join g" { hook = h  emit = on  to = all  data = '{@hook}' }
		on "disconnect" { hook = h  emit = on  to = all  data = '{"said": {@hook}, "why": {@reason}, "id": {@socket.id}}' }
		event "x" { ack = '"x"' }`
	})
	const c = await connect(t, s, { user: 'cat' })
	const box = inbox(c, 'on')
	const heard = (v) => until(JSON.stringify(v), () => box.some((m) => JSON.stringify(m[1]) === JSON.stringify(v)))
	const a = await connect(t, s, { user: 'ann' })
	await heard('connect ann null')
	await a.emitWithAck('subscribe', { room: 'g', id: '1' })
	await heard('join g ann g:1')
	const id = a.id
	a.disconnect()
	await heard({ said: 'disconnect ann null', why: 'client namespace disconnect', id })
})

test('every asks too, and one run waits for itself alone', async (t) => {
	let n = 0
	const b = await backend(t, (body) => (body.event === 'told' ? undefined : ++n === 2 ? [{ error: { message: 'not now' } }] : [{ data: n }]))
	const s = await server(t, {
		auth: AUTH,
		conf: `${hook(b)} every "tick" { interval = 100ms  hook = h  emit = tick  to = all  data = '{@hook}' }
		every "told" { interval = 150ms  hook = h  notify = yes }`
	})
	const a = await connect(t, s)
	const box = inbox(a, 'tick')
	await until('some were heard', () => box.length >= 3)
	assert.ok(!box.some((m) => m[1] === 2))
	const [body] = b.asked.filter((q) => q.event === 'tick')
	assert.deepEqual({ ...body, time: 0 }, { event: 'tick', namespace: '/', args: [], socket: null, user: null, room: null, time: 0 })
	await until('told', () => b.asked.some((q) => q.event === 'told'))
})

test('metrics: time and failures of each hook', async (t) => {
	const b = await backend(t, () => [])
	const s = await server(t, {
		workers: 1,
		auth: AUTH,
		conf: `${hook(b)} hook "down" { url = "http://127.0.0.1:1/"  breaker { failures = 1 } }
		event "x" { hook = h }  event "y" { hook = down }
		namespace "/n" { hook "h" { url = "${b.url}" }  event "x" { hook = h } }`
	})
	const a = await connect(t, s)
	const n = await connect(t, s, { nsp: '/n' })
	for (const socket of [a, a, n]) await socket.emitWithAck('x')
	assert.equal((await a.emitWithAck('y')).code, 'hook_failed')
	assert.deepEqual(await a.emitWithAck('y'), { success: false, error: 'Circuit breaker is open for operation: y', code: 'hook_failed' })
	const families = await metrics(s)
	const seconds = families.get('forkcast_hook_seconds').samples
	const of = (name) => seconds.find((m) => m.name === 'forkcast_hook_seconds_count' && m.labels.hook === name).value
	assert.equal(of('h'), 3)
	assert.equal(of('down'), 1)
	const failures = families.get('forkcast_hook_failures_total').samples.filter((m) => m.value > 0)
	assert.deepEqual(failures.map((m) => [m.labels.hook, m.labels.reason, m.value]), [['down', 'breaker_open', 1], ['down', 'connect', 1]])
})
