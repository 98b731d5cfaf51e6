/*
 * conf_mistakes_whole.h - the rest of that table: confs in which something is missing, and slips that are long.
 */
#ifndef FORKCAST_TESTS_CONF_MISTAKES_WHOLE_H
#define FORKCAST_TESTS_CONF_MISTAKES_WHOLE_H

#include "tests/unit/conf_mistakes.h"

/* clang-format off */

/* These are about listen or auth, so nothing is added. */
static const struct slip wholes[] = {
    {"workers = 1\nauth { anonymous = yes }", 1, "no `listen`"},
    {"listen \":0\" { }\nauth { anonymous = yes", 2, "`auth` is never closed: its `}` is missing"},
    {"listen \":0\" { }\nauth { jwt \"a\" { algorithm = EdDSA\n public_key_file = none.pem\n} }", 3, "none.pem"},
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
	"`secret` is not for RS256"},
    {"listen \":0\" { }\nauth { jwt \"a\" { algorithm = PS256 } }", 2, "write one of HS256 HS384 HS512 RS256"},
    {"listen \":0\" { }\nauth { jwt \"a\" { algorithm = EdDSA } }", 2, "jwt `a` has no key: EdDSA is checked with public_key_file"},
    {"listen \":0\" { }\nauth { jwt \"a\" {\n public_key_file = x.pem\n secret = 01234567890123456789012345678901 } }", 3,
	"`public_key_file` is not for HS256"},
    {"listen \":0\" { }\nauth { jwt \"a\" { algorithm = ES256\n secret_file = x.pem } }", 3, "cannot read"},
    {"listen \":0\" { }\nauth { anonymous = yes\n sources = header }", 3, "`header` is no place for a token"},
    {"listen \":0\" { }\nauth { anonymous = yes\n rooms = \"user:{id}\" }", 3, "only @user.id, @user.name"},
    {"listen \":0\" { }\nauth { anonymous = yes\n rooms = \"user:{@now}\" }", 3, "only @user.id, @user.name"},
    {"listen \":0\" { }\nauth { anonymous = yes\n rooms = \"news:all\" }", 3, "room type `news` is not declared"},
    {"listen \":0\" { }\nauth { anonymous = yes\n claims { user = a..b } }", 3, "has an empty part between its dots"},
    {"listen \":0\" { }\nauth { anonymous = yes\n in_band { } }", 3, "`in_band` without a jwt block"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 }\n in_band { factors = both } }", 3,
	"`factors = both` without a wallet block: add wallet { message"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 }\n in_band { event = disconnect } }", 3,
	"is reserved by Socket.IO"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 }\n in_band { deadline = 1h } }", 3,
	"at most 10m"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 }\n in_band { } }\nevent \"authenticate\" { }", 4,
	"event `authenticate` is what auth { in_band { } } takes"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 }\n in_band { } }\non \"authenticated\" { }", 4,
	"on `authenticated` does nothing"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 }\n in_band { } }\n"
     "on \"authenticated\" { emit = a  to = self  data = '{@error.code}' }", 4, "nothing was refused here"},
    {"listen \":0\" { }\nauth { anonymous = yes\n jwt \"a\" { leeway = 2m  secret = 01234567890123456789012345678901 } }", 3,
	"at most 1m"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w\n message = \"x\" }", 5, "`message` has no {ms}: a signature without a time would hold forever"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w\n message = \"{ms}{ms}\" }", 5, "`message`, byte 5: {ms} stands twice"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w\n message = \"a {host} {ms}\" }", 5, "`message`, byte 3: {ms} alone may stand in braces"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w\n message = \"{{{{ms}\" }", 5, "`message` has no {ms}"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w\n message = \"{ms} {\" }", 5, "`message`, byte 6: {ms} alone"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w\n message = \"\" }", 5, "`message` is empty"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w }", 3, "wallet has no message: add message"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n message = \"{ms}\" }", 3, "wallet does nothing: add path = /api/auth/wallet"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = w  message = \"{ms}\" }", 4, "a path begins with /"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /socket.io/w  message = \"{ms}\" }", 4, "`path = /socket.io/w` is on the path of engine: take another"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /socket.io  message = \"{ms}\" }", 4, "is on the path of engine"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nengine { path = / }\nwallet {\n path = /w  message = \"{ms}\" }", 5, "is on the path of engine"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\necho /e { }\nwallet {\n path = /e/w  message = \"{ms}\" }", 5, "is on the path of echo `/e`"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w  message = \"{ms}\"\n sign = b }", 5, "`sign = b`: auth has no jwt of that title"},
    {"listen \":0\" { }\nauth { jwt \"main\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w  message = \"{ms}\"\n sign = mian }", 5, "did you mean `main`?"},
    {"listen \":0\" { }\nauth { anonymous = yes }\nwallet {\n path = /w  message = \"{ms}\" }", 3, "wallet has no key to sign tokens with"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w  message = \"{ms}\"\n max_age = 2d }", 5, "at most 1d"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w  message = \"{ms}\"\n token_ttl = 5 }", 5, "write a duration with its unit"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nwallet {\n path = /w  message = \"{ms}\"\n max_ag = 2m }", 5, "did you mean `max_age`?"},
    {"listen \":0\" { }\nauth { jwt \"a\" { secret = 01234567890123456789012345678901 } }\nnamespace \"/a\" {\n wallet { } }", 4, "`wallet` does not belong in namespace"},
};

/* Slips that are long: BEFORE, N times REPEAT, with its number for a #, AFTER. */
static const struct long_slip {
	const char *before, *repeat, *after;
	unsigned n;
	int line;
	const char *say;
} longs[] = {
    {"event \"", "x", "\" { }", 251, 1, "event: a name of 251 bytes: at most 250"},
    {"limit \"", "x", "\" { rate = 1/1s }", 65, 1, "limit: a name of 65 bytes: at most 64"},
    {"hook \"", "x", "\" { url = \"http://127.0.0.1:1/\"  secret = \"0123456789abcdef0123456789abcdef\" }", 65, 1, "hook: a name of 65 bytes: at most 64"},
    {"every \"", "x", "\" { interval = 1s  emit = a  to = all }", 129, 1, "every: a name of 129 bytes: at most 128"},
    {"room \"", "x", "\" { }", 65, 1, "room type of 65 bytes: at most 64"},
    {"event \"a\" {\n fields = \"", "x", ": id\"\n}", 129, 2, "a name of 129 bytes: at most 128"},
    {"event \"a\" { if = \"a", " or a", "\" }", 32, 1, "more than 32 parts: make it several conditions"},
    {"trusted_proxies = {::1", ", ::1", "}", 256, 1, "`trusted_proxies` has more than 256 values"},
    {"room \"r\" { }\nevent \"a\" { room = \"r:{x}", "x", "\" }", 1100, 2, "a room's name of 1105 bytes: names have at most 250"},
    {"name = \"", "x", "\"", 65537, 1, "value of 65537 bytes: at most 65536"},
    {"name = ", "x", "", 65537, 1, "value of 65537 bytes: at most 65536"},
    {"event \"a\" { emit = b  to = self\n data = '", "[", "1'\n}", 40, 2, "nested deeper than 32: write it flatter"},
    {"event \"a\" { emit = b  to = self\n data = '[1", ", {@socket.query.q#}", "]'\n}", 33, 2, "more than 32 names of the handshake are used: leave some out"},
    {"listen :0 { }\nauth { anonymous = yes }\nevent \"a\" { emit = a  to = all", " also { emit = a  to = all }", " }", 9997, 3,
	"more than 10000 blocks: use fewer"},
};

/* clang-format on */

#endif
