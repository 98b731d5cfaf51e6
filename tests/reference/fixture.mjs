/* fixture.mjs - the same test server on Socket.IO's own: what server.conf is compared with. */
import http from 'node:http'
import { attach } from 'engine.io'
import { Server } from 'socket.io'

const UTF8 = ['てすと', 'Я Б Г Д Ж Й', 'Ä ä Ü ü ß', 'utf8 — string', 'utf8 — string']
const is_mixed = (a) => a?.hello === 'lol' && Buffer.isBuffer(a.message) && a.goodbye === 'gotcha'

function answers(socket) {
	socket.on('hi', () => socket.emit('hi'))
	socket.on('echo', (value, ack) => ack(value))
	socket.on('getId', (ack) => ack(socket.id))
	socket.on('getHandshake', (ack) => ack(socket.handshake))
	socket.on('getAckDate', (_, ack) => ack(new Date()))
	socket.on('getDate', () => socket.emit('takeDate', new Date()))
	socket.on('getDateObj', () => socket.emit('takeDateObj', { date: new Date() }))
	socket.on('getUtf8', () => UTF8.forEach((text) => socket.emit('takeUtf8', text)))
	socket.on('false', () => socket.emit('false', false))
	socket.on('ack', () => socket.emit('ack', (a, b) => a === 5 && b.test && socket.emit('got it')))
}

/* Where the original would throw, and with it end, this one says nothing. */
function bytes(socket) {
	const came = new Set()
	const in_order = (event, fits, after, reply) =>
		socket.on(event, (a) => {
			if (!fits(a) || !after.every((name) => came.has(name))) return
			came.add(event)
			if (reply) socket.emit(reply)
		})
	socket.on('doge', () => socket.emit('doge', Buffer.from('asdfasdf')))
	socket.on('getbin', () => socket.emit('takebin', Buffer.from('asdfasdf')))
	in_order('buffa', Buffer.isBuffer, [], 'buffack')
	in_order('jsonbuff', is_mixed, [], 'jsonbuff-ack')
	in_order('abuff1', Buffer.isBuffer, [])
	in_order('abuff2', () => true, ['abuff1'], 'abuff2-ack')
	in_order('blob', Buffer.isBuffer, [], 'back')
	in_order('jsonblob', is_mixed, [], 'jsonblob-ack')
	in_order('blob1', Buffer.isBuffer, [])
	in_order('blob2', (a) => a === 'second', ['blob1'])
	in_order('blob3', Buffer.isBuffer, ['blob1', 'blob2'], 'blob3-ack')
}

function bounce(web) {
	const engine = attach(web, { path: '/engine.io/', pingInterval: 500, maxHttpBufferSize: 100, destroyUpgrade: false })
	engine.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
	return engine
}

/* A running one: {port, stop()}. */
export async function fixture() {
	const web = http.createServer((_, response) => response.writeHead(404).end())
	const io = new Server(web, { pingInterval: 2000, serveClient: false })
	io.use((socket, next) => next(socket.handshake.query.fail ? new Error('Auth failed (main namespace)') : undefined))
	io.on('connection', answers)
	io.on('connection', bytes)
	io.of('/foo').on('connection', (socket) => socket.on('getId', (ack) => ack(socket.id)))
	io.of('/abc').on('connection', (socket) => socket.emit('handshake', socket.handshake))
	io.of('/no').use((_, next) => next(new Error('Auth failed (custom namespace)')))
	for (const name of ['/timeout_socket', '/valid', '/asd']) io.of(name)
	const engine = bounce(web)
	await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve))
	return {
		port: web.address().port,
		async stop() {
			engine.close()
			await io.close()
			web.closeAllConnections()
		}
	}
}
