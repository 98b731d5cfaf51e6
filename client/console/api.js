/*
 * api.js - calls to the admin API of the listener that served the page.
 *
 * The key stays in this tab: in sessionStorage, and in the Authorization header of these calls.
 */
const KEY = 'forkcast.key'

class ApiError extends Error {
	constructor(status, message) {
		super(message)
		this.status = status
	}
}

export const key = () => sessionStorage.getItem(KEY) ?? ''

export function set_key(given) {
	if (given) sessionStorage.setItem(KEY, given)
	else sessionStorage.removeItem(KEY)
}

export async function api(method, path, body) {
	const reply = await fetch(path, {
		method,
		headers: { authorization: `Bearer ${key()}` },
		body: body === undefined ? undefined : JSON.stringify(body)
	})
	const json = await reply.json().catch(() => ({}))
	if (!reply.ok) throw new ApiError(reply.status, json.error?.message ?? `status ${reply.status}`)
	return json
}

/* What to say when a call failed: the key is the usual reason. */
export function refusal(error) {
	if (error.status === 401) return key() ? 'key refused' : 'key needed'
	return error.message
}
