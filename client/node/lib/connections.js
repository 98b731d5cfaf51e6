'use strict'
/*
 * connections.js - a pool of keep-alive connections to one admin listener, over TCP, TLS or a unix socket.
 */
const http = require('node:http')
const https = require('node:https')
const { ForkcastError } = require('./errors.js')

const REPLY_MAX = 16 << 20

class Connections {
	/*
	 * URL: http://HOST:PORT, https://HOST:PORT or unix:/PATH.  CONNECTIONS: how many are open at most.  IDLE: ms after
	 * which an unused one is closed; less than the server's 75 s, so that no request meets a connection about to end.
	 * TLS: options of node:tls (ca, cert, key, servername).
	 */
	constructor({ url, connections, idle, tls }) {
		const options = { keepAlive: true, maxSockets: connections, maxFreeSockets: connections, timeout: idle }
		const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(url)
		if (unix) {
			this.module = http
			this.base = { socketPath: unix[1], host: 'localhost' }
			this.prefix = ''
		} else {
			const at = new URL(url)
			if (at.protocol !== 'http:' && at.protocol !== 'https:') throw new TypeError(`not a URL of http, https or unix: ${url}`)
			this.module = at.protocol === 'https:' ? https : http
			this.base = { host: at.hostname.replace(/^\[|\]$/g, ''), port: at.port || undefined }
			this.prefix = at.pathname.replace(/\/$/, '')
		}
		this.agent = new this.module.Agent(this.module === https ? { ...options, ...tls } : options)
	}

	/*
	 * One request, once: {status, headers, body}.  TIMEOUT in ms from now to the end of the answer.  Rejects with a
	 * ForkcastError whose `sent` says whether the server may have read the request.
	 */
	request({ method, path, headers, body, timeout, signal }) {
		return new Promise((resolve, reject) => {
			let sent = false
			let over = false
			const request = this.module.request({ ...this.base, agent: this.agent, method, path: this.prefix + path, headers })
			const done = (fn, value) => {
				if (over) return
				over = true
				clearTimeout(late)
				signal?.removeEventListener('abort', abort)
				fn(value)
			}
			const fail = (code, message, cause) => {
				if (over) return /* the socket may carry another request by now */
				done(reject, new ForkcastError(code, message, { sent, cause }))
				request.destroy()
			}
			const abort = () => fail('aborted', 'the call was aborted', signal.reason)
			const late = setTimeout(() => fail('timeout', `no answer to ${method} ${path} within ${Math.round(timeout)} ms`), timeout)
			signal?.addEventListener('abort', abort, { once: true })
			request.on('socket', (socket) => {
				if (!socket.connecting) sent = true
				else socket.once(this.module === https ? 'secureConnect' : 'connect', () => (sent = true))
			})
			request.on('error', (error) => fail('connection', `${method} ${path}: ${error.message || error.code}`, error))
			request.on('response', (response) => {
				const parts = []
				let bytes = 0
				response.on('data', (part) => {
					parts.push(part)
					bytes += part.length
					if (bytes > REPLY_MAX) fail('bad_reply', `an answer of more than ${REPLY_MAX} bytes`)
				})
				response.on('end', () => done(resolve, { status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }))
				response.on('close', () => fail('connection', `${method} ${path}: the answer ended early`))
				response.on('error', (error) => fail('connection', `${method} ${path}: ${error.message}`, error))
			})
			if (signal?.aborted) abort()
			else request.end(body)
		})
	}

	/* Open connections go; calls that wait for an answer are rejected. */
	close() {
		this.agent.destroy()
	}
}

module.exports = { Connections }
