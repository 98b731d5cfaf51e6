/*
 * game.mjs - what the hooks of game.conf decide: who a user is, which rooms are whose, whether a move is one.
 *
 * A handler takes the body of a hook's request and gives the list of verbs that is its reply.  It changes the store and
 * nothing else; what is to be published goes through `publish`, when the reply is on its way.
 */
import { randomUUID } from 'node:crypto'
import { empty, result, turn } from './board.mjs'

const USERS = {
	ann: { name: 'Ann', role: 'player', rating: 1510 },
	bob: { name: 'Bob', role: 'player', rating: 1490 },
	cat: { name: 'Cat', role: 'watcher', rating: 0 }
}

/* Names of events that are hooks here. */
export const HOOKS = new Set(['connecting', 'subscribe', 'matchmaking:subscribe', 'game:join', 'game:move', 'offline'])

const refuse = (message, code = 'forbidden') => [{ error: { message, code } }]

export class Game {
	/* PUBLISH(type, data, vars, id): an event for a `route` of the conf. */
	constructor(store, publish) {
		this.store = store
		this.publish = publish
	}

	get games() {
		return this.store.data.games
	}

	get requests() {
		return this.store.data.requests
	}

	/* A user looks for a game: {matchRequestId}.  The second of two gets one, and both are told. */
	look(user) {
		if (USERS[user]?.role !== 'player') return null
		const matchRequestId = randomUUID()
		this.requests[matchRequestId] = { user, game: null }
		const other = Object.entries(this.requests).find(([, r]) => r.game === null && r.user !== user)
		if (other) this.#match(other[0], matchRequestId)
		this.store.save()
		return { matchRequestId }
	}

	#match(...ids) {
		const gameId = randomUUID()
		const [X, O] = ids.map((id) => this.requests[id].user)
		this.games[gameId] = { players: { X, O }, board: empty(), moves: [] }
		for (const id of ids) {
			this.requests[id].game = gameId
			this.publish('matchmaking:matched', { gameId, players: { X, O } }, { request: id }, `matched:${id}`)
		}
	}

	#state(game) {
		const { board, players, moves } = game
		return { board, players, turn: turn(board), count: moves.length, ...result(board) }
	}

	/* --- hooks by the name of their event ------------------------------------------------------------------------- */

	connecting({ user }) {
		const known = USERS[user?.id]
		if (!known) return refuse('Unknown user')
		return [{ user: { name: known.name, role: known.role, data: { rating: known.rating }, rooms: ['lobby:noughts'] } }]
	}

	/* `room { join = hook }`: chat:GAME is the players', match:REQUEST is whose request it is. */
	subscribe({ user, room }) {
		const id = room.slice(room.indexOf(':') + 1)
		if (room.startsWith('match:') && this.requests[id]?.user === user.id) return []
		if (room.startsWith('chat:') && this.games[id] && Object.values(this.games[id].players).includes(user.id)) return []
		return refuse('This room is not yours')
	}

	'matchmaking:subscribe'({ user, args: [{ matchRequestId }] }) {
		const request = this.requests[matchRequestId]
		if (request?.user !== user.id) return refuse('There is no such request', 'not_found')
		return [{ data: request.game ? { status: 'matched', gameId: request.game } : { status: 'searching' } }]
	}

	'game:join'({ user, args: [{ gameId }] }) {
		const game = this.games[gameId]
		if (!game) return refuse('Cannot join this game', 'not_found')
		return [{ data: { ...this.#state(game), isPlayer: Object.values(game.players).includes(user.id) } }]
	}

	'game:move'({ user, args: [{ gameId, move }] }) {
		const game = this.games[gameId]
		if (!game) return refuse('There is no such game', 'not_found')
		const mark = Object.keys(game.players).find((m) => game.players[m] === user.id)
		if (!mark) return refuse('You do not play here')
		if (result(game.board).over) return refuse('The game is over', 'game_over')
		if (turn(game.board) !== mark) return refuse('It is not your turn', 'not_your_turn')
		if (game.board[move] !== null) return refuse('This field is taken', 'taken')
		game.board[move] = mark
		game.moves.push({ mark, move })
		return [{ data: { ...this.#state(game), mark } }]
	}

	/* Told only: whoever plays against this user hears of it. */
	offline({ user }) {
		for (const [gameId, game] of Object.entries(this.games)) {
			if (!result(game.board).over && Object.values(game.players).includes(user.id)) this.publish('game:player-away', { gameId, userId: user.id })
		}
		return []
	}
}
