/* tools_commands.mjs - doc and explain: what they say of a conf, their exit statuses, and the examples of docs/tools.md. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { binary } from './server.mjs'

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'forkcast-tools-'))
test.after(() => fs.rmSync(dir, { recursive: true }))

const CONF = `listen "127.0.0.1:0" { }
auth { anonymous = yes  jwt "k" { secret = "0123456789abcdef0123456789abcdef" }  in_band { event = login } }
room "game" { join = {any} }
room "desk" { join = {own, "role:admin"} }
room "back" { }
room "lobby" { join = authenticated  single = yes }
role "admin" { rooms = "back:all"  features = {see, do} }
limit "moves" { rate = 10/1s  by = {user, event}  role "admin" { rate = 20/1s } }
limit "all" { rate = 60/1m  events = "game:*"  text = "Slow down" }
event "game:move" {
    limit = moves
    fields = {"gameId: id", "side: a|b = \\"a\\"", "note?: string 1..5"}  unknown = reject
    room = "game:{gameId}"  if = note  require = {member, "role:admin"}
    check { if = {"note != 1", gameId}  error = "Not this"  code = never }
    join = room  emit = "game:moved"  to = {others, "user:{gameId}"}  except = self  data = '{"g": {gameId|"a|b"}}'
    also { if = side  emit = extra  to = all  leave = "game:*"  disconnect = namespace }
}
event "game:*" { deny = silent  to = "game:1"  close = yes  ack = no }
event "enter" { room = lobby  require = any  join = room }
on "connect" { join = "back:{@user.id}" }
every "clock" { interval = 30s  emit = tick  to = all  data = '{"at": {@now}}' }
route "game:over" { fields = "gameId: id"  room = "game:{gameId}"  emit = over  also { emit = won  to = "user:{@vars.winner}"  data = '{"by": {gameId}}' } }
namespace "/shop-*" { event "buy" { params = {"what: id", "n?: int"}  emit = sold  to = all  add = "by: @user.id" } }
`
const conf = path.join(dir, 'tools.conf')
fs.writeFileSync(conf, CONF)

function run(...args) {
	const r = spawnSync(binary, args, { encoding: 'utf8' })
	return { status: r.status, out: r.stdout, err: r.stderr }
}

function explain(...args) {
	const r = run('explain', '-c', conf, ...args)
	assert.equal(r.err, '')
	return r
}

test('explain: the steps of an exact rule, in their order', () => {
	const r = explain('game:move')
	assert.equal(r.status, 0)
	assert.equal(
		r.out,
		`event \`game:move\` in namespace \`/\`: the rule at ${conf}:10, of this very name
   1. limit    \`moves\`: at most 10 in 1s, counted together by user and event; with the role \`admin\` 20 in 1s
   2. limit    \`all\`: at most 60 in 1m, counted together by user
   3. fields   \`gameId: id\`, \`side: a|b = "a"\`, \`note?: string 1..5\`; others are refused
   4. room     \`game:{gameId}\`
   5. if       \`note\`, else nothing happens and nobody is told
   6. require  members of the room or users with the role \`admin\`
   7. check    \`note != 1\` and \`gameId\`, else the error \`Not this\` with the code \`never\`
   8. do       this client joins the room; emit \`game:moved\` to the others and \`user:{gameId}\` but not this client, with \`{"g": {gameId|"a|b"}}\`
   9. also     if \`side\`: emit \`extra\` to everyone in the namespace, with the arguments as they came; at last this client leaves all rooms of type \`game\` and this client is taken out of the namespace
  10. ack      \`{"success":true}\`
`
	)
})

test('explain: whether a user and a role meet what is required', () => {
	const verdict = (...args) => explain(...args).out.match(/; ((?:user|a user) .*)$/m)[1]
	assert.equal(verdict('game:move', '--user', 'u', '--role', 'admin'), 'user `u` with the role `admin`: yes')
	assert.equal(verdict('game:move', '--role', 'guest'), 'a user with the role `guest`: only as a member of that room')
	assert.equal(verdict('enter', '--user', 'u'), 'user `u` without a role: yes')
	assert.match(explain('game:move', '--role', 'admin').out, /so here 20 in 1s/)
})

test('explain: patterns, built-in events, the one that logs in', () => {
	assert.match(explain('game:else').out, /tools\.conf:18, whose pattern `game:\*` is the longest that covers it\n.*`all`/)
	assert.match(explain('game:else').out, /everybody leaves `game:1`/)
	assert.match(explain('subscribe').out, /built in, no rule has this name/)
	assert.match(explain('login').out, /auth \{ in_band \{ \} \} takes/)
})

test('explain: routes', () => {
	const r = explain('game:over')
	assert.equal(r.status, 0)
	assert.match(r.out, /whose pattern `game:\*`[^]*route `game:over` in namespace `\/`: what backends publish by this name, at .*:22\n   1\. fields   `gameId: id`/)
	assert.match(r.out, /also     emit `won` to `user:\{@vars\.winner\}`/)
})

test('explain: rooms and who may be there', () => {
	assert.match(explain('--room', 'desk:u', '--user', 'u').out, /user `u` without a role: yes/)
	assert.match(explain('--room', 'desk:v', '--user', 'u').out, /user `u` without a role: no/)
	assert.match(explain('--room', 'desk:v', '--role', 'admin').out, /: yes/)
	assert.match(explain('--room', 'desk:v', '--role', 'x').out, /only as the user of that id, or with that claim/)
	const back = explain('--room', 'back:all').out
	assert.match(back, /subscribe: nobody/)
	assert.match(back, /from the start: `back:all`, with the role `admin`/)
	assert.match(back, /on `connect` \(.*tools\.conf:20\) lets its client join `back:\{@user\.id\}`/)
	assert.match(explain('--room', 'lobby').out, /event `enter` \(.*\) lets its client join the room/)
	assert.match(explain('--room', 'user:u').out, /a built-in type\n.*nobody\n.*from the start: `user:\{@user\.id\}`/)
	const both = explain('enter', '--room', 'lobby')
	assert.match(both.out, /event `enter`[^]*room `lobby`/)
})

test('explain: what nothing declares is told, with status 1', () => {
	const cases = [
		[['nope'], /event `nope` .*nothing declares it; .*unknown_event/],
		[['buy'], /nothing declares it/],
		[['enter', '--namespace', '/none'], /namespace `\/none`: nothing declares it/],
		[['--room', 'gaem:1'], /no such type/],
		[['--room', 'game'], /have an id/],
		[['--room', 'lobby:1'], /named without an id/]
	]
	for (const [args, say] of cases) {
		const r = explain(...args)
		assert.equal(r.status, 1, args.join(' '))
		assert.match(r.out, say)
	}
	const shop = explain('buy', '--namespace', '/shop-7')
	assert.equal(shop.status, 0)
	assert.match(shop.out, /namespace `\/shop-\*`[^]*params +`what: id`, `n\?: int`[^]*in it `by` = `@user\.id`/)
})

test('usage', () => {
	const cases = [
		[['explain', '-c', conf], /needs the name of an event, or --room/],
		[['explain', '-c', conf, 'a', 'b'], /does not take "b"/],
		[['explain', '-c', conf, 'a', '--ttl', '1h'], /does not take --ttl/],
		[['explain', '-c', conf, 'a', '--user'], /does not take --user, or it lacks its value/],
		[['types', '-c', conf, '--user', 'u'], /does not take --user/],
		[['types', '-c', conf, 'a'], /does not take "a"/],
		[['types', '-o', '-c', conf], /does not take -o/],
		[['token', '-c', conf, '--user', 'u', '--room', 'r'], /does not take --room/],
		[['check', '-c', conf, '--role', 'r'], /does not take --role/],
		[['doc', '-c', path.join(dir, 'none.conf')], /cannot read/]
	]
	for (const [args, say] of cases) {
		const r = run(...args)
		assert.equal(r.status, 2, args.join(' '))
		assert.match(r.err, say)
		assert.equal(r.out, '')
	}
	const broken = path.join(dir, 'broken.conf')
	fs.writeFileSync(broken, 'wrokers = 2\n')
	for (const command of ['doc', 'types', 'explain']) {
		const r = run(command, '-c', broken, ...(command === 'explain' ? ['x'] : []))
		assert.equal(r.status, 2)
		assert.match(r.err, /broken\.conf:1: unknown key `wrokers`/)
	}
})

test('output that does not arrive is no success', () => {
	for (const args of [['doc'], ['types'], ['explain', 'enter']]) {
		const r = spawnSync('/bin/sh', ['-c', '"$0" "$@" > /dev/full', binary, args[0], '-c', conf, ...args.slice(1)])
		assert.equal(r.status, 1, args[0])
	}
})

test('doc: every part of the catalogue', () => {
	const r = run('doc', '-c', conf)
	assert.equal(r.status, 0, r.err)
	for (const part of [
		'- A token is not needed', '- It may also be sent later, as `{token}`, by the event `login`',
		'## Namespace `/`', '## Namespace `/shop-*`',
		'| `gameId` | `id` | yes |  |', '| `side` | `a\\|b` | no | `"a"` |', '| `note` | `string 1..5` | no |  |',
		'Others are refused with the code `invalid`.',
		'- Limits: `moves`, at most 10 in 1s, counted together by user and event; with the role `admin` 20 in 1s; `all`,',
		'- Nothing happens, and nobody is told, unless `note`',
		'- Who may: members of the room or users with the role `admin`',
		'- Refused with `Not this`, code `never`, unless `note != 1` and `gameId`'.replace('`never`,', '`never`'),
		'- Who is refused is told nothing', '- Ack: none', '- Ack: `{"success":true}`', '- Declared in tools.conf:10',
		'| `subscribe` | `{room, id}`', '| `game:moved` | somebody sends `game:move` | `{"g": {gameId\\|"a\\|b"}}` |',
		'| `extra` | somebody sends `game:move` | the arguments as they were sent |',
		'| `sold` | somebody sends `buy` | the payload, with members set by the server |',
		'#### Every 30s: `clock`', '| `tick` | on time, by `clock` | `{"at": {@now}}` |', '### What backends publish', '#### `game:over`', '- It is told where by: `@vars.winner`',
		'| `won` | a backend publishes `game:over` | `{"by": {gameId}}` |',
		'Arguments by position:', '#### On `connect`', '| `desk:ID` | the user whose id the room has or users with the role `admin` |',
		'| `back:ID` | nobody; rules and the API join clients |', '| `lobby` | users with a token |',
		'| `admin` | `see`, `do` | `back:all` |', 'counts the events `game:*`; text: `Slow down`',
		'The ack of what is refused is `{"success": false', '| `rate_limited` | `Rate limit exceeded` |'
	])
		assert.ok(r.out.includes(part), `${part}\n\nis not in\n\n${r.out}`)
	/* Tables are whole: every row has as many cells as its head. */
	let cells = 0
	for (const line of r.out.split('\n')) {
		const n = line.startsWith('|') ? line.replaceAll('\\|', '').split('|').length : 0
		if (n > 0 && cells > 0) assert.equal(n, cells, line)
		cells = n
	}
	assert.match(run('doc', '--options').out, /^# Options of the conf file/)
})

test('two factors: doc, types and explain have them', () => {
	const wallets = path.join(dir, 'wallets.conf')
	fs.writeFileSync(wallets, `listen "127.0.0.1:0" { }
auth { jwt "k" { secret = "0123456789abcdef0123456789abcdef" }  in_band { factors = both } }
wallet { path = /api/auth/wallet  message = "App: {ms}"  max_age = 2m }
`)
	const doc = run('doc', '-c', wallets).out
	for (const part of [
		'as `{token, signature, message}`, by the event `authenticate`', '- A wallet signs, with the time in milliseconds for `{ms}`: `\'App: {ms}\'`',
		'- That is good for: `2m`', 'is answered `{token}` at: `/api/auth/wallet`', '- This token lives: `1h`'
	])
		assert.ok(doc.includes(part), `${part}\n\nis not in\n\n${doc}`)
	assert.match(run('types', '-c', wallets).out, /"authenticate": \(\.\.\.args: Acked<\[credentials: \{ token: string; signature: string; message: string \}\] \| \[token: string, signature: string, message: string\], /)
	assert.match(run('explain', '-c', wallets, 'authenticate').out, /`\{token, signature, message\}` logs the client in/)
	assert.match(explain('login').out, /`\{token\}` logs the client in/)
})

test('the examples of docs/tools.md are what the commands print', () => {
	let out = ''
	let commands = 0
	for (const block of fs.readFileSync('docs/tools.md', 'utf8').matchAll(/(?:^ {4}.*\n|^\n(?= {4}))+/gm)) {
		for (const line of block[0].split('\n').map((l) => l.slice(4))) {
			if (line.startsWith('forkcast ')) {
				const r = run(...line.split(' ').slice(1))
				assert.equal(r.status, 0, line + r.err)
				out = r.out
				commands++
			} else if (line !== '' && !/^import|^const|^$/.test(line)) {
				assert.ok(out.split('\n').includes(line), `"${line}" is not in\n${out}`)
			}
		}
	}
	assert.equal(commands, 4)
})
