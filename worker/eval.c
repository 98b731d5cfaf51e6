#include <stdio.h>
#include <time.h>

#include "proto/json.h"
#include "worker/eval_part.h"
#include "worker/ghost.h"
#include "worker/limit.h"
#include "worker/session.h"
#include "worker/user.h"
#include "worker/uuid.h"
#include "worker/worker.h"

#define TEXT_VALUE_MAX 128

void eval_init_in(struct eval *e, struct worker *w, struct slice nsp, const struct catalogue_nsp *rules)
{
	memset(e, 0, sizeof(*e));
	e->w = w;
	e->nsp = nsp;
	e->rules = rules;
	e->now_ms = w->now_ms;
}

void eval_init(struct eval *e, struct worker *w, const struct socket *so)
{
	const struct user *u = so->user;

	eval_init_in(e, w, nsp_name(so->nsp), so->nsp->rules);
	e->so = so;
	if (u != NULL)
		e->user = (struct eval_user){.id = user_id(u), .name = user_name(u), .role = user_role(u)};
	if (so->claims != NULL)
		e->user.claims = slice_make(so->claims, strlen(so->claims));
	if (so->data != NULL)
		e->user.data = slice_make(so->data, strlen(so->data));
}

struct slice eval_room_type(struct slice room)
{
	const char *colon = room.n > 0 ? memchr(room.p, ':', room.n) : NULL;

	return colon == NULL ? room : slice_make(room.p, (size_t)(colon - room.p));
}

bool eval_room_is_of(struct slice room, const struct room_type *type)
{
	return slice_eq(eval_room_type(room), slice_make(type->name.p, type->name.n));
}

struct slice eval_room_id(struct slice room)
{
	const char *colon = room.n > 0 ? memchr(room.p, ':', room.n) : NULL;

	return colon == NULL ? slice_make(NULL, 0) : slice_make(colon + 1, room.n - (size_t)(colon + 1 - room.p));
}

void eval_init_gone(struct eval *e, struct worker *w, struct ghost *g)
{
	eval_init_in(e, w, g->nsp, g->rules);
	e->ghost = g;
	e->user = g->user;
	e->reason = slice_make(g->reason, strlen(g->reason));
}

/* Server values: JSON in the turn's arena. */
bool eval_give(struct eval *e, struct buf *b, struct slice *json)
{
	*json = slice_make(arena_copy(&e->w->arena, b->p, b->n), b->n);
	return true;
}

bool eval_give_text(struct eval *e, struct slice text, struct slice *json)
{
	struct buf *b = &e->w->text;

	if (text.p == NULL)
		return false;
	buf_reset(b);
	buf_json_string(b, text);
	return eval_give(e, b, json);
}

/* BODY: a JSON string's, which lacks its quotes only. */
static bool eval_give_body(struct eval *e, struct slice body, struct slice *json)
{
	struct buf *b = &e->w->text;

	if (body.p == NULL)
		return false;
	buf_reset(b);
	buf_char(b, '"');
	buf_slice(b, body);
	buf_char(b, '"');
	return eval_give(e, b, json);
}

bool eval_give_int(struct eval *e, int64_t v, struct slice *json)
{
	struct buf *b = &e->w->text;

	buf_reset(b);
	buf_int(b, v);
	return eval_give(e, b, json);
}

static bool give_id(struct eval *e, struct slice *json)
{
	if (e->id[0] == '\0')
		uuid_make(e->id);
	return eval_give_text(e, slice_make(e->id, UUID_LEN), json);
}

static bool give_now(struct eval *e, struct slice *json)
{
	time_t s = (time_t)(e->now_ms / 1000);
	char text[48];
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)(e->now_ms % 1000));
	return eval_give_text(e, slice_make(text, n), json);
}

/* Appends what PATH finds in V: elements of lists one by one behind a "*". */
static bool path_each(struct slice v, const struct text *seg, unsigned n, struct buf *out)
{
	struct json_iter it;
	struct slice el;
	bool any = false;

	if (n == 0) {
		if (out->n > 0 && out->p[out->n - 1] != '[')
			buf_char(out, ',');
		buf_slice(out, v);
		return true;
	}
	if (seg->n == 1 && seg->p[0] == '*') {
		if (json_type(v) != JSON_ARRAY)
			return false;
		for (it = json_iter(v); json_next_element(&it, &el);)
			any |= path_each(el, seg + 1, n - 1, out);
		return any;
	}
	if (json_type(v) == JSON_OBJECT)
		return json_get(v, slice_make(seg->p, seg->n), &el) && path_each(el, seg + 1, n - 1, out);
	if (json_type(v) == JSON_ARRAY) {
		int64_t i;

		return json_int(slice_make(seg->p, seg->n), &i) && i >= 0 && json_at(v, (size_t)i, &el) &&
		       path_each(el, seg + 1, n - 1, out);
	}
	return false;
}

/* What the segments of SRC from FROM on find in V. */
bool eval_path(struct eval *e, struct slice v, const struct source *src, unsigned from, struct slice *json)
{
	struct buf *b = &e->w->text;
	bool list = false;
	int64_t at;

	if (v.p == NULL || v.n == 0)
		return false;
	for (unsigned i = from; i < src->nseg; i++)
		list |= src->seg[i].n == 1 && src->seg[i].p[0] == '*';
	if (list) {
		buf_reset(b);
		buf_char(b, '[');
		path_each(v, src->seg + from, src->nseg - from, b);
		buf_char(b, ']');
		return eval_give(e, b, json);
	}
	for (unsigned i = from; i < src->nseg; i++) {
		struct slice seg = slice_make(src->seg[i].p, src->seg[i].n);

		switch (json_type(v)) {
		case JSON_OBJECT:
			if (!json_get(v, seg, &v))
				return false;
			break;
		case JSON_ARRAY:
			if (!json_int(seg, &at) || at < 0 || !json_at(v, (size_t)at, &v))
				return false;
			break;
		default:
			return false;
		}
	}
	*json = v;
	return true;
}

static bool give_args(struct eval *e, struct slice *json)
{
	struct buf *b = &e->w->text;

	buf_reset(b);
	buf_char(b, '[');
	if (e->args.p != NULL)
		buf_slice(b, e->args);
	buf_char(b, ']');
	return eval_give(e, b, json);
}

bool eval_source(struct eval *e, const struct source *src, struct slice *json)
{
	switch (src->kind) {
	case SOURCE_LITERAL:
		*json = slice_make(src->seg[0].p, src->seg[0].n);
		return true;
	case SOURCE_PATH:
		if (src->field == 0 || e->state == NULL)
			return eval_path(e, e->payload, src, 0, json);
		return eval_path(e, e->state[src->field - 1].value, src, src->behind, json);
	case SOURCE_PAYLOAD: return eval_path(e, e->payload, src, 0, json);
	case SOURCE_ARGS: return give_args(e, json);
	case SOURCE_EVENT: return eval_give_body(e, e->event, json);
	case SOURCE_ERROR_MESSAGE: return eval_give_body(e, e->error, json);
	case SOURCE_ERROR_CODE: return eval_give_body(e, e->code, json);
	case SOURCE_ERROR_RETRY_AFTER: return e->retry_after > 0 && eval_give_int(e, e->retry_after, json);
	case SOURCE_NAMESPACE: return eval_give_text(e, e->nsp, json);
	case SOURCE_ID: return give_id(e, json);
	case SOURCE_NOW: return give_now(e, json);
	case SOURCE_NOW_MS: return eval_give_int(e, e->now_ms, json);
	case SOURCE_NOW_S: return eval_give_int(e, e->now_ms / 1000, json);
	case SOURCE_USER:
	case SOURCE_USER_ID:
	case SOURCE_USER_NAME:
	case SOURCE_USER_ROLE:
	case SOURCE_USER_CLAIMS:
	case SOURCE_USER_FEATURES:
	case SOURCE_USER_SOCKETS: return eval_user_part(e, src, json);
	case SOURCE_SOCKET_ID:
	case SOURCE_SOCKET_IP:
	case SOURCE_SOCKET_TRANSPORT:
	case SOURCE_SOCKET_AUTH:
	case SOURCE_SOCKET_QUERY:
	case SOURCE_SOCKET_HEADERS:
	case SOURCE_SOCKET_ROOMS:
	case SOURCE_SOCKET_ROOM_COUNT:
	case SOURCE_SOCKET_CONNECTED_AT:
	case SOURCE_SOCKET_DURATION: return eval_socket_part(e, src, json);
	case SOURCE_ROOM:
	case SOURCE_ROOM_TYPE:
	case SOURCE_ROOM_ID:
	case SOURCE_ROOM_USERS:
	case SOURCE_ROOM_USER_COUNT:
	case SOURCE_ROOM_SOCKET_COUNT: return eval_room_part(e, src, json);
	case SOURCE_LIMIT: return e->so != NULL && eval_give_int(e, limit_left(e->so, src->limit, e->name), json);
	case SOURCE_VARS: return eval_path(e, e->vars, src, 0, json);
	case SOURCE_REASON: return eval_give_text(e, e->reason, json);
	case SOURCE_HOOK: return eval_path(e, e->hook, src, 0, json);
	case SOURCE_USER_DATA: return eval_path(e, e->user.data, src, 0, json);
	case SOURCE_SERVER_CONNECTIONS:
	case SOURCE_SERVER_USERS:
	case SOURCE_SERVER_ROOMS:
	case SOURCE_SERVER_MEMORY:
	case SOURCE_SERVER_UPTIME:
	case SOURCE_SERVER_HOST:
	case SOURCE_SERVER_WORKER:
	case SOURCE_SERVER_VERSION: return eval_server_part(e, src, json);
	}
	return false;
}

/* The value in the place of a hole of a text. */
static int put_value(struct slice v, struct buf *out)
{
	int64_t number;
	size_t at = out->n;
	ssize_t n;

	if (json_int(v, &number)) {
		buf_slice(out, v);
		return 0;
	}
	if (json_type(v) != JSON_STRING)
		return -1;
	n = json_string_decode(v, buf_reserve(out, v.n), v.n);
	if (n < 1 || n > TEXT_VALUE_MAX)
		return -1;
	for (ssize_t k = 0; k < n; k++) {
		unsigned char ch = (unsigned char)out->p[at + (size_t)k];

		if (ch < 0x20 || ch == 0x7f)
			return -1;
	}
	out->n += (size_t)n;
	return 0;
}

static int put_part(struct eval *e, const struct text_part *p, struct buf *out)
{
	struct slice v;

	if (!p->is_hole) {
		buf_put(out, p->literal.p, p->literal.n);
		return 0;
	}
	if (eval_source(e, &p->hole.source, &v))
		return put_value(v, out);
	if (p->hole.has_default)
		buf_put(out, p->hole.dflt.p, p->hole.dflt.n);
	return p->hole.has_default || p->hole.optional ? 0 : -1;
}

int eval_text(struct eval *e, const struct text_template *t, struct buf *out)
{
	for (unsigned i = 0; i < t->n; i++) {
		if (put_part(e, &t->part[i], out) != 0)
			return -1;
	}
	return 0;
}

const struct source *eval_text_wrong(struct eval *e, const struct text_template *t)
{
	struct buf *b = &e->w->name;

	for (unsigned i = 0; i < t->n; i++) {
		buf_reset(b);
		if (put_part(e, &t->part[i], b) != 0)
			return &t->part[i].hole.source;
	}
	return NULL;
}
