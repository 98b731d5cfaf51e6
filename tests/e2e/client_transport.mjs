/* client_transport.mjs - what the API and rules say of a session's transport, before and after an upgrade. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { api, connect, next } from './clients.mjs'
import { server, until } from './server.mjs'

const CONF = `
event "how" { ack = '{@socket.transport}' }
on "connect" { emit = welcome  to = self  data = '{@socket.transport}' }
namespace "/chat" { event "how" { ack = '{@socket.transport}' } }
room "r" { join = any }
`

test('GET /v1/sockets/SID follows an upgrade, in every namespace of the session', async (t) => {
	const s = await server(t, { workers: 3, conf: CONF, auth: 'auth { anonymous = yes }' })
	const row = async (a) => (await api(s, 'GET', `/v1/sockets/${a.id}`)).json
	const a = await connect(t, s, { transports: ['polling'] })
	const chat = a.io.socket('/chat')
	t.after(() => chat.disconnect())
	await next(chat, 'connect')
	await a.emitWithAck('subscribe', { room: 'r', id: 1 })
	const before = [await row(a), await row(chat)]
	assert.deepEqual(before.map((r) => r.transport), ['polling', 'polling'])
	assert.deepEqual([await a.emitWithAck('how'), await chat.emitWithAck('how')], ['polling', 'polling'])

	const b = await connect(t, s, { transports: ['polling', 'websocket'] })
	const other = b.io.socket('/chat')
	t.after(() => other.disconnect())
	await next(other, 'connect')
	await b.emitWithAck('subscribe', { room: 'r', id: 1 })
	await until('the upgrade', () => b.io.engine.transport.name === 'websocket')
	assert.deepEqual([await b.emitWithAck('how'), await other.emitWithAck('how')], ['websocket', 'websocket'])
	await until('the store to follow', async () => (await row(b)).transport === 'websocket' && (await row(other)).transport === 'websocket')
	/* the rest of the row stays, and so do others' rows */
	const after = await row(b)
	assert.deepEqual(after, { ...before[0], id: b.id, worker: after.worker, connected_at: after.connected_at, transport: 'websocket' })
	assert.deepEqual(after.rooms, ['global:all', 'r:1'])
	assert.deepEqual([await row(a), await row(chat)], before)
	const list = (await api(s, 'GET', '/v1/sockets?in=r:1')).json.items
	assert.deepEqual(list.map((i) => i.transport).sort(), ['polling', 'websocket'])

	const c = await connect(t, s, {})
	assert.equal((await row(c)).transport, 'websocket')
	for (const x of [a, b, c, chat, other]) x.disconnect()
	await until('all to go', async () => (await api(s, 'GET', '/v1/sockets')).json.items.length === 0)
})

test('an upgrade that is given up leaves it as it was', async (t) => {
	const s = await server(t, { workers: 1, conf: `${CONF}\nengine { allow_upgrades = no }`, auth: 'auth { anonymous = yes }' })
	const a = await connect(t, s, { transports: ['polling', 'websocket'] })
	for (let i = 0; i < 5; i++) await a.emitWithAck('ping')
	assert.equal((await api(s, 'GET', `/v1/sockets/${a.id}`)).json.transport, 'polling')
	assert.equal(await a.emitWithAck('how'), 'polling')
})
