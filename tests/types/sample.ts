/* sample.ts - a client of conf/forkcast.conf.  Lines that end with "wrong" must not compile, all others must. */
import { io, type Socket } from 'socket.io-client'
import type { ChatRoom, ClientToServerEvents, OnChatMessage, ServerToClientEvents } from './sample.types.js'

const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io('http://localhost:3000')

interface Message {
	chatId: string
	text: string
}
const message: Message = { chatId: '1', text: 'hello' }

socket.on('welcome', (w) => console.log(w.text, w.rooms.length))
socket.on('welcome', (w) => console.log(w.txt)) // wrong
socket.emit('subscribe', { room: 'chat', id: '1' }, (answer) => {
	if (!answer.success) throw new Error(answer.error)
})
socket.emit('chat:message', message)
socket.emit('chat:message', message, (answer) => {
	if (answer.success) console.log(answer.messageId)
})
socket.emit('chat:message', { text: 'hello' }) // wrong
socket.emit('chat:message', { chatId: ['1'] }) // wrong
socket.emit('chat:mesage', message) // wrong
socket.on('chat:message', (m: OnChatMessage) => {
	const name: string | null | undefined = m.sender?.name
	const text: string = m.text // wrong
})
socket.on('score:changed', (s) => {
	const big: boolean = s.big
	const bad: string = s.big // wrong
})
socket.emit('subscribe', { room: 'scoreboard' })
const room: ChatRoom = 'chat:1'
