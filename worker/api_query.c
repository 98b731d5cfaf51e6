/*
 * api_query.c - GET /v1/sockets, rooms, users: pages and single rows out of the store.
 */
#include <stdlib.h>

#include "proto/engineio.h"
#include "proto/json.h"
#include "shm/op.h"
#include "shm/store.h"
#include "worker/api.h"
#include "worker/api_page.h"
#include "worker/query.h"
#include "worker/worker.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000u

/* What a page was asked for, decoded. */
struct page {
	char nsp[OP_NAME_MAX + 1];
	char in[OP_NAME_MAX + 1];    /* room, or "" */
	char type[OP_NAME_MAX + 2];  /* "TYPE:", or "" */
	char after[OP_NAME_MAX + 1]; /* last key of the page before, or "" */
	unsigned limit;
};

/* Parameter NAME, decoded; "" when absent.  False when malformed or too long. */
static bool param(struct slice query, const char *name, char *out, size_t cap)
{
	struct slice raw;
	ssize_t n = 0;

	if (eio_query_get(query, name, &raw))
		n = eio_percent_decode(raw, out, cap - 1);
	if (n < 0 || (n > 0 && memchr(out, '\0', (size_t)n) != NULL))
		return false;
	out[n] = '\0';
	return true;
}

static bool read_page(struct conn *c, struct slice query, struct page *p)
{
	char limit[16];
	int64_t n = LIMIT_DEFAULT;
	const char *bad = NULL;

	if (!param(query, "namespace", p->nsp, sizeof(p->nsp)))
		bad = "namespace";
	else if (!param(query, "in", p->in, sizeof(p->in)))
		bad = "in";
	else if (!param(query, "type", p->type, sizeof(p->type) - 1))
		bad = "type";
	else if (!param(query, "after", p->after, sizeof(p->after)))
		bad = "after";
	else if (!param(query, "limit", limit, sizeof(limit)) ||
		 (limit[0] != '\0' && (!json_int(slice_make(limit, strlen(limit)), &n) || n < 1 || n > LIMIT_MAX)))
		bad = "limit";
	if (bad != NULL) {
		api_error(c, 422, "invalid", "malformed, too long or out of range", bad);
		return false;
	}
	if (p->nsp[0] == '\0')
		memcpy(p->nsp, "/", 2);
	if (p->type[0] != '\0')
		strcat(p->type, ":");
	p->limit = (unsigned)n;
	return true;
}

static void put_text(struct buf *b, const char *s)
{
	if (s == NULL)
		buf_str(b, "null");
	else
		buf_json_string(b, slice_make(s, strlen(s)));
}

/* Number of the worker in whose slot a sid was made; -1 when the slot is nobody's now. */
static int worker_of(const struct worker *w, const char *sid)
{
	unsigned slot;
	uint32_t gen;

	if (!sid_parse(slice_make(sid, SID_LEN), &slot, &gen))
		return -1;
	return (int)atomic_load_explicit(&segment_slot(w->h->seg, slot)->index, memory_order_relaxed);
}

static void put_socket(struct worker *w, struct buf *b, const struct store_socket *s)
{
	buf_printf(b, "{\"id\":\"%s\",\"namespace\":", s->sid);
	put_text(b, s->nsp);
	buf_str(b, ",\"user\":");
	if (s->user == NULL) {
		buf_str(b, "null");
	} else {
		buf_str(b, "{\"id\":");
		put_text(b, s->user);
		buf_str(b, ",\"name\":");
		put_text(b, s->name);
		buf_str(b, ",\"role\":");
		put_text(b, s->role);
		buf_char(b, '}');
	}
	buf_str(b, ",\"rooms\":[");
	for (unsigned i = 0; i < s->nrooms; i++) {
		if (i > 0)
			buf_char(b, ',');
		put_text(b, s->rooms[i]);
	}
	buf_printf(b, "],\"worker\":%d,\"transport\":\"%s\",\"ip\":", worker_of(w, s->sid),
	    s->transport == OP_TRANSPORT_WEBSOCKET ? "websocket" : "polling");
	put_text(b, s->ip);
	buf_printf(b, ",\"connected_at\":%lld}", (long long)s->connected_ms);
}

static void store_failed(struct conn *c)
{
	api_error(c, 503, "unavailable", "the store cannot be read now", NULL);
}

void api_page_end(struct buf *b, const char *next)
{
	buf_char(b, ']');
	if (next[0] != '\0') {
		buf_str(b, ",\"next\":");
		put_text(b, next);
	}
	buf_char(b, '}');
}

/* The rules of a room's namespace, after its id was made what its type says. */
static const struct catalogue_nsp *rules_of(const struct worker *w, const char *nsp, char *room)
{
	const struct catalogue_nsp *rules = catalogue_nsp_find(&w->conf->catalogue, nsp, strlen(nsp));

	if (rules != NULL)
		catalogue_room_fold(rules, room, strlen(room));
	return rules;
}

static void list_sockets(struct conn *c, struct slice path, struct slice query)
{
	struct worker *w = c->w;
	struct buf *b = &w->json;
	char next[OP_NAME_MAX + 1] = "";
	char(*sids)[OP_SID_LEN + 1];
	struct page p;
	bool more = false;
	int n;

	(void)path;
	if (!read_page(c, query, &p))
		return;
	sids = arena_alloc(&w->arena, p.limit * sizeof(*sids));
	if (p.in[0] != '\0')
		rules_of(w, p.nsp, p.in);
	if (p.in[0] != '\0')
		n = store_list_room(w->store, p.nsp, p.in, p.after[0] != '\0' ? p.after : NULL, p.limit, sids, next);
	else
		n = store_list_sockets(w->store, p.nsp, p.after[0] != '\0' ? p.after : NULL, p.limit, sids, &more);
	if (n == -EINVAL) {
		api_error(c, 422, "invalid", "not a place in this list", "after");
		return;
	}
	if (n < 0) {
		store_failed(c);
		return;
	}
	if (more && n > 0)
		memcpy(next, sids[n - 1], sizeof(*sids));
	buf_reset(b);
	buf_str(b, "{\"items\":[");
	for (int i = 0, put = 0; i < n; i++) {
		struct store_socket s;

		if (store_get_socket(w->store, sids[i], &s) != 1)
			continue;
		if (put++ > 0)
			buf_char(b, ',');
		put_socket(w, b, &s);
		store_socket_fini(&s);
	}
	api_page_end(b, next);
	api_reply(c, 200, buf_as_slice(b));
}

/* The path's last segment, decoded; false when malformed, and answered. */
static bool last_segment(struct conn *c, struct slice path, size_t skip, char *out, size_t cap)
{
	ssize_t n = eio_percent_decode(slice_make(path.p + skip, path.n - skip), out, cap - 1);

	if (n < 1 || memchr(out, '\0', (size_t)n) != NULL) {
		api_error(c, 422, "invalid", "malformed or too long", "id");
		return false;
	}
	out[n] = '\0';
	return true;
}

static void not_found(struct conn *c, const char *what)
{
	api_error(c, 404, "not_found", what, NULL);
}

static void get_socket(struct conn *c, struct slice path, struct slice query)
{
	struct worker *w = c->w;
	struct store_socket s;
	char sid[64];
	int found;

	(void)query;
	if (!last_segment(c, path, sizeof("/v1/sockets/") - 1, sid, sizeof(sid)))
		return;
	found = store_get_socket(w->store, sid, &s);
	if (found < 0) {
		store_failed(c);
		return;
	}
	if (found == 0) {
		not_found(c, "no such socket");
		return;
	}
	buf_reset(&w->json);
	put_socket(w, &w->json, &s);
	store_socket_fini(&s);
	api_reply(c, 200, buf_as_slice(&w->json));
}

static void put_room(struct buf *b, const char *name, uint64_t users, uint64_t sockets)
{
	buf_str(b, "{\"name\":");
	put_text(b, name);
	buf_printf(b, ",\"users\":%llu,\"sockets\":%llu,\"meta\":{}}", (unsigned long long)users,
	    (unsigned long long)sockets);
}

bool api_page(struct conn *c, struct slice query, char *after, size_t cap, unsigned *limit)
{
	struct page p;

	if (!read_page(c, query, &p))
		return false;
	*limit = p.limit;
	if (strlen(p.after) >= cap) {
		api_error(c, 422, "invalid", "malformed, too long or out of range", "after");
		return false;
	}
	memcpy(after, p.after, strlen(p.after) + 1);
	return true;
}

static void list_rooms(struct conn *c, struct slice path, struct slice query)
{
	struct worker *w = c->w;
	struct buf *b = &w->json;
	char next[OP_NAME_MAX + 1] = "";
	struct store_room *rooms;
	struct page p;
	bool more = false;
	int n;

	(void)path;
	if (!read_page(c, query, &p))
		return;
	rooms = arena_alloc(&w->arena, p.limit * sizeof(*rooms));
	n = store_list_rooms(w->store, p.nsp, p.type[0] != '\0' ? p.type : NULL, p.after[0] != '\0' ? p.after : NULL,
	    p.limit, rooms, &more);
	if (n < 0) {
		store_failed(c);
		return;
	}
	buf_reset(b);
	buf_str(b, "{\"items\":[");
	for (int i = 0; i < n; i++) {
		if (i > 0)
			buf_char(b, ',');
		put_room(b, rooms[i].name, rooms[i].users, rooms[i].sockets);
		if (more && i == n - 1 && strlen(rooms[i].name) < sizeof(next))
			memcpy(next, rooms[i].name, strlen(rooms[i].name) + 1);
		free(rooms[i].name);
	}
	api_page_end(b, next);
	api_reply(c, 200, buf_as_slice(b));
}

static bool is_persistent(const struct catalogue_nsp *rules, const char *room)
{
	const struct room_type *type = rules != NULL ? catalogue_type_of_room(rules, room, strlen(room)) : NULL;

	return type != NULL && type->persistent;
}

static void get_room(struct conn *c, struct slice path, struct slice query)
{
	struct worker *w = c->w;
	char room[OP_NAME_MAX + 1];
	const struct catalogue_nsp *rules;
	uint64_t sockets, users;
	struct page p;
	int found;

	if (!read_page(c, query, &p) || !last_segment(c, path, sizeof("/v1/rooms/") - 1, room, sizeof(room)))
		return;
	rules = rules_of(w, p.nsp, room);
	found = store_get_room(w->store, p.nsp, room, &sockets, &users);
	if (found < 0) {
		store_failed(c);
		return;
	}
	if (found == 0 || (sockets == 0 && !is_persistent(rules, room))) {
		not_found(c, "nobody is in this room");
		return;
	}
	buf_reset(&w->json);
	put_room(&w->json, room, users, sockets);
	api_reply(c, 200, buf_as_slice(&w->json));
}

static void get_user(struct conn *c, struct slice path, struct slice query)
{
	struct worker *w = c->w;
	struct buf *b = &w->json;
	struct store_user u;
	char id[OP_USER_MAX + 1];
	int found;

	(void)query;
	if (!last_segment(c, path, sizeof("/v1/users/") - 1, id, sizeof(id)))
		return;
	found = store_get_user(w->store, id, LIMIT_MAX, &u);
	if (found < 0) {
		store_failed(c);
		return;
	}
	buf_reset(b);
	buf_str(b, "{\"id\":");
	put_text(b, id);
	buf_printf(b, ",\"online\":%s,\"sockets\":[", found == 1 && u.sockets > 0 ? "true" : "false");
	for (unsigned i = 0; found == 1 && i < u.nsids; i++)
		buf_printf(b, "%s\"%s\"", i > 0 ? "," : "", u.sids[i]);
	buf_str(b, "]}");
	if (found == 1)
		store_user_fini(&u);
	api_reply(c, 200, buf_as_slice(b));
}

void api_list_sockets(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)body;
	query_run(c, req, list_sockets);
}

void api_get_socket(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)body;
	query_run(c, req, get_socket);
}

void api_list_rooms(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)body;
	query_run(c, req, list_rooms);
}

void api_get_room(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)body;
	query_run(c, req, get_room);
}

void api_get_user(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)body;
	query_run(c, req, get_user);
}
