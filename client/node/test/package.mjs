/* package.mjs - what the package offers: to import, to require, to TypeScript, and the examples of its README. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { api, token } from '../../../tests/e2e/clients.mjs'
import { KEY, started } from '../../../tests/e2e/server.mjs'
import * as kit from '../index.mjs'
import { connect, inbox } from './support/harness.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TESTS = fileURLToPath(new URL('../../../tests', import.meta.url))

/* A directory with the package installed, and socket.io-client. */
function project() {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-kit-'))
	const modules = path.join(dir, 'node_modules')
	fs.mkdirSync(modules)
	fs.symlinkSync(ROOT, path.join(modules, 'forkcast-client'))
	for (const name of fs.readdirSync(path.join(TESTS, 'node_modules'))) {
		if (!name.startsWith('.')) fs.symlinkSync(path.join(TESTS, 'node_modules', name), path.join(modules, name))
	}
	return dir
}

test('import and require give the same classes, and the types name each', () => {
	const required = createRequire(import.meta.url)('../lib/index.js')
	assert.deepEqual(Object.keys(required).sort(), Object.keys(kit).sort())
	for (const name of Object.keys(kit)) assert.equal(kit[name], required[name], name)
	const types = fs.readFileSync(path.join(ROOT, 'index.d.ts'), 'utf8')
	const named = [...types.matchAll(/^export (?:class|function) (\w+)/gm)].map((m) => m[1])
	assert.deepEqual(named.sort(), Object.keys(kit).sort())
})

test('the types name every method and accessor of every class', () => {
	const types = fs.readFileSync(path.join(ROOT, 'index.d.ts'), 'utf8')
	for (const [name, value] of Object.entries(kit)) {
		if (!/^class /.test(String(value))) continue
		const body = types.match(new RegExp(`^export class ${name}\\b.*?^}`, 'ms'))[0]
		for (const member of Object.getOwnPropertyNames(value.prototype)) {
			/* `send` of a client is for the kit itself */
			if (!(name === 'Client' && member === 'send')) assert.match(body, new RegExp(`\\b${member}\\b`), `${name}.${member}`)
		}
	}
})

test('TypeScript takes what is right and refuses what is wrong', (t) => {
	const dir = project()
	t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
	for (const file of ['usage.mts', 'usage.cts']) fs.copyFileSync(path.join(ROOT, 'test', 'support', file), path.join(dir, file))
	const tsc = path.join(TESTS, 'node_modules', 'typescript', 'bin', 'tsc')
	const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022', '--types', 'node', '--skipLibCheck', '--preserveSymlinks', '--pretty', 'false']
	const run = spawnSync(process.execPath, [tsc, ...options, 'usage.mts', 'usage.cts'], { cwd: dir, encoding: 'utf8' })
	assert.equal(run.stdout + run.stderr, '')
	assert.equal(run.status, 0)
})

test('every file of the package is one that npm takes, and has no dependency', () => {
	const about = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
	assert.equal(about.dependencies ?? about.peerDependencies, undefined)
	for (const place of Object.values(about.exports['.']).flatMap((e) => Object.values(e))) assert.ok(fs.existsSync(path.join(ROOT, place)), place)
	for (const file of fs.readdirSync(path.join(ROOT, 'lib'))) {
		const text = fs.readFileSync(path.join(ROOT, 'lib', file), 'utf8')
		for (const [, from] of text.matchAll(/require\('([^']+)'\)/g)) assert.match(from, /^(node:|\.\/)/, `${file}: ${from}`)
	}
})

/* A block prints what its comments behind console.log say: `...` in them stands for anything. */
function expected(code) {
	return [...code.matchAll(/console\.log\(.*\/\/ ([^\n]*)$/gm)].map((m) => m[1].replace(/, then .*/, ''))
}

describe('the examples of the README run as they stand', () => {
	const blocks = [...fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8').matchAll(/^```(c?js)\n(.*?)^```/gms)].map(([, kind, code]) => ({ kind, code }))
	let s, dir

	before(async () => {
		s = await started({ workers: 1, conf: 'room "chat" { join = any }\nroom "cache" { join = role:service }' })
		dir = project()
	})
	after(async () => {
		await s?.destroy()
		if (dir) fs.rmSync(dir, { recursive: true, force: true })
	})

	test('there are examples', () => assert.ok(blocks.length >= 9))

	for (const [i, { kind, code }] of blocks.entries()) {
		test(`example ${i + 1}: ${code.match(/(?:forkcast|publisher|emitter|sync|notifier)\.\w+/)[0]}`, async (t) => {
			const user = await connect(t, s, { user: '42' })
			await api(s, 'GET', '/v1/users/42') /* answered when the store knows of all before */
			const heard = inbox(user, 'notice', 'price', 'notification', 'user:profile_updated')
			const file = path.join(dir, `example${i}.${kind === 'cjs' ? 'cjs' : 'mjs'}`)
			fs.writeFileSync(file, code)
			const env = {
				...process.env,
				FORKCAST_URL: `http://127.0.0.1:${s.admin_port}`,
				FORKCAST_KEY: KEY,
				FORKCAST_SOCKETS: `http://127.0.0.1:${s.port}`,
				SERVICE_TOKEN: token({ sub: 'svc', role: 'service' })
			}
			const node = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] })
			let out = ''
			let err = ''
			node.stdout.on('data', (d) => (out += d))
			node.stderr.on('data', (d) => (err += d))
			const late = setTimeout(() => node.kill('SIGKILL'), 15000)
			const [status] = await once(node, 'close')
			clearTimeout(late)
			assert.equal(status, 0, err)
			assert.equal(err, '')
			for (const line of expected(code)) {
				const pattern = line.split('...').map((x) => x.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^\']*')
				assert.match(out, new RegExp(`^${pattern}$`, 'm'))
			}
			const event = code.match(/'(notice|price)', \{/)?.[1] ?? (code.includes('Notifier') ? 'notification' : code.includes('RepositoryEventEmitter') ? 'user:profile_updated' : undefined)
			if (event) assert.ok(heard.some(([e]) => e === event), `${event} was not heard`)
		})
	}
})
