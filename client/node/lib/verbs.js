'use strict'
/* verbs.js - the bodies of the API, as calls send them and as lines of a batch have them. */
const { randomUUID } = require('node:crypto')

const list = (value) => (value === undefined || typeof value === 'string' ? value : [...value])

function date_text(value) {
	return value instanceof Date ? value.toISOString() : value
}

function emit_body(to, event, data, { args, except, namespace, volatile, local, id, delay, at, timeout } = {}) {
	return { to: list(to), event, data, args, except: list(except), namespace, volatile, local, id, delay, at: date_text(at), timeout }
}

function event_body(type, data, vars, { id, namespace } = {}) {
	return { type, data, vars, id, namespace }
}

function act_body(where, { rooms, except, namespace, close } = {}) {
	return { in: list(where), rooms: list(rooms), except: list(except), namespace, close }
}

const TAKES_ID = new Set(['emit', 'event', 'schedule'])
/* The server takes no more of a message with an id. */
const WITH_ID_MAX = 120 << 10

/* True when BODY of the verb NAME is better with an id of ours. */
function wants_id(name, body) {
	return TAKES_ID.has(name) && body !== null && typeof body === 'object' && body.id === undefined && !body.volatile && !body.local && !body.timeout
}

/*
 * BODY of the verb NAME as JSON, and whether doing it twice is doing it once.  IDEMPOTENT: with an id where that is of use.
 */
function encode(name, body, idempotent) {
	let text = JSON.stringify(body)
	let has_id = TAKES_ID.has(name) && body?.id !== undefined
	if (idempotent && wants_id(name, body) && Buffer.byteLength(text) <= WITH_ID_MAX) {
		has_id = true
		text = JSON.stringify({ ...body, id: randomUUID() })
	}
	return { text, repeatable: has_id || name === 'join' || name === 'leave' || name === 'cancel' }
}

module.exports = { emit_body, event_body, act_body, encode, date_text }
