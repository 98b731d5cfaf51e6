/*
 * scenes.mjs - plays a scene with the reference client against server.conf on four workers and against the reference
 * server, and wants both to show the client what the scene says.
 */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'
import { Socket as Engine } from 'engine.io-client'
import { Manager, io } from 'socket.io-client'
import { metrics } from '../e2e/prometheus.mjs'
import { Served } from '../e2e/served.mjs'
import { budget } from '../e2e/server.mjs'
import { fixture } from './fixture.mjs'

export const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const WAIT_MS = 15000
const TRANSPORTS = [['polling'], ['websocket'], ['polling', 'websocket']]

/* What a scene is given: sockets and managers of one server, which go with the scene. */
class Stage {
	constructor(port, transports) {
		this.port = port
		this.transports = transports
		this.opened = []
	}

	dial(nsp = '/', options = {}) {
		const socket = io(`http://127.0.0.1:${this.port}${nsp}`, { forceNew: true, transports: this.transports, reconnectionDelay: 10, ...options })
		this.opened.push(socket)
		return socket
	}

	manager(options = {}) {
		const manager = new Manager(`http://127.0.0.1:${this.port}`, { transports: this.transports, reconnectionDelay: 10, ...options })
		this.opened.push({ disconnect: () => manager._close() })
		return manager
	}

	/* A connection of the transport alone. */
	engine(options = {}) {
		const socket = new Engine(`http://127.0.0.1:${this.port}`, { transports: this.transports, ...options })
		this.opened.push({ disconnect: () => socket.close() })
		return socket
	}

	end() {
		for (const o of this.opened) o.disconnect()
	}
}

/* The arguments of the next EVENT. */
export function hears(emitter, event) {
	return new Promise((resolve) => emitter.once(event, (...args) => resolve(args)))
}

async function play(port, transports, scene) {
	const stage = new Stage(port, transports)
	let late
	const timeout = new Promise((_, reject) => {
		late = setTimeout(() => reject(new Error(`port ${port}: no end of "${scene.name}" within ${budget(WAIT_MS)} ms`)), budget(WAIT_MS))
	})
	try {
		return await Promise.race([scene.run(stage), timeout])
	} finally {
		clearTimeout(late)
		stage.end()
	}
}

/*
 * Tests SCENES, [{name, run(stage) -> value, shows}], over each list of transports.  `shows` is the value, or a function
 * that asserts what is true of it; where servers may differ, it is said there.
 */
export function compare(scenes, conf = { file: here('server.conf'), backend: here('backend.mjs') }) {
	let ours
	let theirs
	before(async () => {
		ours = new Served(conf)
		await ours.start()
		theirs = await fixture()
	})
	after(async () => {
		await ours?.destroy()
		await theirs?.stop()
	})
	const judge = (scene, value, who) => (typeof scene.shows === 'function' ? scene.shows(value, who) : assert.deepEqual(value, scene.shows, who))
	for (const transports of TRANSPORTS) {
		test(transports.join(', '), { concurrency: 6 }, async (t) => {
			await Promise.all(scenes.map((scene) => t.test(scene.name, async () => {
				const [a, b] = await Promise.all([play(ours.port, transports, scene), play(theirs.port, transports, scene)])
				judge(scene, b, 'the reference')
				judge(scene, a, 'forkcast')
				assert.deepEqual(a, b, 'forkcast, beside the reference')
			})))
		})
	}
	test('the clients were on all four workers', async () => {
		const { samples } = (await metrics(ours)).get('forkcast_bytes_out_total')
		assert.deepEqual(samples.filter((s) => s.value > 0).map((s) => s.labels.worker).sort(), ['0', '1', '2', '3'])
	})
}
