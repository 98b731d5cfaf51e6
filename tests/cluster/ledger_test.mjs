/* ledger_test.mjs - the account itself: each kind of wrong is found, and what is allowed is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EVERYBODY, Ledger } from './ledger.mjs'

/* Two members in room r, one elsewhere; sender s has sent 0..3 to r, all acked, at times 10, 20, 30, 40. */
function scene() {
	const l = new Ledger()
	const open = (name, room) => Object.assign(l.open(name, `sid-${name}`, [room]), { joined_ns: 5 })
	const a = open('a', 'r'), b = open('b', 'r'), c = open('c', 'q')
	const m = [0, 1, 2, 3].map((i) => l.send('s', 'r', 10 * (i + 1)))
	m.forEach((x) => l.answer(x, 'acked', 100))
	const give = (s, ...numbers) => numbers.forEach((n) => l.got(s, 's', n))
	return { l, a, b, c, m, give }
}

function found(l) {
	const v = l.verdict()
	return Object.fromEntries(['missed', 'repeated', 'disordered', 'stranger', 'again', 'partial', 'undead'].filter((k) => v[k]).map((k) => [k, v[k]]))
}

test('all is well', () => {
	const { l, a, b, give } = scene()
	give(a, 0, 1, 2, 3)
	give(b, 0, 1, 2, 3)
	const v = l.verdict()
	assert.deepEqual(v.faults, [])
	assert.equal(v.checked, 8)
	assert.equal(v.arrived, 8)
})

test('a message that did not come', () => {
	const { l, a, b, give } = scene()
	give(a, 0, 1, 3)
	give(b, 0, 1, 2)
	assert.deepEqual(found(l), { missed: 2 })
})

test('twice, and out of order', () => {
	const { l, a, b, give } = scene()
	give(a, 0, 1, 1, 2, 3)
	give(b, 0, 2, 1, 3)
	assert.deepEqual(found(l), { repeated: 1, disordered: 1 })
})

test('not for this member, and from nowhere', () => {
	const { l, a, b, c, give } = scene()
	give(a, 0, 1, 2, 3)
	give(b, 0, 1, 2, 3, 4)
	give(c, 2)
	assert.deepEqual(found(l), { stranger: 2 })
})

test('a connection that ended owes what came before the last it got', () => {
	const { l, a, b, give } = scene()
	a.ended_ns = b.ended_ns = 50
	give(a, 0, 1)
	assert.deepEqual(found(l), {})
	give(b, 0, 2)
	assert.deepEqual(found(l), { missed: 1 })
})

test('a message sent before the join may come or not', () => {
	const { l, a, b, give } = scene()
	a.joined_ns = b.joined_ns = 25
	give(a, 2, 3)
	give(b, 1, 2, 3)
	assert.deepEqual(found(l), {})
})

test('a message that came to two connections of a member', () => {
	const { l, a, b, give } = scene()
	give(b, 0, 1, 2, 3)
	a.ended_ns = 15
	give(a, 0)
	const later = Object.assign(l.open('a', 'sid-2', ['r']), { joined_ns: 16 })
	give(later, 0, 1, 2, 3)
	assert.deepEqual(found(l), { again: 1 })
})

test('without an answer: to all or to none', () => {
	const { l, a, b, give } = scene()
	give(a, 0, 1, 2, 3)
	give(b, 0, 1, 2, 3)
	const none = l.send('s', 'r', 50), all = l.send('s', 'r', 60), some = l.send('s', EVERYBODY, 70)
	for (const m of [none, all, some]) l.answer(m, 'lost', 100)
	give(a, 5)
	give(b, 5)
	assert.deepEqual(found(l), {})
	give(a, 6)
	assert.deepEqual(found(l), { partial: 1 })
})

test('refused, and still there', () => {
	const { l, a, b, give } = scene()
	give(a, 0, 1, 2, 3)
	give(b, 0, 1, 2, 3)
	l.answer(l.send('s', 'r', 50), 'refused', 60)
	give(a, 4)
	assert.deepEqual(found(l), { undead: 1 })
})

test('left out, unanswered, answered twice', () => {
	const { l, a, b, m, give } = scene()
	give(a, 0, 1, 2, 3)
	give(b, 0, 1, 2, 3)
	const tell = l.send('s', 'r', 50, 'a')
	assert.match(l.verdict().faults.join(), /unanswered: s\/4/)
	l.answer(tell, 'acked', 60)
	give(b, 4)
	assert.deepEqual(found(l), {})
	give(a, 4)
	assert.deepEqual(found(l), { stranger: 1 })
	assert.throws(() => l.answer(m[0], 'lost', 1))
})
