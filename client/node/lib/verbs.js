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

function event_body(type, data, vars, { id } = {}) {
	return { type, data, vars, id }
}

function act_body(where, { rooms, except, namespace, close } = {}) {
	return { in: list(where), rooms: list(rooms), except: list(except), namespace, close }
}

const TAKES_ID = { emit: true, event: true, schedule: true }

/* VERB ({emit: {...}}) with an id, unless it has one or is of a kind that none is for. */
function with_id(verb) {
	const [name] = Object.keys(verb)
	const body = verb[name]
	if (!TAKES_ID[name] || body?.id !== undefined || body?.volatile || body?.local || body?.timeout) return verb
	return { [name]: { ...body, id: randomUUID() } }
}

/* True when doing VERB twice is doing it once. */
function is_repeatable(verb) {
	const [name] = Object.keys(verb)
	if (name === 'join' || name === 'leave' || name === 'cancel') return true
	return TAKES_ID[name] === true && verb[name]?.id !== undefined
}

module.exports = { emit_body, event_body, act_body, with_id, is_repeatable, date_text }
