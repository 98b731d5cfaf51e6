'use strict'
/*
 * event_name.js - from the name of a method to the name of an event: updateProfile -> profile_updated.
 *
 * The first word of the method is the verb; only verbs that change something are known here, so that readers (findById,
 * listAll) and helpers (validate, toString) never publish by accident.
 */
const REGULAR = [
	'accept', 'achieve', 'activate', 'add', 'approve', 'archive', 'assign', 'award', 'burn', 'calculate',
	'change', 'claim', 'clear', 'close', 'complete', 'confirm', 'create', 'deactivate', 'decline', 'decrement',
	'delete', 'demote', 'deposit', 'disable', 'dismiss', 'edit', 'enable', 'end', 'expire', 'feature', 'finish',
	'follow', 'increment', 'insert', 'invite', 'issue', 'join', 'kick', 'lock', 'mark', 'merge', 'mint', 'move',
	'open', 'pause', 'place', 'post', 'promote', 'publish', 'rate', 'record', 'register', 'reject', 'release',
	'remove', 'rename', 'reopen', 'replace', 'report', 'resolve', 'restore', 'resume', 'revoke', 'save',
	'schedule', 'share', 'start', 'store', 'suspend', 'toggle', 'transition', 'trade', 'unblock', 'unfollow',
	'unlock', 'unpublish', 'update', 'upload', 'upvote', 'upsert', 'vote', 'block'
]
const IRREGULAR = {
	ban: 'banned', buy: 'bought', cancel: 'cancelled', drop: 'dropped', flag: 'flagged', give: 'given',
	hide: 'hidden', leave: 'left', lose: 'lost', make: 'made', pay: 'paid', pin: 'pinned', put: 'put',
	reset: 'reset', sell: 'sold', send: 'sent', set: 'set', stop: 'stopped', submit: 'submitted', swap: 'swapped',
	take: 'taken', tag: 'tagged', transfer: 'transferred', unban: 'unbanned', unpin: 'unpinned', win: 'won',
	withdraw: 'withdrawn', write: 'written'
}

function past(verb) {
	if (verb.endsWith('e')) return `${verb}d`
	if (/[^aeiou]y$/.test(verb)) return `${verb.slice(0, -1)}ied`
	return `${verb}ed`
}

const PAST = new Map([...REGULAR.map((v) => [v, past(v)]), ...Object.entries(IRREGULAR)])

function words(name) {
	return name
		.replace(/([a-z0-9])([A-Z])/g, '$1_$2')
		.replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
		.split(/[_$]+/)
		.filter((w) => w !== '')
		.map((w) => w.toLowerCase())
}

/*
 * updateProfile -> profile_updated, delete -> deleted, createUser of repository "user" -> created; what follows "By" or
 * "For" is left out (updateById -> updated).  undefined: not the name of a change.
 */
function eventName(method, repository) {
	if (/^[_#]/.test(method)) return undefined
	const [verb, ...rest] = words(method)
	const done = PAST.get(verb)
	if (done === undefined) return undefined
	if (/^a?sync$/.test(rest.at(-1) ?? '')) rest.pop()
	const cut = rest.findIndex((w) => w === 'by' || w === 'for')
	const object = (cut < 0 ? rest : rest.slice(0, cut)).join('_')
	return object === '' || object === words(repository ?? '').join('_') ? done : `${object}_${done}`
}

module.exports = { eventName }
