/* rule_patterns.mjs - events by pattern: which rule a name gets, @event, and how they are counted. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect, next, token } from './clients.mjs'
import { counted, refusal } from './prometheus.mjs'
import { started } from './server.mjs'
import { open_socket } from './wire.mjs'

describe('patterns', () => {
	let s
	before(async () => {
		s = await started({
			workers: 2,
			conf: `
				room "game" { join = any }
				event "game:*" {
					fields = "gameId: id"  room = "game:{gameId}"  require = any
					emit = heard  to = self  data = '{"name": {@event}, "id": {gameId}, "as": "<{@event}>"}'
				}
				event "game:move:*" { ack = '["move", {@event}]' }
				event "game:end"    { ack = '"end"' }
				namespace "/any" { event "*" { ack = '{@event}' } event "get*" { ack = '"get"' } }
			`
		})
	})
	after(() => s.destroy())

	test('the name itself, else the longest pattern', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		assert.equal(await a.emitWithAck('game:end'), 'end')
		assert.deepEqual(await a.emitWithAck('game:move:e4'), ['move', 'game:move:e4'])
		const heard = next(a, 'heard')
		assert.deepEqual(await a.emitWithAck('game:ending', { gameId: '7' }), { success: true })
		assert.deepEqual(await heard, [{ name: 'game:ending', id: '7', as: '<game:ending>' }])
	})

	test('what none covers is unknown', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		for (const name of ['game:', 'game', 'gamf:x', 'x'.repeat(1000), ''])
			assert.equal((await refusal(s, 'unknown_event', () => a.emitWithAck(name, { gameId: '7' }))).code, 'unknown_event')
		assert.equal((await a.emitWithAck('game:x', {})).code, 'invalid')
	})

	test('is counted under the name of the pattern', async (t) => {
		const a = await connect(t, s, { user: 'ada' })
		await counted(s, 'events_in_total', { event: 'game:*' }, async () => {
			await a.emitWithAck('game:one', { gameId: '7' })
			await a.emitWithAck('game:two', { gameId: '7' })
		}, 2)
	})

	test('names with escapes are what they mean, and are given as they came', async (t) => {
		const wire = await open_socket(t, s.port, { auth: { token: token({ sub: 'ada' }) } })
		wire.send('421["\\u0067ame:move\\u003ax\\"y"]')
		assert.equal(await wire.text(), '431[["move","\\u0067ame:move\\u003ax\\"y"]]')
	})

	test('what is built in has a name of its own', async (t) => {
		const a = await connect(t, s, { user: 'ada', nsp: '/any' })
		assert.equal(await a.emitWithAck('ping'), 'pong')
		assert.equal(await a.emitWithAck('getall'), 'get')
		assert.deepEqual((await a.emitWithAck('getRooms')).sort(), ['global:all', 'user:ada'])
		assert.equal(await a.emitWithAck('anything'), 'anything')
		assert.equal(await a.emitWithAck('5'), '5')
	})
})
