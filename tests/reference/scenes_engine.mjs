/* scenes_engine.mjs - the transport alone: what the reference's engine client asks of a server that sends back what it gets. */
import assert from 'node:assert/strict'
import { compare, hears, here } from './scenes.mjs'

/* Sends all of SENT when the connection is open, or when it was upgraded; all that comes back is shown. */
function bounced(name, sent, shows = sent) {
	return {
		name,
		shows,
		async run(stage) {
			const socket = stage.engine()
			const heard = []
			socket.on('message', (data) => heard.push(data))
			await hears(socket, stage.transports.length === 2 ? 'upgrade' : 'open')
			for (const data of sent) socket.send(data)
			while (heard.length < sent.length) await hears(socket, 'message')
			return heard
		}
	}
}

/* The error and the end of a connection, in what both servers should say. */
async function end_of(socket) {
	let error = null
	socket.on('error', ({ type, message, description, context }) => {
		error = { type, message, status: typeof description === 'number' ? description : null, body: context?.responseText ?? null }
	})
	const [reason, details] = await hears(socket, 'close')
	const { code, reason: text } = details?.context ?? {}
	return {
		reason,
		error,
		close: code === undefined ? null : { code, text: text.toString() }
	}
}

const is_polling = (stage) => stage.transports[0] === 'polling'

compare([
	bounced('a text', ['cash money €€€']),
	bounced('emoji', ['\uD800\uDC00-\uDB7F\uDFFF\uDB80\uDC00-\uDBFF\uDFFF\uE000-\uF8FF']),
	bounced('an empty text', [''], [undefined]), /* as the client gives it */
	bounced('what looks like packets', ['4x', '1', '\x1d', '0{}', 'b', '"\\\\n"']),
	bounced('bytes', [Buffer.from([0, 1, 2, 0xff])]),
	bounced('packets together up to a hundred bytes', ['a'.repeat(99), 'b'.repeat(30), 'c'.repeat(30), 'd'.repeat(35), '€'.repeat(33), 'f'.repeat(99)]),
	bounced('bytes and texts together up to a hundred bytes', [Buffer.alloc(72, 1), Buffer.alloc(20, 2), 'a'.repeat(20), Buffer.alloc(20, 3), Buffer.alloc(72, 4)]),
	bounced('many, in their order', [...Array(200).keys()].map(String)),
	{
		name: 'the handshake',
		async run(stage) {
			const socket = stage.engine()
			const [{ sid, ...rest }] = await hears(socket, 'handshake')
			return { length: sid.length, ...rest, transport: stage.transports[0] }
		},
		shows: ({ transport, ...rest }, who) => {
			const want = { length: 20, upgrades: transport === 'polling' ? ['websocket'] : [], pingInterval: 500, pingTimeout: 20000, maxPayload: 100 }
			assert.deepEqual(rest, want, who)
		}
	},
	{
		name: 'more than a hundred bytes',
		async run(stage) {
			const socket = stage.engine({ transports: stage.transports.slice(0, 1) })
			const ended = end_of(socket)
			await hears(socket, 'open')
			socket.send('a'.repeat(101))
			return [is_polling(stage), await ended]
		},
		shows: ([polling, end], who) => {
			const want = polling
				? { reason: 'transport error', error: { type: 'TransportError', message: 'xhr post error', status: 413, body: '' }, close: null }
				: { reason: 'transport close', error: null, close: { code: 1009, text: '' } }
			assert.deepEqual(end, want, who)
		}
	},
	{
		name: 'a session that is not known',
		async run(stage) {
			const socket = stage.engine({ transports: stage.transports.slice(0, 1), query: { sid: 'abc' } })
			return [is_polling(stage), await end_of(socket)]
		},
		shows: ([polling, end], who) => {
			const want = polling
				? { reason: 'transport error', error: { type: 'TransportError', message: 'xhr poll error', status: 400, body: '{"code":1,"message":"Session ID unknown"}' }, close: null }
				: { reason: 'transport error', error: { type: 'TransportError', message: 'websocket error', status: null, body: null }, close: null }
			assert.deepEqual(end, want, who)
		}
	},
	{
		name: 'closed while it is upgraded: all that was sent arrives first',
		async run(stage) {
			const socket = stage.engine({ transports: ['polling', 'websocket'] })
			let upgraded = false
			socket.on('upgrade', () => (upgraded = true))
			await hears(socket, 'upgrading')
			socket.send('hi')
			socket.close()
			const [reason] = await hears(socket, 'close')
			return [upgraded, reason, socket.writeBuffer.length]
		},
		shows: [true, 'forced close', 0]
	}
], { file: here('engine.conf') })
