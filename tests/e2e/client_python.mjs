/* client_python.mjs - starts the server for py_clients.py, and is the other language in its conversation. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { test } from 'node:test'
import { connect, inbox } from './clients.mjs'
import { KEY, SECRET, server } from './server.mjs'

test('python-socketio', async (t) => {
	const s = await server(t, {
		workers: 3,
		conf: `
			engine { ping_interval = 200ms  ping_timeout = 2s }
			room "r" { join = any }
			event "echo" { emit = echo  to = self }
			event "say"  { room = "r:{id}"  emit = said }
		`,
		auth: `auth { jwt "k" { secret = "${SECRET}" }  sources = {auth.token, bearer, query.token, cookie.session} }`
	})
	const node = await connect(t, s, { user: 'node', reconnection: true, reconnectionDelay: 20 })
	const heard = inbox(node, 'said')
	const join = () => node.emitWithAck('subscribe', { room: 'r', id: 'mixed' })
	await join()
	node.on('connect', join) /* a worker dies on the way, perhaps ours */
	node.on('said', (m) => m.from === 'python' && node.emit('say', { ...m, from: 'node' }))

	const script = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), 'py_clients.py')
	const env = { ...process.env, URL: `http://127.0.0.1:${s.port}`, ADMIN: `http://127.0.0.1:${s.admin_port}`, KEY, SECRET }
	const python = spawn('/usr/bin/python3', [script], { env, stdio: ['ignore', 'pipe', 'pipe'] })
	const late = setTimeout(() => python.kill('SIGKILL'), 90000)
	let said = ''
	python.stdout.on('data', (d) => (said += d))
	python.stderr.on('data', (d) => (said += d))
	const [code] = await once(python, 'close')
	clearTimeout(late)
	assert.equal(code, 0, said)
	assert.match(said, /^Ran 13 tests/m)
	assert.deepEqual(heard.filter(([, m]) => m.from === 'python').map(([, m]) => m.n), [...Array(20).keys()])
})
