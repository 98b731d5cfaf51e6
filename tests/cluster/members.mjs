/*
 * members.mjs - clients that keep an exact account of what reached them, and come back when their connection ends.
 *
 * A member is the person, a session one of its connections (ledger.mjs).  The connection is made by socket.io-client
 * in this process or by python-socketio in a child (python.mjs); both offer the same few calls:
 *
 *	open(port, token, on)	on.connected(sid), on.got(from, seq), on.gone(why); gone also when it never connected
 *	line.emit(event, payload, ack)		line.close()
 */
import { io } from 'socket.io-client'
import { now_ns, sleep, token, until } from './host.mjs'

const CONNECT_MS = 5000

/* socket.io-client as it comes, but that it leaves coming back to us: each try is counted. */
export const node = {
	open(port, jwt, on) {
		const socket = io(`http://127.0.0.1:${port}`, {
			transports: ['websocket'], reconnection: false, forceNew: true, timeout: CONNECT_MS, auth: { token: jwt }
		})
		let over = false
		const gone = (why) => {
			if (over) return
			over = true
			socket.close()
			on.gone(why)
		}
		socket.on('connect', () => on.connected(socket.id))
		socket.on('post', (m) => on.got(m.from, m.seq))
		socket.on('connect_error', (error) => gone(error.message))
		socket.on('disconnect', (why) => gone(why))
		return {
			emit: (event, payload, ack) => (ack ? socket.emit(event, payload, ack) : socket.emit(event, payload)),
			close: () => socket.close()
		}
	}
}

export class Member {
	/* ROOMS are the numbers of its chat rooms, or whole names. */
	constructor(fleet, kind, name, rooms) {
		Object.assign(this, { fleet, kind, name, session: null, line: null, over: false, tries: 0, failed: [] })
		this.rooms = rooms.map((r) => (String(r).includes(':') ? String(r) : `chat:${r}`))
		this.jwt = token(name)
	}

	get joined() {
		return this.session !== null && this.session.joined_ns !== null
	}

	connect() {
		const started_ns = now_ns()
		let session = null
		this.tries++
		const line = this.kind.open(this.fleet.host.port, this.jwt, {
			connected: (sid) => {
				session = this.session = this.fleet.ledger.open(this.name, sid, this.rooms)
				this.#join(session, line)
			},
			got: (from, seq) => {
				this.fleet.ledger.got(session, from, seq)
				this.fleet.on_got?.(this, from, seq)
			},
			gone: (why) => {
				const at_ns = now_ns()
				if (session === null) this.failed.push({ start_ns: started_ns, end_ns: at_ns, why })
				else session.ended_ns = at_ns
				if (this.session === session) this.session = null
				this.fleet.ended(this, session, why)
				if (!this.over) setTimeout(() => this.over || this.connect(), 5 + Math.random() * 15)
			}
		})
		this.line = line
	}

	#join(session, line) {
		let left = this.rooms.length
		const joined = () => {
			session.joined_ns = now_ns()
			session.before = session.got.length
			this.fleet.woke(this)
		}
		if (left === 0) joined()
		for (const name of this.rooms) {
			const [room, id] = name.split(':')
			line.emit('subscribe', { room, id }, (r) => {
				if (!r.success) throw new Error(`${this.name} may not join ${name}: ${JSON.stringify(r)}`)
				if (--left === 0) joined()
			})
		}
	}

	/* The slot in which the connection was made: a sid's first byte. */
	get slot() {
		return Buffer.from(this.session.sid, 'base64url')[0]
	}

	/* Ends this connection; the member comes back on another. */
	drop() {
		this.line.close()
	}

	leave() {
		this.over = true
		this.line.close()
	}
}

export class Fleet {
	/* ON_GOT(member, from, seq) hears of every message, ON_END(member, session, why) of every end. */
	constructor(host, ledger) {
		Object.assign(this, { host, ledger, members: [], waiting: new Map(), on_end: [], on_got: null })
	}

	add(kind, name, rooms) {
		const m = new Member(this, kind, name, rooms)
		this.members.push(m)
		return m
	}

	/* Everybody connects, FEW at a time, and joins. */
	async connect(few = 10) {
		for (let i = 0; i < this.members.length; i += few) {
			const batch = this.members.slice(i, i + few)
			batch.forEach((m) => m.connect())
			await Promise.all(batch.map((m) => this.joined(m)))
		}
	}

	/* WHO come again and again until ENOUGH() is content: the kernel throws the dice for a worker. */
	async shuffle(who, enough) {
		for (let tries = 0; !enough(); tries++) {
			if (tries === 500) throw new Error('the connections do not spread as they should')
			const m = who[Math.floor(Math.random() * who.length)]
			const before = m.session
			m.drop()
			await until('a client to be back', () => m.joined && m.session !== before)
		}
	}

	/*
	 * Resolves when the member is in all its rooms, and still is: an end may be told in the same chunk as the last
	 * answer, before whoever waits for it goes on.
	 */
	async joined(member) {
		while (!member.joined) {
			await new Promise((resolve) => {
				if (!this.waiting.has(member)) this.waiting.set(member, [])
				this.waiting.get(member).push(resolve)
			})
		}
	}

	woke(member) {
		const list = this.waiting.get(member) ?? []
		this.waiting.delete(member)
		list.forEach((resolve) => resolve())
	}

	ended(member, session, why) {
		for (const fn of this.on_end) fn(member, session, why)
	}

	/* Connections that were asked of the public port. */
	get tries() {
		return this.members.reduce((n, m) => n + m.tries, 0)
	}

	/* Waits until all have joined and nothing more arrives. */
	async quiet(timeout_ms = 60000) {
		await until('everybody to be back', () => this.members.every((m) => m.over || m.joined), timeout_ms)
		for (let before = -1, same = 0; same < 3; ) {
			await sleep(200)
			same = before === this.ledger.arrived && this.ledger.count('out') === 0 ? same + 1 : 0
			before = this.ledger.arrived
			if ((timeout_ms -= 200) < 0) throw new Error(`it never became quiet: ${this.ledger.count('out')} unanswered`)
		}
	}

	leave() {
		this.members.forEach((m) => m.leave())
	}
}
