/* board.mjs - noughts and crosses: a board is nine of null, 'X', 'O'.  Knows no users, no network. */
const LINES = [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]]

export const empty = () => Array(9).fill(null)

/* Whose turn it is: X begins. */
export const turn = (board) => (board.filter(Boolean).length % 2 === 0 ? 'X' : 'O')

/* {over, winner, line}: a full board without a line has no winner. */
export function result(board) {
	const line = LINES.find(([a, b, c]) => board[a] !== null && board[a] === board[b] && board[b] === board[c])
	if (line) return { over: true, winner: board[line[0]], line }
	return { over: board.every(Boolean), winner: null, line: null }
}
