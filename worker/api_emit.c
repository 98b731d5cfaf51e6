/*
 * api_emit.c - POST /v1/emit: an event from a backend to rooms, users, roles, sockets or everybody.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/json.h"
#include "proto/socketio.h"
#include "shm/store.h"
#include "worker/api.h"
#include "worker/api_body.h"
#include "worker/request.h"
#include "worker/room.h"
#include "worker/uuid.h"
#include "worker/worker.h"

static const char *const known[] = {"to", "except", "namespace", "event", "data", "args", "volatile", "local", NULL};

struct emit {
	struct api_targets to, except;
	const struct catalogue_nsp *nsp;
	struct slice event; /* JSON string body */
	bool is_volatile, local;
};

static bool read_event(struct conn *c, struct slice body, struct slice *event)
{
	struct slice v;

	if (!json_get(json_trim(body), SLICE("event"), &v) || json_type(v) != JSON_STRING || v.n < 3 || v.n > 258) {
		api_error(c, 422, "invalid", "an event's name is text of 1 to 256 bytes", "event");
		return false;
	}
	*event = json_string_raw(v);
	if (sio_is_reserved(*event)) {
		api_error(c, 422, "reserved", "clients cannot receive an event of this name", "event");
		return false;
	}
	return true;
}

static bool read_emit(struct conn *c, struct slice body, struct emit *e)
{
	return api_body_object(c, body) && api_body_only(c, body, known) &&
	       api_body_targets(c, body, "to", true, &e->to) && api_body_targets(c, body, "except", false, &e->except) &&
	       api_body_namespace(c, body, &e->nsp) && read_event(c, body, &e->event) &&
	       api_body_bool(c, body, "volatile", &e->is_volatile) && api_body_bool(c, body, "local", &e->local);
}

/* 42/nsp,["event",data] or the elements of args.  False when the error was answered. */
static bool build_packet(struct conn *c, struct slice body, const struct emit *e, struct buf *b)
{
	struct slice v, obj = json_trim(body);

	buf_reset(b);
	buf_str(b, "42");
	if (e->nsp->name.n > 1) {
		buf_put(b, e->nsp->name.p, e->nsp->name.n);
		buf_char(b, ',');
	}
	buf_str(b, "[\"");
	buf_slice(b, e->event);
	buf_char(b, '"');
	if (json_get(obj, SLICE("args"), &v)) {
		if (json_type(v) != JSON_ARRAY || json_get(obj, SLICE("data"), &obj)) {
			api_error(c, 422, "invalid", "args is a list of arguments and goes without data", "args");
			return false;
		}
		v = json_trim(slice_make(v.p + 1, v.n - 2));
		if (v.n > 0)
			buf_char(b, ',');
		buf_slice(b, v);
	} else if (json_get(obj, SLICE("data"), &v)) {
		buf_char(b, ',');
		buf_slice(b, v);
	}
	buf_char(b, ']');
	return true;
}

/* Sockets on this worker alone, for `local`. */
static uint64_t count_local(struct worker *w, const struct emit *e)
{
	struct slice nsp = slice_make(e->nsp->name.p, e->nsp->name.n);
	uint64_t sum = 0;

	for (unsigned i = 0; i < e->to.n || (i == 0 && e->to.all); i++) {
		struct slice name = e->to.all ? slice_make("", 0) : e->to.room[i].name;
		struct room *r;

		if (!e->to.all && e->to.room[i].own) {
			sum += socket_find(w, name) != NULL;
			continue;
		}
		r = room_find(w, e->nsp, room_hash(w, nsp, name), name);
		sum += r != NULL ? r->n : 0;
		if (e->to.all)
			break;
	}
	return sum;
}

/* Sum of the targets' socket counters: an upper bound when they overlap. */
static uint64_t count_targets(struct worker *w, const struct emit *e)
{
	const char *names[API_TARGETS_MAX];
	uint64_t sum = 0;

	if (e->local)
		return count_local(w, e);
	return store_count_rooms(w->store, e->nsp->name.p, names, api_target_names(w, &e->to, names), &sum) < 0 ? 0 : sum;
}

/* 202 waits until the record is in the ring. */
struct late_reply {
	struct conn *c; /* NULL: it went */
	char id[UUID_LEN + 1];
	uint64_t delivered;
};

static void forget(void *owed)
{
	struct late_reply *late = owed;

	late->c = NULL;
}

static void confirm(struct conn *c, const char *id, uint64_t delivered)
{
	struct buf *b = &c->w->json;

	buf_reset(b);
	buf_printf(b, "{\"id\":\"%s\",\"delivered\":%llu}", id, (unsigned long long)delivered);
	api_reply(c, 202, buf_as_slice(b));
}

static void confirm_late(struct worker *w, void *arg)
{
	struct late_reply *late = arg;

	(void)w;
	if (late->c != NULL)
		confirm(late->c, late->id, late->delivered);
	free(late);
}

void api_emit(struct conn *c, const struct http_request *req, struct slice body)
{
	struct worker *w = c->w;
	struct audience who;
	struct emit e;
	char id[UUID_LEN + 1];
	uint32_t flags;
	int64_t ticket;
	uint64_t delivered;
	struct late_reply *late;

	(void)req;
	if (!read_emit(c, body, &e) || !build_packet(c, body, &e, &w->packet))
		return;
	if (e.except.all) {
		api_error(c, 422, "invalid", "nobody would be left", "except");
		return;
	}
	flags = (e.is_volatile ? RECORD_VOLATILE : 0u) | (e.local ? RECORD_LOCAL : 0u);
	delivered = count_targets(w, &e);
	who = (struct audience){.nsp = slice_make(e.nsp->name.p, e.nsp->name.n), .in = e.to.room,
	    .nin = e.to.all ? 0 : e.to.n, .except = e.except.room, .nexcept = e.except.n};
	ticket = publish_packet(w, &who, buf_as_slice(&w->packet), flags);
	if (ticket < 0) {
		if (ticket == -EMSGSIZE)
			api_error(c, 413, "too_large", "the event is larger than an eighth of a ring", NULL);
		else
			api_error(c, 429, "busy", "the rings are full: try again", NULL);
		return;
	}
	uuid_make(id);
	if (outlet_settled(&w->bcast, (uint64_t)ticket)) {
		confirm(c, id, delivered);
		return;
	}
	late = malloc(sizeof(*late));
	if (late == NULL)
		worker_die(w, "out of memory");
	*late = (struct late_reply){.c = c, .delivered = delivered};
	memcpy(late->id, id, sizeof(id));
	request_defer(c, late, forget);
	publish_when_settled(w, ticket, confirm_late, late);
}
