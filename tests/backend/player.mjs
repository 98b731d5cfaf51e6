/* player.mjs - a client of game.conf: it keeps the board as it was told, and comes back by itself when its connection breaks. */
import { fileURLToPath } from 'node:url'
import { dial, next, token, worker_of } from '../e2e/clients.mjs'
import { Served } from '../e2e/served.mjs'

export const JWT_SECRET = 'a-secret-of-the-tests-0123456789ab'
export const HOOK_SECRET = 'a-hook-secret-of-the-tests'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
export const user_token = (user) => token({ sub: user }, { secret: JWT_SECRET })

/* game.conf and main.mjs, running; they end with the test T. */
export async function game_server(t) {
	const s = new Served({ file: here('game.conf'), backend: here('main.mjs'), env: { JWT_SECRET, HOOK_SECRET } })
	t.after(() => s.destroy())
	await s.start()
	return s
}

export class Player {
	constructor(t, s, user, options = {}) {
		this.s = s
		this.user = user
		this.heard = []
		this.board = null
		this.socket = dial(t, s, { token: user_token(user), reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100, ...options })
		this.socket.onAny((event, data) => this.#hear(event, data))
		this.socket.on('connect', () => this.gameId && this.join(this.gameId).catch(() => {}))
	}

	static async connect(t, s, user, options) {
		const player = new Player(t, s, user, options)
		await next(player.socket, 'welcome')
		return player
	}

	/* One on worker INDEX: which one accepts is the kernel's choice. */
	static async on_worker(t, s, user, index) {
		for (;;) {
			const player = await Player.connect(t, s, user)
			if ((await worker_of(s, player.socket)) === index) return player
			player.socket.disconnect()
		}
	}

	#hear(event, data) {
		this.heard.push([event, data])
		if (data?.gameState) this.board = data.gameState.board
	}

	/* What was said by EVENT, all of it. */
	of(event) {
		return this.heard.filter(([name]) => name === event).map(([, data]) => data)
	}

	/* Looks for a game at the backend itself, as a page would: the id of the request. */
	async look() {
		const response = await fetch(`${this.s.backend_url}/api/matchmaking`, { method: 'POST', headers: { authorization: `Bearer ${user_token(this.user)}` } })
		return { status: response.status, id: response.ok ? (await response.json()).matchRequestId : null }
	}

	call(event, body) {
		return this.socket.timeout(5000).emitWithAck(event, body)
	}

	async join(gameId) {
		const answer = await this.call('game:join', { gameId })
		if (answer.success) {
			this.gameId = gameId
			this.board = answer.gameState.board
		}
		return answer
	}

	move(move) {
		return this.call('game:move', { gameId: this.gameId, move })
	}
}
