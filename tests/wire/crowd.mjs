/*
 * crowd.mjs - members of rooms (tests/cluster) on every kind of transport, behind a proxy that scatters their requests
 * over the workers; and the server for them.
 */
import { io } from 'socket.io-client'
import { host } from '../cluster/host.mjs'
import { Fleet } from '../cluster/members.mjs'
import { proxy } from './proxy.mjs'
import { reference } from './reference.mjs'
import { TARGET } from './target.mjs'

export const KINDS = { polling: ['polling'], upgrading: ['polling', 'websocket'], websocket: ['websocket'] }

/* A client of members.mjs that connects over TRANSPORTS; OPTIONS are socket.io-client's. */
export function client(transports, options = {}) {
	return {
		transports,
		open(port, jwt, on) {
			const socket = io(`http://127.0.0.1:${port}`, {
				reconnection: false, forceNew: true, timeout: 5000, ...options, transports, auth: { token: jwt }
			})
			let over = false
			const gone = (why) => {
				if (over) return
				over = true
				socket.close()
				on.gone(why)
			}
			socket.on('connect', () => on.connected(socket.id))
			socket.on('post', (m) => on.got(m.from, m.seq))
			socket.on('connect_error', (error) => gone(error.message))
			socket.on('disconnect', (why, details) => gone(`${why}${details?.context?.responseText ? `: ${details.context.responseText}` : ''}`))
			return {
				engine: () => socket.io.engine,
				emit: (event, payload, ack) => (ack ? socket.emit(event, payload, ack) : socket.emit(event, payload)),
				close: () => socket.close()
			}
		}
	}
}

async function server(t) {
	if (TARGET !== 'reference') return host(t, { top: 'engine { transports = {polling, websocket} }' })
	const s = await reference({ ping_interval: 25000, ping_timeout: 20000, connect_timeout: 45000, max_payload: 1e6, transports: ['polling', 'websocket'] }, { rooms: true })
	t.after(() => s.stop())
	return s
}

/* {host, proxy, fleet} with a fleet whose members connect through the proxy. */
export async function crowd(t, ledger) {
	const h = await server(t)
	const p = await proxy(h.port)
	t.after(() => p.stop())
	const fleet = new Fleet({ port: p.port }, ledger)
	t.after(() => fleet.leave())
	return { host: h, proxy: p, fleet }
}
