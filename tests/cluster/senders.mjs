/*
 * senders.mjs - members and API connections that publish, so that each message is accounted for.
 */
import { Api } from './api.mjs'
import { EVERYBODY } from './ledger.mjs'
import { now_ns, sleep } from './host.mjs'

/*
 * Runs JOBS in parallel until together QUOTA messages were answered well, or STOP says so.  PLAN(i) names event and
 * room of the i-th message of a sender.
 */
export class Load {
	/* OPTIONS: quota, stop(), gap_ms (between two messages of a sender), window (unanswered at a time), pad (bytes). */
	constructor(ledger, plan, options) {
		Object.assign(this, { ledger, plan, window: 4, gap_ms: 0, pad: 0, quota: Infinity, stop: () => false, ...options })
		this.answered = 0
		this.out = 0
		this.ack_ns = [] /* answer times, with when they were asked: [at, took] */
		this.text = 'x'.repeat(this.pad)
	}

	/* Messages that are out may still be answered: no more than the quota will be. */
	get over() {
		return this.stop() || this.answered + this.out >= this.quota
	}

	get done() {
		return this.stop() || this.answered >= this.quota
	}

	payload(m) {
		const p = { room: m.room === EVERYBODY ? null : m.room.slice(m.room.indexOf(':') + 1), from: m.from, seq: m.seq }
		if (this.pad > 0) p.pad = this.text
		return p
	}

	settle(m, state) {
		const at_ns = now_ns()
		if (m.state !== 'out') return
		this.ledger.answer(m, state, at_ns)
		this.out--
		if (state === 'acked') {
			this.answered++
			this.ack_ns.push([m.at_ns, at_ns - m.at_ns])
		}
	}

	/* A member publishes.  What is unanswered when its connection ends is lost: sent or not, nobody knows. */
	async by_member(fleet, member) {
		const mine = new Set()
		fleet.on_end.push((who) => {
			if (who !== member) return
			for (const m of mine) this.settle(m, 'lost')
			mine.clear()
		})
		for (let i = 0; !this.done; ) {
			await fleet.joined(member)
			if (this.over || mine.size >= this.window) {
				await sleep(1)
				continue
			}
			const { event, room } = this.plan(i++)
			const m = this.ledger.send(member.name, room, now_ns(), event === 'tell' ? member.name : null)
			mine.add(m)
			this.out++
			member.line.emit(event, this.payload(m), (r) => {
				mine.delete(m)
				this.settle(m, r && r.success ? 'acked' : 'refused')
			})
			if (this.gap_ms > 0) await sleep(this.gap_ms * (0.5 + Math.random()))
		}
	}

	/* One API connection publishes as NAME, one request after the other.  CHECK(room, delivered) judges the answer. */
	async by_api(port, name, check) {
		const api = new Api(port)
		for (let i = 0; !this.done; ) {
			if (this.over) {
				await sleep(1)
				continue
			}
			const { room } = this.plan(i++)
			const m = this.ledger.send(name, room, now_ns())
			this.out++
			try {
				const r = await api.ask('POST', '/v1/emit', { to: room === EVERYBODY ? 'all' : room, event: 'post', data: this.payload(m) })
				this.settle(m, r.status === 202 ? 'acked' : 'refused')
				if (r.status === 202) check(room, r.body.delivered)
			} catch {
				this.settle(m, 'lost')
			}
			if (this.gap_ms > 0) await sleep(this.gap_ms * (0.5 + Math.random()))
		}
		api.close()
		return api.made
	}
}
