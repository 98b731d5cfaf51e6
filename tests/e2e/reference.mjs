/* reference.mjs - Socket.IO's own server, set up like ours, to be asked the same. */
import http from 'node:http'
import { Server as SocketIO } from 'socket.io'

/* A running one with .port; it ends with stop(). */
export async function reference(options = {}) {
	const web = http.createServer((_, response) => response.writeHead(404).end())
	const io = new SocketIO(web, { transports: ['websocket'], serveClient: false, ...options })
	const reasons = []
	io.on('connection', (socket) => {
		socket.on('ping', (ack) => (typeof ack === 'function' ? ack('pong') : socket.emit('pong')))
		socket.on('echo', (...args) => {
			const ack = typeof args.at(-1) === 'function' ? args.pop() : undefined
			socket.emit('echo', ...args)
			ack?.({ success: true })
		})
		socket.on('disconnect', (reason) => reasons.push(reason))
	})
	await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve))
	return {
		io,
		reasons,
		port: web.address().port,
		async stop() {
			await io.close()
			web.closeAllConnections()
		}
	}
}
