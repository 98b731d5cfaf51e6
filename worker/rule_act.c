#include <errno.h>

#include "conf/log.h"
#include "worker/behind.h"
#include "worker/join.h"
#include "worker/room.h"
#include "worker/rule_act.h"
#include "worker/rule_emit.h"
#include "worker/rule_target.h"
#include "worker/session.h"
#include "worker/worker.h"

/* The socket of a rule is its sender's; what changes it goes through here.  NULL: there is none. */
static struct socket *sender(const struct eval *e)
{
	return e->so != NULL ? socket_find(e->w, slice_make(e->so->id.text, SID_LEN)) : NULL;
}

/* Names, in the arena, of the rooms of TYPE that the socket is in. */
static struct rule_ran rooms_of(struct eval *e, const struct room_type *type)
{
	unsigned n = eval_nrooms(e);
	struct rule_ran out = {0, arena_alloc(&e->w->arena, (n + 1) * sizeof(struct slice))};

	for (unsigned i = 0; i < n; i++) {
		struct slice name = eval_room_at(e, i);

		if (eval_room_is_of(name, type))
			out.room[out.n++] = slice_make(arena_copy(&e->w->arena, name.p, name.n), name.n);
	}
	return out;
}

static int join(struct eval *e, const struct action *a)
{
	int err = 0;

	for (unsigned i = 0; i < a->njoin && err == 0; i++) {
		struct socket *so = sender(e);
		struct slice name = e->room;

		if (so == NULL)
			return 0;
		if (a->join[i].kind == TARGET_TEMPLATE && !target_room_name(e, &a->join[i].room, &name))
			return -EINVAL;
		if (joined_room(so, name) == NULL)
			err = join_room(so, name);
	}
	return err;
}

/* Once, for the room at hand. */
static int act(struct eval *e, const struct action *a, struct rule_ran *ran)
{
	int64_t t;
	int err;

	if (!eval_all(e, a->ifs, a->nif))
		return 0;
	err = join(e, a);
	if (err != 0)
		return err;
	if (a->has_emit) {
		t = rule_emit(e, a);
		if (t < 0)
			return (int)t;
		if (e->so != NULL)
			behind_published(e->so->session, t);
	}
	ran->room[ran->n++] = e->room;
	return 0;
}

int rule_act(struct eval *e, const struct rule *r, struct rule_ran *ran)
{
	struct slice room = e->room;
	int err = 0;

	for (unsigned i = 0; i < r->naction; i++)
		e->leaves |= r->action[i].nleave > 0;
	for (unsigned i = 0; i < r->naction && err == 0; i++) {
		const struct action *a = &r->action[i];
		struct rule_ran rooms = {1, &room};

		if (a->each != NULL)
			rooms = rooms_of(e, a->each);
		ran[i] = (struct rule_ran){0, arena_alloc(&e->w->arena, (rooms.n + 1) * sizeof(struct slice))};
		for (unsigned k = 0; k < rooms.n && err == 0; k++) {
			e->room = rooms.room[k];
			err = act(e, a, &ran[i]);
		}
		e->room = room;
	}
	return err;
}

/* Nothing of a room that the server joined at connect. */
static void leave_joined(struct socket *so, struct slice name)
{
	struct room *r = so != NULL ? joined_room(so, name) : NULL;

	if (r != NULL && !room_is_automatic(r, so))
		leave_room(so, r, name);
}

static void leave(struct eval *e, const struct action *a)
{
	for (unsigned i = 0; i < a->nleave; i++) {
		const struct target *t = &a->leave[i];
		struct slice name = e->room;
		struct rule_ran rooms = {1, &name};

		if (t->kind == TARGET_ROOMS_OF)
			rooms = rooms_of(e, t->type);
		else if (t->kind == TARGET_TEMPLATE && !target_room_name(e, &t->room, &name))
			continue;
		for (unsigned k = 0; k < rooms.n; k++)
			leave_joined(sender(e), rooms.room[k]);
	}
}

unsigned rule_leavable(const struct eval *e, const struct targets *to, struct slice rooms[TARGETS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < to->n; i++) {
		struct slice name = to->room[i].name;
		const struct room_type *t = catalogue_type_of_room(e->rules, name.p, name.n);

		if (!to->room[i].own && (t == NULL || !t->builtin))
			rooms[n++] = name;
	}
	return n;
}

bool rule_user_room(struct eval *e, const struct text_template *id, struct target_room *out)
{
	struct buf *b = &e->w->name;

	buf_reset(b);
	buf_str(b, "user:");
	if (eval_text(e, id, b) != 0)
		return false;
	*out = (struct target_room){slice_make(arena_copy(&e->w->arena, b->p, b->n), b->n), false};
	return true;
}

static void act_on(
    struct eval *e, const struct audience *who, enum record_act what, const struct slice *rooms, unsigned n)
{
	if (publish_control(e->w, who, what, rooms, n) < 0)
		log_warn("act_lost", "nsp=%s act=%d", e->nsp.p, (int)what);
}

static void empty_rooms(struct eval *e, const struct action *a)
{
	struct targets to = {.n = 0}, except = {.n = 0};
	struct slice rooms[TARGETS_MAX];
	struct target_room user;
	struct audience who;
	unsigned n;

	if (!targets_resolve(e, a, &to, &except) || !targets_audience(e, &to, &except, &who))
		return;
	n = rule_leavable(e, &to, rooms);
	if (n == 0)
		return;
	if (a->has_evict && rule_user_room(e, &a->evict, &user)) {
		struct audience one = {.nsp = who.nsp, .in = &user, .nin = 1};

		act_on(e, &one, RECORD_ACT_LEAVE, rooms, n);
	}
	if (a->close)
		act_on(e, &who, RECORD_ACT_LEAVE, rooms, n);
}

/* Through the ring, so that the socket hears first what was sent to it. */
static void disconnect(struct eval *e, const struct action *a)
{
	struct target_room self;
	struct audience who = {.nsp = e->nsp, .in = &self, .nin = 1};

	if (e->so == NULL)
		return;
	self = (struct target_room){slice_make(e->so->id.text, SID_LEN), true};
	act_on(e, &who, a->disconnect == DISCONNECT_TRANSPORT ? RECORD_ACT_CLOSE : RECORD_ACT_DISCONNECT, NULL, 0);
}

void rule_act_last(struct eval *e, const struct rule *r, const struct rule_ran *ran)
{
	struct slice room = e->room;

	for (unsigned i = 0; i < r->naction; i++) {
		const struct action *a = &r->action[i];

		for (unsigned k = 0; k < ran[i].n; k++) {
			e->room = ran[i].room[k];
			leave(e, a);
			if (a->has_evict || a->close)
				empty_rooms(e, a);
		}
		e->room = room;
	}
	for (unsigned i = 0; i < r->naction; i++) {
		if (r->action[i].disconnect == DISCONNECT_NO || ran[i].n == 0)
			continue;
		disconnect(e, &r->action[i]);
		return;
	}
}

int rule_act_in(struct eval *e, const struct action *a, struct slice room)
{
	struct rule_ran ran = {0, &(struct slice){NULL, 0}};
	int err;

	e->room = room;
	err = act(e, a, &ran);
	if (err == 0 && ran.n > 0 && (a->has_evict || a->close))
		empty_rooms(e, a);
	e->room = slice_make(NULL, 0);
	return err;
}
