/*
 * table.mjs - runs the tests of this folder and prints, for each system, how many rows of rows.txt they cover.
 *
 * A row is covered when at least one test begins its name with the row's id, and all that do pass.  It fails when a test
 * fails, is skipped or names an id that is not there, when a row has neither a test nor a reason, and when it has both.
 */
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname)
const JOBS = 2
const LIMIT_MS = 300000

/* {id, title, reasons, helped}: of a line of rows.txt. */
export function read_rows(text = fs.readFileSync(path.join(here, 'rows.txt'), 'utf8')) {
	const rows = []
	for (const line of text.split('\n')) {
		if (line === '' || line.startsWith('#')) continue
		const m = line.match(/^(S[0-4]-\d\d)  ?([^|~]+?)(?: ([|~]) (.+))?$/)
		if (!m) throw new Error(`rows.txt: ${line}`)
		const words = m[4]?.split(', ') ?? []
		rows.push({ id: m[1], title: m[2], reasons: m[3] === '|' ? words : [], helped: m[3] === '~' ? words : [] })
	}
	const ids = rows.map((r) => r.id)
	const twice = ids.filter((id, i) => ids.indexOf(id) !== i)
	if (twice.length > 0) throw new Error(`rows.txt: twice ${twice}`)
	return rows
}

/* The ids that a test's name begins with: "S1-30, S1-31 ..." or "S1-30..38 ...". */
export function ids_of(title) {
	const m = title.match(/^((?:S\d-\d\d(?:\.\.\d\d)?(?:, )?)+) /)
	if (!m) return []
	return m[1].split(', ').flatMap((one) => {
		const [, system, from, to] = one.match(/^(S\d)-(\d\d)(?:\.\.(\d\d))?$/)
		const n = to === undefined ? 1 : Number(to) - Number(from) + 1
		return Array.from({ length: n }, (_, i) => `${system}-${String(Number(from) + i).padStart(2, '0')}`)
	})
}

/* Runs FILE: {file, tests: [{title, good}], status, text}. */
function run(file) {
	return new Promise((resolve) => {
		const child = spawn(process.execPath, ['--test', '--test-reporter=tap', file], { stdio: ['ignore', 'pipe', 'pipe'] })
		let text = ''
		const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
		child.stdout.on('data', (d) => (text += d))
		child.stderr.on('data', (d) => (text += d))
		child.on('close', (status) => {
			clearTimeout(late)
			const tests = []
			for (const [, not, title, directive] of text.matchAll(/^\s*(not )?ok \d+ - (.*?)( # (?:SKIP|TODO).*)?$/gm)) {
				if (!/^S\d-\d\d/.test(title)) continue
				tests.push({ title: title.replace(/\\#/g, '#'), good: not === undefined && directive === undefined })
			}
			resolve({ file, tests, status, text })
		})
	})
}

async function run_all(files) {
	const results = []
	const queue = [...files]
	await Promise.all(Array.from({ length: JOBS }, async () => {
		for (let file = queue.shift(); file !== undefined; file = queue.shift()) results.push(await run(file))
	}))
	return results
}

const count = (list) => {
	const n = new Map()
	for (const x of list) n.set(x, (n.get(x) ?? 0) + 1)
	return [...n].sort((a, b) => b[1] - a[1]).map(([word, k]) => `${word} ${k}`).join(', ')
}

export function judge(rows, tests) {
	const mistakes = []
	const known = new Map(rows.map((r) => [r.id, { ...r, tests: [] }]))
	for (const one of tests) {
		const ids = ids_of(one.title)
		if (ids.length === 0) mistakes.push(`no ids in front: ${one.title}`)
		for (const id of ids) {
			if (known.has(id)) known.get(id).tests.push(one)
			else mistakes.push(`no such row: ${id} of ${one.title}`)
		}
	}
	for (const row of known.values()) {
		row.state = row.tests.length === 0 ? (row.reasons.length > 0 ? 'not yet' : 'lost') : row.tests.every((x) => x.good) ? 'passing' : 'failing'
		if (row.state === 'lost') mistakes.push(`${row.id} ${row.title}: no test and no reason`)
		if (row.tests.length > 0 && row.reasons.length > 0) mistakes.push(`${row.id} ${row.title}: a test covers it, and rows.txt says it cannot be yet`)
	}
	return { rows: [...known.values()], mistakes }
}

function line(name, rows) {
	const of = (state) => rows.filter((r) => r.state === state)
	const cells = [rows.length, of('passing').length, of('failing').length + of('lost').length, of('not yet').length]
	return `${name.padEnd(20)} ${cells.map((n) => String(n).padStart(8)).join('')}   ${count(of('not yet').flatMap((r) => r.reasons))}`
}

async function main() {
	const started = Date.now()
	const files = fs.readdirSync(here).filter((f) => /^(S\d_\w+|sample)\.mjs$/.test(f)).sort().map((f) => path.join(here, f))
	const results = await run_all(files)
	const { rows, mistakes } = judge(read_rows(), results.flatMap((r) => r.tests))
	let bad = mistakes.length > 0
	for (const r of results) {
		if (r.status === 0 && r.tests.length > 0 && r.tests.every((x) => x.good)) continue
		bad = true
		console.log(`FAIL ${path.relative('.', r.file)}, status ${r.status}`)
		console.log(r.text.replace(/^/gm, '    | '))
	}
	for (const m of mistakes) console.log(`FAIL ${m}`)
	console.log(`${''.padEnd(20)} ${['rows', 'passing', 'failing', 'not yet'].map((w) => w.padStart(8)).join('')}   which would need`)
	const names = { S0: 'S0 mlg', S1: 'S1 gaming', S2: 'S2 guesslyfe', S3: 'S3 maoga', S4: 'S4 scoreboard' }
	for (const [system, name] of Object.entries(names)) console.log(line(name, rows.filter((r) => r.id.startsWith(system))))
	console.log(line('all', rows))
	const helped = rows.filter((r) => r.state === 'passing' && r.helped.length > 0)
	console.log(`of those passing, ${helped.length} with a backend in the place of: ${count(helped.flatMap((r) => r.helped))}`)
	console.log(`${results.flatMap((r) => r.tests).length} tests in ${Math.round((Date.now() - started) / 1000)} s`)
	process.exit(bad ? 1 : 0)
}

if (process.argv[1] === path.join(here, 'table.mjs') || process.argv[1] === new URL(import.meta.url).pathname) await main()
