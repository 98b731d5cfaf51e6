/* room_join.mjs - subscribe, unsubscribe, getRooms, ping: who may join what, and how each is answered. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, inbox, next } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { started } from './server.mjs'
import { open_socket } from './wire.mjs'

const AUTOMATIC = (user, role) => [`user:${user}`, ...(role ? [`role:${role}`] : []), 'global:all']

describe('rooms that clients ask for', () => {
	let s
	before(async () => {
		s = await started({
			conf: `
				room "open"   { join = any }
				room "known"  { join = authenticated }
				room "mine"   { join = own }
				room "staff"  { join = "role:staff" }
				room "shared" { join = {own, "role:staff", "role:chief"} }
				room "closed" { join = none }
				room "plain"  { }
				room "lobby"  { join = any  single = yes }
				event "say" { room = "open:{id}"  emit = said }
			`,
			auth: 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
		})
	})
	after(() => s.destroy())

	const yes = (room, verb = 'Subscribed to') => ({ success: true, room, message: `${verb} ${room}` })
	const no = (code, error) => ({ success: false, error, code })
	const forbidden = no('forbidden', 'You are not allowed to do this')
	const invalid = no('invalid', 'Invalid message')
	const ask = (socket, room, id) => socket.emitWithAck('subscribe', id === undefined ? { room } : { room, id })

	test('subscribe and unsubscribe answer with the room and a message', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		assert.deepEqual(await ask(a, 'open', '1'), yes('open:1'))
		assert.deepEqual(await a.emitWithAck('getRooms'), [...AUTOMATIC('ada'), 'open:1'])
		assert.deepEqual(await a.emitWithAck('unsubscribe', { room: 'open', id: '1' }), yes('open:1', 'Unsubscribed from'))
		assert.deepEqual(await a.emitWithAck('getRooms'), AUTOMATIC('ada'))
	})

	test('the members of the answer stand in the order of the contract', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('421["subscribe",{"room":"open","id":"x"}]').send('422["subscribe",{"room":"closed","id":"x"}]')
		assert.equal(await wire.text(), '431[{"success":true,"room":"open:x","message":"Subscribed to open:x"}]')
		assert.equal(await wire.text(), '432[{"success":false,"error":"You are not allowed to do this","code":"forbidden"}]')
	})

	test('without an ack nothing is said but a refusal', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('42["subscribe",{"room":"open","id":1}]').send('42["subscribe",{"room":"closed","id":1}]')
		wire.send('42["unsubscribe",{"room":"open","id":1}]').send('42["getRooms"]').send('429["ping"]')
		assert.equal(await wire.text(), '42["error",{"message":"You are not allowed to do this"}]')
		assert.equal(await wire.text(), '439["pong"]')
	})

	test('ping: the ack pong, or the event pong', async (t) => {
		const a = await connect(t, s)
		assert.equal(await a.emitWithAck('ping'), 'pong')
		const heard = next(a, 'pong')
		a.emit('ping', { ignored: true })
		assert.deepEqual(await heard, [])
	})

	test('joining twice is one membership', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		for (let i = 0; i < 2; i++) assert.deepEqual(await ask(a, 'open', 'twice'), yes('open:twice'))
		const heard = inbox(a, 'said')
		await a.emitWithAck('say', { id: 'twice' })
		assert.equal(await a.emitWithAck('ping'), 'pong')
		assert.deepEqual(heard, [['said', { id: 'twice' }]])
		await a.emitWithAck('unsubscribe', { room: 'open', id: 'twice' })
		assert.equal((await api(s, 'GET', '/v1/rooms/open:twice')).status, 404)
	})

	test('an id may be a number: the room is the same as for its digits', async (t) => {
		const a = await connect(t, s)
		assert.deepEqual(await ask(a, 'open', 42), yes('open:42'))
		assert.deepEqual(await a.emitWithAck('unsubscribe', { room: 'open', id: '42' }), yes('open:42', 'Unsubscribed from'))
	})

	test('any: everybody, known or not', async (t) => {
		assert.equal((await ask(await connect(t, s), 'open', 'a')).success, true)
		assert.equal((await ask(await connect(t, s, { user: 'u' }), 'open', 'a')).success, true)
	})

	test('authenticated: who has a token', async (t) => {
		assert.deepEqual(await refusal(s, 'forbidden', async () => ask(await connect(t, s), 'known', 'a')), forbidden)
		assert.equal((await ask(await connect(t, s, { user: 'u' }), 'known', 'a')).success, true)
	})

	test('own: the id is the user', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		assert.equal((await ask(a, 'mine', 'ada')).success, true)
		for (const id of ['eve', 'ad', 'ada2', 'Ada']) assert.deepEqual(await ask(a, 'mine', id), forbidden)
		assert.deepEqual(await ask(await connect(t, s), 'mine', 'ada'), forbidden)
	})

	test('own: numbers are users too', async (t) => {
		const a = await connect(t, s, { user: 7 })
		assert.equal((await ask(a, 'mine', 7)).success, true)
		assert.equal((await ask(a, 'mine', '7')).success, true)
		assert.deepEqual(await ask(a, 'mine', 70), forbidden)
	})

	test('role:x: who has that role', async (t) => {
		assert.equal((await ask(await connect(t, s, { user: 'u', role: 'staff' }), 'staff', 1)).success, true)
		assert.deepEqual(await ask(await connect(t, s, { user: 'u', role: 'staf' }), 'staff', 1), forbidden)
		assert.deepEqual(await ask(await connect(t, s, { user: 'u' }), 'staff', 1), forbidden)
		assert.deepEqual(await ask(await connect(t, s), 'staff', 1), forbidden)
	})

	test('a list: one of them is enough', async (t) => {
		for (const [user, role, expected] of [['1', undefined, true], ['2', 'chief', true], ['2', 'staff', true], ['2', 'guest', false]])
			assert.equal((await ask(await connect(t, s, { user, role }), 'shared', '1')).success, expected)
	})

	test('none, no policy, built-in and undeclared types: nobody', async (t) => {
		const a = await connect(t, s, { user: 'ada', role: 'staff' })
		for (const [room, id] of [['closed', 1], ['plain', 1], ['user', 'eve'], ['role', 'chief'], ['global', 'x'], ['nosuch', 1]])
			assert.deepEqual(await ask(a, room, id), forbidden, room)
	})

	test('an automatic room one is in already is a yes, and stays automatic', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		assert.deepEqual(await ask(a, 'user', 'ada'), yes('user:ada'))
		assert.equal((await a.emitWithAck('unsubscribe', { room: 'user', id: 'ada' })).success, false)
	})

	test('a single room has no id, and others need one', async (t) => {
		const a = await connect(t, s)
		assert.deepEqual(await ask(a, 'lobby'), yes('lobby'))
		assert.deepEqual(await a.emitWithAck('subscribe', { room: 'lobby', id: null }), yes('lobby'))
		assert.deepEqual(await ask(a, 'lobby', '1'), invalid)
		assert.deepEqual(await ask(a, 'open'), invalid)
		assert.deepEqual(await a.emitWithAck('unsubscribe', { room: 'lobby' }), yes('lobby', 'Unsubscribed from'))
	})

	test('automatic rooms cannot be left, and others not before they are joined', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const left = (room, id) => a.emitWithAck('unsubscribe', { room, id })
		for (const [room, id] of [['user', 'ada'], ['global', 'all']]) assert.equal((await left(room, id)).success, false)
		assert.deepEqual(await left('open', 'never'), no('not_member', 'You are not in this room'))
		assert.deepEqual(await a.emitWithAck('getRooms'), AUTOMATIC('ada'))
	})

	const wrong = {
		'no argument': [],
		'null': [null],
		'text': ['open:1'],
		'a list': [['open', 1]],
		'no room': [{ id: 1 }],
		'a room that is no text': [{ room: 1, id: 1 }],
		'an empty room': [{ room: '', id: 1 }],
		'an empty id': [{ room: 'open', id: '' }],
		'an id with a control character': [{ room: 'open', id: 'a\nb' }],
		'an id with a NUL': [{ room: 'open', id: 'a\0b' }],
		'an id with DEL': [{ room: 'open', id: 'a\x7fb' }],
		'an id that is an object': [{ room: 'open', id: { $ne: 1 } }],
		'an id that is a list': [{ room: 'open', id: ['a'] }],
		'an id that is true': [{ room: 'open', id: true }],
		'an id that is a fraction': [{ room: 'open', id: 1.5 }],
		'an id of 129 bytes': [{ room: 'open', id: 'x'.repeat(129) }],
		'an id of 65 two-byte characters': [{ room: 'open', id: 'é'.repeat(65) }]
	}
	for (const [what, args] of Object.entries(wrong)) {
		test(`refused as invalid: ${what}`, async (t) => {
			const a = await connect(t, s)
			assert.deepEqual(await refusal(s, 'invalid', () => a.emitWithAck('subscribe', ...args)), invalid)
			assert.deepEqual(await a.emitWithAck('getRooms'), ['global:all'])
		})
	}

	test('a type with a colon in it is no way to another type', async (t) => {
		const a = await connect(t, s)
		assert.deepEqual(await ask(a, 'user:ada', 'x'), forbidden)
		assert.deepEqual(await ask(a, 'open:1'), forbidden)
		/* An id may have colons: it is still a room of its own type. */
		assert.deepEqual(await ask(a, 'open', 'x:user:ada'), yes('open:x:user:ada'))
	})

	test('ids of 128 bytes, and of any characters', async (t) => {
		const a = await connect(t, s)
		for (const id of ['x'.repeat(128), 'é'.repeat(64), '💛'.repeat(32), '"\\\'<>%00', ' ', '__proto__', '-1']) {
			assert.deepEqual(await ask(a, 'open', id), yes(`open:${id}`))
			const { status, json } = await api(s, 'GET', `/v1/rooms/${encodeURIComponent(`open:${id}`)}`)
			assert.equal(status, 200, id)
			assert.deepEqual(json, { name: `open:${id}`, users: 0, sockets: 1, meta: {} })
			assert.deepEqual(await a.emitWithAck('unsubscribe', { room: 'open', id }), yes(`open:${id}`, 'Unsubscribed from'))
		}
	})

	test('escapes in an id mean the character', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('421["subscribe",{"room":"\\u006fpen","id":"\\u00e9\\ud83d\\udc9b"}]')
		assert.equal(await wire.text(), '431[{"success":true,"room":"open:é💛","message":"Subscribed to open:é💛"}]')
		wire.send('422["\\u0073ubscribe",{"room":"open","id":"\\ud800"}]')
		assert.equal(await wire.text(), '432[{"success":true,"room":"open:\ufffd","message":"Subscribed to open:\ufffd"}]')
	})
})

describe('caps', () => {
	let s
	before(async () => {
		s = await started({ workers: 1, conf: 'room "r" { join = any }' })
	})
	after(() => s.destroy())

	test('100 rooms a client; automatic ones do not count, left ones free a place', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		const join = (id) => a.emitWithAck('subscribe', { room: 'r', id })
		for (let i = 0; i < 100; i++) assert.equal((await join(i)).success, true, `room ${i}`)
		const over = { success: false, error: 'You are in too many rooms', code: 'too_many_rooms' }
		assert.deepEqual(await refusal(s, 'too_many_rooms', () => join(100)), over)
		assert.equal((await join(99)).success, true, 'one it is in already')
		assert.equal((await a.emitWithAck('getRooms')).length, 102)
		await a.emitWithAck('unsubscribe', { room: 'r', id: 0 })
		assert.equal((await join(100)).success, true)
		assert.deepEqual(await join(101), over)
	})

	test('each client has its own', async (t) => {
		const b = await connect(t, s, { user: 'ada' })
		assert.equal((await b.emitWithAck('subscribe', { room: 'r', id: 500 })).success, true)
	})

	test('10,000 joins at once: 100 of them succeed, and the client is none the worse', async (t) => {
		const a = await connect(t, s, { user: 'eve' })
		const answers = await Promise.all([...Array(10000).keys()].map((id) => a.emitWithAck('subscribe', { room: 'r', id })))
		assert.equal(answers.filter((r) => r.success).length, 100)
		assert.equal(answers.filter((r) => r.code === 'too_many_rooms').length, 9900)
		assert.deepEqual(answers.slice(0, 100).map((r) => r.room), [...Array(100).keys()].map((i) => `r:${i}`))
		assert.equal((await api(s, 'GET', `/v1/sockets/${a.id}`)).json.rooms.length, 102)
		a.disconnect()
		assert.equal((await api(s, 'GET', '/v1/rooms/r:7')).status, 404)
	})
})

test('max_rooms, and configured words', async (t) => {
	const s = await started({
		workers: 1,
		conf: `
			max_rooms = 2
			room "r" { join = any }
			texts { too_many_rooms = "Genug \\"Räume\\""  invalid = "Nein"  forbidden = "Nie" }
		`
	})
	t.after(() => s.destroy())
	const a = await connect(t, s, { user: 'ada' })
	const join = (room, id) => a.emitWithAck('subscribe', { room, id })
	assert.equal((await join('r', 1)).success, true)
	assert.equal((await join('r', 2)).success, true)
	assert.deepEqual(await join('r', 3), { success: false, error: 'Genug "Räume"', code: 'too_many_rooms' })
	assert.deepEqual(await join('r'), { success: false, error: 'Nein', code: 'invalid' })
	assert.deepEqual(await join('x', 1), { success: false, error: 'Nie', code: 'forbidden' })
	const heard = next(a, 'error')
	a.emit('subscribe', { room: 'r', id: 4 })
	assert.deepEqual(await heard, [{ message: 'Genug "Räume"' }])
})
