#include <string.h>

#include "conf/types.h"

/* True when whoever makes the rule run is a user. */
static bool user_known(const struct types_at *at)
{
	const struct rule *r = at->rule;

	if (r == NULL || r->nrequire == 0)
		return false;
	for (unsigned i = 0; i < r->nrequire; i++)
		if (r->require[i].kind != WHO_AUTHENTICATED && r->require[i].kind != WHO_ROLE)
			return false;
	return true;
}

static const char *path(const struct types_at *at, const struct source *s, bool *absent)
{
	const struct field *f;
	bool sure = false;

	*absent = true;
	if (at->rule == NULL)
		return "unknown";
	if (at->rule->fields == NULL) {
		const struct walk_reads *reads = types_reads(at->t, at->rule);

		for (unsigned i = 0; i < reads->n; i++) {
			if (s->nseg != 1 || !reads->member[i].room || !text_equal(reads->member[i].name, s->seg[0]))
				continue;
			*absent = false;
			return "string | number";
		}
		return "unknown";
	}
	f = s->field > 0 ? types_field(&at->rule->fields->top, s->field - 1, &sure) : NULL;
	if (f == NULL || s->behind < s->nseg)
		return "unknown";
	*absent = !sure;
	if (f->kind.type != FIELD_OBJECT || f->members.n == 0)
		return types_kind(at->t, &f->kind, TYPES_HEARD);
	return "{ [member: string]: unknown }";
}

static const char *payload(const struct types_at *at, bool *absent)
{
	const char *members;

	if (at->payload != NULL)
		return at->payload;
	if (at->rule == NULL)
		return "unknown";
	*absent = types_may_miss(at->t, at->rule);
	members = types_members(at->t, at->rule, TYPES_HEARD, NULL);
	return members[0] != '\0' ? conf_arena_format(at->t->arena, "{ %s }", members).p : "unknown";
}

static const char *arguments(const struct types_at *at)
{
	if (at->rule == NULL || at->rule->fields == NULL)
		return "unknown[]";
	if (at->rule->fields->params)
		return types_positions_heard(at->t, at->rule);
	return conf_arena_format(at->t->arena, "{ %s }[]", types_members(at->t, at->rule, TYPES_HEARD, NULL)).p;
}

static const char *event(const struct types_at *at)
{
	if (at->event.p != NULL)
		return conf_arena_format(at->t->arena, "\"%s\"", at->event.p).p;
	if (at->rule == NULL)
		return "string";
	if (at->rule->pattern)
		return types_pattern(at->t, at->rule->name);
	return conf_arena_format(at->t->arena, "\"%s\"", at->rule->name_json.p).p;
}

static const char *room(const struct types_at *at)
{
	const struct room_type *type = at->each != NULL ? at->each : at->rule != NULL ? at->rule->room_type : NULL;

	return type != NULL ? types_room(at->t, type) : "Room";
}

const char *types_source(const struct types_at *at, const struct source *s, bool *absent)
{
	*absent = false;
	switch (s->kind) {
	case SOURCE_PATH: return path(at, s, absent);
	case SOURCE_PAYLOAD: return payload(at, absent);
	case SOURCE_ARGS: return arguments(at);
	case SOURCE_EVENT: return event(at);
	case SOURCE_ROOM: return room(at);
	case SOURCE_NAMESPACE:
	case SOURCE_ID:
	case SOURCE_NOW:
	case SOURCE_SOCKET_ID:
	case SOURCE_ROOM_TYPE:
	case SOURCE_ROOM_ID:
	case SOURCE_SERVER_HOST:
	case SOURCE_SERVER_VERSION:
	case SOURCE_REASON:
	case SOURCE_ERROR_MESSAGE: return "string";
	case SOURCE_NOW_MS:
	case SOURCE_NOW_S:
	case SOURCE_SOCKET_ROOM_COUNT:
	case SOURCE_SOCKET_CONNECTED_AT:
	case SOURCE_SOCKET_DURATION:
	case SOURCE_ROOM_USER_COUNT:
	case SOURCE_ROOM_SOCKET_COUNT:
	case SOURCE_SERVER_CONNECTIONS:
	case SOURCE_SERVER_USERS:
	case SOURCE_SERVER_ROOMS:
	case SOURCE_SERVER_MEMORY:
	case SOURCE_SERVER_UPTIME:
	case SOURCE_SERVER_WORKER:
	case SOURCE_LIMIT: return "number";
	case SOURCE_SOCKET_ROOMS: return "Room[]";
	case SOURCE_SOCKET_TRANSPORT: return "\"polling\" | \"websocket\"";
	case SOURCE_SOCKET_AUTH:
		*absent = s->nseg > 0;
		return s->nseg > 0 ? "unknown" : "{ [member: string]: unknown }";
	case SOURCE_USER: *absent = !user_known(at); return "User";
	case SOURCE_USER_ID: *absent = !user_known(at); return "string";
	case SOURCE_USER_SOCKETS: *absent = !user_known(at); return "number";
	case SOURCE_USER_NAME:
	case SOURCE_USER_ROLE:
	case SOURCE_SOCKET_QUERY:
	case SOURCE_SOCKET_HEADERS:
	case SOURCE_SOCKET_IP: *absent = true; return "string";
	case SOURCE_ROOM_USERS:
	case SOURCE_USER_FEATURES: *absent = true; return "string[]";
	case SOURCE_ERROR_CODE: *absent = true; return "ErrorCode";
	case SOURCE_ERROR_RETRY_AFTER: *absent = true; return "number";
	default: *absent = true; return "unknown";
	}
}

static const char *hole(const struct types_at *at, const struct hole *h)
{
	const char *type;
	bool absent;

	if (h->is_condition)
		return "boolean";
	type = types_source(at, &h->source, &absent);
	if (!absent || h->optional || strcmp(type, "unknown") == 0)
		return type;
	return conf_arena_format(at->t->arena, "%s | %s", type, h->has_default ? h->dflt.p : "null").p;
}

static bool left_out(const struct types_at *at, const struct json_node *n)
{
	bool absent;

	if (n->kind != JSON_NODE_HOLE || n->hole.is_condition || !n->hole.optional)
		return false;
	types_source(at, &n->hole.source, &absent);
	return absent;
}

const char *types_elements(const struct types_at *at, const struct json_node *n)
{
	struct types_text to;

	if (n->kind == JSON_NODE_LITERAL && strcmp(n->literal.p, "[]") == 0)
		return "";
	if (n->kind != JSON_NODE_ARRAY)
		return NULL;
	for (unsigned i = 0; i < n->n; i++)
		if (left_out(at, &n->child[i]))
			return NULL;
	types_begin(&to);
	for (unsigned i = 0; i < n->n; i++)
		fprintf(to.f, "%s%s", i > 0 ? ", " : "", types_json(at, &n->child[i]));
	return types_end(at->t, &to);
}

static const char *array(const struct types_at *at, const struct json_node *n)
{
	const char *elements = types_elements(at, n);

	return elements != NULL ? conf_arena_format(at->t->arena, "[%s]", elements).p : "unknown[]";
}

static const char *object(const struct types_at *at, const struct json_node *n)
{
	struct types_text to;

	types_begin(&to);
	fputc('{', to.f);
	for (unsigned i = 0; i < n->n; i++)
		fprintf(to.f, "%s %s%s: %s", i > 0 ? ";" : "", types_key(at->t, n->key[i]),
		    left_out(at, &n->child[i]) ? "?" : "", types_json(at, &n->child[i]));
	fputs(" }", to.f);
	return types_end(at->t, &to);
}

const char *types_json(const struct types_at *at, const struct json_node *n)
{
	switch (n->kind) {
	/* What compact JSON says is, as a type, what it is. */
	case JSON_NODE_LITERAL: return n->literal.p;
	case JSON_NODE_HOLE: return hole(at, &n->hole);
	case JSON_NODE_STRING: return "string";
	case JSON_NODE_ARRAY: return array(at, n);
	case JSON_NODE_OBJECT: return object(at, n);
	}
	return "unknown";
}
