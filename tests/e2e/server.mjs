/*
 * server.mjs - one forkcast instance under test: its conf in a directory of its own, its processes, its remains.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { binary, budget, no_reports, sanitizer } from './sanitizer.mjs'

export { binary, budget, sleep }

export const KEY = 'e2e-admin-key-0123456789abcdef01'
export const SECRET = '0123456789abcdef0123456789abcdef'
let count = 0

/* Polls FN until it gives something true; fails loudly with WHAT otherwise. */
export async function until(what, fn, timeout_ms = 10000) {
	const end = Date.now() + budget(timeout_ms)
	for (;;) {
		const value = await fn()
		if (value) return value
		if (Date.now() > end) throw new Error(`not within ${budget(timeout_ms)} ms: ${what}`)
		await sleep(20)
	}
}

export function alive(pid) {
	try {
		/* A zombie has ended: only its parent does not know yet. */
		return !/^State:\tZ/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
	} catch {
		return false
	}
}

export function title(pid) {
	return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]
}

function title_or_none(pid) {
	try {
		return title(pid)
	} catch {
		return ''
	}
}

/* For `after` hooks: a process that was stopped goes on, if it is still there. */
export function resume(pid) {
	try {
		process.kill(pid, 'SIGCONT')
	} catch {
		/* it has ended, as it should */
	}
}

export class Server {
	/*
	 * OPTIONS: conf (lines in front), workers, name, dir, listen, admin, auth, shm (lines), wrap (command in front), args,
	 * env.
	 */
	constructor(options = {}) {
		this.options = options
		this.dir = options.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-e2e-'))
		fs.chmodSync(this.dir, 0o711) /* for processes that have another user */
		this.name = options.name ?? `e2e${process.pid}x${count++}`
		this.runtime = path.join(this.dir, 'run')
		this.conf = path.join(this.dir, `${this.name}.conf`)
		this.log = ''
		this.out = ''
		this.write_conf()
	}

	write_conf() {
		const o = this.options
		const own = /data_dir/.test(o.conf ?? '') || o.args?.includes('--dev')
		const data = own ? '' : `  data_dir = "${path.join(this.dir, 'data')}"`
		fs.writeFileSync(
			this.conf,
			[
				`name = "${this.name}"`,
				`workers = ${o.workers ?? 3}`,
				/* in one line: tests count them */
				`runtime_dir = "${o.runtime ?? this.runtime}"${data}`,
				o.conf ?? '',
				o.listen ?? 'listen "127.0.0.1:0" { }',
				o.admin ?? `admin "127.0.0.1:0" { key = "${KEY}" }`,
				o.auth ?? `auth { jwt "k" { algorithm = HS256  secret = "${SECRET}" } }`,
				o.shm ?? 'shm { sessions = 1000  ring_size = 1M  store_size = 16M }',
				''
			].join('\n')
		)
	}

	launch() {
		const wrap = this.options.wrap ?? []
		const argv = [...wrap, binary, '-c', this.conf, '--print-ports', ...(this.options.args ?? [])]
		this.log = this.out = ''
		this.process = spawn(argv[0], argv.slice(1), {
			env: { ...process.env, ...this.options.env },
			stdio: ['ignore', 'pipe', 'pipe']
		})
		this.process.stdout.on('data', (d) => (this.out += d))
		this.gone = once(this.process, 'exit').catch(() => {}) /* its children may still hold the pipes */
		this.process.stderr.on('data', (d) => (this.log += d))
		this.ended = once(this.process, 'close').then(
			([code, signal]) => ({ code, signal }),
			(error) => ({ error: error.message })
		)
		return this
	}

	/* Resolves when every process is LIVE. */
	async start() {
		this.launch()
		const over = this.ended.then((e) => {
			throw new Error(`ended with ${JSON.stringify(e)} before it was ready:\n${this.log}`)
		})
		over.catch(() => {})
		await Promise.race([over, until('the ports line', () => /^ports:.*\n/m.test(this.out), 20000)])
		this.ports = this.out.match(/^ports:(.*)$/m)[1].trim().split(' ').map((p) => p.split('=')[1])
		return this
	}

	get pid() {
		return this.process.pid
	}

	/* The first listener's port, and the admin listener's. */
	get port() {
		return Number(this.ports[0])
	}

	get admin_port() {
		return Number(this.ports.at(-1))
	}

	run(...args) {
		const r = spawnSync(binary, args, { encoding: 'utf8', timeout: 30000 })
		return { status: r.status, out: r.stdout, err: r.stderr }
	}

	status() {
		const r = this.run('status', '-c', this.conf, '--json')
		if (r.status !== 0) throw new Error(`status: ${r.err}`)
		return JSON.parse(r.out)
	}

	/* Waits for RE in the log, TIMES over: what a process wrote may not have been read yet. */
	logged(re, times = 1) {
		return until(`${re} in the log`, () => (this.log.match(new RegExp(re, 'g')) ?? []).length >= times)
	}

	worker(index) {
		return this.status().processes.find((p) => p.role === 'worker' && p.index === index)
	}

	keeper() {
		return this.status().processes.find((p) => p.role === 'keeper')
	}

	/* Waits for all processes to be live, and FN(status) to hold. */
	settled(what, fn = () => true, timeout_ms = 10000) {
		return until(what, () => {
			let s
			try {
				s = this.status()
			} catch {
				return false /* between two instances there is nobody to ask */
			}
			return s.phase === 'up' && s.processes.every((p) => p.state === 'live') && fn(s) && s
		}, timeout_ms)
	}

	/* Milliseconds until the public port answers a request with anything at all. */
	answers(timeout_ms = 5000) {
		const started = process.hrtime.bigint()
		return new Promise((resolve, reject) => {
			const s = net.connect(Number(this.ports[0]), '127.0.0.1')
			s.setTimeout(timeout_ms, () => s.destroy(new Error(`no answer within ${timeout_ms} ms`)))
			s.on('error', reject)
			s.on('connect', () => s.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))
			s.once('data', () => {
				resolve(Number(process.hrtime.bigint() - started) / 1e6)
				s.destroy()
			})
			s.once('end', () => reject(new Error('closed without an answer')))
		})
	}

	/* Every process of this name, whoever its parent is. */
	pids() {
		return fs.readdirSync('/proc').filter((f) => /^\d+$/.test(f) && title_or_none(f).endsWith(` [${this.name}]`)).map(Number).filter(alive)
	}

	/* What the instance has in /dev/shm and in its runtime_dir. */
	remains() {
		const shm = fs.readdirSync('/dev/shm').filter((f) => f.startsWith(`forkcast-${this.name}-`))
		const run = fs.existsSync(this.runtime) ? fs.readdirSync(this.runtime).filter((f) => f.startsWith(this.name)) : []
		return [...shm, ...run]
	}

	async stop(signal = 'SIGTERM') {
		if (this.process && this.process.exitCode === null && this.process.signalCode === null) this.process.kill(signal)
		return this.ended
	}

	/* Lets all processes end by themselves, also those that a test had stopped; for a while. */
	async #ends() {
		if (!this.process?.kill()) return
		this.pids().forEach(resume)
		await Promise.race([this.ended, sleep(budget(5000), null, { ref: false })])
	}

	/*
	 * For `after` hooks: nothing stays, whatever the test did.  Under a sanitizer the processes may end by themselves
	 * first, which is when it looks for leaks; what it has to say fails the test.
	 */
	async destroy() {
		if (sanitizer) await this.#ends()
		if (this.process) this.process.kill('SIGKILL')
		for (const pid of this.pids()) {
			try {
				process.kill(pid, 'SIGKILL')
			} catch {
				/* it ended meanwhile */
			}
		}
		await until('the processes to end', () => this.pids().length === 0)
		for (const f of this.remains()) fs.rmSync(path.join('/dev/shm', f), { force: true })
		fs.rmSync(this.dir, { recursive: true, force: true })
		no_reports()
	}
}

/* A started server; whoever asks for it destroys it. */
export async function started(options) {
	const s = new Server(options)
	try {
		return await s.start()
	} catch (error) {
		await s.destroy()
		throw error
	}
}

/* A started server that ends with the test T. */
export async function server(t, options) {
	const s = new Server(options)
	t.after(() => s.destroy())
	await s.start()
	return s
}
