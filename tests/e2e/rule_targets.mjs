/* rule_targets.mjs - rules: who may send, who hears, what is answered, and in which order. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect, inbox, next } from './clients.mjs'
import { metric, refusal } from './prometheus.mjs'
import { server, started, until } from './server.mjs'
import { open_socket } from './wire.mjs'

const ok = { success: true }
const not_member = { success: false, error: 'You are not in this room', code: 'not_member' }
const forbidden = { success: false, error: 'You are not allowed to do this', code: 'forbidden' }
const invalid = { success: false, error: 'Invalid message', code: 'invalid' }

/* What SOCKETS heard of the event "out", once everybody has heard the sender's last word. */
async function heard_by(sockets, sender, fn) {
	const boxes = sockets.map((a) => inbox(a, 'out'))
	const ends = sockets.map((a) => inbox(a, 'done'))
	const answer = await fn()
	await sender.emitWithAck('done')
	await until('the last word', () => ends.every((e) => e.length === 1))
	sockets.forEach((a) => a.off('out').off('done'))
	return { answer, heard: boxes.map((box) => box.map(([, ...args]) => args)) }
}

const DONE = 'event "done" { emit = done  to = all }'
const ANYBODY = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'

describe('require and if', () => {
	let s
	before(async () => {
		s = await started({
			conf: `
				room "r" { join = any }
				event "default"  { room = "r:{id}"  emit = out }
				event "member"   { room = "r:{id}"  require = member  emit = out }
				event "any"      { room = "r:{id}"  require = any  emit = out }
				event "known"    { require = authenticated  emit = out  to = self }
				event "chief"    { require = "role:chief"  emit = out  to = self }
				event "either"   { room = "r:{id}"  require = {"role:chief", member}  emit = out  to = self }
				event "open"     { emit = out  to = self }
				event "if"       { if = "x"  emit = out  to = self }
				event "ifs"      { if = {"a = 1", "b in [1, 2]", "not c"}  require = authenticated  emit = out  to = self }
				event "silent"   { room = "r:{id}" }
				room "hall" { join = any  single = yes }
				event "hall" { room = hall  emit = out }
				${DONE}
			`,
			auth: ANYBODY
		})
	})
	after(() => s.destroy())

	test('a rule with a room is for its members, unless it says otherwise', async (t) => {
		const [a, b] = [await connect(t, s), await connect(t, s)]
		await a.emitWithAck('subscribe', { room: 'r', id: 1 })
		for (const event of ['default', 'member', 'silent']) {
			assert.deepEqual(await a.emitWithAck(event, { id: 1 }), ok)
			assert.deepEqual(await refusal(s, 'not_member', () => b.emitWithAck(event, { id: 1 })), not_member)
			assert.deepEqual(await a.emitWithAck(event, { id: 2 }), not_member)
		}
		const { answer, heard } = await heard_by([a, b], b, () => b.emitWithAck('any', { id: 1 }))
		assert.deepEqual(answer, ok)
		assert.deepEqual(heard, [[[{ id: 1 }]], []])
	})

	test('authenticated, role, and one of a list', async (t) => {
		const nobody = await connect(t, s)
		const ada = await connect(t, s, { user: 'ada', role: 'clerk' })
		const bob = await connect(t, s, { user: 'bob', role: 'chief' })
		const answers = async (...call) => Promise.all([nobody, ada, bob].map((a) => a.emitWithAck(...call)))
		assert.deepEqual(await answers('known'), [forbidden, ok, ok])
		assert.deepEqual(await answers('chief'), [forbidden, forbidden, ok])
		await ada.emitWithAck('subscribe', { room: 'r', id: 9 })
		assert.deepEqual((await answers('either', { id: 9 })).map((r) => r.success), [false, true, true])
		assert.deepEqual(await answers('open'), [ok, ok, ok])
	})

	test('roles are the socket\'s, not those of another socket of the same user', async (t) => {
		const plain = await connect(t, s, { user: 'ada' })
		const chief = await connect(t, s, { user: 'ada', role: 'chief' })
		const clerk = await connect(t, s, { user: 'ada', role: 'clerk', name: 'Ada' })
		assert.deepEqual(await Promise.all([plain, chief, clerk].map((a) => a.emitWithAck('chief'))), [forbidden, ok, forbidden])
	})

	test('a single room', async (t) => {
		const [a, b] = [await connect(t, s), await connect(t, s)]
		await a.emitWithAck('subscribe', { room: 'hall' })
		assert.deepEqual(await b.emitWithAck('hall', 1), not_member)
		const { answer, heard } = await heard_by([a, b], a, () => a.emitWithAck('hall', 1))
		assert.deepEqual(answer, ok)
		assert.deepEqual(heard, [[[1]], []])
	})

	test('without an ack a refusal is the event error, and only for its sender', async (t) => {
		const [a, b] = [await connect(t, s), await connect(t, s)]
		const errors = inbox(b, 'error')
		const heard = next(a, 'error')
		a.emit('known')
		assert.deepEqual(await heard, [{ message: 'You are not allowed to do this' }])
		assert.equal(await b.emitWithAck('ping'), 'pong')
		assert.deepEqual(errors, [])
	})

	test('a false if skips the rule silently: no emit, no ack, no refusal', async (t) => {
		const wire = await open_socket(t, s.port)
		for (const p of ['{"x":0}', '{"x":""}', '{"x":null}', '{"x":false}', '{"x":[]}', '{"x":{}}', '{}', '', '5'])
			wire.send(p ? `421["if",${p}]` : '421["if"]')
		wire.send('422["if",{"x":1}]')
		assert.equal(await wire.text(), '42["out",{"x":1}]')
		assert.equal(await wire.text(), '432[{"success":true}]')
	})

	test('a list of conditions means all of them, and comes before require', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('421["ifs",{"a":2,"b":1}]').send('422["ifs",{"a":1,"b":3}]').send('423["ifs",{"a":1,"b":1,"c":true}]')
		wire.send('424["ifs",{"a":1,"b":2}]')
		assert.equal(await wire.text(), `434[${JSON.stringify(forbidden)}]`)
	})
})

describe('to and except', () => {
	let s
	before(async () => {
		s = await started({
			workers: 3,
			conf: `
				room "r" { join = any }
				room "team" { join = any }
				event "room"    { room = "r:{id}"  emit = out }
				event "others"  { room = "r:{id}"  emit = out  to = others }
				event "nobody"  { emit = out  to = others }
				event "self"    { room = "r:{id}"  emit = out  to = self }
				event "all"     { room = "r:{id}"  emit = out  to = all }
				event "teams"   { emit = out  to = "rooms:team" }
				event "user"    { emit = out  to = "user:{who}" }
				event "role"    { emit = out  to = "role:{what}" }
				event "union"   { room = "r:{id}"  emit = out  to = {room, self, "user:{who}", "rooms:team"} }
				event "except"  { room = "r:{id}"  emit = out  except = {self, "user:{who}"} }
				event "allbut"  { emit = out  to = all  except = "rooms:team" }
				event "none"    { emit = out  to = self  except = self }
				event "foreign" { emit = out  to = "r:{id}" }
				${DONE}
			`
		})
	})
	after(() => s.destroy())

	/* ada and bob in r:1, bob and cleo in team:x, cleo in team:y too, dan in nothing. */
	async function people(t) {
		const all = []
		for (const [user, role] of [['ada', 'chief'], ['bob'], ['cleo'], ['dan']]) all.push(await connect(t, s, { user, role }))
		const join = (i, room, id) => all[i].emitWithAck('subscribe', { room, id })
		await Promise.all([join(0, 'r', 1), join(1, 'r', 1), join(1, 'team', 'x'), join(2, 'team', 'x'), join(2, 'team', 'y')])
		return all
	}

	const cases = [
		['room: the members, the sender too', 0, 'room', { id: 1 }, [1, 1, 0, 0]],
		['others: the members without the sender', 0, 'others', { id: 1 }, [0, 1, 0, 0]],
		['others without a room: the namespace without the sender', 0, 'nobody', {}, [0, 1, 1, 1]],
		['self: the sender alone', 0, 'self', { id: 1 }, [1, 0, 0, 0]],
		['all: the namespace', 0, 'all', { id: 1 }, [1, 1, 1, 1]],
		['rooms:TYPE: those in a room of that type with the sender', 1, 'teams', {}, [0, 1, 1, 0]],
		['rooms:TYPE of one who is in several: each socket once', 2, 'teams', {}, [0, 1, 1, 0]],
		['rooms:TYPE of one who is in none: nobody', 3, 'teams', {}, [0, 0, 0, 0]],
		['a user', 0, 'user', { who: 'dan' }, [0, 0, 0, 1]],
		['a user who is not there', 0, 'user', { who: 'zoe' }, [0, 0, 0, 0]],
		['a role', 1, 'role', { what: 'chief' }, [1, 0, 0, 0]],
		['a union: each socket once', 1, 'union', { id: 1, who: 'ada' }, [1, 1, 1, 0]],
		['a union with somebody outside', 0, 'union', { id: 1, who: 'dan' }, [1, 1, 0, 1]],
		['except: neither self nor a user', 0, 'except', { id: 1, who: 'bob' }, [0, 0, 0, 0]],
		['except: who is not meant anyway', 0, 'except', { id: 1, who: 'dan' }, [0, 1, 0, 0]],
		['all except rooms of a type', 1, 'allbut', {}, [1, 0, 0, 1]],
		['all except rooms of a type the sender is not in', 0, 'allbut', {}, [1, 1, 1, 1]],
		['nobody is left: nobody hears', 0, 'none', {}, [0, 0, 0, 0]],
		['a room the sender is not in, by the rule', 3, 'foreign', { id: 1 }, [1, 1, 0, 0]]
	]
	for (const [what, from, event, payload, expected] of cases) {
		test(what, async (t) => {
			const all = await people(t)
			const { answer, heard } = await heard_by(all, all[from], () => all[from].emitWithAck(event, payload))
			assert.deepEqual(answer, ok)
			assert.deepEqual(heard.map((h) => h.length), expected)
			for (const h of heard.flat()) assert.deepEqual(h, [payload])
		})
	}

	test('a target that is no name: the sender is told invalid, nobody hears', async (t) => {
		const all = await people(t)
		const bad = [{}, { who: '' }, { who: null }, { who: ['x'] }, { who: 1.5 }, { who: 'a\u0001' }, { who: 'x'.repeat(129) }]
		const { heard } = await heard_by(all, all[0], async () => {
			for (const payload of bad) assert.deepEqual(await all[0].emitWithAck('user', payload), invalid, JSON.stringify(payload))
		})
		assert.deepEqual(heard.flat(), [])
	})
})

describe('several actions, acks, names', () => {
	let s
	before(async () => {
		s = await started({
			conf: `
				room "r" { join = any }
				event "steps" {
					emit = one  to = self  data = '1'
					also { emit = two  to = self  data = '2'  if = "two" }
					also { emit = three  to = self  data = '3' }
					also { emit = four  to = {all}  data = '4' }
				}
				event "only-also" { also { emit = two  to = self } }
				event "mixed" {
					emit = one  to = self
					also { emit = two  to = "r:{nosuch}" }
					also { emit = three  to = self }
				}
				event "no-ack"   { emit = out  to = self  ack = no }
				event "yes-ack"  { emit = out  to = self  ack = yes }
				event "ack"      { ack = '{"got": {@payload}, "n": {n|0}, "by": {@user.id}}' }
				event "ack-text" { ack = '"plain {n}"' }
				event "nothing"  { }
				event "with \\"quotes\\" and \\\\"  { emit = "out \\"quoted\\""  to = self }
				event "größe"    { emit = "größe"  to = self }
				event "dev"      { emit = out  to = self  dev = yes }
				${DONE}
			`,
			auth: ANYBODY
		})
	})
	after(() => s.destroy())

	test('what one rule sends comes in the order of the file, for every receiver', async (t) => {
		const [a, b] = [await connect(t, s), await connect(t, s)]
		const events = ['one', 'two', 'three', 'four']
		const [at_a, at_b] = [inbox(a, ...events), inbox(b, ...events)]
		for (let i = 0; i < 20; i++) await a.emitWithAck('steps', { two: i % 2 === 1 })
		await until('all', () => at_b.length === 20 && at_a.length === 70)
		const once = [['one', 1], ['three', 3], ['four', 4], ['one', 1], ['two', 2], ['three', 3], ['four', 4]]
		assert.deepEqual(at_a, Array(10).fill(once).flat())
		assert.deepEqual(at_b, Array(20).fill(['four', 4]))
	})

	test('a rule may have no action of its own, or none at all', async (t) => {
		const a = await connect(t, s)
		const heard = next(a, 'two')
		assert.deepEqual(await a.emitWithAck('only-also', 5), ok)
		assert.deepEqual(await heard, [5])
		assert.deepEqual(await a.emitWithAck('nothing', 5), ok)
	})

	test('a step that fails ends the rule: what came before it is sent', async (t) => {
		const a = await connect(t, s)
		const heard = inbox(a, 'one', 'two', 'three')
		assert.deepEqual(await a.emitWithAck('mixed', { x: 1 }), invalid)
		await a.emitWithAck('ping')
		assert.deepEqual(heard, [['one', { x: 1 }]])
	})

	test('ack: yes, no, or a template', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('421["no-ack",1]').send('422["yes-ack",2]').send('423["ack",{"n":7, "x":[1]}]').send('424["ack","text"]')
		wire.send('425["ack"]').send('426["ack-text",{"n":"\\u00e9\\""}]').send('42["ack",1]').send('427["ping"]')
		const acks = []
		while (acks.at(-1) !== '437["pong"]') acks.push(await wire.text())
		assert.deepEqual(acks.filter((a) => a.startsWith('43')), [
			'432[{"success":true}]',
			'433[{"got":{"n":7, "x":[1]},"n":7,"by":null}]',
			'434[{"got":"text","n":0,"by":null}]',
			'435[{"got":null,"n":0,"by":null}]',
			'436["plain \\u00e9\\""]',
			'437["pong"]'
		])
	})

	test('a client that asks for no ack gets none', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('42["yes-ack",1]').send('42["nothing"]').send('420["ping"]')
		assert.deepEqual([await wire.text(), await wire.text()].sort(), ['42["out",1]', '430["pong"]'])
	})

	test('names with quotes, backslashes and other letters', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('42["with \\"quotes\\" and \\\\",1]')
		assert.equal(await wire.text(), '42["out \\"quoted\\"",1]')
		for (const name of ['größe', 'gr\\u00f6\\u00dfe']) {
			wire.send(`42["${name}",2]`)
			assert.equal(await wire.text(), '42["größe",2]')
		}
	})

	test('an event that nobody declared: an error if asked, else only counted', async (t) => {
		const wire = await open_socket(t, s.port)
		const unknown = '[{"success":false,"error":"Unknown event","code":"unknown_event"}]'
		const names = ['nosuch', 'Steps', 'steps ', '', '*', 'connection', 'error', '\\u0000', 'x'.repeat(1000)]
		await refusal(s, 'unknown_event', async () => {
			for (const name of names) wire.send(`42["${name}"]`).send(`425["${name}",1]`)
			for (const name of names) assert.equal(await wire.text(), `435${unknown}`, name)
		}, 2 * names.length)
	})

	test('a number is a name too, and is nobody\'s', async (t) => {
		const wire = await open_socket(t, s.port)
		wire.send('421[7,"x"]')
		assert.equal(await wire.text(), '431[{"success":false,"error":"Unknown event","code":"unknown_event"}]')
	})

	test('a rule with dev is not there', async (t) => {
		const a = await connect(t, s)
		assert.equal((await a.emitWithAck('dev')).code, 'unknown_event')
	})

	test('events are counted under their names', async (t) => {
		const a = await connect(t, s)
		const name = 'with "quotes" and \\'
		const before = await metric(s, 'events_in_total', { event: name })
		await a.emitWithAck(name)
		assert.equal(await metric(s, 'events_in_total', { event: name }), before + 1)
	})
})

test('under --dev a rule with dev works', async (t) => {
	const s = await server(t, { workers: 1, args: ['--dev'], conf: 'event "dev" { emit = out  to = self  dev = yes }' })
	const a = await connect(t, s)
	const heard = next(a, 'out')
	assert.deepEqual(await a.emitWithAck('dev', 1), ok)
	assert.deepEqual(await heard, [1])
})

test('a rule may stand in the place of a built-in', async (t) => {
	const s = await server(t, {
		workers: 1,
		auth: ANYBODY,
		conf: 'event "ping" { ack = \'{"own": true}\' }\nevent "getRooms" { require = authenticated }'
	})
	const a = await connect(t, s)
	assert.deepEqual(await a.emitWithAck('ping'), { own: true })
	assert.deepEqual(await a.emitWithAck('getRooms'), forbidden)
})
