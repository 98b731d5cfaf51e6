/* auth_keys.mjs - tokens that public keys check, and keys that change while the server runs. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign as sign_with } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, refused, sign, token } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { SECRET, Server, server, sleep, until } from './server.mjs'

const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const claims = (more) => ({ sub: 'ada', exp: Math.floor(Date.now() / 1000) + 600, ...more })

const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = (namedCurve) => generateKeyPairSync('ec', { namedCurve })
const kinds = {
	RS256: { make: rsa, digest: 'sha256' },
	RS384: { make: rsa, digest: 'sha384' },
	RS512: { make: rsa, digest: 'sha512' },
	ES256: { make: () => ec('P-256'), digest: 'sha256' },
	ES384: { make: () => ec('P-384'), digest: 'sha384' },
	ES512: { make: () => ec('P-521'), digest: 'sha512' },
	EdDSA: { make: () => generateKeyPairSync('ed25519'), digest: null }
}
const pem = (pair) => pair.publicKey.export({ type: 'spki', format: 'pem' })

/* A token of CLAIMS by PAIR. */
function signed(alg, pair, more, { header = {}, dsaEncoding = 'ieee-p1363' } = {}) {
	const text = `${b64({ alg, typ: 'JWT', ...header })}.${b64(claims(more))}`
	return `${text}.${sign_with(kinds[alg].digest, Buffer.from(text), { key: pair.privateKey, dsaEncoding }).toString('base64url')}`
}

/* Writes TEXT beside NAME and moves it there, as the manual wants it. */
function put(s, name, text) {
	const file = path.join(s.dir, name)
	fs.writeFileSync(`${file}.new`, text)
	fs.renameSync(`${file}.new`, file)
	return file
}

/* A server of the conf's test T that starts when its key files are there. */
async function with_files(t, files, options) {
	const s = new Server(options)
	t.after(() => s.destroy())
	for (const [name, text] of Object.entries(files)) put(s, name, text)
	return s.start()
}

describe('public keys', () => {
	const pairs = Object.fromEntries(Object.entries(kinds).map(([alg, k]) => [alg, k.make()]))
	const other = Object.fromEntries(Object.entries(kinds).map(([alg, k]) => [alg, k.make()]))
	let s
	before(async () => {
		const blocks = Object.keys(kinds).map((alg) => `jwt "${alg}-key" { algorithm = ${alg}  public_key_file = "${alg}.pem" }`)
		s = new Server({ workers: 1, auth: `auth {\njwt "shared" { secret = "${SECRET}" }\n${blocks.join('\n')}\n}` })
		for (const [alg, pair] of Object.entries(pairs)) put(s, `${alg}.pem`, pem(pair))
		await s.start()
	})
	after(() => s.destroy())
	const no = async (t, text) => {
		const error = await refusal(s, 'auth_invalid', () => refused(t, s, { token: text }))
		assert.equal(error.message, 'Authentication failed')
	}

	for (const alg of Object.keys(kinds)) {
		test(`${alg}: with its kid and without, and nothing else`, async (t) => {
			for (const header of [{}, { kid: `${alg}-key` }]) {
				const a = await connect(t, s, { token: signed(alg, pairs[alg], { role: 'r' }, { header }) })
				assert.deepEqual((await api(s, 'GET', `/v1/sockets/${a.id}`)).json.user, { id: 'ada', name: null, role: 'r' })
			}
			await no(t, signed(alg, other[alg]))
			await no(t, signed(alg, pairs[alg], {}, { header: { kid: 'shared' } }))
			await no(t, signed(alg, pairs[alg], {}, { header: { kid: '' } }))
			await no(t, signed(alg, pairs[alg], {}, { header: { alg: 'none' } }))
			await no(t, signed(alg, pairs[alg], {}, { header: { alg: 'HS256' } }))
			await no(t, signed(alg, pairs[alg], { exp: 'tomorrow' }))
			await no(t, `${signed(alg, pairs[alg])}AAAA`)
			await no(t, signed(alg, pairs[alg]).slice(0, -4))
			if (alg.startsWith('ES')) await no(t, signed(alg, pairs[alg], {}, { dsaEncoding: 'der' }))
			/* the public key as an HMAC secret */
			for (const header of [{ alg: 'HS256' }, { alg: 'HS256', kid: `${alg}-key` }, { alg }]) {
				const text = `${b64(header)}.${b64(claims())}`
				await no(t, `${text}.${sign(text, 'HS256', pem(pairs[alg]))}`)
			}
			await refusal(s, 'auth_expired', () => refused(t, s, { token: signed(alg, pairs[alg], { exp: 1 }) }))
		})
	}

	test('the shared secret still counts, and mints', async (t) => {
		assert.ok(await connect(t, s, { user: 'bob' }))
		const minted = s.run('token', '-c', s.conf, '--user', 'eve').out.trim()
		assert.equal(JSON.parse(Buffer.from(minted.split('.')[0], 'base64url')).kid, 'shared')
		assert.ok(await connect(t, s, { token: minted }))
	})

	test('without a secret nothing is minted', async (t) => {
		const pair = kinds.ES256.make()
		const only = await with_files(t, { 'k.pem': pem(pair) }, {
			workers: 1,
			auth: 'auth { jwt "k" { algorithm = ES256  public_key_file = "k.pem" } }'
		})
		const r = only.run('token', '-c', only.conf, '--user', 'eve')
		assert.equal(r.status, 2)
		assert.match(r.err, /to sign with: its public keys only check/)
		assert.ok(await connect(t, only, { token: signed('ES256', pair) }))
		const shown = only.run('check', '-c', only.conf)
		assert.match(shown.out, /public_key_file = .*k\.pem/)
	})
})

/* Side by side: each waits for a second or two. */
describe('keys that change', { concurrency: true }, () => {
	const first = kinds.ES256.make()
	const second = kinds.ES256.make()
	const options = { workers: 3, auth: 'auth { jwt "k" { algorithm = ES256  public_key_file = "k.pem" }  jwt "s" { secret_file = "s.key" } }' }
	const changed = (s, kid, times) => s.logged(new RegExp(`key_changed .*kid=${kid}`), times)

	test('on all workers, without a reload; who is connected stays', async (t) => {
		const s = await with_files(t, { 'k.pem': pem(first), 's.key': SECRET }, options)
		const old = await connect_each(t, s, 3, (i) => ({ token: signed('ES256', first, { sub: `u${i}` }) }))
		const gone = []
		for (const a of old) a.on('disconnect', (why) => gone.push(why))
		put(s, 'k.pem', pem(second))
		await changed(s, 'k', 3)
		await connect_each(t, s, 3, (i) => ({ token: signed('ES256', second, { sub: `n${i}` }) }))
		for (let i = 0; i < 20; i++)
			assert.equal((await refused(t, s, { token: signed('ES256', first) })).message, 'Authentication failed')
		assert.ok(await connect(t, s, { user: 'bob' }))
		for (const a of old) assert.equal(await a.emitWithAck('ping'), 'pong')
		assert.deepEqual(gone, [])

		const next = 'fedcba9876543210fedcba9876543210'
		put(s, 's.key', `${next}\n`)
		await changed(s, 's', 3)
		assert.ok(await connect(t, s, { token: token({ sub: 'bob' }, { secret: next }) }))
		for (let i = 0; i < 10; i++) assert.ok(await refused(t, s, { user: 'bob' }))
		/* The command reads what the workers read. */
		assert.ok(await connect(t, s, { token: s.run('token', '-c', s.conf, '--user', 'eve').out.trim() }))
		assert.ok(!s.log.includes(next) && !s.log.includes(SECRET), 'a secret is in the log')
	})

	test('two keys of one algorithm while one takes over from the other', async (t) => {
		for (const alg of ['RS256', 'EdDSA', 'ES512']) {
			const [older, newer, newest] = [kinds[alg].make(), kinds[alg].make(), kinds[alg].make()]
			const block = (kid) => `jwt "${kid}" { algorithm = ${alg}  public_key_file = "${kid}.pem" }`
			const s = await with_files(t, { 'old.pem': pem(older), 'new.pem': pem(newer) }, { workers: 1, auth: `auth { ${block('old')} ${block('new')} }` })
			const good = async (pair, header) => assert.ok(await connect(t, s, { token: signed(alg, pair, {}, { header }) }))
			const bad = async (pair, header) => assert.ok(await refused(t, s, { token: signed(alg, pair, {}, { header }) }))
			for (const [pair, kid, wrong] of [[older, 'old', 'new'], [newer, 'new', 'old']]) {
				await good(pair, {})
				await good(pair, { kid })
				await bad(pair, { kid: wrong })
			}
			put(s, 'old.pem', pem(newest))
			await changed(s, 'old', 1)
			for (const header of [{}, { kid: 'old' }]) await bad(older, header)
			for (const header of [{}, { kid: 'old' }]) await good(newest, header)
			for (const header of [{}, { kid: 'new' }]) await good(newer, header)
			await s.stop('SIGINT')
		}
	})

	test('a file that is wrong, half or gone changes nothing, and is told once', async (t) => {
		const s = await with_files(t, { 'k.pem': pem(first), 's.key': SECRET }, { ...options, workers: 1 })
		const told = (why, times) => s.logged(new RegExp(`key_not_changed .*kid=k .*${why}`), times)
		const still = async () => assert.ok(await connect(t, s, { token: signed('ES256', first) }))
		put(s, 'k.pem', pem(kinds.ES384.make()))
		await told('holds an EC key of P-384', 1)
		await still()
		put(s, 'k.pem', pem(second).slice(0, 60))
		await told('holds no public key', 1)
		await still()
		put(s, 'k.pem', second.privateKey.export({ type: 'pkcs8', format: 'pem' }))
		await told('holds a private key', 1)
		await still()
		fs.rmSync(path.join(s.dir, 'k.pem'))
		await told('cannot be read', 1)
		await still()
		await sleep(2200)
		assert.equal(s.log.match(/key_not_changed/g).length, 4, s.log)
		put(s, 'k.pem', pem(second))
		await changed(s, 'k', 1)
		assert.ok(await connect(t, s, { token: signed('ES256', second) }))
		put(s, 's.key', 'short')
		await s.logged(/key_not_changed .*kid=s .*holds a secret of 5 bytes/)
		assert.ok(await connect(t, s, { user: 'bob' }))
	})

	test('a worker that is born later has the key of now', async (t) => {
		const s = await with_files(t, { 'k.pem': pem(first), 's.key': SECRET }, { ...options, workers: 1 })
		put(s, 'k.pem', pem(second))
		await changed(s, 'k', 1)
		const { pid } = s.status().processes.find((p) => /worker/.test(p.role))
		process.kill(pid, 'SIGKILL')
		await changed(s, 'k', 2)
		await until('the new key to count', async () => connect(t, s, { token: signed('ES256', second) }).catch(() => false))
		assert.ok(await refused(t, s, { token: signed('ES256', first) }))
	})

	test('a key by way of a link that is turned', async (t) => {
		const s = new Server({ ...options, workers: 1 })
		t.after(() => s.destroy())
		const file = path.join(s.dir, 'k.pem')
		put(s, 'a.pem', pem(first))
		put(s, 'b.pem', pem(second))
		put(s, 's.key', SECRET)
		fs.symlinkSync('a.pem', file)
		await s.start()
		assert.ok(await connect(t, s, { token: signed('ES256', first) }))
		fs.symlinkSync('b.pem', `${file}.new`)
		fs.renameSync(`${file}.new`, file)
		await changed(s, 'k', 1)
		assert.ok(await connect(t, s, { token: signed('ES256', second) }))
	})
})
