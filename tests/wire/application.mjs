/*
 * application.mjs - the application of conf/profiles/conformance.conf, on the reference server: engine.io echoes at
 * /engine.io/, socket.io answers at /socket.io/, ws echoes at /echo.
 */
import http from 'node:http'
import { attach } from 'engine.io'
import { Server as SocketIO } from 'socket.io'
import { WebSocketServer } from 'ws'

/* What ENGINE says in the words of the conf, in the reference's. */
function options(engine) {
	const o = {
		pingInterval: engine.ping_interval,
		pingTimeout: engine.ping_timeout,
		maxHttpBufferSize: engine.max_payload,
		transports: engine.transports
	}
	if (engine.upgrade_timeout !== undefined) o.upgradeTimeout = engine.upgrade_timeout
	if (engine.allow_upgrades !== undefined) o.allowUpgrades = engine.allow_upgrades
	if (engine.http_compression === false) o.httpCompression = false
	if (engine.compression) o.perMessageDeflate = { threshold: engine.compression_threshold ?? 1024 }
	if (engine.cookie) o.cookie = true
	if (engine.origins) {
		o.cors = { origin: engine.origins, credentials: engine.credentials ?? false }
		/* CORS alone keeps nobody out: a page elsewhere may still send, and open a WebSocket. */
		o.allowRequest = (request, answer) => {
			const { origin } = request.headers
			answer(null, origin === undefined || engine.origins.includes(origin))
		}
	}
	return o
}

function answer(socket) {
	socket.emit('auth', socket.handshake.auth)
	socket.on('message', (...args) => socket.emit('message-back', ...args))
	socket.on('message-with-ack', (...args) => args.pop()(...args))
}

/* The rules of tests/cluster: rooms to join, messages to them, to the others in them, and to everybody. */
function answer_rooms(socket) {
	socket.on('subscribe', ({ room, id }, ack) => {
		socket.join(`${room}:${id}`)
		ack({ success: true })
	})
	const send = (target, payload, ack) => {
		target.emit('post', payload)
		ack?.({ success: true })
	}
	socket.on('post', (m, ack) => send(socket.nsp.to(`chat:${m.room}`), m, ack))
	socket.on('tell', (m, ack) => send(socket.to(`chat:${m.room}`), m, ack))
	socket.on('shout', (m, ack) => send(socket.nsp, m, ack))
}

function serve_echo(web, engine) {
	const echo = new WebSocketServer({
		noServer: true,
		maxPayload: 1 << 24,
		perMessageDeflate: engine.compression ? { threshold: engine.compression_threshold ?? 1024 } : false
	})
	echo.on('connection', (socket) => {
		socket.on('error', () => {}) /* ws answers a fault with a close of its own */
		socket.on('message', (data, binary) => socket.send(data, { binary }))
	})
	web.on('upgrade', (request, socket, head) => {
		if (request.url.startsWith('/echo')) echo.handleUpgrade(request, socket, head, (ws) => echo.emit('connection', ws))
	})
}

/*
 * A running one: {port, and calls that do what forkcast's API does}.  PARSER names the package of another parser; ROOMS:
 * the application of tests/cluster instead.
 */
export async function application(engine, { parser, rooms } = {}) {
	const web = http.createServer((_, response) => response.writeHead(404).end())
	attach(web, { ...options(engine), path: '/engine.io/' }).on('connection', (socket) => {
		socket.on('message', (data) => socket.send(data))
	})
	const io = new SocketIO(web, {
		...options(engine),
		connectTimeout: engine.connect_timeout,
		...(parser ? { parser: (await import(parser)).default } : {})
	})
	io.on('connection', rooms ? answer_rooms : answer)
	io.of('/custom').on('connection', answer)
	io.of(/^\/tenant-/).on('connection', (socket) => {
		answer(socket)
		socket.on('shout', (...args) => socket.nsp.emit('shouted', ...args))
	})
	io.of('/guarded').use((socket, done) => {
		if (socket.handshake.auth.secret === 'x') done()
		else done(Object.assign(new Error('No "entry" here'), { data: { code: 'closed' } }))
	}).on('connection', answer)
	serve_echo(web, engine)
	await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve))
	const reasons = {}
	for (const nsp of [io, io.of('/custom')]) {
		nsp.on('connection', (socket) => socket.on('disconnect', (reason) => (reasons[reason] = (reasons[reason] ?? 0) + 1)))
	}
	return {
		port: web.address().port,
		reasons: () => reasons,
		disconnect: (id, close) => void io.in(id).disconnectSockets(close),
		emit: (id, event, ...args) => void io.in(id).emit(event, ...args),
		/* What the clients answer within TIMEOUT_MS. */
		emit_with_ack: (id, timeout_ms, event, ...args) => io.in(id).timeout(timeout_ms).emitWithAck(event, ...args)
	}
}
