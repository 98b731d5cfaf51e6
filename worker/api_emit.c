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
#include "worker/answers.h"
#include "worker/api_body.h"
#include "worker/request.h"
#include "worker/room.h"
#include "worker/uuid.h"
#include "worker/worker.h"

#define TIMEOUT_MAX_MS 60000

static const char *const known[] = {"to", "except", "namespace", "event", "data", "args", "volatile", "local",
	"timeout", NULL};

struct emit {
	struct api_targets to, except;
	struct slice nsp; /* with a NUL behind it */
	struct slice event; /* JSON string body */
	bool is_volatile, local;
	int64_t timeout_ms; /* acks are asked for, and waited for so long; 0: none */
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

static bool read_timeout(struct conn *c, struct slice body, int64_t *out)
{
	struct slice v;

	*out = 0;
	if (!json_get(json_trim(body), SLICE("timeout"), &v))
		return true;
	if (json_int(v, out) && *out >= 1 && *out <= TIMEOUT_MAX_MS)
		return true;
	api_error(c, 422, "invalid", "how long to wait for acks: 1 to 60000 milliseconds", "timeout");
	return false;
}

static bool read_emit(struct conn *c, struct slice body, struct emit *e)
{
	return api_body_object(c, body) && api_body_only(c, body, known) &&
	       api_body_targets(c, body, "to", true, &e->to) && api_body_targets(c, body, "except", false, &e->except) &&
	       api_body_namespace(c, body, &e->nsp) && read_event(c, body, &e->event) &&
	       api_body_bool(c, body, "volatile", &e->is_volatile) && api_body_bool(c, body, "local", &e->local) &&
	       read_timeout(c, body, &e->timeout_ms);
}

/* 42/nsp,["event",data] or the elements of args.  False when the error was answered. */
static bool build_packet(struct conn *c, struct slice body, const struct emit *e, struct buf *b)
{
	struct slice v, obj = json_trim(body);

	buf_reset(b);
	buf_str(b, "42");
	if (e->nsp.n > 1) {
		buf_slice(b, e->nsp);
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
	struct nsp *nsp = nsp_find(w, e->nsp);
	uint64_t sum = 0;

	if (nsp == NULL)
		return 0;
	for (unsigned i = 0; i < e->to.n || (i == 0 && e->to.all); i++) {
		struct slice name = e->to.all ? slice_make("", 0) : e->to.room[i].name;
		struct room *r;

		if (!e->to.all && e->to.room[i].own) {
			sum += socket_find(w, name) != NULL;
			continue;
		}
		r = room_find(w, nsp, room_hash(w, e->nsp, name), name);
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
	return store_count_rooms(w->store, e->nsp.p, names, api_target_names(w, &e->to, names), &sum) < 0 ? 0 : sum;
}

/* 202 waits until the record is in the ring. */
struct late_reply {
	struct conn *c; /* NULL: it went */
	char id[UUID_LEN + 1];
	uint64_t delivered;
};

static void forget(void *owed, enum request_end how)
{
	struct late_reply *late = owed;

	(void)how;
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

static void refuse(struct conn *c, int64_t err)
{
	if (err == -EMSGSIZE)
		api_error(c, 413, "too_large", "the event is larger than an eighth of a ring", NULL);
	else
		api_error(c, 429, "busy", "the rings are full: try again", NULL);
}

/* With acks: the reply waits for the clients. */
static void ask(struct conn *c, const struct emit *e, const struct audience *who, uint32_t flags)
{
	struct worker *w = c->w;
	struct message m = message_text(buf_as_slice(&w->packet));
	struct record_ack ack;
	struct slot_mask asked;
	char id[UUID_LEN + 1];
	struct answers *a = answers_new(c, (uint64_t)e->timeout_ms, &ack);
	int64_t ticket;

	if (a == NULL) {
		api_error(c, 429, "busy", "too many calls wait for acks: try again", NULL);
		return;
	}
	ticket = publish_asking(w, who, &m, flags, &ack, &asked);
	if (ticket < 0) {
		answers_free(a);
		refuse(c, ticket);
		return;
	}
	uuid_make(id);
	answers_wait(a, &asked, id);
}

void api_emit(struct conn *c, const struct http_request *req, struct slice body)
{
	struct worker *w = c->w;
	struct audience who;
	struct message m;
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
	who = (struct audience){.nsp = e.nsp, .in = e.to.room,
	    .nin = e.to.all ? 0 : e.to.n, .except = e.except.room, .nexcept = e.except.n};
	if (e.timeout_ms > 0) {
		ask(c, &e, &who, flags);
		return;
	}
	m = message_text(buf_as_slice(&w->packet));
	ticket = publish_message(w, &who, &m, flags);
	if (ticket < 0) {
		refuse(c, ticket);
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
