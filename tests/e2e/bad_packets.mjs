/* bad_packets.mjs - Engine.IO and Socket.IO packets that break the rules, each beside the reference's own reaction. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { connect } from './clients.mjs'
import { disconnected, metric, refusal } from './prometheus.mjs'
import { reference } from './reference.mjs'
import { sleep, started } from './server.mjs'
import { open_engine, open_socket } from './wire.mjs'

let ours
let theirs
let worker
let bystander
before(async () => {
	ours = await started({ workers: 1, conf: 'event "echo" { emit = echo  to = self }', auth: 'auth { anonymous = yes }' })
	theirs = await reference()
	worker = ours.worker(0).pid
	bystander = await connect({ after: () => {} }, ours)
})
after(async () => {
	bystander.disconnect()
	await theirs.stop()
	await ours.destroy()
})
/* Whatever a test did, others on the same worker go on as before. */
afterEach(async () => {
	assert.equal(await bystander.emitWithAck('ping'), 'pong')
	assert.equal(ours.worker(0).pid, worker)
})

/*
 * What a client hears that sends PACKETS once it is in: texts, with ids made equal, then "closed CODE" or "open".  An ack
 * may come before the events of the same rule or behind them, so a set is what counts.
 */
async function reaction(t, port, packets, { joined = true } = {}) {
	const wire = joined ? await open_socket(t, port) : await open_engine(t, port)
	for (const p of packets) wire.send(p)
	wire.send(joined ? '42999["ping"]' : '40')
	const heard = []
	for (;;) {
		const f = await wire.frame()
		if (f.end) return [...heard.sort(), `gone: ${f.end}`]
		if (f.opcode === 8) return [...heard.sort(), `closed ${f.payload.length > 1 ? f.payload.readUInt16BE(0) : ''}`]
		const text = f.payload.toString().replace(/"sid":"[^"]+"/, '"sid":"SID"')
		if (text === '43999["pong"]' || (!joined && text.startsWith('40'))) return [...heard.sort(), 'open']
		heard.push(text)
	}
}

const both = (t, packets, options) => Promise.all([ours, theirs].map((s) => reaction(t, s.port, packets, options)))

/* PACKETS by what they are, and the reason they end the connection for (null: they do not). */
function compare(cases, reason, options) {
	for (const [what, packets] of Object.entries(cases)) {
		test(what, async (t) => {
			const list = [].concat(packets)
			const run = () => both(t, list, options)
			const [a, b] = reason === null ? await run() : await disconnected(ours, reason, run)
			assert.deepEqual(a, b)
			assert.equal(a.at(-1), reason === null ? 'open' : 'closed ')
		})
	}
}

describe('Engine.IO: ignored', () => {
	compare({ 'open': '0{}', 'close, on WebSocket': '1', 'upgrade': '5', 'noop': '6', 'a pong that answers nothing': '3', 'a pong with text': '3probe' }, null)
})

describe('Engine.IO: parse error', () => {
	compare({ 'an empty text': '', 'type 7': '7', 'type 9 with text': '9x', 'a letter': 'x', 'a space': ' 42', 'a letter from elsewhere': 'é' }, 'parse error')
	compare({ 'the same before any namespace': '7' }, 'parse error', { joined: false })
})

describe('Engine.IO: transport error', () => {
	compare({ 'a ping from the client': '2', 'a probe': '2probe' }, 'transport error')
})

describe('Socket.IO: ignored', () => {
	compare({
		'an event without payload': '42',
		'an event without payload, with an id': '427',
		'an ack nobody waits for': '431[1]',
		'an ack without payload': '431',
		'an ack without an id': '43[]',
		'an ack with nothing': '43',
		'an event called connection': '42["connection"]',
		'an event called error': '42["error"]',
		'an event nobody knows': '42["nosuch",1]',
		'an event whose name is a number': '42[7]',
		'an event whose name is empty': '42[""]'
	}, null)
})

describe('Socket.IO: fine', () => {
	compare({
		'the main namespace by name': '42/,["echo",1]',
		'white space behind the payload': '42["echo",1] ',
		'an ack with white space': '4212[ "echo" , {} ]',
		'ack id 0': '420["echo"]',
		'a large ack id': '42999999999999999["echo"]',
		'an ack id with zeros in front': '42007["echo"]',
		'nested arguments': '42["echo",[[[[]]]],{"a":{}}]'
	}, null)
})

describe('Socket.IO: forced close', () => {
	compare({
		'nothing behind the 4': '4',
		'type 7': '47',
		'type 9': '49["x"]',
		'a letter for a type': '4x',
		'a second CONNECT': '40',
		'a second CONNECT with a payload': '40{"a":1}',
		'CONNECT with a list': '40[]',
		'CONNECT with text': '40"x"',
		'CONNECT with null': '40null',
		'CONNECT with a number': '405',
		'CONNECT with bad JSON': '40{',
		'DISCONNECT with a payload': '41{}',
		'an event to a namespace that is not joined': '42/x,["echo"]',
		'an ack to a namespace that is not joined': '43/x,1[]',
		'a DISCONNECT of a namespace that is not joined': '41/x',
		'CONNECT_ERROR from a client': '44{"message":"x"}',
		'CONNECT_ERROR with text': '44"x"',
		'CONNECT_ERROR with nothing': '44',
		'CONNECT_ERROR with a list': '44[]',
		'an event that is an object': '42{}',
		'an event that is text': '42"echo"',
		'an event that is null': '42null',
		'an empty event': '42[]',
		'an event whose name is an object': '42[{}]',
		'an event whose name is null': '42[null]',
		'an event whose name is true': '42[true]',
		'an event that is cut': '42["echo"',
		'an event and more': '42["echo"]x',
		'two events in one': '42["echo"]["echo"]',
		'single quotes': "42['echo']",
		'a comma at the end': '42["echo",]',
		'a bad escape': '42["echo","\\x"]',
		'a line break in text': '42["echo","a\nb"]',
		'a number with a zero in front': '42["echo",01]',
		'NaN': '42["echo",NaN]',
		'a comment': '42["echo"/**/]',
		'an ack that is an object': '431{}',
		'an ack that is text': '431"x"',
		'an ack that is cut': '431[',
		...Object.fromEntries(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener']
			.map((name) => [`reserved: ${name}`, `42["${name}"]`])),
		'a reserved name in escapes': '42["\\u0063onnect"]',
		'a binary event without a number': '45["echo"]',
		'a binary event without a dash': '451["echo"]',
		'a binary event with 0 attachments': '450-["echo"]',
		'a binary event with 11 attachments': '4511-["echo"]',
		'a binary event with a million attachments': '451000000-["echo"]',
		'a binary event with a letter': '45x-["echo"]',
		'text while an attachment is due': ['451-["echo",{"_placeholder":true,"num":0}]', '42["echo"]'],
		'a binary ack without a number': '46[]'
	}, 'forced close')
})

test('Socket.IO: an event behind the own DISCONNECT: forced close', async (t) => {
	await disconnected(ours, 'forced close', async () => {
		for (const { port } of [ours, theirs]) {
			const wire = await open_socket(t, port)
			wire.send('41')
			await sleep(50) /* the reference takes packets of one read for still joined */
			wire.send('42["echo"]')
			const { opcode, payload } = await wire.frame()
			assert.deepEqual([opcode, payload.length], [8, 0])
		}
	})
})

describe('Socket.IO before any namespace is joined', () => {
	compare({
		'an event': '42["echo"]',
		'a DISCONNECT': '41',
		'an ack': '431[]',
		'CONNECT with a list': '40[]',
		'bad JSON': '42[',
		'a type nobody knows': '48'
	}, 'forced close', { joined: false })

	for (const nsp of ['/x', '/', '//', '/x/y?a=b', '/é', '/ ', `/${'x'.repeat(5000)}`]) {
		test(`a CONNECT to ${nsp.slice(0, 20)} is refused by its name`, async (t) => {
			const [a, b] = await both(t, [`40${nsp},`], { joined: false })
			assert.deepEqual(a, b)
			if (nsp !== '/') assert.deepEqual(a, [`44${nsp},{"message":"Invalid namespace"}`, 'open'])
		})
	}

	test('a namespace without a comma', async (t) => {
		const [a, b] = await both(t, ['40/x'], { joined: false })
		assert.deepEqual(a, b)
		assert.deepEqual(a, ['44/x,{"message":"Invalid namespace"}', 'open'])
	})
})

describe('much of it', () => {
	for (const [what, text] of [
		['a megabyte of [[[[', `42${'['.repeat(999990)}`],
		['half a megabyte of brackets that close', `42${'['.repeat(250000)}${']'.repeat(250000)}`],
		['a megabyte of {"a":', `42["echo",${'{"a":'.repeat(199990)}`],
		['a megabyte of digits as an id', `42${'9'.repeat(999000)}["echo"]`]
	]) {
		test(`${what}: forced close`, async (t) => {
			await disconnected(ours, 'forced close', async () => assert.equal(await (await open_socket(t, ours.port)).send(text).closed(), 0))
		})
	}

	test('more than max_payload of [[[[: 1009', async (t) => {
		const text = `42${'['.repeat(1 << 20)}`
		await disconnected(ours, 'message too big', async () => assert.equal(await (await open_socket(t, ours.port)).send(text).closed(), 1009))
	})

	test('a megabyte of [] as arguments passes, or is refused as too long, and nothing breaks', async (t) => {
		const wire = await open_socket(t, ours.port)
		wire.send(`421["echo",${'[],'.repeat(20000)}1]`)
		const [echo, ack] = [await wire.text(), await wire.text()] /* an ack is behind what its rule sends the sender */
		assert.deepEqual([echo.length, ack.slice(0, 12)], [60000 + 12, '431[{"succes'])
		wire.send(`422["echo",${'[],'.repeat(300000)}1]`)
		assert.match(await wire.text(), /^432\[\{"success":false,/)
	})

	test('100,000 events nobody declared', async (t) => {
		await refusal(ours, 'unknown_event', async () => {
			const wire = await open_socket(t, ours.port)
			for (let i = 0; i < 100; i++) {
				for (let k = 0; k < 1000; k++) wire.send(`42["nosuch${i}",${k}]`)
				wire.send(`42${i}["ping"]`)
				assert.equal(await wire.text(), `43${i}["pong"]`)
			}
		}, 100000)
		/* Names that clients make up do not become labels. */
		assert.equal(await metric(ours, 'events_in_total', { event: 'nosuch1' }), 0)
	})
})
