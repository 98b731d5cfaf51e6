/* scenes_connections.mjs - namespaces, handshakes, ends and returns, as the reference client sees them. */
import assert from 'node:assert/strict'
import { compare, hears } from './scenes.mjs'

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/* How a CONNECT ends. */
async function admitted(socket) {
	const [what] = await Promise.race([
		hears(socket, 'connect').then(() => ['connect']),
		hears(socket, 'connect_error').then(([error]) => [{ message: error.message, data: error.data }])
	])
	return what
}

/*
 * What of a handshake both servers say, in a form that can be compared.  Socket.IO also has `time`, `url` and all headers;
 * of the query, the names that the conf knows.
 */
function handshake(h) {
	const { t, ...query } = h.query
	assert.ok(Math.abs(h.issued - Date.now()) < 60000, `issued: ${h.issued}`)
	return { query, auth: h.auth, address: h.address, secure: h.secure, xdomain: h.xdomain, host: h.headers.host.replace(/\d+$/, 'PORT') }
}

const SHAKEN = { auth: {}, address: '127.0.0.1', secure: false, xdomain: false, host: '127.0.0.1:PORT' }

function is_shaken(query, more = {}) {
	return (value) => {
		assert.match(value.query.transport, /^(polling|websocket)$/)
		assert.deepEqual(value, { ...SHAKEN, ...more, query: { EIO: '4', transport: value.query.transport, ...query } })
	}
}

function shakes(name, nsp, options, query, more) {
	return {
		name: `handshake: ${name}`,
		shows: is_shaken(query, more),
		async run(stage) {
			const socket = stage.dial(nsp, options)
			return handshake(nsp.startsWith('/abc') ? (await hears(socket, 'handshake'))[0] : await socket.emitWithAck('getHandshake'))
		}
	}
}

const handshakes = [
	shakes('query of /', '/', { query: { e: 'f' } }, { e: 'f' }),
	shakes('query string of /', '/?c=d', {}, { c: 'd' }),
	shakes('without a query', '/', {}, {}),
	shakes('query of a namespace', '/abc', { query: { a: 'b' } }, { a: 'b' }),
	shakes('query string of a namespace', '/abc?b=c&d=e', {}, { b: 'c', d: 'e' }),
	shakes('encoded', '/abc', { query: { a: '&=?a é+% ' } }, { a: '&=?a é+% ' }),
	shakes('empty', '/abc', { query: { a: '' } }, { a: '' }),
	shakes('auth', '/abc', { auth: { a: 'b', c: 'd' } }, {}, { auth: { a: 'b', c: 'd' } }),
	shakes('auth of a function', '/abc', { auth: (give) => give({ e: ['f', { g: null }] }) }, {}, { auth: { e: ['f', { g: null }] } }),
	shakes('auth of /', '/', { auth: { token_of_another: 'x' } }, {}, { auth: { token_of_another: 'x' } }),
	shakes('another header', '/', { extraHeaders: { 'x-a': 'b' } }, {})
]

/* CONNECT to a namespace that says nothing, and what it does with an event. */
function names(nsp, shows, options) {
	return {
		name: `namespace ${nsp} ${options ? JSON.stringify(options) : ''}`,
		shows,
		async run(stage) {
			const socket = stage.dial(nsp, options)
			return [await admitted(socket), socket.active, socket.connected]
		}
	}
}

const namespaces = [
	...['/foo', '/timeout_socket', '/valid', '/asd', '/abc'].map((nsp) => names(nsp, ['connect', true, true])),
	names('/no', [{ message: 'Auth failed (custom namespace)', data: undefined }, false, false]),
	names('/nobody', [{ message: 'Invalid namespace', data: undefined }, false, false]),
	names('/', [{ message: 'Auth failed (main namespace)', data: undefined }, false, false], { query: { fail: true } }),
	names('/?fail=1', [{ message: 'Auth failed (main namespace)', data: undefined }, false, false]),
	names('/?fail=0', [{ message: 'Auth failed (main namespace)', data: undefined }, false, false]),
	names('/?fail=', ['connect', true, true]),
	names('/foo?fail=1', ['connect', true, true]),
	...['/', '/foo'].map((nsp) => ({
		name: `getId of ${nsp}`,
		async run(stage) {
			const socket = stage.dial(nsp)
			const id = await socket.emitWithAck('getId')
			return [id === socket.id, id.length, id === socket.io.engine.id]
		},
		shows: [true, 20, false]
	})),
	{
		name: 'what nobody declared in a namespace has no ack',
		run: (stage) => Promise.all(['/foo', '/abc', '/valid'].map((nsp) => stage.dial(nsp).timeout(400).emitWithAck('my-event', '123').catch((e) => e.message))),
		shows: Array(3).fill('operation has timed out')
	},
	{
		name: 'the handshake is the first that /abc hears',
		async run(stage) {
			const socket = stage.dial('/abc')
			const heard = []
			socket.onAny((event, ...args) => heard.push([event, args.length]))
			socket.emit('my-event', Uint8Array.of(1, 2, 3))
			await hears(socket, 'handshake')
			await pause(100)
			return heard
		},
		shows: [['handshake', 1]]
	},
	{
		name: 'refused, and not tried again; the connection stays for others',
		async run(stage) {
			const manager = stage.manager({ query: { fail: 1 } })
			const log = []
			const root = manager.socket('/')
			const no = manager.socket('/no')
			for (const s of [root, no]) s.on('connect_error', (e) => log.push(e.message))
			const foo = manager.socket('/foo')
			await hears(foo, 'connect')
			await until_length(log, 2)
			const engine = manager.engine.id
			manager.engine.close()
			await hears(foo, 'connect')
			await pause(150)
			return [log.sort(), manager.engine.id === engine, root.active, no.active, (await foo.emitWithAck('getId')) === foo.id]
		},
		shows: [['Auth failed (custom namespace)', 'Auth failed (main namespace)'], false, false, false, true]
	},
	{
		name: 'one connection for many namespaces, which come and go by themselves',
		async run(stage) {
			const manager = stage.manager()
			const log = []
			const [root, foo, asd] = ['/', '/foo', '/asd'].map((nsp) => manager.socket(nsp))
			for (const s of [root, foo, asd]) s.on('disconnect', (reason) => log.push([s.nsp, reason]))
			await Promise.all([root, foo, asd].map((s) => hears(s, 'connect')))
			const ids = [root, foo, asd].map((s) => s.id)
			foo.disconnect()
			const echoed = await root.emitWithAck('echo', 'still here')
			const valid = manager.socket('/valid')
			await hears(valid, 'connect')
			foo.connect()
			await hears(foo, 'connect')
			const other = foo.id !== ids[1]
			const closed = hears(manager, 'close')
			for (const s of [root, asd, foo, valid]) s.disconnect()
			await closed
			return [new Set(ids).size, echoed, other, log]
		},
		shows: [3, 'still here', true, [['/foo', 'io client disconnect'], ['/', 'io client disconnect'], ['/asd', 'io client disconnect'], ['/foo', 'io client disconnect']]]
	},
	{
		name: 'packets of a client that enters two namespaces, in their order',
		async run(stage) {
			const manager = stage.manager()
			const sent = []
			const [root, foo] = [manager.socket('/'), manager.socket('/foo')]
			manager.engine.on('packetCreate', ({ type, data }) => type === 'message' && sent.push(data))
			await Promise.all([hears(root, 'connect'), hears(foo, 'connect')])
			await foo.emitWithAck('getId')
			root.disconnect()
			foo.disconnect()
			return [...sent]
		},
		shows: ['0', '0/foo,', '2/foo,0["getId"]', '1', '1/foo,']
	}
]

async function until_length(list, n) {
	while (list.length < n) await pause(5)
}

const ends = [
	{
		name: 'a client that goes: its id is gone, and it may come again',
		async run(stage) {
			const socket = stage.dial()
			await hears(socket, 'connect')
			const first = socket.id
			const gone = hears(socket, 'disconnect')
			socket.disconnect()
			const [reason] = await gone
			const id = socket.id
			socket.connect()
			await hears(socket, 'connect')
			return [reason, id, socket.id === first, await socket.emitWithAck('echo', 1)]
		},
		shows: ['io client disconnect', undefined, false, 1]
	},
	{
		name: 'disconnect().connect()',
		async run(stage) {
			const socket = stage.dial()
			let n = 0
			socket.on('disconnect', () => n++)
			await hears(socket, 'connect')
			socket.disconnect().connect()
			await hears(socket, 'connect')
			return [await socket.emitWithAck('echo', 1), n]
		},
		shows: [1, 1]
	},
	{
		name: 'a connection that breaks comes back with another id',
		async run(stage) {
			const socket = stage.dial()
			await hears(socket, 'connect')
			const first = socket.id
			const gone = hears(socket, 'disconnect')
			const again = hears(socket.io, 'reconnect')
			socket.io.engine.close()
			const [reason] = await gone
			const [attempt] = await again
			if (!socket.connected) await hears(socket, 'connect')
			return [reason, attempt, socket.id === first, Boolean(socket.recovered), await socket.emitWithAck('echo', 1)]
		},
		shows: ['forced close', 1, false, false, 1]
	},
	{
		name: 'a client that cannot read a packet begins anew',
		async run(stage) {
			const manager = stage.manager()
			const socket = manager.socket('/')
			await hears(socket, 'connect')
			const engine = manager.engine
			const gone = hears(socket, 'disconnect')
			engine.emitReserved('data', 'bad')
			const [reason] = await gone
			await hears(socket, 'connect')
			return [reason, manager.engine === engine, await socket.emitWithAck('echo', 1)]
		},
		shows: ['parse error', false, 1]
	},
	{
		name: 'what was sent before the connection arrives in its order',
		async run(stage) {
			const socket = stage.dial('/', { autoConnect: false })
			const order = []
			const answers = [1, 2, 3].map((v) => socket.emitWithAck('echo', v).then((a) => order.push(a)))
			socket.volatile.emit('echo', 'lost', () => order.push('lost'))
			socket.connect()
			await Promise.all(answers)
			await socket.emitWithAck('echo', 4)
			return order
		},
		shows: [1, 2, 3]
	},
	{
		name: 'volatile events of a connected client arrive',
		async run(stage) {
			const socket = stage.dial()
			await hears(socket, 'connect')
			let tries = 0
			for (;;) {
				const id = await socket.volatile.timeout(500).emitWithAck('getId').catch(() => null)
				if (id !== null || ++tries > 20) return id === socket.id
			}
		},
		shows: true
	},
	{
		name: 'acks that will not come fail when the client goes',
		async run(stage) {
			const socket = stage.dial()
			await hears(socket, 'connect')
			const answers = [socket.emitWithAck('unknown'), socket.timeout(10000).emitWithAck('unknown')].map((p) => p.catch((e) => e.message))
			socket.disconnect()
			return [await Promise.all(answers), Object.keys(socket.acks).length]
		},
		shows: [Array(2).fill('socket has been disconnected'), 0]
	},
	{
		name: 'an ack that was not sent is asked for after the return',
		async run(stage) {
			const socket = stage.dial()
			await hears(socket, 'connect')
			socket.disconnect()
			const answer = socket.emitWithAck('echo', 'a')
			setTimeout(() => socket.connect(), 50)
			return answer
		},
		shows: 'a'
	},
	{
		name: 'ackTimeout',
		run: (stage) => stage.dial('/', { ackTimeout: 100 }).emitWithAck('unknown').catch((e) => e.message),
		shows: 'operation has timed out'
	},
	{
		name: 'retries: one packet after the other, in their order',
		async run(stage) {
			const socket = stage.dial('/', { retries: 1, ackTimeout: 5000 })
			const sent = []
			socket.io.engine.on('packetCreate', ({ type, data }) => type === 'message' && sent.push(data))
			const answers = await Promise.all([1, 2, 3].map((v) => socket.emitWithAck('echo', v)))
			return [answers, [...sent]]
		},
		shows: [[1, 2, 3], ['0', '20["echo",1]', '21["echo",2]', '22["echo",3]']]
	},
	{
		name: 'retries: four times what is never answered',
		async run(stage) {
			const socket = stage.dial('/', { retries: 3, ackTimeout: 150 })
			const sent = []
			let heard = 0
			socket.on('ack', () => heard++)
			socket.io.engine.on('packetCreate', ({ type, data }) => type === 'message' && sent.push(data))
			const error = await socket.emitWithAck('ack').catch((e) => e.message)
			while (heard < 4) await pause(10)
			return [error, [...sent]]
		},
		shows: ['operation has timed out', ['0', '20["ack"]', '21["ack"]', '22["ack"]', '23["ack"]']]
	},
	{
		name: 'the heartbeat of two seconds',
		async run(stage) {
			const socket = stage.dial()
			const began = Date.now()
			await hears(socket.io, 'ping')
			const waited = Date.now() - began
			assert.ok(waited > 1500, `${waited} ms`)
			return socket.emitWithAck('echo', 'alive')
		},
		shows: 'alive'
	}
]

compare([...handshakes, ...namespaces, ...ends])
