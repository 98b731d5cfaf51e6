/* tools_types.mjs - what `forkcast types` prints compiles, and lets clients write what is right and nothing that is wrong. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { binary } from './server.mjs'

const tests = path.resolve('tests')
/* Beside node_modules, where the compiler finds the types of socket.io-client. */
const dir = fs.mkdtempSync(path.join(tests, 'types', '.run-'))
test.after(() => fs.rmSync(dir, { recursive: true }))

function types(conf) {
	const run = spawnSync(binary, ['types', '--dev', '-c', conf], { encoding: 'utf8' })
	assert.equal(run.status, 0, run.stderr)
	assert.equal(run.stderr, '')
	return run.stdout
}

/* Compiles FILES; what the compiler says, as {file, line, text}. */
function compile(files) {
	const options = {
		noEmit: true, strict: true, skipLibCheck: true, target: 'es2022', module: 'nodenext', types: [],
		lib: ['es2022', 'dom'], noUncheckedIndexedAccess: false, isolatedModules: true
	}
	const project = path.join(dir, 'tsconfig.json')
	fs.writeFileSync(project, JSON.stringify({ compilerOptions: options, files }))
	const tsc = path.join(tests, 'node_modules', 'typescript', 'bin', 'tsc')
	const run = spawnSync(process.execPath, [tsc, '-p', project, '--pretty', 'false'], { encoding: 'utf8', cwd: dir })
	assert.equal(run.stderr, '')
	return [...run.stdout.matchAll(/^(.+?)\((\d+),\d+\): (error .*)$/gm)].map((m) => ({
		file: path.basename(m[1]), line: Number(m[2]), text: m[3]
	}))
}

/* The client NAME.ts against the types of CONF: exactly the lines that say so are wrong. */
function client(name, conf) {
	const source = fs.readFileSync(path.join(tests, 'types', `${name}.ts`), 'utf8')
	fs.writeFileSync(path.join(dir, `${name}.types.ts`), types(conf))
	fs.writeFileSync(path.join(dir, `${name}.ts`), source)
	const said = compile([`${name}.ts`])
	const wrong = source.split('\n').flatMap((l, i) => (l.endsWith('// wrong') ? [i + 1] : []))
	assert.deepEqual(said.filter((e) => e.file !== `${name}.ts`), [])
	assert.deepEqual(said.filter((e) => !wrong.includes(e.line)), [], 'right lines do not compile')
	const lines = new Set(said.map((e) => e.line))
	assert.deepEqual(wrong.filter((l) => !lines.has(l)), [], 'wrong lines compile')
	assert.ok(wrong.length > 5)
}

test('a client of the sample conf', () => client('sample', 'conf/forkcast.conf'))
test('a client of a conf with everything', () => client('rich', 'tests/types/rich.conf'))

test('the types of every profile compile', () => {
	const files = fs.readdirSync('conf/profiles').filter((f) => f.endsWith('.conf')).map((f) => {
		const file = f.replace('.conf', '.profile.ts')
		const text = types(path.join('conf/profiles', f))
		assert.match(text, /export interface ClientToServerEvents \{/)
		fs.writeFileSync(path.join(dir, file), text)
		return file
	})
	assert.ok(files.length > 0)
	assert.deepEqual(compile(files), [])
})
