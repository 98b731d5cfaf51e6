/* auth_tokens.mjs - which tokens are believed, and what they say of a user. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign as sign_with } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { api, connect, refused, sign, token } from './clients.mjs'
import { refusal } from './prometheus.mjs'
import { SECRET, server, started } from './server.mjs'
import { open_engine, open_socket } from './wire.mjs'

const now = () => Math.floor(Date.now() / 1000)
const b64 = (value) => Buffer.from(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString('base64url')
const S64 = SECRET.repeat(2)

/* A token of exact texts, signed as HS256 with the secret. */
const exact = (header, payload, secret = SECRET) => {
	const text = `${b64(header)}.${b64(payload)}`
	return `${text}.${sign(text, 'HS256', secret)}`
}
const HS = { alg: 'HS256', typ: 'JWT' }
const good = () => ({ sub: 'ada', exp: now() + 600 })

describe('algorithms and keys', () => {
	let s
	before(async () => {
		s = await started({
			workers: 1,
			auth: `auth {
				jwt "a" { algorithm = HS256  secret = "${SECRET}" }
				jwt "b" { algorithm = HS384  secret = "${S64}" }
				jwt "c" { algorithm = HS512  secret = "${S64}" }
			}`
		})
	})
	after(() => s.destroy())

	for (const [alg, secret, kid] of [['HS256', SECRET, 'a'], ['HS384', S64, 'b'], ['HS512', S64, 'c']]) {
		test(`${alg}, with its kid and without`, async (t) => {
			for (const header of [{}, { kid }]) {
				const a = await connect(t, s, { token: token({ sub: 'ada' }, { alg, secret, header }) })
				assert.equal(a.connected, true)
			}
		})
	}

	const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
	const pem = publicKey.export({ type: 'spki', format: 'pem' })
	const rs = () => {
		const text = `${b64({ alg: 'RS256', typ: 'JWT' })}.${b64(good())}`
		return `${text}.${sign_with('sha256', Buffer.from(text), privateKey).toString('base64url')}`
	}
	const wrong = {
		'another secret': () => token({ sub: 'ada' }, { secret: 'x'.repeat(32) }),
		'an empty secret': () => token({ sub: 'ada' }, { secret: '' }),
		'the kid of another key': () => token({ sub: 'ada' }, { header: { kid: 'b' } }),
		'a kid nobody has': () => token({ sub: 'ada' }, { header: { kid: 'zz' } }),
		'a kid that is no text': () => token({ sub: 'ada' }, { header: { kid: 1 } }),
		'a kid that is a path': () => token({ sub: 'ada' }, { header: { kid: '../../dev/null' } }),
		'HS512 with the secret of HS256': () => token({ sub: 'ada' }, { alg: 'HS512' }),
		'HS256 with the secret of HS512': () => token({ sub: 'ada' }, { secret: S64 }),
		'HS384 in the header, HS256 in the signature': () => exact({ alg: 'HS384' }, good()),
		'alg none without a signature': () => `${b64({ alg: 'none' })}.${b64(good())}.`,
		'alg None with one': () => exact({ alg: 'None' }, good()),
		'no alg': () => exact({ typ: 'JWT' }, good()),
		'alg that is no text': () => exact({ alg: ['HS256'] }, good()),
		'alg in another case': () => exact({ alg: 'hs256' }, good()),
		'RS256': rs,
		'RS256 for HS256: the public key as secret': () => exact({ alg: 'HS256' }, good(), pem),
		'RS256 in the header, signed with the secret': () => exact({ alg: 'RS256' }, good()),
		'crit': () => exact({ ...HS, crit: ['exp'] }, good()),
		'a key in the header': () => token({ sub: 'ada' }, { secret: 'x'.repeat(32), header: { jwk: { kty: 'oct', k: b64('x'.repeat(32)) } } }),
		'no signature': () => token({ sub: 'ada' }).replace(/[^.]+$/, ''),
		'half a signature': () => token({ sub: 'ada' }).slice(0, -20),
		'a longer signature': () => `${token({ sub: 'ada' })}AAAA`,
		'another payload under the signature': () => token({ sub: 'ada' }).replace(/\.[^.]+\./, `.${b64({ ...good(), sub: 'eve' })}.`),
		'a header that is no object': () => exact([1], good()),
		'a header that is no JSON': () => exact('{alg:HS256}', good()),
		'a payload that is no object': () => exact(HS, '"ada"'),
		'a payload that is no JSON': () => exact(HS, '{"sub":'),
		'a payload that is not UTF-8': () => exact(HS, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
		'two dots and nothing else': () => '..',
		'one dot': () => '.',
		'an empty text': () => '',
		'no dot': () => 'abc',
		'four parts': () => `${token({ sub: 'ada' })}.x`,
		'letters outside the alphabet': () => `${token({ sub: 'ada' })}+/=`,
		'padding': () => `${b64(HS)}==.${b64(good())}.${sign('x')}`,
		'a line break at its end': () => `${token({ sub: 'ada' })}\n`,
		'a NUL in it': () => token({ sub: 'ada' }).replace('.', '\0.'),
		'a number': () => 12345,
		'an object': () => ({ alg: 'none' }),
		'true': () => true,
		'9,000 bytes': () => token({ sub: 'ada', fill: 'x'.repeat(9000) })
	}
	for (const [what, make] of Object.entries(wrong)) {
		test(`refused: ${what}`, async (t) => {
			const error = await refusal(s, 'auth_invalid', () => refused(t, s, { auth: { token: make() } }))
			assert.equal(error.message, 'Authentication failed')
		})
	}

	test('null is no token', async (t) => {
		assert.equal((await refused(t, s, { auth: { token: null } })).message, 'Authentication required')
		assert.equal((await refused(t, s, { auth: { Token: token({ sub: 'ada' }) } })).message, 'Authentication required')
	})

	test('a token of 8 MB ends its own connection and nobody else\'s', async (t) => {
		const other = await connect(t, s, { token: token({ sub: 'ada' }) })
		const wire = await open_engine(t, s.port)
		wire.send(`40{"token":"${'A'.repeat(8 << 20)}"}`)
		assert.equal(await wire.closed(), 1009)
		const small = await open_engine(t, s.port)
		small.send(`40{"token":"${'A'.repeat(900000)}"}`)
		assert.equal(await small.text(), '44{"message":"Authentication failed"}')
		assert.equal(await other.emitWithAck('ping'), 'pong')
	})
})

describe('times, issuer, audience', () => {
	let s
	before(async () => {
		s = await started({
			workers: 1,
			auth: `auth {
				jwt "k" { secret = "${SECRET}"  leeway = 10s  issuer = "https://issuer.test"  audience = "games" }
				expiry = ignore
			}`
		})
	})
	after(() => s.destroy())
	const base = () => ({ sub: 'ada', iss: 'https://issuer.test', aud: 'games', exp: now() + 600 })

	/* Times count from when the token is made, not from when this file was read. */
	const right = () => ({
		'exp in the future': {},
		'exp past within the leeway': { exp: now() - 2 },
		'exp with a fraction': { exp: now() + 60.5 },
		'nbf past': { nbf: now() - 100 },
		'nbf within the leeway': { nbf: now() + 5 },
		'iat': { iat: now() },
		'one of several audiences': { aud: ['news', 'games'] }
	})
	for (const what of Object.keys(right())) {
		test(`admitted: ${what}`, async (t) => assert.ok(await connect(t, s, { token: token({ ...base(), ...right()[what] }) })))
	}

	const expired = { 'exp past the leeway': { exp: now() - 11 }, 'exp in 1970': { exp: 1 }, 'exp 0': { exp: 0 }, 'a negative exp': { exp: -5 }, 'no exp': { exp: undefined } }
	for (const [what, claims] of Object.entries(expired)) {
		test(`expired: ${what}`, async (t) => {
			const error = await refusal(s, 'auth_expired', () => refused(t, s, { token: token({ ...base(), ...claims }) }))
			assert.equal(error.message, 'Authentication expired')
		})
	}

	const wrong = () => ({
		'exp as text': { exp: String(now() + 600) },
		'exp null': { exp: null },
		'exp true': { exp: true },
		'exp in milliseconds': { exp: Date.now() + 600000 },
		'exp beyond any date': { exp: 1e300 },
		'nbf past the leeway': { nbf: now() + 60 },
		'nbf as text': { nbf: '0' },
		'iat as text': { iat: 'now' },
		'another issuer': { iss: 'https://issuer.test.evil' },
		'no issuer': { iss: undefined },
		'an issuer in a list': { iss: ['https://issuer.test'] },
		'another audience': { aud: 'game' },
		'no audience': { aud: undefined },
		'an empty list of audiences': { aud: [] },
		'an audience that is no text': { aud: [{ games: 1 }, 7] }
	})
	for (const what of Object.keys(wrong())) {
		test(`refused: ${what}`, async (t) => {
			const error = await refusal(s, 'auth_invalid', () => refused(t, s, { token: token({ ...base(), ...wrong()[what] }) }))
			assert.equal(error.message, 'Authentication failed')
		})
	}
})

describe('claims', () => {
	let s
	before(async () => {
		s = await started({
			workers: 1,
			auth: `auth {
				jwt "k" { secret = "${SECRET}" }
				claims { user = {"app.user.id", uid, sub}  name = {"app.user.names.0", nick}  role = {"realm.role"} }
			}`
		})
	})
	after(() => s.destroy())
	const user = async (t, claims) => {
		const a = await connect(t, s, { token: token(claims) })
		return (await api(s, 'GET', `/v1/sockets/${a.id}`)).json.user
	}

	const cases = [
		['the first that is there counts', { app: { user: { id: 'deep' } }, uid: 'u', sub: 's' }, { id: 'deep', name: null, role: null }],
		['the next when it is not', { app: { user: {} }, uid: 'u', sub: 's' }, { id: 'u', name: null, role: null }],
		['a number is its digits', { uid: 4711, nick: 5, realm: { role: 9 } }, { id: '4711', name: '5', role: '9' }],
		['dots reach in', { sub: 's', app: { user: { names: { 0: 'N' } } }, realm: { role: 'r' } }, { id: 's', name: 'N', role: 'r' }],
		['null is as good as absent', { app: { user: { id: null } }, uid: null, sub: 's', realm: null }, { id: 's', name: null, role: null }],
		['a name or role that is no text is none', { sub: 's', nick: ['x'], realm: { role: {} } }, { id: 's', name: null, role: null }],
		['a claim\'s own name may have dots', { 'app.user.id': 'flat', sub: 's' }, { id: 'flat', name: null, role: null }],
		['letters of any kind', { sub: 'ü"💛', nick: 'Ä "b"', realm: { role: 'é' } }, { id: 'ü"💛', name: 'Ä "b"', role: 'é' }],
		['128 bytes', { sub: 'x'.repeat(128) }, { id: 'x'.repeat(128), name: null, role: null }]
	]
	for (const [what, claims, expected] of cases) test(what, async (t) => assert.deepEqual(await user(t, claims), expected))

	const none = {
		'no user at all': { name: 'x' },
		'an empty one': { sub: '' },
		'one of 129 bytes': { sub: 'x'.repeat(129) },
		'one with a control character': { sub: 'a\nb' },
		'one that is an object': { sub: { id: 1 } },
		'one that is a fraction': { sub: 1.5 },
		'one that is true': { sub: true }
	}
	for (const [what, claims] of Object.entries(none)) {
		test(`user_unknown: ${what}`, async (t) => {
			const error = await refusal(s, 'user_unknown', () => refused(t, s, { token: token(claims) }))
			assert.equal(error.message, 'User not found')
		})
	}

	test('a name or a role that no token should have is refused', async (t) => {
		for (const more of [{ nick: 'x'.repeat(129) }, { realm: { role: 'x'.repeat(129) } }, { realm: { role: 'a\nb' } }])
			await refusal(s, 'auth_invalid', () => refused(t, s, { token: token({ sub: 'a', ...more }) }))
	})
})

describe('anonymous, sources, words', () => {
	test('anonymous = yes admits who has no token, and refuses a bad one wherever it stands', async (t) => {
		const s = await server(t, {
			workers: 1,
			auth: `auth { anonymous = yes  jwt "k" { secret = "${SECRET}" }  sources = {auth.token, bearer, query.t, cookie.c} }`
		})
		const a = await connect(t, s)
		assert.equal((await api(s, 'GET', `/v1/sockets/${a.id}`)).json.user, null)
		assert.deepEqual(await a.emitWithAck('getRooms'), ['global:all'])
		const long = `${'A'.repeat(4000)}.${'B'.repeat(5000)}.C`
		const bad = ['x', token({ sub: 'a' }, { secret: 'x'.repeat(32) }), token({ sub: 'a', exp: 1 }), long]
		for (const text of bad) {
			const everywhere = [
				{ auth: { token: text } },
				{ extraHeaders: { Authorization: `Bearer ${text}` } },
				{ extraHeaders: { Cookie: `c=${text}` } },
				...(text.length < 8000 ? [{ query: { t: text } }] : [])
			]
			for (const options of everywhere)
				assert.match((await refused(t, s, options)).message, /^Authentication (failed|expired)$/, JSON.stringify(options).slice(0, 80))
		}
		/* Nothing there is nothing wrong. */
		for (const options of [{ auth: {} }, { extraHeaders: { Authorization: 'Basic eDp5' } }, { query: { t: '' } }, { extraHeaders: { Cookie: 'c=' } }])
			assert.ok(await connect(t, s, options))
	})

	test('without any jwt everybody is anonymous, and a token is a bad one', async (t) => {
		const s = await server(t, { workers: 1, auth: 'auth { anonymous = yes }' })
		assert.ok(await connect(t, s))
		assert.equal((await refused(t, s, { user: 'ada' })).message, 'Authentication failed')
	})

	test('sources are asked in their order, and only they', async (t) => {
		const s = await server(t, {
			workers: 1,
			auth: `auth { jwt "k" { secret = "${SECRET}" }  sources = {query.t, bearer, auth.token} }`
		})
		const mine = (sub) => token({ sub })
		const user = async (options) => (await api(s, 'GET', `/v1/sockets/${(await connect(t, s, options)).id}`)).json.user.id
		const Authorization = `Bearer ${mine('header')}`
		const auth = { token: mine('payload') }
		assert.equal(await user({ query: { t: mine('query') }, extraHeaders: { Authorization }, auth }), 'query')
		assert.equal(await user({ extraHeaders: { Authorization }, auth }), 'header')
		assert.equal(await user({ auth }), 'payload')
		assert.equal((await refused(t, s, { extraHeaders: { Cookie: `t=${mine('cookie')}` } })).message, 'Authentication required')
	})

	test('words of the conf', async (t) => {
		const s = await server(t, {
			workers: 1,
			conf: 'texts { auth_missing = "Erst anmelden"  auth_invalid = "Stimmt nicht \\"ü\\""  auth_expired = "Zu spät" }'
		})
		assert.equal((await refused(t, s)).message, 'Erst anmelden')
		assert.equal((await refused(t, s, { token: 'x' })).message, 'Stimmt nicht "ü"')
		assert.equal((await refused(t, s, { token: token({ sub: 'a', exp: 1 }) })).message, 'Zu spät')
	})

	test('a token minted by the command is believed', async (t) => {
		const s = await server(t, {
			workers: 1,
			auth: `auth {
				jwt "main" { algorithm = HS512  secret = "${S64}"  issuer = me  audience = "us" }
				claims { user = "who.id"  name = nick  role = "who.role" }
			}`
		})
		const mint = (...args) => s.run('token', '-c', s.conf, ...args)
		const r = mint('--user', 'ada', '--name', 'Ada L', '--role', 'chief', '--ttl', '90s', '--claim', 'plan=gold')
		assert.equal(r.status, 0, r.err)
		assert.match(r.out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
		const claims = JSON.parse(Buffer.from(r.out.split('.')[1], 'base64url'))
		assert.deepEqual({ ...claims, iat: 0, exp: claims.exp - claims.iat },
			{ who: { id: 'ada', role: 'chief' }, nick: 'Ada L', plan: 'gold', iss: 'me', aud: 'us', iat: 0, exp: 90 })
		const a = await connect(t, s, { token: r.out.trim() })
		assert.deepEqual((await api(s, 'GET', `/v1/sockets/${a.id}`)).json.user, { id: 'ada', name: 'Ada L', role: 'chief' })
		/* The leeway may keep an expired one alive for as long as it says, not more. */
		const wire = await open_socket(t, s.port, { auth: { token: mint('--user', 'bob', '--ttl', '1s').out.trim() } })
		assert.ok(wire.sid)
	})
})
