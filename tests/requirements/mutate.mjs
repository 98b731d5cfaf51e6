/*
 * mutate.mjs - is each block of the profiles missed by a test when it is gone?
 *
 *   node tests/requirements/mutate.mjs [PROFILE...] [-- BLOCK]
 *   KEYS=1 node tests/requirements/mutate.mjs [PROFILE...] [-- KEY]
 *
 * Takes one block at a time out of a profile (of its files, for what it includes), runs the tests of its system until one
 * fails, and says of each block: red (a test failed), refused (the conf is none without it) or GREEN (nobody missed it).
 * Status 1 when some are GREEN.  Blocks within blocks (`also`, `check`, `in_band` ...) are taken out on their own too.  With
 * KEYS it does the same with each `key = value`; those that say what is the default anyway stay GREEN, so look at them.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname)
const root = path.resolve(here, '../..')
export const SYSTEMS = {
	mlg: 'S0_mlg.mjs',
	gaming: 'S1_gaming.mjs',
	guesslyfe: 'S2_guesslyfe.mjs',
	maoga: 'S3_maoga.mjs',
	scoreboard: 'S4_scoreboard.mjs',
	sample: 'sample.mjs'
}
const LIMIT_MS = 90000
/* Without them no server can be reached, or none has the keys of the tests. */
const NEEDED = /^(listen|admin|jwt) /

/* {head, from, to} of every block of TEXT, outer ones first: offsets of its first byte and behind its last. */
export function blocks(text) {
	const found = []
	const open = []
	let start = null /* of the words in front of a brace */
	for (let i = 0; i < text.length; i++) {
		const c = text[i]
		const two = text.slice(i, i + 2)
		if (c === '#' || two === '//') {
			i = text.indexOf('\n', i)
			if (i < 0) break
			start = null
		} else if (two === '/*') {
			i = text.indexOf('*/', i) + 1
		} else if (c === '"' || c === "'") {
			start ??= i
			for (i++; text[i] !== c; i++) if (text[i] === '\\') i++
		} else if (c === '{') {
			/* `key = {list}` is no block */
			const head = start === null ? '' : text.slice(start, i).trim()
			const words = head.match(/(?:^|[\s}])([a-z_]+(?: "[^"]*")?)$/)
			if (words && !head.endsWith('=')) open.push({ head: words[1], from: i - (text.slice(start, i).length - text.slice(start, i).lastIndexOf(words[1])) })
			else open.push(null)
			start = null
		} else if (c === '}') {
			const one = open.pop()
			if (one) found.push({ ...one, to: i + 1 })
			start = null
		} else if (!/\s/.test(c)) {
			start ??= i
		}
	}
	return found.sort((a, b) => a.from - b.from)
}

/* The same of every `key = value`. */
export function keys(text) {
	const value = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{(?:[^{}"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*\}|[^\s{}"']+/y
	const found = []
	for (let i = 0; i < text.length; i++) {
		const c = text[i]
		if (c === '#') {
			i = text.indexOf('\n', i)
			if (i < 0) break
		} else if (c === '"' || c === "'") {
			for (i++; text[i] !== c; i++) if (text[i] === '\\') i++
		} else if (/[a-z]/.test(c)) {
			const [word, key] = text.slice(i).match(/^([a-z_]+)(?:\s*=\s*)?/)
			value.lastIndex = i + word.length
			if (word !== key && value.test(text)) {
				found.push({ head: key, from: i, to: value.lastIndex })
				i = value.lastIndex - 1
			} else {
				i += key.length - 1
			}
		}
	}
	return found
}

/* Runs FILE with the profiles in DIR: red, refused, GREEN, or what else came of it. */
function run(file, dir) {
	return new Promise((resolve) => {
		const env = { ...process.env, PROFILES: dir, HASTY: '1' }
		const child = spawn(process.execPath, [path.join(here, file)], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
		let text = ''
		const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
		child.stdout.on('data', (d) => (text += d))
		child.stderr.on('data', (d) => (text += d))
		child.on('close', (status) => {
			clearTimeout(late)
			const why = text.match(/^(?:RED|REFUSED) (.*)$/m)?.[1] ?? ''
			const kind = status === 3 ? 'red' : status === 4 ? 'refused' : status === 0 ? 'GREEN' : 'red'
			resolve({ kind, why: why || (status === 0 ? '' : text.split('\n').filter((l) => /Error|not ok/.test(l))[0] ?? `status ${status}`) })
		})
	})
}

async function mutate(name, only) {
	const file = SYSTEMS[name]
	const source = name === 'sample' ? here : path.join(root, 'conf/profiles')
	const main = `${name}.conf`
	const text = fs.readFileSync(path.join(source, main), 'utf8')
	const included = [...text.matchAll(/^include\("(.*)"\)/gm)].map((m) => m[1])
	const counts = { red: 0, refused: 0, GREEN: 0 }
	const sound = await run(file, source)
	if (sound.kind !== 'GREEN') throw new Error(`${name}: its tests fail as it is: ${sound.why}`)
	for (const one of [main, ...included]) {
		const whole = fs.readFileSync(path.join(source, one), 'utf8')
		for (const b of (process.env.KEYS ? keys : blocks)(whole)) {
			if (NEEDED.test(`${b.head} `) || (only && !b.head.includes(only))) continue
			const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-mutate-'))
			for (const f of [main, ...included]) {
				fs.mkdirSync(path.dirname(path.join(dir, f)), { recursive: true })
				fs.copyFileSync(path.join(source, f), path.join(dir, f))
			}
			fs.writeFileSync(path.join(dir, one), whole.slice(0, b.from) + whole.slice(b.to))
			const { kind, why } = await run(file, dir)
			fs.rmSync(dir, { recursive: true })
			counts[kind]++
			const line = whole.slice(0, b.from).split('\n').length
			console.log(`${kind.padEnd(8)} ${one}:${line} ${b.head}${why && `: ${why.slice(0, 150)}`}`)
		}
	}
	console.log(`${name}: ${counts.red} red, ${counts.refused} refused, ${counts.GREEN} GREEN`)
	return counts.GREEN
}

if (process.argv[1] && path.resolve(process.argv[1]) === path.join(here, 'mutate.mjs')) {
	const [names, only] = process.argv.includes('--')
		? [process.argv.slice(2, process.argv.indexOf('--')), process.argv[process.argv.indexOf('--') + 1]]
		: [process.argv.slice(2), undefined]
	let green = 0
	for (const name of names.length > 0 ? names : Object.keys(SYSTEMS)) green += await mutate(name, only)
	process.exit(green > 0 ? 1 : 0)
}
