/*
 * api.mjs - the admin API over keep-alive connections that are counted.
 */
import http from 'node:http'
import { KEY } from './host.mjs'

export class Api {
	/* One connection, so requests go out in turn; made counts how often it had to be opened anew. */
	constructor(port) {
		this.port = port
		this.made = 0
		this.agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
		const create = this.agent.createConnection.bind(this.agent)
		this.agent.createConnection = (...args) => {
			this.made++
			return create(...args)
		}
	}

	/* One request; rejects when the connection ends before the answer. */
	ask(method, path, body) {
		return new Promise((resolve, reject) => {
			const text = body === undefined ? undefined : JSON.stringify(body)
			const headers = { authorization: `Bearer ${KEY}` }
			if (text !== undefined) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
			const req = http.request({ host: '127.0.0.1', port: this.port, method, path, headers, agent: this.agent })
			req.setTimeout(5000, () => req.destroy(new Error(`${method} ${path}: no answer within 5 s`)))
			req.on('error', reject)
			req.on('response', (res) => {
				const parts = []
				res.on('data', (d) => parts.push(d))
				res.on('error', reject)
				res.on('aborted', () => reject(new Error('cut off')))
				res.on('end', () => {
					const raw = Buffer.concat(parts).toString()
					try {
						resolve({ status: res.statusCode, body: JSON.parse(raw) })
					} catch {
						resolve({ status: res.statusCode, body: raw })
					}
				})
			})
			req.end(text)
		})
	}

	/* A question that may be asked again: a connection that ended with its worker is no answer. */
	async get(path) {
		for (let left = 20; ; left--) {
			try {
				const r = await this.ask('GET', path)
				if (r.status !== 200) throw new Error(`GET ${path}: ${r.status} ${JSON.stringify(r.body)}`)
				return r.body
			} catch (error) {
				if (left === 0 || !/ECONNRESET|EPIPE|cut off|socket hang up/.test(`${error.code} ${error.message}`)) throw error
			}
		}
	}

	/* All pages of a list. */
	async list(path) {
		const items = []
		let after = ''
		do {
			const page = await this.get(`${path}${path.includes('?') ? '&' : '?'}limit=1000${after}`)
			items.push(...page.items)
			after = page.next ? `&after=${encodeURIComponent(page.next)}` : ''
		} while (after)
		return items
	}

	close() {
		this.agent.destroy()
	}
}
