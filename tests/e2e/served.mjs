/* served.mjs - a conf of the repository, served as it is, and the backend that its hooks ask, a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { KEY, Server } from './server.mjs'

/* N ports that nobody listens on. */
export async function free_ports(n) {
	const listeners = await Promise.all([...Array(n)].map(async () => {
		const l = net.createServer().listen(0, '127.0.0.1')
		await once(l, 'listening')
		return l
	}))
	const ports = listeners.map((l) => String(l.address().port))
	await Promise.all(listeners.map((l) => new Promise((resolve) => l.close(resolve))))
	return ports
}

export class Served extends Server {
	/* OPTIONS: file, the conf; backend, the program, if any; env, for both.  They find each other by PORT, ADMIN_PORT, BACKEND_PORT. */
	constructor(options) {
		super(options)
		this.backend_log = ''
	}

	write_conf() {
		fs.writeFileSync(this.conf, `name = "${this.name}"\nruntime_dir = "${this.runtime}"\n${fs.readFileSync(this.options.file, 'utf8')}`)
	}

	async start() {
		if (!this.options.env?.PORT) {
			const [PORT, ADMIN_PORT, BACKEND_PORT] = await free_ports(3)
			this.options.env = { ...this.options.env, PORT, ADMIN_PORT, BACKEND_PORT, ADMIN_KEY: KEY, STATE: path.join(this.dir, 'state.json') }
			if (this.options.backend) await this.start_backend()
		}
		return super.start()
	}

	/* The backend says a line when it listens. */
	async start_backend() {
		const child = spawn(process.execPath, [this.options.backend], { env: { ...process.env, ...this.options.env }, stdio: ['ignore', 'pipe', 'pipe'] })
		child.stderr.on('data', (d) => (this.backend_log += d))
		this.backend_gone = once(child, 'exit')
		this.backend = child
		await Promise.race([once(child.stdout, 'data'), this.backend_gone.then(() => { throw new Error(`the backend ended: ${this.backend_log}`) })])
	}

	async kill_backend() {
		this.backend.kill('SIGKILL')
		await this.backend_gone
	}

	get backend_url() {
		return `http://127.0.0.1:${this.options.env.BACKEND_PORT}`
	}

	async destroy() {
		this.backend?.kill('SIGKILL')
		await super.destroy()
	}
}
