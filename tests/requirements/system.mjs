/*
 * system.mjs - a profile that is served as its users would serve it, and clients of it, for the tests of what it is for.
 *
 * The files of conf/profiles are copied, with the lines of their keys no longer comments and whatever a test says to
 * edit: a pause that is too long to wait for, for instance.  Everything else is as it is shipped.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test as node_test } from 'node:test'
import { api, connect, connect_each as each_worker, next as next_of, token } from '../e2e/clients.mjs'
import { KEY, SECRET, Server, sleep, until as until_of } from '../e2e/server.mjs'

export { KEY, SECRET, api, assert, connect, sleep, token }

const PROFILES = process.env.PROFILES ?? path.resolve('conf/profiles')
/* Of mutate.mjs: the first test that fails ends everything, and nothing is waited for long. */
const HASTY = process.env.HASTY === '1'
export const WAIT_MS = HASTY ? 3500 : 8000
/* Long enough for what must not come: it would have come before what is waited for, by the order of one sender. */
export const QUIET_MS = 60

export const until = (what, fn, ms = 10000) => until_of(what, fn, HASTY ? 3500 : ms)

const living = new Set()
after(async () => {
	for (const s of living) await s.destroy()
})

/* Begins with the ids of the rows that it covers: "S1-30, S1-31 a player ...". */
export function test(title, fn) {
	node_test(title, async (t) => {
		try {
			await fn(t)
		} catch (error) {
			if (!HASTY) throw error
			for (const s of living) await s.destroy()
			fs.writeSync(1, `RED ${title}: ${String(error.message).split('\n')[0]}\n`)
			process.exit(3)
		}
	})
}

/* "# secret = ..." and "# key = ...", as who installs a profile makes them lines of it. */
const with_keys = (text) => text.replace(/^(\s*)# ((?:secret|key) = "\$\{[A-Z_]+\}")/gm, '$1$2')

/* Copies of the profiles in DIR; EDIT: [from, to] pairs, each of which must be somewhere. */
export function copy_profiles(dir, edit = [], from = PROFILES) {
	const missing = new Set(edit)
	fs.cpSync(from, dir, { recursive: true })
	for (const name of fs.readdirSync(dir, { recursive: true })) {
		const file = path.join(dir, name)
		if (!file.endsWith('.conf')) continue
		let text = with_keys(fs.readFileSync(file, 'utf8'))
		for (const one of edit) {
			if (!text.includes(one[0])) continue
			missing.delete(one)
			text = text.replaceAll(one[0], one[1])
		}
		fs.writeFileSync(file, text)
	}
	/* A block that was taken out on trial took its lines along. */
	if (!HASTY) assert.deepEqual([...missing], [], 'what is to be edited is not there')
}

/* A server of the profile NAME that is up.  OPTIONS: edit, env, args, workers, conf (lines beside it), from. */
export async function serve(name, { edit, env = {}, args, workers = 2, conf = '', from } = {}) {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-req-'))
	copy_profiles(path.join(dir, 'profiles'), edit, from)
	const s = new Server({
		dir,
		workers,
		args,
		conf: `include("profiles/${name}.conf")\n${conf}`,
		listen: '',
		admin: '',
		auth: '',
		env: { PORT: '0', ADMIN_PORT: '0', JWT_SECRET: SECRET, ADMIN_KEY: KEY, HOOK_SECRET: 'hook-secret-of-the-tests', ...env }
	})
	living.add(s)
	const destroy = s.destroy.bind(s)
	s.destroy = async () => {
		living.delete(s)
		await destroy()
	}
	try {
		return await s.start()
	} catch (error) {
		await s.destroy()
		if (!HASTY) throw error
		fs.writeSync(1, `REFUSED ${String(error.message).split('\n').slice(1).join(' ')}\n`)
		process.exit(4)
	}
}

/* What `forkcast check` says of a profile as it is: values in effect. */
export function effective(s, name) {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-req-'))
	copy_profiles(dir)
	try {
		const had = process.env
		process.env = { ...had, JWT_SECRET: SECRET, ADMIN_KEY: KEY, HOOK_SECRET: 'x' }
		const r = s.run('check', '-c', path.join(dir, `${name}.conf`))
		process.env = had
		assert.equal(r.status, 0, r.err)
		return r.out
	} finally {
		fs.rmSync(dir, { recursive: true })
	}
}

/* Lines of a block of `forkcast check`, its own braces left out: block(text, 'every "status"'). */
export function block(text, head) {
	const lines = text.split('\n')
	const at = lines.findIndex((l) => l.trim().replaceAll("'", '"') === `${head} {`)
	assert.ok(at >= 0, `no ${head}`)
	const indent = lines[at].match(/^\s*/)[0]
	const end = lines.findIndex((l, i) => i > at && l === `${indent}}`)
	return lines.slice(at + 1, end).map((l) => l.trim())
}

export const next = (socket, event, ms = WAIT_MS) => next_of(socket, event, ms)

/* What SOCKET is answered. */
export const ask = (socket, event, ...args) => socket.timeout(WAIT_MS).emitWithAck(event, ...args)

/*
 * A socket that writes down what it hears, as the text that came, so that bytes can be compared:
 * heard.texts(EVENT) are the JSON texts of the first argument, heard.next(EVENT) waits for one more.
 */
export function listen(socket) {
	const heard = []
	const read = (packet) => {
		/* An EVENT of "/": 2["name",...], and nothing else begins so. */
		if (typeof packet.data !== 'string' || !packet.data.startsWith('2[')) return
		const [event, ...args] = JSON.parse(packet.data.slice(1))
		heard.push({ event, args, text: packet.data.slice(1 + 1 + JSON.stringify(event).length + 1, -1) })
	}
	socket.io.engine.on('packet', (p) => p.type === 'message' && read(p))
	let taken = {}
	return {
		heard,
		texts: (event) => heard.filter((h) => h.event === event).map((h) => h.text),
		count: (event) => heard.filter((h) => h.event === event).length,
		next: async (event) => {
			const n = (taken[event] = (taken[event] ?? 0) + 1)
			await until(`"${event}", the ${n}. of it; heard ${JSON.stringify(heard.map((h) => h.event))}`, () => heard.filter((h) => h.event === event).length >= n, WAIT_MS)
			return heard.filter((h) => h.event === event)[n - 1].text
		}
	}
}

export const connect_each = each_worker

/* Publishes a route's event; 202 or it fails. */
export async function publish(s, type, data, vars) {
	const r = await api(s, 'POST', '/v1/events', { type, data, ...(vars && { vars }) })
	assert.equal(r.status, 202, `${type}: ${r.text}`)
	return r.json
}

/* JSON of {@now}: a time of the last seconds. */
export function recent(text) {
	assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
	assert.ok(Math.abs(Date.parse(text) - Date.now()) < 10000, text)
	return true
}

/* Nothing of EVENT came to these listeners. */
export async function silent(event, ...listeners) {
	await sleep(QUIET_MS)
	for (const l of listeners) assert.deepEqual(l.texts(event), [], event)
}
