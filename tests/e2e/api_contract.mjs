/* api_contract.mjs - GET /openapi.json against the running server: each path and method, and what they are answered. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { api, connect } from './clients.mjs'
import { Schemas } from './schema.mjs'
import { KEY, server, started } from './server.mjs'

const ONE_RIGHT = { publish: 'publish-key-0123456789abcdef0123', control: 'control-key-0123456789abcdef0123', read: 'read-key-0123456789abcdef01234567' }
const clients = Object.entries(ONE_RIGHT).map(([may, key]) => `client "${may}" { key = "${key}"  may = ${may} }`).join('  ')
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-contract-'))
const conf = `
data_dir = "${dir}"
room "market" { join = any }
route "market:trade" { fields = {"marketId: id", "trader: id", "amount: digits"}  to = {"market:{marketId}", "user:{trader}"} }
event "hello" { emit = hello  to = all }
`

const ORDER = ['get', 'post', 'delete']

/* Rows of the table in worker/api.c: {method, path, prefix, may}. */
function table() {
	const source = fs.readFileSync(new URL('../../worker/api.c', import.meta.url), 'utf8')
	const rows = [...source.matchAll(/\{HTTP_VERB_(\w+), "([^"]+)", (true|false), ([^,]+), \w+\},/g)]
	assert.ok(rows.length > 15)
	assert.equal(rows.length, [...source.matchAll(/\{HTTP_VERB_/g)].length)
	return rows.map(([, method, path, prefix, may]) => ({ method: method.toLowerCase(), path, prefix: prefix === 'true', may }))
}

describe('GET /openapi.json', () => {
	let s, doc, schemas, sid
	before(async () => {
		s = await started({
			workers: 2,
			conf,
			admin: `admin "127.0.0.1:0" { key = "${KEY}"  ${clients} }`,
			auth: 'auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" } }'
		})
		doc = (await api(s, 'GET', '/openapi.json', undefined, { key: null })).json
		schemas = new Schemas(doc)
	})
	after(async () => {
		await s.destroy()
		fs.rmSync(dir, { recursive: true, force: true })
	})

	const operations = () => Object.entries(doc.paths).flatMap(([path, item]) => Object.entries(item).map(([method, op]) => ({ path, method, ...op })))
	const needs_key = (op) => (op.security ?? doc.security).length > 0
	const real = (p) => p.replace('/v1/schedules/{id}', '/v1/schedules/later').replace('{sid}', sid).replace('{room}', 'market%3A1').replace('{id}', 'ada')
	const call = (op, body, more) => api(s, op.method.toUpperCase(), real(op.path), body, more)

	/* The reply is declared: its status, its type, its members. */
	function declared(op, r, what) {
		const where = `${op.method} ${op.path}, ${what}: ${r.status} ${r.text.slice(0, 200)}`
		const reply = schemas.whole(op.responses[r.status])
		assert.ok(reply, where)
		for (const name of Object.keys(reply.headers ?? {})) assert.ok(r.headers[name.toLowerCase()], `${where}: ${name}`)
		if (reply.content === undefined) return
		const type = (r.headers['content-type'] ?? '').split(';')[0]
		assert.ok(type in reply.content, `${where}: ${type}`)
		if (type === 'application/json') assert.deepEqual(schemas.wrong(reply.content[type].schema, r.json), [], where)
	}

	/* A body that is right, of each type. */
	const bodies = (op) => Object.entries(op.requestBody.content).map(([type, c]) => {
		const example = c.example ?? schemas.whole(c.schema).examples?.[0] ?? schemas.whole(schemas.whole(c.schema).allOf[0]).examples[0]
		return { type, example, schema: c.schema }
	})

	test('is OpenAPI 3.1 whose references hold, and whose operations have names of their own', () => {
		assert.match(doc.openapi, /^3\.1\./)
		const walk = (v) => {
			if (v === null || typeof v !== 'object') return
			if (typeof v.$ref === 'string') schemas.at(v.$ref)
			for (const one of Object.values(v)) walk(one)
		}
		walk(doc)
		const ids = operations().map((op) => op.operationId)
		assert.equal(new Set(ids).size, ids.length)
		for (const op of operations()) {
			assert.ok(op.summary, op.path)
			assert.ok(doc.tags.some((t) => t.name === op.tags[0]), op.path)
		}
		for (const name of Object.keys(doc.components.schemas)) schemas.wrong({ $ref: `#/components/schemas/${name}` }, {})
	})

	test('has each row of the table of routes, with its right, and no others', () => {
		const rights = { CONF_MAY_PUBLISH: ['publish'], CONF_MAY_CONTROL: ['control'], CONF_MAY_READ: ['read'], 0: ['health', 'console'],
			'CONF_MAY_PUBLISH | CONF_MAY_CONTROL': ['publish'] }
		const rows = new Map(table().map((r) => [`${r.method} ${r.path}${r.prefix ? '{}' : ''}`, r]))
		const ops = new Map(operations().map((op) => [`${op.method} ${op.path.replace(/\{\w+\}/, '{}')}`, op]))
		assert.deepEqual([...ops.keys()].sort(), [...rows.keys()].sort())
		for (const [key, op] of ops) {
			assert.ok(rights[rows.get(key).may].includes(op.tags[0]), key)
			assert.equal(needs_key(op), rows.get(key).may !== '0', key)
		}
	})

	test('each operation does what it says', async (t) => {
		const a = await connect(t, s, { user: 'ada', name: 'Ada', role: 'chief' })
		await a.emitWithAck('subscribe', { room: 'market', id: 1 })
		const anonymous = await connect(t, s)
		await anonymous.emitWithAck('hello')
		a.onAny((event, ...args) => args.at(-1) instanceof Function && args.at(-1)(event))
		sid = a.id
		assert.equal((await api(s, 'POST', '/v1/schedules', { id: 'later', to: ['all'], event: 'e', data: { a: [1] }, volatile: true, delay: '1h' })).status, 202)
		/* first those that look, as the others change what there is */
		for (const op of operations().sort((x, y) => ORDER.indexOf(x.method) - ORDER.indexOf(y.method))) {
			const inputs = op.requestBody ? bodies(op) : [{}]
			for (const { type, example, schema } of inputs) {
				if (type === 'application/json') assert.deepEqual(schemas.wrong(schema, example), [], op.path)
				const r = await call(op, example, type ? { headers: { 'content-type': type } } : undefined)
				assert.ok(r.status < 300, `${op.method} ${op.path}: ${r.status} ${r.text.slice(0, 100)}`)
				declared(op, r, 'done')
				if (type === 'application/x-ndjson')
					for (const line of r.text.trimEnd().split('\n')) assert.deepEqual(schemas.wrong({ $ref: '#/components/schemas/Result' }, JSON.parse(line)), [])
			}
		}
		const emit = operations().find((op) => op.path === '/v1/emit')
		declared(emit, await call(emit, { to: 'user:ada', event: 'x', timeout: 5000 }), 'acks')
		declared(emit, await call(emit, { to: 'user:ada', event: 'x', delay: 3600000 }), 'it waits')
		const lines = [{ schedule: { id: 'b', to: 'all', event: 'x', delay: '1h' } }, { cancel: { id: 'b' } }, { cancel: { id: 'b' } }, { emit: { to: 'all', event: 'x' } }]
		const many = operations().find((op) => op.path === '/v1/batch')
		const r = await call(many, lines)
		declared(many, r, 'what waits')
		assert.deepEqual(r.json.map((one) => one.status), [202, 200, 404, 202])
		const page = operations().find((op) => op.operationId === 'listSockets')
		const first = await api(s, 'GET', '/v1/sockets?limit=1')
		declared(page, first, 'a page')
		declared(page, await api(s, 'GET', `/v1/sockets?limit=1&after=${first.json.next}`), 'the last page')
	})

	test('each refuses as it says', async () => {
		sid = 'AAAAAAAAAAAAAAAAAAAA'
		for (const op of operations()) {
			const refused = async (status, what, body, more) => {
				const r = await call(op, body, more)
				assert.equal(r.status, status, `${op.method} ${op.path}, ${what}: ${r.text.slice(0, 100)}`)
				declared(op, r, what)
			}
			const example = op.requestBody ? bodies(op)[0].example : undefined
			if (needs_key(op)) {
				await refused(401, 'no key', example, { key: null })
				await refused(401, 'another key', example, { key: 'x' })
				for (const [may, key] of Object.entries(ONE_RIGHT))
					if (may !== op.tags[0] && op.path !== '/v1/batch') await refused(403, `a key that may ${may}`, example, { key })
			}
			if (op.requestBody) {
				await refused(400, 'no body', undefined)
				await refused(400, 'garbage', '[1')
				await refused(413, 'too much', 'x'.repeat((1 << 20) + 1))
			}
			if (op.requestBody && op.path !== '/v1/batch') {
				await refused(400, 'a list', '[]')
				await refused(422, 'a member too many', { ...example, nobody_knows: 1 })
				for (const name of schemas.whole(bodies(op)[0].schema).required ?? []) await refused(422, `no ${name}`, { ...example, [name]: undefined })
				for (const [name, own] of Object.entries(schemas.whole(bodies(op)[0].schema).properties ?? {}))
					if (!['data'].includes(name)) await refused(422, `wrong ${name}`, { ...example, [name]: own.type === 'object' ? 7 : {} })
			}
		}
		const refused_as = async (id, status, path) => declared(operations().find((op) => op.operationId === id), await (async () => {
			const r = await api(s, 'GET', path)
			assert.equal(r.status, status, path)
			return r
		})(), path)
		await refused_as('getSocket', 404, '/v1/sockets/AAAAAAAAAAAAAAAAAAAA')
		await refused_as('getSchedule', 404, '/v1/schedules/none')
		await refused_as('getRoom', 404, '/v1/rooms/market%3A404')
		for (const query of ['limit=0', 'limit=1001', 'limit=x', `namespace=${'x'.repeat(300)}`]) {
			await refused_as('listSockets', 422, `/v1/sockets?${query}`)
			await refused_as('listRooms', 422, `/v1/rooms?${query}`)
		}
		const cancel = operations().find((op) => op.operationId === 'cancel')
		declared(cancel, await call(cancel), 'nothing waits')
		const events = operations().find((op) => op.path === '/v1/events')
		declared(events, await call(events, { type: 'none' }), 'no such route')
	})

	test('a path without that method says which it has', async () => {
		sid = 'AAAAAAAAAAAAAAAAAAAA'
		for (const [path, item] of Object.entries(doc.paths)) {
			const r = await api(s, 'PUT', real(path), '{}')
			assert.deepEqual([r.status, r.json.error.code], [405, 'method_not_allowed'], path)
			const has = Object.keys(item).map((m) => m.toUpperCase())
			const allowed = r.headers.allow.split(', ').filter((m) => m !== 'HEAD')
			/* /v1/sockets/join is a socket's name too, as far as GET is concerned */
			assert.deepEqual(allowed.filter((m) => has.includes(m)).sort(), has.sort(), path)
			if (!path.startsWith('/v1/sockets/')) assert.equal(allowed.length, has.length, path)
		}
	})

	test('a listener on a unix socket answers the same', async (t) => {
		const one = await server(t, { workers: 2, conf: `${conf.replace(/data_dir.*/, '')}\nadmin "unix:/tmp/forkcast-e2e-${process.pid}.sock" { key = "${KEY}" }` })
		const { request } = await import('node:http')
		const path_of = `/tmp/forkcast-e2e-${process.pid}.sock`
		const ask = (method, path, body, key = KEY) => new Promise((resolve, reject) => {
			const r = request({ socketPath: path_of, method, path, agent: false, headers: key ? { authorization: `Bearer ${key}` } : {} }, (response) => {
				let text = ''
				response.on('data', (d) => (text += d)).on('end', () => resolve({ status: response.statusCode, text }))
			})
			r.on('error', reject)
			r.end(body)
		})
		const a = await connect(t, one, { user: 'ada' })
		const heard = new Promise((resolve) => a.on('e', resolve))
		assert.equal((await ask('GET', '/openapi.json', undefined, null)).text, fs.readFileSync(new URL('../../client/console/openapi.json', import.meta.url), 'utf8'))
		assert.equal((await ask('POST', '/v1/emit', '{}', null)).status, 401)
		const rooms = JSON.parse((await ask('GET', '/v1/rooms')).text)
		assert.ok(rooms.items.some((r) => r.name === 'user:ada'))
		assert.equal((await ask('POST', '/v1/emit', '{"to":"user:ada","event":"e","data":5}')).status, 202)
		assert.equal(await heard, 5)
		assert.equal((await ask('POST', '/v1/batch', '[{"emit":{"to":"all","event":"e"}}]')).status, 200)
	})
})
