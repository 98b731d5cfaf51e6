/* tools_requirements.mjs - the table of what is covered cannot be talked into a better result, and blocks are whole blocks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blocks, keys } from '../requirements/mutate.mjs'
import { ids_of, judge, read_rows } from '../requirements/table.mjs'

const ROWS = read_rows('# a comment\nS0-01 done\nS0-02 later | state, redis\nS0-03 with help ~ boards\nS0-04 forgotten\n')
const verdict = (...tests) => {
	const { rows, mistakes } = judge(ROWS, tests.map(([title, good]) => ({ title, good })))
	return { states: rows.map((r) => r.state), mistakes }
}

test('a row is passing, failing, not yet, or lost', () => {
	const { states, mistakes } = verdict(['S0-01, S0-03 both', true], ['S0-03 again', false])
	assert.deepEqual(states, ['passing', 'not yet', 'failing', 'lost'])
	assert.deepEqual(mistakes, ['S0-04 forgotten: no test and no reason'])
})

test('a row that cannot be yet has no test, a test names rows that are there', () => {
	const { states, mistakes } = verdict(['S0-01..04 all', true], ['S0-05 unknown', true], ['no ids', true])
	assert.deepEqual(states, ['passing', 'passing', 'passing', 'passing'])
	assert.deepEqual(mistakes, ['no such row: S0-05 of S0-05 unknown', 'no ids in front: no ids', 'S0-02 later: a test covers it, and rows.txt says it cannot be yet'])
})

test('ids in front of a name', () => {
	assert.deepEqual(ids_of('S1-30 x'), ['S1-30'])
	assert.deepEqual(ids_of('S1-08..10, S2-01 x S3-01'), ['S1-08', 'S1-09', 'S1-10', 'S2-01'])
	assert.deepEqual(ids_of('about S1-30'), [])
})

test('the list: every row once, in order, as many as there are', () => {
	const rows = read_rows()
	const of = (system) => rows.filter((r) => r.id.startsWith(system)).map((r) => Number(r.id.slice(3)))
	for (const [system, n] of [['S0', 80], ['S1', 99], ['S2', 72], ['S3', 60], ['S4', 54]]) assert.deepEqual(of(system), Array.from({ length: n }, (_, i) => i + 1))
	assert.throws(() => read_rows('S0-01 a\nS0-01 b'), /twice/)
	assert.throws(() => read_rows('S0-01'), /rows.txt/)
})

test('blocks of a conf, and no lists', () => {
	const text = `a = {b, "c{"}   # not { this
room "x" { join = any }
event "y:*" { fields = {"a: id", 'b}: id'}  also { if = "{a}"  data = '{"x": {y}}' }
  check { if = a } }
// nor { that
auth { jwt "m" { } }`
	assert.deepEqual(blocks(text).map((b) => b.head), ['room "x"', 'event "y:*"', 'also', 'check', 'auth', 'jwt "m"'])
	for (const b of blocks(text)) {
		const one = text.slice(b.from, b.to)
		assert.ok(one.startsWith(b.head) && one.endsWith('}'), one)
		assert.equal(one.split('{').length > 1, true)
	}
	assert.equal(text.slice(blocks(text)[2].from, blocks(text)[2].to), 'also { if = "{a}"  data = \'{"x": {y}}\' }')
})

test('keys of a conf, with their values', () => {
	const text = `a = {b, "c{"}   # d = 1
event "y = 1" { fields = {"a: id = 1", 'b}'}  also { if = "x = 1"  data = '{"x": {y}}' to=all } }
n = 5s  # e = 2`
	assert.deepEqual(keys(text).map((k) => text.slice(k.from, k.to)), ['a = {b, "c{"}', `fields = {"a: id = 1", 'b}'}`, 'if = "x = 1"', `data = '{"x": {y}}'`, 'to=all', 'n = 5s'])
})
