/* client_files.mjs - the browser's client: served as the reference serves it, from a fixed set of names. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { metric, refusal } from './prometheus.mjs'
import { reference } from './reference.mjs'
import { Server, server, started, until } from './server.mjs'
import { Wire } from './wire.mjs'

const DIST = path.resolve('client/node_modules/socket.io-client/dist')
const VERSION = JSON.parse(fs.readFileSync(path.join(DIST, '../package.json'))).version
const NAMES = ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js', 'socket.io.msgpack.min.js'].flatMap((n) => [n, `${n}.map`])

let s, ref
before(async () => {
	s = await started({ workers: 2 })
	ref = await reference({ serveClient: true })
})
after(async () => {
	await ref?.stop()
	await s?.destroy()
})

/* One request: status, headers and the bytes. */
function get(port, target, { method = 'GET', headers = {} } = {}) {
	return new Promise((resolve, reject) => {
		const request = http.request({ host: '127.0.0.1', port, method, path: target, headers, agent: false }, (response) => {
			const parts = []
			response.on('data', (d) => parts.push(d))
			response.on('error', reject)
			response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }))
		})
		request.setTimeout(8000, () => request.destroy(new Error(`${target}: no answer`)))
		request.on('error', reject)
		request.end()
	})
}

describe('beside the reference', () => {
	const alike = async (target, options, what = ['cache-control', 'content-type', 'etag']) => {
		const [ours, theirs] = [await get(s.port, target, options), await get(ref.port, target, options)]
		assert.equal(ours.status, theirs.status, target)
		for (const h of what) assert.equal(ours.headers[h], theirs.headers[h], `${target}: ${h}`)
		assert.ok(ours.body.equals(theirs.body), `${target}: body`)
		return ours
	}

	test('every file', async () => {
		for (const name of NAMES) {
			const r = await alike(`/socket.io/${name}`)
			assert.equal(r.status, 200)
			assert.ok(r.body.equals(fs.readFileSync(path.join(DIST, name))))
			assert.equal(r.headers['content-length'], String(r.body.length))
			assert.equal(r.headers.etag, `"${VERSION}"`)
		}
		await alike('/socket.io/socket.io.js?v=1&EIO=4')
	})

	test('what is no file of it goes to Engine.IO', async () => {
		for (const name of ['socket.io.esm.js', 'socket.io.msgpack.js', 'SOCKET.IO.JS', 'socket.io.js/', '/socket.io.js', './socket.io.js',
			'socket.io%2ejs', '../socket.io/socket.io.js', '%2e%2e/client/console.js', 'console.js', 'index.html', 'complete', 'socket.io.js.gz', '']) {
			const r = await alike(`/socket.io/${name}`)
			assert.deepEqual([r.status, r.body.toString()], [400, '{"code":0,"message":"Transport unknown"}'], name)
		}
	})

	test('304 for the tag, strong and weak', async () => {
		for (const tag of [`"${VERSION}"`, `W/"${VERSION}"`]) {
			const r = await alike('/socket.io/socket.io.js', { headers: { 'if-none-match': tag } }, [])
			assert.deepEqual([r.status, r.headers['content-length'], r.headers.etag], [304, undefined, `"${VERSION}"`])
		}
		for (const tag of ['"1.0.0"', VERSION, `w/"${VERSION}"`, `"${VERSION}`, '""', '"', 'W/', '']) {
			assert.equal((await alike('/socket.io/socket.io.js', { headers: { 'if-none-match': tag } })).status, 200, tag)
		}
	})
})

test('compressed for those who accept gzip, under the same tag', async () => {
	const file = fs.readFileSync(path.join(DIST, 'socket.io.js'))
	const ask = (accept) => get(s.port, '/socket.io/socket.io.js', { headers: { 'accept-encoding': accept } })

	for (const accept of ['gzip', 'gzip, deflate, br', 'br;q=1.0, gzip;q=0.8', '*']) {
		const r = await ask(accept)
		assert.equal(r.headers['content-encoding'], 'gzip', accept)
		assert.equal(r.headers['content-length'], String(r.body.length))
		assert.deepEqual([r.headers.vary, r.headers.etag], ['Origin, Accept-Encoding', `"${VERSION}"`])
		assert.ok(r.body.length < file.length / 3)
		assert.ok(gunzipSync(r.body).equals(file))
	}
	for (const accept of ['', 'identity', 'br', 'gzip;q=0', 'gzipped', 'gzip;q=x']) {
		const r = await ask(accept)
		assert.deepEqual([r.headers['content-encoding'], r.headers.vary], [undefined, 'Origin, Accept-Encoding'], accept)
		assert.ok(r.body.equals(file))
	}
	for (const target of ['/', '/console.css', '/pane.js']) {
		const r = await get(s.admin_port, target, { headers: { 'accept-encoding': 'gzip' } })
		assert.ok(gunzipSync(r.body).equals((await get(s.admin_port, target)).body), target)
	}
})

/* The reference compares the whole field: a cache that holds several gets the file again. */
test('304 for a list of tags and for any', async () => {
	for (const list of ['*', `"a", "${VERSION}"`, `W/"a,b" ,, W/"${VERSION}"`, `"${VERSION}","x"`]) {
		assert.equal((await get(s.port, '/socket.io/socket.io.js', { headers: { 'if-none-match': list } })).status, 304, list)
	}
	for (const list of [`"a" "b", c, "${VERSION}"`, '"a", *', `"a${VERSION}"`]) {
		assert.equal((await get(s.port, '/socket.io/socket.io.js', { headers: { 'if-none-match': list } })).status, 200, list)
	}
})

test('HEAD has the length and no body; other methods are not for files', async (t) => {
	const n = fs.statSync(path.join(DIST, 'socket.io.min.js')).size
	const r = await get(s.port, '/socket.io/socket.io.min.js', { method: 'HEAD' })
	assert.deepEqual([r.status, r.headers['content-length'], r.body.length], [200, String(n), 0])
	for (const method of ['POST', 'PUT', 'OPTIONS', 'DELETE']) {
		assert.equal((await get(s.port, '/socket.io/socket.io.min.js', { method })).status, 400, method)
	}
	/* two on one connection: the second begins where the first ends */
	const wire = await Wire.open(t, s.port)
	wire.write('HEAD /socket.io/socket.io.js HTTP/1.1\r\nHost: x\r\n\r\nGET /socket.io/socket.io.min.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
	await wire.until('the end', () => wire.end)
	const [, second] = wire.data.toString('latin1').split(/(?<=\r\n\r\n)(?=HTTP)/)
	assert.equal(second.length - second.indexOf('\r\n\r\n') - 4, n)
})

test('a WebSocket handshake on a file\'s path is a handshake', async (t) => {
	const wire = await Wire.open(t, s.port)
	wire.write('GET /socket.io/socket.io.js?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
		'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
	await wire.until('the answer', () => wire.data.toString('latin1').startsWith('HTTP/1.1 101') || undefined)
})

test('who asks for many and reads none is let go when max_backlog passes', async (t) => {
	const wire = await Wire.open(t, s.port)

	wire.socket.pause()
	wire.write('GET /socket.io/socket.io.js.map HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50))
	await until('the connection to be let go', async () => (await metric(s, 'connections')) <= 1)
	assert.equal((await get(s.port, '/socket.io/socket.io.js')).status, 200)
})

test('files wait while slow readers hold 64 MiB', async (t) => {
	const own = await server(t, { workers: 1, conf: 'max_backlog = 128M' })
	const wire = await Wire.open(t, own.port)
	const file = () => get(own.port, '/socket.io/socket.io.js')

	wire.socket.pause()
	wire.write('GET /socket.io/socket.io.js.map HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(280))
	await until('the backlog', async () => (await metric(own, 'backlog_bytes')) > 64 << 20)
	const busy = await refusal(own, 'backlog', file)
	assert.deepEqual([busy.status, busy.headers['retry-after'], busy.body.length], [503, '1', 0])
	assert.equal((await get(own.port, '/socket.io/socket.io.js', { headers: { 'if-none-match': `"${VERSION}"` } })).status, 304)
	wire.socket.destroy()
	await until('room again', async () => (await file()).status === 200)
})

describe('by conf', () => {
	test('serve_client = no', async (t) => {
		const own = await server(t, { workers: 1, conf: 'engine { serve_client = no }' })
		assert.equal((await get(own.port, '/socket.io/socket.io.js')).status, 400)
		assert.equal((await get(own.admin_port, '/')).status, 200, 'the console stays')
	})

	test('another path, with and without a slash at its end', async (t) => {
		for (const where of ['/rt/', '/rt']) {
			const own = await server(t, { workers: 1, conf: `engine { path = ${where} }` })
			assert.equal((await get(own.port, '/rt/socket.io.js')).status, 200, where)
			for (const other of ['/rtsocket.io.js', '/rtxsocket.io.js', '/rt//socket.io.js']) assert.notEqual((await get(own.port, other)).status, 200, other)
			assert.equal((await get(own.port, '/socket.io/socket.io.js')).status, 404, where)
		}
	})

	test('a client_dir of one\'s own, read once', async (t) => {
		const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-client-'))
		t.after(() => fs.rmSync(dir, { recursive: true }))
		fs.writeFileSync(path.join(dir, 'socket.io.min.js'), '/*!\n * Socket.IO v9.8.7-rc.1\n */\n')
		fs.writeFileSync(path.join(dir, 'socket.io.min.js.map'), '{}')
		fs.mkdirSync(path.join(dir, 'socket.io.js'))
		const own = await server(t, { workers: 1, conf: `engine { client_dir = "${dir}" }` })
		fs.rmSync(path.join(dir, 'socket.io.min.js'))
		const r = await get(own.port, '/socket.io/socket.io.min.js')
		assert.deepEqual([r.status, r.headers.etag], [200, '"9.8.7-rc.1"'])
		assert.equal((await get(own.port, '/socket.io/socket.io.min.js.map')).headers.etag, '"9.8.7-rc.1"')
		for (const name of ['socket.io.js', 'socket.io.esm.min.js']) assert.equal((await get(own.port, `/socket.io/${name}`)).status, 400)
	})

	test('a client_dir without the files is a mistake', async () => {
		const own = new Server({ workers: 1, conf: 'engine { client_dir = "/nosuch" }' })
		own.launch()
		const end = await own.ended
		assert.equal(end.code, 2)
		assert.match(own.log, /client_dir = \/nosuch.*socket\.io-client/)
		await own.destroy()
	})
})

describe('the console', () => {
	const PAGES = { '/': 'text/html', '/console.css': 'text/css', '/console.js': 'text/javascript', '/pane.js': 'text/javascript', '/api.js': 'text/javascript' }

	test('needs no key and may load nothing from elsewhere', async () => {
		for (const [target, type] of Object.entries(PAGES)) {
			const r = await get(s.admin_port, target)
			assert.equal(r.status, 200, target)
			assert.equal(r.headers['content-type'], `${type}; charset=utf-8`)
			assert.equal(r.headers['cache-control'], 'no-cache')
			assert.equal(r.headers['x-content-type-options'], 'nosniff')
			assert.equal((await get(s.admin_port, target, { headers: { 'if-none-match': r.headers.etag } })).status, 304)
			assert.equal((await get(s.admin_port, target, { method: 'POST' })).status, 401)
		}
		const policy = (await get(s.admin_port, '/')).headers['content-security-policy']
		assert.match(policy, /^default-src 'none'; script-src 'self';/)
		assert.ok(policy.endsWith(`connect-src 'self' http://127.0.0.1:${s.port} ws://127.0.0.1:${s.port}`))
		assert.ok((await get(s.admin_port, '/socket.io.esm.min.js')).body.equals(fs.readFileSync(path.join(DIST, 'socket.io.esm.min.js'))))
	})

	test('tells where the clients connect, and nothing else', async () => {
		const r = await get(s.admin_port, '/console.json')
		assert.deepEqual(JSON.parse(r.body), { urls: [`http://127.0.0.1:${s.port}`], path: '/socket.io/' })
	})

	test('a listener on all addresses has the name that the browser used', async (t) => {
		const own = await server(t, { workers: 1, listen: 'listen "0.0.0.0:0" { }\nlisten "[::1]:0" { }\nlisten "unix:' + path.join(os.tmpdir(), `fc${process.pid}.sock`) + '" { }' })
		const places = async (host) => JSON.parse((await get(own.admin_port, '/console.json', { headers: { host } })).body).urls
		const six = `http://[::1]:${own.ports[1]}`
		const hosts = { 'box.example:3001': 'box.example', 'localhost': 'localhost', '[::1]:3001': '[::1]', '10.0.0.7:3001': '10.0.0.7',
			"x'y:1": '127.0.0.1', 'x;y': '127.0.0.1', '[::1': '127.0.0.1' }
		for (const [host, name] of Object.entries(hosts)) {
			const r = await get(own.admin_port, '/', { headers: { host } })
			if (r.status === 400) continue /* HTTP refuses the field itself */
			assert.deepEqual(await places(host), [`http://${name}:${own.port}`, six], host)
			assert.ok(r.headers['content-security-policy'].endsWith(`connect-src 'self' http://${name}:${own.port} ws://${name}:${own.port} ${six} ${six.replace('http', 'ws')}`), host)
		}
	})
})

test('--dev prints the page with a key behind #', async (t) => {
	const own = await server(t, { workers: 1, args: ['--dev'], admin: 'admin "127.0.0.1:0" { }' })
	const [, origin, key] = own.out.match(/^\s+(http:\/\/127\.0\.0\.1:\d+)\/#key=([0-9a-f]{32})$/m)
	assert.equal(origin, `http://127.0.0.1:${own.admin_port}`)
	assert.equal((await get(own.admin_port, '/v1/sockets', { headers: { authorization: `Bearer ${key}` } })).status, 200)
})
