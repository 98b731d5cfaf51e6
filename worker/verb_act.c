/*
 * verb_act.c - `join`, `leave`, `disconnect`: acts on every socket of the targets, on all workers.
 */
#include "proto/json.h"
#include "shm/op.h"
#include "shm/store.h"
#include "worker/verb_body.h"
#include "worker/worker.h"

static bool add_room(struct worker *w, struct slice value, struct verb_act *a, struct verb_error *err)
{
	if (!verb_room_text(w, value, &a->room[a->nroom]) || a->room[a->nroom].n + a->nsp.n > OP_NAME_MAX)
		return verb_wrong(err, 422, "invalid", "a room's name is text of 1 to 250 bytes", "rooms");
	verb_fold_room(w, a->nsp, a->room[a->nroom]);
	a->nroom++;
	return true;
}

static bool read_rooms(struct worker *w, const struct verb_members *m, struct verb_act *a, struct verb_error *err)
{
	struct slice v = verb_member(m, "rooms"), el;
	size_t n = json_type(v) == JSON_ARRAY ? json_length(v) : 1;
	struct json_iter it;

	if (v.p == NULL)
		return verb_wrong(err, 422, "missing", "which rooms", "rooms");
	if (n > VERB_ROOMS_MAX)
		return verb_wrong(err, 422, "too_many", "at most 100 rooms", "rooms");
	if (n == 0)
		return verb_wrong(err, 422, "missing", "the list of rooms is empty", "rooms");
	a->room = arena_alloc(&w->arena, n * sizeof(*a->room));
	if (json_type(v) != JSON_ARRAY)
		return add_room(w, v, a, err);
	for (it = json_iter(v); json_next_element(&it, &el);) {
		if (!add_room(w, el, a, err))
			return false;
	}
	return true;
}

static bool read_act(struct worker *w, const struct verb_members *m, struct verb_act *a, struct verb_error *err)
{
	if (!verb_targets(w, m, "in", true, &a->in, err) || !verb_targets(w, m, "except", false, &a->except, err) ||
	    !verb_namespace(w, m, &a->nsp, err))
		return false;
	verb_fold_targets(w, a->nsp, &a->in);
	verb_fold_targets(w, a->nsp, &a->except);
	return true;
}

bool verb_join_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err)
{
	(void)way;
	return read_act(w, m, &v->u.act, err) && read_rooms(w, m, &v->u.act, err);
}

bool verb_disconnect_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err)
{
	(void)way;
	return read_act(w, m, &v->u.act, err) && verb_bool(m, "close", &v->u.act.close, err);
}

/* Distinct sockets that the act is for. */
static uint64_t count_matched(struct worker *w, const struct verb_act *a)
{
	unsigned nin, nexcept;
	const char *const *in = verb_target_names(w, &a->in, &nin), *const *except = verb_target_names(w, &a->except, &nexcept);
	uint64_t n = 0;

	return store_count_union(w->store, a->nsp.p, in, nin, except, nexcept, &n) < 0 ? 0 : n;
}

static bool run(
    struct worker *w, const struct verb_act *a, enum record_act what, struct verb_result *out, struct verb_error *err)
{
	struct audience who = verb_audience(a->nsp, &a->in, &a->except);

	out->n = count_matched(w, a);
	out->ticket = publish_control(w, &who, what, a->room, a->nroom);
	return out->ticket > 0 || verb_unpublished(err, out->ticket);
}

bool verb_join_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err)
{
	out->joins = true;
	return run(w, &v->u.act, RECORD_ACT_JOIN, out, err);
}

bool verb_leave_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err)
{
	return run(w, &v->u.act, RECORD_ACT_LEAVE, out, err);
}

bool verb_disconnect_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err)
{
	return run(w, &v->u.act, v->u.act.close ? RECORD_ACT_CLOSE : RECORD_ACT_DISCONNECT, out, err);
}
