/* auth_factors.mjs - clients that say who they are with a token and their wallet's signature. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { api, connect, connect_each, inbox, next, refused, token } from './clients.mjs'
import { disconnected, refusal } from './prometheus.mjs'
import { SECRET, Server, server, sleep, until } from './server.mjs'
import { Wallet, login, noise, post, PATH, TEXT } from './wallets.mjs'

const auth = (in_band = '', more = '') => `auth { jwt "k" { secret = "${SECRET}" }  in_band { factors = both  ${in_band} }  ${more} }`
const wallet_block = (more = '') => `wallet { path = "${PATH}"  message = "${TEXT}"  ${more} }`
const NO = {
	missing: { success: false, error: 'Authentication required', code: 'auth_missing' },
	invalid: { success: false, error: 'Authentication failed', code: 'auth_invalid' },
	expired: { success: false, error: 'Authentication expired', code: 'auth_expired' },
	forbidden: { success: false, error: 'You are not allowed to do this', code: 'forbidden' }
}
const user_of = async (s, a) => (await api(s, 'GET', `/v1/sockets/${a.id}`)).json.user
/* What goes with the token, however it was come by. */
const with_token = (proof, text) => ({ token: text, signature: proof.signature, message: proof.message })
/* As an application mints it that has its own login: without the digest. */
const plain = (wallet, claims = {}) => token({ sub: wallet.key, ...claims })
const yes = (wallet, more = {}) => ({ success: true, user: { id: wallet.key, name: null, role: null, ...more } })

describe('both factors', () => {
	let s
	before(async () => {
		s = new Server({
			workers: 2,
			auth: auth(),
			conf: `${wallet_block()}
				on "authenticated" { emit = authenticated  to = self  data = '{"userId": {@user.id}}' }
				on "auth_failed" { emit = authentication_failed  to = self  data = '{"error": {@error.message}}' }
				room "r" { join = authenticated }`
		})
		await s.start()
	})
	after(() => s.destroy())
	/* One client on each worker. */
	const two = (t) => connect_each(t, s, 2, () => ({}))

	test('after a login: as object and by position, on each worker, as often as the token lives', async (t) => {
		const w = new Wallet()
		const { token: text, signature, message } = await login(s, w)
		for (let round = 0; round < 2; round++) {
			for (const a of await two(t)) {
				assert.equal(await user_of(s, a), null)
				const told = next(a, 'authenticated')
				const arguments_ = round === 0 ? [{ token: text, signature, message }] : [text, signature, message]
				assert.deepEqual(await a.emitWithAck('authenticate', ...arguments_), yes(w))
				assert.deepEqual(await told, [{ userId: w.key }])
				assert.deepEqual(await user_of(s, a), { id: w.key, name: null, role: null })
				assert.equal((await a.emitWithAck('subscribe', { room: 'r', id: '1' })).success, true)
			}
		}
		/* without an ack, and what comes right behind it */
		const a = await connect(t, s)
		const heard = inbox(a, 'authenticated', 'error')
		a.emit('authenticate', text, signature, message)
		assert.equal((await a.emitWithAck('subscribe', { room: 'r', id: '1' })).success, true)
		assert.deepEqual(heard, [['authenticated', { userId: w.key }]])
	})

	test('one of them alone, or others', async (t) => {
		const w = new Wallet()
		const other = new Wallet()
		const mine = await login(s, w)
		const theirs = await login(s, other)
		const bad = [
			[[mine.token], NO.missing], [[{ token: mine.token }], NO.missing], [[{ token: mine.token, signature: mine.signature }], NO.missing],
			[[{ token: mine.token, message: mine.message }], NO.missing], [[mine.token, null, mine.message], NO.missing],
			[[mine.token, mine.signature], NO.missing], [[{ signature: mine.signature, message: mine.message }], NO.missing],
			[[], NO.missing], [[null, mine.signature, mine.message], NO.missing],
			[[mine.token, theirs.signature, theirs.message], NO.invalid], [[mine.token, theirs.signature, mine.message], NO.invalid],
			[[mine.token, mine.signature, theirs.message.replace(/\d$/, 'x')], NO.invalid], [[theirs.token, mine.signature, mine.message], NO.invalid],
			[[mine.token, mine.signature, TEXT.replace('{ms}', Date.now() + 1)], NO.invalid], [[mine.token, noise(64), mine.message], NO.invalid],
			[[`${mine.token}x`, mine.signature, mine.message], NO.invalid], [['x', mine.signature, mine.message], NO.invalid],
			[[mine.token, {}, mine.message], NO.invalid], [[mine.token, 5, mine.message], NO.invalid], [[mine.token, mine.signature, ['x']], NO.invalid],
			[[mine.token, 'z'.repeat(5000), mine.message], NO.invalid], [[mine.token, mine.signature, 'z'.repeat(5000)], NO.invalid], [[mine.token, '', ''], NO.invalid],
			/* a user who is no wallet */
			[[token({ sub: 'ada' }), mine.signature, mine.message], NO.invalid],
			[[token({ sub: `${w.key}1` }), mine.signature, mine.message], NO.invalid]
		]
		for (const [list, expected] of bad) {
			const a = await connect(t, s)
			const told = next(a, 'authentication_failed')
			assert.deepEqual(await refusal(s, expected.code, () => a.emitWithAck('authenticate', ...list)), expected, JSON.stringify(list).slice(0, 300))
			assert.deepEqual(await told, [{ error: expected.error }])
			assert.equal(await user_of(s, a), null)
			assert.deepEqual(await a.emitWithAck('getRooms'), NO.missing)
			assert.deepEqual(await a.emitWithAck('authenticate', mine.token, mine.signature, mine.message), yes(w))
			a.disconnect()
		}
	})

	test('a signature of a login goes with its own token alone', async (t) => {
		const w = new Wallet()
		const first = await login(s, w, { at: Date.now() - 1000 })
		const second = await login(s, w)
		const [a, b] = await two(t)
		for (const [x, y] of [[first, second], [second, first]]) {
			assert.deepEqual(await refusal(s, 'replayed', () => a.emitWithAck('authenticate', with_token(x, y.token))), NO.invalid)
			assert.deepEqual(await b.emitWithAck('authenticate', with_token(x, plain(w))), NO.invalid)
		}
		/* a token of somebody else's making that claims it */
		const lies = token({ sub: w.key, sig_hash: 'A'.repeat(43) })
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(first, lies)), NO.invalid)
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(first, first.token)), yes(w))
		assert.deepEqual(await b.emitWithAck('authenticate', with_token(second, second.token)), yes(w))
	})

	test('a fresh signature with a token from elsewhere: once on the whole host, logins included', async (t) => {
		const w = new Wallet()
		const [a, b] = await two(t)
		const proof = w.proof()
		const told = next(a, 'authenticated')
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(proof, plain(w, { name: 'W', role: 'r' }))), yes(w, { name: 'W', role: 'r' }))
		await told
		assert.deepEqual(await user_of(s, a), { id: w.key, name: 'W', role: 'r' })
		const failed = next(b, 'authentication_failed')
		assert.deepEqual(await b.emitWithAck('authenticate', with_token(proof, plain(w))), NO.invalid)
		assert.deepEqual(await failed, [{ error: 'Authentication failed' }])
		const again = await connect(t, s)
		assert.deepEqual(await again.emitWithAck('authenticate', with_token(proof, plain(w))), NO.invalid)
		assert.equal((await post(s, proof)).status, 409)
		/* and what logged in is not fresh */
		const used = await login(s, w)
		assert.deepEqual(await b.emitWithAck('authenticate', with_token(used, plain(w))), NO.invalid)
		assert.deepEqual(await b.emitWithAck('authenticate', with_token(w.proof(), plain(w))), yes(w))
	})

	test('a hundred clients at once with one fresh signature: one wins', async (t) => {
		const w = new Wallet()
		const clients = await Promise.all(Array.from({ length: 100 }, () => connect(t, s)))
		const proof = with_token(w.proof(), plain(w))
		const answers = await Promise.all(clients.map((a) => a.emitWithAck('authenticate', proof)))
		assert.equal(answers.filter((x) => x.success).length, 1)
		assert.equal(answers.filter((x) => x.code === 'auth_invalid').length, 99)
		const winner = clients[answers.findIndex((x) => x.success)]
		assert.deepEqual(await winner.emitWithAck('getRooms'), [`user:${w.key}`, 'global:all'])
		for (const a of clients) a.disconnect()
	})

	test('old and future signatures, but for the one of the login', async (t) => {
		const w = new Wallet()
		const a = await connect(t, s)
		const at = (ms) => with_token(w.proof({ at: Date.now() + ms }), plain(w))
		assert.deepEqual(await refusal(s, 'auth_expired', () => a.emitWithAck('authenticate', at(-301500))), NO.expired)
		assert.deepEqual(await a.emitWithAck('authenticate', at(33000)), NO.invalid)
		assert.deepEqual(await a.emitWithAck('authenticate', at(27000)), yes(w))
	})

	test('what comes right behind a fresh signature waits for the answer, in order', async (t) => {
		const w = new Wallet()
		const a = await connect(t, s)
		const { pid } = s.keeper()
		process.kill(pid, 'SIGSTOP')
		const order = []
		const sent = (name, promise) => promise.then((x) => (order.push(name), x))
		const all = [
			sent('first', a.emitWithAck('authenticate', with_token(w.proof(), plain(w)))),
			sent('subscribe', a.emitWithAck('subscribe', { room: 'r', id: '1' })),
			sent('second', a.emitWithAck('authenticate', with_token(w.proof({ at: Date.now() - 9 }), plain(w, { role: 'r' })))),
			sent('rooms', a.emitWithAck('getRooms'))
		]
		await sleep(300)
		assert.deepEqual(order, [])
		process.kill(pid, 'SIGCONT')
		const [first, subscribed, second, rooms] = await Promise.all(all)
		assert.deepEqual(order, ['first', 'subscribe', 'second', 'rooms'])
		assert.deepEqual([first, second], [yes(w), yes(w, { role: 'r' })])
		assert.equal(subscribed.success, true)
		assert.deepEqual(rooms.toSorted(), ['global:all', 'r:1', 'role:r', `user:${w.key}`])
		/* what waits behind one that is refused is refused by itself */
		const used = await login(s, w, { at: Date.now() - 20 })
		const b = await connect(t, s)
		assert.deepEqual(await Promise.all([b.emitWithAck('authenticate', with_token(used, plain(w))), b.emitWithAck('getRooms')]), [NO.invalid, NO.missing])
		/* who goes before the answer */
		for (let i = 0; i < 20; i++) {
			const b = await connect(t, s)
			b.emit('authenticate', with_token(w.proof({ at: Date.now() - 100 - i }), plain(w)))
			b.emit('subscribe', { room: 'r', id: '1' })
			if (i % 2 === 0) b.disconnect()
			else b.io.engine.close()
		}
		assert.equal(await a.emitWithAck('ping'), 'pong')
	})

	test('a refresh takes both as well', async (t) => {
		const w = new Wallet()
		const a = await connect(t, s)
		const first = await login(s, w)
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(first, first.token)), yes(w))
		assert.deepEqual(await a.emitWithAck('authenticate', first.token), NO.missing)
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(first, plain(w, { role: 'admin' }))), NO.invalid)
		const other = await login(s, new Wallet())
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(other, other.token)), NO.forbidden)
		const second = await login(s, w, { at: Date.now() - 5000 })
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(second, second.token)), yes(w))
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(w.proof({ at: Date.now() - 10000 }), plain(w, { role: 'r' }))), yes(w, { role: 'r' }))
		assert.deepEqual((await a.emitWithAck('getRooms')).toSorted(), ['global:all', 'role:r', `user:${w.key}`])
	})

	test('at CONNECT: a token alone is nobody yet, with the signature of its login it is its user', async (t) => {
		const w = new Wallet()
		const mine = await login(s, w)
		const theirs = await login(s, new Wallet())
		const a = await connect(t, s, { token: mine.token })
		assert.equal(await user_of(s, a), null)
		assert.deepEqual(await a.emitWithAck('getRooms'), NO.missing)
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(mine, mine.token)), yes(w))
		const header = await connect(t, s, { extraHeaders: { authorization: `Bearer ${mine.token}` } })
		assert.deepEqual(await header.emitWithAck('getRooms'), NO.missing)
		for (let i = 0; i < 3; i++) {
			const b = await connect(t, s, { auth: with_token(mine, mine.token) })
			assert.deepEqual(await b.emitWithAck('getRooms'), [`user:${w.key}`, 'global:all'])
		}
		/* a fresh one is for the event, which may ask */
		const fresh = with_token(w.proof(), plain(w))
		const c = await connect(t, s, { auth: fresh })
		assert.deepEqual(await c.emitWithAck('getRooms'), NO.missing)
		assert.deepEqual(await c.emitWithAck('authenticate', fresh), yes(w))
		for (const options of [{ token: 'x' }, { auth: with_token(theirs, mine.token) }, { auth: { ...with_token(mine, mine.token), signature: noise(64) } }, { auth: { ...with_token(mine, mine.token), signature: 5 } }, { auth: with_token(mine, `${mine.token}A`) }])
			assert.equal((await refused(t, s, options)).message, 'Authentication failed')
	})

	test('by long polling', async (t) => {
		const w = new Wallet()
		const a = await connect(t, s, { transports: ['polling'] })
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(w.proof(), plain(w))), yes(w))
		const b = await connect(t, s, { transports: ['polling'] })
		const mine = await login(s, w, { at: Date.now() - 5 })
		assert.deepEqual(await b.emitWithAck('authenticate', with_token(mine, mine.token)), yes(w))
	})

	test('ten that failed are enough', async (t) => {
		const w = new Wallet()
		const mine = await login(s, w)
		const a = await connect(t, s)
		const end = next(a, 'disconnect')
		await disconnected(s, 'auth failed', async () => {
			/* one after the other: each asks the keeper */
			for (let i = 0; i < 10; i++) await Promise.race([a.emitWithAck('authenticate', with_token(mine, plain(w))), end])
			assert.equal((await end)[0], 'io server disconnect')
		})
	})
})

/* Side by side: each waits for a second or two. */
describe('time', { concurrency: true }, () => {
	test('the deadline counts until both are there', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('deadline = 800ms'), conf: wallet_block() })
		const w = new Wallet()
		const mine = await login(s, w)
		const late = await connect(t, s, { token: mine.token })
		const heard = inbox(late, 'error', 'disconnect')
		assert.equal((await late.emitWithAck('authenticate', mine.token)).code, 'auth_missing')
		const good = await connect(t, s)
		assert.ok((await good.emitWithAck('authenticate', with_token(mine, mine.token))).success)
		await until('the end', () => heard.length === 2)
		assert.deepEqual(heard[0], ['error', { message: 'Authentication required', code: 'auth_missing' }])
		await sleep(500)
		assert.equal(await good.emitWithAck('ping'), 'pong')
	})

	test('the signature of a login outlives max_age, not its token', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('', 'expiry = disconnect').replace('secret', 'leeway = 0  secret'), conf: wallet_block('max_age = 1s  token_ttl = 4s') })
		const w = new Wallet()
		const mine = await login(s, w)
		await sleep(1500)
		const a = await connect(t, s)
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(mine, plain(w))), NO.expired)
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(mine, mine.token)), yes(w))
		await next(a, 'disconnect')
		const b = await connect(t, s)
		assert.deepEqual(await b.emitWithAck('authenticate', with_token(mine, mine.token)), NO.expired)
	})

	test('anonymous = yes: a token alone is anonymous', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('', 'anonymous = yes'), conf: wallet_block() })
		const w = new Wallet()
		const mine = await login(s, w)
		const a = await connect(t, s, { token: mine.token })
		assert.deepEqual(await a.emitWithAck('getRooms'), ['global:all'])
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(mine, mine.token)), yes(w))
		assert.equal((await refused(t, s, { token: 'x' })).message, 'Authentication failed')
	})

	test('a keeper that does not answer: busy, and the client may try again', async (t) => {
		const s = await server(t, { workers: 1, auth: auth('deadline = 1m'), conf: `watchdog = 30s\n${wallet_block()}` })
		const w = new Wallet()
		const a = await connect(t, s)
		const mine = await login(s, w)
		const { pid } = s.keeper()
		process.kill(pid, 'SIGSTOP')
		assert.equal((await a.emitWithAck('authenticate', with_token(w.proof(), plain(w)))).code, 'busy')
		/* what needs no question goes on */
		assert.deepEqual(await a.emitWithAck('authenticate', with_token(mine, mine.token)), yes(w))
		process.kill(pid, 'SIGCONT')
		await until('a new one to be good', async () => (await a.emitWithAck('authenticate', with_token(w.proof(), plain(w)))).success)
	})

	test('a token alone where factors = token: as ever', async (t) => {
		const s = await server(t, { workers: 1, auth: auth().replace('both', 'token'), conf: wallet_block() })
		const w = new Wallet()
		const mine = await login(s, w)
		assert.deepEqual(await (await connect(t, s, { token: mine.token })).emitWithAck('getRooms'), [`user:${w.key}`, 'global:all'])
		const a = await connect(t, s)
		assert.deepEqual(await a.emitWithAck('authenticate', { token: mine.token, signature: 'x', message: 'y' }), yes(w))
	})
})
