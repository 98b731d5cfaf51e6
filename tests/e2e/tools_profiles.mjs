/* tools_profiles.mjs - the profiles as they are shipped: `make run PROFILE=x` starts each, and the tools can read it. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { binary, until } from './server.mjs'

const PROFILES = fs.readdirSync('conf/profiles').filter((f) => f.endsWith('.conf')).map((f) => f.slice(0, -5))

function without_keys(dir) {
	const { JWT_SECRET, ADMIN_KEY, HOOK_SECRET, ...env } = process.env
	return { ...env, PORT: '0', ADMIN_PORT: '0', XDG_RUNTIME_DIR: dir }
}

const status = (port, route) => new Promise((resolve, reject) => http.get({ port, path: route, agent: false }, (r) => resolve(r.resume().statusCode)).on('error', reject))

for (const name of PROFILES) {
	const file = `conf/profiles/${name}.conf`

	test(`${name}: under --dev it starts as it is`, async (t) => {
		const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-profile-'))
		t.after(() => fs.rmSync(dir, { recursive: true }))
		/* Its own copy: the name of an instance is that of its file. */
		fs.cpSync('conf/profiles', path.join(dir, 'profiles'), { recursive: true })
		const conf = path.join(dir, 'profiles', `${name}.conf`)
		const server = spawn(binary, ['--dev', '--print-ports', '-c', conf], { env: without_keys(dir), stdio: ['ignore', 'pipe', 'pipe'] })
		let out = ''
		server.stdout.on('data', (d) => (out += d))
		server.stderr.on('data', (d) => (out += d))
		t.after(async () => {
			server.kill('SIGINT')
			if (server.exitCode === null) await once(server, 'exit')
		})
		await until('the ports', () => /^ports: .*\n/m.test(out) || server.exitCode !== null, 20000)
		assert.equal(server.exitCode, null, out)
		const ports = out.match(/^ports: (.*)$/m)[1].split(' ').map((p) => Number(p.split('=')[1]))
		if (ports.length > 1) assert.equal(await status(ports.at(-1), '/ready'), 200)
		assert.equal(await status(ports[0], '/socket.io/?EIO=4&transport=polling'), 200)
	})

	test(`${name}: doc, types and explain`, () => {
		for (const argv of [['doc'], ['types'], ['explain', 'subscribe']]) {
			const r = spawnSync(binary, [argv[0], '--dev', '-c', file, ...argv.slice(1)], { env: without_keys(os.tmpdir()), encoding: 'utf8' })
			assert.equal(r.status, 0, r.stderr)
			assert.ok(r.stdout.length > 50)
		}
	})

	test(`${name}: without --dev it asks for the keys that it does not have`, () => {
		const r = spawnSync(binary, ['check', '-c', file], { env: without_keys(os.tmpdir()), encoding: 'utf8' })
		if (name === 'conformance') assert.equal(r.status, 0, r.stderr)
		else assert.match(r.stderr, /key|secret/)
	})
}
