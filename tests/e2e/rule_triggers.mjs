/*
 * rule_triggers.mjs - reactions to what the server sees: disconnect, join, leave, limited and expiring of a socket; online,
 * offline, enter, exit, occupied and vacated once for the host; clients on two workers, and workers killed.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, next, token } from './clients.mjs'
import { metric } from './prometheus.mjs'
import { sleep, started, until } from './server.mjs'

let s
before(async () => {
	s = await started({
		workers: 2,
		conf: `
			room "watch" { join = any  single = yes }
			room "chat"  { join = any }
			room "game"  { join = any }
			room "seat"  { join = any  grace = 400ms }
			on "enter seat" { emit = seated  to = watch  data = '{@user.id}' }
			on "exit seat"  { emit = unseated  to = watch  data = '{@user.id}' }
			limit "slow" { rate = 1/1h  events = "once" }
			limit "gone" { rate = 1/1h  events = "quiet"  action = drop }
			event "once"  { }
			event "quiet" { }
			event "into"  { fields = "id: id"  join = "chat:{id}" }
			event "out"   { fields = "id: id"  leave = "chat:{id}" }
			event "shut"  { fields = "id: id"  to = "chat:{id}"  close = yes }
			on "disconnect" {
				emit = went  to = {"watch", "rooms:chat"}
				data = '{"user": {@user.id?}, "role": {@user.role?}, "sid": {@socket.id}, "rooms": {@socket.rooms}, "why": {@reason},
				         "ms": {@socket.duration}, "transport": {@socket.transport}, "n": {@socket.room_count}}'
				also { each = game  emit = game_gone  data = '{"room": {@room}, "user": {@user.id}}' }
			}
			on "join"       { emit = room_joined  to = self  data = '{"roomId": {@room}}' }
			on "join chat"  { emit = joined_chat  to = watch  data = '{"room": {@room.id}, "user": {@user.id}}' }
			on "leave"      { emit = room_left  to = self  data = '{"roomId": {@room}}' }
			on "leave chat" { emit = left_chat  to = watch  data = '{"room": {@room.id}, "user": {@user.id}}' }
			on "online"     { emit = online  to = watch  data = '{"user": {@user}, "sockets": {@user.sockets}}' }
			on "offline"    { emit = offline  to = watch  data = '{"user": {@user}}' }
			on "enter chat" { emit = "chat:member:joined"  to = {room, watch}  except = "user:{@user.id}"  data = '{"chatId": {@room.id}, "user": {@user}}' }
			on "exit chat"  { emit = "chat:member:left"  to = {room, watch}  data = '{"chatId": {@room.id}, "userId": {@user.id}}' }
			on "occupied chat" { emit = occupied  to = watch  data = '{@room}' }
			on "vacated chat"  { emit = vacated  to = watch  data = '{@room}' }
			on "enter role" { emit = first_of_role  to = watch  data = '{@room}' }
			on "limited"    { emit = limited  to = watch  data = '{"event": {@event}, "user": {@user.id}, "code": {@error.code}, "message": {@error.message}, "after": {@error.retry_after}}' }
			on "expiring"   { emit = expiring  to = self  data = '{"user": {@user.id}}' }
			room "ping" { join = any }
			room "pong" { join = any }
			on "join ping" { join = "pong:1"  leave = "ping:1"  emit = turned  to = self  data = 1 }
			on "join pong" { join = "ping:1"  leave = "pong:1"  emit = turned  to = self  data = 2 }
			namespace "/t-*" { room "chat" { join = any }  on "enter chat" { emit = entered  to = all  data = '{"user": {@user.id}, "nsp": {@namespace}}' } }
		`
	})
})
after(() => s.destroy())

/* What C hears from now on; of(EVENT): the first arguments of those. */
function inbox(c) {
	const heard = []
	c.onAny((event, arg) => heard.push([event, arg]))
	return { of: (event) => heard.filter(([e]) => e === event).map(([, arg]) => arg) }
}

/* Hears everything that `watch` is told. */
async function watcher(t) {
	const w = await connect(t, s, { user: 'watcher', role: 'w' })
	assert.equal((await w.emitWithAck('subscribe', { room: 'watch' })).success, true)
	return w
}

const join = async (c, room, id) => assert.equal((await c.emitWithAck('subscribe', { room, id })).success, true)
const leave = async (c, room, id) => assert.equal((await c.emitWithAck('unsubscribe', { room, id })).success, true)

describe('of a socket', () => {
	test('disconnect knows who it was, where it was and why it went', async (t) => {
		const w = await watcher(t)
		const [a, b] = await connect_each(t, s, 2, (i) => ({ user: `dis${i}`, role: 'r' }))
		await join(a, 'chat', 'd1')
		await join(b, 'chat', 'd1')
		await join(a, 'game', 'd2')
		await join(b, 'game', 'd2')
		const sid = a.id
		const heard = Promise.all([next(w, 'went'), next(b, 'game_gone')])
		a.disconnect()
		const [[told], [gone]] = await heard
		assert.ok(told.ms >= 0 && told.ms < 60000)
		assert.deepEqual({ ...told, ms: 0 }, {
			user: 'dis0', role: 'r', sid, why: 'client namespace disconnect', ms: 0, transport: 'websocket', n: 5,
			rooms: ['user:dis0', 'role:r', 'global:all', 'chat:d1', 'game:d2']
		})
		assert.deepEqual(gone, { room: 'game:d2', user: 'dis0' })
	})

	test('join and leave are told to the one who did it, for each room it did it to, but not for automatic ones', async (t) => {
		const w = await watcher(t)
		const c = await connect(t, s, { user: 'jo' })
		const box = inbox(c)
		const seen = inbox(w)
		await join(c, 'game', 'j1')
		await join(c, 'chat', 'j2')
		await join(c, 'chat', 'j2')
		await c.emitWithAck('into', { id: 'j3' })
		await leave(c, 'game', 'j1')
		await c.emitWithAck('out', { id: 'j3' })
		await until('all are told', () => box.of('room_left').length === 2)
		assert.deepEqual(box.of('room_joined').map((m) => m.roomId), ['game:j1', 'chat:j2', 'chat:j3'])
		assert.deepEqual(box.of('room_left').map((m) => m.roomId), ['game:j1', 'chat:j3'])
		await until('the watcher is told', () => seen.of('left_chat').length === 1)
		assert.deepEqual(seen.of('joined_chat'), [{ room: 'j2', user: 'jo' }, { room: 'j3', user: 'jo' }])
		c.disconnect()
		await until('its end leaves too', () => seen.of('left_chat').length === 2)
		assert.deepEqual(seen.of('left_chat'), [{ room: 'j3', user: 'jo' }, { room: 'j2', user: 'jo' }])
	})

	test('also when the API or a rule of somebody else did it', async (t) => {
		const c = await connect(t, s, { user: 'ap' })
		const box = inbox(c)
		await api(s, 'POST', '/v1/sockets/join', { in: ['user:ap'], rooms: ['chat:a1', 'game:a1'] })
		await until('joined', () => box.of('room_joined').length === 2)
		await api(s, 'POST', '/v1/sockets/leave', { in: ['user:ap'], rooms: ['game:a1'] })
		await until('left', () => box.of('room_left').length === 1)
		await c.emitWithAck('shut', { id: 'a1' })
		await until('shut', () => box.of('room_left').length === 2)
		assert.deepEqual(box.of('room_left').map((m) => m.roomId), ['game:a1', 'chat:a1'])
	})

	test('limited tells of what a limit refused, silently or not', async (t) => {
		const w = await watcher(t)
		const seen = inbox(w)
		const c = await connect(t, s, { user: 'li' })
		assert.deepEqual(await c.emitWithAck('once'), { success: true })
		assert.equal((await c.emitWithAck('once')).code, 'rate_limited')
		c.emit('quiet')
		c.emit('quiet')
		await until('both are told', () => seen.of('limited').length === 2)
		const [a, b] = seen.of('limited')
		assert.ok(a.after > 3590 && a.after <= 3600)
		assert.deepEqual({ ...a, after: 0 }, { event: 'once', user: 'li', code: 'rate_limited', message: 'Rate limit exceeded', after: 0 })
		assert.equal(b.event, 'quiet')
	})

	test('expiring comes before the end of a token', async (t) => {
		const exp = Math.floor(Date.now() / 1000) + 4 - 30 /* the leeway */
		const c = await connect(t, s, { token: token({ sub: 'ex', exp }) })
		const gone = next(c, 'disconnect')
		const [told] = await next(c, 'expiring')
		assert.deepEqual(told, { user: 'ex' })
		assert.ok(c.connected)
		await gone
	})
})

describe('once for the host', () => {
	test('online with the first socket of a user, offline with the last, on whichever workers', async (t) => {
		const w = await watcher(t)
		const seen = inbox(w)
		const both = await connect_each(t, s, 2, () => ({ user: 'on', name: 'Ona', role: 'r' }))
		await until('online', () => seen.of('online').some((m) => m.user.id === 'on'))
		both[0].disconnect()
		both[1].disconnect()
		const of = (event) => seen.of(event).filter((m) => m.user.id === 'on')
		await until('it to be gone', async () => !(await api(s, 'GET', '/v1/users/on')).json.online)
		/* Connections that were let go, because they were not where they were wanted, may have made edges of their own. */
		await until('as often offline as online', () => of('offline').length === of('online').length)
		await sleep(100)
		assert.equal(of('online').length, of('offline').length)
		assert.deepEqual(of('offline').at(-1), { user: { id: 'on', name: 'Ona', role: 'r' } })
		assert.ok(of('online')[0].sockets >= 1)
	})

	test('enter and exit with a user, occupied and vacated with anybody', async (t) => {
		const w = await watcher(t)
		const seen = inbox(w)
		const [a, b] = await connect_each(t, s, 2, () => ({ user: 'en', name: 'Enna' }))
		const other = await connect(t, s, { user: 'ot' })
		const box = inbox(other)
		const mine = inbox(a)
		await join(other, 'chat', 'e1')
		await join(a, 'chat', 'e1')
		await join(b, 'chat', 'e1')
		await leave(a, 'chat', 'e1')
		await leave(b, 'chat', 'e1')
		await until('exit', () => box.of('chat:member:left').length === 1)
		await leave(other, 'chat', 'e1')
		await until('vacated', () => seen.of('vacated').length === 1)
		assert.deepEqual(box.of('chat:member:joined'), [{ chatId: 'e1', user: { id: 'en', name: 'Enna', role: null } }])
		assert.deepEqual(mine.of('chat:member:joined'), [], 'not to the user itself')
		assert.deepEqual(seen.of('chat:member:joined').map((m) => m.user.id), ['ot', 'en'])
		assert.deepEqual(seen.of('chat:member:left'), [{ chatId: 'e1', userId: 'en' }, { chatId: 'e1', userId: 'ot' }])
		assert.deepEqual(seen.of('occupied'), ['chat:e1'])
		assert.deepEqual(seen.of('vacated'), ['chat:e1'])
	})

	test('who is back within the grace of a room neither left nor came', async (t) => {
		const w = await watcher(t)
		const seen = inbox(w)
		const a = await connect(t, s, { user: 'gr' })
		await join(a, 'seat', 's1')
		a.disconnect()
		const b = await connect(t, s, { user: 'gr' })
		await join(b, 'seat', 's1')
		await sleep(700)
		assert.deepEqual([seen.of('seated'), seen.of('unseated')], [['gr'], []])
		b.disconnect()
		await until('it to be told', () => seen.of('unseated').length === 1)
		assert.deepEqual([seen.of('seated'), seen.of('unseated')], [['gr'], ['gr']])
	})

	test('automatic rooms only where the type is named', async (t) => {
		const w = await watcher(t)
		const seen = inbox(w)
		await connect(t, s, { user: 'ro', role: 'novel' })
		await until('the first of the role', () => seen.of('first_of_role').includes('role:novel'))
	})

	test('in a namespace of a pattern, each name for itself', async (t) => {
		const a = await connect(t, s, { user: 'na', nsp: '/t-1' })
		const b = await connect(t, s, { user: 'nb', nsp: '/t-2' })
		const box = inbox(b)
		const heard = next(a, 'entered')
		await join(b, 'chat', 'x')
		await until('t-2', () => box.of('entered').length === 1)
		await join(a, 'chat', 'x')
		assert.deepEqual((await heard)[0], { user: 'na', nsp: '/t-1' })
		assert.deepEqual(box.of('entered'), [{ user: 'nb', nsp: '/t-2' }])
	})

	test('reactions that make one another go round in a circle are stopped', async (t) => {
		const a = await connect(t, s, { user: 'ci' })
		const box = inbox(a)
		const dropped = await metric(s, 'triggers_dropped_total')
		await join(a, 'ping', '1')
		await until('the end', async () => (await metric(s, 'triggers_dropped_total')) > dropped)
		const then = await metric(s, 'triggers_dropped_total')
		await sleep(100)
		assert.equal(await metric(s, 'triggers_dropped_total'), then, 'it is over')
		assert.deepEqual(box.of('turned'), [...Array(17).keys()].map((i) => 1 + (i % 2)))
		assert.equal(await a.emitWithAck('ping'), 'pong')
		/* it begins anew with what a client does */
		await join(a, 'ping', '1')
		await until('more', () => box.of('turned').length > 17)
	})

	test('a killed worker leaves no user behind in a room, or online', async (t) => {
		const [a, b] = await connect_each(t, s, 2, (i) => ({ user: `ki${i}` }))
		await join(a, 'chat', 'k1')
		await join(b, 'chat', 'k1')
		assert.equal((await b.emitWithAck('subscribe', { room: 'watch' })).success, true)
		const seen = inbox(b)
		process.kill(s.worker(0).pid, 'SIGKILL')
		await until('exit', () => seen.of('chat:member:left').length > 0)
		await until('offline', () => seen.of('offline').some((m) => m.user.id === 'ki0'))
		assert.deepEqual(seen.of('chat:member:left'), [{ chatId: 'k1', userId: 'ki0' }])
		assert.deepEqual(seen.of('vacated'), [])
	})
})
