/*
 * api_sockets.c - POST /v1/sockets/join, leave, disconnect: acts on every socket of the targets, on all workers.
 */
#include <errno.h>

#include "proto/json.h"
#include "shm/op.h"
#include "shm/store.h"
#include "worker/api.h"
#include "worker/api_body.h"
#include "worker/worker.h"

#define ROOMS_MAX 100

struct act {
	struct api_targets in, except;
	struct slice nsp; /* with a NUL behind it */
	struct slice room[ROOMS_MAX];
	unsigned nroom;
};

static bool add_room(struct conn *c, struct slice value, struct act *a)
{
	if (a->nroom == ROOMS_MAX) {
		api_error(c, 422, "too_many", "at most 100 rooms", "rooms");
		return false;
	}
	if (!api_room_text(c->w, value, &a->room[a->nroom]) || a->room[a->nroom].n + a->nsp.n > OP_NAME_MAX) {
		api_error(c, 422, "invalid", "a room's name is text of 1 to 250 bytes", "rooms");
		return false;
	}
	a->nroom++;
	return true;
}

static bool read_rooms(struct conn *c, struct slice body, struct act *a)
{
	struct json_iter it;
	struct slice v, el;

	a->nroom = 0;
	if (!json_get(json_trim(body), SLICE("rooms"), &v)) {
		api_error(c, 422, "missing", "which rooms", "rooms");
		return false;
	}
	if (json_type(v) != JSON_ARRAY)
		return add_room(c, v, a);
	for (it = json_iter(v); json_next_element(&it, &el);) {
		if (!add_room(c, el, a))
			return false;
	}
	if (a->nroom == 0)
		api_error(c, 422, "missing", "the list of rooms is empty", "rooms");
	return a->nroom > 0;
}

static bool read_act(struct conn *c, struct slice body, const char *const *known, struct act *a)
{
	return api_body_object(c, body) && api_body_only(c, body, known) && api_body_targets(c, body, "in", true, &a->in) &&
	       api_body_targets(c, body, "except", false, &a->except) && api_body_namespace(c, body, &a->nsp);
}

/* Distinct sockets that the act is for. */
static uint64_t count_matched(struct worker *w, const struct act *a)
{
	const char *in[API_TARGETS_MAX], *except[API_TARGETS_MAX];
	unsigned nin = api_target_names(w, &a->in, in), nexcept = api_target_names(w, &a->except, except);
	uint64_t n = 0;

	return store_count_union(w->store, a->nsp.p, in, nin, except, nexcept, &n) < 0 ? 0 : n;
}

static void run(struct conn *c, const struct act *a, enum record_act what)
{
	struct worker *w = c->w;
	struct audience who = {.nsp = a->nsp, .in = a->in.room,
	    .nin = a->in.all ? 0 : a->in.n, .except = a->except.room, .nexcept = a->except.n};
	uint64_t matched = count_matched(w, a);
	int64_t ticket = publish_control(w, &who, what, a->room, a->nroom);

	if (ticket < 0) {
		api_error(c, 429, "busy", "the rings are full: try again", NULL);
		return;
	}
	buf_reset(&w->json);
	buf_printf(&w->json, "{\"matched\":%llu}", (unsigned long long)matched);
	api_reply(c, 200, buf_as_slice(&w->json));
}

static void join_or_leave(struct conn *c, struct slice body, enum record_act what)
{
	static const char *const known[] = {"in", "except", "namespace", "rooms", NULL};
	struct act a = {.nroom = 0};

	if (read_act(c, body, known, &a) && read_rooms(c, body, &a))
		run(c, &a, what);
}

void api_sockets_join(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)req;
	join_or_leave(c, body, RECORD_ACT_JOIN);
}

void api_sockets_leave(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)req;
	join_or_leave(c, body, RECORD_ACT_LEAVE);
}

void api_sockets_disconnect(struct conn *c, const struct http_request *req, struct slice body)
{
	static const char *const known[] = {"in", "except", "namespace", "close", NULL};
	struct act a = {.nroom = 0};
	bool close;

	(void)req;
	if (read_act(c, body, known, &a) && api_body_bool(c, body, "close", &close))
		run(c, &a, close ? RECORD_ACT_CLOSE : RECORD_ACT_DISCONNECT);
}
