/*
 * view.mjs - what the API says is connected, beside what is.
 *
 * Every client knows its sid, its user and its rooms.  The prober's connections come and go: as long as it runs they
 * are left out, by their user.
 */
import { Api } from './api.mjs'
import { now_ns, sleep } from './host.mjs'

const PROBE = 'probe'

/* The truth as text, one line for each socket, room and user; null while somebody is still on the way. */
export function truth(fleet) {
	const lines = []
	const rooms = new Map()
	for (const m of fleet.members) {
		if (m.over) continue
		if (!m.joined) return null
		const mine = [...m.rooms, `user:${m.name}`].sort()
		lines.push(`socket ${m.session.sid} of ${m.name} in ${mine}`)
		for (const r of mine) {
			if (!rooms.has(r)) rooms.set(r, { sockets: 0, users: new Set() })
			rooms.get(r).sockets++
			rooms.get(r).users.add(m.name)
		}
	}
	for (const [r, x] of rooms) lines.push(`room ${r} sockets ${x.sockets} users ${x.users.size}`)
	return lines.sort()
}

export async function told(api) {
	const sockets = await api.list('/v1/sockets')
	const rooms = await api.list('/v1/rooms')
	return [
		...sockets.filter((s) => s.user?.id !== PROBE).map((s) => `socket ${s.id} of ${s.user?.id} in ${[...s.rooms].sort()}`),
		...rooms.filter((r) => r.name !== `user:${PROBE}`).map((r) => `room ${r.name} sockets ${r.sockets} users ${r.users}`)
	].sort()
}

/* What is in one and not in the other, in words; empty when they agree. */
export function differences(truth, told) {
	const t = new Set(truth), o = new Set(told)
	return [...truth.filter((x) => !o.has(x)).map((x) => `the API does not know: ${x}`),
		...told.filter((x) => !t.has(x)).map((x) => `the API invents: ${x}`)]
}

/* Users one by one: online, with exactly these sockets. */
export async function wrong_users(api, fleet) {
	const wrong = []
	for (const m of fleet.members) {
		const u = await api.get(`/v1/users/${m.name}`)
		if (!u.online || u.sockets.length !== 1 || u.sockets[0] !== m.session.sid) wrong.push(JSON.stringify(u))
	}
	return wrong
}

/* How late this process is, with all the clients that live in it: it has a CPU only when the machine gives it one. */
export class Pulse {
	constructor() {
		this.late = []
		this.over = false
		this.#run()
	}

	async #run() {
		while (!this.over) {
			const start_ns = now_ns()
			await sleep(15)
			const at_ns = now_ns()
			if (at_ns - start_ns > 17e6) this.late.push({ at_ns, late_ns: at_ns - start_ns - 15e6 })
		}
	}

	/* For how long it did not come to it meanwhile, in ns: what its pauses took beyond their time. */
	held(start_ns, end_ns) {
		return this.late.reduce((n, x) => (x.at_ns > start_ns && x.at_ns - x.late_ns < end_ns ? n + x.late_ns : n), 0)
	}
}

/* Compares all the time, until end(): when did the two agree? */
export class Watch {
	constructor(host, fleet) {
		Object.assign(this, { fleet, api: new Api(host.admin_port), over: false, agreed: [], pulse: new Pulse(), asked: 0, last: [] })
		this.ended = this.#run()
	}

	async #run() {
		while (!this.over) {
			const at_ns = now_ns()
			const before = truth(this.fleet)
			if (before !== null) {
				const seen = await told(this.api)
				const after = truth(this.fleet)
				this.asked++
				/* Who came or went meanwhile makes the answer worthless. */
				if (after !== null && before.join() === after.join()) {
					this.last = differences(after, seen)
					if (this.last.length === 0) this.agreed.push({ asked_ns: at_ns, at_ns: now_ns() })
				}
			}
			await sleep(15)
		}
	}

	/* Resolves at the first agreement that was asked for after GONE_NS, or after a while. */
	async agreement(gone_ns, patience_ms = 5000) {
		const end_ns = now_ns() + patience_ms * 1e6
		while (!this.agreed.some((x) => x.asked_ns >= gone_ns) && now_ns() < end_ns) await sleep(5)
	}

	/* From AT_NS to the first agreement that was asked for after GONE_NS: ns, or null. */
	since(at_ns, gone_ns) {
		const a = this.agreed.find((x) => x.asked_ns >= gone_ns)
		return a ? a.at_ns - at_ns : null
	}

	async end() {
		this.over = this.pulse.over = true
		await this.ended
		this.api.close()
	}
}
