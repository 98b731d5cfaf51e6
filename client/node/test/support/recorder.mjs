/* recorder.mjs - an HTTP server of the test, which notes what it is asked and answers as it is told. */
import { once } from 'node:events'
import http from 'node:http'

/*
 * ANSWER(request, n, response): {status, headers, json or text}, 'reset' (the connection breaks) or 'silence'.  REQUEST:
 * {method, path, headers, text, json, lines, socket}.  WHERE: a port or a path.  It goes with the test T.
 */
export async function recorder(t, answer = () => ({ json: {} }), where = 0) {
	const seen = []
	const sockets = new Set()
	const server = http.createServer(async (request, response) => {
		const parts = []
		for await (const part of request) parts.push(part)
		const text = Buffer.concat(parts).toString()
		const ndjson = request.headers['content-type'] === 'application/x-ndjson'
		const entry = {
			method: request.method,
			path: request.url,
			headers: request.headers,
			text,
			json: text === '' || ndjson ? undefined : JSON.parse(text),
			lines: ndjson ? text.trimEnd().split('\n').map((l) => JSON.parse(l)) : undefined,
			socket: request.socket,
			at: performance.now()
		}
		seen.push(entry)
		const reply = await answer(entry, seen.length - 1)
		if (reply === 'reset') request.socket.destroy()
		if (reply === 'reset' || reply === 'silence') return
		const body = reply.text ?? JSON.stringify(reply.json ?? {})
		response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...reply.headers })
		response.end(body)
	})
	server.on('connection', (socket) => {
		sockets.add(socket)
		socket.on('close', () => sockets.delete(socket))
	})
	server.listen(where, typeof where === 'number' ? '127.0.0.1' : undefined)
	await once(server, 'listening')
	t.after(() => {
		server.close()
		server.closeAllConnections()
	})
	const url = typeof where === 'number' ? `http://127.0.0.1:${server.address().port}` : `unix:${where}`
	return { url, seen, sockets, server }
}

/* What a batch is answered when all is well. */
export const all_good = (request) => ({ text: request.lines.map((_, i) => JSON.stringify({ id: `r${i}`, delivered: i })).join('\n') + '\n' })

export async function until(what, fn, timeout_ms = 5000) {
	for (const end = performance.now() + timeout_ms; ; ) {
		const value = await fn()
		if (value) return value
		if (performance.now() > end) throw new Error(`not within ${timeout_ms} ms: ${what}`)
		await new Promise((resolve) => setTimeout(resolve, 10))
	}
}
