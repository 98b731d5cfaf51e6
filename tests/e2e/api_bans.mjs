/* api_bans.mjs - users and addresses that may not connect: at the door, on live sockets, for a time, after a restart. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, next, refused, token } from './clients.mjs'
import { server, sleep, started, until } from './server.mjs'
import { Wire } from './wire.mjs'

const WORKERS = 3
const SECRET = '0123456789abcdef0123456789abcdef'
const options = {
	workers: WORKERS,
	conf: 'trusted_proxies = "127.0.0.1"\nroom "r" { join = any }\nnamespace "/n" { }',
	auth: `auth { anonymous = yes  jwt "k" { secret = "${SECRET}" }  in_band { } }`
}

const ends = (c) => new Promise((resolve) => c.on('disconnect', resolve))

describe('bans', () => {
	let s
	before(async () => { s = await started(options) })
	after(() => s.destroy())
	const ban = (body) => api(s, 'POST', '/v1/bans', body)
	const lift = (body) => api(s, 'DELETE', '/v1/bans', body)
	const from = (ip) => ({ extraHeaders: { 'x-forwarded-for': ip } })
	/* The status of a handshake from that address. */
	async function handshake(t, ip, upgrade = '') {
		const w = await Wire.open(t, s.port)
		w.write(`GET /socket.io/?EIO=4&transport=${upgrade ? 'websocket' : 'polling'} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${ip}\r\n${upgrade}\r\n`)
		const r = await w.response()
		return r.status
	}

	test('a user: all its sockets go, on all workers and in all namespaces; others stay; it does not come back', async (t) => {
		const mine = await connect_each(t, s, WORKERS, () => ({ user: 'eve', reconnection: false }))
		mine.push(await connect(t, s, { user: 'eve', nsp: '/n', reconnection: false }))
		const other = await connect(t, s, { user: 'bob' })
		const gone = mine.map(ends)
		const r = await ban({ user: 'eve', reason: 'spam' })
		assert.deepEqual([r.status, r.json], [200, { user: 'eve', reason: 'spam' }])
		await Promise.all(gone)
		assert.equal(other.connected, true)
		for (let i = 0; i < 4; i++) assert.equal((await refused(t, s, { user: 'eve', reconnection: false })).message, 'You are not allowed to do this')
		await connect(t, s, { user: 'eve2' })
		assert.deepEqual((await api(s, 'GET', '/v1/bans')).json, { items: [{ user: 'eve', reason: 'spam' }] })
		assert.equal((await lift({ user: 'eve' })).status, 200)
		await connect(t, s, { user: 'eve' })
		assert.equal((await lift({ user: 'eve' })).status, 404)
	})

	test('a user who says who it is later', async (t) => {
		await ban({ user: 'late' })
		const c = await connect(t, s, { reconnection: false })
		const gone = ends(c)
		const r = await c.emitWithAck('authenticate', { token: token({ sub: 'late' }, { secret: SECRET }) })
		assert.deepEqual([r.success, r.code], [false, 'forbidden'])
		await gone
		await lift({ user: 'late' })
	})

	test('an address: 403 before anything else, and its sockets go', async (t) => {
		const mine = await connect(t, s, { ...from('192.0.2.7'), reconnection: false })
		const other = await connect(t, s, from('192.0.2.8'))
		const gone = ends(mine)
		assert.equal((await ban({ ip: '192.0.2.7' })).status, 200)
		await gone
		assert.equal(other.connected, true)
		assert.equal(await handshake(t, '192.0.2.7'), 403)
		assert.equal(await handshake(t, '192.0.2.7', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'), 403)
		assert.equal(await handshake(t, '192.0.2.8'), 200)
		assert.equal((await lift({ ip: '192.0.2.7' })).status, 200)
		assert.equal(await handshake(t, '192.0.2.7'), 200)
		/* One address, however it is written. */
		assert.equal((await ban({ ip: '2001:DB8:0:0::1' })).json.ip, '2001:db8::1')
		assert.equal(await handshake(t, '2001:db8::1'), 403)
		assert.equal((await lift({ ip: '2001:db8::0001' })).status, 200)
	})

	test('for a time', async (t) => {
		const until_ms = Date.now() + 700
		assert.equal((await ban({ user: 'tim', until: new Date(until_ms).toISOString() })).json.until, until_ms)
		await refused(t, s, { user: 'tim', reconnection: false })
		await until('it is over', async () => (await api(s, 'GET', '/v1/bans')).json.items.length === 0)
		assert.ok(Date.now() >= until_ms)
		await connect(t, s, { user: 'tim' })
		/* A second one takes the place of the first. */
		await ban({ user: 'tim', until: Date.now() + 300 })
		await ban({ user: 'tim' })
		await sleep(500)
		await refused(t, s, { user: 'tim', reconnection: false })
		await lift({ user: 'tim' })
	})

	test('pages', async () => {
		for (let i = 0; i < 20; i++) await ban(i % 2 ? { user: `u${i}` } : { ip: `198.51.100.${i}` })
		const first = (await api(s, 'GET', '/v1/bans?limit=7')).json
		const rest = (await api(s, 'GET', `/v1/bans?after=${first.next}`)).json
		assert.equal(first.items.length, 7)
		assert.equal(new Set([...first.items, ...rest.items].map((b) => b.user ?? b.ip)).size, 20)
		assert.equal(rest.next, undefined)
		for (const b of [...first.items, ...rest.items]) assert.equal((await lift(b.user ? { user: b.user } : { ip: b.ip })).status, 200)
		assert.deepEqual((await api(s, 'GET', '/v1/bans')).json, { items: [] })
	})

	for (const [what, body, field] of [
		['nobody', {}, 'user'], ['both', { user: 'a', ip: '1.2.3.4' }, 'user'], ['an empty user', { user: '' }, 'user'], ['a long user', { user: 'x'.repeat(129) }, 'user'],
		['no address', { ip: '1.2.3' }, 'ip'], ['a network', { ip: '10.0.0.0/8' }, 'ip'], ['a time gone by', { user: 'a', until: 5 }, 'until'],
		['a long reason', { user: 'a', reason: 'x'.repeat(513) }, 'reason'], ['another member', { user: 'a', why: 1 }, 'why']
	])
		test(`refused: ${what}`, async () => {
			const r = await ban(body)
			assert.deepEqual([r.status, r.json.error.field], [422, field])
		})
})

test('they survive a restart with data_dir, and the keeper without', async (t) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-data-'))
	t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
	const s = await server(t, { ...options, conf: `data_dir = "${dir}"\n${options.conf}`, shm: 'shm { sessions = 1000  ring_size = 1M  store_size = 16M  sync = 10ms }' })
	await api(s, 'POST', '/v1/bans', { user: 'eve', until: Date.now() + 3600000 })
	await api(s, 'POST', '/v1/bans', { ip: '192.0.2.7', reason: 'x' })
	await api(s, 'POST', '/v1/bans', { user: 'gone' })
	await api(s, 'DELETE', '/v1/bans', { user: 'gone' })
	const before = (await api(s, 'GET', '/v1/bans')).json.items
	assert.equal(before.length, 2)
	const pid = s.keeper().pid
	process.kill(pid, 'SIGKILL')
	await until('another keeper', () => s.keeper()?.pid !== pid && s.keeper()?.state === 'live')
	assert.deepEqual((await api(s, 'GET', '/v1/bans')).json.items, before)
	await s.stop()
	await s.start()
	assert.deepEqual((await api(s, 'GET', '/v1/bans')).json.items, before)
	await refused(t, s, { user: 'eve', reconnection: false })
})
