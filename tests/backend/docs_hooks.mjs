/* docs_hooks.mjs - the backends of docs/hooks.md, taken from the page and run: they do what it says, and refuse what it says. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHmac, randomUUID } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { connect } from '../e2e/clients.mjs'
import { free_ports } from '../e2e/served.mjs'
import { server, until } from '../e2e/server.mjs'

const PAGE = fs.readFileSync(new URL('../../docs/hooks.md', import.meta.url), 'utf8')
const SECRET = 'secret-of-the-page'
const LANGUAGES = { js: [process.execPath, 'backend.mjs'], python: ['python3', 'backend.py'] }

/* The one block in LANGUAGE. */
function block(language) {
	const found = [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))]
	assert.equal(found.length, 1, `blocks of ${language}`)
	return found[0][1]
}

async function running(t, language, env) {
	const [command, file] = LANGUAGES[language]
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-page-'))
	t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
	fs.writeFileSync(path.join(dir, file), block(language))
	const child = spawn(command, [file], { cwd: dir, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
	let said = ''
	child.stderr.on('data', (d) => (said += d))
	t.after(() => child.kill('SIGKILL'))
	const url = `http://127.0.0.1:${env.BACKEND_PORT}/`
	await until('the backend answers', async () => {
		assert.equal(child.exitCode, null, said)
		return fetch(url, { method: 'POST', body: '{}' }).then((r) => r.status === 401, () => false)
	})
	return url
}

function post(url, body, { secret = SECRET, time = Math.floor(Date.now() / 1000), send = body, headers = {} } = {}) {
	const mac = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')
	return fetch(url, {
		method: 'POST',
		body: send,
		headers: { 'forkcast-timestamp': String(time), 'forkcast-id': randomUUID(), 'forkcast-signature': `v1=${mac}`, ...headers }
	})
}

for (const language of Object.keys(LANGUAGES)) {
	test(`the backend in ${language}`, async (t) => {
		const [BACKEND_PORT] = await free_ports(1)
		const env = { BACKEND_PORT, HOOK_SECRET: SECRET }
		const url = await running(t, language, env)
		const s = await server(t, { workers: 2, auth: 'auth { anonymous = yes }', conf: block('conf'), env })
		const a = await connect(t, s)
		const order = (sku, amount) => a.emitWithAck('order:create', { sku, amount })
		assert.deepEqual(await order('pear', 5), { success: true, price: 20 })
		assert.deepEqual(await order('constructor', 5), { success: false, error: 'There is no such thing', code: 'unknown_sku' })
		for (let i = 1; i <= 20; i++) assert.equal((await order('apple', i)).price, 3 * i)

		const body = JSON.stringify({ event: 'order:create', args: [{ sku: 'pear', amount: 1, note: 'é' }] })
		const now = Math.floor(Date.now() / 1000)
		const good = await post(url, body)
		assert.deepEqual([good.status, await good.json()], [200, [{ data: { price: 4 } }]])
		const lies = {
			'another secret': post(url, body, { secret: 'another' }),
			'other bytes': post(url, body, { send: body.replace('1', '2') }),
			'the same JSON in other bytes': post(url, body, { send: body.replace(':', ': ') }),
			'old': post(url, body, { time: now - 400 }),
			'ahead': post(url, body, { time: now + 400 }),
			'another time': post(url, body, { headers: { 'forkcast-timestamp': String(now - 1) } }),
			'no signature': post(url, body, { headers: { 'forkcast-signature': '' } }),
			'no time': post(url, body, { headers: { 'forkcast-timestamp': '' } }),
			'half a signature': post(url, body, { headers: { 'forkcast-signature': 'v1=' } }),
			'no ASCII': post(url, body, { headers: { 'forkcast-signature': 'v1=é' } })
		}
		for (const [lie, answer] of Object.entries(lies)) assert.equal((await answer).status, 401, lie)
	})
}
