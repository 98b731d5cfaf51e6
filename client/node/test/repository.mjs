/* repository.mjs - repositories whose methods publish; against a target of the test that notes what it is given. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { RepositoryEventEmitter, eventName } from '../index.mjs'

class UserRepository extends EventEmitter {
	#rows = new Map([['1', { id: '1', name: 'ada' }]])
	calls = []

	async updateProfile(id, profile) {
		this.calls.push('updateProfile')
		await null
		if (profile.bad) throw new Error('refused by the store')
		return this.save({ ...this.#rows.get(id), ...profile })
	}

	async save(row) {
		this.#rows.set(row.id, row)
		return row
	}

	async findById(id) {
		return this.#rows.get(id)
	}

	renameSync(id, name) {
		return `${id}:${name}`
	}
}

class Target {
	sent = []
	constructor(answer = () => ({ delivered: 1 })) {
		this.answer = answer
	}
	async emit(...args) {
		this.sent.push(args)
		return this.answer(...args)
	}
}

function registered(options = {}, { name = 'user', target = new Target(), repository = new UserRepository(), ...emitter } = {}) {
	const e = new RepositoryEventEmitter({ realTimeServer: target, ...emitter })
	assert.equal(e.registerRepository(name, repository, options), repository)
	return { e, target, repository }
}

test('updateProfile runs, gives what it gave, and then user:profile_updated is published', async () => {
	const { e, target, repository } = registered()
	assert.deepEqual(await repository.updateProfile('1', { city: 'Paris', password: 'x', resetToken: 'y' }), { id: '1', name: 'ada', city: 'Paris', password: 'x', resetToken: 'y' })
	await e.flush()
	assert.deepEqual(target.sent, [['user:1', 'user:profile_updated', { city: 'Paris', id: '1' }, undefined]])
	assert.deepEqual(repository.calls, ['updateProfile'])
	assert.deepEqual(e.counters, { published: 1, failed: 0, dropped: 0, queued: 0 })
})

test('readers, inherited listeners and calls within a call publish nothing', async () => {
	const { e, target, repository } = registered()
	await repository.findById('1')
	repository.addListener('x', () => {})
	repository.setMaxListeners(5)
	await repository.updateProfile('1', { name: 'b' })
	await repository.save({ id: '1' })
	await e.flush()
	assert.deepEqual(target.sent.map((s) => s[1]), ['user:profile_updated', 'user:saved'])
	const nested = registered({ nested: true })
	await nested.repository.updateProfile('1', { name: 'b' })
	await nested.e.flush()
	assert.deepEqual(nested.target.sent.map((s) => s[1]), ['user:saved', 'user:profile_updated'])
})

test('what fails publishes nothing, and its error stays its own', async () => {
	const { e, target, repository } = registered()
	await assert.rejects(repository.updateProfile('1', { bad: true }), /refused by the store/)
	await e.flush()
	assert.equal(target.sent.length, 0)
	await repository.save({ id: '1' })
	await e.flush()
	assert.equal(target.sent.length, 1, 'the failed call is over')
})

test('publishing that fails is told and counted, and the caller does not see it', async () => {
	const told = []
	const target = new Target(() => Promise.reject(new Error('no server')))
	const { e, repository } = registered({}, { target, onError: (error, call) => told.push([error.message, call.method, call.event, call.id]) })
	assert.equal((await repository.updateProfile('1', {})).name, 'ada')
	assert.equal(repository.renameSync('1', 'x'), '1:x')
	await e.flush()
	assert.deepEqual(told.map((x) => x[0]), ['no server', 'no server'])
	assert.deepEqual(told[0], ['no server', 'updateProfile', 'user:profile_updated', '1'])
	assert.equal(e.counters.failed, 2)
})

test('strict: the caller waits for the event, and sees that it failed', async () => {
	const { repository } = registered({ strict: true }, { target: new Target(() => Promise.reject(new Error('no server'))) })
	await assert.rejects(repository.updateProfile('1', {}), /no server/)
	const good = registered({}, { strict: true })
	await good.repository.updateProfile('1', {})
	assert.equal(good.target.sent.length, 1, 'sent before the call ended')
})

test('events, targets and data as the options say', async () => {
	const { e, target, repository } = registered({
		events: {
			updateProfile: { event: 'changed', to: ({ id, result }) => [`user:${id}`, `city:${result.city}`], data: ({ args }) => args[1].city, options: { volatile: true } },
			findById: 'audit:looked_up',
			save: false,
			renameSync: { if: ({ result }) => result !== '1:same' }
		},
		to: 'admins:all',
		auto: true
	})
	await repository.updateProfile('1', { city: 'Paris' })
	await repository.findById('1')
	await repository.save({ id: '1' })
	repository.renameSync('1', 'same')
	repository.renameSync('1', 'x')
	await e.flush()
	assert.deepEqual(target.sent, [
		[['user:1', 'city:Paris'], 'user:changed', 'Paris', { volatile: true }],
		['admins:all', 'audit:looked_up', { id: '1' }, undefined],
		['admins:all', 'user:renamed', { id: '1' }, undefined]
	])
	const only = registered({ auto: false, events: { save: 'kept' } })
	await only.repository.updateProfile('1', {})
	await only.e.flush()
	assert.deepEqual(only.target.sent.map((s) => s[1]), ['user:kept'], 'auto: false, and updateProfile is no registered call')
})

test('the id is the first argument, its id, or the result\'s; without one the options must say to whom', async () => {
	const made = { create: async (row) => ({ id: 7, ...row }), update: async (row) => row, clear: async () => {} }
	const told = []
	const { e, target, repository } = registered({}, { repository: made, name: 'clan', onError: (error) => told.push(error.message) })
	await repository.create({ name: 'a' })
	await repository.update({ id: 8, name: 'b' })
	await repository.clear()
	await e.flush()
	assert.deepEqual(target.sent.map((s) => s.slice(0, 3)), [['clan:7', 'clan:created', { name: 'a', id: '7' }], ['clan:8', 'clan:updated', { name: 'b', id: '8' }]])
	assert.match(told.join(), /clan\.clear: no id/)
})

test('a queue that is full drops, in order otherwise, whatever a listener throws', async () => {
	let go
	const gate = new Promise((resolve) => (go = resolve))
	const { e, target, repository } = registered({}, {
		target: new Target(() => gate),
		queue: 3,
		onError: () => {
			throw new Error('listener')
		}
	})
	for (let i = 0; i < 5; i++) repository.renameSync(String(i), 'x')
	go()
	await e.flush()
	assert.deepEqual(target.sent.map((s) => s[0]), ['user:0', 'user:1', 'user:2'])
	assert.deepEqual(e.counters, { published: 3, failed: 2, dropped: 2, queued: 0 })
})

test('unregistered: as before', async () => {
	const { e, target, repository } = registered()
	assert.throws(() => e.registerRepository('user', repository), /registered already/)
	assert.equal(e.unregisterRepository('user'), true)
	assert.equal(e.unregisterRepository('user'), false)
	assert.equal(repository.updateProfile, UserRepository.prototype.updateProfile)
	await repository.updateProfile('1', {})
	await e.flush()
	assert.equal(target.sent.length, 0)
	assert.throws(() => e.registerRepository('x', repository, { events: { nope: 'y' } }), /no method "nope"/)
	assert.throws(() => new RepositoryEventEmitter({}), /realTimeServer is missing/)
})

test('names of events', () => {
	const names = {
		updateProfile: 'profile_updated', createUser: 'created', create: 'created', deleteById: 'deleted', unlockAchievement: 'achievement_unlocked',
		setRole: 'role_set', burnMLG: 'mlg_burned', cancelOrder: 'order_cancelled', approve: 'approved', updateCountForContent: 'count_updated',
		update_balance: 'balance_updated', findById: undefined, toString: undefined, getName: undefined, _update: undefined, validate: undefined
	}
	for (const [method, event] of Object.entries(names)) assert.equal(eventName(method, 'user'), event, method)
})
