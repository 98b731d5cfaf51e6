/* socketio_connect.mjs - namespaces are joined, refused and left, over each transport. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sleep } from '../e2e/server.mjs'
import { CHANNELS, join, joined } from './channels.mjs'
import { PATIENT, started, target } from './target.mjs'

let s
before(async () => (s = await started(PATIENT)))
after(() => s.stop())

/* The reference leaves a moment later than it reads. */
async function leave(channel, packet) {
	await channel.send(packet)
	await sleep(30)
}

for (const kind of Object.keys(CHANNELS)) {
	describe(kind, () => {
		test('joins the main namespace', (t) => joined(kind, t, s.port))

		test('joins it with a payload', (t) => joined(kind, t, s.port, '/', { token: '123', deep: { er: [1, null] } }))

		test('joins another namespace', (t) => joined(kind, t, s.port, '/custom'))

		test('joins it with a payload', (t) => joined(kind, t, s.port, '/custom', { token: 'abc' }))

		test('joins several, each with an id of its own, none the session\'s', async (t) => {
			const c = await CHANNELS[kind](t, s.port)
			const main = await join(c)
			const custom = await join(c, '/custom')
			assert.notEqual(main, custom)
			await c.send('42/custom,["message",1]', '42["message",2]')
			assert.equal(await c.next(), '42/custom,["message-back",1]')
			assert.equal(await c.next(), '42["message-back",2]')
		})

		test('the slash and what has no comma', async (t) => {
			const main = await CHANNELS[kind](t, s.port)
			await main.send('40/')
			assert.match(await main.next(), /^40\{"sid":"[^"]{20}"\}$/)
			const custom = await CHANNELS[kind](t, s.port)
			await custom.send('40/custom')
			assert.match(await custom.next(), /^40\/custom,\{"sid":"[^"]{20}"\}$/)
		})

		test('an unknown namespace is refused, and nothing else', async (t) => {
			const c = await CHANNELS[kind](t, s.port)
			await c.send('40/random')
			assert.equal(await c.next(), '44/random,{"message":"Invalid namespace"}')
			await c.send('40/random,{"token":"x"}')
			assert.equal(await c.next(), '44/random,{"message":"Invalid namespace"}')
			await c.send('40/customer,')
			assert.equal(await c.next(), '44/customer,{"message":"Invalid namespace"}')
			await join(c)
		})

		test('names are taken as they are', async (t) => {
			const c = await CHANNELS[kind](t, s.port)
			for (const nsp of ['/Custom', '/custom/', '//', '/custom?a=b', '/é€💛', '/a"b\\c', '/ ', '/1']) {
				await c.send(`40${nsp},`)
				assert.equal(await c.next(), `44${nsp},{"message":"Invalid namespace"}`)
			}
		})

		test('a number where the payload would be is an id that nobody needs', async (t) => {
			const c = await CHANNELS[kind](t, s.port)
			await c.send('401')
			assert.match(await c.next(), /^40\{"sid":"[^"]{20}"\}$/)
		})

		test('leaves and joins again, with another id', async (t) => {
			const c = await joined(kind, t, s.port)
			await join(c, '/custom')
			await leave(c, '41')
			const again = await join(c)
			assert.notEqual(again, c.id)
			await leave(c, '41/custom,')
			await join(c, '/custom')
			await c.send('42["message","on"]')
			assert.equal(await c.next(), '42["message-back","on"]')
		})

		test('after leaving, an event to the namespace ends the connection', async (t) => {
			const c = await joined(kind, t, s.port)
			await leave(c, '41')
			await c.send('42["message","x"]')
			await c.over()
		})

		test('leaving one namespace does not end the other', async (t) => {
			const c = await joined(kind, t, s.port)
			await join(c, '/custom')
			await c.send('41/custom,')
			await c.send('42["message","on"]')
			assert.equal(await c.next(), '42["message-back","on"]')
		})

		/* What comes before a namespace is joined, or asks to join what is joined. */
		const fatal = {
			'an event': ['42["message","x"]'], 'an event for elsewhere': ['42/custom,["message","x"]'], 'leaving': ['41'], 'an ack': ['430[]'],
			'a refusal': ['44{"message":"x"}'], 'a payload that is no object': ['40[]'], 'a string': ['40"x"'],
			'null': ['40null'], 'half an object': ['40{"a":'], 'binary': [Buffer.from([1])], 'an unknown type': ['47'], 'a letter': ['4abc'],
			'nothing': ['4']
		}
		for (const [what, packets] of Object.entries(fatal)) {
			test(`before joining: ${what} ends the connection`, async (t) => {
				const c = await CHANNELS[kind](t, s.port)
				await c.send(...packets)
				await c.over()
			})
		}

		test('joining twice ends the connection', async (t) => {
			const c = await joined(kind, t, s.port)
			await c.send('40')
			await c.over()
		})

		test('joining another twice does, too', async (t) => {
			const c = await joined(kind, t, s.port, '/custom')
			await join(c)
			await c.send('40/custom,{"a":1}')
			await c.over()
		})
	})
}

describe('a second to join', () => {
	let quick
	before(async () => (quick = await started({ ...PATIENT, connect_timeout: 1000 })))
	after(() => quick.stop())

	for (const kind of Object.keys(CHANNELS)) {
		test(`${kind}: who does not is closed`, async (t) => {
			const c = await CHANNELS[kind](t, quick.port)
			const at = performance.now()
			await c.over()
			const took = performance.now() - at
			assert.ok(took > 850 && took < 1400, `${took} ms`)
		})

		test(`${kind}: a refusal does not count`, async (t) => {
			const c = await CHANNELS[kind](t, quick.port)
			await c.send('40/random')
			assert.equal(await c.next(), '44/random,{"message":"Invalid namespace"}')
			await c.over()
		})

		test(`${kind}: who has joined may leave and stay`, async (t) => {
			const c = await joined(kind, t, quick.port)
			await c.send('41')
			await sleep(1300)
			await join(c)
		})
	}
})

test('with the heartbeat of the profile, in both namespaces', async (t) => {
	const fast = await target(t)
	for (const kind of ['polling', 'websocket']) {
		const c = await joined(kind, t, fast.port, '/custom')
		for (let i = 0; i < 4; i++) {
			await sleep(100)
			await c.send(`42/custom,["message",${i}]`)
			assert.equal(await c.next(), `42/custom,["message-back",${i}]`)
		}
	}
})
