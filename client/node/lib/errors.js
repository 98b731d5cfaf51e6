'use strict'
/* errors.js - what calls are rejected with. */

/*
 * CODE: the server's word (rate_limited, invalid, busy ...), or one of ours: connection, timeout, aborted, overloaded,
 * too_large, bad_reply, closed, dropped, not_sent.
 */
class ForkcastError extends Error {
	constructor(code, message, { status, field, retryAfter, sent = false, cause } = {}) {
		super(message, cause === undefined ? undefined : { cause })
		this.name = 'ForkcastError'
		this.code = code
		/* HTTP status; undefined when no answer came. */
		this.status = status
		/* The member of the body that was wrong. */
		this.field = field
		/* Seconds that the server asked to wait. */
		this.retryAfter = retryAfter
		/* No answer came, and the server may have done what was asked. */
		this.sent = sent
	}

	/* Of an answer that is no success. */
	static of_reply({ status, headers, body }) {
		const said = parse_error(body)
		return new ForkcastError(said.code ?? `http_${status}`, said.message ?? `the server answered ${status}`, {
			status,
			field: said.field,
			retryAfter: seconds(headers['retry-after'])
		})
	}
}

/* A batch that ended before its end; `results` has one entry for each line, those that were not sent included. */
class BatchError extends ForkcastError {
	constructor(error, results) {
		super(error.code, error.message, { ...error, cause: error })
		this.name = 'BatchError'
		this.results = results
	}
}

function parse_error(body) {
	try {
		const error = JSON.parse(body.toString()).error
		return error !== null && typeof error === 'object' ? error : {}
	} catch {
		return {}
	}
}

/* Retry-After: seconds, or a date. */
function seconds(header) {
	if (header === undefined) return undefined
	if (/^\d+$/.test(header)) return Number(header)
	const at = Date.parse(header)
	return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000)
}

module.exports = { ForkcastError, BatchError }
