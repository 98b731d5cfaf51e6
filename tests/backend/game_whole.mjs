/*
 * game_whole.mjs - two clients on two workers play a game to its end through game.conf and its backend, while the backend, a
 * worker and the whole instance are killed or restarted.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { next, refused, worker_of } from '../e2e/clients.mjs'
import { metric } from '../e2e/prometheus.mjs'
import { until } from '../e2e/server.mjs'
import { Player, game_server, user_token } from './player.mjs'

const FAILED = { success: false, error: 'The game cannot be reached, try again', code: 'hook_failed' }
const RESTS = { success: false, error: 'The game rests, try again in a moment', code: 'hook_failed' }
const no = (error, code = 'forbidden') => ({ success: false, error, code })
const DONE = (count) => ({ success: true, count })

/* Both find each other: the id of their game. */
async function matched(ann, bob) {
	const first = await ann.look()
	assert.deepEqual(await ann.call('matchmaking:subscribe', { matchRequestId: first.id }), { success: true, status: { status: 'searching' } })
	assert.deepEqual(await bob.call('matchmaking:subscribe', { matchRequestId: first.id }), no('There is no such request', 'not_found'))
	const told = next(ann.socket, 'matchmaking:matched')
	const second = await bob.look()
	const [{ gameId, players }] = await told
	assert.deepEqual(players, { X: 'ann', O: 'bob' })
	assert.deepEqual(await bob.call('matchmaking:subscribe', { matchRequestId: second.id }), { success: true, status: { status: 'matched', gameId } })
	assert.deepEqual(ann.of('matchmaking:status'), [{ status: 'searching' }])
	return gameId
}

async function both_see(players, board) {
	await until(`both see ${JSON.stringify(board)}`, () => players.every((p) => JSON.stringify(p.board) === JSON.stringify(board)))
}

/* The backend away: moves fail, the breaker opens; back again: it half-opens, and the game is where it was. */
async function without_backend(s, ann) {
	await s.kill_backend()
	for (let i = 0; i < 3; i++) assert.deepEqual(await ann.move(1), FAILED)
	assert.deepEqual(await ann.move(1), RESTS)
	assert.deepEqual(await ann.call('lobby:say', { text: 'anybody?' }), { success: true }, 'what asks no hook goes on')
	await s.start_backend()
	let answer
	await until('the breaker tries', async () => {
		answer = await ann.move(1)
		if (!answer.success) assert.deepEqual(answer, RESTS)
		return answer.success
	})
	assert.deepEqual(answer, DONE(3))
	assert.ok((await metric(s, 'hook_failures_total', { reason: 'breaker_open' })) >= 1)
}

/* The player whose worker is killed comes back, enters again, and has the board. */
async function without_worker(s, ann) {
	const id = ann.socket.id
	const joined = ann.of('game:joined').length
	process.kill(s.worker(await worker_of(s, ann.socket)).pid, 'SIGKILL')
	await until('ann is in her game again', () => ann.socket.connected && ann.socket.id !== id && ann.of('game:joined').length > joined)
}

async function without_instance(s, players) {
	const joined = players.map((p) => p.of('game:joined').length)
	await s.stop()
	await s.start()
	await until('both are in their game again', () => players.every((p, i) => p.socket.connected && p.of('game:joined').length > joined[i]))
}

test('a whole game, whoever dies on the way', async (t) => {
	const s = await game_server(t)
	const ann = await Player.on_worker(t, s, 'ann', 0)
	const bob = await Player.on_worker(t, s, 'bob', 1)
	const two = [ann, bob]
	assert.deepEqual(ann.of('welcome').map((w) => ({ ...w, rooms: w.rooms.sort() })), [
		{ user: { id: 'ann', name: 'Ann', role: 'player' }, rating: 1510, rooms: ['global:all', 'lobby:noughts', 'role:player', 'user:ann'] }
	])
	const gameId = await matched(ann, bob)
	for (const p of two) assert.equal((await p.join(gameId)).success, true)
	assert.deepEqual(await ann.move(0), DONE(1))
	await both_see(two, ['X', null, null, null, null, null, null, null, null])

	assert.deepEqual(await ann.move(1), no('It is not your turn', 'not_your_turn'))
	assert.deepEqual(await bob.move(0), no('This field is taken', 'taken'))
	assert.equal((await bob.move(9)).code, 'invalid', 'the conf knows fields, the backend the rules')
	assert.deepEqual(await bob.move(3), DONE(2))
	await both_see(two, ['X', null, null, 'O', null, null, null, null, null])

	await without_backend(s, ann)
	await both_see(two, ['X', 'X', null, 'O', null, null, null, null, null])
	await without_worker(s, ann)
	assert.deepEqual(await bob.move(4), DONE(4))
	await both_see(two, ['X', 'X', null, 'O', 'O', null, null, null, null])
	await without_instance(s, two)
	assert.deepEqual(await ann.move(2), DONE(5))
	const end = ['X', 'X', 'X', 'O', 'O', null, null, null, null]
	await both_see(two, end)
	await until('both hear of the end', () => two.every((p) => p.of('game:over').length === 1))
	for (const p of two) {
		assert.deepEqual(p.of('game:over'), [{ gameId, winner: 'X', line: [0, 1, 2] }])
		assert.deepEqual(p.of('game:move-made').map((m) => [m.player, m.move]), [['ann', 0], ['bob', 3], ['ann', 1], ['bob', 4], ['ann', 2]])
		assert.deepEqual((await p.join(gameId)).gameState, { board: end, players: { X: 'ann', O: 'bob' }, turn: 'O', count: 5, over: true, winner: 'X', line: [0, 1, 2], isPlayer: true })
	}
	assert.deepEqual(await bob.move(5), no('The game is over', 'game_over'))
})

test('who is let in where', async (t) => {
	const s = await game_server(t)
	const [ann, bob, cat] = await Promise.all(['ann', 'bob', 'cat'].map((user) => Player.connect(t, s, user)))
	assert.equal((await refused(t, s, { token: user_token('dan') })).message, 'Unknown user')
	assert.equal((await cat.look()).status, 403)
	const gameId = await matched(ann, bob)
	const enter = (p, room, id) => p.call('subscribe', { room, id })

	assert.deepEqual(await enter(ann, 'chat', gameId), { success: true, room: `chat:${gameId}`, message: `Subscribed to chat:${gameId}` })
	assert.equal((await enter(bob, 'chat', gameId)).success, true)
	assert.deepEqual(await enter(cat, 'chat', gameId), no('This room is not yours'))
	assert.deepEqual(await enter(ann, 'chat', 'of-nobody'), no('This room is not yours'))
	assert.equal((await enter(ann, 'game', gameId)).code, 'forbidden', 'by game:join only')
	const said = next(bob.socket, 'chat:message')
	assert.deepEqual(await ann.call('chat:message', { gameId, text: 'hello' }), { success: true })
	assert.deepEqual(await said, [{ gameId, text: 'hello', from: 'ann' }])
	assert.equal((await cat.call('chat:message', { gameId, text: 'me too' })).code, 'not_member')

	assert.deepEqual(await ann.call('game:join', { gameId: 'none' }), no('Cannot join this game', 'not_found'))
	await ann.join(gameId)
	assert.equal((await cat.call('game:move', { gameId, move: 0 })).code, 'not_member')
	const watched = next(ann.socket, 'game:spectator-joined')
	assert.equal((await cat.join(gameId)).gameState.isPlayer, false)
	assert.deepEqual(await watched, [{ userId: 'cat', username: 'Cat' }])
	assert.deepEqual(await cat.move(0), no('You do not play here'))
	await ann.move(0)
	await until('the watcher sees it', () => cat.board?.[0] === 'X')

	const away = next(ann.socket, 'game:player-away')
	bob.socket.disconnect()
	assert.deepEqual(await away, [{ gameId, userId: 'bob' }])
})
