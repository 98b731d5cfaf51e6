/*
 * api_bans.c - GET, POST, DELETE /v1/bans: users and addresses that may not connect.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "proto/json.h"
#include "shm/store_ban.h"
#include "worker/api.h"
#include "worker/api_page.h"
#include "worker/ask.h"
#include "worker/query.h"
#include "worker/request.h"
#include "worker/verb_body.h"
#include "worker/verb_time.h"
#include "worker/worker.h"

#define CHUNK 16u /* read at a time */

static const struct json_limits limits = {.depth = 8, .values = 0, .utf8 = true};
static const char *const members[] = {"user", "ip", "until", "reason", NULL};

/* A ban as it was asked for. */
struct asked {
	struct conn *c; /* NULL: it went */
	struct store_ban ban;
};

/* A member as text in OUT, with a NUL.  False: it is none, or too long, or has control characters. */
static bool text_of(struct slice v, char *out, size_t cap)
{
	ssize_t n = json_type(v) == JSON_STRING && v.n <= 6 * cap ? json_string_decode(v, out, cap - 1) : -1;

	if (n < 0)
		return false;
	out[n] = '\0';
	for (ssize_t i = 0; i < n; i++) {
		if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
			return false;
	}
	return true;
}

/* As workers write addresses. */
static bool canonical(char ip[INET6_ADDRSTRLEN])
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, ip, bytes) == 1)
		return inet_ntop(AF_INET, bytes, ip, INET6_ADDRSTRLEN) != NULL;
	return inet_pton(AF_INET6, ip, bytes) == 1 && inet_ntop(AF_INET6, bytes, ip, INET6_ADDRSTRLEN) != NULL;
}

static bool read_name(const struct verb_members *m, struct store_ban *ban, struct verb_error *err)
{
	struct slice user = verb_member(m, "user"), ip = verb_member(m, "ip");

	if ((user.p == NULL) == (ip.p == NULL))
		return verb_wrong(err, 422, user.p == NULL ? "missing" : "invalid", "a user or an ip, one of both", "user");
	ban->name[0] = user.p != NULL ? STORE_BAN_USER : STORE_BAN_IP;
	if (user.p != NULL && (!text_of(user, ban->name + 1, sizeof(ban->name) - 1) || ban->name[1] == '\0'))
		return verb_wrong(err, 422, "invalid", "a user's id is text of 1 to 128 bytes", "user");
	if (ip.p != NULL && (!text_of(ip, ban->name + 1, INET6_ADDRSTRLEN) || !canonical(ban->name + 1)))
		return verb_wrong(err, 422, "invalid", "an address of IPv4 or IPv6", "ip");
	return true;
}

static bool read_ban(struct worker *w, const struct verb_members *m, struct store_ban *ban, struct verb_error *err)
{
	struct slice until = verb_member(m, "until"), reason = verb_member(m, "reason");

	if (!read_name(m, ban, err))
		return false;
	if (until.p != NULL && (!verb_time_at(until, &ban->until_ms) || ban->until_ms <= w->now_ms))
		return verb_wrong(
		    err, 422, "invalid", "a time to come: milliseconds since 1970, or \"2026-03-01T12:00:00Z\"", "until");
	if (reason.p != NULL && !text_of(reason, ban->reason, sizeof(ban->reason)))
		return verb_wrong(err, 422, "invalid", "text of at most 512 bytes", "reason");
	return true;
}

static void put(struct buf *b, const struct store_ban *ban)
{
	buf_str(b, ban->name[0] == STORE_BAN_USER ? "{\"user\":" : "{\"ip\":");
	buf_json_string(b, slice_make(ban->name + 1, strlen(ban->name + 1)));
	if (ban->until_ms > 0)
		buf_printf(b, ",\"until\":%lld", (long long)ban->until_ms);
	if (ban->reason[0] != '\0') {
		buf_str(b, ",\"reason\":");
		buf_json_string(b, slice_make(ban->reason, strlen(ban->reason)));
	}
	buf_char(b, '}');
}

static void forget(void *owed, enum request_end how)
{
	struct asked *a = owed;

	(void)how;
	a->c = NULL;
}

static void answered(struct worker *w, void *arg, int result, struct slice data)
{
	struct asked *a = arg;

	(void)data;
	if (a->c == NULL) {
		free(a);
		return;
	}
	if (result == RECORD_ONCE_NEW) {
		buf_reset(&w->json);
		put(&w->json, &a->ban);
		api_reply(a->c, 200, buf_as_slice(&w->json));
	} else if (result == RECORD_ONCE_TAKEN) {
		api_error(a->c, 404, "not_found", "not banned", NULL);
	} else if (result == RECORD_ONCE_FULL) {
		api_error(a->c, 503, "full", "the store takes no more bans: try again later", NULL);
	} else {
		api_error(a->c, 503, "unavailable", "it is not known whether it was done: try again", NULL);
	}
	free(a);
}

static void call(struct conn *c, struct slice body, bool lifts)
{
	struct op_head head = {.kind = lifts ? OP_UNBAN : OP_BAN};
	struct worker *w = c->w;
	struct verb_members m;
	struct verb_error err;
	struct question *q;
	struct asked *a;

	if (!json_valid(body, &limits)) {
		api_error(c, 400, "syntax", "the body is not JSON", NULL);
		return;
	}
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		worker_die(w, "out of memory");
	*a = (struct asked){.c = c};
	if (!verb_members(w, body, members, &m, &err) ||
	    !(lifts ? read_name(&m, &a->ban, &err) : read_ban(w, &m, &a->ban, &err))) {
		free(a);
		api_error(c, err.status, err.code, err.message, err.field);
		return;
	}
	q = ask_new(w, &head, sizeof(a->ban) + 64);
	if (q != NULL) {
		struct tlv_writer *t = ask_fields(q);

		tlv_put(t, OP_TLV_KEY, 0, a->ban.name, strlen(a->ban.name));
		tlv_put(t, OP_TLV_AT, 0, &a->ban.until_ms, sizeof(a->ban.until_ms));
		tlv_put(t, OP_TLV_DATA, 0, a->ban.reason, strlen(a->ban.reason));
	}
	if (q == NULL || ask_send(w, q, answered, a) != 0) {
		free(a);
		api_error(c, 429, "busy", "the rings are full: try again", NULL);
		return;
	}
	request_defer(c, a, forget);
}

static void list(struct conn *c, struct slice path, struct slice query)
{
	struct worker *w = c->w;
	struct store_ban *bans = arena_alloc(&w->arena, CHUNK * sizeof(*bans));
	char last[STORE_BAN_NAME_MAX + 1];
	struct buf *b = &w->json;
	bool more = true, first = true;
	unsigned left;

	(void)path;
	if (!api_page(c, query, last, sizeof(last), &left))
		return;
	buf_reset(b);
	buf_str(b, "{\"items\":[");
	while (more && left > 0) {
		int n = store_list_bans(
		    w->store, last[0] != '\0' ? last : NULL, w->now_ms, left < CHUNK ? left : CHUNK, bans, &more);

		if (n < 0) {
			api_error(c, 503, "unavailable", "the store cannot be read", NULL);
			return;
		}
		for (int i = 0; i < n; i++) {
			if (!first)
				buf_char(b, ',');
			first = false;
			put(b, &bans[i]);
			memcpy(last, bans[i].name, sizeof(last));
		}
		left -= (unsigned)n;
	}
	api_page_end(b, more ? last : "");
	api_reply(c, 200, buf_as_slice(b));
}

void api_list_bans(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)body;
	query_run(c, req, list);
}

void api_ban(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)req;
	call(c, body, false);
}

void api_unban(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)req;
	call(c, body, true);
}
