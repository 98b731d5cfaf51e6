/* auth_wallet.mjs - wallets log in: a signed text for a token, once on the whole host. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, refused } from './clients.mjs'
import { metric, refusal } from './prometheus.mjs'
import { SECRET, Server, server, sleep, until } from './server.mjs'
import { Wallet, base58, claims_of, header_of, login, noise, post, PATH, TEXT } from './wallets.mjs'

const wallet_block = (more = '') => `wallet { path = "${PATH}"  message = "${TEXT}"  ${more} }`
const auth = (more = '') => `auth { jwt "k" { secret = "${SECRET}" } ${more} }`
const signature_of = (proof) => {
	let n = 0n
	for (const ch of proof.signature) n = n * 58n + BigInt('123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'.indexOf(ch))
	return Buffer.from(n.toString(16).padStart(128, '0'), 'hex')
}

describe('a login', () => {
	let s
	before(async () => {
		s = new Server({ workers: 2, auth: auth(), conf: wallet_block() })
		await s.start()
	})
	after(() => s.destroy())
	const no = async (body, status, code, field, options) => {
		const r = await post(s, body, options)
		const what = `${JSON.stringify(body)?.slice(0, 200)}: ${r.text}`
		assert.equal(r.status, status, what)
		assert.equal(r.json.error.code, code, what)
		assert.equal(r.json.error.field, field, what)
		assert.equal(typeof r.json.error.message, 'string')
		return r
	}

	test('gives a token of the key, with which its client connects', async (t) => {
		const w = new Wallet()
		const proof = w.proof()
		const r = await post(s, proof)
		assert.equal(r.status, 200, r.text)
		assert.deepEqual(Object.keys(r.json), ['token'])
		assert.equal(r.headers['cache-control'], 'no-store')
		assert.deepEqual(header_of(r.json.token), { alg: 'HS256', typ: 'JWT', kid: 'k' })
		const { iat, ...claims } = claims_of(r.json.token)
		assert.ok(Math.abs(iat - Date.now() / 1000) < 5)
		const sig_hash = createHash('sha256').update(signature_of(proof)).digest('base64url')
		assert.deepEqual(claims, { sub: w.key, sig_hash, exp: iat + 3600 })
		for (const a of await connect_each(t, s, 2, () => ({ token: r.json.token }))) {
			assert.deepEqual((await api(s, 'GET', `/v1/sockets/${a.id}`)).json.user, { id: w.key, name: null, role: null })
			assert.deepEqual(await a.emitWithAck('getRooms'), [`user:${w.key}`, 'global:all'])
		}
		assert.ok(!s.log.includes(r.json.token.split('.')[2]) && !s.log.includes(proof.signature))
	})

	test('takes a signature once, on whichever worker', async () => {
		const proof = new Wallet().proof()
		assert.equal((await post(s, proof)).status, 200)
		/* each on a connection of its own: the kernel chooses the worker */
		for (let i = 0; i < 20; i++) await refusal(s, 'replayed', () => no(proof, 409, 'replayed', 'signature'))
		for (const more of [{ extra: 1 }, { message: proof.message }]) await no({ ...proof, ...more }, 409, 'replayed', 'signature')
	})

	test('a hundred at once: one wins', async () => {
		for (let round = 0; round < 3; round++) {
			const proof = new Wallet().proof()
			const all = await Promise.all(Array.from({ length: 100 }, () => post(s, proof)))
			const n = (status) => all.filter((r) => r.status === status).length
			assert.deepEqual([n(200), n(409)], [1, 99])
		}
	})

	test('a hundred wallets at once: all win', async () => {
		const wallets = Array.from({ length: 100 }, () => new Wallet())
		const tokens = await Promise.all(wallets.map((w) => login(s, w)))
		assert.deepEqual(tokens.map((x) => claims_of(x.token).sub), wallets.map((w) => w.key))
	})

	test('old and future messages', async () => {
		const w = new Wallet()
		const min = 60000
		await refusal(s, 'auth_expired', () => no(w.proof({ at: Date.now() - 5 * min - 1500 }), 401, 'auth_expired', 'message'))
		await no(w.proof({ at: 1 }), 401, 'auth_expired', 'message')
		await refusal(s, 'auth_invalid', () => no(w.proof({ at: Date.now() + 33000 }), 401, 'auth_invalid', 'message'))
		await no(w.proof({ at: 999999999999999 }), 401, 'auth_invalid', 'message')
		await login(s, w, { at: Date.now() - 5 * min + 3000 })
		await login(s, w, { at: Date.now() + 27000 })
	})

	test('keys, signatures and texts that are not each other\'s', async () => {
		const w = new Wallet()
		const other = new Wallet()
		const proof = w.proof()
		await refusal(s, 'auth_invalid', () => no({ ...proof, publicKey: other.key }, 401, 'auth_invalid', 'signature'))
		await no({ ...proof, signature: other.proof({ message: proof.message }).signature }, 401, 'auth_invalid', 'signature')
		await no({ ...proof, message: TEXT.replace('{ms}', Date.now() - 1) }, 401, 'auth_invalid', 'signature')
		await no({ ...proof, signature: noise(64) }, 401, 'auth_invalid', 'signature')
		for (const message of ['', 'x', TEXT, `${proof.message} `, ` ${proof.message}`, proof.message.toLowerCase(), `${proof.message}0`.replace(/\d+$/, (d) => `0${d}`), proof.message.replace(/\d+/, ''), proof.message.replace(/\d+/, '-1'), proof.message.replace(/\d+/, '17e11')])
			await no(w.proof({ message }), 401, 'auth_invalid', 'message')
		/* points of small order: one signature for every message */
		for (const key of [Buffer.alloc(32), Buffer.from([1, ...Buffer.alloc(31)]), Buffer.from(`ec${'ff'.repeat(30)}7f`, 'hex')])
			for (const r of [Buffer.alloc(32), Buffer.from([1, ...Buffer.alloc(31)])])
				await no({ ...proof, publicKey: base58(key), signature: base58(Buffer.concat([r, Buffer.alloc(32)])) }, 401, 'auth_invalid', 'signature')
		/* S and the order of the group: the same point, another number */
		const sig = signature_of(proof)
		const scalar = BigInt(`0x${Buffer.from(sig.subarray(32)).reverse().toString('hex')}`) + 2n ** 252n + 27742317777372353535851937790883648493n
		const second = Buffer.concat([sig.subarray(0, 32), Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse()])
		await no({ ...proof, signature: base58(second) }, 401, 'auth_invalid', 'signature')
		/* none of this has used it up */
		assert.equal((await post(s, proof)).status, 200)
	})

	test('garbage of every kind', async () => {
		const proof = new Wallet().proof()
		const without = (name) => Object.fromEntries(Object.entries(proof).filter(([k]) => k !== name))
		for (const body of ['', '{', 'null', '[]', '"x"', '5', '{}x', Buffer.from('{"a":"\xff"}', 'latin1'), JSON.stringify([proof]), `${JSON.stringify(proof)},`, '['.repeat(3000), Buffer.from([0xff, 0xfe]), Buffer.alloc(100)])
			await refusal(s, 'invalid', () => no(body, 400, 'syntax'))
		for (const name of Object.keys(proof)) {
			await no(without(name), 400, 'invalid', name)
			for (const value of [null, 5, true, [], {}, ['x'], 'x'.repeat(1000)]) await no({ ...proof, [name]: value }, 400, 'invalid', name)
		}
		for (const name of ['publicKey', 'signature'])
			for (const value of ['', '0', 'l', `${proof[name]}0`, `${proof[name]}1111`, `1${proof[name]}`, proof[name].slice(0, -3), ` ${proof[name]}`, `${proof[name]}\u0000`, '1'.repeat(88), 'z'.repeat(88), 'ä', noise(31), noise(33), noise(63)])
				await no({ ...proof, [name]: value }, 400, 'invalid', name)
		assert.equal((await post(s, proof)).status, 200)
		/* escapes are the same text; what stands twice counts as it does in JavaScript */
		const escaped = JSON.stringify(new Wallet().proof()).replace('MLG', '\\u004dLG').replace('{', '{"message":"x",')
		assert.equal((await post(s, escaped)).status, 200)
		assert.equal(s.status().processes.filter((p) => p.state === 'live').length, 3)
	})

	test('as HTTP: methods, paths, sizes, pieces', async () => {
		const w = new Wallet()
		for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
			const r = await no(undefined, 405, 'method_not_allowed', undefined, { method })
			assert.equal(r.headers.allow, 'POST')
		}
		for (const other of [`${PATH}/`, `${PATH}x`, `/${PATH}`, '/api/auth', PATH.toUpperCase()])
			assert.equal((await post(s, w.proof(), { path: other })).status, 404)
		assert.equal((await post(s, w.proof(), { path: `${PATH}?x=1` })).status, 200)
		assert.equal((await post(s, w.proof(), { headers: { 'content-type': 'text/plain' } })).status, 200)
		assert.equal((await post(s, w.proof(), { headers: { 'transfer-encoding': 'chunked' } })).status, 200)
		const fill = (n) => {
			const text = JSON.stringify(w.proof())
			return text + ' '.repeat(n - text.length)
		}
		assert.equal((await post(s, fill(4096))).status, 200)
		for (const size of [4097, 100000, 999999]) await no(fill(size), 413, 'too_large')
		await no(fill(5000), 413, 'too_large', undefined, { headers: { 'transfer-encoding': 'chunked' } })
		await no(fill(200000), 413, 'too_large', undefined, { headers: { 'transfer-encoding': 'chunked' } })
		/* byte by byte, then two in one write */
		const request = () => {
			const body = JSON.stringify(w.proof({ at: Date.now() - Math.floor(Math.random() * 100000) }))
			return `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
		}
		const socket = net.connect(s.port, '127.0.0.1').setNoDelay()
		let heard = ''
		socket.on('data', (d) => (heard += d))
		const answers = (n) => until(`${n} answers`, () => heard.split('HTTP/1.1 200 OK').length === n + 1)
		for (const ch of request()) socket.write(ch), await new Promise((done) => setImmediate(done))
		await answers(1)
		socket.write(request() + request())
		await answers(3)
		socket.write(`${request()}GET ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n${request()}`)
		await answers(5)
		assert.equal(heard.split('HTTP/1.1 405').length, 2)
		socket.destroy()
	})

	test('who goes before the answer, or never says all', async () => {
		for (let i = 0; i < 20; i++) {
			const body = JSON.stringify(new Wallet().proof())
			const socket = net.connect(s.port, '127.0.0.1')
			socket.on('error', () => {})
			socket.write(`POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length + (i % 2)}\r\n\r\n${body}`)
			await sleep(i % 5)
			if (i % 3 === 0) socket.resetAndDestroy()
			else socket.destroy()
		}
		await login(s, new Wallet())
	})

	test('a flood holds nobody up', async () => {
		const w = new Wallet()
		const bad = JSON.stringify({ ...w.proof(), signature: noise(64) })
		const one = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bad.length}\r\n\r\n${bad}`
		const sockets = Array.from({ length: 4 }, () => net.connect(s.port, '127.0.0.1'))
		let heard = 0
		for (const socket of sockets) {
			socket.on('error', () => {})
			socket.on('data', (d) => (heard += d.toString().split('HTTP/1.1 401').length - 1))
			socket.write(one.repeat(2000))
		}
		await until('the flood to begin', () => heard > 0)
		await login(s, w)
		await until('all 8000 to be answered', () => heard === 8000, 30000)
		for (const socket of sockets) socket.destroy()
		assert.ok(!s.log.includes('watchdog'), s.log)
	})
})

describe('a login, by the conf', { concurrency: true }, () => {
	test('lifetimes, the key that signs, and claims of other names', async (t) => {
		const s = await server(t, {
			workers: 1,
			auth: `auth {
				jwt "first" { secret = "${'x'.repeat(32)}" }
				jwt "signer" { algorithm = HS512  secret = "${'y'.repeat(64)}"  issuer = "me"  audience = "app"  leeway = 2s }
				claims { user = {user.id, sub} }
			}`,
			conf: wallet_block('max_age = 3s  token_ttl = 90s  sign = signer')
		})
		const w = new Wallet()
		const { token } = await login(s, w)
		const { iat, sig_hash, ...claims } = claims_of(token)
		assert.deepEqual(header_of(token), { alg: 'HS512', typ: 'JWT', kid: 'signer' })
		assert.deepEqual(claims, { user: { id: w.key }, sub: w.key, iss: 'me', aud: 'app', exp: iat + 90 })
		assert.ok(await connect(t, s, { token }))
		const proof = w.proof({ at: Date.now() - 1 })
		await sleep(3300)
		assert.equal((await post(s, proof)).json.error.code, 'auth_expired')
		assert.equal((await post(s, w.proof({ at: Date.now() + 4000 }))).status, 401)
		assert.equal((await post(s, w.proof({ at: Date.now() + 1000 }))).status, 200)
		const shown = s.run('check', '-c', s.conf).out
		assert.match(shown, /wallet \{\n\tpath = \/api\/auth\/wallet\n\tmessage = 'MLG\.clan authentication: \{ms\}'\n\tmax_age = 3s\n\ttoken_ttl = 90s\n\tsign = signer\n\}/)
	})

	test('pages of other origins: as the engine has it', async (t) => {
		const s = await server(t, { workers: 1, auth: auth(), conf: `engine { origins = "https://app.example"  credentials = yes }\n${wallet_block()}` })
		const w = new Wallet()
		const from = (origin) => ({ headers: { origin } })
		const pre = await post(s, undefined, { method: 'OPTIONS', headers: { origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } })
		assert.equal(pre.status, 204)
		assert.equal(pre.headers['access-control-allow-origin'], 'https://app.example')
		assert.equal(pre.headers['access-control-allow-headers'], 'content-type')
		assert.match(pre.headers['access-control-allow-methods'], /POST/)
		const good = await post(s, w.proof(), from('https://app.example'))
		assert.deepEqual([good.status, good.headers['access-control-allow-origin'], good.headers['access-control-allow-credentials']], [200, 'https://app.example', 'true'])
		/* an error can be read too, also one of HTTP itself */
		for (const body of ['{', 'x'.repeat(5000)]) {
			const bad = await post(s, body, from('https://app.example'))
			assert.equal(bad.headers['access-control-allow-origin'], 'https://app.example', bad.text)
		}
		for (const origin of ['https://evil.example', 'null', 'https://app.example.evil']) {
			const r = await refusal(s, 'forbidden', () => post(s, w.proof(), from(origin)))
			assert.deepEqual([r.status, r.json.error.code, r.headers['access-control-allow-origin']], [403, 'forbidden', undefined])
		}
		assert.equal((await post(s, w.proof(), from(`http://127.0.0.1:${s.port}`))).status, 200, 'our own page')
	})

	test('limits of connections count it, by address', async (t) => {
		const s = await server(t, { workers: 2, auth: auth(), conf: `limit "l" { rate = 5/1m  on = connect  text = "slowly" }\n${wallet_block()}` })
		const w = new Wallet()
		const all = []
		for (let i = 0; i < 8; i++) all.push(await post(s, { ...w.proof(), signature: noise(64) }))
		assert.deepEqual(all.map((r) => r.status), [401, 401, 401, 401, 401, 429, 429, 429])
		assert.deepEqual(all[7].json, { error: { code: 'rate_limited', message: 'slowly' } })
		assert.match(all[7].headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
		assert.equal(await metric(s, 'refused_total', { reason: 'rate_limited' }), 3)
	})

	test('without a path there is no route', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('in_band { factors = both }'), conf: `wallet { message = "${TEXT}" }` })
		assert.equal((await post(s, new Wallet().proof())).status, 404)
		const none = await server(t, { workers: 1 })
		assert.equal((await post(none, new Wallet().proof())).status, 404)
	})

	test('a key that changes is the one that signs', async (t) => {
		const s = new Server({ workers: 2, auth: 'auth { jwt "k" { secret_file = "s.key" } }', conf: wallet_block() })
		t.after(() => s.destroy())
		const put = (text) => {
			fs.writeFileSync(path.join(s.dir, 's.new'), text)
			fs.renameSync(path.join(s.dir, 's.new'), path.join(s.dir, 's.key'))
		}
		put('a'.repeat(32))
		await s.start()
		const old = await login(s, new Wallet())
		put('b'.repeat(32))
		await s.logged(/key_changed .*kid=k/, 2)
		for (let i = 0; i < 6; i++) assert.ok(await connect(t, s, { token: (await login(s, new Wallet())).token }))
		assert.ok(await refused(t, s, { token: old.token }))
	})

	test('under --dev with the key that it makes', async (t) => {
		const s = await server(t, { workers: 1, auth: '', conf: wallet_block(), args: ['--dev'] })
		assert.match(s.out, new RegExp(`wallets    http://127\\.0\\.0\\.1:${s.port}${PATH} `))
		assert.ok(await connect(t, s, { token: (await login(s, new Wallet())).token }))
	})

	test('a keeper that does not answer: 503, then it goes on', async (t) => {
		const s = await server(t, { workers: 1, auth: auth(), conf: `watchdog = 30s\n${wallet_block()}` })
		const w = new Wallet()
		const { pid } = s.keeper()
		process.kill(pid, 'SIGSTOP')
		const r = await post(s, w.proof())
		process.kill(pid, 'SIGCONT')
		assert.deepEqual([r.status, r.json.error.code, r.headers['retry-after']], [503, 'unavailable', '1'])
		await until('the next to be good', async () => (await post(s, w.proof())).status === 200)
	})

	test('what was taken stays taken when worker and keeper die', async (t) => {
		const s = await server(t, { workers: 2, auth: auth(), conf: wallet_block() })
		const proof = new Wallet().proof()
		assert.equal((await post(s, proof)).status, 200)
		for (const p of s.status().processes.filter((p) => p.role !== 'master')) process.kill(p.pid, 'SIGKILL')
		await s.settled('successors', (status) => status.processes.length === 3)
		await until('an answer', async () => [409, 200].includes((await post(s, proof).catch(() => ({}))).status))
		for (let i = 0; i < 5; i++) assert.equal((await post(s, proof)).status, 409)
	})
})
