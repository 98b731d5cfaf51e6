/* room_tenants.mjs - namespaces by pattern: each name is a world of its own, made by who enters and gone with the last. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import parser from 'socket.io-msgpack-parser'
import { api, connect, connect_each, emit, inbox, next } from './clients.mjs'
import { metric, refusal } from './prometheus.mjs'
import { Server, server, started, until } from './server.mjs'
import { open_engine, open_socket } from './wire.mjs'

const WORKERS = 3
const CONF = `
room "r" { join = any }
event "say" { emit = said  to = all }
namespace "/plain" { event "say" { emit = "said here"  to = all } }
namespace "/tenant-*" {
	room "r" { join = any }
	event "say" { room = "r:{id}"  emit = said  data = '{"text": {text}, "where": {@namespace}, "rooms": {@socket.rooms}}' }
	event "shout" { emit = said  to = all }
	on "connect" { emit = welcome  to = self  data = '{"namespace": {@namespace}, "text": "to {@namespace}"}' }
}
namespace "/tenant-vip*" { on "connect" { emit = welcome  to = self  data = '"vip"' } }
`
let s
before(async () => (s = await started({ workers: WORKERS, conf: CONF, auth: 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }' })))
after(() => s.destroy())

const get = (path) => api(s, 'GET', path)
const rooms = async (namespace) => (await get(`/v1/rooms?namespace=${encodeURIComponent(namespace)}`)).json.items
const join = (a, id) => a.emitWithAck('subscribe', { room: 'r', id })

/* A socket in NSP, whatever characters that has. */
async function enter(t, nsp, options) {
	const main = await connect(t, s, options)
	const a = main.io.socket(nsp)
	t.after(() => a.disconnect())
	a.welcome = next(a, 'welcome')
	await next(a, 'connect')
	return a
}

describe('two tenants', () => {
	test('share no room: events, acks and queries', async (t) => {
		const one = [await enter(t, '/tenant-1'), await enter(t, '/tenant-1')]
		const two = [await enter(t, '/tenant-2'), await enter(t, '/tenant-2')]
		const boxes = [...one, ...two].map((a) => inbox(a, 'said'))
		for (const a of [...one, two[0]]) await join(a, 7)
		assert.deepEqual(await one[0].emitWithAck('say', { id: 7, text: 'x' }), { success: true })
		assert.deepEqual(await two[1].emitWithAck('say', { id: 7, text: 'y' }), { success: false, error: 'You are not in this room', code: 'not_member' })
		await two[0].emitWithAck('say', { id: 7, text: 'z' })
		await until('all', () => boxes[1].length === 1 && boxes[2].length === 1)
		const said = (text, where) => [['said', { text, where, rooms: ['global:all', 'r:7'] }]]
		assert.deepEqual(boxes, [said('x', '/tenant-1'), said('x', '/tenant-1'), said('z', '/tenant-2'), []])
		assert.deepEqual(await rooms('/tenant-1'), [{ name: 'global:all', users: 0, sockets: 2, meta: {} }, { name: 'r:7', users: 0, sockets: 2, meta: {} }])
		assert.deepEqual(await rooms('/tenant-2'), [{ name: 'global:all', users: 0, sockets: 2, meta: {} }, { name: 'r:7', users: 0, sockets: 1, meta: {} }])
		assert.deepEqual(await rooms('/tenant-3'), [])
		assert.equal((await get('/v1/rooms/r:7?namespace=/tenant-2')).json.sockets, 1)
		assert.equal((await get('/v1/rooms/r:7')).status, 404)
		const { items } = (await get('/v1/sockets?namespace=/tenant-2')).json
		assert.deepEqual(items.map((i) => [i.id, i.namespace]).sort(), two.map((a) => [a.id, '/tenant-2']).sort())
		assert.deepEqual((await get('/v1/sockets?namespace=/tenant-2&in=r:7')).json.items.map((i) => i.id), [two[0].id])
	})

	test('on several workers and over every transport', async (t) => {
		const all = []
		for (const options of [{}, { transports: ['polling'] }, { parser }])
			for (const nsp of ['/tenant-a', '/tenant-b']) all.push(...(await connect_each(t, s, WORKERS, () => ({ nsp, ...options }))))
		await Promise.all(all.map((a) => join(a, 1)))
		const boxes = all.map((a) => inbox(a, 'said', 'end'))
		const of = (nsp) => all.map((a, i) => (a.nsp === nsp ? boxes[i] : undefined)).filter(Boolean)
		await all.find((a) => a.nsp === '/tenant-a').emitWithAck('shout', 'a', Buffer.from([1, 2]))
		await emit(s, 'r:1', 'said', 'api', { namespace: '/tenant-b' })
		for (const namespace of ['/tenant-a', '/tenant-b']) await emit(s, 'all', 'end', namespace, { namespace })
		await until('the end', () => boxes.every((b) => b.at(-1)?.[0] === 'end'))
		for (const b of of('/tenant-a')) assert.deepEqual(b, [['said', 'a', Buffer.from([1, 2])], ['end', '/tenant-a']])
		for (const b of of('/tenant-b')) assert.deepEqual(b, [['said', 'api'], ['end', '/tenant-b']])
	})

	test('the API reaches one: emit, join, leave, disconnect, acks', async (t) => {
		const [one, two, main] = [await enter(t, '/tenant-1'), await enter(t, '/tenant-2'), await connect(t, s)]
		const boxes = [one, two, main].map((a) => inbox(a, 'e', 'disconnect'))
		for (const a of [one, two, main]) a.on('ask', (answer) => answer(a.nsp))
		assert.equal((await emit(s, 'all', 'e', 1, { namespace: '/tenant-1' })).json.delivered, 1)
		const post = (verb, body) => api(s, 'POST', `/v1/sockets/${verb}`, { namespace: '/tenant-1', in: 'all', ...body })
		assert.deepEqual((await post('join', { rooms: 'r:9' })).json, { matched: 1 })
		await until('it to be there', async () => (await rooms('/tenant-1')).some((r) => r.name === 'r:9'))
		assert.equal((await rooms('/tenant-2')).length, 1)
		assert.deepEqual((await emit(s, 'r:9', 'ask', undefined, { namespace: '/tenant-1', timeout: 3000 })).json.answers, ['/tenant-1'])
		assert.deepEqual((await emit(s, 'r:9', 'ask', undefined, { namespace: '/tenant-2', timeout: 3000 })).json.answers, [])
		assert.deepEqual((await emit(s, `socket:${two.id}`, 'ask', undefined, { namespace: '/tenant-1', timeout: 3000 })).json.answers, [])
		assert.deepEqual((await post('leave', { rooms: 'r:9' })).json, { matched: 1 })
		await until('it to be gone', async () => (await rooms('/tenant-1')).length === 1)
		assert.deepEqual((await post('disconnect')).json, { matched: 1 })
		await until('it to go', () => boxes[0].length === 2)
		assert.equal(await two.emitWithAck('ping'), 'pong')
		assert.equal(await main.emitWithAck('ping'), 'pong')
		assert.deepEqual(boxes.map((b) => b.map((h) => h.slice(0, 2))), [[['e', 1], ['disconnect', 'io server disconnect']], [], []])
		assert.equal((await emit(s, 'all', 'e', 2, { namespace: '/tenant-1' })).json.delivered, 0)
	})
})

test('on connect knows the name, and the longest pattern is the one', async (t) => {
	assert.deepEqual(await (await enter(t, '/tenant-x')).welcome, [{ namespace: '/tenant-x', text: 'to /tenant-x' }])
	assert.deepEqual(await (await enter(t, '/tenant-vip-1')).welcome, ['vip'])
	assert.deepEqual(await (await enter(t, '/tenant-vip')).welcome, [{ namespace: '/tenant-vip', text: 'to /tenant-vip' }])
	/* what the other has is not here */
	const vip = await enter(t, '/tenant-vip2')
	assert.equal((await vip.emitWithAck('shout', 1)).code, 'unknown_event')
	assert.equal((await join(vip, 1)).success, false)
})

describe('names', () => {
	const strange = ['/tenant-é💛', '/tenant- two  words ', '/tenant-"quoted"\\', '/tenant-[1]', '/tenant-{x}', '/tenant-/', '/tenant-a/b/c',
		'/tenant-*', '/tenant-1-2', '/tenant-0', `/tenant-${'x'.repeat(120)}`, '/tenant-%41', '/tenant-A']
	test('with any characters, each its own', async (t) => {
		const all = []
		for (const nsp of strange) all.push(await enter(t, nsp))
		for (const [i, a] of all.entries()) {
			const nsp = strange[i]
			assert.deepEqual(await a.welcome, [{ namespace: nsp, text: `to ${nsp}` }])
			assert.equal((await join(a, 'é')).success, true)
			assert.deepEqual((await rooms(nsp)).map((r) => [r.name, r.sockets]), [['global:all', 1], ['r:é', 1]], nsp)
			const heard = next(a, 'said')
			assert.deepEqual(await a.emitWithAck('say', { id: 'é', text: i }), { success: true })
			assert.equal((await heard)[0].where, nsp)
			const heard2 = next(a, 'n')
			assert.equal((await emit(s, 'r:é', 'n', i, { namespace: nsp })).json.delivered, 1)
			assert.deepEqual(await heard2, [i])
		}
	})

	const refused = ['/tenant-', '/tenant', '/tenan-1', '/', '/tenant-\u0001', '/tenant-\n', '/tenant-\u007f', `/tenant-${'x'.repeat(121)}`,
		`/tenant-${'x'.repeat(100000)}`, '/TENANT-1', '/plain2', '/plain/']
	for (const nsp of refused.filter((n) => n !== '/')) {
		test(`refused: ${JSON.stringify(nsp).slice(0, 40)}`, async (t) => {
			const wire = await open_engine(t, s.port)
			await refusal(s, 'namespace', async () => {
				wire.send(`40${nsp},`)
				assert.equal(await wire.text(), `44${nsp},{"message":"Invalid namespace"}`)
			})
			wire.send(`40/tenant-ok,`)
			assert.match(await wire.text(), /^40\/tenant-ok,/)
		})
	}

	test('refused by the API: what no client could enter', async () => {
		for (const namespace of ['/tenant-', '/plain2', '/tenant-\n', `/tenant-${'x'.repeat(121)}`, 'tenant-1', '']) {
			const r = await emit(s, 'all', 'e', 1, { namespace })
			assert.equal(r.status, 422, `${namespace}: ${r.text}`)
			assert.equal(r.json.error.field, 'namespace')
		}
		assert.equal((await emit(s, 'all', 'e', 1, { namespace: '/tenant-nobody' })).json.delivered, 0)
	})

	test('the same name in two namespaces of one connection, and once only', async (t) => {
		const wire = await open_socket(t, s.port)
		for (const nsp of ['/tenant-1', '/tenant-2']) {
			wire.send(`40${nsp},`)
			assert.ok((await wire.text()).startsWith(`40${nsp},{"sid":`))
			assert.equal(await wire.text(), `42${nsp},["welcome",{"namespace":"${nsp}","text":"to ${nsp}"}]`)
		}
		wire.send('41/tenant-1,').send('42/tenant-2,5["ping"]')
		assert.equal(await wire.text(), '43/tenant-2,5["pong"]')
		/* one that was left is not joined */
		wire.send('42/tenant-1,6["ping"]')
		assert.equal(await wire.closed(), 0)
	})
})

describe('coming and going', () => {
	test('1000 tenants at once, each reached alone; then none', async (t) => {
		const wires = await Promise.all(Array.from({ length: 10 }, () => open_socket(t, s.port)))
		const sids = new Map()
		for (const [w, wire] of wires.entries()) {
			for (let i = 0; i < 100; i++) wire.send(`40/tenant-n${w * 100 + i},`)
			for (let i = 0; i < 200; i++) {
				const m = (await wire.text()).match(/^40(\/tenant-n\d+),\{"sid":"(.*)"\}$/)
				if (m) sids.set(m[1], m[2])
			}
		}
		assert.equal(sids.size, 1000)
		await until('all to be stored', async () => (await rooms('/tenant-n999')).length === 1)
		for (const i of [0, 99, 500, 999]) {
			const r = await emit(s, 'all', 'hello', i, { namespace: `/tenant-n${i}` })
			assert.equal(r.json.delivered, 1)
			assert.equal(await wires[Math.floor(i / 100)].text(), `42/tenant-n${i},["hello",${i}]`)
		}
		for (const wire of wires) wire.socket.destroy()
		await until('them to go', async () => (await metric(s, 'sockets')) === 0)
		await until('the rooms to go', async () => (await metric(s, 'rooms')) === 0)
		assert.equal(await metric(s, 'worker_rooms'), 0)
	})

	test('their memory comes back', async (t) => {
		const s1 = await server(t, { workers: 1, conf: CONF, auth: 'auth { anonymous = yes }', shm: 'shm { sessions = 10000  ring_size = 1M  store_size = 64M }' })
		const wire = await open_socket(t, s1.port)
		const resident = () => s1.worker(0).rss_bytes
		let round = 0
		/* 1000 more, whose names were never there before */
		async function come_and_go() {
			const name = (i) => `/tenant-${`${round}-${i}-`.padEnd(120, 'x')}`
			for (let i = 0; i < 1000; i++) wire.send(`40${name(i)},`)
			for (let i = 0; i < 2000; i++) await wire.text()
			for (let i = 0; i < 1000; i++) wire.send(`41${name(i)},`)
			wire.send('421["ping"]')
			assert.equal(await wire.text(), '431["pong"]')
			round++
		}
		for (let i = 0; i < 5; i++) await come_and_go()
		await until('the store to follow', async () => (await metric(s1, 'rooms')) === 1)
		const before = resident()
		for (let i = 0; i < 20; i++) await come_and_go()
		await until('the store to follow', async () => (await metric(s1, 'rooms')) === 1)
		/* the ring's pages are touched meanwhile, 1M; 20,000 names would be 5M */
		assert.ok(resident() - before < 3e6, `${resident() - before} bytes more`)
		assert.equal(await metric(s1, 'worker_rooms'), 2) /* the namespace and global:all of the one that is left */
	})
})

describe('the conf', () => {
	const check = (t, text) => {
		const one = new Server({ conf: text })
		t.after(() => one.destroy())
		return one.run('check', '-c', one.conf)
	}

	test('check prints namespaces with all that stands in them, in a form that is read again', (t) => {
		const { status, out } = check(t, CONF)
		assert.equal(status, 0)
		for (const line of ['namespace "/plain" {', "namespace '/tenant-*' {", "namespace '/tenant-vip*' {", '@namespace']) assert.ok(out.includes(line), line)
		const blocks = (text) => text.match(/^namespace[^]*?^}/gm)
		const again = check(t, blocks(out).join('\n'))
		assert.equal(again.status, 0, again.err)
		assert.deepEqual(blocks(again.out), blocks(out))
	})

	const wrong = {
		'two stars': ['namespace "/a*b*" { }', /one `\*`/],
		'a comma': ['namespace "/a,b" { }', /no comma/],
		'no slash': ['namespace "tenant-*" { }', /begins with \//],
		'the same twice': ['namespace "/t-*" { }\nnamespace "/t-*" { }', /t-\*/],
		'a room that only another namespace has': ['room "q" { join = any }\nnamespace "/t-*" { event "e" { room = "q:{id}"  emit = e } }', /q/]
	}
	for (const [what, [text, says]] of Object.entries(wrong)) {
		test(`refused: ${what}`, (t) => {
			const { status, err } = check(t, text)
			assert.equal(status, 2)
			assert.match(err, says)
			assert.match(err, /\.conf:\d+: /)
		})
	}
})
