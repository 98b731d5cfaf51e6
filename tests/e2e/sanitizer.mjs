/*
 * sanitizer.mjs - what tests have to know of a binary that was built under a sanitizer, in one place.
 *
 * Imported by server.mjs before anything is started.  The binary itself is asked, so that FORKCAST=build/asan/forkcast
 * is all it takes.  Then every process that a test starts, master, workers, keeper and the programs in C beside them,
 * writes its reports to files of this test run; one report fails the test whose server ends next, or the whole file.
 *
 * What the sanitizer costs is stated here and nowhere else: SLOWER for time, and a quarantine of a megabyte, so that
 * memory that was given back is used again and a budget for it means something.  Budgets of memory stay as they are.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

export const binary = process.env.FORKCAST ?? path.resolve('build/release/forkcast')

function asked() {
	let bytes
	try {
		bytes = fs.readFileSync(binary)
	} catch {
		return null /* the first start will say so */
	}
	return ['asan', 'tsan'].find((name) => bytes.includes(`__${name}_init`)) ?? null
}

/* 'asan', 'tsan', or null. */
export const sanitizer = asked()

/* Factor for every limit of time that is a budget of computing; timeouts that the server keeps itself are not. */
export const SLOWER = sanitizer ? 4 : 1

/* MS, as long as this binary may take for it. */
export const budget = (ms) => ms * SLOWER

let reports = null

/* The files, read and taken away: what a process says twice is reported once. */
function collect() {
	if (reports === null || !fs.existsSync(reports)) return []
	return fs.readdirSync(reports).map((name) => {
		const file = path.join(reports, name)
		const text = fs.readFileSync(file, 'utf8')
		fs.rmSync(file)
		return text
	})
}

/* Throws when a process wrote a report since the last call. */
export function no_reports() {
	const texts = collect()
	if (texts.length > 0) throw new Error(`${texts.length} reports of the sanitizer:\n${texts.join('\n')}`)
}

if (sanitizer) {
	reports = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-reports-'))
	fs.chmodSync(reports, 0o1777) /* workers have dropped their privileges */
	const common = `log_path=${path.join(reports, 'report')}:print_stacktrace=1`
	const put = (name, text) => (process.env[name] = [process.env[name], text].filter(Boolean).join(':'))
	put('ASAN_OPTIONS', `${common}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64`)
	put('UBSAN_OPTIONS', common)
	put('TSAN_OPTIONS', `${common}:halt_on_error=1`)
	/* Of processes that nobody waited for. */
	process.on('exit', () => {
		const texts = collect()
		fs.rmSync(reports, { recursive: true, force: true })
		if (texts.length === 0) return
		console.error(texts.join('\n'))
		process.exitCode = 1
	})
}
