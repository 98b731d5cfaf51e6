/*
 * target.mjs - the server that is judged: forkcast with four workers, or, with WIRE_TARGET=reference, Socket.IO's own.
 * Both serve what conf/profiles/conformance.conf says, so that a test is known to be right before forkcast meets it.
 */
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { api } from '../e2e/clients.mjs'
import { KEY, Server } from '../e2e/server.mjs'
import { reference } from './reference.mjs'

export const TARGET = process.env.WIRE_TARGET ?? 'forkcast'
const PROFILE = path.resolve('conf/profiles/conformance.conf')

/* The engine block of the profile. */
const STATED = {
	ping_interval: 300,
	ping_timeout: 200,
	connect_timeout: 1000,
	max_payload: 1000000,
	transports: ['polling', 'websocket']
}

/* For tests that are not about time. */
export const PATIENT = { ping_interval: 25000, ping_timeout: 20000, connect_timeout: 45000 }

function written(value) {
	if (Array.isArray(value)) return `{${value.map((v) => JSON.stringify(v)).join(', ')}}`
	return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)
}

/* A key of the engine block as the conf has it; times are in ms. */
function engine_line([key, value]) {
	if (key === 'cookie') return '    cookie { }'
	return `    ${key} = ${written(value)}${/interval|timeout/.test(key) ? 'ms' : ''}`
}

class Forkcast extends Server {
	/* The profile with ENGINE in place of its engine block, and MORE behind it. */
	write_conf() {
		const { engine, more = '', workers = 4 } = this.options
		const text = fs.readFileSync(PROFILE, 'utf8')
			.replace(/^engine \{.*?^\}/ms, `engine {\n    path = "/socket.io/"\n${Object.entries(engine).map(engine_line).join('\n')}\n}`)
			.replace('${PORT:-3000}', '0')
			.replace(/^workers.*$/m, `workers = ${workers}`)
		fs.writeFileSync(this.conf, [
			`name = "${this.name}"`,
			`runtime_dir = "${this.runtime}"`,
			`admin "127.0.0.1:0" { key = "${KEY}" }`,
			'shm { sessions = 1000  ring_size = 16M  store_size = 16M }',
			text,
			more
		].join('\n'))
	}

	stop() {
		return this.destroy()
	}

	/* What reference.mjs asks its application for, asked of the API. */
	async ask(what, id, ...args) {
		const to = `socket:${id}`
		const call = async (path, body) => {
			const r = await api(this, 'POST', `/v1/${path}`, body)
			if (r.status >= 300) throw new Error(`${path}: ${r.status} ${r.text}`)
			return r.json
		}
		if (what === 'disconnect') return call('sockets/disconnect', { in: [to], close: args[0] })
		if (what === 'emit') return call('emit', { to, event: args[0], args: args.slice(1) })
		const r = await call('emit', { to, timeout: args[0], event: args[1], args: args.slice(2) })
		return r.answers
	}
}

/*
 * A running target: {kind, port, ask(), stop()}; forkcast's are the server of tests/e2e and have all of its calls.  ENGINE
 * replaces keys of the profile's engine block.  OPTIONS: more (lines of conf), workers, parser (the reference's).
 */
export async function started(engine = {}, { more, workers, parser } = {}, kind = TARGET) {
	const all = { ...STATED, ...engine }
	if (kind === 'reference') return { kind, ...(await reference(all, { parser })) }
	const s = new Forkcast({ engine: all, more, workers })
	s.kind = kind
	try {
		return await s.start()
	} catch (error) {
		await s.destroy()
		throw error
	}
}

/* The same for one test only. */
export async function target(t, ...args) {
	const s = await started(...args)
	t.after(() => s.stop())
	return s
}

/* A test of what the reference does not have, or does otherwise on purpose: WHY is shown there. */
export function ours(why, name, ...rest) {
	if (TARGET === 'reference') test(name, { skip: why }, () => {})
	else test(name, ...rest)
}
