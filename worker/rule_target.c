#include "shm/op.h"
#include "worker/room.h"
#include "worker/rule_target.h"
#include "worker/session.h"
#include "worker/worker.h"

static void targets_add(struct targets *t, struct slice name, bool own)
{
	if (t->n == TARGETS_MAX)
		t->overflow = true;
	else
		t->room[t->n++] = (struct target_room){name, own};
}

static void targets_add_rooms_of(struct targets *t, const struct eval *e, const struct room_type *type)
{
	for (unsigned i = 0, n = eval_nrooms(e); i < n; i++) {
		struct slice name = eval_room_at(e, i);

		if (eval_room_is_of(name, type))
			targets_add(t, name, false);
	}
}

/* Of a client that is gone there is nothing left to name. */
static void add_self(struct targets *t, const struct eval *e)
{
	if (e->so != NULL)
		targets_add(t, slice_make(e->so->id.text, SID_LEN), true);
}

bool target_room_name(struct eval *e, const struct text_template *t, struct slice *name)
{
	struct buf *b = &e->w->name;

	buf_reset(b);
	if (eval_text(e, t, b) != 0 || b->n + e->nsp.n > OP_NAME_MAX)
		return false;
	catalogue_room_fold(e->rules, b->p, b->n);
	*name = slice_make(arena_copy(&e->w->arena, b->p, b->n), b->n);
	return true;
}

/* Resolves `to` or `except`.  `others` also puts the sender on EXCEPT. */
static bool add_list(struct targets *t, struct targets *except, struct eval *e, const struct target *list, unsigned n)
{
	struct slice room;

	for (unsigned i = 0; i < n; i++) {
		const struct target *g = &list[i];

		switch (g->kind) {
		case TARGET_OTHERS:
			add_self(except, e);
			/* fall through */
		case TARGET_ROOM:
			if (e->room.p != NULL)
				targets_add(t, e->room, false);
			else
				t->all = true;
			break;
		case TARGET_SELF: add_self(t, e); break;
		case TARGET_ALL: t->all = true; break;
		case TARGET_ROOMS_OF: targets_add_rooms_of(t, e, g->type); break;
		case TARGET_TEMPLATE:
			if (!target_room_name(e, &g->room, &room))
				return false;
			targets_add(t, room, false);
			break;
		}
	}
	return !t->overflow;
}

/* A sender that leaves with this event is still to hear what goes to the rooms it is in. */
static void add_leaving(struct targets *t, const struct eval *e)
{
	const struct socket *so = e->so;

	for (unsigned i = 0; i < t->n && !t->all; i++) {
		for (unsigned j = 1; j < so->nrooms && !t->room[i].own; j++) {
			if (!slice_eq(room_name(so->rooms[j].room), t->room[i].name))
				continue;
			targets_add(t, slice_make(so->id.text, SID_LEN), true);
			return;
		}
	}
}

bool targets_resolve(struct eval *e, const struct action *a, struct targets *to, struct targets *except)
{
	if (!add_list(to, except, e, a->to, a->nto) || !add_list(except, except, e, a->except, a->nexcept))
		return false;
	if (e->leaves && e->so != NULL)
		add_leaving(to, e);
	return !to->overflow;
}

bool targets_audience(
    const struct eval *e, const struct targets *to, const struct targets *except, struct audience *out)
{
	*out = (struct audience){.nsp = e->nsp,
	    .in = to->room,
	    .nin = to->all ? 0 : to->n,
	    .except = except->room,
	    .nexcept = except->n};
	return (to->n > 0 || to->all) && !except->all;
}
