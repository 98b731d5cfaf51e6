/*
 * poller.mjs - a long-polling session by hand.  Each request has a connection of its own, so that with several workers
 * most of them arrive at one that does not own the session.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { handshake } from '../e2e/wire.mjs'
import { Line, fetched } from './http.mjs'

const RS = '\x1e'
export const ENGINE = '/engine.io/'
export const SOCKET = '/socket.io/'

export class Poller {
	/* A session that has heard the open packet (.opened); WHERE is the server's path. */
	static async open(t, port, where = ENGINE, { fields } = {}) {
		const r = await fetched(t, port, 'GET', `${where}?EIO=4&transport=polling`, { fields })
		assert.equal(r.status, 200)
		assert.match(r.text, /^0\{/)
		return new Poller(t, port, where, JSON.parse(r.text.slice(1)), r)
	}

	constructor(t, port, where, opened, response) {
		Object.assign(this, { t, port, where, opened, response, sid: opened.sid, heard: [] })
	}

	url(transport = 'polling') {
		return `${this.where}?EIO=4&transport=${transport}&sid=${this.sid}`
	}

	get(options) {
		return fetched(this.t, this.port, 'GET', this.url(), options)
	}

	post(body, options = {}) {
		const fields = { 'Content-Type': 'text/plain;charset=UTF-8', ...options.fields }
		return fetched(this.t, this.port, 'POST', this.url(), { ...options, body, fields })
	}

	/* A request that is under way: a Line, to be asked for its response. */
	async start(method = 'GET', options = {}) {
		const line = (await Line.open(this.t, this.port)).ask(method, this.url(), options)
		await sleep(30) /* what is sent next, on another connection, must not arrive before it */
		return line
	}

	/* The text of the next poll. */
	async poll(options) {
		const r = await this.get(options)
		assert.equal(r.status, 200, r.text)
		return r.text
	}

	async push(...packets) {
		const r = await this.post(packets.join(RS))
		assert.equal(r.status, 200, r.text)
		assert.equal(r.text, 'ok')
	}

	/* The next packet, however the server spreads them over polls. */
	async packet() {
		if (this.heard.length === 0) this.heard.push(...(await this.poll()).split(RS))
		return this.heard.shift()
	}

	/* Asserts that the session is no more. */
	async gone() {
		const r = await this.get()
		assert.equal(r.status, 400)
		assert.equal(r.text, '{"code":1,"message":"Session ID unknown"}')
	}

	/* Asserts that it is: an echo server answers. */
	async lives(text = 'still there') {
		await this.push(`4${text}`)
		assert.equal(await this.packet(), `4${text}`)
	}

	/* A WebSocket that asks for this session. */
	async socket() {
		const wire = await Line.open(this.t, this.port)
		wire.write(handshake({}, { path: this.url('websocket') }))
		assert.equal((await wire.response()).status, 101)
		return wire
	}

	/* And that has probed. */
	async probe() {
		const wire = await this.socket()
		wire.send('2probe')
		assert.equal(await wire.text(), '3probe')
		return wire
	}

	/* The session moved to a WebSocket. */
	async upgrade() {
		const wire = await this.probe()
		wire.send('5')
		return wire
	}
}

/* A polling client that has joined NSP of Socket.IO and heard its `auth` event. */
export async function open_polling(t, port, { nsp = '/', auth } = {}) {
	const p = await Poller.open(t, port, SOCKET)
	const at = nsp === '/' ? '' : `${nsp},`
	await p.push(`40${at}${auth === undefined ? '' : JSON.stringify(auth)}`)
	const joined = await p.packet()
	assert.ok(joined.startsWith(`40${at}{"sid":"`), joined)
	p.id = JSON.parse(joined.slice(2 + at.length)).sid
	assert.equal(await p.packet(), `42${at}["auth",${JSON.stringify(auth ?? {})}]`)
	return p
}
