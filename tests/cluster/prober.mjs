/*
 * prober.mjs - prober.c at work: connections opened all the time, and a judgement of those that went wrong.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import readline from 'node:readline'
import { token, tool } from './host.mjs'

export class Prober {
	constructor(port, rate) {
		this.faults = []
		this.slow = []
		this.stalls = []
		this.process = spawn(tool('prober'), [String(port), token('probe'), String(rate)], { stdio: ['pipe', 'pipe', 'inherit'] })
		this.ended = once(this.process, 'close')
		readline.createInterface({ input: this.process.stdout }).on('line', (line) => this.#hear(line))
	}

	#hear(line) {
		const w = line.split(' ')
		if (w[0] === 'fault') this.faults.push({ kind: w[1], phase: w[2], start_ns: Number(w[3]), end_ns: Number(w[4]) })
		else if (w[0] === 'sum') this.sum = JSON.parse(line.slice(4))
		else this[w[0] === 'slow' ? 'slow' : 'stalls'].push({ start_ns: Number(w[1]), end_ns: Number(w[2]) })
	}

	/* Figures of the whole run. */
	async end() {
		this.process.stdin.end()
		const [code] = await this.ended
		if (code !== 0 || !this.sum) throw new Error(`the prober ended with ${code}`)
		return this.sum
	}

	/* How long the machine itself kept others waiting meanwhile: the longest echo that overlaps, in ns. */
	stalled(start_ns, end_ns) {
		return this.stalls.reduce((n, s) => (s.start_ns < end_ns && s.end_ns > start_ns ? Math.max(n, s.end_ns - s.start_ns) : n), 0)
	}
}

/*
 * An attempt may be cut when the process that had accepted it died, so it must have begun before that process had
 * ended and not be over before it was killed.  DEATHS: {at_ns, gone_ns}.
 */
export function excused(fault, deaths) {
	return deaths.some((d) => fault.start_ns < d.gone_ns && fault.end_ns >= d.at_ns)
}
