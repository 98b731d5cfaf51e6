/* api_sockets.mjs - acts on sockets of all workers, and the lists of sockets, rooms, users. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, emit, inbox, next, token } from './clients.mjs'
import { server, started, until } from './server.mjs'
import { open_socket } from './wire.mjs'

const WORKERS = 3
const SHM = 'shm { sessions = 2000  ring_size = 1M  store_size = 64M }'

describe('join, leave, disconnect', () => {
	let s
	before(async () => {
		s = await started({ workers: WORKERS, shm: SHM, conf: 'room "r" { }\nroom "q" { join = any }' })
	})
	after(() => s.destroy())

	const act = (what, body) => api(s, 'POST', `/v1/sockets/${what}`, body)
	const rooms = (a) => a.emitWithAck('getRooms')
	const settled = (what, fn) => until(what, fn, 5000)

	test('join puts every socket of the targets into rooms, whatever their policy', async (t) => {
		const all = await connect_each(t, s, WORKERS, () => ({ user: 'ada' }))
		const other = await connect(t, s, { user: 'bob' })
		const r = await act('join', { in: 'user:ada', rooms: ['r:1', 'r:2'] })
		assert.deepEqual([r.status, r.json], [200, { matched: WORKERS }])
		for (const a of all) await settled('the rooms', async () => (await rooms(a)).length === 4)
		assert.deepEqual(await rooms(all[0]), ['user:ada', 'global:all', 'r:1', 'r:2'])
		assert.equal((await rooms(other)).length, 2)
		await settled('the members', async () => (await api(s, 'GET', '/v1/rooms/r:1')).json?.sockets === WORKERS)
		const heard = all.map((a) => next(a, 'news'))
		assert.equal((await emit(s, 'r:2', 'news', 1)).json.delivered, WORKERS)
		await Promise.all(heard)
	})

	test('leave takes them out; a room nobody is in, or that is not joined, is no mistake', async (t) => {
		const all = await connect_each(t, s, WORKERS, () => ({ user: 'cleo' }))
		for (const a of all) await a.emitWithAck('subscribe', { room: 'q', id: 1 })
		await api(s, 'GET', '/v1/rooms') /* waits for the store */
		assert.deepEqual((await act('leave', { in: 'q:1', except: `socket:${all[0].id}`, rooms: 'q:1' })).json, { matched: WORKERS - 1 })
		await settled('one to be left', async () => (await api(s, 'GET', '/v1/rooms/q:1')).json.sockets === 1)
		assert.deepEqual(await rooms(all[0]), ['user:cleo', 'global:all', 'q:1'])
		assert.deepEqual((await act('leave', { in: 'q:77', rooms: ['q:1'] })).json, { matched: 0 })
		assert.deepEqual((await act('leave', { in: 'user:cleo', rooms: ['q:88'] })).json, { matched: WORKERS })
		await act('leave', { in: 'user:cleo', rooms: 'user:cleo' })
		for (const a of all) await settled('even an automatic room to go', async () => !(await rooms(a)).includes('user:cleo'))
	})

	test('matched counts each socket once', async (t) => {
		const all = await connect_each(t, s, WORKERS, () => ({ user: 'dora', role: 'x' }))
		const r = await act('join', { in: ['user:dora', 'role:x', `socket:${all[0].id}`], except: `socket:${all[1].id}`, rooms: 'r:once' })
		assert.deepEqual(r.json, { matched: WORKERS - 1 })
		await settled('the members', async () => (await api(s, 'GET', '/v1/rooms/r:once')).json?.sockets === WORKERS - 1)
	})

	test('disconnect: server namespace disconnect, the transport stays; close: it goes', async (t) => {
		for (const close of [undefined, false, true]) {
			const all = await connect_each(t, s, WORKERS, () => ({ user: 'eve' }))
			const gone = all.map((a) => next(a, 'disconnect'))
			const engines = all.map((a) => a.io.engine)
			const manager = all.map((a) => inbox(a.io, 'close'))
			assert.deepEqual((await act('disconnect', { in: 'user:eve', close })).json, { matched: WORKERS })
			assert.deepEqual((await Promise.all(gone)).map(([reason]) => reason), Array(WORKERS).fill('io server disconnect'))
			await settled('the user to go', async () => (await api(s, 'GET', '/v1/users/eve')).json.online === false)
			/* socket.io-client itself closes a manager that no socket uses. */
			await settled('the engines', () => engines.every((e) => e.readyState === 'closed') && manager.every((m) => m.length === 1))
		}
	})

	test('on the wire: 41 and a transport that stays, or 41 and the end', async (t) => {
		const auth = { token: token({ sub: 'wired' }) }
		const wire = await open_socket(t, s.port, { auth })
		await act('disconnect', { in: 'user:wired', close: false })
		assert.equal(await wire.text(), '41')
		wire.send(`40${JSON.stringify(auth)}`)
		const answer = await wire.text()
		assert.match(answer, /^40\{"sid":/)
		assert.notEqual(JSON.parse(answer.slice(2)).sid, wire.sid)
		await act('disconnect', { in: 'user:wired', close: true })
		assert.equal(await wire.text(), '41')
		assert.equal(await wire.closed(), 0)
	})

	test('disconnect all but one', async (t) => {
		const all = await connect_each(t, s, WORKERS)
		const before = (await api(s, 'GET', '/v1/sockets?limit=1000')).json.items.length
		assert.deepEqual((await act('disconnect', { in: 'all', except: `socket:${all[1].id}` })).json, { matched: before - 1 })
		await settled('the others to go', async () => (await api(s, 'GET', '/v1/sockets')).json.items.length === 1)
		assert.equal(all[1].connected, true)
	})

	test('a socket may be in more rooms than a client may ask for: 40,000', async (t) => {
		const a = await connect(t, s, { user: 'hoarder' })
		for (let i = 0; i < 400; i++) {
			const names = [...Array(100).keys()].map((k) => `r:${i * 100 + k}`)
			assert.equal((await act('join', { in: 'user:hoarder', rooms: names })).status, 200)
		}
		await settled('the rooms', async () => (await rooms(a)).length === 40002)
		/* more than an operation ring holds at once: what waits for room in it is not seen by queries yet */
		await settled('the store to follow', async () => (await api(s, 'GET', '/v1/rooms/r:39999')).json.sockets === 1)
		assert.equal((await api(s, 'GET', `/v1/sockets/${a.id}`)).json.rooms.length, 40002)
		a.disconnect()
		await settled('the rooms to go', async () => (await api(s, 'GET', '/v1/rooms?type=r&limit=1')).json.items.length === 0)
	})

	const wrong = [
		['join', { rooms: 'r:1' }, 'missing', 'in'],
		['join', { in: 'all' }, 'missing', 'rooms'],
		['join', { in: 'all', rooms: [] }, 'missing', 'rooms'],
		['join', { in: 'all', rooms: [1] }, 'invalid', 'rooms'],
		['join', { in: 'all', rooms: 'x'.repeat(250) }, 'invalid', 'rooms'],
		['join', { in: 'all', rooms: [...Array(101).keys()].map((i) => `r:${i}`) }, 'too_many', 'rooms'],
		['join', { in: 'all', rooms: 'r:1', close: true }, 'unknown_field', 'close'],
		['leave', { in: null, rooms: 'r:1' }, 'invalid', 'in'],
		['disconnect', { in: [] }, 'missing', 'in'],
		['disconnect', { in: 'all', close: 'yes' }, 'invalid', 'close'],
		['disconnect', { in: 'all', namespace: '/x' }, 'unknown', 'namespace'],
		['disconnect', { in: 'all', rooms: 'r:1' }, 'unknown_field', 'rooms']
	]
	for (const [what, body, code, field] of wrong) {
		test(`refused: ${what} ${JSON.stringify(body).slice(0, 50)}`, async () => {
			const r = await act(what, body)
			assert.equal(r.status, 422, r.text)
			assert.equal(r.json.error.code, code)
			assert.equal(r.json.error.field, field)
		})
	}
})

describe('lists', () => {
	let s
	let all
	before(async () => {
		s = await started({ workers: WORKERS, conf: 'room "big" { join = any }\nroom "a" { join = any }\nroom "ab" { join = any }' })
	})
	after(() => s.destroy())

	const get = (path) => api(s, 'GET', path)
	/* All items of a list, page by page. */
	async function pages(path, limit) {
		const items = []
		const sizes = []
		let after = ''
		for (;;) {
			const { status, json } = await get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${after}`)
			assert.equal(status, 200)
			items.push(...json.items)
			sizes.push(json.items.length)
			assert.ok(json.items.length <= limit)
			if (json.next === undefined) return { items, sizes }
			after = `&after=${encodeURIComponent(json.next)}`
			assert.ok(sizes.length < 100, 'the list never ends')
		}
	}

	test('nobody is there', async () => {
		assert.deepEqual((await get('/v1/sockets')).json, { items: [] })
		assert.deepEqual((await get('/v1/rooms')).json, { items: [] })
		assert.deepEqual((await get('/v1/sockets?in=big:1')).json, { items: [] })
	})

	test('sockets come in pages, each once', async (t) => {
		all = await Promise.all([...Array(25).keys()].map((i) => connect(after_suite, s, { user: `user${i % 5}` })))
		const ids = all.map((a) => a.id).sort()
		for (const limit of [1, 7, 24, 25, 26, 1000]) {
			const { items, sizes } = await pages('/v1/sockets', limit)
			assert.deepEqual(items.map((i) => i.id).sort(), ids, `limit ${limit}`)
			assert.equal(sizes.length, Math.ceil(25 / limit), `limit ${limit}: ${sizes}`)
		}
	})

	test('sockets of a room, a user, a role', async () => {
		for (const a of all.slice(0, 12)) await a.emitWithAck('subscribe', { room: 'big', id: 1 })
		for (const limit of [1, 5, 12, 100]) {
			const { items } = await pages('/v1/sockets?in=big:1', limit)
			assert.deepEqual(items.map((i) => i.id).sort(), all.slice(0, 12).map((a) => a.id).sort(), `limit ${limit}`)
			for (const item of items) assert.ok(item.rooms.includes('big:1'))
		}
		assert.equal((await pages('/v1/sockets?in=user:user3', 2)).items.length, 5)
		assert.equal((await pages('/v1/sockets?in=global:all', 10)).items.length, 25)
		assert.equal((await pages('/v1/sockets?in=nosuch:1', 10)).items.length, 0)
	})

	test('rooms come in pages, in order, and by type', async () => {
		for (const [i, a] of all.entries()) {
			await a.emitWithAck('subscribe', { room: 'a', id: i })
			await a.emitWithAck('subscribe', { room: 'ab', id: i % 3 })
		}
		for (const limit of [1, 4, 25, 500]) {
			const { items } = await pages('/v1/rooms', limit)
			const names = items.map((i) => i.name)
			assert.deepEqual(names, [...names].sort((x, y) => (x < y ? -1 : 1)), `limit ${limit}`)
			assert.equal(names.length, 25 + 3 + 1 + 5 + 1)
			assert.equal(new Set(names).size, names.length)
			assert.deepEqual(items.find((i) => i.name === 'ab:1'), { name: 'ab:1', users: 5, sockets: 8, meta: {} })
		}
		assert.equal((await pages('/v1/rooms?type=a', 10)).items.length, 25)
		assert.deepEqual((await pages('/v1/rooms?type=ab', 2)).items.map((i) => i.name), ['ab:0', 'ab:1', 'ab:2'])
		assert.deepEqual((await pages('/v1/rooms?type=global', 2)).items, [{ name: 'global:all', users: 5, sockets: 25, meta: {} }])
		assert.equal((await pages('/v1/rooms?type=zz', 2)).items.length, 0)
	})

	test('the lists follow who goes', async () => {
		for (const a of all) a.disconnect()
		await until('all to go', async () => (await get('/v1/sockets')).json.items.length === 0)
		assert.deepEqual((await get('/v1/rooms')).json, { items: [] })
	})

	test('one of them that is not there: 404; a user is just not online', async () => {
		for (const path of ['/v1/sockets/AAAAAAAAAAAAAAAAAAAA', '/v1/sockets/x', '/v1/rooms/big:1', '/v1/rooms/%00x'.replace('%00', '')]) {
			const r = await get(path)
			assert.equal(r.status, 404, path)
			assert.equal(r.json.error.code, 'not_found')
		}
		assert.deepEqual((await get('/v1/users/nobody')).json, { id: 'nobody', online: false, sockets: [] })
	})

	const wrong = ['limit=0', 'limit=-1', 'limit=1001', 'limit=x', 'limit=1.5', 'limit=99999999999999999999', `in=${'x'.repeat(300)}`,
		'in=%', 'in=%zz', 'in=a%00b', 'after=%00', `namespace=${'n'.repeat(300)}`, `after=${'z'.repeat(300)}`]
	for (const query of wrong) {
		test(`refused: ?${query.slice(0, 40)}`, async () => {
			const r = await get(`/v1/sockets?${query}`)
			assert.equal(r.status, 422, r.text)
			assert.equal(r.json.error.field, query.split('=')[0])
		})
	}

	test('refused: paths that are no names', async () => {
		for (const path of ['/v1/rooms/%', '/v1/rooms/a%00b', `/v1/rooms/${'x'.repeat(300)}`, `/v1/users/${'x'.repeat(129)}`])
			assert.equal((await get(path)).status, 422, path)
	})

	test('a place in a list that was never given is refused, or a list from there', async () => {
		for (const after of ['x', 'AAAAAAAAAAAAAAAAAAAA', '\u0001', '~~~~', '9'.repeat(40)]) {
			for (const path of ['/v1/sockets', '/v1/sockets?in=big:1', '/v1/rooms']) {
				const r = await get(`${path}${path.includes('?') ? '&' : '?'}after=${encodeURIComponent(after)}`)
				assert.ok(r.status === 200 || r.status === 422, `${path} ${after}: ${r.status}`)
				if (r.status === 200) assert.ok(Array.isArray(r.json.items))
			}
		}
	})
})

/* Clients that several tests use: what they hang on is let go with the process. */
const after_suite = { after: () => {} }

test('a thousand clients come and go, and the counts follow', async (t) => {
	const s = await server(t, { workers: WORKERS, shm: SHM, conf: 'room "r" { join = any }' })
	const all = []
	for (let i = 0; i < 10; i++)
		all.push(...(await Promise.all([...Array(100).keys()].map((k) => connect(t, s, { user: `u${(i * 100 + k) % 250}` })))))
	await Promise.all(all.map((a, i) => a.emitWithAck('subscribe', { room: 'r', id: i % 10 })))
	assert.deepEqual((await api(s, 'GET', '/v1/rooms/global:all')).json, { name: 'global:all', users: 250, sockets: 1000, meta: {} })
	for (const a of all.slice(0, 900)) a.disconnect()
	await until('900 to go', async () => (await api(s, 'GET', '/v1/rooms/global:all')).json.sockets === 100)
	assert.deepEqual((await api(s, 'GET', '/v1/rooms/r:3')).json, { name: 'r:3', users: 10, sockets: 10, meta: {} })
	assert.equal((await api(s, 'GET', '/v1/sockets?limit=1000')).json.items.length, 100)
})
