/*
 * store.mjs - what the backend knows, in one file that is replaced as a whole: after a kill it is as before a request or
 * as behind it.  A real backend has a database for this.
 */
import fs from 'node:fs'

const REPLIES_KEPT = 1000

export class Store {
	constructor(file) {
		this.file = file
		this.data = { requests: {}, games: {}, replies: [] }
		if (file && fs.existsSync(file)) this.data = JSON.parse(fs.readFileSync(file, 'utf8'))
	}

	save() {
		if (!this.file) return
		fs.writeFileSync(`${this.file}.new`, JSON.stringify(this.data))
		fs.renameSync(`${this.file}.new`, this.file)
	}

	/* The reply to a request that came before under this id. */
	reply(id) {
		return this.data.replies.find(([known]) => known === id)?.[1]
	}

	/* A request is done and its reply kept in one step, so that it is never done twice. */
	done(id, reply) {
		this.data.replies.push([id, reply])
		this.data.replies.splice(0, this.data.replies.length - REPLIES_KEPT)
		this.save()
	}
}
