/* scenes_events.mjs - every event of the reference client's test server. */
import assert from 'node:assert/strict'
import { compare, hears } from './scenes.mjs'

const BYTES = Buffer.from([0, 1, 2, 0xfe, 0xff])
const UTF8 = ['てすと', 'Я Б Г Д Ж Й', 'Ä ä Ü ü ß', 'utf8 — string', 'utf8 — string']

/* EVENT with ARGS asks for an ack, whose first argument is shown. */
function asks(name, event, args, shows) {
	return { name, shows, run: (stage) => stage.dial().emitWithAck(event, ...args) }
}

/* SENT, a list of [event, ...args], go out in order; all that is heard is shown, in order, until an ack has come back. */
function hears_all(name, sent, shows) {
	return {
		name,
		shows,
		async run(stage) {
			const socket = stage.dial()
			const heard = []
			socket.onAny((...args) => heard.push(args))
			for (const packet of sent) socket.emit(...packet)
			await socket.emitWithAck('echo', 'fence')
			return heard
		}
	}
}

const echoes = {
	'a number': 123,
	'a number with a fraction': -1.5e-7,
	'a text': 'hello',
	'a text of all planes': 'é — \u0000 \u2028 " \\ 😀',
	'an empty text': '',
	'true': true,
	'false': false,
	'null': null,
	'an object': { a: [1, { b: null }], 'ключ': 'значение', '': {} },
	'a list': [[], {}, [[1]]],
	'bytes': BYTES,
	'bytes within': { first: BYTES, list: [1, BYTES, { last: Buffer.alloc(0) }] },
	'a long text': 'x'.repeat(100000),
	'many bytes': Buffer.alloc(200000, 7)
}

/* A date as JSON has it, of now, shown as the moment's distance in minutes. */
const a_date = (text) => {
	assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
	return Math.round((Date.now() - Date.parse(text)) / 60000)
}

compare([
	hears_all('hi', [['hi']], [['hi']]),
	hears_all('hi with an argument', [['hi', { a: 1 }]], [['hi']]),
	hears_all('hi three times', [['hi'], ['hi'], ['hi']], [['hi'], ['hi'], ['hi']]),
	...Object.entries(echoes).map(([name, value]) => asks(`echo of ${name}`, 'echo', [value], value)),
	{
		name: 'a hundred echoes come in their order',
		run: async (stage) => {
			const socket = stage.dial()
			const order = []
			await Promise.all([...Array(100).keys()].map((i) => socket.emitWithAck('echo', i).then((v) => order.push(v))))
			return order
		},
		shows: [...Array(100).keys()]
	},
	{
		name: 'the server asks for an ack',
		async run(stage) {
			const socket = stage.dial()
			const asked = hears(socket, 'ack')
			const got = hears(socket, 'got it')
			socket.emit('ack')
			const [ack, ...more] = await asked
			ack(5, { test: true })
			return [more, await got]
		},
		shows: [[], []]
	},
	{
		name: 'another answer is not got',
		async run(stage) {
			const socket = stage.dial()
			const heard = []
			socket.on('got it', () => heard.push('got it'))
			socket.emit('ack')
			const [ack] = await hears(socket, 'ack')
			ack(6, { test: true })
			await new Promise((resolve) => setTimeout(resolve, 300))
			return heard
		},
		shows: []
	},
	{
		name: 'getAckDate',
		run: async (stage) => a_date(await stage.dial().emitWithAck('getAckDate', { test: true })),
		shows: 0
	},
	{
		name: 'getDate',
		async run(stage) {
			const socket = stage.dial()
			socket.emit('getDate')
			const [date, ...more] = await hears(socket, 'takeDate')
			return [a_date(date), more]
		},
		shows: [0, []]
	},
	{
		name: 'getDateObj',
		async run(stage) {
			const socket = stage.dial()
			socket.emit('getDateObj')
			const [{ date, ...more }] = await hears(socket, 'takeDateObj')
			return [a_date(date), more]
		},
		shows: [0, {}]
	},
	hears_all('getUtf8', [['getUtf8']], UTF8.map((text) => ['takeUtf8', text])),
	hears_all('false', [['false']], [['false', false]]),
	...[['doge', 'doge'], ['getbin', 'takebin']].map(([event, reply]) => ({
		name: event,
		async run(stage) {
			const socket = stage.dial()
			socket.emit(event)
			return hears(socket, reply)
		},
		shows: [Buffer.from('asdfasdf')]
	})),
	{
		name: 'doge as an ArrayBuffer',
		async run(stage) {
			const socket = stage.dial('/', { transports: stage.transports.slice(-1) })
			socket.io.engine.binaryType = 'arraybuffer'
			socket.emit('doge')
			const [bytes] = await hears(socket, 'doge')
			return [bytes instanceof ArrayBuffer, Buffer.from(bytes).toString()]
		},
		shows: [true, 'asdfasdf']
	},
	hears_all('buffa of a Buffer', [['buffa', BYTES]], [['buffack']]),
	hears_all('buffa of an ArrayBuffer', [['buffa', new Uint8Array(BYTES).buffer]], [['buffack']]),
	hears_all('buffa of no bytes', [['buffa', Buffer.alloc(0)]], [['buffack']]),
	hears_all('buffa of what is none', [['buffa', 'text'], ['buffa', { a: BYTES }], ['buffa', null], ['buffa']], []),
	hears_all('jsonbuff', [['jsonbuff', { hello: 'lol', message: BYTES, goodbye: 'gotcha' }]], [['jsonbuff-ack']]),
	hears_all('jsonbuff in another order', [['jsonbuff', { goodbye: 'gotcha', message: BYTES, hello: 'lol' }]], [['jsonbuff-ack']]),
	hears_all('jsonbuff of something else', [
		['jsonbuff', { hello: 'lo', message: BYTES, goodbye: 'gotcha' }],
		['jsonbuff', { hello: 'lol', message: 'text', goodbye: 'gotcha' }],
		['jsonbuff', { hello: 'lol', message: BYTES }]
	], []),
	hears_all('abuff1, abuff2', [['abuff1', BYTES], ['abuff2', 'please arrive second']], [['abuff2-ack']]),
	hears_all('abuff2 alone', [['abuff2', 'please arrive second']], []),
	hears_all('abuff1 without bytes', [['abuff1', 'text'], ['abuff2', 'please arrive second']], []),
	hears_all('blob', [['blob', BYTES]], [['back']]),
	hears_all('blob of what is none', [['blob', 1]], []),
	hears_all('jsonblob', [['jsonblob', { hello: 'lol', message: BYTES, goodbye: 'gotcha' }]], [['jsonblob-ack']]),
	hears_all('blob1, blob2, blob3', [['blob1', BYTES], ['blob2', 'second'], ['blob3', BYTES]], [['blob3-ack']]),
	hears_all('blob3 before blob2', [['blob1', BYTES], ['blob3', BYTES], ['blob2', 'second']], []),
	hears_all('another blob2', [['blob1', BYTES], ['blob2', 'third'], ['blob3', BYTES]], []),
	hears_all('what nobody declared, without an ack', [['unknown'], ['subscribe', { room: 'bytes', id: '1' }], ['ping'], ['getRooms'], ['x'.repeat(200), BYTES]], []),
	{
		name: 'what nobody declared, with an ack: none comes',
		async run(stage) {
			const socket = stage.dial()
			const events = ['unknown', 'subscribe', 'unsubscribe', 'getRooms', 'ping', 'authenticate', 'bytes:doge']
			await hears(socket, 'connect')
			return Promise.all(events.map((event) => socket.timeout(400).emitWithAck(event, 'x', BYTES).catch((error) => error.message)))
		},
		shows: Array(7).fill('operation has timed out')
	},
	{
		name: 'two clients do not hear each other',
		async run(stage) {
			const [a, b] = [stage.dial(), stage.dial()]
			const heard = []
			b.onAny((event) => heard.push(event))
			await hears(b, 'connect')
			a.emit('hi')
			a.emit('getUtf8')
			a.emit('doge')
			await hears(a, 'doge')
			await b.emitWithAck('echo', 1)
			return heard
		},
		shows: []
	}
])
