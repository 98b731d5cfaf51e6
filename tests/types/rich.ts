/* rich.ts - a client of rich.conf.  Lines that end with "wrong" must not compile, all others must. */
import { io, type Socket } from 'socket.io-client'
import type * as T from './rich.types.js'

const socket: Socket<T.ServerToClientEvents, T.ClientToServerEvents> = io('http://localhost')
const bytes = new Uint8Array(3)
const form = {
	title: 't', side: 'buy' as const, level: 0 as const, price: 1.5, ready: true, key: 'k', when: 'w', wei: '1', link: 'l',
	extra: { any: 1 }, tags: ['a'], sides: ['buy' as const], blob: bytes, rest: null, address: { city: 'c' }
}

/* fields: types, enums, lists, objects, binary, what may be missing */
socket.emit('form', form)
socket.emit('form', { ...form, note: 'n', count: 2, from: {}, 'user-name': 'u' })
socket.emit('form', { ...form, title: 1 }) // wrong
socket.emit('form', { ...form, side: 'hold' }) // wrong
socket.emit('form', { ...form, level: 2 }) // wrong
socket.emit('form', { ...form, price: '1' }) // wrong
socket.emit('form', { ...form, ready: 'yes' }) // wrong
socket.emit('form', { ...form, wei: 1 }) // wrong
socket.emit('form', { ...form, extra: 'x' }) // wrong
socket.emit('form', { ...form, tags: 'a' }) // wrong
socket.emit('form', { ...form, sides: ['hold'] }) // wrong
socket.emit('form', { ...form, blob: 'bytes' }) // wrong
socket.emit('form', { ...form, address: {} }) // wrong
socket.emit('form', { ...form, address: { city: 'c', zip: 5 } }) // wrong
socket.emit('form', { ...form, titel: 't' }) // wrong
socket.emit('form', { title: 't' }) // wrong
socket.emit('form') // wrong
socket.emit('nothing', form) // wrong

/* acks */
socket.emit('form', form, (answer) => {
	if (answer.success) {
		const title: string = answer.title
		const note: string | undefined = answer.note
		const list: [number, number] = answer.list
		const ok: boolean = answer.ok
		const side: 'buy' | 'sell' = answer.side
		const bad: number = answer.title // wrong
		const error = answer.error // wrong
	} else {
		const error: string = answer.error
		const code: T.ErrorCode | undefined = answer.code
		if (answer.code === 'off_board') socket.disconnect()
		if (answer.code === 'off_bord') socket.disconnect() // wrong
	}
})
socket.timeout(1000).emit('form', form, (error, answer) => {
	if (!error && answer.success) console.log(answer.title)
	const bad: number = answer // wrong
})
const promised: Promise<T.FormAck> = socket.emitWithAck('form', form)
socket.emit('quiet', { a: 'x' })
socket.emit('quiet', { a: 'x' }, () => {}) // wrong
socket.emit('place', 'id', 2, 'buy', (first, second) => {
	const both: [string | T.Refusal, number | undefined] = [first, second]
	const bad: string = second // wrong
})

/* unknown = pass, and a payload that may be missing */
socket.emit('open', { a: 'x', more: 1 })
socket.emit('open', { more: 1 }) // wrong
socket.emit('maybe')
socket.emit('maybe', {})
socket.emit('maybe', (answer) => console.log(answer.success))
socket.emit('maybe', { a: 5 }) // wrong

/* positional, and both */
socket.emit('place', 'id')
socket.emit('place', 'id', undefined, 'buy')
socket.emit('place', 5) // wrong
socket.emit('place', 'id', 'buy') // wrong
socket.emit('either', 'ada', 5)
socket.emit('either', { userId: 'ada' })
socket.emit('either', { limit: 5 }) // wrong
socket.emit('free', 1, 'two', [3])

/* patterns */
socket.emit('raw:x', 1, (answer: T.RawAck) => {})
socket.emit('game:anything', 1, 2)
socket.emit('game:move', { gameId: 'g', move: [1, 2] })
socket.emit('game:move', { gameId: 'g', move: 1 }) // wrong
socket.emit('gam', 1) // wrong

/* what every server has */
socket.emit('subscribe', { room: 'game', id: 1 }, (answer) => {
	if (answer.success) {
		const room: T.Room = answer.room
	}
})
socket.emit('subscribe', { room: 'lobby' })
socket.emit('subscribe', { room: 'game' }) // wrong
socket.emit('subscribe', { room: 'gaem', id: 1 }) // wrong
socket.emit('subscribe', { room: 'inner', id: 1 }) // wrong
socket.emit('unsubscribe', { room: 'inner', id: 1 })
socket.emit('getRooms', (rooms) => {
	const first: T.Room = rooms[0]
	const bad: number = rooms[0] // wrong
})
socket.emit('ping', (answer) => {
	const pong: 'pong' = answer
})
socket.emit('login', { token: 't' }, (answer) => {
	if (answer.success) console.log(answer.user.id)
})
socket.emit('login', { tokn: 't' }) // wrong

/* rooms */
const game: T.GameRoom = 'game:7'
const lobby: T.LobbyRoom = 'lobby'
const own: T.Own1Room = 'own-1:ada'
const bad_game: T.GameRoom = 'gmae:7' // wrong
const bad_lobby: T.LobbyRoom = 'lobby:1' // wrong

/* what is heard */
socket.on('form', (payload) => {
	const count: number = payload.count
	const note: string | undefined = payload.note
	const blob: Uint8Array = payload.blob
	const bad: string = payload.note // wrong
	const worse = payload.titel // wrong
})
socket.on('open', (payload) => {
	const at: number = payload.a
	const by: T.User | undefined = payload.by
	const more: unknown = payload.more
})
socket.on('placed', (id, n, side) => {
	const known: [string, number | null | undefined, 'buy' | 'sell' | undefined] = [id, n, side]
	const bad: number = id // wrong
})
socket.on('either', (payload) => {
	const user: string = payload.userId
})
socket.on('game:moved', (frame) => {
	const type: 'game:moved' = frame.type
	const room: T.GameRoom = frame.data.room
	const move: number[] = frame.data.move
	const by: string = frame.data.by
	const name: string | null = frame.data.name
	const bad: string = frame.data.name // wrong
	const time: number = frame.time // wrong
})
socket.on('game', (payload) => {
	const event: `game:${string}` = payload.event
})
socket.on('slow_down', (payload) => {
	const wait: number = payload.wait
})
socket.on('mixed', (first, second) => {
	const both: [number | string, number | undefined] = [first, second]
})
socket.on('error', (payload) => {
	const message: string = payload.message
})
socket.on('tick', (payload) => {
	const price: string = payload.price
	const at: string = payload.at // wrong
})
socket.on('nothing', () => {}) // wrong
const heard: T.OnForm = { ...form, count: 1 }
const sent: T.SendForm = form

/* namespaces: one whose name is that of a type, and a pattern */
const user: Socket<T.User_2.ServerToClientEvents, T.User_2.ClientToServerEvents> = io('http://localhost/user')
user.emit('form', { a: 'x' }, (answer) => {
	if ('success' in answer) console.log(answer.success)
	else console.log(answer[1])
})
user.emit('form', form) // wrong
user.emit('getRooms', () => {}) // wrong
user.emit('alive')
user.on('oops', (code) => {
	const known: T.ErrorCode | null = code
})
const tenant: Socket<T.Tenant.ServerToClientEvents, T.Tenant.ClientToServerEvents> = io('http://localhost/tenant-1')
tenant.emit('it\'s "so"', { a: 'x' })
tenant.on('it\'s "so"', (payload) => console.log(payload.a))
tenant.emit('so', { a: 'x' }) // wrong
