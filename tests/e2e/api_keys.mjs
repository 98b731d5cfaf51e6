/* api_keys.mjs - keys of the API that change while the server runs. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { api } from './clients.mjs'
import { Server, sleep, until } from './server.mjs'

function put(s, name, text) {
	const file = path.join(s.dir, name)
	fs.writeFileSync(`${file}.new`, text)
	fs.renameSync(`${file}.new`, file)
}

async function with_files(t, files, options) {
	const s = new Server(options)
	t.after(() => s.destroy())
	for (const [name, text] of Object.entries(files)) put(s, name, text)
	return s.start()
}

/* A call's status, often enough that each worker gets one. */
async function statuses(s, key, method = 'GET', route = '/v1/stats', body = undefined) {
	const all = new Set()
	for (let i = 0; i < 12; i++) all.add((await api(s, method, route, body, { key })).status)
	return [...all]
}
const changed = (s, client, times) => s.logged(new RegExp(`api_key_changed client=${client} `), times)
const told = (s, why, times = 1) => s.logged(new RegExp(`api_key_not_changed .*${why}`), times)

describe('keys of the API', { concurrency: true }, () => {
	test('follow their files on all workers; those of the conf stay', async (t) => {
		const s = await with_files(t, { 'a.key': 'first\n', 'b.key': 'reader' }, {
			workers: 2,
			admin: `admin "127.0.0.1:0" {
				client "a" { key_file = "a.key" }
				client "b" { key_file = "b.key"  may = read }
				client "c" { key = fixed }
			}`
		})
		for (const key of ['first', 'reader', 'fixed']) assert.deepEqual(await statuses(s, key), [200])
		put(s, 'a.key', 'second')
		await changed(s, 'a', 2)
		assert.deepEqual(await statuses(s, 'first'), [401])
		for (const key of ['second', 'reader', 'fixed']) assert.deepEqual(await statuses(s, key), [200])
		/* with the same rights */
		put(s, 'b.key', 'first\r\n')
		await changed(s, 'b', 2)
		assert.deepEqual(await statuses(s, 'reader'), [401])
		assert.deepEqual(await statuses(s, 'first'), [200])
		assert.deepEqual(await statuses(s, 'first', 'POST', '/v1/emit', { to: 'all', event: 'e' }), [403])
		assert.deepEqual(await statuses(s, 'second', 'POST', '/v1/emit', { to: 'all', event: 'e' }), [202])
		for (const text of ['first', 'second', 'reader']) assert.ok(!s.log.includes(`=${text} `) && !s.log.includes(`"${text}"`), text)
		assert.match(s.run('check', '-c', s.conf).out, /client "a" \{\n\t\tkey = "\*\*\*\*"/)
	})

	test('a file that is wrong or gone changes nothing, and is told once', async (t) => {
		const s = await with_files(t, { 'a.key': 'first', 'b.key': 'other' }, {
			workers: 1,
			admin: 'admin "127.0.0.1:0" { client "a" { key_file = "a.key" }  client "b" { key_file = "b.key" } }'
		})
		const still = async () => assert.deepEqual(await statuses(s, 'first'), [200])
		put(s, 'a.key', '\n')
		await told(s, 'holds a key of 0 bytes')
		await still()
		put(s, 'a.key', 'x'.repeat(1025))
		await told(s, 'holds a key of 1025 bytes')
		put(s, 'a.key', '****')
		await told(s, 'masked')
		put(s, 'a.key', 'two\nlines')
		await told(s, 'line break or control character at byte 4')
		put(s, 'a.key', 'other')
		await told(s, 'holds the key of another client')
		await still()
		fs.rmSync(path.join(s.dir, 'a.key'))
		await told(s, 'cannot be read')
		await still()
		fs.mkdirSync(path.join(s.dir, 'a.key'))
		await told(s, 'not a regular file')
		await still()
		await sleep(2200)
		assert.equal(s.log.match(/api_key_not_changed/g).length, 7, s.log)
		fs.rmdirSync(path.join(s.dir, 'a.key'))
		put(s, 'a.key', 'x'.repeat(1024))
		await changed(s, 'a', 1)
		assert.deepEqual(await statuses(s, 'x'.repeat(1024)), [200])
		assert.deepEqual(await statuses(s, 'first'), [401])
	})

	test('the one key of a listener; and a worker that is born later has the key of now', async (t) => {
		const s = await with_files(t, { 'k.key': 'first' }, { workers: 1, admin: 'admin "127.0.0.1:0" { key_file = "k.key" }' })
		put(s, 'k.key', 'second')
		await s.logged(/api_key_changed/)
		assert.deepEqual(await statuses(s, 'second'), [200])
		process.kill(s.worker(0).pid, 'SIGKILL')
		await s.logged(/api_key_changed/, 2)
		await until('the new key to count', async () => (await api(s, 'GET', '/v1/stats', undefined, { key: 'second' }).catch(() => ({}))).status === 200)
		assert.deepEqual(await statuses(s, 'first'), [401])
	})
})
