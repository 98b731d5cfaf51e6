/* wallets.mjs - wallets as a browser has them: a key pair, base58, a signed text; and the login route. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import http from 'node:http'

export const TEXT = 'MLG.clan authentication: {ms}'
export const PATH = '/api/auth/wallet'
const LETTERS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

export function base58(bytes) {
	let n = BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`)
	let text = ''
	for (; n > 0n; n /= 58n) text = LETTERS[Number(n % 58n)] + text
	for (const byte of bytes) {
		if (byte !== 0) break
		text = `1${text}`
	}
	return text
}

export class Wallet {
	constructor() {
		this.pair = generateKeyPairSync('ed25519')
		this.bytes = Buffer.from(this.pair.publicKey.export({ format: 'jwk' }).x, 'base64url')
		this.key = base58(this.bytes)
	}

	/* {publicKey, signature, message}: of the text of now, of AT, or of another MESSAGE. */
	proof({ at = Date.now(), message = TEXT.replace('{ms}', at) } = {}) {
		return { publicKey: this.key, signature: base58(sign(null, Buffer.from(message), this.pair.privateKey)), message }
	}
}

export const noise = (n) => base58(randomBytes(n))

/* What a request on the client port is answered: {status, headers, text, json}. */
export function post(s, body, { path = PATH, method = 'POST', headers = {}, agent = false } = {}) {
	const data = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined ? body : JSON.stringify(body)
	const all = { 'content-type': 'application/json', ...headers }
	if (data !== undefined && !('transfer-encoding' in all)) all['content-length'] ??= Buffer.byteLength(data)
	return new Promise((resolve, reject) => {
		const request = http.request({ host: '127.0.0.1', port: s.port, method, path, headers: all, agent }, (response) => {
			const parts = []
			response.on('data', (d) => parts.push(d))
			response.on('error', reject)
			response.on('end', () => {
				const text = Buffer.concat(parts).toString()
				const is_json = response.headers['content-type'] === 'application/json'
				resolve({ status: response.statusCode, headers: response.headers, text, json: is_json ? JSON.parse(text) : undefined })
			})
		})
		request.setTimeout(10000, () => request.destroy(new Error(`${method} ${path}: no answer`)))
		request.on('error', reject)
		request.end(data)
	})
}

export const claims_of = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))
export const header_of = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url'))

/* Logs WALLET in: the proof with its token. */
export async function login(s, wallet, options) {
	const proof = wallet.proof(options)
	const r = await post(s, proof)
	if (r.status !== 200) throw new Error(`login: ${r.status} ${r.text}`)
	return { ...proof, token: r.json.token }
}
