/* master_host.mjs - what the host allows: descriptors, memory, users, addresses, directories. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Server, alive, server, until } from './server.mjs'

const root = process.getuid() === 0

/* A mount namespace in which we may mount: another /dev/shm for one server. */
const unshare = root ? ['unshare', '--mount'] : ['unshare', '--mount', '--map-root-user']
const with_shm = (options) => [...unshare, 'sh', '-c', `mount -t tmpfs -o ${options} tmpfs /dev/shm && exec "$@"`, 'sh']

async function refused(t, options) {
	const s = new Server(options)
	t.after(() => fs.rmSync(s.dir, { recursive: true, force: true }))
	s.launch()
	const late = setTimeout(() => s.process.kill('SIGKILL'), 30000)
	const end = await s.ended
	clearTimeout(late)
	assert.equal(end.signal, null)
	return { ...end, log: s.log, out: s.out, server: s }
}

test('a promise of more connections than descriptors is refused', async (t) => {
	const r = await refused(t, { conf: 'max_connections = 5000', wrap: ['prlimit', '--nofile=1024:1024'] })
	assert.equal(r.code, 2)
	assert.match(r.log, /max_connections = 5000 cannot be promised.*1024.*write (\d+) or less/)
	assert.ok(Number(r.log.match(/write (\d+) or less/)[1]) > 900)
})

test('the connections that may be promised can be had, every one', async (t) => {
	const wrap = ['prlimit', '--nofile=200:200']
	const r = await refused(t, { workers: 1, conf: 'max_connections = 5000', wrap })
	const limit = Number(r.log.match(/write (\d+) or less/)[1])
	const s = await server(t, { workers: 1, conf: `max_connections = ${limit}`, wrap })
	const sockets = Array.from({ length: limit }, () => net.connect(Number(s.ports[0]), '127.0.0.1').on('error', () => {}))
	t.after(() => sockets.forEach((c) => c.destroy()))
	await until('all of them', () => s.worker(0).counters.connections === limit)
	assert.ok(!/descriptors_exhausted/.test(s.log), s.log)
	/* One more hears that there is no room. */
	await assert.doesNotReject(s.answers())
	assert.equal(s.worker(0).counters.connections, limit)
	assert.ok(!/descriptors_exhausted/.test(s.log), s.log)
})

test('the soft limit is raised to the hard one', async (t) => {
	const s = await server(t, { wrap: ['prlimit', '--nofile=256:2048'] })
	assert.match(fs.readFileSync(`/proc/${s.worker(0).pid}/limits`, 'utf8'), /^Max open files +2048 +2048/m)
	assert.match(fs.readFileSync(`/proc/${s.pid}/limits`, 'utf8'), /^Max open files +2048 +2048/m)
})

test('too few descriptors for even one connection are refused', async (t) => {
	const r = await refused(t, { workers: 8, wrap: ['prlimit', '--nofile=40:40'] })
	assert.equal(r.code, 2)
	assert.match(r.log, /leaves no connection/)
})

test('a /dev/shm that is too small is told before anything is made', async (t) => {
	const r = await refused(t, { wrap: with_shm('size=8m') })
	assert.equal(r.code, 1)
	assert.match(r.log, /\/dev\/shm is too small: \d+ MiB are needed and 8 MiB are free/)
	assert.deepEqual(fs.readdirSync(r.server.runtime), [])
})

test('processes that cannot start are given up, with what was made taken away', { skip: !root && 'needs root' }, async (t) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-e2e-'))
	fs.chmodSync(dir, 0o711)
	/* The keeper runs as nobody and may not make its store. */
	const r = await refused(t, { dir, conf: 'user = nobody', wrap: with_shm('size=200m,mode=0700') })
	assert.equal(r.code, 1)
	assert.match(r.log, /start_failed/)
	assert.match(r.log, /the processes cannot start/)
	assert.deepEqual(fs.readdirSync(r.server.runtime), [])
})

test('user: processes run as it, without a capability and without a way back', { skip: !root && 'needs root' }, async (t) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-e2e-'))
	fs.chmodSync(dir, 0o711)
	const s = await server(t, { dir, conf: 'user = nobody' })
	const uid = execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).trim()
	const gid = execFileSync('id', ['-g', 'nobody'], { encoding: 'utf8' }).trim()
	for (const p of s.status().processes) {
		const text = fs.readFileSync(`/proc/${p.pid}/status`, 'utf8')
		assert.match(text, new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'))
		assert.match(text, new RegExp(`^Gid:\\t${gid}\\t${gid}\\t${gid}\\t${gid}$`, 'm'))
		assert.match(text, new RegExp(`^Groups:\\t${gid} ?$`, 'm'))
		for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) assert.match(text, new RegExp(`^${set}:\\t0+$`, 'm'))
		assert.match(text, /^NoNewPrivs:\t1$/m)
	}
	assert.match(fs.readFileSync(`/proc/${s.pid}/status`, 'utf8'), /^Uid:\t0\t/m)
	assert.ok(!/running_as_root/.test(s.log))
	/* Successors too, and the death signal survives the change of identity. */
	const victim = s.worker(0).pid
	process.kill(victim, 'SIGKILL')
	await s.settled('the successor', (st) => st.processes[0].pid !== victim)
	assert.match(fs.readFileSync(`/proc/${s.worker(0).pid}/status`, 'utf8'), new RegExp(`^Uid:\\t${uid}\\t`, 'm'))
	await s.answers()
	await s.stop()
	assert.deepEqual(s.remains(), [])
})

test('a killed master takes its children with it, whoever they are', { skip: !root && 'needs root' }, async (t) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-e2e-'))
	fs.chmodSync(dir, 0o711)
	const s = await server(t, { dir, conf: 'user = nobody' })
	const pids = s.status().processes.map((p) => p.pid)
	s.process.kill('SIGKILL')
	await until('the children to end', () => !pids.some(alive), 12000)
	/* The store belongs to nobody, and still goes at the next start. */
	await s.start()
	await s.stop()
	assert.deepEqual(s.remains(), [])
})

test('root without user is warned', { skip: !root && 'needs root' }, async (t) => {
	const s = await server(t)
	await s.logged(/warn master - running_as_root/)
})

test('an unknown user is refused', async (t) => {
	const r = await refused(t, { conf: 'user = no-such-user' })
	assert.equal(r.code, 2)
	assert.match(r.log, /no such user/)
})

test('a port that somebody else listens on is refused with the line of its block', async (t) => {
	const other = net.createServer().listen(0, '127.0.0.1')
	await new Promise((r) => other.once('listening', r))
	t.after(() => other.close())
	const r = await refused(t, { listen: `\n\nlisten "127.0.0.1:${other.address().port}" { }` })
	assert.equal(r.code, 1)
	assert.match(r.log, new RegExp(`${r.server.conf}:7: cannot listen on .* in use`))
	assert.deepEqual(r.server.remains(), [])
})

test('two instances never share a port unawares', async (t) => {
	const s = await server(t)
	const r = await refused(t, { listen: `listen "127.0.0.1:${s.ports[0]}" { }` })
	assert.equal(r.code, 1)
	assert.match(r.log, /in use/)
})

test('a runtime_dir that others can write to is refused', async (t) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-e2e-'))
	fs.mkdirSync(path.join(dir, 'run'))
	fs.chmodSync(path.join(dir, 'run'), 0o777)
	const r = await refused(t, { dir })
	assert.equal(r.code, 1)
	assert.match(r.log, /writable by nobody else/)
})

test('a runtime_dir that is a link is refused', async (t) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-e2e-'))
	fs.mkdirSync(path.join(dir, 'elsewhere'), { mode: 0o700 })
	fs.symlinkSync(path.join(dir, 'elsewhere'), path.join(dir, 'run'))
	const r = await refused(t, { dir })
	assert.equal(r.code, 1)
	assert.match(r.log, /links are not followed/)
})

test('cpu_affinity pins each worker to a processor of ours', async (t) => {
	const cpus = fs.readFileSync('/proc/self/status', 'utf8').match(/^Cpus_allowed_list:\t(.*)$/m)[1]
	const usable = cpus.split(',').flatMap((r) => {
		const [a, b] = r.split('-').map(Number)
		return Array.from({ length: (b ?? a) - a + 1 }, (_, i) => a + i)
	})
	const s = await server(t, { workers: 3, conf: 'cpu_affinity = yes' })
	for (const p of s.status().processes) {
		const list = fs.readFileSync(`/proc/${p.pid}/status`, 'utf8').match(/^Cpus_allowed_list:\t(.*)$/m)[1]
		assert.equal(list, p.role === 'worker' ? String(usable[p.index % usable.length]) : cpus)
	}
})
