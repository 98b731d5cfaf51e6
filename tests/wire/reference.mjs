/*
 * reference.mjs - the reference in a process of its own: its timers are not held up by a test's, and it ends when it is
 * told to.  Run as a program, it is that process.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { application } from './application.mjs'

const FILE = fileURLToPath(import.meta.url)

/* A running one: {port, ask(what, ...args), stop()}. */
export async function reference(engine, options = {}) {
	const child = fork(FILE, [JSON.stringify([engine, options])], { execArgv: [] })
	const gone = once(child, 'exit')
	const [port] = await Promise.race([once(child, 'message'), gone.then(([code]) => { throw new Error(`the reference ended: ${code}`) })])
	let asked = 0
	return {
		port,
		/* Does WHAT of the application's calls there, and gives its result. */
		ask: (what, ...args) => new Promise((resolve, reject) => {
			const id = ++asked
			const heard = (m) => {
				if (m.id !== id) return
				child.off('message', heard)
				if (m.error) reject(new Error(m.error))
				else resolve(m.result)
			}
			child.on('message', heard)
			child.send({ id, what, args })
		}),
		async stop() {
			child.kill('SIGKILL')
			await gone
		}
	}
}

if (process.argv[1] === FILE) {
	const app = await application(...JSON.parse(process.argv[2]))
	process.on('message', async ({ id, what, args }) => {
		try {
			process.send({ id, result: (await app[what](...args)) ?? null })
		} catch (error) {
			process.send({ id, error: error.message })
		}
	})
	process.on('disconnect', () => process.exit())
	process.send(app.port)
}
