/// <reference types="node" />
/* index.d.ts - the types of the package. */

/** A room (`chat:1`), `user:ID`, `role:R`, `socket:SID`, `all`, or several of them: each socket once. */
export type Target = string | Iterable<string>
/** Milliseconds, or text of the conf's language: `500ms`, `5m`. */
export type Duration = string | number

export interface ClientOptions {
	/** The admin listener: `http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`. */
	url: string
	/** A key of that listener. */
	key?: string
	/** Milliseconds that a call takes at most, all tries included [10000]. */
	timeout?: number
	/** How often a call is tried again [5]. */
	retries?: number
	/** Connections at most [8]. */
	connections?: number
	/** Milliseconds after which an unused connection is closed [30000]. */
	idle?: number
	/** Calls that may wait for an answer at once; more are rejected with `overloaded` [10000]. */
	maxPending?: number
	/** Make an id for each message that has none, so that it is sent again, once, after a connection that broke [false]. */
	idempotent?: boolean
	/** Bytes that the server takes in one body [1048576]. */
	bodyLimit?: number
	/** Lines in one request of a batch [1000]. */
	batchLines?: number
	/** Options of node:tls for https. */
	tls?: import('node:tls').ConnectionOptions
}

export interface CallOptions {
	/** Instead of the client's `timeout`. */
	totalTimeout?: number
	retries?: number
	signal?: AbortSignal
}

export interface ActOptions {
	except?: Target
	namespace?: string
}

export interface EmitOptions extends ActOptions {
	/** Several arguments, instead of `data`. */
	args?: unknown[]
	/** Not for clients whose connection takes nothing now. */
	volatile?: boolean
	/** Only sockets of the worker that took the call. */
	local?: boolean
	/** The server takes one message of an id. */
	id?: string
	/** When it is sent, instead of now: after so long, or then (milliseconds since 1970, or ISO 8601). The server needs `data_dir`. */
	delay?: Duration
	at?: Date | string | number
	/** Milliseconds to wait for the clients' acks. */
	timeout?: number
}

export interface EventOptions {
	id?: string
	namespace?: string
}

export interface EmitBody extends Omit<EmitOptions, 'at' | 'to' | 'except'> {
	to: string | string[]
	except?: string | string[]
	event: string
	data?: unknown
	at?: string | number
}

export interface ActBody {
	in: string | string[]
	except?: string | string[]
	namespace?: string
}

/** One line of a batch. */
export type Verb =
	| { emit: EmitBody }
	| { event: { type: string; data?: unknown; vars?: Record<string, unknown>; id?: string; namespace?: string } }
	| { join: ActBody & { rooms: string | string[] } }
	| { leave: ActBody & { rooms: string | string[] } }
	| { disconnect: ActBody & { close?: boolean } }
	| { state: Record<string, unknown> }
	| { score: Record<string, unknown> }
	| { schedule: EmitBody }
	| { cancel: { id: string } }

export interface Sent {
	id: string
	/** How many sockets it was for: an upper bound when targets overlap. */
	delivered: number
	/** With `delay` or `at`: when it is due, in milliseconds since 1970. */
	at?: number
	/** With `timeout`: the first argument of each ack. */
	answers?: unknown[]
	/** With `timeout`: there were more answers than the server keeps. */
	cut?: boolean
}

export interface Matched {
	matched: number
}

export type Result = ({ ok: true } & Partial<Sent> & Partial<Matched> & { [member: string]: unknown }) | { ok: false; error: ForkcastError }

export interface SocketInfo {
	id: string
	namespace: string
	user: { id: string; name: string | null; role: string | null } | null
	rooms: string[]
	worker: number
	transport: 'polling' | 'websocket'
	ip: string
	/** Milliseconds since 1970. */
	connected_at: number
}

export interface RoomInfo {
	name: string
	users: number
	sockets: number
	meta: Record<string, unknown>
}

export interface UserInfo {
	id: string
	online: boolean
	sockets: string[]
}

export interface Ban {
	user?: string
	ip?: string
	until?: string | number
	reason?: string
}

export interface Page<T> {
	items: T[]
	next?: string
}

/** A list that is read page by page, as it is iterated. */
export interface Pages<T> extends AsyncIterable<T> {
	page(after?: string): Promise<Page<T>>
	toArray(max?: number): Promise<T[]>
}

export class ForkcastError extends Error {
	constructor(code: string, message: string, more?: { status?: number; field?: string; retryAfter?: number; sent?: boolean; cause?: unknown })
	/**
	 * The server's word, or `connection`, `timeout`, `aborted`, `overloaded`, `too_large`, `bad_reply`, `closed`, `dropped`,
	 * `not_sent`.
	 */
	readonly code: string
	/** HTTP status; undefined when no answer came. */
	readonly status?: number
	/** The member of the body that was wrong. */
	readonly field?: string
	/** Seconds that the server asked to wait. */
	readonly retryAfter?: number
	/** No answer came, and the server may have done what was asked. */
	readonly sent: boolean
}

/** A batch one of whose requests failed as a whole. */
export class BatchError extends ForkcastError {
	constructor(error: ForkcastError, results: Result[])
	/** One for each line; those after the failure have the error `not_sent`. */
	readonly results: Result[]
}

export interface Scheduled {
	id: string
	/** Milliseconds since 1970. */
	at: number
	to: string | string[]
	event: string
	data?: unknown
	[member: string]: unknown
}

export interface Schedules {
	list(options?: { limit?: number }): Pages<Scheduled>
	get(id: string): Promise<Scheduled | null>
	/** An `emit` that waits: `at` or `delay` says how long. */
	create(body: Omit<EmitBody, 'at'> & { at?: Date | string | number }): Promise<{ id: string; at: number }>
	/** True when there was one; after a connection that broke it may be this call that took it. */
	cancel(id: string): Promise<boolean>
}

export interface Bans {
	list(options?: { limit?: number }): Pages<Ban>
	add(ban: ({ user: string } | { ip: string }) & { until?: Date | string | number; reason?: string }): Promise<unknown>
	/** True when there was one. */
	remove(who: { user: string } | { ip: string }): Promise<boolean>
}

export class Client {
	constructor(options: ClientOptions)
	readonly schedules: Schedules
	readonly bans: Bans
	readonly counters: { pending: number; retried: number }

	emit(to: Target, event: string, data?: unknown, options?: EmitOptions & CallOptions): Promise<Sent>
	event(type: string, data?: unknown, vars?: Record<string, unknown>, options?: EventOptions & CallOptions): Promise<Sent>
	join(where: Target, rooms: Target, options?: ActOptions & CallOptions): Promise<Matched>
	leave(where: Target, rooms: Target, options?: ActOptions & CallOptions): Promise<Matched>
	/** `close`: their connections too, else the namespace only. */
	disconnect(where: Target, options?: ActOptions & { close?: boolean } & CallOptions): Promise<Matched>

	batch(verbs: Iterable<Verb> | AsyncIterable<Verb>, options?: CallOptions & { idempotent?: boolean }): Promise<Result[]>
	batchStream(verbs: Iterable<Verb> | AsyncIterable<Verb>, options?: CallOptions & { idempotent?: boolean }): AsyncGenerator<Result, void, void>
	publisher(options?: PublisherOptions): Publisher

	sockets(query?: { in?: string; namespace?: string; limit?: number }): Pages<SocketInfo>
	rooms(query?: { type?: string; namespace?: string; limit?: number }): Pages<RoomInfo>
	socket(id: string): Promise<SocketInfo | null>
	room(name: string, options?: { namespace?: string }): Promise<RoomInfo | null>
	user(id: string): Promise<UserInfo>
	/** Ids of the users in a room, each once. */
	users(room: string, options?: { namespace?: string }): Promise<string[]>
	stats(): Promise<Record<string, unknown>>
	/** Never rejects. */
	health(options?: { timeout?: number }): Promise<{ alive: boolean; ready: boolean; reasons: string[] }>

	/** Any call of the API; resolves with the JSON of its reply. */
	call<T = any>(
		method: string,
		path: string,
		options?: { json?: unknown; query?: Record<string, string | number | undefined>; repeatable?: boolean; timeout?: number; retries?: number; signal?: AbortSignal }
	): Promise<T>
	close(): void
}

export interface PublisherOptions {
	/** Milliseconds that a line waits for company [5]. */
	linger?: number
	/** Bytes and lines of one request [262144, 500]. */
	batchBytes?: number
	batchLines?: number
	/** Lines and bytes that may wait [10000, 16777216]; what comes on top is dropped. */
	queueLines?: number
	queueBytes?: number
	/** How often lines are sent that the server is too busy for, and the pause before [3, 1000 ms]. */
	attempts?: number
	busyPause?: number
	idempotent?: boolean
	/** A line was refused, or LINES of them failed together. */
	onError?: (error: ForkcastError, lines: number) => void
}

/** Publishes without waiting. Each call says whether its line was taken; false: the queue is full, and it was dropped. */
export class Publisher {
	constructor(client: Client, options?: PublisherOptions)
	readonly counters: { sent: number; failed: number; dropped: number; queued: number; bytes: number }
	send(verb: Verb): boolean
	emit(to: Target, event: string, data?: unknown, options?: EmitOptions): boolean
	event(type: string, data?: unknown, vars?: Record<string, unknown>, options?: EventOptions): boolean
	join(where: Target, rooms: Target, options?: ActOptions): boolean
	leave(where: Target, rooms: Target, options?: ActOptions): boolean
	disconnect(where: Target, options?: ActOptions & { close?: boolean }): boolean
	/** True when all that was taken before has its result; false after `timeout` ms. */
	flush(options?: { timeout?: number }): Promise<boolean>
	/** Takes no more; what is left after `timeout` ms [5000] is dropped, and false the result. */
	close(options?: { timeout?: number }): Promise<boolean>
}

/** Where events go: a Client, a Publisher, or anything like them. */
export interface RealTimeServer {
	emit(to: Target, event: string, data?: unknown, options?: EmitOptions): unknown
	flush?(): unknown
}

/** A repository's call that succeeded. */
export interface RepositoryCall {
	repository: string
	method: string
	event: string
	args: any[]
	result: any
	id?: string
}

type Chosen<T> = T | ((call: RepositoryCall) => T)

export interface EventSpec {
	/** Without a colon, the repository's name goes in front. */
	event?: string
	/** False: nothing is published. */
	if?: (call: RepositoryCall) => boolean
	id?: Chosen<string | undefined>
	/** [REPOSITORY:ID] */
	to?: Chosen<Target>
	/** [the id, and the first object among the arguments without passwords, tokens and their like] */
	data?: Chosen<unknown>
	options?: Chosen<EmitOptions | undefined>
}

type MethodName<R> = { [K in keyof R]: R[K] extends (...args: any[]) => any ? K : never }[keyof R]

export interface RepositoryOptions<R = any> extends Omit<EventSpec, 'event'> {
	/** Method -> event, or more of it; false: this one does not publish. */
	events?: { [K in MethodName<R>]?: string | false | EventSpec }
	/** False: only methods in `events` publish. Else those whose names begin with a verb of change too. */
	auto?: boolean
	/** Methods called by others of the same repository publish too [false]. */
	nested?: boolean
	/** The call waits for its event to be sent, and fails with it [false]. */
	strict?: boolean
}

export class RepositoryEventEmitter {
	constructor(options: {
		realTimeServer: RealTimeServer
		/** Events that may wait [1000]; what comes on top is dropped. */
		queue?: number
		strict?: boolean
		onError?: (error: Error, call: RepositoryCall) => void
	})
	readonly counters: { published: number; failed: number; dropped: number; queued: number }
	/** The same object, which publishes from now on. */
	registerRepository<R extends object>(name: string, repository: R, options?: RepositoryOptions<R>): R
	unregisterRepository(name: string): boolean
	flush(): Promise<void>
}

/** `updateProfile` -> `profile_updated`; undefined for what is not the name of a change. */
export function eventName(method: string, repository?: string): string | undefined

export class CacheSync<S extends RealTimeServer = RealTimeServer> {
	constructor(options: { realTimeServer: S })
	invalidate(key: string | number, options?: EmitOptions): ReturnType<S['emit']>
	/** `ttl` in milliseconds. */
	warm(key: string | number, value: unknown, options?: EmitOptions & { ttl?: number }): ReturnType<S['emit']>
}

/** What a receiver needs of a socket of socket.io-client. */
export interface SocketLike {
	connected: boolean
	recovered?: boolean
	on(event: string, listener: (...args: any[]) => void): unknown
	off(event: string, listener: (...args: any[]) => void): unknown
	timeout(ms: number): { emitWithAck(event: string, ...args: any[]): Promise<any> }
}

export interface CacheLike {
	delete(key: string): unknown
	set(key: string, value: any, options?: { ttl: number }): unknown
}

export class CacheReceiver {
	constructor(
		socket: SocketLike,
		cache?: CacheLike | null,
		options?: {
			subscribe?: string
			unsubscribe?: string
			timeout?: number
			onInvalidate?: (key: string, why: 'invalidate' | 'disconnect' | 'reconnect') => void
			onWarm?: (key: string, value: any) => void
			onError?: (error: Error) => void
		}
	)
	watch(key: string | number): Promise<void>
	unwatch(key: string | number): Promise<void>
	close(): void
}

export type NotificationResult = { userId: string | number; notificationId: string } & Result

export class Notifier {
	/** `event` [notification] goes to user:ID; with `type` it is an event that the server's conf routes by {userId}. */
	constructor(options: { client: Client; event?: string; type?: string; namespace?: string })
	sendNotification(userId: string | number, data: object): Promise<NotificationResult & { ok: true }>
	sendBulkNotifications(list: { userId: string | number; data: object }[]): Promise<NotificationResult[]>
	emitBulkNotifications(events: ({ userId: string | number; notificationId?: string } & Record<string, any>)[]): Promise<NotificationResult[]>
}
