/* game_requests.mjs - the backend itself: whose requests it takes, and that it does none twice. */
import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { empty, result, turn } from './board.mjs'
import { HOOK_SECRET, Player, game_server } from './player.mjs'

function hook(s, body, { secret = HOOK_SECRET, time = Math.floor(Date.now() / 1000), id = randomUUID(), sign = true, send = JSON.stringify(body) } = {}) {
	const mac = createHmac('sha256', secret).update(`${time}.${JSON.stringify(body)}`).digest('hex')
	const headers = { 'content-type': 'application/json', 'forkcast-timestamp': String(time), 'forkcast-id': id }
	if (sign) headers['forkcast-signature'] = `v1=${mac}`
	return fetch(`${s.backend_url}/hook`, { method: 'POST', headers, body: send })
}

test('only what forkcast signed, now, is done; the same id once', async (t) => {
	const s = await game_server(t)
	const [ann, bob] = await Promise.all([Player.connect(t, s, 'ann'), Player.connect(t, s, 'bob')])
	const first = await ann.look()
	await bob.look()
	const { status: { gameId } } = await ann.call('matchmaking:subscribe', { matchRequestId: first.id })
	const body = (user, move) => ({ event: 'game:move', user: { id: user }, args: [{ gameId, move }] })
	const now = Math.floor(Date.now() / 1000)

	assert.equal((await hook(s, body('ann', 0), { sign: false })).status, 401)
	assert.equal((await hook(s, body('ann', 0), { secret: 'another' })).status, 401)
	assert.equal((await hook(s, body('ann', 0), { time: now - 301 })).status, 401)
	assert.equal((await hook(s, body('ann', 0), { time: now + 310 })).status, 401)
	assert.equal((await hook(s, body('ann', 0), { time: 'soon' })).status, 401)
	assert.equal((await hook(s, body('ann', 0), { send: JSON.stringify(body('ann', 1)) })).status, 401)
	assert.equal((await hook(s, { event: 'constructor' })).status, 404)
	assert.equal((await fetch(`${s.backend_url}/hook`)).status, 405)
	assert.equal((await fetch(`${s.backend_url}/api/matchmaking`, { method: 'POST', headers: { authorization: 'Bearer a.b.c' } })).status, 401)

	const id = randomUUID()
	const once = await (await hook(s, body('ann', 0), { id })).json()
	assert.equal(once[0].data.count, 1)
	assert.deepEqual(await (await hook(s, body('ann', 0), { id })).json(), once, 'sent again: the same reply, and no second move')
	await s.kill_backend()
	await s.start_backend()
	assert.deepEqual(await (await hook(s, body('ann', 0), { id })).json(), once, 'nor after a restart')
	assert.deepEqual(await (await hook(s, body('ann', 0))).json(), [{ error: { message: 'It is not your turn', code: 'not_your_turn' } }])
	assert.equal((await ann.join(gameId)).gameState.count, 1)
})

test('the rules of the board', () => {
	const board = (text) => [...text].map((c) => (c === '.' ? null : c))
	assert.deepEqual(result(empty()), { over: false, winner: null, line: null })
	assert.equal(turn(empty()), 'X')
	assert.equal(turn(board('X........')), 'O')
	assert.deepEqual(result(board('XXXOO....')), { over: true, winner: 'X', line: [0, 1, 2] })
	assert.deepEqual(result(board('OX.XO.X.O')), { over: true, winner: 'O', line: [0, 4, 8] })
	assert.deepEqual(result(board('..OXOXOX.')), { over: true, winner: 'O', line: [2, 4, 6] })
	assert.deepEqual(result(board('XOXXOOOXX')), { over: true, winner: null, line: null })
})
