/*
 * console.js - the page: where the server is, the key, the two panes, and publishing as a backend does.
 */
import { api, key, refusal, set_key } from './api.js'
import { Pane, json_in } from './pane.js'

const $ = (selector) => document.querySelector(selector)

function trouble(text) {
	$('#trouble').textContent = text
	$('#trouble').hidden = false
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
		set_key(given)
		history.replaceState(null, '', location.pathname)
	}
	$('#key').value = key()
}

function key_changed(event, panes) {
	event.preventDefault()
	set_key($('#key').value.trim())
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
