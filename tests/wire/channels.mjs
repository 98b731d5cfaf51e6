/*
 * channels.mjs - one way to speak Engine.IO over either transport, and over a session that moved from one to the other.
 *
 *	open(t, port, where)	a Channel that has heard the open packet
 *	send(...packets)	text packets, and Buffers
 *	next()			the next packet: text, or a Buffer; noops and pings are for the channel alone
 *	over()			asserts that the server ends the session now
 */
import assert from 'node:assert/strict'
import { frame } from '../e2e/wire.mjs'
import { Poller, SOCKET } from './poller.mjs'
import { open_ws } from './sockets.mjs'

const RS = '\x1e'

class Sockets {
	constructor(wire) {
		this.wire = wire
	}

	async send(...packets) {
		for (const p of packets) this.wire.write(frame(p))
	}

	async next() {
		for (;;) {
			const f = await this.wire.frame()
			assert.ok(f.opcode === 1 || f.opcode === 2, JSON.stringify(f))
			if (f.opcode === 2) return f.payload
			const text = f.payload.toString()
			if (text !== '2') return text
			await this.send('3')
		}
	}

	async over() {
		assert.equal(await this.wire.closed(), 0)
	}
}

class Polls {
	constructor(p) {
		this.p = p
	}

	/* All in one body. */
	async send(...packets) {
		await this.p.push(...packets.map((x) => (Buffer.isBuffer(x) ? `b${x.toString('base64')}` : x)))
	}

	async next() {
		for (;;) {
			const text = await this.p.packet()
			if (text[0] === 'b') return Buffer.from(text.slice(1), 'base64')
			if (text === '2') await this.send('3')
			else if (text !== '6') return text
		}
	}

	/* The close packet comes with the next poll; a session that died of a fault in the engine has none. */
	async over() {
		for (;;) {
			const r = await this.p.get()
			if (r.status === 400) return
			assert.equal(r.status, 200)
			for (const text of r.text.split(RS)) assert.match(text, /^[126]$/)
			if (r.text.endsWith('1')) return this.p.gone()
		}
	}
}

export const CHANNELS = {
	polling: async (t, port, where = SOCKET) => new Polls(await Poller.open(t, port, where)),
	websocket: async (t, port, where = SOCKET) => new Sockets(await open_ws(t, port, { where })),
	upgraded: async (t, port, where = SOCKET) => new Sockets(await (await Poller.open(t, port, where)).upgrade())
}

/* The channel's id in NSP, once it has joined and heard its `auth` event. */
export async function join(channel, nsp = '/', auth = undefined) {
	const at = nsp === '/' ? '' : `${nsp},`
	await channel.send(`40${at}${auth === undefined ? '' : JSON.stringify(auth)}`)
	const answer = await channel.next()
	assert.ok(answer.startsWith(`40${at}{"sid":"`), String(answer))
	const joined = JSON.parse(answer.slice(2 + at.length))
	assert.deepEqual(Object.keys(joined), ['sid'])
	assert.match(joined.sid, /^[A-Za-z0-9_-]{20}$/)
	assert.equal(await channel.next(), `42${at}["auth",${JSON.stringify(auth ?? {})}]`)
	return joined.sid
}

export async function joined(kind, t, port, nsp, auth) {
	const channel = await CHANNELS[kind](t, port)
	channel.id = await join(channel, nsp, auth)
	return channel
}
