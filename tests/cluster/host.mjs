/*
 * host.mjs - the forkcast under test: its conf, tokens for its clients, its processes, and what it says of itself.
 */
import crypto from 'node:crypto'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { Server, binary, sleep, until } from '../e2e/server.mjs'

export { sleep, until }

export const KEY = 'cluster-admin-key-0123456789abcd'
const SECRET = 'cluster-secret-0123456789abcdef01'

/* The long form is the whole of what is promised; the short one fits into `make check`. */
export const LONG = process.env.CLUSTER_LONG === '1'

/* Programs in C that were built beside the server. */
export function tool(name) {
	return path.resolve(process.env.CLUSTER_TOOLS ?? 'build/release/cluster', name)
}

/* CLOCK_MONOTONIC in ns: the same clock in every process of a test. */
export function now_ns() {
	return Number(process.hrtime.bigint())
}

function base64url(value) {
	return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

export function token(user) {
	const now = Math.floor(Date.now() / 1000)
	const text = `${base64url({ alg: 'HS256', typ: 'JWT', kid: 'k' })}.${base64url({ sub: user, iat: now, exp: now + 3600 })}`
	return `${text}.${crypto.createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

/* What the clients of these tests may send.  `post` goes to a room, its sender included; `tell` leaves the sender out. */
const RULES = `
room "chat"  { join = any }
room "quiet" { join = any }
event "post"  { room = "chat:{room}"  require = any  emit = post }
event "tell"  { room = "chat:{room}"  require = any  emit = post  to = others }
event "shout" { emit = post  to = all }
`

export class Host extends Server {
	/* OPTIONS: workers [4], top (lines), shm (its keys), log (level). */
	write_conf() {
		const o = this.options
		fs.writeFileSync(
			this.conf,
			[
				`name = "${this.name}"`,
				`workers = ${o.workers ?? 4}`,
				`runtime_dir = "${this.runtime}"`,
				o.top ?? '',
				'listen "127.0.0.1:0" { }',
				`admin "127.0.0.1:0" { key = "${KEY}" }`,
				`auth { jwt "k" { algorithm = HS256  secret = "${SECRET}" }  rooms = "user:{@user.id}" }`,
				`shm { store_size = 32M  ${o.shm ?? 'sessions = 2000  ring_size = 4M'} }`,
				`log { level = ${o.log ?? 'info'} }`,
				RULES
			].join('\n')
		)
	}

	get port() {
		return Number(this.ports[0])
	}

	get admin_port() {
		return Number(this.ports[1])
	}

	/* As status(), without holding up the event loop. */
	async look() {
		const r = await promisify(execFile)(binary, ['status', '-c', this.conf, '--json'], { timeout: 30000, maxBuffer: 1 << 24 })
		return JSON.parse(r.stdout)
	}

	/* Kills a process and resolves when it has ended: {pid, at_ns, gone_ns}. */
	async kill(pid) {
		const at_ns = now_ns()
		process.kill(pid, 'SIGKILL')
		while (runs(pid)) await sleep(1)
		return { pid, at_ns, gone_ns: now_ns() }
	}

	/* Sum of a counter over all processes that were ever there. */
	async counted(name) {
		return (await this.look()).processes.reduce((n, p) => n + p.counters[name], 0)
	}
}

/* False once the process holds nothing any more: a zombie has closed everything. */
function runs(pid) {
	try {
		const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
		return !/[ZX]/.test(stat[stat.lastIndexOf(')') + 2])
	} catch {
		return false
	}
}

/* A started host that ends with the test T; what it logged is shown when the test failed. */
export async function host(t, options) {
	const h = new Host(options)
	t.after(async () => {
		if (process.env.CLUSTER_LOG) fs.writeFileSync(process.env.CLUSTER_LOG, h.log)
		await h.destroy()
	})
	await h.start()
	return h
}

/* A value's place in sorted samples: quantile 0..1. */
export function quantile(samples, q) {
	const s = [...samples].sort((a, b) => a - b)
	return s[Math.max(0, Math.ceil(q * s.length) - 1)] ?? 0
}

export function ms(ns) {
	return Math.round(ns / 1e4) / 100
}
