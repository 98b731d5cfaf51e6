/*
 * proxy.mjs - a proxy that opens a new connection to the server for every request, so that the kernel chooses a worker
 * for each anew: with four of them three of four requests arrive at one that does not own the session.
 */
import http from 'node:http'
import net from 'node:net'

const HOP_BY_HOP = new Set(['connection', 'keep-alive'])

function carried(raw) {
	const list = []
	for (let i = 0; i < raw.length; i += 2) if (!HOP_BY_HOP.has(raw[i].toLowerCase())) list.push(raw[i], raw[i + 1])
	return list
}

/* {port, made (connections to the server so far), stop()} in front of PORT. */
export async function proxy(port) {
	const p = { made: 0, open: new Set() }
	const kept = (socket) => {
		p.open.add(socket)
		socket.once('close', () => p.open.delete(socket))
		return socket
	}
	const web = http.createServer((request, response) => {
		p.made++
		const onward = http.request({
			host: '127.0.0.1', port, agent: false, method: request.method, path: request.url, headers: carried(request.rawHeaders), setHost: false
		})
		onward.on('response', (answer) => {
			response.writeHead(answer.statusCode, answer.statusMessage, carried(answer.rawHeaders))
			answer.pipe(response)
			answer.on('error', () => response.destroy())
		})
		/* Who gives up on one side, gives up on the other. */
		onward.on('error', () => response.destroy())
		response.on('close', () => onward.destroy())
		request.pipe(onward)
	})
	web.on('connection', kept)
	web.on('upgrade', (request, socket, head) => {
		p.made++
		const onward = kept(net.connect({ port, host: '127.0.0.1', noDelay: true }))
		const fields = request.rawHeaders.map((x, i) => (i % 2 === 0 ? `${x}: ` : `${x}\r\n`)).join('')
		onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${fields}\r\n`)
		onward.write(head)
		socket.setNoDelay(true)
		socket.pipe(onward).pipe(socket)
		for (const [one, other] of [[socket, onward], [onward, socket]]) {
			one.on('error', () => other.destroy())
			one.on('close', () => other.destroy())
		}
	})
	web.keepAliveTimeout = 60000 /* clients need not wonder whether a connection still stands */
	await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve))
	p.port = web.address().port
	p.stop = () => {
		web.close()
		for (const socket of p.open) socket.destroy()
	}
	return p
}
