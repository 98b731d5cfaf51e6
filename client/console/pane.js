/*
 * pane.js - one Socket.IO client: its connection, what it and the server know of it, what it does, what arrives.
 */
import { api, key, refusal } from './api.js'

const LOG_MAX = 200
const ACK_MS = 5000

const $ = (selector, from) => from.querySelector(selector)

/* "chat:1" as the server's subscribe wants it; a room without an id has none. */
function room_of(name) {
	const colon = name.indexOf(':')
	return colon < 0 ? { room: name } : { room: name.slice(0, colon), id: name.slice(colon + 1) }
}

/* Binary arguments have no JSON: their size has to do. */
function shown(value) {
	return JSON.stringify(value, (_, v) => (v instanceof ArrayBuffer ? `<${v.byteLength} bytes>` : v)) ?? 'undefined'
}

/* The JSON in a field, or undefined with the field marked. */
export function json_in(field) {
	try {
		field.setCustomValidity('')
		return JSON.parse(field.value)
	} catch (error) {
		field.setCustomValidity(`not JSON: ${error.message}`)
		field.reportValidity()
		return undefined
	}
}

/*
 * Browsers keep from scripts why a connection failed.  Whether one that CORS admits comes through, and else one whose
 * answer nobody may read, tells a refused origin from a server that is not there.
 */
async function trouble_of({ url, path }) {
	const comes = (mode) => fetch(`${url}${path}?transport=none`, { mode }).then(() => true, () => false)
	if (await comes('cors')) return ''
	if (await comes('no-cors')) return `: the server refuses pages from ${location.origin} (engine { origins })`
	return `: no answer from ${url}`
}

export class Pane {
	constructor(title, where, io) {
		this.where = where /* {url, path} to connect to, as a function */
		this.io = io
		this.root = document.querySelector('#pane').content.cloneNode(true).firstElementChild
		const heading = $('h2', this.root)
		heading.textContent = title
		heading.id = title.replace(/\W/g, '-').toLowerCase()
		this.root.setAttribute('aria-labelledby', heading.id)
		$('.log', this.root).setAttribute('aria-label', `log of ${title}`)
		this.on('.connect', 'submit', () => (this.socket ? this.disconnect() : this.connect()))
		this.on('.join', 'submit', () => this.member('subscribe', $('.join', this.root).elements.room.value.trim()))
		this.on('.send', 'submit', () => this.send())
		this.on('.clear', 'click', () => $('.log', this.root).replaceChildren())
		for (const field of this.root.querySelectorAll('input')) field.addEventListener('input', () => field.setCustomValidity(''))
		this.offline()
	}

	on(selector, event, fn) {
		$(selector, this.root).addEventListener(event, (e) => {
			e.preventDefault()
			fn()
		})
	}

	show(name, text) {
		$(`.${name}`, this.root).textContent = text
	}

	state(kind, text) {
		const state = $('.state', this.root)
		state.dataset.state = kind
		state.textContent = text
	}

	log(kind, sign, name, args = []) {
		const line = document.createElement('li')
		const time = document.createElement('time')
		const mark = document.createElement('span')
		const what = document.createElement('span')
		const bold = document.createElement('b')
		const list = $('.log', this.root)
		const low = list.scrollHeight - list.scrollTop - list.clientHeight < 40

		line.dataset.kind = kind
		time.textContent = new Date().toTimeString().slice(0, 8)
		mark.className = 'sign'
		mark.textContent = sign
		bold.textContent = name
		what.className = 'what'
		what.append(bold, args.length ? ` ${args.map(shown).join(', ')}` : '')
		line.append(time, mark, what)
		list.append(line)
		while (list.childElementCount > LOG_MAX) list.firstElementChild.remove()
		if (low) list.scrollTop = list.scrollHeight
	}

	/* --- the connection */

	connect() {
		const { url, path } = this.where()
		const form = $('.connect', this.root).elements
		const token = form.token.value.trim()
		const socket = this.io(url, {
			path,
			transports: form.transports.value.split(','),
			auth: token ? { token } : {},
			forceNew: true
		})

		this.socket = socket
		this.state('busy', 'connecting')
		this.buttons(true)
		socket.io.on('open', () => {
			const engine = socket.io.engine
			this.show('transport', engine.transport.name)
			engine.on('upgrade', (t) => {
				this.show('transport', t.name)
				this.log('note', '·', `upgraded to ${t.name}`)
			})
		})
		socket.io.on('reconnect_attempt', () => this.state('busy', 'reconnecting'))
		socket.on('connect', () => {
			this.state('on', 'connected')
			this.show('sid', socket.id)
			this.log('note', '·', 'connected')
			this.refresh()
		})
		socket.on('connect_error', async (error) => {
			this.state(socket.active ? 'busy' : 'bad', socket.active ? 'reconnecting' : 'refused')
			const more = error.type === 'TransportError' ? await trouble_of({ url, path }) : ''
			this.log('bad', '!', error.message + more, error.data === undefined ? [] : [error.data])
		})
		socket.on('disconnect', (reason) => {
			this.offline()
			this.state(socket.active ? 'busy' : 'off', socket.active ? 'reconnecting' : 'disconnected')
			this.log('note', '·', `disconnected: ${reason}`)
		})
		socket.onAny((name, ...args) => {
			this.log('in', '←', name, args)
			this.refresh_soon()
		})
	}

	disconnect() {
		const socket = this.socket

		this.socket = undefined
		socket.disconnect()
		socket.offAny()
		this.offline()
		this.state('off', 'disconnected')
		this.buttons(false)
	}

	offline() {
		for (const name of ['transport', 'worker', 'sid']) this.show(name, '–')
		this.rooms([])
		this.buttons(this.socket !== undefined)
	}

	buttons(busy) {
		const button = $('.connect button', this.root)
		button.textContent = busy ? 'Disconnect' : 'Connect'
		button.classList.toggle('off', busy)
		for (const field of $('.connect', this.root).querySelectorAll('input, select')) field.disabled = busy
		for (const b of this.root.querySelectorAll('.join button, .send button')) b.disabled = !this.socket?.connected
	}

	/* --- what client and server know of it */

	/* Events may come by the thousand: the rooms are asked for once they rest. */
	refresh_soon() {
		clearTimeout(this.timer)
		this.timer = setTimeout(() => this.refresh(), 400)
	}

	refresh() {
		const socket = this.socket
		if (!socket?.connected) return
		this.buttons(true)
		socket.timeout(ACK_MS).emit('getRooms', (error, rooms) => {
			if (!error && Array.isArray(rooms) && socket === this.socket) this.rooms(rooms)
		})
		this.find_worker(socket)
	}

	async find_worker(socket) {
		const sid = socket.id
		let text

		if (!key()) {
			text = 'key needed'
		} else {
			try {
				text = String((await api('GET', `/v1/sockets/${encodeURIComponent(sid)}`)).worker)
			} catch (error) {
				text = error.status === 404 ? 'unknown' : refusal(error)
			}
		}
		if (socket === this.socket && socket.id === sid) this.show('worker', text)
	}

	rooms(names) {
		const list = $('.rooms', this.root)
		list.replaceChildren(
			...names.map((name) => {
				const item = document.createElement('li')
				const leave = document.createElement('button')
				item.textContent = name
				leave.type = 'button'
				leave.textContent = '×'
				leave.setAttribute('aria-label', `leave ${name}`)
				leave.addEventListener('click', () => this.member('unsubscribe', name))
				item.append(leave)
				return item
			})
		)
		if (names.length === 0) {
			const none = document.createElement('li')
			none.className = 'none'
			none.textContent = '–'
			list.append(none)
		}
	}

	/* --- what it does */

	ask(name, data) {
		this.log('out', '→', name, [data])
		this.socket.timeout(ACK_MS).emit(name, data, (error, ...answer) => {
			const failed = error || answer[0]?.success === false
			this.log(failed ? 'bad' : 'out', '✓', error ? `${name}: no answer` : `${name} answered`, error ? [] : answer)
			this.refresh()
		})
	}

	member(verb, name) {
		if (this.socket?.connected && name) this.ask(verb, room_of(name))
	}

	send() {
		const form = $('.send', this.root).elements
		const data = json_in(form.data)
		if (this.socket?.connected && data !== undefined) this.ask(form.event.value.trim(), data)
	}
}
