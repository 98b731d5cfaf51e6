/* socketio_namespaces.mjs - namespaces by pattern, and one that looks at who comes. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CHANNELS, join, joined } from './channels.mjs'
import { PATIENT, started } from './target.mjs'

/* What application.mjs has besides. */
const MORE = `
namespace "/tenant-*" {
    on "connect"    { emit = auth  to = self  data = '{@socket.auth}' }
    event "message" { emit = "message-back"  to = self  ack = no }
    event "shout"   { emit = shouted  to = all  ack = no }
}
namespace "/guarded" {
    on "connecting" { check { if = "@socket.auth.secret = \\"x\\""  error = 'No "entry" here'  code = closed } }
    on "connect"    { emit = auth  to = self  data = '{@socket.auth}' }
    event "message" { emit = "message-back"  to = self  ack = no }
}
`
const REFUSED = '44/guarded,{"message":"No \\"entry\\" here","data":{"code":"closed"}}'

let s
before(async () => (s = await started(PATIENT, { more: MORE })))
after(() => s.stop())

for (const kind of Object.keys(CHANNELS)) {
	describe(kind, () => {
		test('a pattern covers what fits, and nothing else', async (t) => {
			const c = await CHANNELS[kind](t, s.port)
			for (const nsp of ['/tenant-1', '/tenant-é', '/tenant-a/b?c=d']) {
				await join(c, nsp, { for: nsp })
				await c.send(`42${nsp},["message",1]`)
				assert.equal(await c.next(), `42${nsp},["message-back",1]`)
			}
			for (const nsp of ['/tenant', '/tenants', '/x/tenant-1', '/Tenant-1']) {
				await c.send(`40${nsp},`)
				assert.equal(await c.next(), `44${nsp},{"message":"Invalid namespace"}`)
			}
		})

		test('namespaces of one pattern do not hear each other', async (t) => {
			const [a, b, other] = await Promise.all(['a', 'a', 'b'].map((x) => joined(kind, t, s.port, `/tenant-${x}`)))
			await a.send('42/tenant-a,["shout","hey"]')
			for (const c of [a, b]) assert.equal(await c.next(), '42/tenant-a,["shouted","hey"]')
			await other.send('42/tenant-b,["shout","ho"]')
			assert.equal(await other.next(), '42/tenant-b,["shouted","ho"]')
		})

		test('who is refused is told why, may try again, and keeps what else it has', async (t) => {
			const c = await joined(kind, t, s.port)
			for (const auth of ['', '{}', '{"secret":"y"}', '{"secret":["x"]}']) {
				await c.send(`40/guarded,${auth}`)
				assert.equal(await c.next(), REFUSED)
			}
			await c.send('42["message","on"]')
			assert.equal(await c.next(), '42["message-back","on"]')
			await join(c, '/guarded', { secret: 'x' })
			await c.send('42/guarded,["message",1]')
			assert.equal(await c.next(), '42/guarded,["message-back",1]')
		})

		test('an event to a namespace that refused ends the connection', async (t) => {
			const c = await CHANNELS[kind](t, s.port)
			await c.send('40/guarded,')
			assert.equal(await c.next(), REFUSED)
			await c.send('42/guarded,["message",1]')
			await c.over()
		})
	})
}
