/*
 * verb_emit.c - `emit`: an event to rooms, users, roles, sockets or everybody.
 */
#include "proto/json.h"
#include "proto/socketio.h"
#include "shm/store.h"
#include "worker/room.h"
#include "worker/verb_body.h"
#include "worker/worker.h"

#define EVENT_MAX      256   /* bytes of a name, as it is written */
#define TIMEOUT_MAX_MS 60000

static bool read_event(const struct verb_members *m, struct slice *event, struct verb_error *err)
{
	struct slice v = verb_member(m, "event");

	if (json_type(v) != JSON_STRING || v.n < 3 || v.n > EVENT_MAX + 2)
		return verb_wrong(err, 422, "invalid", "an event's name is text of 1 to 256 bytes", "event");
	*event = json_string_raw(v);
	if (sio_is_reserved(*event))
		return verb_wrong(err, 422, "reserved", "clients cannot receive an event of this name", "event");
	return true;
}

static bool read_timeout(const struct verb_members *m, enum verb_way way, int64_t *out, struct verb_error *err)
{
	struct slice v = verb_member(m, "timeout");

	*out = 0;
	if (v.p == NULL)
		return true;
	if (way != VERB_ALONE)
		return verb_wrong(err, 422, "invalid", "only POST /v1/emit waits for acks", "timeout");
	if (!json_int(v, out) || *out < 1 || *out > TIMEOUT_MAX_MS)
		return verb_wrong(err, 422, "invalid", "how long to wait for acks: 1 to 60000 milliseconds", "timeout");
	return true;
}

static bool read_args(const struct verb_members *m, struct slice *out, struct verb_error *err)
{
	struct slice args = verb_member(m, "args"), data = verb_member(m, "data");

	*out = data;
	if (args.p == NULL)
		return true;
	if (json_type(args) != JSON_ARRAY || data.p != NULL)
		return verb_wrong(err, 422, "invalid", "args is a list of arguments and goes without data", "args");
	*out = json_trim(slice_make(args.p + 1, args.n - 2));
	return true;
}

bool verb_emit_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err)
{
	struct verb_emit *e = &v->u.emit;

	if (!verb_targets(w, m, "to", true, &e->to, err) || !verb_targets(w, m, "except", false, &e->except, err) ||
	    !verb_namespace(w, m, &e->nsp, err) || !read_event(m, &e->event, err) ||
	    !verb_bool(m, "volatile", &e->is_volatile, err) || !verb_bool(m, "local", &e->local, err) ||
	    !read_timeout(m, way, &e->timeout_ms, err) || !read_args(m, &e->args, err) || !verb_id(w, m, &v->id, err))
		return false;
	if (e->timeout_ms > 0 && v->id.p != NULL)
		return verb_wrong(err, 422, "invalid", "answers are not kept for a second call: no id beside timeout", "id");
	verb_fold_targets(w, e->nsp, &e->to);
	verb_fold_targets(w, e->nsp, &e->except);
	if (!verb_later(w, m, v, err))
		return false;
	return !e->except.all || verb_wrong(err, 422, "invalid", "nobody would be left", "except");
}

struct message verb_emit_packet(struct worker *w, const struct verb_emit *e)
{
	struct buf *b = &w->packet;

	buf_reset(b);
	buf_str(b, "42");
	if (e->nsp.n > 1) {
		buf_slice(b, e->nsp);
		buf_char(b, ',');
	}
	buf_str(b, "[\"");
	buf_slice(b, e->event);
	buf_char(b, '"');
	if (e->args.n > 0) {
		buf_char(b, ',');
		buf_slice(b, e->args);
	}
	buf_char(b, ']');
	return message_text(buf_as_slice(b));
}

uint32_t verb_emit_flags(const struct verb_emit *e)
{
	return (e->is_volatile ? RECORD_VOLATILE : 0u) | (e->local ? RECORD_LOCAL : 0u);
}

/* Sockets on this worker alone, for `local`. */
static uint64_t count_local(struct worker *w, const struct verb_emit *e)
{
	struct nsp *nsp = nsp_find(w, e->nsp);
	uint64_t sum = 0;

	if (nsp == NULL)
		return 0;
	if (e->to.all) {
		struct room *r = room_find(w, nsp, room_hash(w, e->nsp, slice_make("", 0)), slice_make("", 0));

		return r != NULL ? r->n : 0;
	}
	for (unsigned i = 0; i < e->to.n; i++) {
		struct slice name = e->to.room[i].name;
		struct room *r;

		if (e->to.room[i].own) {
			sum += socket_find(w, name) != NULL;
			continue;
		}
		r = room_find(w, nsp, room_hash(w, e->nsp, name), name);
		sum += r != NULL ? r->n : 0;
	}
	return sum;
}

/* Sum of the targets' socket counters: an upper bound when they overlap. */
static uint64_t count_targets(struct worker *w, const struct verb_emit *e)
{
	const char *const *names;
	uint64_t sum = 0;
	unsigned n;

	if (e->local)
		return count_local(w, e);
	names = verb_target_names(w, &e->to, &n);
	return store_count_rooms(w->store, e->nsp.p, names, n, &sum) < 0 ? 0 : sum;
}

bool verb_emit_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err)
{
	const struct verb_emit *e = &v->u.emit;
	struct audience who = verb_audience(e->nsp, &e->to, &e->except);
	struct message m = verb_emit_packet(w, e);
	char id[UUID_LEN + 1];

	out->status = 202;
	out->has_id = true;
	out->n = count_targets(w, e);
	out->ticket = publish_message(w, &who, &m, verb_emit_flags(e));
	if (out->ticket < 0)
		return verb_unpublished(err, out->ticket);
	uuid_make(id);
	verb_result_id(out, v, id);
	return true;
}
