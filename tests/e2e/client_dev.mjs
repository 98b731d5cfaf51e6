/* client_dev.mjs - what --dev prints to be pasted into a shell works when it is pasted. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import path from 'node:path'
import { describe, test } from 'node:test'
import { server, until } from './server.mjs'

/* The lines from the one that begins with WORD, joined as the shell has them, up to one that ends it. */
function printed(out, word, last) {
	const lines = out.split('\n')
	const from = lines.findIndex((l) => l.trim().startsWith(word))
	const to = lines.findIndex((l, i) => i >= from && last.test(l))
	assert.ok(from >= 0 && to >= from, `no ${word} in ${out}`)
	return lines.slice(from, to + 1).join('\n')
}

/* A shell where socket.io-client is installed, with all that it said so far. */
function shell(t, line) {
	const child = spawn('/bin/sh', ['-c', `exec ${line.trim()}`], { cwd: path.resolve('tests') })
	t.after(() => child.kill('SIGKILL'))
	child.said = ''
	for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (child.said += d))
	return child
}

describe('the client hears what the curl line publishes', () => {
	for (const [name, engine] of Object.entries({
		'as it comes': '',
		'on another path': 'engine { path = "/rt/" }',
		'without polling': 'engine { transports = websocket }',
		'without WebSocket': 'engine { transports = polling }'
	})) {
		test(name, async (t) => {
			const s = await server(t, { workers: 2, args: ['--dev'], conf: engine, admin: 'admin "127.0.0.1:0" { }', auth: '' })
			const client = shell(t, printed(s.out, 'node -e', /"$/))
			await until('the client to connect', () => client.said.includes('connected'))
			const reply = JSON.parse(execFileSync('/bin/sh', ['-c', printed(s.out, 'curl', /\/v1\/emit$/)], { stdio: ['ignore', 'pipe', 'ignore'] }))
			assert.equal(reply.delivered, 1)
			await until('the message', () => client.said.includes("hello { text: 'hi' }"))
			assert.doesNotMatch(client.said, /rror/)
			const { user } = await one_socket(s)
			assert.deepEqual(user, { id: 'dev', name: 'Developer', role: null })
		})
	}
})

/* The only socket there is, by the key that the page is opened with. */
async function one_socket(s) {
	const [, page, key] = s.out.match(/^\s+(http:\/\/127\.0\.0\.1:\d+)\/#key=([0-9a-f]{32})$/m)
	const r = await fetch(`${page}/v1/sockets`, { headers: { authorization: `Bearer ${key}` } })
	const { items } = await r.json()
	assert.equal(items.length, 1)
	return items[0]
}
