/*
 * python.mjs - members on python-socketio, all in one child: members.py, and the lines between it and us.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import readline from 'node:readline'
import { fileURLToPath } from 'node:url'

const PYTHON = process.env.PYTHON ?? '/usr/bin/python3'

export class Python {
	constructor() {
		this.lines = new Map() /* number of a connection -> what it wants to hear */
		this.next = 0
		this.process = spawn(PYTHON, [fileURLToPath(new URL('members.py', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] })
		this.ended = once(this.process, 'exit')
		this.process.stdin.on('error', () => {})
		readline.createInterface({ input: this.process.stdout }).on('line', (text) => this.#hear(JSON.parse(text)))
	}

	#say(words) {
		this.process.stdin.write(`${JSON.stringify(words)}\n`)
	}

	#hear(m) {
		const line = this.lines.get(m.line)
		if (m.connected !== undefined) line.on.connected(m.connected)
		if (m.got !== undefined) for (const [from, seq] of m.got) line.on.got(from, seq)
		if (m.ack !== undefined) {
			const ack = line.acks.get(m.ack)
			line.acks.delete(m.ack)
			ack(...m.args)
		}
		if (m.gone !== undefined) {
			this.lines.delete(m.line)
			line.on.gone(m.gone)
		}
	}

	open(port, token, on) {
		const number = this.next++
		const acks = new Map()
		let asked = 0
		this.lines.set(number, { on, acks })
		this.#say({ do: 'open', line: number, url: `http://127.0.0.1:${port}`, token })
		return {
			emit: (event, payload, ack) => {
				if (ack) acks.set(asked, ack)
				this.#say({ do: 'emit', line: number, event, payload, ack: ack ? asked++ : null })
			},
			close: () => this.#say({ do: 'close', line: number })
		}
	}

	async end() {
		this.process.stdin.end()
		await this.ended
	}
}
