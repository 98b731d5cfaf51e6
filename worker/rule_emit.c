#include <errno.h>

#include "proto/json.h"
#include "proto/socketio.h"
#include "shm/op.h"
#include "worker/publish.h"
#include "worker/room.h"
#include "worker/rule_emit.h"
#include "worker/worker.h"

#define TARGETS_MAX 128

struct targets {
	struct target_room room[TARGETS_MAX];
	unsigned n;
	bool all, overflow;
};

static void targets_add(struct targets *t, struct slice name, bool own)
{
	if (t->n == TARGETS_MAX)
		t->overflow = true;
	else
		t->room[t->n++] = (struct target_room){name, own};
}

static void targets_add_rooms_of(struct targets *t, const struct socket *so, const struct room_type *type)
{
	struct slice want = slice_make(type->name.p, type->name.n);

	for (unsigned i = 1; i < so->nrooms; i++) {
		struct slice name = room_name(so->rooms[i].room);

		if (slice_eq(eval_room_type(name), want))
			targets_add(t, name, false);
	}
}

/* -1: a template's value is absent or not fit for a name. */
static int targets_add_template(struct targets *t, struct eval *e, const struct text_template *room)
{
	struct buf *b = &e->w->name;

	buf_reset(b);
	if (eval_text(e, room, b) != 0 || b->n + e->so->nsp->name.n > OP_NAME_MAX)
		return -1;
	targets_add(t, slice_make(arena_copy(&e->w->arena, b->p, b->n), b->n), false);
	return 0;
}

/* Resolves `to` or `except`.  `others` also puts the sender on EXCEPT. */
static int targets_resolve(struct targets *t, struct targets *except, struct eval *e, const struct target *list, unsigned n)
{
	struct slice self = slice_make(e->so->sid, SID_LEN);

	for (unsigned i = 0; i < n; i++) {
		const struct target *g = &list[i];

		switch (g->kind) {
		case TARGET_OTHERS:
			targets_add(except, self, true);
			/* fall through */
		case TARGET_ROOM:
			if (e->room.p != NULL)
				targets_add(t, e->room, false);
			else
				t->all = true;
			break;
		case TARGET_SELF: targets_add(t, self, true); break;
		case TARGET_ALL: t->all = true; break;
		case TARGET_ROOMS_OF: targets_add_rooms_of(t, e->so, g->type); break;
		case TARGET_TEMPLATE:
			if (targets_add_template(t, e, &g->room) != 0)
				return -1;
			break;
		}
	}
	return t->overflow ? -1 : 0;
}

/* The payload with the action's members set: the client's members of those names go, its other bytes stay. */
static int put_added(struct eval *e, const struct action *a, struct buf *out)
{
	struct json_iter it;
	struct slice key, value;
	bool first = true;

	if (e->payload.p == NULL || json_type(e->payload) != JSON_OBJECT)
		return -EINVAL;
	buf_char(out, '{');
	for (it = json_iter(e->payload); json_next_member(&it, &key, &value);) {
		bool replaced = false;

		for (unsigned i = 0; i < a->nadd && !replaced; i++)
			replaced = json_string_is(key, slice_make(a->add[i].key_plain.p, a->add[i].key_plain.n));
		if (replaced)
			continue;
		buf_str(out, first ? "\"" : ",\"");
		buf_slice(out, key);
		buf_str(out, "\":");
		buf_slice(out, value);
		first = false;
	}
	for (unsigned i = 0; i < a->nadd; i++) {
		if (!eval_source(e, &a->add[i].source, &value))
			continue;
		buf_str(out, first ? "\"" : ",\"");
		buf_put(out, a->add[i].key.p, a->add[i].key.n);
		buf_str(out, "\":");
		buf_slice(out, value);
		first = false;
	}
	buf_char(out, '}');
	/* the arguments behind the first follow as they came */
	buf_put(out, e->payload.p + e->payload.n, (size_t)(e->args.p + e->args.n - (e->payload.p + e->payload.n)));
	return 0;
}

static int put_body(struct eval *e, const struct action *a, struct buf *out)
{
	size_t at = out->n;

	switch (a->body) {
	case BODY_PASS:
		if (e->args.p != NULL)
			buf_slice(out, e->args);
		return 0;
	case BODY_DATA: eval_json(e, &a->json, out); return 0;
	case BODY_ADD: return put_added(e, a, out);
	case BODY_ARGS: break;
	}
	/* a list: its inside are the arguments */
	eval_json(e, &a->json, out);
	if (out->n - at < 2 || out->p[at] != '[')
		return -EINVAL;
	memmove(out->p + at, out->p + at + 1, out->n - at - 2);
	out->n -= 2;
	return 0;
}

/* 42/nsp,["event",args] */
static int build_packet(struct eval *e, const struct action *a, struct buf *out)
{
	const struct text *nsp = &e->so->nsp->name;
	size_t at;
	int err;

	buf_reset(out);
	buf_str(out, "42");
	if (nsp->n > 1) {
		buf_put(out, nsp->p, nsp->n);
		buf_char(out, ',');
	}
	buf_str(out, "[\"");
	buf_put(out, a->emit.p, a->emit.n);
	buf_str(out, "\",");
	at = out->n;
	err = put_body(e, a, out);
	if (err != 0)
		return err;
	if (out->n == at)
		out->n--; /* no arguments, no comma */
	buf_char(out, ']');
	return 0;
}

int64_t rule_emit(struct eval *e, const struct action *a)
{
	struct targets to = {.n = 0}, except = {.n = 0};
	struct audience who;
	int err;

	if (!eval_all(e, a->ifs, a->nif) || !a->has_emit)
		return 0;
	if (targets_resolve(&to, &except, e, a->to, a->nto) != 0 ||
	    targets_resolve(&except, &except, e, a->except, a->nexcept) != 0)
		return -EINVAL;
	if ((to.n == 0 && !to.all) || except.all)
		return 0;
	err = build_packet(e, a, &e->w->packet);
	if (err != 0)
		return err;
	who = (struct audience){.nsp = slice_make(e->so->nsp->name.p, e->so->nsp->name.n), .in = to.room,
	    .nin = to.all ? 0 : to.n, .except = except.room, .nexcept = except.n};
	return publish_packet(e->w, &who, buf_as_slice(&e->w->packet), 0);
}
