/*
 * ledger.mjs - who sent what, who got what, and whether the two agree.
 *
 * A message is (sender, number); numbers of a sender count up from 0 in the order in which it sent.  A session is one
 * connection of a member, from its last join's answer to its end.  What is promised (DESIGN section 3):
 *
 *	acked	every session that was joined before it was sent and has not ended got it, exactly once; a session that
 *		ended got it if it got anything later from the same sender (it saw a prefix, never a gap)
 *	lost	its sender's connection ended before the answer: at most once a member; in the ring or not, so of the
 *		sessions that stayed all got it or none
 *	refused	nobody got it
 *
 * and every session got the numbers of a sender in rising order.
 */

export const EVERYBODY = '*'

export class Ledger {
	constructor() {
		this.sent = new Map() /* sender -> messages by number */
		this.sessions = []
		this.arrived = 0
	}

	/* A message on its way to ROOM (or EVERYBODY), but not to member EXCEPT. */
	send(from, room, at_ns, except = null) {
		let list = this.sent.get(from)
		if (!list) this.sent.set(from, (list = []))
		const m = { from, seq: list.length, room, except, at_ns, state: 'out', answered_ns: 0 }
		list.push(m)
		return m
	}

	answer(m, state, at_ns) {
		if (m.state !== 'out') throw new Error(`${m.from}/${m.seq} was answered twice: ${m.state}, ${state}`)
		m.state = state
		m.answered_ns = at_ns
	}

	/* `got` has sender and number in turn; its first `before` entries came while not all rooms were joined. */
	open(member, sid, rooms) {
		const s = { member, sid, rooms: new Set(rooms), joined_ns: null, ended_ns: null, got: [], before: 0 }
		this.sessions.push(s)
		return s
	}

	got(session, from, seq) {
		session.got.push(from, seq)
		this.arrived++
	}

	count(state) {
		let n = 0
		for (const list of this.sent.values()) for (const m of list) n += m.state === state
		return n
	}

	/* Checks everything.  Figures, and `faults`: what went wrong, in words, at most a few of each kind. */
	verdict() {
		const v = { sent: 0, acked: 0, lost: 0, refused: 0, out: 0, arrived: this.arrived, checked: 0, missed: 0, repeated: 0,
			disordered: 0, stranger: 0, again: 0, partial: 0, undead: 0, faults: [] }
		const fault = (kind, words) => {
			if (v[kind]++ < 5) v.faults.push(`${kind}: ${words}`)
		}
		const members = new Map()
		for (const list of this.sent.values()) {
			for (const m of list) {
				v.sent++
				v[m.state]++
				m.in_live = m.got_live = 0
			}
		}
		for (const s of this.sessions) this.#session(s, v, fault, members)
		for (const [key, sessions] of members) if (sessions > 1) fault('again', `${key} in ${sessions} sessions of its member`)
		for (const list of this.sent.values()) {
			for (const m of list) {
				if (m.state === 'out') v.faults.push(`unanswered: ${m.from}/${m.seq}`)
				if (m.state === 'lost' && m.got_live !== 0 && m.got_live !== m.in_live)
					fault('partial', `${m.from}/${m.seq} reached ${m.got_live} of ${m.in_live}`)
			}
		}
		return v
	}

	#session(s, v, fault, members) {
		const who = `${s.member} (${s.sid})`
		const seen = new Map()
		for (const from of this.sent.keys()) seen.set(from, { numbers: new Set(), last: -1, top: -1 })
		for (let i = 0; i < s.got.length; i += 2) {
			const from = s.got[i], seq = s.got[i + 1]
			const m = this.sent.get(from)?.[seq]
			if (!m || !addressed(m, s)) {
				fault('stranger', `${who} got ${from}/${seq}${m ? ` for ${m.room}` : ', which nobody sent'}`)
				continue
			}
			const x = seen.get(from)
			if (x.numbers.has(seq)) {
				fault('repeated', `${who} got ${from}/${seq} again`)
				continue
			}
			if (seq < x.last) fault('disordered', `${who} got ${from}/${seq} after ${x.last}`)
			if (m.state === 'refused') fault('undead', `${who} got ${from}/${seq}, which was refused`)
			x.numbers.add(seq)
			x.last = seq
			x.top = Math.max(x.top, seq)
			const key = `${s.member} ${from}/${seq}`
			members.set(key, (members.get(key) ?? 0) + 1)
		}
		for (const [from, list] of this.sent) this.#missing(s, who, list, seen.get(from), v, fault)
	}

	#missing(s, who, list, x, v, fault) {
		if (s.joined_ns === null) return
		for (const m of list) {
			if (!addressed(m, s) || m.at_ns <= s.joined_ns) continue
			const got = x.numbers.has(m.seq)
			if (s.ended_ns === null) {
				m.in_live++
				m.got_live += got
			}
			if (m.state !== 'acked' || (s.ended_ns !== null && m.seq > x.top)) continue
			v.checked++
			if (!got) fault('missed', `${who} did not get ${m.from}/${m.seq} for ${m.room}`)
		}
	}
}

function addressed(m, s) {
	return (m.room === EVERYBODY || s.rooms.has(m.room)) && m.except !== s.member
}
