/* sockets.mjs - sessions on a WebSocket by hand: Engine.IO's echo, and Socket.IO in a namespace. */
import assert from 'node:assert/strict'
import { open_engine } from '../e2e/wire.mjs'
import { Line } from './http.mjs'
import { ENGINE, SOCKET } from './poller.mjs'

/* One that has heard the open packet (.open); QUERY is appended. */
export function open_ws(t, port, { where = ENGINE, query = '', fields } = {}) {
	return open_engine(t, port, { kind: Line, fields, path: `${where}?EIO=4&transport=websocket${query}` })
}

/* One that has joined NSP and heard its `auth` event; .id is its own there. */
export async function open_joined(t, port, { nsp = '/', auth, ...more } = {}) {
	const wire = await open_ws(t, port, { where: SOCKET, ...more })
	await join(wire, nsp, auth)
	return wire
}

export async function join(wire, nsp = '/', auth = undefined) {
	const at = nsp === '/' ? '' : `${nsp},`
	wire.send(`40${at}${auth === undefined ? '' : JSON.stringify(auth)}`)
	const answer = await wire.text()
	assert.ok(answer.startsWith(`40${at}{"sid":"`), answer)
	wire.id = JSON.parse(answer.slice(2 + at.length)).sid
	assert.match(wire.id, /^[A-Za-z0-9_-]{20}$/)
	assert.equal(await wire.text(), `42${at}["auth",${JSON.stringify(auth ?? {})}]`)
}
