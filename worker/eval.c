#include <netinet/in.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "proto/json.h"
#include "shm/store.h"
#include "worker/eval.h"
#include "worker/ghost.h"
#include "worker/limit.h"
#include "worker/room.h"
#include "worker/session.h"
#include "worker/stats.h"
#include "worker/user.h"
#include "worker/uuid.h"
#include "conf/version.h"
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
static bool give(struct eval *e, struct buf *b, struct slice *json)
{
	*json = slice_make(arena_copy(&e->w->arena, b->p, b->n), b->n);
	return true;
}

static bool give_text(struct eval *e, struct slice text, struct slice *json)
{
	struct buf *b = &e->w->text;

	if (text.p == NULL)
		return false;
	buf_reset(b);
	buf_json_string(b, text);
	return give(e, b, json);
}

/* BODY: a JSON string's, which lacks its quotes only. */
static bool give_body(struct eval *e, struct slice body, struct slice *json)
{
	struct buf *b = &e->w->text;

	if (body.p == NULL)
		return false;
	buf_reset(b);
	buf_char(b, '"');
	buf_slice(b, body);
	buf_char(b, '"');
	return give(e, b, json);
}

static bool give_int(struct eval *e, int64_t v, struct slice *json)
{
	struct buf *b = &e->w->text;

	buf_reset(b);
	buf_int(b, v);
	return give(e, b, json);
}

static bool give_id(struct eval *e, struct slice *json)
{
	if (e->id[0] == '\0')
		uuid_make(e->id);
	return give_text(e, slice_make(e->id, UUID_LEN), json);
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
	return give_text(e, slice_make(text, n), json);
}

static void put_text_or_null(struct buf *b, struct slice s)
{
	if (s.p == NULL)
		buf_str(b, "null");
	else
		buf_json_string(b, s);
}

/* {id,name,role}, unknown parts null. */
static bool give_user(struct eval *e, struct slice *json)
{
	const struct eval_user *u = &e->user;
	struct buf *b = &e->w->text;

	if (u->id.p == NULL)
		return false;
	buf_reset(b);
	buf_str(b, "{\"id\":");
	put_text_or_null(b, u->id);
	buf_str(b, ",\"name\":");
	put_text_or_null(b, u->name);
	buf_str(b, ",\"role\":");
	put_text_or_null(b, u->role);
	buf_char(b, '}');
	return give(e, b, json);
}

unsigned eval_nrooms(const struct eval *e)
{
	if (e->so == NULL)
		return e->ghost != NULL ? e->ghost->nrooms : 0;
	return e->so->nrooms > 0 ? e->so->nrooms - 1 : 0;
}

struct slice eval_room_at(const struct eval *e, unsigned i)
{
	return e->so != NULL ? room_name(e->so->rooms[i + 1].room) : e->ghost->room[i].name;
}

static bool give_rooms(struct eval *e, struct slice *json)
{
	struct buf *b = &e->w->text;
	unsigned n = eval_nrooms(e);

	buf_reset(b);
	buf_char(b, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_char(b, ',');
		buf_json_string(b, eval_room_at(e, i));
	}
	buf_char(b, ']');
	return give(e, b, json);
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
static bool path_get(struct eval *e, struct slice v, const struct source *src, unsigned from, struct slice *json)
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
		return give(e, b, json);
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

static bool give_features(struct eval *e, struct slice *json)
{
	struct slice name = e->user.role;
	const struct role *r =
	    name.p != NULL ? catalogue_role(&e->w->conf->catalogue, e->rules, name.p, name.n) : NULL;

	if (r == NULL)
		return false;
	*json = slice_make(r->features.p, r->features.n);
	return true;
}

static bool give_user_sockets(struct eval *e, struct slice *json)
{
	struct store_user su;
	char id[OP_USER_MAX + 1];
	int found;

	if (e->user.id.n > OP_USER_MAX)
		return false;
	memcpy(id, e->user.id.p, e->user.id.n);
	id[e->user.id.n] = '\0';
	found = store_get_user(e->w->store, id, 0, &su);
	if (found < 0)
		return false;
	give_int(e, found == 1 ? (int64_t)su.sockets : 0, json);
	if (found == 1)
		store_user_fini(&su);
	return true;
}

static bool give_user_part(struct eval *e, enum source_kind kind, const struct source *src, struct slice *json)
{
	const struct eval_user *u = &e->user;

	if (u->id.p == NULL)
		return false;
	switch (kind) {
	case SOURCE_USER_ID: return give_text(e, u->id, json);
	case SOURCE_USER_NAME: return give_text(e, u->name, json);
	case SOURCE_USER_ROLE: return give_text(e, u->role, json);
	case SOURCE_USER_CLAIMS: return path_get(e, u->claims, src, 0, json);
	case SOURCE_USER_FEATURES: return give_features(e, json);
	default: return give_user_sockets(e, json);
	}
}

/* What is asked of a client, whether it is there or gone. */
struct client {
	const char *sid, *transport;
	struct slice auth;
	int64_t connected_ms, until_ms;
};

static bool client_of(const struct eval *e, struct client *c)
{
	const struct socket *so = e->so;
	const struct ghost *g = e->ghost;

	if (so != NULL)
		*c = (struct client){so->id.text, so->session->tr->name,
		    so->auth != NULL ? slice_make(so->auth, strlen(so->auth)) : slice_make(NULL, 0), so->connected_ms, e->w->now_ms};
	else if (g != NULL)
		*c = (struct client){g->sid, g->transport, g->auth, g->connected_ms, g->ended_ms};
	return so != NULL || g != NULL;
}

static bool give_ip(struct eval *e, struct slice *json)
{
	char ip[INET6_ADDRSTRLEN];
	const char *text = ip;

	if (e->so != NULL)
		peer_text(&e->so->session->peer, ip, sizeof(ip));
	else
		text = e->ghost->ip;
	return give_text(e, slice_make(text, strlen(text)), json);
}

static bool give_socket_part(struct eval *e, enum source_kind kind, const struct source *src, struct slice *json)
{
	struct client c;

	if (!client_of(e, &c))
		return false;
	switch (kind) {
	case SOURCE_SOCKET_ID: return give_text(e, slice_make(c.sid, SID_LEN), json);
	case SOURCE_SOCKET_IP: return give_ip(e, json);
	case SOURCE_SOCKET_TRANSPORT: return give_text(e, slice_make(c.transport, strlen(c.transport)), json);
	case SOURCE_SOCKET_AUTH: return path_get(e, c.auth.p != NULL ? c.auth : SLICE("{}"), src, 0, json);
	case SOURCE_SOCKET_ROOMS: return give_rooms(e, json);
	case SOURCE_SOCKET_ROOM_COUNT: return give_int(e, eval_nrooms(e), json);
	case SOURCE_SOCKET_CONNECTED_AT: return give_int(e, c.connected_ms, json);
	default: /* SOURCE_SOCKET_DURATION */
		return give_int(e, c.until_ms - c.connected_ms, json);
	}
}

static bool give_room_part(struct eval *e, enum source_kind kind, struct slice *json)
{
	uint64_t sockets = 0, users = 0;
	struct buf *b = &e->w->text;

	if (e->room.p == NULL)
		return false;
	switch (kind) {
	case SOURCE_ROOM: return give_text(e, e->room, json);
	case SOURCE_ROOM_TYPE: return give_text(e, eval_room_type(e->room), json);
	case SOURCE_ROOM_ID: return give_text(e, eval_room_id(e->room), json);
	default:
		buf_reset(b);
		buf_slice(b, e->room);
		buf_char(b, '\0');
		if (store_get_room(e->w->store, e->nsp.p, b->p, &sockets, &users) < 0)
			return false;
		return give_int(e, (int64_t)(kind == SOURCE_ROOM_USER_COUNT ? users : sockets), json);
	}
}

static bool give_server_part(struct eval *e, enum source_kind kind, struct slice *json)
{
	const struct stats_host *h;
	char host[256];

	switch (kind) {
	case SOURCE_SERVER_HOST:
		if (gethostname(host, sizeof(host)) != 0)
			return false;
		host[sizeof(host) - 1] = '\0';
		return give_text(e, slice_make(host, strlen(host)), json);
	case SOURCE_SERVER_WORKER: return give_int(e, e->w->h->index, json);
	case SOURCE_SERVER_VERSION: return give_text(e, SLICE(FORKCAST_VERSION), json);
	default: break;
	}
	h = stats_host(e->w);
	switch (kind) {
	case SOURCE_SERVER_CONNECTIONS: return give_int(e, (int64_t)h->connections, json);
	case SOURCE_SERVER_USERS: return give_int(e, (int64_t)h->users, json);
	case SOURCE_SERVER_ROOMS: return give_int(e, (int64_t)h->rooms, json);
	case SOURCE_SERVER_MEMORY: return give_int(e, (int64_t)h->memory, json);
	default: return give_int(e, h->uptime_s, json);
	}
}

static bool give_args(struct eval *e, struct slice *json)
{
	struct buf *b = &e->w->text;

	buf_reset(b);
	buf_char(b, '[');
	if (e->args.p != NULL)
		buf_slice(b, e->args);
	buf_char(b, ']');
	return give(e, b, json);
}

bool eval_source(struct eval *e, const struct source *src, struct slice *json)
{
	switch (src->kind) {
	case SOURCE_LITERAL:
		*json = slice_make(src->seg[0].p, src->seg[0].n);
		return true;
	case SOURCE_PATH:
		if (src->field == 0 || e->state == NULL)
			return path_get(e, e->payload, src, 0, json);
		return path_get(e, e->state[src->field - 1].value, src, src->behind, json);
	case SOURCE_PAYLOAD: return path_get(e, e->payload, src, 0, json);
	case SOURCE_ARGS: return give_args(e, json);
	case SOURCE_EVENT: return give_body(e, e->event, json);
	case SOURCE_ERROR_MESSAGE: return give_body(e, e->error, json);
	case SOURCE_ERROR_CODE: return give_body(e, e->code, json);
	case SOURCE_ERROR_RETRY_AFTER: return e->retry_after > 0 && give_int(e, e->retry_after, json);
	case SOURCE_NAMESPACE: return give_text(e, e->nsp, json);
	case SOURCE_ID: return give_id(e, json);
	case SOURCE_NOW: return give_now(e, json);
	case SOURCE_NOW_MS: return give_int(e, e->now_ms, json);
	case SOURCE_NOW_S: return give_int(e, e->now_ms / 1000, json);
	case SOURCE_USER: return give_user(e, json);
	case SOURCE_USER_ID:
	case SOURCE_USER_NAME:
	case SOURCE_USER_ROLE:
	case SOURCE_USER_CLAIMS:
	case SOURCE_USER_FEATURES:
	case SOURCE_USER_SOCKETS: return give_user_part(e, src->kind, src, json);
	case SOURCE_SOCKET_ID:
	case SOURCE_SOCKET_IP:
	case SOURCE_SOCKET_TRANSPORT:
	case SOURCE_SOCKET_AUTH:
	case SOURCE_SOCKET_ROOMS:
	case SOURCE_SOCKET_ROOM_COUNT:
	case SOURCE_SOCKET_CONNECTED_AT:
	case SOURCE_SOCKET_DURATION: return give_socket_part(e, src->kind, src, json);
	case SOURCE_ROOM:
	case SOURCE_ROOM_TYPE:
	case SOURCE_ROOM_ID:
	case SOURCE_ROOM_USER_COUNT:
	case SOURCE_ROOM_SOCKET_COUNT: return give_room_part(e, src->kind, json);
	case SOURCE_LIMIT: return e->so != NULL && give_int(e, limit_left(e->so, src->limit, e->name), json);
	case SOURCE_VARS: return path_get(e, e->vars, src, 0, json);
	case SOURCE_REASON: return give_text(e, e->reason, json);
	case SOURCE_HOOK: return path_get(e, e->hook, src, 0, json);
	case SOURCE_USER_DATA: return path_get(e, e->user.data, src, 0, json);
	case SOURCE_SERVER_CONNECTIONS:
	case SOURCE_SERVER_USERS:
	case SOURCE_SERVER_ROOMS:
	case SOURCE_SERVER_MEMORY:
	case SOURCE_SERVER_UPTIME:
	case SOURCE_SERVER_HOST:
	case SOURCE_SERVER_WORKER:
	case SOURCE_SERVER_VERSION: return give_server_part(e, src->kind, json);
	}
	return false;
}

int eval_text(struct eval *e, const struct text_template *t, struct buf *out)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct text_part *p = &t->part[i];
		struct slice v;
		int64_t number;
		size_t at;
		ssize_t n;

		if (!p->is_hole) {
			buf_put(out, p->literal.p, p->literal.n);
			continue;
		}
		if (!eval_source(e, &p->hole.source, &v)) {
			if (p->hole.has_default)
				buf_put(out, p->hole.dflt.p, p->hole.dflt.n);
			else if (!p->hole.optional)
				return -1;
			continue;
		}
		if (json_int(v, &number)) {
			buf_slice(out, v);
			continue;
		}
		if (json_type(v) != JSON_STRING)
			return -1;
		at = out->n;
		n = json_string_decode(v, buf_reserve(out, v.n), v.n);
		if (n < 1 || n > TEXT_VALUE_MAX)
			return -1;
		for (ssize_t k = 0; k < n; k++) {
			unsigned char ch = (unsigned char)out->p[at + (size_t)k];

			if (ch < 0x20 || ch == 0x7f)
				return -1;
		}
		out->n += (size_t)n;
	}
	return 0;
}
