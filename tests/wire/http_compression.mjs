/* http_compression.mjs - poll bodies of 1024 bytes and more are compressed for who accepts it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import zlib from 'node:zlib'
import { Poller } from './poller.mjs'
import { PATIENT, started, target } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())

const long = (n) => `4${'hello '.repeat(Math.ceil(n / 6)).slice(0, n - 1)}`
const undone = { gzip: zlib.gunzipSync, deflate: zlib.inflateSync, identity: (x) => x }

async function answered(p, text, accept) {
	await p.push(text)
	const r = await p.get({ fields: { 'Accept-Encoding': accept } })
	assert.equal(r.status, 200)
	const coding = r.headers['content-encoding'] ?? 'identity'
	assert.equal(undone[coding](r.body).toString(), text)
	return { coding, r }
}

describe('which coding', () => {
	const rows = {
		'gzip': 'gzip', 'deflate': 'deflate', 'gzip, deflate': 'gzip', 'deflate, gzip': 'deflate', 'gzip;q=0.5, deflate;q=0.9': 'deflate', 'gzip, deflate, br': 'gzip',
		'*': 'gzip', 'gzip;q=0': 'identity', 'gzip;q=0, deflate': 'deflate', 'identity': 'identity', 'br': 'identity', '': 'identity', 'GZIP': 'gzip',
		' gzip ; q=1 ': 'gzip', 'identity;q=0.5, gzip;q=0.1': 'gzip'
	}
	for (const [accept, expected] of Object.entries(rows)) {
		test(`${accept || 'nothing'}: ${expected}`, async (t) => {
			const { coding, r } = await answered(await Poller.open(t, s.port), long(5000), accept)
			assert.equal(coding, expected)
			if (coding !== 'identity') assert.ok(r.body.length < 500)
			assert.equal(r.headers['content-type'], 'text/plain; charset=UTF-8')
			assert.equal(r.headers['cache-control'], 'no-store')
		})
	}

	test('nobody asked', async (t) => {
		assert.equal((await answered(await Poller.open(t, s.port), long(5000), null)).coding, 'identity')
	})
})

describe('from which length', () => {
	for (const [n, expected] of [[10, 'identity'], [1023, 'identity'], [1024, 'gzip'], [900000, 'gzip']]) {
		test(`${n}: ${expected}`, async (t) => {
			assert.equal((await answered(await Poller.open(t, s.port), long(n), 'gzip')).coding, expected)
		})
	}

	test('bytes count, not letters', async (t) => {
		assert.equal((await answered(await Poller.open(t, s.port), `4${'é'.repeat(512)}`, 'gzip')).coding, 'gzip')
	})

	test('the whole body counts, not a packet', async (t) => {
		const text = Array(30).fill(long(40)).join('\x1e')
		assert.equal((await answered(await Poller.open(t, s.port), text, 'gzip')).coding, 'gzip')
	})

	test('what cannot be made shorter comes whole all the same', async (t) => {
		const bytes = zlib.deflateRawSync(Buffer.from(Array.from({ length: 3000 }, (_, i) => Math.imul(i, 2654435761) >>> 24)))
		await answered(await Poller.open(t, s.port), `b${bytes.toString('base64')}`, 'gzip')
	})
})

test('a poll that waits is compressed, too', async (t) => {
	const p = await Poller.open(t, s.port)
	const pending = await p.start('GET', { fields: { 'Accept-Encoding': 'gzip' } })
	await p.push(long(3000))
	const r = await pending.response()
	assert.equal(r.headers['content-encoding'], 'gzip')
	assert.equal(zlib.gunzipSync(r.body).toString(), long(3000))
	await p.lives()
})

test('not at all', async (t) => {
	const plain = await target(t, { ...PATIENT, http_compression: false })
	assert.equal((await answered(await Poller.open(t, plain.port), long(5000), 'gzip')).coding, 'identity')
})
