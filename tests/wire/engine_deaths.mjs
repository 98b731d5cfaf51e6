/*
 * engine_deaths.mjs - a worker is killed: its sessions are unknown at once, wherever a request arrives, and the sessions
 * of the others are served by the others, before its successor lives and after.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { after, before, describe } from 'node:test'
import { budget, sleep, until } from '../e2e/server.mjs'
import { handshake } from '../e2e/wire.mjs'
import { Line, request } from './http.mjs'
import { Poller } from './poller.mjs'
import { PATIENT, TARGET, ours, started } from './target.mjs'

const LIMIT_MS = budget(400)
const WHY = 'it has one process'

let s
before(async () => {
	if (TARGET !== 'reference') s = await started(PATIENT)
})
after(() => s?.stop())

const slot_of = (sid) => Buffer.from(sid, 'base64url')[0]
const workers = () => s.status().processes.filter((p) => p.role === 'worker')
const descriptors = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length

/* Sessions by slot, N of each worker at least. */
async function sessions(t, n) {
	const by = new Map(workers().map((p) => [p.slot, []]))
	while (Math.min(...[...by.values()].map((l) => l.length)) < n) {
		const p = await Poller.open(t, s.port)
		by.get(slot_of(p.sid)).push(p)
	}
	return by
}

/* Kills a worker; its slot, and a promise of its successor. */
function kill() {
	const all = workers()
	const victim = all[Math.floor(Math.random() * all.length)]
	process.kill(victim.pid, 'SIGKILL')
	const successor = (p) => p.index === victim.index && p.pid !== victim.pid && p.state === 'live'
	return { slot: victim.slot, back: () => until('a successor', () => workers().some(successor)) }
}

async function within(what, fn) {
	const at = performance.now()
	const result = await fn()
	const took = performance.now() - at
	assert.ok(took < LIMIT_MS, `${what} took ${Math.round(took)} ms`)
	return result
}

/* A request that is cut off had been taken by the worker that died; it may be asked again. */
async function asked(p) {
	for (let left = 3; ; left--) {
		const r = await within('a poll', () => p.get({ timeout_ms: LIMIT_MS }))
		if (r.status !== 0 || left === 0) return r
	}
}

describe('a dead owner', () => {
	ours(WHY, 'is told at once: Session ID unknown', { timeout: 30000 }, async (t) => {
		for (let round = 0; round < 3; round++) {
			const by = await sessions(t, 2)
			const dead = kill()
			const end = performance.now() + 300
			for (let i = 0; performance.now() < end; i++) {
				for (const p of by.get(dead.slot)) {
					const r = await asked(p)
					assert.equal(r.status, 400)
					assert.equal(r.text, '{"code":1,"message":"Session ID unknown"}')
				}
			}
			const wire = await Line.open(t, s.port)
			wire.write(handshake({}, { path: by.get(dead.slot)[0].url('websocket') }))
			assert.equal((await wire.response()).text, 'Session ID unknown')
			await dead.back()
			for (const p of by.get(dead.slot)) assert.equal((await asked(p)).status, 400, 'the successor does not know them either')
			for (const [slot, list] of by) if (slot !== dead.slot) for (const p of list) await p.lives()
		}
	})

	ours(WHY, 'ends the polls that wait with it, and no others', { timeout: 30000 }, async (t) => {
		const by = await sessions(t, 3)
		const pending = new Map()
		for (const [slot, list] of by) pending.set(slot, await Promise.all(list.map((p) => p.start())))
		await sleep(100)
		const dead = kill()
		for (const line of pending.get(dead.slot)) assert.equal((await line.response()).status, 0)
		for (const [slot, lines] of pending) {
			if (slot === dead.slot) continue
			assert.ok(lines.every((line) => line.end === undefined), 'polls of living workers wait on')
			for (const [i, p] of by.get(slot).entries()) {
				await p.push('4hey')
				assert.equal((await lines[i].response()).text, '4hey')
			}
		}
		await dead.back()
	})

	ours(WHY, 'leaves no descriptor with the others', { timeout: 30000 }, async (t) => {
		await sleep(500)
		const stay = workers()
		const held = new Map(stay.map((p) => [p.pid, descriptors(p.pid)]))
		for (let round = 0; round < 3; round++) {
			const by = await sessions(t, 5)
			const all = [...by.values()].flat()
			/* Requests are under way to all of them in the moment of the death, many of them handed over. */
			const lines = await Promise.all(all.map(() => Line.open(t, s.port)))
			lines.forEach((line, i) => line.write(request('POST', all[i].url(), { body: '4x' })))
			const dead = kill()
			held.delete(stay.find((p) => p.slot === dead.slot)?.pid)
			const answers = await Promise.all(lines.map((line) => line.response()))
			assert.ok(answers.every((r) => r.status === 0 || r.status === 200 || r.status === 400))
			for (const line of lines) line.socket.destroy()
			await dead.back()
			for (const p of all) if (slot_of(p.sid) !== dead.slot) await p.post('1')
		}
		const free = ([pid, n]) => !fs.existsSync(`/proc/${pid}/fd`) || descriptors(pid) <= n + 4
		await until('the descriptors to be closed', () => [...held].every(free), 8000)
	})
})
