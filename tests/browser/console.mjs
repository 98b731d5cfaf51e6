/*
 * console.mjs - the admin listener's page in a real browser: two clients join a room and talk, a backend publishes.
 *
 * Screenshots of what it came to: build/console-*.png.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { api } from '../e2e/clients.mjs'
import { KEY, server, started, until } from '../e2e/server.mjs'
import { launched, page } from './chromium.mjs'

const CHAT = `
room "chat" { join = any }
event "chat:message" { room = "chat:{chatId}"  emit = "chat:message"  add = {"sender: @user"} }`

const text = (locator) => locator.innerText()

/* A pane by its heading, with what the test does to it. */
function pane(p, title) {
	const root = p.getByRole('region', { name: title })
	const fact = (name) => root.locator(`dd.${name}`)
	return {
		root,
		fact,
		log: root.getByRole('log'),
		state: root.locator('.state'),
		rooms: () => root.locator('.rooms li:not(.none)').evaluateAll((l) => l.map((e) => e.firstChild.textContent)),
		async connect(transport = 'websocket') {
			await root.getByLabel('Transport').selectOption(transport)
			await root.getByRole('button', { name: 'Connect', exact: true }).click()
			await root.locator('.state', { hasText: /^connected$/ }).waitFor()
		},
		async join(room) {
			await root.getByLabel('Room', { exact: true }).fill(room)
			await root.getByRole('button', { name: 'Join' }).click()
			await root.locator('.rooms li', { hasText: room }).waitFor()
		},
		noted: (kind, what) => root.locator(`.log li[data-kind="${kind}"]`, { hasText: what }).first().waitFor(),
		arrived: (what) => root.locator('.log li[data-kind="in"]', { hasText: what }).waitFor()
	}
}

let s, browser
before(async () => {
	s = await started({ workers: 2, args: ['--dev'], conf: CHAT })
	browser = await launched()
})
after(async () => {
	await browser?.close()
	await s?.destroy()
})

async function opened(t, hash = `#key=${KEY}`, port = s.admin_port) {
	const { page: p, complaints } = await page(t, browser)
	const origin = `http://127.0.0.1:${port}`
	await p.goto(`${origin}/${hash}`)
	await p.getByRole('region', { name: 'Client A' }).waitFor()
	return { p, complaints, origin, a: pane(p, 'Client A'), b: pane(p, 'Client B') }
}

test('two clients join a room, talk, and hear a backend', async (t) => {
	const { p, complaints, origin, a, b } = await opened(t)

	assert.equal(p.url(), `${origin}/`, 'the key left the address bar')
	await p.getByText('accepted').waitFor()
	for (const c of [a, b]) {
		await c.connect()
		await c.root.locator('.worker', { hasText: /^[01]$/ }).waitFor()
		assert.equal(await text(c.fact('transport')), 'websocket')
		await c.join('chat:1')
	}
	const sid = await text(a.fact('sid'))
	const known = (await api(s, 'GET', `/v1/sockets/${sid}`)).json
	assert.equal(await text(a.fact('worker')), String(known.worker))
	assert.deepEqual((await a.rooms()).sort(), known.rooms.filter((r) => r !== sid).sort())

	await a.root.getByLabel('Data, JSON').fill('{"chatId": "1", "text": "from A"}')
	await a.root.getByRole('button', { name: 'Send' }).click()
	for (const c of [a, b]) await c.arrived('"text":"from A"')

	await api(s, 'POST', '/v1/emit', { to: 'chat:1', event: 'notice', data: { text: 'by the API' } })
	for (const c of [a, b]) await c.arrived('"text":"by the API"')

	await p.getByRole('button', { name: 'Publish' }).click()
	await p.getByText('Published to 2 sockets.').waitFor()
	for (const c of [a, b]) await c.arrived('from a backend')

	await p.screenshot({ path: 'build/console-1280.png', fullPage: true })
	await p.setViewportSize({ width: 800, height: 900 })
	await p.emulateMedia({ colorScheme: 'dark' })
	await p.screenshot({ path: 'build/console-800-dark.png', fullPage: true })
	assert.equal(await p.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, 'wider than the window')

	await b.root.getByRole('button', { name: 'leave chat:1' }).click()
	await until('B to have left', async () => !(await b.rooms()).includes('chat:1'))
	await api(s, 'POST', '/v1/emit', { to: 'chat:1', event: 'notice', data: 'A only' })
	await a.arrived('A only')
	assert.equal(await b.root.locator('.log li', { hasText: 'A only' }).count(), 0)

	await a.root.getByRole('button', { name: 'Disconnect' }).click()
	assert.equal(await text(a.state), 'disconnected')
	assert.equal(await text(a.fact('sid')), '–')
	assert.deepEqual(complaints, [])
})

test('a client that polls, and one that begins so', async (t) => {
	const { p, complaints, a, b } = await opened(t)
	const names = await b.fact('transport').evaluateHandle((dd) => {
		const seen = []
		new MutationObserver(() => seen.push(dd.textContent)).observe(dd, { childList: true })
		return seen
	})

	await a.connect('polling')
	await b.connect('polling,websocket')
	await b.noted('note', 'upgraded to websocket')
	assert.deepEqual(await names.jsonValue(), ['polling', 'websocket'])
	assert.equal(await text(a.fact('transport')), 'polling')
	for (const c of [a, b]) {
		await c.root.locator('.worker', { hasText: /^[01]$/ }).waitFor()
		assert.equal(await text(c.fact('worker')), String((await api(s, 'GET', `/v1/sockets/${await text(c.fact('sid'))}`)).json.worker))
		await c.join('chat:1')
	}
	for (const [c, words] of [[a, 'by polling'], [b, 'by websocket']]) {
		await c.root.getByLabel('Data, JSON').fill(JSON.stringify({ chatId: '1', text: words }))
		await c.root.getByRole('button', { name: 'Send' }).click()
		for (const each of [a, b]) await each.arrived(words)
	}
	await p.screenshot({ path: 'build/console-polling.png', fullPage: true })
	assert.equal(await text(a.fact('transport')), 'polling', 'to the end')
	await a.root.getByRole('button', { name: 'Disconnect' }).click()
	await until('the server to know', async () => (await api(s, 'GET', '/v1/sockets?in=chat:1')).json.items.length === 1)
	assert.deepEqual(complaints.filter((c) => !c.includes('net::ERR_ABORTED')), [])
})

/* What a tunnel with a port of its own does: the page has an origin that the server does not know. */
async function tunnel(t, to) {
	const web = http.createServer((request, response) => {
		const { method, url, headers } = request
		request.pipe(http.request({ port: to, host: '127.0.0.1', method, path: url, headers }, (r) => {
			response.writeHead(r.statusCode, r.headers)
			r.pipe(response)
		}))
	})
	await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve))
	t.after(() => {
		web.close()
		web.closeAllConnections()
	})
	return web.address().port
}

test('without --dev the page may connect, and one from elsewhere is told why it may not', async (t) => {
	const own = await server(t, { workers: 2, conf: CHAT, auth: 'auth { anonymous = yes }' })
	const { complaints, a, b } = await opened(t, '', own.admin_port)

	await a.connect('polling')
	await b.connect('websocket')
	await a.join('chat:1')
	assert.deepEqual(complaints, [])

	const port = await tunnel(t, own.admin_port)
	const far = await opened(t, '', port)
	for (const [c, transport] of [[far.a, 'polling'], [far.b, 'websocket']]) {
		await c.root.getByLabel('Transport').selectOption(transport)
		await c.root.getByRole('button', { name: 'Connect', exact: true }).click()
		await c.noted('bad', `refuses pages from http://127.0.0.1:${port}`)
	}
	await far.p.screenshot({ path: 'build/console-refused.png', fullPage: true })
	assert.match(far.complaints.join('\n'), /blocked by CORS policy/)

	process.kill(own.pid, 'SIGTERM')
	await own.ended
	await far.a.noted('bad', `no answer from http://127.0.0.1:${own.port}`)
})

test('the curl line publishes what it says, whatever is in it', async (t) => {
	const { p, a } = await opened(t)

	await a.connect()
	await p.getByLabel('To', { exact: true }).fill('all')
	await p.locator('#publish').getByLabel('Data, JSON').fill(`{"text": "it's $HOME \\"here\\" \\\\ ${'`'}id${'`'}"}`)
	const line = await text(p.locator('#curl'))
	assert.ok(!line.includes(KEY), 'the key is not on the screen')
	execFileSync('/bin/sh', ['-c', line], { env: { ...process.env, ADMIN_KEY: KEY }, stdio: 'pipe' })
	await a.arrived(`it's $HOME \\"here\\" \\\\ ${'`'}id${'`'}`)
})

test('without a key it says so, and takes one', async (t) => {
	const { p, a } = await opened(t, '')

	await a.connect()
	await a.root.locator('.worker', { hasText: 'key needed' }).waitFor()
	await p.getByRole('button', { name: 'Publish' }).click()
	await p.getByText('Not published: key needed.').waitFor()
	await p.getByLabel('Admin key').fill('wrong')
	await p.getByRole('button', { name: 'Use' }).click()
	await p.getByText('refused', { exact: true }).waitFor()
	await p.getByLabel('Admin key').fill(KEY)
	await p.getByRole('button', { name: 'Use' }).click()
	await p.getByText('accepted').waitFor()
	await a.root.locator('.worker', { hasText: /^[01]$/ }).waitFor()
	await p.reload()
	await p.getByText('accepted').waitFor()
})

test('what the server refuses is shown', async (t) => {
	const { a } = await opened(t)

	await a.root.getByLabel('Token').fill('no.such.token')
	await a.root.getByLabel('Transport').selectOption('websocket')
	await a.root.getByRole('button', { name: 'Connect', exact: true }).click()
	await a.root.locator('.state', { hasText: 'refused' }).waitFor()
	await a.root.getByRole('button', { name: 'Disconnect' }).click()
	await a.root.getByLabel('Token').fill(s.run('token', '-c', s.conf, '--user', 'ada', '--name', 'Ada').out.trim())
	await a.connect()
	await until('the token to count', async () => (await a.rooms()).includes('user:ada'))
	await a.root.getByLabel('Room', { exact: true }).fill('nosuch:1')
	await a.root.getByRole('button', { name: 'Join' }).click()
	await a.root.locator('.log li[data-kind="bad"]', { hasText: 'subscribe answered' }).waitFor()
})

test('without the client the page says what is missing', async (t) => {
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-client-'))
	t.after(() => fs.rmSync(dir, { recursive: true }))
	fs.writeFileSync(path.join(dir, 'socket.io.js'), '/* no module */')
	const own = await server(t, { workers: 1, conf: `engine { client_dir = "${dir}" }` })
	const { page: p } = await page(t, browser)
	await p.goto(`http://127.0.0.1:${own.admin_port}/`)
	await p.getByRole('alert').filter({ hasText: 'client is not installed' }).waitFor()
})
