'use strict'
/*
 * retry.js - which failures are tried again, and when.
 *
 * 429 and 503 say that nothing was done, a connection that could not be opened says so too: these are always tried again.
 * After a connection that broke later nobody knows; then only what may be done twice is tried again: a question, or an
 * event with an id, which the server takes once.
 */
const { ForkcastError } = require('./errors.js')

const FIRST_MS = 50
const LONGEST_MS = 2000

function worth_it(error, repeatable) {
	if (!(error instanceof ForkcastError)) return false
	if (error.status === 429 || error.status === 503) return true
	return error.code === 'connection' && (repeatable || !error.sent)
}

/* Up to twice what was asked or what is usual by now: clients that were refused together do not come back together. */
function pause_ms(attempt, error) {
	const usual = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt)
	const asked = (error.retryAfter ?? 0) * 1000
	return asked > 0 ? asked + Math.random() * Math.min(asked, usual) : usual * (0.5 + Math.random() / 2)
}

function sleep(ms, signal) {
	return new Promise((resolve, reject) => {
		const abort = () => {
			clearTimeout(timer)
			reject(new ForkcastError('aborted', 'the call was aborted', { cause: signal.reason }))
		}
		const timer = setTimeout(() => {
			signal?.removeEventListener('abort', abort)
			resolve()
		}, ms)
		if (signal?.aborted) abort()
		else signal?.addEventListener('abort', abort, { once: true })
	})
}

/*
 * ATTEMPT(ms left) until it succeeds, RETRIES more times at most and never past TIMEOUT ms in all.  Rejects with the last
 * failure; its `sent` is true when any attempt may have been done.
 */
async function with_retries(attempt, { timeout, retries, repeatable, signal, on_retry }) {
	const end = performance.now() + timeout
	let sent = false
	for (let n = 0; ; n++) {
		try {
			return await attempt(end - performance.now())
		} catch (error) {
			if (error instanceof ForkcastError) {
				sent ||= error.sent
				error.sent = sent
			}
			const pause = pause_ms(n, error)
			if (n >= retries || !worth_it(error, repeatable) || performance.now() + pause >= end) throw error
			on_retry?.(error)
			await sleep(pause, signal)
		}
	}
}

module.exports = { with_retries }
