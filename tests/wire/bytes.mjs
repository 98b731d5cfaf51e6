/*
 * bytes.mjs - the same scripts played to the reference and to forkcast, and what each sends compared byte for byte: only
 * ids, times and the order of fields may differ.  With WIRE_TARGET=reference two of them are compared, which tells
 * whether a script is one that always goes the same way.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { sleep } from '../e2e/server.mjs'
import { frame } from '../e2e/wire.mjs'
import { UNKNOWN, WITHOUT_SESSION } from './rows.mjs'
import { ENGINE, SOCKET } from './poller.mjs'
import { PATIENT, started } from './target.mjs'
import { Transcript, id_of } from './transcript.mjs'

let both
before(async () => (both = await Promise.all([started(PATIENT, {}, 'reference'), started(PATIENT)])))
after(() => Promise.all(both.map((s) => s.stop())))

async function compare(t, servers, script) {
	const [theirs, ours] = await Promise.all(servers.map(async (s) => {
		const x = new Transcript(t, s)
		await script(x)
		return x.lines
	}))
	assert.ok(theirs.length > 0)
	const at = theirs.findIndex((line, i) => line !== ours[i])
	if (at < 0 && ours.length === theirs.length) return
	assert.fail(`from line ${at} on, the reference says -, forkcast +:\n${[...surplus(theirs, ours, '-'), ...surplus(ours, theirs, '+')].join('\n')}`)
}

/* Lines that only LIST has, a few of them; if both have the same, their order differs. */
function surplus(list, other, sign) {
	const rest = [...other]
	const only = list.filter((line) => {
		const i = rest.indexOf(line)
		if (i >= 0) rest.splice(i, 1)
		return i < 0
	})
	return (only.length > 0 ? only : list.filter((line, i) => line !== other[i])).slice(0, 10).map((line) => `${sign} ${shortened(line)}`)
}

/* A mismatch shall be read by people. */
const shortened = (line) => (line.length < 300 ? line : `${line.slice(0, 60)} ... ${line.length} ${createHash('sha256').update(line).digest('hex')}`)

function same(what, script) {
	test(what, (t) => compare(t, both, script))
}

const place = (i) => `{"_placeholder":true,"num":${i}}`

describe('polling', () => {
	same('the echo: text, binary, several', async (x) => {
		const url = await x.polling(ENGINE)
		await x.post(url, '4hello', 'bAQID', '4é💛')
		await x.get(url)
		await x.post(url, '1')
	})

	same('Socket.IO: connect, event, ack, binary, leave', async (x) => {
		const url = await x.polling()
		await x.post(url, '40{"token":"x"}')
		await x.get(url)
		await x.post(url, '42["message",1,"é",{"a":[null]}]')
		await x.get(url)
		await x.post(url, '427["message-with-ack",1,"2"]')
		await x.get(url)
		await x.post(url, `452-8["message-with-ack",${place(0)},${place(1)}]`, 'bAQID', 'bBA==')
		await x.get(url)
		await x.post(url, `451-["message",${place(0)}]`, 'bAQID')
		await x.get(url)
		await x.post(url, '41')
		await x.post(url, '40/custom,')
		await x.get(url)
		await x.post(url, '40/unknown,')
		await x.get(url)
	})

	same('a poll that waits', async (x) => {
		const url = await x.polling(ENGINE)
		const line = await x.line()
		line.ask('GET', url)
		await sleep(50)
		await x.post(url, '4now')
		await x.heard(line, { what: 'the poll' })
	})

	same('kept connections', async (x) => {
		const url = await x.polling(ENGINE)
		const line = await x.line()
		for (const connection of [null, 'keep-alive', 'Keep-Alive', 'close']) {
			line.ask('POST', url, { body: '4a', fields: { Connection: connection } })
			await x.heard(line, { what: `Connection: ${connection}` })
		}
		x.note(await line.ended())
	})

	same('HTTP/1.0', async (x) => {
		const line = await x.line()
		line.write(`GET ${ENGINE}?EIO=4&transport=polling HTTP/1.0\r\n\r\n`)
		await x.heard(line, { what: '1.0' })
		x.note(await line.ended())
	})
})

describe('WebSocket', () => {
	same('the echo: text and binary', async (x) => {
		const line = await x.socket()
		await x.frames(line, 1)
		x.send(line, '4hello', Buffer.from([1, 2, 3]), '4', `4${'x'.repeat(125)}`, `4${'x'.repeat(70000)}`)
		await x.frames(line, 5)
		line.write(frame(Buffer.from([0x03, 0xe8]), { opcode: 8 }))
		await x.frames(line)
	})

	same('Socket.IO: connect, event, ack, binary, leave', async (x) => {
		const line = await x.socket(`${SOCKET}?EIO=4&transport=websocket`)
		await x.frames(line, 1)
		x.send(line, '40{"token":"x"}')
		await x.frames(line, 2)
		x.send(line, '42["message",1,"é",{"a":[null]}]', '427["message-with-ack",1,"2"]')
		await x.frames(line, 2)
		x.send(line, `452-8["message-with-ack",${place(0)},${place(1)}]`, Buffer.from([1]), Buffer.from([2]))
		await x.frames(line, 3)
		x.send(line, '40/custom,{"a":1}')
		await x.frames(line, 2)
		x.send(line, '40/unknown,')
		await x.frames(line, 1)
		x.send(line, '41/custom')
		x.send(line, '42["message","on"]')
		await x.frames(line, 1)
		x.send(line, '42[]')
		await x.frames(line)
	})

	same('a ping and a pong of the WebSocket itself', async (x) => {
		const line = await x.socket()
		await x.frames(line, 1)
		line.write(Buffer.concat([frame(Buffer.from('hey'), { opcode: 9 }), frame(Buffer.from('ho'), { opcode: 10 }), frame('4on')]))
		await x.frames(line, 2)
	})

	const ends = {
		'1000': frame(Buffer.from([0x03, 0xe8]), { opcode: 8 }), 'no code': frame(Buffer.alloc(0), { opcode: 8 }),
		'1001 and a reason': frame(Buffer.concat([Buffer.from([0x03, 0xe9]), Buffer.from('bye')]), { opcode: 8 }),
		'code 1005': frame(Buffer.from([0x03, 0xed]), { opcode: 8 }), 'not masked': frame('4a', { mask: false }),
		'bits set': frame('4a', { rsv: 4 }), 'opcode 3': frame('4a', { opcode: 3 }), 'not UTF-8': frame(Buffer.from([0x34, 0xff]), { opcode: 1 }),
		'a packet of no type': frame('9'), 'a ping packet': frame('2'), 'half a close': frame(Buffer.from([3]), { opcode: 8 })
	}
	for (const [what, bytes] of Object.entries(ends)) {
		same(`ended by ${what}`, async (x) => {
			const line = await x.socket()
			await x.frames(line, 1)
			line.write(bytes)
			await x.frames(line)
		})
	}
})

describe('upgrade', () => {
	same('with a poll that waits, and packets in between', async (x) => {
		const url = await x.polling()
		await x.post(url, '40')
		await x.get(url)
		const pending = await x.line()
		pending.ask('GET', url)
		await sleep(50)
		const line = await x.socket(url)
		x.send(line, '2probe')
		await x.frames(line, 1)
		await x.heard(pending, { what: 'the poll' })
		await x.post(url, '42["message","late"]')
		x.send(line, '5')
		await x.frames(line, 1)
		await x.get(url)
		await x.post(url, '42["message","no"]')
		x.send(line, '42["message","on"]')
		await x.frames(line, 1)
	})

	same('of a session that is upgraded', async (x) => {
		const url = await x.polling(ENGINE)
		const line = await x.socket(url)
		x.send(line, '2probe')
		await x.frames(line, 1)
		x.send(line, '5', '4on')
		await x.frames(line, 1)
		await x.frames(await x.socket(url))
	})

	for (const waits of [false, true]) {
		same(`of a session that is sent away meanwhile${waits ? ', while a poll waits' : ''}`, async (x) => {
			const url = await x.polling()
			await x.post(url, '40')
			const id = id_of(await x.get(url))
			const pending = waits && (await x.line()).ask('GET', url)
			await sleep(20)
			const line = await x.socket(url)
			x.send(line, '2probe')
			await x.frames(line, 1)
			await x.s.ask('disconnect', id, true)
			if (pending) await x.heard(pending, { what: 'the poll' })
			await sleep(50)
			x.send(line, '5')
			await x.frames(line)
			await x.get(url)
		})
	}

	same('of a session that is sent away meanwhile, and not done', async (x) => {
		const url = await x.polling()
		await x.post(url, '40')
		const id = id_of(await x.get(url))
		const line = await x.socket(url)
		x.send(line, '2probe')
		await x.frames(line, 1)
		await x.s.ask('disconnect', id, true)
		await sleep(50)
		await x.get(url)
		await x.get(url)
		await x.frames(line)
	})

	same('given up', async (x) => {
		const url = await x.polling(ENGINE)
		const line = await x.socket(url)
		x.send(line, '4no')
		await x.frames(line)
		await x.post(url, '4on')
		await x.get(url)
	})
})

describe('refused', () => {
	for (const [what, method, query] of WITHOUT_SESSION) {
		same(what, (x) => x.ask(method, `${ENGINE}?${query}`, { fields: method === 'POST' || method === 'PUT' ? { 'Content-Length': '0' } : {} }))
	}

	for (const method of ['PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
		same(`${method} to a session`, async (x) => x.ask(method, await x.polling(ENGINE), { fields: method === 'PUT' ? { 'Content-Length': '0' } : {} }))
	}

	same('upgrades', async (x) => {
		for (const query of ['EIO=4', 'EIO=4&transport=abc', `EIO=4&transport=websocket&sid=${UNKNOWN}`]) {
			const line = await x.socket(`${ENGINE}?${query}`)
			x.note(await line.ended())
		}
	})

	same('a body of bytes', async (x) => {
		const url = await x.polling(ENGINE)
		await x.ask('POST', url, { body: '4a', fields: { 'Content-Type': 'application/octet-stream' } })
		await x.get(url)
	})

	/* Whether the connection stays depends on how much of the body had come when the server had enough of it. */
	same('too large', async (x) => {
		const url = await x.polling(ENGINE)
		const line = await x.line()
		line.ask('POST', url, { body: `4${'x'.repeat(1000000)}` })
		const r = await line.response()
		x.note(`${r.status} ${r.reason} ${r.text}`)
		line.socket.destroy()
		await x.post(url, '4on')
		await x.get(url)
	})

	same('polls that overlap', async (x) => {
		const url = await x.polling(ENGINE)
		const pending = await x.line()
		pending.ask('GET', url)
		await sleep(50)
		await x.get(url)
		await x.heard(pending, { what: 'the poll' })
		await x.get(url)
	})

	same('posts that overlap', async (x) => {
		const url = await x.polling(ENGINE)
		const first = await x.line()
		first.ask('POST', url, { fields: { 'Content-Length': '10' } }).write('4abc')
		await sleep(50)
		await x.post(url, '4on')
		await x.heard(first, { what: 'the first' })
		await x.get(url)
	})

	same('what is no packet', async (x) => {
		const url = await x.polling(ENGINE)
		await x.post(url, 'abc')
		await x.get(url)
	})
})

describe('closed', () => {
	same('by the client, while a poll waits', async (x) => {
		const url = await x.polling()
		const pending = await x.line()
		pending.ask('GET', url)
		await sleep(50)
		await x.post(url, '1')
		await x.heard(pending, { what: 'the poll' })
		await x.get(url)
	})

	same('by the server, for a fault, while a poll waits', async (x) => {
		const url = await x.polling()
		const pending = await x.line()
		pending.ask('GET', url)
		await sleep(50)
		await x.post(url, '42["message"]')
		await x.heard(pending, { what: 'the poll' })
		await x.get(url)
	})

	same('by the server, for a fault, between two polls', async (x) => {
		const url = await x.polling()
		await x.post(url, '42["message"]')
		await x.get(url)
		await x.get(url)
	})

	for (const close of [false, true]) {
		same(`by the server's application, close: ${close}`, async (x) => {
			const url = await x.polling()
			await x.post(url, '40')
			const id = id_of(await x.get(url))
			await x.s.ask('disconnect', id, close)
			await sleep(50)
			await x.get(url)
			if (close) return x.get(url)
			await x.post(url, '40/custom')
			await x.get(url)
		})

		same(`the same on a WebSocket, close: ${close}`, async (x) => {
			const line = await x.socket(`${SOCKET}?EIO=4&transport=websocket`)
			await x.frames(line, 1)
			x.send(line, '40')
			const answer = await line.text()
			await x.frames(line, 1)
			await x.s.ask('disconnect', id_of({ text: answer }), close)
			if (close) return x.frames(line)
			await x.frames(line, 1)
			x.send(line, '40/custom')
			await x.frames(line, 2)
		})
	}

	same('an event with an ack from the client', async (x) => {
		const url = await x.polling()
		await x.post(url, '40')
		const id = id_of(await x.get(url))
		for (let i = 0; i < 2; i++) {
			const asked = x.s.ask('emit_with_ack', id, 3000, 'question', 1, { a: 'é' })
			await sleep(50)
			const r = await x.get(url)
			await x.post(url, `43${r.text.match(/^42(\d+)/)[1]}["yes",${i}]`)
			x.note(JSON.stringify(await asked))
		}
	})
})

describe('long bodies', () => {
	const accepts = [
		'gzip', 'deflate', 'gzip, deflate, br', 'deflate, gzip', 'deflate;q=1, gzip;q=0.5', 'gzip;q=0', 'identity', '*', 'br', '', null,
		'GZIP', 'x-gzip', 'gzip;q=0, *'
	]
	for (const accept of accepts) {
		same(`Accept-Encoding: ${accept}`, async (x) => {
			const url = await x.polling(ENGINE)
			for (const n of [1023, 1024, 50000]) {
				await x.post(url, `4${'x'.repeat(n - 1)}`)
				await x.get(url, { fields: { 'Accept-Encoding': accept } })
			}
		})
	}

	same('several short ones that are long together', async (x) => {
		const url = await x.polling(ENGINE)
		await x.post(url, ...Array(20).fill(`4${'y'.repeat(100)}`))
		await x.get(url, { fields: { 'Accept-Encoding': 'gzip' } })
	})
})

describe('pages from elsewhere, and the cookie', () => {
	const ENGINE_OPTIONS = { ...PATIENT, origins: ['https://app.example', 'http://localhost:3000'], credentials: true, cookie: true }
	let pair
	before(async () => (pair = await Promise.all([started(ENGINE_OPTIONS, {}, 'reference'), started(ENGINE_OPTIONS)])))
	after(() => Promise.all(pair.map((s) => s.stop())))
	const alike = (what, script) => test(what, (t) => compare(t, pair, script))
	const from = (origin) => ({ fields: { Origin: origin } })

	for (const origin of ['https://app.example', 'http://localhost:3000', null]) {
		alike(`a session of ${origin}`, async (x) => {
			const url = await x.polling(ENGINE, from(origin))
			await x.ask('POST', url, { body: '4a', ...from(origin) })
			await x.get(url, from(origin))
			await x.ask('GET', `${ENGINE}?EIO=4&transport=abc`, from(origin))
			const line = await x.socket(url, { Origin: origin })
			x.send(line, '2probe')
			await x.frames(line, 1)
		})
	}

	alike('a WebSocket from the start', async (x) => {
		await x.frames(await x.socket(undefined, { Origin: 'https://app.example' }), 1)
	})

	alike('asked beforehand', async (x) => {
		const ask = (fields) => x.ask('OPTIONS', `${ENGINE}?EIO=4&transport=polling`, { fields })
		await ask({ Origin: 'https://app.example', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type,x-more' })
		await ask({ Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' })
		await ask({ Origin: 'https://app.example' })
	})
})
