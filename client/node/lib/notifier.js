'use strict'
/* notifier.js - notifications to users, one or many in one call. */
const { randomUUID } = require('node:crypto')
const { ForkcastError, BatchError } = require('./errors.js')

class Notifier {
	#client
	#options

	/* EVENT [notification] goes to user:ID; or TYPE: the event of a `route`, which gets {userId} as its vars. */
	constructor({ client, event = 'notification', type, namespace } = {}) {
		if (typeof client?.batch !== 'function') throw new TypeError('client is missing: a Client')
		this.#client = client
		this.#options = { event, type, namespace }
	}

	/* {notificationId, userId, ...data, read: false, timestamp} to all sockets of the user. */
	async sendNotification(userId, data) {
		const [result] = await this.sendBulkNotifications([{ userId, data }])
		if (!result.ok) throw result.error
		return result
	}

	/* LIST of {userId, data}: each user's own, and who was reached; see emitBulkNotifications. */
	sendBulkNotifications(list) {
		return this.emitBulkNotifications(
			list.map(({ userId, data }) => ({
				notificationId: randomUUID(),
				read: false,
				timestamp: new Date().toISOString(),
				...data,
				userId
			}))
		)
	}

	/*
	 * EVENTS with their userId, as they are to arrive: one call, as few requests as the server's limits allow.  Resolves
	 * with {userId, notificationId, ok, delivered} or {userId, notificationId, ok: false, error} for each, in order: one
	 * user's failure is no one else's.
	 */
	async emitBulkNotifications(events) {
		let results
		try {
			results = await this.#client.batch(events.map((e) => this.#verb(e)))
		} catch (error) {
			if (!(error instanceof BatchError)) throw error
			results = error.results
		}
		return events.map(({ userId, notificationId }, i) => ({ userId, notificationId, ...results[i] }))
	}

	#verb(data) {
		const { event, type, namespace } = this.#options
		if (data.userId === undefined || data.userId === null || data.userId === '') {
			throw new ForkcastError('invalid', 'a notification without userId', { field: 'userId' })
		}
		if (type !== undefined) return { event: { type, data, vars: { userId: String(data.userId) }, namespace } }
		return { emit: { to: `user:${data.userId}`, event, data, namespace } }
	}
}

module.exports = { Notifier }
