'use strict'
/* pages.js - a list that the server gives in pages. */

class Pages {
	constructor(client, path, query) {
		this.client = client
		this.path = path
		this.query = query
	}

	/* One page: {items, next?}; AFTER is the `next` of the page before. */
	page(after) {
		return this.client.call('GET', this.path, { query: { ...this.query, after } })
	}

	/* Every item; the next page is asked for when the one before was read. */
	async *[Symbol.asyncIterator]() {
		let after
		do {
			const { items, next } = await this.page(after)
			yield* items
			after = next
		} while (after !== undefined)
	}

	/* The first MAX items as an array. */
	async toArray(max = Infinity) {
		const all = []
		if (max <= 0) return all
		for await (const item of this) {
			all.push(item)
			if (all.length >= max) break
		}
		return all
	}
}

module.exports = { Pages }
