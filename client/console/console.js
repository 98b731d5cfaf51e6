/*
 * console.js - two Socket.IO clients side by side, and what the server knows of them.
 *
 * The clients are npm's own.  The admin key stays in this tab: in sessionStorage, and in the Authorization header of
 * calls to the listener that served this page.
 */
const KEY = 'forkcast.key'
const LOG_MAX = 200
const ACK_MS = 5000

const $ = (selector, from = document) => from.querySelector(selector)

function trouble(text) {
	$('#trouble').textContent = text
	$('#trouble').hidden = false
}

/* --- the admin API ------------------------------------------------------------------------------------------------ */

class ApiError extends Error {
	constructor(status, message) {
		super(message)
		this.status = status
	}
}

const key = () => sessionStorage.getItem(KEY) ?? ''

async function api(method, path, body) {
	const reply = await fetch(path, {
		method,
		headers: { authorization: `Bearer ${key()}` },
		body: body === undefined ? undefined : JSON.stringify(body)
	})
	const json = await reply.json().catch(() => ({}))
	if (!reply.ok) throw new ApiError(reply.status, json.error?.message ?? `status ${reply.status}`)
	return json
}

/* What to say when a call failed: the key is the usual reason. */
function refusal(error) {
	if (error.status === 401) return key() ? 'key refused' : 'key needed'
	return error.message
}

/* --- a pane ------------------------------------------------------------------------------------------------------- */

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
function json_in(field) {
	try {
		field.setCustomValidity('')
		return JSON.parse(field.value)
	} catch (error) {
		field.setCustomValidity(`not JSON: ${error.message}`)
		field.reportValidity()
		return undefined
	}
}

class Pane {
	constructor(title, where, io) {
		this.where = where /* {url, path} to connect to, as a function */
		this.io = io
		this.root = $('#pane').content.cloneNode(true).firstElementChild
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
		socket.on('connect_error', (error) => {
			this.state(socket.active ? 'busy' : 'bad', socket.active ? 'reconnecting' : 'refused')
			this.log('bad', '!', error.message, error.data === undefined ? [] : [error.data])
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

/* --- publishing ---------------------------------------------------------------------------------------------------- */

/* For a POSIX shell, whatever the text has. */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`

function emit_body() {
	const form = $('#publish').elements
	const data = json_in(form.data)
	return data === undefined ? undefined : { to: form.to.value.trim(), event: form.event.value.trim(), data }
}

function show_curl() {
	const form = $('#publish').elements
	let data
	try {
		data = JSON.parse(form.data.value)
	} catch {
		return /* half typed */
	}
	const body = JSON.stringify({ to: form.to.value.trim(), event: form.event.value.trim(), data })
	$('#curl').textContent = `curl -H "Authorization: Bearer $ADMIN_KEY" ${location.origin}/v1/emit -d ${quoted(body)}`
}

function published(text, kind = '') {
	$('#published').className = `note ${kind}`
	$('#published').textContent = text
}

async function publish(event) {
	event.preventDefault()
	const body = emit_body()
	if (body === undefined) return
	try {
		const { delivered } = await api('POST', '/v1/emit', body)
		published(`Published to ${delivered} ${delivered === 1 ? 'socket' : 'sockets'}.`, 'good')
	} catch (error) {
		published(`Not published: ${refusal(error)}.`, 'bad')
	}
}

async function copy() {
	try {
		await navigator.clipboard.writeText($('#curl').textContent)
		published('Copied. ADMIN_KEY has to be set in the shell.')
	} catch {
		getSelection().selectAllChildren($('#curl'))
		published('Selected: copy it with the keyboard.')
	}
}

/* --- the page ------------------------------------------------------------------------------------------------------ */

/* Says whether the key is one: any call that needs it tells. */
async function check_key(panes) {
	const state = $('#key-state')
	state.className = 'note'
	state.textContent = ''
	if (key()) {
		try {
			await api('GET', '/v1/sockets?limit=1')
			state.textContent = 'accepted'
			state.classList.add('good')
		} catch (error) {
			state.textContent = error.status === 403 ? 'may not read' : error.status === 401 ? 'refused' : error.message
			state.classList.add('bad')
		}
	}
	for (const pane of panes) pane.refresh()
}

/* --dev prints a link with the key behind #, which no request carries; it leaves the address bar at once. */
function key_from_address() {
	const given = new URLSearchParams(location.hash.slice(1)).get('key')
	if (given) {
		sessionStorage.setItem(KEY, given)
		history.replaceState(null, '', location.pathname)
	}
	$('#key').value = key()
}

function key_changed(event, panes) {
	event.preventDefault()
	const given = $('#key').value.trim()
	if (given) sessionStorage.setItem(KEY, given)
	else sessionStorage.removeItem(KEY)
	check_key(panes)
}

async function start() {
	key_from_address()
	const places = await (await fetch('/console.json')).json()
	const server = $('#server')
	server.replaceChildren(...places.urls.map((url) => new Option(url.replace(/^https?:\/\//, ''), url)))
	if (places.urls.length === 0) trouble('No listener that a browser can reach: all are unix sockets.')
	const { io } = await import('/socket.io.esm.min.js').catch(() => {
		throw new Error('The Socket.IO client is not installed beside the server: npm was missing when it was built.')
	})
	const panes = ['Client A', 'Client B'].map((title) => new Pane(title, () => ({ url: server.value, path: places.path }), io))
	$('#panes').append(...panes.map((pane) => pane.root))
	$('#key-form').addEventListener('submit', (event) => key_changed(event, panes))
	$('#publish').addEventListener('submit', publish)
	$('#publish').addEventListener('input', (event) => {
		event.target.setCustomValidity('')
		show_curl()
	})
	$('#copy').addEventListener('click', copy)
	show_curl()
	await check_key(panes)
}

start().catch((error) => trouble(error.message))
