/* master_death.mjs - every process may die at any time: what the others do, and what comes after. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { Server, alive, server, sleep, until } from './server.mjs'

test('a killed worker is replaced at once; the others go on', async (t) => {
	const s = await server(t, { workers: 3 })
	const before = s.status()
	for (let round = 1; round <= 5; round++) {
		const victim = s.worker(1)
		process.kill(victim.pid, 'SIGKILL')
		await s.settled('the successor', (st) => st.processes.find((p) => p.index === 1).pid !== victim.pid)
		const now = s.worker(1)
		assert.equal(now.slot, victim.slot)
		assert.equal(now.generation, victim.generation + 1)
		assert.equal(now.restarts, round)
		assert.equal(now.last_exit, 'signal KILL')
		await sleep(2100) /* a life of 2 s: the next respawn is immediate again */
	}
	const after = s.status()
	for (const role of ['keeper']) {
		assert.equal(after.processes.find((p) => p.role === role).pid, before.processes.find((p) => p.role === role).pid)
	}
	for (const index of [0, 2]) assert.equal(s.worker(index).pid, before.processes[index].pid)
	await s.logged(/process_died.*respawn_in_ms=0\b/, 5)
})

test('connections are answered while workers die', async (t) => {
	const s = await server(t, { workers: 2 })
	let slowest = 0
	let stop = false
	const clients = Array.from({ length: 4 }, async () => {
		while (!stop) slowest = Math.max(slowest, await s.answers())
	}).map((p) => p.catch((e) => e))
	for (let i = 0; i < 10; i++) {
		await sleep(150)
		process.kill(s.worker(i % 2).pid, 'SIGSTOP') /* first silent, so that connections queue on its socket */
		await sleep(50)
		process.kill(s.worker(i % 2).pid, 'SIGKILL')
		await s.settled('the successor')
	}
	stop = true
	/* A connection that a worker had already accepted ends with it; a queued one is served by somebody. */
	const resets = (await Promise.all(clients)).filter(Boolean)
	assert.ok(resets.every((e) => e.code === 'ECONNRESET' || /closed without/.test(e.message)), String(resets))
	assert.ok(slowest < 1000, `slowest answer ${slowest} ms`)
})

test('a killed keeper is replaced; workers stay', async (t) => {
	const s = await server(t)
	const before = s.status()
	process.kill(s.keeper().pid, 'SIGKILL')
	const after = await s.settled('the new keeper', (st) => st.processes.at(-1).pid !== before.processes.at(-1).pid)
	assert.equal(after.processes.at(-1).generation, 2)
	assert.deepEqual(after.processes.slice(0, -1).map((p) => p.pid), before.processes.slice(0, -1).map((p) => p.pid))
})

test('all of them at once', async (t) => {
	const s = await server(t, { workers: 4 })
	const before = s.status().processes
	for (const p of before) process.kill(p.pid, 'SIGKILL')
	await s.settled('five successors', (st) => st.processes.every((p) => p.generation === 2))
	await s.answers()
})

test('a crash loop is slowed down: 0, 50, 100, 200, 400 ms', async (t) => {
	const s = await server(t, { workers: 2 })
	let last = 0
	for (let i = 0; i < 6; i++) {
		const pid = await until('the next life', () => {
			const w = s.worker(0)
			return w.state !== 'empty' && w.pid !== last && alive(w.pid) && w.pid
		})
		last = pid
		process.kill(pid, 'SIGABRT') /* which no sanitizer makes its own */
		await until('its death', () => !alive(pid))
	}
	await s.logged(/process_died/, 6)
	const waits = [...s.log.matchAll(/process_died kind=worker index=0 .*how="signal ABRT.*respawn_in_ms=(\d+)/g)]
	assert.deepEqual(waits.map((m) => Number(m[1])), [0, 50, 100, 200, 400, 800])
	assert.equal(s.worker(1).restarts, 0)
	await s.answers()
})

test('the watchdog replaces a stopped worker after 2 s, and its neighbours do not notice', async (t) => {
	const s = await server(t, { workers: 3 })
	const victim = s.worker(2)
	const started = Date.now()
	process.kill(victim.pid, 'SIGSTOP')
	while (s.worker(2).pid === victim.pid || s.worker(2).state !== 'live') {
		assert.ok(Date.now() - started < 6000, 'the watchdog is late')
		await s.answers(1000)
	}
	assert.ok(Date.now() - started > 1900, 'the watchdog is early')
	const now = s.worker(2)
	assert.equal(now.watchdog_kills, 1)
	assert.equal(now.last_exit, 'signal KILL, by the watchdog')
	await s.logged(/watchdog_kill kind=worker/)
	assert.equal(s.worker(0).restarts + s.worker(1).restarts, 0)
})

test('the watchdog replaces a stopped keeper', async (t) => {
	const s = await server(t, { conf: 'watchdog = 500ms' })
	const victim = s.keeper()
	process.kill(victim.pid, 'SIGSTOP')
	await s.settled('a new keeper', (st) => st.processes.at(-1).pid !== victim.pid)
	assert.equal(s.keeper().watchdog_kills, 1)
})

test('a master that was stopped itself kills nobody when it wakes', async (t) => {
	const s = await server(t, { conf: 'watchdog = 500ms' })
	const pids = s.status().processes.map((p) => p.pid)
	for (const pid of [s.pid, ...pids]) process.kill(pid, 'SIGSTOP')
	await sleep(1500)
	process.kill(s.pid, 'SIGCONT')
	await sleep(100)
	for (const pid of pids) process.kill(pid, 'SIGCONT')
	await sleep(1000)
	assert.deepEqual(s.status().processes.map((p) => p.pid), pids)
})

test('children of a killed master end by themselves, and the next start clears what is left', async (t) => {
	const s = await server(t)
	const pids = s.status().processes.map((p) => p.pid)
	const remains = s.remains()
	s.process.kill('SIGKILL')
	await until('the children to end', () => !pids.some(alive), 12000)
	assert.deepEqual(s.remains(), remains)
	/* A live instance of another name and an old one of it: neither is this one's business. */
	const other = new Server({ dir: s.dir, name: `${s.name}-other` })
	t.after(() => other.stop('SIGKILL'))
	await other.start()
	const others = other.remains()
	await s.start()
	assert.equal(s.remains().filter((f) => remains.includes(f)).length, 0)
	assert.deepEqual(other.remains(), others)
	await s.logged(/remains_removed/)
	await other.stop()
	await s.stop()
	assert.deepEqual(s.remains(), [])
})

test('a start right behind a killed master waits for its port', async (t) => {
	const s = await server(t)
	const port = s.ports[0]
	const late = s.worker(0).pid
	process.kill(late, 'SIGSTOP') /* it cannot close its listeners yet */
	s.process.kill('SIGKILL')
	await s.gone
	s.options.listen = `listen "127.0.0.1:${port}" { }`
	s.write_conf()
	const started = s.start()
	await sleep(500)
	process.kill(late, 'SIGCONT')
	await started
	assert.equal(s.ports[0], port)
	await s.answers()
	/* What the former one left goes as soon as its last process has. */
	await until('one instance', () => fs.readdirSync(s.runtime).length === 1, 15000)
	await s.stop()
	assert.deepEqual(s.remains(), [])
})

test('without its store the whole instance starts anew, on the same sockets', async (t) => {
	const s = await server(t)
	const before = s.status()
	fs.rmSync(before.segment.store)
	process.kill(s.keeper().pid, 'SIGKILL')
	const after = await s.settled('a new instance', (st) => st.nonce !== before.nonce, 15000)
	assert.equal(after.pid, before.pid)
	assert.deepEqual(after.ports, before.ports)
	await s.logged(/instance_broken/)
	await s.answers()
	assert.equal((s.out.match(/^ports:/gm) ?? []).length, 1)
	await s.stop()
	assert.deepEqual(s.remains(), [])
})

test('with a store that cannot be opened the whole instance starts anew', async (t) => {
	const s = await server(t)
	const before = s.status()
	process.kill(s.keeper().pid, 'SIGSTOP')
	const fd = fs.openSync(before.segment.store, 'r+')
	fs.writeSync(fd, Buffer.alloc(8192, 0xee), 0, 8192, 0) /* both meta pages */
	fs.closeSync(fd)
	process.kill(s.keeper().pid, 'SIGKILL')
	const after = await s.settled('a new instance', (st) => st.nonce !== before.nonce, 20000)
	assert.equal(after.pid, before.pid)
	await s.logged(/instance_broken/)
	await s.answers()
	await s.stop()
	assert.deepEqual(s.remains(), [])
})
