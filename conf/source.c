#include "conf/source.h"

#include <string.h>

#include "conf/compile.h"

#define SEGMENTS_MAX 16
#define ABOUT_CLIENT ((unsigned)(SCOPE_TOKEN | SCOPE_CONNECTING | SCOPE_RULE | SCOPE_EDGE))

enum path { PATH_NONE, PATH_MAY, PATH_MUST };

/* A row is read as a row. */
/* clang-format off */
static const struct {
	const char *name;
	enum source_kind kind;
	enum path path;
	unsigned scope;
} known[] = {
	{"@payload", SOURCE_PAYLOAD, PATH_NONE, SCOPE_PAYLOAD | SCOPE_ENVELOPE},
	{"@args", SOURCE_ARGS, PATH_NONE, SCOPE_PAYLOAD},
	{"@event", SOURCE_EVENT, PATH_NONE, SCOPE_PAYLOAD | SCOPE_ENVELOPE | SCOPE_EVENT},
	{"@namespace", SOURCE_NAMESPACE, PATH_NONE, SCOPE_SERVER},
	{"@id", SOURCE_ID, PATH_NONE, SCOPE_SERVER},
	{"@now", SOURCE_NOW, PATH_NONE, SCOPE_SERVER},
	{"@now.ms", SOURCE_NOW_MS, PATH_NONE, SCOPE_SERVER},
	{"@now.s", SOURCE_NOW_S, PATH_NONE, SCOPE_SERVER},
	{"@user", SOURCE_USER, PATH_NONE, SCOPE_CONNECTING | SCOPE_EDGE},
	{"@user.id", SOURCE_USER_ID, PATH_NONE, SCOPE_USER},
	{"@user.name", SOURCE_USER_NAME, PATH_NONE, SCOPE_USER},
	{"@user.role", SOURCE_USER_ROLE, PATH_NONE, SCOPE_USER},
	{"@user.claims", SOURCE_USER_CLAIMS, PATH_MUST, SCOPE_CLAIMS},
	{"@user.data", SOURCE_USER_DATA, PATH_MAY, SCOPE_CONNECTING},
	{"@user.features", SOURCE_USER_FEATURES, PATH_NONE, SCOPE_CONNECTING | SCOPE_EDGE},
	{"@user.sockets", SOURCE_USER_SOCKETS, PATH_NONE, SCOPE_CONNECTING | SCOPE_EDGE},
	{"@socket.id", SOURCE_SOCKET_ID, PATH_NONE, SCOPE_CONNECTING},
	{"@socket.ip", SOURCE_SOCKET_IP, PATH_NONE, SCOPE_CONNECTING},
	{"@socket.transport", SOURCE_SOCKET_TRANSPORT, PATH_NONE, SCOPE_CONNECTING},
	{"@socket.auth", SOURCE_SOCKET_AUTH, PATH_MAY, SCOPE_CONNECTING},
	{"@socket.query", SOURCE_SOCKET_QUERY, PATH_MUST, SCOPE_CONNECTING},
	{"@socket.headers", SOURCE_SOCKET_HEADERS, PATH_MUST, SCOPE_CONNECTING},
	{"@socket.rooms", SOURCE_SOCKET_ROOMS, PATH_NONE, SCOPE_RULE},
	{"@socket.room_count", SOURCE_SOCKET_ROOM_COUNT, PATH_NONE, SCOPE_RULE},
	{"@socket.connected_at", SOURCE_SOCKET_CONNECTED_AT, PATH_NONE, SCOPE_RULE},
	{"@socket.duration", SOURCE_SOCKET_DURATION, PATH_NONE, SCOPE_RULE},
	{"@room", SOURCE_ROOM, PATH_NONE, SCOPE_ROOM},
	{"@room.type", SOURCE_ROOM_TYPE, PATH_NONE, SCOPE_ROOM},
	{"@room.id", SOURCE_ROOM_ID, PATH_NONE, SCOPE_ROOM},
	{"@room.users", SOURCE_ROOM_USERS, PATH_NONE, SCOPE_ROOM},
	{"@room.user_count", SOURCE_ROOM_USER_COUNT, PATH_NONE, SCOPE_ROOM},
	{"@room.socket_count", SOURCE_ROOM_SOCKET_COUNT, PATH_NONE, SCOPE_ROOM},
	{"@hook", SOURCE_HOOK, PATH_MAY, SCOPE_HOOK},
	{"@limit", SOURCE_LIMIT, PATH_MUST, SCOPE_SENDER},
	{"@server.connections", SOURCE_SERVER_CONNECTIONS, PATH_NONE, SCOPE_SERVER},
	{"@server.users", SOURCE_SERVER_USERS, PATH_NONE, SCOPE_SERVER},
	{"@server.rooms", SOURCE_SERVER_ROOMS, PATH_NONE, SCOPE_SERVER},
	{"@server.memory", SOURCE_SERVER_MEMORY, PATH_NONE, SCOPE_SERVER},
	{"@server.uptime", SOURCE_SERVER_UPTIME, PATH_NONE, SCOPE_SERVER},
	{"@server.host", SOURCE_SERVER_HOST, PATH_NONE, SCOPE_SERVER},
	{"@server.worker", SOURCE_SERVER_WORKER, PATH_NONE, SCOPE_SERVER},
	{"@server.version", SOURCE_SERVER_VERSION, PATH_NONE, SCOPE_SERVER},
	{"@vars", SOURCE_VARS, PATH_MUST, SCOPE_VARS},
	{"@reason", SOURCE_REASON, PATH_NONE, SCOPE_REASON},
	{"@error.message", SOURCE_ERROR_MESSAGE, PATH_NONE, SCOPE_ERROR},
	{"@error.code", SOURCE_ERROR_CODE, PATH_NONE, SCOPE_ERROR},
	{"@error.retry_after", SOURCE_ERROR_RETRY_AFTER, PATH_NONE, SCOPE_ERROR},
};

/* clang-format on */

#define KNOWN (sizeof known / sizeof known[0])

static bool path_char(char c)
{
	return cursor_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '$' || c == '-' || c == '.' || c == '*';
}

/* The segments of PATH, apart by dots, into OUT. */
static bool split(struct cursor *c, struct text path, struct source *out)
{
	unsigned n = 1;
	const char *p = path.p;
	const char *end = path.p + path.n;

	for (size_t i = 0; i < path.n; i++)
		n += path.p[i] == '.';
	if (n > SEGMENTS_MAX)
		return cursor_fail(c, "a path of %u parts: at most %d", n, SEGMENTS_MAX);
	out->seg = conf_arena_alloc(c->load->keep, n * sizeof *out->seg);
	for (unsigned i = 0; i < n; i++) {
		const char *dot = memchr(p, '.', (size_t)(end - p));
		size_t length = (size_t)((dot != NULL ? dot : end) - p);

		if (length == 0)
			return cursor_fail(c, "`%s` has an empty part between its dots: write `a.b`",
			    mistake_show(&c->load->mistakes, out->written));
		if (length > 1 && memchr(p, '*', length) != NULL)
			return cursor_fail(c, "`*` stands alone between dots: `players.*.id`");
		out->seg[i] = conf_arena_text(c->load->keep, p, length);
		p += length + 1;
	}
	out->nseg = n;
	return true;
}

static bool unknown(struct cursor *c, struct text name)
{
	const char *shown = mistake_show(&c->load->mistakes, name);
	struct suggest s;

	if (later_source(name))
		return cursor_fail(c, "`%s` is not in this build of forkcast: remove it", shown);
	suggest_init(&s, name);
	for (size_t i = 0; i < KNOWN; i++)
		suggest_offer(&s, known[i].name, strlen(known[i].name));
	return cursor_fail(c, "unknown source `%s`%s", shown, suggest_text(c->load, &s));
}

static bool outside(struct cursor *c, struct text name, unsigned scope)
{
	const char *shown = mistake_show(&c->load->mistakes, name);

	if (c->scope == SCOPE_CLIENT_NEW && scope == SCOPE_RULE)
		return cursor_fail(c, "`%s`: there is no socket yet, so it is not known here", shown);
	if ((c->scope & SCOPE_ROUTE) != 0 && scope == SCOPE_VARS)
		return cursor_fail(c, "`%s`: vars are for targeting and are never sent: publish it in `data`, and write its path here", shown);
	if ((c->scope & SCOPE_ROUTE) != 0 && (scope & (ABOUT_CLIENT | SCOPE_SENDER)) != 0)
		return cursor_fail(c, "`%s`: a backend publishes a route, so there is no client: publish it in `data`, and write its "
				      "path here; or in `vars`, for `to` and `if`: @vars.X", shown);
	if (scope == SCOPE_VARS)
		return cursor_fail(c, "`%s` is known in a route only: it is what a backend sent beside the data", shown);
	if (scope == SCOPE_ERROR)
		return cursor_fail(c, "`%s`: nothing was refused here; on \"auth_failed\" knows it", shown);
	if (scope == SCOPE_HOOK)
		return cursor_fail(c, "`%s`: there is no reply of a hook here: name one with `hook`, without `notify`", shown);
	if ((c->scope & SCOPE_ENVELOPE) != 0)
		return cursor_fail(c, "`%s`: an envelope knows @payload, @event and what the server knows", shown);
	if ((c->scope & SCOPE_ERROR) != 0 && (scope & (SCOPE_PAYLOAD | SCOPE_ROOM)) != 0)
		return cursor_fail(c, "`%s` is not known here: write {@error.message}, {@error.code}, {@error.retry_after}", shown);
	if ((scope & SCOPE_PAYLOAD) != 0 && (c->scope & SCOPE_CONNECTING) != 0)
		return cursor_fail(c, "`%s`: nothing was sent here, so there is no payload: use an @source", shown);
	if (scope == SCOPE_ROOM && (c->scope & SCOPE_PAYLOAD) != 0)
		return cursor_fail(c, "`%s` needs a rule with `room`", shown);
	if (scope == SCOPE_ROOM && (c->scope & SCOPE_CONNECTING) != 0)
		return cursor_fail(c, "`%s`: there is no room here: name the room, or use `each`", shown);
	if ((c->scope & (SCOPE_SERVER | SCOPE_USER | SCOPE_CONNECTING | SCOPE_PAYLOAD)) == SCOPE_SERVER)
		return cursor_fail(c, "`%s`: there is no client here, and no room without `each`", shown);
	return cursor_fail(
	    c, "`%s` is not known here: only @user.id, @user.name, @user.role and @user.claims.X are", shown);
}

/* @limit.NAME.remaining, split into its parts. */
static bool limit_source(struct cursor *c, struct source *out)
{
	const char *shown = mistake_show(&c->load->mistakes, out->written);

	if (out->nseg != 2 || !text_is(out->seg[1], "remaining"))
		return cursor_fail(c, "`%s`: of a limit only @limit.NAME.remaining is known", shown);
	out->limit = limit_named(c->load->nsp, out->seg[0]);
	if (out->limit == NULL)
		return cursor_fail(c, "`%s`: limit `%s` is not declared%s", shown,
		    mistake_show(&c->load->mistakes, out->seg[0]), limit_suggest(c->load, out->seg[0]));
	if (out->limit->on == LIMIT_ON_CONNECT)
		return cursor_fail(c, "`%s`: this limit counts connections, not events: name another", shown);
	return true;
}

/* @socket.query.NAME, @socket.headers.NAME: sessions keep what some source names. */
static bool kept_source(struct cursor *c, struct text name, struct source *out)
{
	struct catalogue *cat = &c->load->conf->catalogue;
	bool header = out->kind == SOURCE_SOCKET_HEADERS;
	struct kept_fact *k;

	for (unsigned i = 0; i < cat->nkept; i++) {
		out->kept = i;
		if (cat->kept[i].header == header && text_equal(cat->kept[i].name, name))
			return true;
	}
	if (cat->nkept == KEPT_FACTS_MAX)
		return cursor_fail(c, "`%s`: more than %d names of the handshake are used: leave some out",
		    mistake_show(&c->load->mistakes, out->written), KEPT_FACTS_MAX);
	out->kept = cat->nkept++;
	k = &cat->kept[out->kept];
	k->header = header;
	k->name = conf_arena_text(c->load->keep, name.p, name.n);
	return true;
}

/* `@...`: the known name that NAME is, or begins with up to a dot; no two fit. */
static bool server_source(struct cursor *c, struct text name, struct source *out)
{
	for (size_t i = 0; i < KNOWN; i++) {
		size_t n = strlen(known[i].name);

		if (n > name.n || memcmp(known[i].name, name.p, n) != 0)
			continue;
		if (name.n > n && (name.p[n] != '.' || known[i].path == PATH_NONE))
			continue;
		if ((known[i].scope & c->scope) == 0)
			return outside(c, name, known[i].scope);
		out->kind = known[i].kind;
		if ((known[i].scope & ABOUT_CLIENT) != 0)
			c->load->client = out->written.p;
		if (name.n > n && (out->kind == SOURCE_SOCKET_QUERY || out->kind == SOURCE_SOCKET_HEADERS))
			return kept_source(c, (struct text){name.p + n + 1, name.n - n - 1}, out);
		if (name.n > n && !split(c, (struct text){name.p + n + 1, name.n - n - 1}, out))
			return false;
		if (name.n > n)
			return out->kind != SOURCE_LIMIT || limit_source(c, out);
		if (known[i].path == PATH_MUST)
			return cursor_fail(c, "`%s` needs a path: `%s.X`", known[i].name, known[i].name);
		return true;
	}
	return unknown(c, name);
}

/* Words that conditions use cannot be paths. */
static bool reserved(struct text name)
{
	static const char *const words[] = {"true", "false", "null", "not", "or", "and", "in"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (text_is(name, words[i]))
			return true;
	return false;
}

bool source_parse(struct cursor *c, struct source *out)
{
	const char *begin = c->p;
	const char *p = begin;
	struct text name;
	bool good;

	if (p < c->end && *p == '@')
		p++;
	while (p < c->end && path_char(*p))
		p++;
	name = conf_arena_text(c->load->keep, begin, (size_t)(p - begin));
	*out = (struct source){.kind = SOURCE_PATH, .written = name};
	if (name.n == 0 || (*begin != '@' && !cursor_letter(*begin)))
		return cursor_fail(c, "a source is expected, here is %s", cursor_show(c));
	if (*begin == '@') {
		good = server_source(c, name, out);
	} else if (reserved(name)) {
		return cursor_fail(c, "`%s` is a word of conditions, no source: read the member by @payload, or rename it", name.p);
	} else if ((c->scope & SCOPE_PAYLOAD) == 0) {
		return outside(c, name, SCOPE_PAYLOAD);
	} else {
		good = split(c, name, out) && (c->load->fields == NULL || field_resolve(c, out));
	}
	if (good) {
		c->p = p;
		c->load->conf->catalogue.uses_auth |= out->kind == SOURCE_SOCKET_AUTH;
		c->load->conf->catalogue.uses_claims |= out->kind == SOURCE_USER_CLAIMS;
	}
	return good;
}
