/* master_start.mjs - start, what is said, what is made, and that the end leaves nothing behind. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { connect } from './clients.mjs'
import { Server, alive, server, title, until } from './server.mjs'

test('ports are printed once, when every process is live', async (t) => {
	const s = await server(t, { workers: 4, listen: 'listen "127.0.0.1:0" { }\nlisten "[::1]:0" { }' })
	const status = s.status()
	assert.match(s.out, /^ports: 0=\d+ 0=\d+ 0=\d+\n$/)
	assert.equal(status.phase, 'up')
	assert.ok(status.processes.every((p) => p.state === 'live'))
	assert.deepEqual(status.ports.map((p) => String(p.port)), s.ports)
	assert.deepEqual(status.ports.map((p) => p.bound), [`127.0.0.1:${s.ports[0]}`, `[::1]:${s.ports[1]}`, `127.0.0.1:${s.ports[2]}`])
	await s.answers()
})

test('a unix listener is printed by its path, with mode 0660, and gone after the end', async (t) => {
	const dir = fs.mkdtempSync('/tmp/fc-')
	t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
	const sock = path.join(dir, 'public.sock')
	const s = await server(t, { listen: `listen "unix:${sock}" { }` })
	assert.ok(s.out.includes(` ${sock}=${sock} `))
	assert.equal(fs.statSync(sock).mode & 0o777, 0o660)
	await s.stop()
	assert.equal(fs.existsSync(sock), false)
})

test('titles name role, number and instance', async (t) => {
	const s = await server(t, { workers: 2 })
	assert.equal(title(s.pid), `forkcast: master [${s.name}]`)
	assert.equal(title(s.worker(0).pid), `forkcast: worker 0 [${s.name}]`)
	assert.equal(title(s.worker(1).pid), `forkcast: worker 1 [${s.name}]`)
	assert.equal(title(s.keeper().pid), `forkcast: keeper [${s.name}]`)
})

test('children hold neither the lock nor the control socket of the master', async (t) => {
	const s = await server(t)
	for (const p of s.status().processes) {
		const fds = fs.readdirSync(`/proc/${p.pid}/fd`).map((fd) => {
			try {
				return fs.readlinkSync(`/proc/${p.pid}/fd/${fd}`)
			} catch {
				return ''
			}
		})
		assert.ok(!fds.some((f) => f.startsWith(s.runtime)), `${p.role} ${p.index}: ${fds}`)
		assert.ok(!fds.includes('anon_inode:[signalfd]') || p.role !== 'worker', `${p.role} ${p.index}: ${fds}`)
		assert.equal(fds.filter((f) => f === `/dev/shm/forkcast-${s.name}-${s.status().nonce}`).length > 0, true)
	}
	/* The keeper accepts nothing. */
	assert.match(fs.readFileSync(`/proc/${s.keeper().pid}/status`, 'utf8'), /^NoNewPrivs:\t1$/m)
})

test('files are for the owner alone', async (t) => {
	const s = await server(t)
	const [entry] = fs.readdirSync(s.runtime)
	assert.equal(entry, `${s.name}-${s.status().nonce}`)
	assert.equal(fs.statSync(s.runtime).mode & 0o777, 0o700)
	assert.equal(fs.statSync(path.join(s.runtime, entry)).mode & 0o777, 0o700)
	assert.equal(fs.statSync(path.join(s.runtime, entry, 'lock')).mode & 0o777, 0o600)
	assert.equal(fs.statSync(`/dev/shm/forkcast-${entry}`).mode & 0o777, 0o600)
	assert.equal(fs.readFileSync(path.join(s.runtime, entry, 'lock'), 'utf8'), `${s.pid}\n`)
})

test('a second start of the name is refused with the pid of the first', async (t) => {
	const s = await server(t)
	const second = s.run('-c', s.conf)
	assert.equal(second.status, 1)
	assert.match(second.err, new RegExp(`is running already: master ${s.pid}`))
	/* Another name beside it starts, and neither takes the other's things. */
	const other = new Server({ dir: s.dir, name: `${s.name}-other` /* no nonce begins so */ })
	t.after(() => other.stop('SIGKILL'))
	await other.start()
	await other.stop()
	assert.deepEqual(other.remains(), [])
	assert.ok(s.remains().length >= 3)
	await s.answers()
})

test('of ten starts at once one lives', async (t) => {
	const first = new Server()
	t.after(() => first.destroy())
	const all = [first]
	for (let i = 0; i < 9; i++) {
		const s = new Server({ dir: first.dir, name: first.name })
		t.after(() => s.stop('SIGKILL'))
		all.push(s)
	}
	for (const s of all) s.launch()
	const up = await until('one to be up', () => all.find((s) => /^ports:/m.test(s.out)), 20000)
	const ends = await Promise.all(all.filter((s) => s !== up).map((s) => s.ended))
	assert.deepEqual(ends.map((e) => e.code), Array(9).fill(1))
	await up.stop()
	assert.deepEqual(first.remains(), [])
})

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT']) {
	test(`${signal} ends everything and leaves nothing behind`, async (t) => {
		const s = new Server({ conf: `pid_file = "/tmp/forkcast-e2e-${process.pid}.pid"` })
		t.after(() => s.destroy())
		await s.start()
		const pids = s.status().processes.map((p) => p.pid)
		assert.equal(fs.readFileSync(`/tmp/forkcast-e2e-${process.pid}.pid`, 'utf8'), `${s.pid}\n`)
		const end = await s.stop(signal)
		assert.deepEqual(end, { code: 0, signal: null })
		assert.deepEqual(pids.filter(alive), [])
		assert.deepEqual(s.remains(), [])
		assert.equal(fs.existsSync(`/tmp/forkcast-e2e-${process.pid}.pid`), false)
		const connect = net.connect(Number(s.ports[0]), '127.0.0.1')
		await assert.rejects(new Promise((ok, no) => connect.on('connect', ok).on('error', no)), { code: 'ECONNREFUSED' })
	})
}

test('-s stop returns when the instance is gone', async (t) => {
	const s = await server(t)
	const pids = s.status().processes.map((p) => p.pid)
	const r = s.run('-s', 'stop', '-c', s.conf)
	assert.equal(r.status, 0, r.err)
	assert.deepEqual(pids.filter(alive), [])
	assert.deepEqual(s.remains(), [])
	const again = s.run('-s', 'stop', '-c', s.conf)
	assert.equal(again.status, 1)
	assert.match(again.err, /no instance .* is running/)
	assert.equal(s.run('status', '-c', s.conf).status, 1)
})

test('signals of later builds are answered in the log only', async (t) => {
	const s = await server(t)
	const before = s.status()
	process.kill(s.pid, 'SIGHUP')
	process.kill(s.pid, 'SIGUSR2')
	process.kill(s.pid, 'SIGPIPE')
	await s.logged(/signal_ignored.*HUP/)
	await s.logged(/signal_ignored.*USR2/)
	const after = s.status()
	assert.deepEqual(after.processes.map((p) => p.pid), before.processes.map((p) => p.pid))
})

test('whoever read the log may end: nobody else does', async (t) => {
	const s = await server(t)
	const before = s.status()
	s.process.stderr.destroy()
	for (let i = 0; i < 20; i++) process.kill(s.pid, 'SIGUSR2')
	const a = await connect(t, s, { user: 'u' })
	const b = await connect(t, s, { user: 'u' })
	a.disconnect()
	assert.equal(await b.emitWithAck('ping'), 'pong')
	const after = s.status()
	assert.deepEqual(after.processes.map((p) => p.pid), before.processes.map((p) => p.pid))
	assert.equal(after.deaths, 0)
})

test('status is readable as a table, and whole as JSON', async (t) => {
	const s = await server(t, { workers: 2 })
	const table = s.run('status', '-c', s.conf)
	assert.equal(table.status, 0)
	assert.match(table.out, new RegExp(`master ${s.pid}`))
	assert.equal(table.out.match(/^(worker \d|keeper) .* live /gm).length, 3)
	const json = s.status()
	for (const p of json.processes) {
		assert.ok(p.rss_bytes > 100000)
		assert.ok(p.heartbeat_age_ms < 1000)
		assert.equal(p.generation, 1)
		assert.equal(p.restarts, 0)
		assert.equal(p.last_exit, null)
		assert.ok(Object.keys(p.counters).length > 20)
		assert.ok(Object.values(p.counters).every(Number.isInteger))
	}
})

test('clients of the control socket cannot hold the master up', async (t) => {
	const s = await server(t)
	const sock = path.join(s.runtime, fs.readdirSync(s.runtime)[0], 'control')
	const idle = Array.from({ length: 8 }, () => net.connect(sock).on('error', () => {}))
	const started = Date.now()
	s.status() /* waits for a place, until the idle ones are dropped after 2 s */
	assert.ok(Date.now() - started < 4000)
	for (const c of idle) c.destroy()
})

test('usage: what is wrong, and exit status 2', () => {
	const s = new Server()
	const wrong = [
		[['nonsense'], /unknown command "nonsense"/],
		[['top'], /top is not in this build/],
		[['explain'], /explain needs the name of an event/],
		[['types', '--json'], /types does not take --json/],
		[['-s', 'reload', '-c', s.conf], /-s reload is not in this build/],
		[['-s', 'upgrade', '-c', s.conf], /-s upgrade is not in this build/],
		[['-s', 'shout', '-c', s.conf], /unknown word/],
		[['-s'], /needs a word/],
		[['--nonsense'], /does not take --nonsense/],
		[['status', '--print-ports'], /status does not take --print-ports/],
		[['-c'], /lacks its value/],
		[['check', '-c', s.conf, 'more'], /does not take "more"/],
		[['check', '-c', '/nonexistent/x.conf'], /\/nonexistent\/x\.conf/],
		[['token', '-c', s.conf], /needs --user/],
		[['token', '-c', s.conf, '--user', 'u', '--ttl', 'soon'], /--ttl soon/]
	]
	for (const [args, message] of wrong) {
		const r = s.run(...args)
		assert.equal(r.status, 2, `${args}: ${r.err}`)
		assert.match(r.err, message)
		assert.equal(r.out, '')
	}
	assert.equal(s.run('--help').status, 0)
	assert.match(s.run('--version').out, /^forkcast \d+\.\d+\.\d+\n$/)
	fs.rmSync(s.dir, { recursive: true })
})

test('--dev shows every URL, a token and a line that publishes', async (t) => {
	const s = await server(t, { args: ['--dev'] })
	assert.match(s.out, new RegExp(`http://127\\.0\\.0\\.1:${s.ports[0]}/socket\\.io/`))
	assert.match(s.out, new RegExp(`curl -H 'Authorization: Bearer [^']+'[^]*http://127\\.0\\.0\\.1:${s.ports[1]}/v1/emit`))
	assert.match(s.out, /require\('socket\.io-client'\)/)
	assert.match(s.out, /token \(user dev, 24 h\):\n {4}\S+\n/)
	assert.match(s.out, /^ports: /m)
})
