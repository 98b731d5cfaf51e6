/* t_conf_mistakes.c - each slip in a conf file gives its line, what is wrong and what to write instead. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/conf_fixture.h"

/* A row is read as a row. */
/* clang-format off */

/* Each is one mistake in a conf that is else sound; REST is added behind it. */
static const struct slip {
	const char *text;
	int line;
	const char *say; /* stands in the message */
} slips[] = {
    /* what libConfuse alone takes without a word */
    {"workers = 1\nworkers = 2", 2, "`workers` is given twice, first in line 1: keep one"},
    {"engine {\n path = /a/\n path = /b/\n}", 3, "`path` is given twice, first in line 2"},
    {"log { }\nlog { }", 2, "`log` stands twice, first in line 1: make them one block"},
    {"\nname = \"${FORKCAST_TEST_UNSET}\"", 2, "FORKCAST_TEST_UNSET is not set: set it, or write ${FORKCAST_TEST_UNSET:-default}"},
    {"cpu_affinity = yes;", 1, "no semicolons"},
    {"engine {\n\n ping_interval = 25\n}", 3, "write a duration with its unit"},
    {"room \"a\" { }\nroom \"a\" { }", 2, "`room \"a\"` stands twice, first in line 1"},
    {"event \"a\" { }\n\nevent 'a' { }", 3, "`event \"a\"` stands twice, first in line 1"},
    /* text */
    {"name = a b", 1, "`b` follows a value on its line: a value with spaces needs quotes"},
    {"pid_file = /tmp/*.pid", 1, "`*` needs quotes"},
    {"name = $HOME", 1, "`$` needs quotes"},
    {"\nname = \"abc", 2, "never closed: \" missing"},
    {"name = 'abc", 1, "never closed: ' missing"},
    {"/* abc", 1, "the comment that begins here is never closed"},
    {"engine {\n path = /x/\n", 1, "`engine` is never closed: its `}` is missing"},
    {"room \"a\" {\n\n event \"b\" { }\n}", 3, "`event` does not belong in room: it belongs in the top level"},
    {"event \"a\" {\n also { emit = x  to = self\n }\n\nroom \"b\" { }", 1, "`event` is never closed: its `}` is missing before line 5"},
    {"name = \"a\\qb\"", 1, "unknown escape"},
    {"name = \"${1X}\"", 1, "write ${NAME} or ${NAME:-default}"},
    {"name = \"${X:-abc\"", 1, "has no closing brace"},
    {"name = abc#comment", 1, "`#` right behind a value"},
    {"name = \"a\xff\"", 1, "not UTF-8 at byte 2"},
    {"name = \"a\x01\"", 1, "control character 0x01 at byte 2"},
    {"name =\nworkers = 1", 1, "`name =` has no value"},
    {"name = \"\"", 1, "`name` is empty"},
    {"trusted_proxies = {}", 1, "is an empty list"},
    {"trusted_proxies = {::1, }", 1, "a value is missing after the last comma"},
    {"trusted_proxies = {::1 ::2}", 1, "a comma is missing before `::2`"},
    {"trusted_proxies = {, ::2}", 1, "a value is missing before this comma"},
    {"trusted_proxies += {::2}", 1, "no `+=`"},
    {"workers = {1, 2}", 1, "`workers` takes one value, here are 2"},
    {"workers 2", 1, "`workers` is followed by `2`: write `workers = value`"},
    {"}", 1, "`}` without a `{` before it"},
    {"\"workers\" = 2", 1, "`workers` where a key or a block is expected"},
    {"event \"a\" { emit = b  to = self\n data = '[\n1]'\n}\nworkers = 0", 5, "out of range"},
    {"event \"a\" { emit = b  to = self\n data = \"[\n1]\"\n}\nworkers = 0", 5, "out of range"},
    {"/*\n\n*/ workers = 0", 3, "out of range"},
    /* names */
    {"wrokers = 2", 1, "unknown key `wrokers` in the top level: did you mean `workers`?"},
    {"engine { pingInterval = 2s }", 1, "did you mean `ping_interval`?"},
    {"ping_interval = 2s", 1, "`ping_interval` does not belong in the top level: it belongs in engine { }"},
    {"pingInterval = 2s", 1, "did you mean `ping_interval`? It belongs in engine { }"},
    {"shm { zzz = 1 }", 1, "it knows sessions, ring_size, overflow, store_size"},
    {"evnt \"a\" { x = 1 }", 1, "did you mean `event`?"},
    {"engine = 2", 1, "`engine` is a block: write `engine { }`"},
    {"workers { }", 1, "`workers` is a key: write `workers = value`"},
    {"engine \"x\" { }", 1, "`engine` has no title"},
    {"room { }", 1, "`room` needs a title: write `room \"TYPE\" { }`"},
    {"room \"\" { }", 1, "`room` has an empty title"},
    {"room \"a\" {\n  include(\"x.conf\")\n}", 2, "include() stands at the top level only"},
    {"exclude(\"x.conf\")", 1, "write include(\"file.conf\")"},
    /* of another build */
    {"hook \"x\" { url = a }", 1, "`hook` is not in this build of forkcast"},
    {"namespace \"/x\" {\n route \"a\" { }\n}", 2, "`route` is not in this build"},
    {"recovery { }", 1, "`recovery` is not in this build"},
    {"listen \":1\" {\n tls_key = a\n}", 2, "`tls_key` is not in this build"},
    {"room \"a\" {\n state { ttl = 1h }\n}", 2, "`state` is not in this build"},
    {"room \"a\" {\n join = hook\n}", 2, "`hook` is not in this build"},
    {"on \"join chat\" { emit = a  to = self }", 1, "on `join chat` is not in this build"},
    {"event \"a*b\" { }", 1, "event `a*b`: the `*` of a pattern stands at its end"},
    {"event \"*:*\" { }", 1, "stands at its end"},
    {"event \"a:*\" { }\nevent \"a:*\" { }", 2, "stands twice"},
    {"event \"a\" { emit = a  to = self\n if = \"@state.x\" }", 2, "`@state.x` is not in this build"},
    /* values */
    {"workers = 0", 1, "at least 1, at most 120"},
    {"workers = many", 1, "write auto or a number"},
    {"workers = 99999999999999999999", 1, "write auto or a number"},
    {"watchdog = 2", 1, "write a duration with its unit"},
    {"watchdog = 2d", 1, "`watchdog = 2d` is out of range: at least 200ms, at most 1m"},
    {"max_backlog = 1T", 1, "write a size in bytes, or with K, M or G"},
    {"max_backlog = 1K", 1, "at least 4K, at most 1G"},
    {"shm {\n ring_size = 3M\n}", 2, "is no power of two: write 2M or 4M"},
    {"cpu_affinity = true", 1, "write yes or no"},
    {"log { level = warning }", 1, "write one of error warn info debug: did you mean `warn`?"},
    {"name = \"a/b\"", 1, "letters, digits, _ and - only"},
    {"name = a23456789012345678901234567890123", 1, "has 33 bytes"},
    {"user = \"a\nb\"", 1, "line break or control character at byte 2"},
    {"engine { path = socket.io }", 1, "a path begins with /"},
    {"engine { path = \"/a;b\" }", 1, "a path begins with /"},
    {"engine {\n transports = {polling, webtransport}\n}", 2, "`webtransport` is no transport: write polling or websocket"},
    {"engine { transports = {} }", 1, "is an empty list"},
    {"engine { upgrade_timeout = 2h }", 1, "at least 10ms, at most 1h"},
    {"engine { origins = app.example.com }", 1, "`origins`: `app.example.com` is no origin: write its scheme too"},
    {"engine { origins = \"ftp://a.example\" }", 1, "write its scheme too"},
    {"engine { origins = https://a.example/ }", 1, "write it without a path"},
    {"engine { origins = https://a.example:80:80 }", 1, "is no origin: write https://app.example.com, "},
    {"engine { origins = https://a.example:0 }", 1, "write a port from 1 to 65535"},
    {"engine { origins = https://a.example:65536 }", 1, "write a port from 1 to 65535"},
    {"engine { origins = https://a.example:080 }", 1, "write a port from 1 to 65535"},
    {"engine { origins = https://a.example: }", 1, "write a port from 1 to 65535"},
    {"engine { origins = https:// }", 1, "is no origin"},
    {"engine { origins = https://a..b }", 1, "is no origin"},
    {"engine { origins = https://.a }", 1, "is no origin"},
    {"engine { origins = https://a. }", 1, "is no origin"},
    {"engine { origins = https://me@a }", 1, "is no origin"},
    {"engine { origins = \"https://[::1\" }", 1, "is no origin"},
    {"engine { origins = \"https://*.[::1]\" }", 1, "is no origin"},
    {"engine { origins = \"https://*\" }", 1, "is no origin"},
    {"engine { origins = \"https://a.*.example\" }", 1, "is no origin"},
    {"engine { origins = \"https://*.*.example\" }", 1, "is no origin"},
    {"engine { origins = \"https://a b\" }", 1, "is no origin"},
    {"engine { origins = \"https://a?b\" }", 1, "is no origin"},
    {"engine { origins = {https://a, https://a} }", 1, "has `https://a` twice"},
    {"engine {\n origins = {https://a, \"*\"}\n credentials = yes\n}", 3, "beside `origins = \"*\"`"},
    {"engine {\n cookie {\n  name = \"a b\"\n }\n}", 3, "a cookie's name has letters"},
    {"engine { cookie { name = \"a=b\" } }", 1, "a cookie's name has letters"},
    {"engine { cookie { path = \"/;Domain=x\" } }", 1, "a path begins with /"},
    {"engine {\n cookie {\n  samesite = none\n }\n}", 3, "without `secure = yes`"},
    {"engine { cookie { samesite = Strict } }", 1, "write one of lax strict none: did you mean `strict`?"},
    {"engine { cookie \"io\" { } }", 1, "`cookie` has no title"},
    {"engine { cookie = io }", 1, "`cookie` is a block: write `cookie { }`"},
    {"cookie { }", 1, "`cookie` does not belong in the top level: it belongs in engine"},
    {"echo { }", 1, "`echo` needs a title: write `echo \"/path\" { }`"},
    {"echo \"ws\" { }", 1, "a path begins with /"},
    {"echo \"/a?b\" { }", 1, "a path begins with /"},
    {"echo \"/e\" { protocol = socket.io }", 1, "write one of websocket engine.io"},
    {"echo \"/e\" { max_message = 1G }", 1, "at least 64, at most 256M"},
    {"echo \"/e\" { }\necho \"/e\" { }", 2, "`echo \"/e\"` stands twice"},
    {"echo \"/socket.io/\" { }", 1, "is on the path of engine, `/socket.io/`"},
    {"echo \"/socket.io\" { }", 1, "is on the path of engine"},
    {"echo \"/socket.io/e\" { }", 1, "is on the path of engine"},
    {"engine { path = /a/b }\necho \"/a\" { protocol = engine.io }", 2, "is on the path of engine, `/a/b`"},
    {"engine { path = /a/b }\necho \"/a/b/\" { protocol = engine.io }", 2, "is on the path of engine, `/a/b`"},
    {"echo \"/e\" { protocol = engine.io }\necho \"/e/x\" { }", 2, "is on the path of echo `/e`"},
    {"echo \"/e/x\" { }\necho \"/e/\" { protocol = engine.io }", 2, "is on the path of echo `/e/x`"},
    {"trusted_proxies = 10.0.0.0/33", 1, "is no network"},
    {"trusted_proxies = example.org", 1, "is no network"},
    {"trusted_proxies = 10.0.0.1/8", 1, "has bits set behind its /8"},
    {"trusted_proxies = {::1, ::1}", 1, "has `::1` twice"},
    {"admin \":1\" { key = \"****\" }", 1, "`key` is masked"},
    {"admin \":1\" {\n key = abc\n key_file = k\n}", 3, "`key_file` beside `key`"},
    {"admin \":1\" { key_file = no-such-file }", 1, "No such file"},
    {"admin \":1\" { key_file = /dev/null }", 1, "not a regular file"},
    {"admin \":1\" { }", 1, "admin without a key would be open to all"},
    {"admin \":1\" {\n client \"a\" { }\n}", 2, "client `a` has no key"},
    {"admin \":1\" {\n key = abc\n client \"a\" { key = abc }\n}", 3, "has another client's key"},
    {"admin \":1\" { key = a\n client \"a\" { key = b  may = write } }", 2, "`write` is no right"},
    {"listen \"localhost:80\" { }", 1, "write 127.0.0.1"},
    {"listen \"3000\" { }", 1, "write ADDR:PORT"},
    {"listen \":65536\" { }", 1, "write ADDR:PORT"},
    {"listen \"::1:80\" { }", 1, "an IPv6 address stands in brackets"},
    {"listen \"unix:a.sock\" { }", 1, "write an absolute path"},
    {"listen \":80\" { }\nlisten \"*:80\" { }", 2, "is the same as that of line 1"},
    /* the catalogue */
    {"room \"a:b\" { }", 1, "room type `a:b`: letters, digits, _ - and . only"},
    {"room \"user\" { }", 1, "is built in and needs no block"},
    {"room \"all\" { }", 1, "is a word of `to`"},
    {"room \"a\" { join = {any, none} }", 1, "none beside others"},
    {"room \"a\" { join = member }", 1, "`member` is none of any authenticated own none role:NAME"},
    {"room \"a\" { join = own  single = yes }", 1, "a single room has none"},
    {"room \"a\" { single = maybe }", 1, "write yes or no"},
    {"event \"disconnect\" { }", 1, "is reserved by Socket.IO"},
    {"event \"a\" { emit = connect  to = self }", 1, "emit `connect` is reserved by Socket.IO"},
    {"event \"a\" { room = \"chat:{x}\" }", 1, "room type `chat` is not declared: add `room \"chat\" { }`"},
    {"room \"chat\" { }\nevent \"a\" { room = \"chta:{x}\" }", 2, "did you mean `chat`?"},
    {"event \"a\" { room = \"{x}:1\" }", 1, "begins with its type, written out"},
    {"room \"r\" { }\nevent \"a\" { room = \"r{x}\" }", 2, "begins with its type, written out"},
    {"room \"r\" { }\nevent \"a\" { room = \"r:{x\" }", 2, "`room`, byte 3: the placeholder is never closed"},
    {"room \"r\" { }\nevent \"a\" { room = \"r:{x?}\" }", 2, "`?` cannot stand in a room's name"},
    {"room \"r\" { }\nevent \"a\" { room = \"r:{x = 1}\" }", 2, "takes sources only"},
    {"room \"r\" { }\nevent \"a\" { room = r }", 2, "`r` rooms have an id: write \"r:{id}\""},
    {"room \"r\" { single = yes }\nevent \"a\" { room = \"r:{x}\" }", 2, "is a single room"},
    {"room \"r\" { }\nevent \"a\" { room = \"r:{@room.id}\" }", 2, "needs a rule with `room`"},
    {"event \"a\" { require = member }", 1, "needs `room`: member of what?"},
    {"event \"a\" { require = own }", 1, "`own` is none of member any authenticated role:NAME"},
    {"event \"a\" { emit = b }", 1, "`emit` without `room` needs `to`"},
    {"event \"a\" { emit = b\n to = room }", 2, "this rule has no `room`"},
    {"event \"a\" { emit = b\n to = slef }", 2, "`slef` is no target: did you mean `self`?"},
    {"event \"a\" { emit = b\n to = \"nope:{x}\" }", 2, "room type `nope` is not declared"},
    {"event \"a\" { emit = b\n to = \"rooms:usr\" }", 2, "room type `usr` is not declared: did you mean `user`?"},
    {"event \"a\" { to = self }", 1, "`to` without `emit`"},
    {"event \"a\" { also { if = x } }", 1, "`also` without `emit` does nothing"},
    {"event \"a\" { emit = b  to = self\n data = '1'\n args = '[]' }", 3, "`args` beside another of data, args and add"},
    {"event \"a\" { emit = b  to = self\n args = '{}' }", 2, "`args` is a JSON array"},
    {"event \"a\" { emit = b  to = self\n data = '{\"a\": }' }", 2, "`data`, byte 7: a JSON value is missing before `}`"},
    {"event \"a\" { emit = b  to = self\n data = '{\n\n\"a\" 1}' }", 4, "`data`, byte 8: `1}` where `:` is expected"},
    {"event \"a\" { emit = b  to = self\n data = '{\"a\": 1, \"a\": 2}' }", 2, "member `a` stands twice"},
    {"event \"a\" { emit = b  to = self\n data = '{\"{x}\": 1}' }", 2, "a member's name takes no placeholder"},
    {"event \"a\" { emit = b  to = self\n data = '[1, 02]' }", 2, "`data`, byte 5"},
    {"event \"a\" { emit = b  to = self\n data = '[1] x' }", 2, "behind the JSON value"},
    {"event \"a\" { emit = b  to = self\n data = '\"\\ud800\"' }", 2, "not a JSON escape"},
    {"event \"a\" { emit = b  to = self\n data = '\"\\udc00\"' }", 2, "not a JSON escape"},
    {"event \"a\" { emit = b  to = self\n data = '\"\\x\"' }", 2, "not a JSON escape"},
    {"event \"a\" { emit = b  to = self\n data = '\"a\n\"' }", 2, "inside a JSON string"},
    {"event \"a\" { emit = b  to = self\n data = '\"a' }", 2, "a JSON string is never closed"},
    {"event \"a\" { emit = b  to = self\n data = '{x?}' }", 2, "leaves out a member"},
    {"event \"a\" { emit = b  to = self\n data = '{\"a\": {x, \"b\": 1}' }", 2, "a placeholder that is not closed"},
    {"event \"a\" { emit = b  to = self\n data = '{\"a\": {x|y}}' }", 2, "`y}}` is no JSON value"},
    {"event \"a\" { emit = b  to = self\n data = '\"a {x\"' }", 2, "`data`, byte 4: the placeholder is never closed"},
    {"event \"a\" { emit = b  to = self\n data = '{@usr.id}' }", 2, "unknown source `@usr.id`: did you mean `@user.id`?"},
    {"event \"a\" { emit = b  to = self\n data = '{@user.claims}' }", 2, "`@user.claims` needs a path"},
    {"event \"a\" { emit = b  to = self\n data = '{a..b}' }", 2, "has an empty part between its dots"},
    {"event \"a\" { emit = b  to = self\n data = '{a.*b}' }", 2, "`*` stands alone between dots"},
    {"event \"a\" { emit = b  to = self\n add = \"x\" }", 2, "write \"key: SOURCE\""},
    {"event \"a\" { emit = b  to = self\n add = {\"x: a\", \"x: b\"} }", 2, "`add` sets `x` twice"},
    {"event \"a\" { emit = b  to = self\n add = \"x: 1\" }", 2, "a source is expected"},
    {"event \"a\" { if = \"a == 1\" }", 1, "`if`, byte 4: equality is one `=`"},
    {"event \"a\" { if = \"a and b\" }", 1, "no `and`: write a list"},
    {"event \"a\" { if = \"a = 1 && b\" }", 1, "no `&` and `|`"},
    {"event \"a\" { if = \"a + 1\" }", 1, "`+ 1` is not understood"},
    {"event \"a\" { if = \"a =\" }", 1, "a source or a JSON value is missing at the end"},
    {"event \"a\" { if = \"a = b or\" }", 1, "is missing at the end"},
    {"event \"a\" { if = \"1 = 1\" }", 1, "two constants are always the same"},
    {"event \"a\" { if = \"true\" }", 1, "a lone true is always the same"},
    {"event \"a\" { if = \"not or\" }", 1, "is a word of conditions"},
    {"event \"a\" { ack = maybe }", 1, "write yes, no, or a JSON template in quotes"},
    {"event \"a\" { ack = '{' }", 1, "`ack`, byte 2: the end where a member's name"},
    {"event \"a\" { dev = maybe }", 1, "write yes or no"},
    {"event \"a\" { dev = yes\n emit = b }", 2, "needs `to`"},
    {"on \"connect\" { }", 1, "on `connect` does nothing"},
    {"on \"connct\" { emit = a  to = self }", 1, "on `connct`: no such trigger"},
    {"on \"connect\" { emit = a }", 1, "`emit` without `room` needs `to`"},
    {"on \"connect\" { emit = a\n to = room }", 2, "this rule has no `room`"},
    {"on \"connect\" { emit = a  to = self\n data = '{x}' }", 2, "there is no payload"},
    {"on \"connect\" { emit = a  to = self\n data = '{@room}' }", 2, "there is no room here"},
    {"on \"connect\" { emit = a  to = self\n add = \"x: @id\" }", 2, "`add` does not belong in on: it belongs in event"},
    {"limit \"a\" { }", 1, "limit `a` without `rate`: add rate = 10/1s"},
    {"limit \"a b\" { rate = 1/1s }", 1, "limit `a b`: letters, digits, _ and - only"},
    {"limit \"a.b\" { rate = 1/1s }", 1, "limit `a.b`: letters, digits, _ and - only"},
    {"limit \"a\" {\n rate = 10\n}", 2, "`rate = 10`: write how many in how long: 10/1s, 60/1m, 100/15m"},
    {"limit \"a\" { rate = 10/s }", 1, "write how many in how long"},
    {"limit \"a\" { rate = 10/1 }", 1, "write how many in how long"},
    {"limit \"a\" { rate = /1s }", 1, "write how many in how long"},
    {"limit \"a\" { rate = 10/1y }", 1, "write how many in how long"},
    {"limit \"a\" { rate = 10/1s/1s }", 1, "write how many in how long"},
    {"limit \"a\" { rate = -1/1s }", 1, "write how many in how long"},
    {"limit \"a\" { rate = 99999999999999999999/1s }", 1, "write how many in how long"},
    {"limit \"a\" { rate = 0/1s }", 1, "is out of range: 1 to 10000000 in 10ms to 31d"},
    {"limit \"a\" { rate = 10000001/1s }", 1, "is out of range"},
    {"limit \"a\" { rate = 1/9ms }", 1, "is out of range"},
    {"limit \"a\" { rate = 1/0s }", 1, "is out of range"},
    {"limit \"a\" { rate = 1/32d }", 1, "is out of range"},
    {"limit \"a\" { rate = 1/9999999999999999d }", 1, "is out of range"},
    {"limit \"a\" { rate = {1/1s, 2/1s} }", 1, "`rate` takes one value"},
    {"limit \"a\" { rate = 1/1s\n by = uesr\n}", 2, "`by`: `uesr` is nothing to count by: write socket, user, ip, role or event"},
    {"limit \"a\" { rate = 1/1s  by = {user, user} }", 1, "has `user` twice"},
    {"limit \"a\" { rate = 1/1s  on = connects }", 1, "write one of events connect: did you mean `connect`?"},
    {"limit \"a\" { rate = 1/1s  action = kick }", 1, "write one of reply drop disconnect"},
    {"limit \"a\" { rate = 1/1s  events = \"a*b\" }", 1, "`events`: the one `*` of `a*b` stands at its end"},
    {"limit \"a\" { rate = 1/1s  events = \"a**\" }", 1, "stands at its end"},
    {"limit \"a\" { rate = 1/1s  events = disconnect }", 1, "events `disconnect` is reserved by Socket.IO"},
    {"limit \"a\" { rate = 1/1s  events = {x, y, x} }", 1, "`events` has `x` twice"},
    {"limit \"a\" { rate = 1/1s\n emit = connect\n}", 2, "emit `connect` is reserved by Socket.IO"},
    {"limit \"a\" { rate = 1/1s\n data = 1\n}", 2, "`data` without `emit`"},
    {"limit \"a\" { rate = 1/1s  action = drop\n emit = x\n}", 2, "`emit` beside `action = drop`, which tells nobody"},
    {"limit \"a\" { rate = 1/1s  on = connect\n emit = x\n}", 2, "it is answered with 429 and `text`"},
    {"limit \"a\" { rate = 1/1s  emit = x\n data = '{x}'\n}", 2, "`x` is not known here: write {@error.message}"},
    {"limit \"a\" { rate = 1/1s  emit = x\n data = '{@limit.a.remaining}'\n}", 2, "is not known here"},
    {"event \"a\" { ack = '{@error.retry_after}' }", 1, "`@error.retry_after`: nothing was refused here"},
    {"limit \"a\" { rate = 1/1s\n role \"x\" { }\n}", 2, "role `x` without `rate`: add rate = 100/1m"},
    {"limit \"a\" { rate = 1/1s\n role \"x\" { rate = 2/1s }\n role \"x\" { rate = 3/1s }\n}", 3, "`role \"x\"` stands twice"},
    {"limit \"a\" { rate = 1/1s }\nlimit \"a\" { rate = 1/1s }", 2, "`limit \"a\"` stands twice"},
    {"limit \"a\" { rate = 1/1s  on = connect\n by = user\n}", 2, "only the address of a client that connects is known: write by = ip"},
    {"limit \"a\" { rate = 1/1s  on = connect\n by = {ip, role}\n}", 2, "write by = ip"},
    {"limit \"a\" { rate = 1/1s  on = connect\n events = x\n}", 2, "`events` beside `on = connect`"},
    {"limit \"a\" { rate = 1/1s  on = connect\n role \"x\" { rate = 2/1s }\n}", 2, "a client that connects has no role yet"},
    {"limit \"a\" { rate = 1/1s  on = connect\n action = disconnect\n}", 2, "there is no socket yet: write reply, or drop"},
    {"namespace \"/n\" {\n limit \"a\" { rate = 1/1s\n on = connect\n }\n}", 3, "move the limit to the top level"},
    {"limit \"many\" { rate = 1/1s }\nevent \"a\" { limit = mayn }", 2, "limit `mayn` is not declared: did you mean `many`?"},
    {"event \"a\" {\n limit = moves\n}", 2, "limit `moves` is not declared: add `limit \"moves\" { rate = 10/1s }`"},
    {"limit \"m\" { rate = 1/1s }\nevent \"a\" { limit = {m, m} }", 2, "`limit` has `m` twice"},
    {"limit \"m\" { rate = 1/1s }\nnamespace \"/n\" {\n event \"a\" { limit = m }\n}", 3, "limit `m` is not declared"},
    {"limit \"m\" { rate = 1/1s  on = connect }\nevent \"a\" { limit = m }", 2, "limit `m` counts connections, not events"},
    {"limit \"m\" { rate = 1/1s }\non \"connect\" { emit = a  to = self\n limit = m }", 3, "`limit` is not in this build"},
    {"event \"a\" { ack = '{@limit.m.remaining}' }", 1, "limit `m` is not declared"},
    {"limit \"m\" { rate = 1/1s }\nevent \"a\" { ack = '{@limit.m}' }", 2, "of a limit only @limit.NAME.remaining is known"},
    {"limit \"m\" { rate = 1/1s }\nevent \"a\" { ack = '{@limit}' }", 2, "`@limit` needs a path"},
    {"limit \"m\" { rate = 1/1s  on = connect }\nevent \"a\" { ack = '{@limit.m.remaining}' }", 2, "this limit counts connections"},
    {"texts { rate_limitd = x }", 1, "did you mean `rate_limited`?"},
    {"namespace { }", 1, "`namespace` needs a title: write `namespace \"/NAME\" { }`"},
    {"namespace \"x\" { }", 1, "namespace `x`: a name begins with /"},
    {"namespace \"/\" { }", 1, "the blocks of / stand at the top level"},
    {"namespace \"/a,b\" { }", 1, "a name has no comma"},
    {"namespace \"/a?b\" { }", 1, "a name has no comma, question mark"},
    {"namespace \"/a b\" { }", 1, "space or control character"},
    {"namespace \"/a\nb\" { }", 1, "space or control character"},
    {"namespace \"/*-*\" { }", 1, "a pattern has one `*`"},
    {"namespace \"/123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\" { }", 1,
	"at most 128 bytes"},
    {"namespace \"/a\" { }\nnamespace \"/a\" { }", 2, "`namespace \"/a\"` stands twice, first in line 1"},
    {"namespace \"/a\" {\n texts { }\n}", 2, "`texts` does not belong in namespace: it belongs in the top level"},
    {"namespace \"/a\" {\n namespace \"/b\" { }\n}", 2, "`namespace` does not belong in namespace"},
    {"namespace \"/a\" {\n also { }\n}", 2, "`also` does not belong in namespace: it belongs in event"},
    {"namespace \"/a\" {\n join = any\n}", 2, "`join` does not belong in namespace: it belongs in event"},
    {"namespace \"/a\" {\n zzz = 1\n}", 2, "it knows event, limit, on, room, role, envelope, errors, builtins"},
    {"namespace \"/a\" {\n evnt \"x\" { }\n}", 2, "did you mean `event`?"},
    {"namespace \"/a\" {\n event \"x\" { }\n event \"x\" { }\n}", 3, "`event \"x\"` stands twice, first in line 2"},
    {"namespace \"/a\" {\n event \"x\" { }\n", 1, "`namespace` is never closed"},
    {"namespace \"/a\" {\n room \"user\" { }\n}", 2, "is built in and needs no block"},
    {"room \"r\" { }\nnamespace \"/a\" {\n event \"x\" { room = \"r:{a}\" }\n}", 3, "room type `r` is not declared"},
    {"room \"r\" { }\nnamespace \"/a\" {\n event \"x\" { emit = e  to = \"rooms:r\" }\n}", 3, "room type `r` is not declared"},
    {"room \"r\" { single = yes }\nnamespace \"/a\" {\n event \"x\" { emit = e  to = r }\n}", 3, "`r` is no target"},
    {"namespace \"/a\" { room \"r\" { } }\nevent \"x\" { room = \"r:{a}\" }", 2, "room type `r` is not declared"},
    {"namespace \"/a\" { room \"r\" { }\n on \"connect\" { emit = e } }", 2, "`emit` without `room` needs `to`"},
    /* envelopes, errors, builtins */
    {"envelope \"e\" { }", 1, "envelope `e` without `data`"},
    {"envelope \"e\" { data = '{x}' }", 1, "`x`: an envelope knows @payload, @event"},
    {"envelope \"e\" { data = '{@room}' }", 1, "an envelope knows @payload"},
    {"envelope \"e\" { data = '{@error.code}' }", 1, "nothing was refused here"},
    {"envelope \"typed\" { data = '1' }\nevent \"a\" { emit = b  to = self  envelope = tped }", 2, "envelope `tped` is not declared: did you mean `typed`?"},
    {"event \"a\" { emit = b  to = self  envelope = x }", 1, "envelope `x` is not declared: add envelope"},
    {"envelope \"e\" { data = '1' }\nevent \"a\" { emit = b  to = self  envelope = e\n args = '[]' }", 3, "`args` beside `envelope`"},
    {"envelope \"e\" { data = '1' }\nevent \"a\" { envelope = e }", 2, "`envelope` without `emit`"},
    {"envelope \"e\" { data = '1' }\nnamespace \"/n\" {\n event \"a\" { emit = b  to = self  envelope = e }\n}", 3, "envelope `e` is not declared"},
    {"errors { emit = connect_error }", 1, "emit `connect_error` is reserved"},
    {"errors {\n data = '{@error.mesage}'\n}", 2, "unknown source `@error.mesage`: did you mean `@error.message`?"},
    {"errors {\n ack = '{@event}'\n}", 2, "`@event` is not known here: write {@error.message}"},
    {"errors {\n ack = '{x}'\n}", 2, "`x` is not known here"},
    {"errors {\n ack = '{'\n}", 2, "`ack`, byte 2"},
    {"event \"a\" { emit = b  to = self  data = '{@error.code}' }", 1, "nothing was refused here"},
    {"builtins { sub = x }", 1, "unknown key `sub` in builtins"},
    {"builtins { ping = disconnect }", 1, "ping `disconnect` is reserved"},
    {"builtins {\n rooms = x\n ping = x\n}", 3, "`rooms` and `ping` have the same name `x`"},
    {"builtins {\n rooms = ping\n}", 1, "`rooms` and `ping` have the same name `ping`"},
    {"builtins { }\nbuiltins { }", 2, "`builtins` stands twice"},
    /* rooms and roles */
    {"event \"a\" { join = room }", 1, "`join = room`: this rule has no `room`"},
    {"event \"a\" { leave = room }", 1, "`leave = room`: this rule has no `room`"},
    {"event \"a\" { join = \"nope:{x}\" }", 1, "room type `nope` is not declared"},
    {"room \"r\" { }\nevent \"a\" { join = \"r:*\" }", 2, "`join = r:*`: write the room's name; only `leave`"},
    {"room \"rom\" { }\nevent \"a\" { leave = \"rm:*\" }", 2, "room type `rm` is not declared: did you mean `rom`?"},
    {"room \"rom\" { }\nevent \"a\" {\n each = rm  emit = x  to = self\n}", 3, "`each`: room type `rm` is not declared: did you mean `rom`?"},
    {"event \"a\" { evict = \"{x}\" }", 1, "`evict` without `room` needs `to`"},
    {"event \"a\" { close = yes }", 1, "`close` without `room` needs `to`"},
    {"event \"a\" { to = all  close = maybe }", 1, "`close = maybe`: write yes or no"},
    {"event \"a\" { disconnect = yes }", 1, "write namespace or transport"},
    {"event \"a\" { evict = \"{x\"  to = all }", 1, "`evict`, byte 1: the placeholder is never closed"},
    {"event \"a\" { join = \"user:x\"  data = '1' }", 1, "`data` without `emit`"},
    {"event \"a\" { disconnect = namespace\n also { if = x } }", 2, "`also` without `emit` does nothing"},
    {"on \"connecting\" { check { if = @user.id  error = e }\n join = \"user:x\" }", 2, "`join` in on `connecting`"},
    {"role \"x\" { rooms = \"nope:1\" }", 1, "room type `nope` is not declared"},
    {"role \"x\" { rooms = \"user:{@now}\" }", 1, "only @user.id, @user.name"},
    {"role \"x\" { features = {a, b, a} }", 1, "`features` has `a` twice"},
    {"role { }", 1, "`role` needs a title"},
    /* fields */
    {"event \"a\" {\n fields = \"x\"\n}", 2, "`fields`, byte 1: write \"name: TYPE\""},
    {"event \"a\" {\n fields = \": int\"\n}", 2, "write \"name: TYPE\""},
    {"event \"a\" {\n fields = \"?: int\"\n}", 2, "write \"name: TYPE\""},
    {"event \"a\" {\n fields = \"x:\"\n}", 2, "`fields`, byte 3: the end where a type is expected"},
    {"event \"a\" {\n fields = \"x: strng\"\n}", 2, "`fields`, byte 4: `strng` is no type: did you mean `string`?"},
    {"event \"a\" {\n fields = \"x: zzzzzz\"\n}", 2, "`zzzzzz` is no type: write any, string"},
    {"event \"a\" {\n fields = \"x: list\"\n}", 2, "the end where a type is expected"},
    {"event \"a\" {\n fields = \"x: list lst id\"\n}", 2, "did you mean `list`?"},
    {"event \"a\" {\n fields = \"x: list list list list list id\"\n}", 2, "more than 4 lists in one another"},
    {"event \"a\" {\n fields = \"x: string 10..1\"\n}", 2, "`fields`, byte 11: the range `10..1` ends before it begins"},
    {"event \"a\" {\n fields = \"x: string 10\"\n}", 2, "where a range is expected: `1..10`"},
    {"event \"a\" {\n fields = \"x: string 1..10x\"\n}", 2, "where a range is expected"},
    {"event \"a\" {\n fields = \"x: string -1..10\"\n}", 2, "a range of characters cannot be negative"},
    {"event \"a\" {\n fields = \"x: list id -1..10\"\n}", 2, "a range of elements cannot be negative"},
    {"event \"a\" {\n fields = \"x: int 0..9223372036854775808\"\n}", 2, "where a range is expected"},
    {"event \"a\" {\n fields = \"x: binary 0..1G\"\n}", 2, "where a range is expected"},
    {"event \"a\" {\n fields = \"x: string 0..1K\"\n}", 2, "where a range is expected"},
    {"event \"a\" {\n fields = \"x: uuid 1..2\"\n}", 2, "`fields`, byte 9: `1..2` behind a type that takes no range"},
    {"event \"a\" {\n fields = \"x: string 1..2 3..4\"\n}", 2, "`3..4` behind the type's range"},
    {"event \"a\" {\n fields = \"x: list id 1..2 3..4\"\n}", 2, "`3..4` behind the type's range"},
    {"event \"a\" {\n fields = \"x: a||b\"\n}", 2, "`a||b` has an empty word between its bars"},
    {"event \"a\" {\n fields = \"x: a|b|\"\n}", 2, "has an empty word"},
    {"event \"a\" {\n fields = \"x: a|b|a\"\n}", 2, "`fields`, byte 8: `a` stands twice"},
    {"event \"a\" {\n fields = {\"x: id\", \"x?: int\"}\n}", 2, "`x` stands twice"},
    {"event \"a\" {\n fields = {\"x.y: id\", \"x.y: int\"}\n}", 2, "`x.y` stands twice"},
    {"event \"a\" {\n fields = {\"x: id\", \"x.y: int\"}\n}", 2, "`x` is no object, so it has no members: make it `x: object`"},
    {"event \"a\" {\n fields = {\"x.y: int\", \"x: list id\"}\n}", 2, "members of `x` are declared, so its type is object"},
    {"event \"a\" {\n fields = {\"x: object = {}\", \"x.y: int\"}\n}", 2, "give the defaults to its members"},
    {"event \"a\" {\n fields = \"x..y: int\"\n}", 2, "an empty part before or behind a dot"},
    {"event \"a\" {\n fields = \".y: int\"\n}", 2, "an empty part"},
    {"event \"a\" {\n fields = \"x.: int\"\n}", 2, "an empty part"},
    {"event \"a\" {\n fields = \"x.*.y: int\"\n}", 2, "a name has no `*`"},
    {"event \"a\" {\n fields = \"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a: int\"\n}", 2, "a name of more than 16 parts"},
    {"event \"a\" {\n fields = \"x: string = text\"\n}", 2, "`fields`, byte 13: `text`: a default is an @source or JSON, in which a text has quotes"},
    {"event \"a\" {\n fields = \"x: string = \"\n}", 2, "a JSON value is missing at the end"},
    {"event \"a\" {\n fields = 'x: string 1..3 = \"abcd\"'\n}", 2, "the default \"abcd\" is not of the field's type"},
    {"event \"a\" {\n fields = 'x: string = 5'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: int 0..5 = 6'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: int = 1.5'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: number = 1e999'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: bool = null'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: a|b = \"c\"'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: 0|1 = \"0\"'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: list id 1..2 = []'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: list id = [\"a\", 5]'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: date = \"today\"'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: object = []'\n}", 2, "is not of the field's type"},
    {"event \"a\" {\n fields = 'x: int = 1 2'\n}", 2, "`2` behind the field"},
    {"event \"a\" {\n fields = 'x: int = @nwo'\n}", 2, "unknown source `@nwo`: did you mean `@now`?"},
    {"event \"a\" {\n fields = 'x: any = @payload'\n}", 2, "what the sender sent cannot be a default"},
    {"event \"a\" {\n fields = 'x: binary = \"\"'\n}", 2, "an attachment has no default"},
    {"event \"a\" {\n fields = 'x: id'\n params = 'y: id'\n}", 3, "`params` beside `fields`: keep one"},
    {"event \"a\" {\n params = 'x.y: id'\n}", 2, "an argument by position has no members: declare `x: object`"},
    {"event \"a\" {\n fields = 'x.y: id'\n shape = both\n}", 2, "an argument by position has no members"},
    {"event \"a\" {\n params = {'x: any', 'y: id'}\n shape = both\n}", 2, "`x` may be an object itself, so the two forms look the same"},
    {"event \"a\" {\n fields = 'x: id'\n shape = object\n}", 3, "write one of one both"},
    {"event \"a\" {\n fields = 'x: id'\n unknown = ignore\n}", 3, "write one of drop reject pass"},
    {"event \"a\" {\n unknown = reject\n}", 2, "`unknown` without `fields` or `params` says nothing"},
    {"event \"a\" {\n shape = both\n}", 2, "`shape` without `fields` or `params`"},
    {"event \"a\" {\n deny = quiet\n}", 2, "write one of error silent"},
    {"on \"connect\" { emit = a  to = self\n fields = 'x: id'\n}", 2, "`fields` does not belong in on: it belongs in event"},
    {"room \"r\" { }\nevent \"a\" { fields = \"gameId: id\"\n room = \"r:{gameID}\" }", 3, "`gameID` is not among `fields`: did you mean `gameId`?"},
    {"event \"a\" { fields = \"x: id\"  emit = b  to = self\n data = '{y}' }", 2, "`y` is not among `fields`"},
    {"event \"a\" { params = \"abc: id\"  emit = b  to = self\n data = '\"{abd}\"' }", 2, "`abd` is not among `params`: did you mean `abc`?"},
    {"event \"a\" { fields = \"x: id\"  emit = b  to = self\n add = \"z: y\" }", 2, "`y` is not among `fields`"},
    {"event \"a\" { fields = \"x: id\"\n if = \"y = 1\" }", 2, "`y` is not among `fields`"},
    {"event \"a\" { fields = \"x: id\"\n if = \"x.y = 1\" }", 2, "`x.y`: `x` is no object, so it has no members"},
    {"event \"a\" { fields = {\"x.city: id\"}\n if = \"x.cty = 1\" }", 2, "`cty` is no declared member of `x`: did you mean `city`?"},
    {"event \"a\" { check { error = e } }", 1, "`check` without `if` refuses nothing"},
    {"event \"a\" {\n check { if = a }\n}", 2, "`check` without `error`: add the text"},
    {"event \"a\" {\n check { if = \"a =\"  error = e }\n}", 2, "is missing at the end"},
    {"event \"a\" {\n check { if = \"@room.id\"  error = e }\n}", 2, "needs a rule with `room`"},
    {"event \"a\" {\n check { if = a  error = \"\" }\n}", 2, "`error` is empty"},
    {"event \"a\" {\n check { if = a  error = \"a\nb\" }\n}", 2, "line break or control character"},
    {"event \"a\" {\n check { if = a  error = e  code = \"a b\" }\n}", 2, "letters, digits, _ and - only"},
    {"event \"a\" {\n check \"c\" { if = a  error = e }\n}", 2, "`check` has no title"},
    {"event \"a\" {\n check { if = a  error = e  deny = silent }\n}", 2, "`deny` does not belong in check: it belongs in event"},
    {"event \"a\" {\n check { iff = a  if = b  error = e }\n}", 2, "did you mean `if`?"},
    {"event \"a\" { also {\n emit = b  to = self\n check { if = a  error = e } } }", 3, "`check` does not belong in also: it belongs in event"},
    {"on \"connect\" { emit = a  to = self\n check { if = @user.id  error = e } }", 2, "the client is admitted already"},
    {"on \"connecting\" { }", 1, "on `connecting` does nothing: add check"},
    {"on \"connecting\" {\n if = @user.id }", 1, "on `connecting` does nothing"},
    {"on \"connecting\" { check { if = @user.id  error = e }\n emit = x  to = self }", 2, "`emit` in on `connecting`: there is no socket yet"},
    {"on \"connecting\" { check { if = @user.id  error = e }\n volatile = yes }", 2, "`volatile` in on `connecting`"},
    {"on \"connecting\" { check { if = @user.id  error = e }\n also { emit = x  to = self } }", 2, "`also` in on `connecting`"},
    {"on \"connecting\" {\n check { if = @socket.rooms  error = e } }", 2, "`@socket.rooms`: there is no socket yet"},
    {"on \"connecting\" {\n check { if = \"@socket.duration > 1\"  error = e } }", 2, "there is no socket yet"},
    {"on \"connecting\" {\n if = x\n check { if = @user.id  error = e } }", 2, "there is no payload"},
    {"on \"connecting\" {\n check { if = @event  error = e } }", 2, "there is no payload"},
    {"on \"connecting\" {\n check { if = @room.id  error = e } }", 2, "there is no room here"},
    {"event \"a\" { ack_args = '{\"a\": 1}' }", 1, "`ack_args` is a JSON array of all arguments, or '{@args}': for one argument write `ack`"},
    {"event \"a\" { ack_args = '{a}' }", 1, "`ack_args` is a JSON array"},
    {"event \"a\" { ack_args = no }", 1, "`ack_args`, byte 1: `no` is no JSON value"},
    {"event \"a\" { ack = no\n ack_args = '[]' }", 2, "`ack_args` beside `ack`: keep one"},
    {"on \"connect\" { emit = a  to = self\n ack_args = '[]' }", 2, "`ack_args` does not belong in on: it belongs in event"},
    {"event \"a\" { emit = b  to = self\n volatile = true }", 2, "`volatile = true`: write yes or no"},
    {"event \"a\" { volatile = yes }", 1, "`volatile` without `emit`"},
    {"texts {\n invlid = \"x\"\n}", 2, "did you mean `invalid`?"},
    {"texts {\n invalid = \"\"\n}", 2, "`invalid` is empty"},
};

/* These are about listen or auth, so nothing is added. */
static const struct slip wholes[] = {
    {"workers = 1\nauth { anonymous = yes }", 1, "no `listen`"},
    {"listen \":0\" { }", 1, "nobody could connect: add auth"},
    {"listen \":0\" { }\nauth {\n anonymous = no\n}", 3, "nobody could connect: `anonymous = no`"},
    {"listen \":0\" { }\nauth { jwt \"a\" { } }", 2, "jwt `a` has no secret"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = \"\" } }", 2, "`secret` is empty"},
    {"listen \":0\" { }\nauth { jwt \"a\" {\n secret = 0123456789012345678901234567890\n} }", 3, "31 bytes is too short for HS256: at least 32"},
    {"listen \":0\" { }\nauth { jwt \"a\" { algorithm = HS384  secret = 01234567890123456789012345678901234567890123456 } }", 2,
	"47 bytes is too short for HS384: at least 48"},
    {"listen \":0\" { }\nauth { jwt \"a\" { algorithm = HS512  secret = 01234567890123456789012345678901 } }", 2,
	"at least 64"},
    {"listen \":0\" { }\nauth { jwt \"a\" { algorithm = RS256  secret = 01234567890123456789012345678901 } }", 2,
	"write one of HS256 HS384 HS512"},
    {"listen \":0\" { }\nauth { anonymous = yes\n sources = header }", 3, "`header` is no place for a token"},
    {"listen \":0\" { }\nauth { anonymous = yes\n rooms = \"user:{id}\" }", 3, "only @user.id, @user.name"},
    {"listen \":0\" { }\nauth { anonymous = yes\n rooms = \"user:{@now}\" }", 3, "only @user.id, @user.name"},
    {"listen \":0\" { }\nauth { anonymous = yes\n rooms = \"news:all\" }", 3, "room type `news` is not declared"},
    {"listen \":0\" { }\nauth { anonymous = yes\n claims { user = a..b } }", 3, "has an empty part between its dots"},
    {"listen \":0\" { }\nauth { anonymous = yes\n in_band { } }", 3, "`in_band` is not in this build"},
    {"listen \":0\" { }\nauth { anonymous = yes\n jwt \"a\" { leeway = 2m  secret = 01234567890123456789012345678901 } }", 3,
	"at most 1m"},
};

/* clang-format on */

/* True when exactly this mistake is told. */
static bool one_slip(const struct slip *s, const char *rest)
{
	char text[2048];
	char at[600];
	const char *path;
	struct conf_errors errors;
	struct conf *c;
	bool good;
	int rc;

	snprintf(text, sizeof text, "%s%s", s->text, rest);
	path = fixture_write("test.conf", text, strlen(text));
	rc = conf_load(path, false, &c, &errors);
	snprintf(at, sizeof at, "%s:%d: ", path, s->line);
	good = rc == -EINVAL && c == NULL && errors.n == 1 && strncmp(errors.line[0], at, strlen(at)) == 0 &&
	    strstr(errors.line[0] + strlen(at), s->say) != NULL;
	if (!good) {
		print_message("%s\nexpected only %s...%s...\n", text, at, s->say);
		for (unsigned i = 0; i < errors.n; i++)
			print_message("got      %s\n", errors.line[i]);
	}
	conf_free(c);
	conf_errors_free(&errors);
	return good;
}

static void each_slip_alone(void **state)
{
	unsigned wrong = 0;

	(void)state;
	unsetenv("FORKCAST_TEST_UNSET");
	for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++)
		wrong += !one_slip(&slips[i], CONF_REST);
	for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++)
		wrong += !one_slip(&wholes[i], "");
	assert_int_equal(wrong, 0);
}

/* One run tells all of them, by line. */
static void all_in_one_run(void **state)
{
	static const char text[] = "workers = 0\n"
				   "listen \":0\" { backlog = 0 }\n"
				   "event \"a\" { emit = x  data = '[' }\n"
				   "hook \"h\" { }\n"
				   "room \"r\" { join = nobody }\n"
				   "auth { anonymous = perhaps }\n";
	static const char *const expected[] = {":1: `workers", ":2: `backlog", ":3: `emit` without",
	    ":3: `data`, byte 2", ":4: `hook`", ":5: `join`", ":6: `anonymous"};
	const char *path = fixture_write("all.conf", text, strlen(text));
	struct conf_errors errors;
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load(path, false, &c, &errors), -EINVAL);
	for (unsigned i = 0; i < errors.n; i++)
		print_message("%s\n", errors.line[i]);
	assert_int_equal(errors.n, sizeof expected / sizeof expected[0]);
	for (unsigned i = 0; i < errors.n; i++)
		assert_non_null(strstr(errors.line[i], expected[i]));
	conf_errors_free(&errors);
}

static void a_missing_file_is_no_mistake_of_the_conf(void **state)
{
	struct conf_errors errors;
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load(fixture_path("none.conf"), false, &c, &errors), -ENOENT);
	assert_int_equal(errors.n, 0);
	assert_int_equal(conf_load("/tmp", false, &c, &errors), -EISDIR);
}

/* A file of another language says so a hundred times, not a thousand. */
static void thousands_are_counted(void **state)
{
	char *text = malloc(20000);
	const char *path;
	struct conf_errors errors;
	struct conf *c;

	(void)state;
	text[0] = '\0';
	for (int i = 0; i < 1000; i++)
		snprintf(text + strlen(text), 20, "xyz%d = 1\n", i);
	path = fixture_write("many.conf", text, strlen(text));
	free(text);
	assert_int_equal(conf_load(path, false, &c, &errors), -EINVAL);
	assert_int_equal(errors.n, 101);
	assert_non_null(strstr(errors.line[100], "and 902 more"));
	conf_errors_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_slip_alone),
	    cmocka_unit_test(all_in_one_run),
	    cmocka_unit_test(a_missing_file_is_no_mistake_of_the_conf),
	    cmocka_unit_test(thousands_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, conf_fixture_end);
}
