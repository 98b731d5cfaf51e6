/* bad_sessions.mjs - sessions that are opened and left: they cost little, are bounded, and go by themselves. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import { test } from 'node:test'
import { connect } from './clients.mjs'
import { metric, parse, refusal } from './prometheus.mjs'
import { server, until } from './server.mjs'

const ANYBODY = 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
const resident = (pid) => Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096

/* N handshakes over polling on a few connections; the statuses, counted. */
async function half_handshakes(s, n) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
	const seen = {}
	const one = () =>
		new Promise((resolve, reject) => {
			http.get({ port: s.port, host: '127.0.0.1', path: '/socket.io/?EIO=4&transport=polling', agent }, (r) => {
				seen[r.statusCode] = (seen[r.statusCode] ?? 0) + 1
				r.resume().on('end', resolve)
			}).on('error', reject)
		})
	for (let i = 0; i < n; i += 100) await Promise.all([...Array(Math.min(100, n - i))].map(one))
	agent.destroy()
	return seen
}

test('ten thousand half handshakes: others are served, memory is small, and all go when nobody connects', async (t) => {
	const s = await server(t, { workers: 2, auth: ANYBODY, conf: 'engine { connect_timeout = 3s }' })
	const good = await connect(t, s)
	const pid = s.worker(0).pid
	const before = resident(pid)
	assert.deepEqual(await half_handshakes(s, 10000), { 200: 10000 })
	assert.equal(await good.emitWithAck('ping'), 'pong')
	assert.ok(resident(pid) - before < 20e6, `${resident(pid) - before} bytes more`)
	await until('all of them gone', async () => (await metric(s, 'sessions', {})) === 1, 15000)
	assert.equal(await good.emitWithAck('ping'), 'pong')
})

test('sessions without a connection count for max_connections', async (t) => {
	const s = await server(t, { workers: 1, auth: ANYBODY, conf: 'max_connections = 50\nengine { connect_timeout = 2s }' })
	await refusal(s, 'max_connections', async () => {
		const seen = await half_handshakes(s, 100)
		assert.equal(seen[503], 50)
		assert.equal(seen[200], 50)
	}, 50)
	await until('places again', async () => (await half_handshakes(s, 1))[200] === 1, 10000)
})
