#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "worker/eval.h"
#include "worker/ghost.h"
#include "worker/nsp.h"
#include "worker/rule.h"
#include "worker/session.h"
#include "worker/trigger.h"
#include "worker/worker.h"

#define WAITING_MAX 65536u /* a worker full of clients goes at once */
#define DEPTH_MAX   16u	   /* reactions that made one another: rules that go round in a circle end here */
#define BUDGET	    1024u  /* entries a turn, */
#define BUDGET_LATE 64u	   /* and of one that is late */

enum entry_kind { ENTRY_ROOM, ENTRY_GONE, ENTRY_EDGE };

/* One block of memory; the slices lie behind the struct. */
struct trigger_entry {
	struct trigger_entry *next;
	enum entry_kind kind;
	unsigned index; /* ROOM: enum room_trigger; EDGE: enum record_edge */
	unsigned depth; /* reactions before it that led to it */
	char sid[SID_LEN + 1]; /* ROOM: of the socket, which may be gone when the turn comes */
	struct ghost *ghost;   /* GONE */
	struct slice nsp, room; /* EDGE: both, with NULs behind them; ROOM: the room */
	struct eval_user user;	/* EDGE */
};

void trigger_init(struct trigger_queue *q)
{
	*q = (struct trigger_queue){.tail = &q->head};
}

/* An entry with room for BYTES behind it; NULL: there is no place for it, or it has come too far, which was counted. */
static struct trigger_entry *push(struct worker *w, enum entry_kind kind, size_t bytes)
{
	struct trigger_queue *q = &w->triggers;
	struct trigger_entry *e = NULL;

	if (q->depth > DEPTH_MAX)
		log_warn("trigger_circle", "reactions=%u", q->depth);
	else if (q->n < WAITING_MAX)
		e = malloc(sizeof(*e) + bytes);
	if (e == NULL) {
		counter_add(w->ct, COUNTER_TRIGGERS_DROPPED, 1);
		return NULL;
	}
	*e = (struct trigger_entry){.kind = kind, .depth = q->depth};
	*q->tail = e;
	q->tail = &e->next;
	q->n++;
	return e;
}

static bool anybody_reacts(const struct catalogue_nsp *rules, struct slice room, enum room_trigger which)
{
	const struct room_type *type;

	if (!rules->uses_membership)
		return false;
	type = catalogue_type_of_room(rules, room.p, room.n);
	return rules->on_room[which] != NULL || (type != NULL && type->on[which] != NULL);
}

static void room_changed(struct socket *so, struct slice room, enum room_trigger which)
{
	struct trigger_entry *e;
	char *at;

	if (!anybody_reacts(so->nsp->rules, room, which))
		return;
	e = push(so->session->w, ENTRY_ROOM, room.n + 1);
	if (e == NULL)
		return;
	at = (char *)(e + 1);
	e->index = which;
	memcpy(e->sid, so->id.text, sizeof(e->sid));
	e->room = slice_keep(&at, room);
}

void trigger_joined(struct socket *so, struct slice room)
{
	room_changed(so, room, ROOM_TRIGGER_JOIN);
}

void trigger_left(struct socket *so, struct slice room)
{
	room_changed(so, room, ROOM_TRIGGER_LEAVE);
}

void trigger_gone(const struct socket *so, enum close_reason reason)
{
	const struct catalogue_nsp *rules = so->nsp->rules;
	struct trigger_entry *e;

	/* one that never said who it is was never there */
	if (so->pending || (rules->on[TRIGGER_DISCONNECT] == NULL && !(rules->uses_membership && so->nrooms > 1)))
		return;
	e = push(so->session->w, ENTRY_GONE, 0);
	if (e != NULL)
		e->ghost = ghost_of(so, close_reason_name(reason));
}

static struct slice field(const struct record *rec, uint16_t type)
{
	size_t off = 0;
	struct tlv t;

	while (tlv_next(rec->tlvs, rec->tlvs_len, &off, &t) > 0)
		if (t.type == type)
			return slice_make((const char *)t.val, t.len);
	return slice_make(NULL, 0);
}

static struct slice edge_room(const struct record *rec)
{
	uint64_t hash;
	const char *name;
	size_t len, off = 0;
	uint16_t sub;

	return record_next_room(rec, RECORD_TLV_ARG_ROOM, &off, &hash, &name, &len, &sub) ? slice_make(name, len)
										       : slice_make(NULL, 0);
}

void trigger_edge(struct worker *w, const struct record *rec)
{
	struct slice nsp = slice_make(rec->nsp, rec->nsp_len), room = edge_room(rec);
	struct eval_user u = {.id = field(rec, RECORD_TLV_USER),
	    .name = field(rec, RECORD_TLV_USER_NAME),
	    .role = field(rec, RECORD_TLV_USER_ROLE)};
	const struct catalogue_nsp *rules = catalogue_nsp_find(&w->conf->catalogue, nsp.p, nsp.n);
	enum trigger_kind of_user = rec->head.act == RECORD_EDGE_ONLINE ? TRIGGER_ONLINE : TRIGGER_OFFLINE;
	struct trigger_entry *e;
	char *at;

	if (rules == NULL || (rec->head.act <= RECORD_EDGE_OFFLINE && rules->on[of_user] == NULL))
		return;
	e = push(w, ENTRY_EDGE, nsp.n + room.n + u.id.n + u.name.n + u.role.n + 5);
	if (e == NULL)
		return;
	at = (char *)(e + 1);
	e->index = rec->head.act;
	e->nsp = slice_keep(&at, nsp);
	e->room = slice_keep(&at, room);
	e->user = (struct eval_user){.id = slice_keep(&at, u.id), .name = slice_keep(&at, u.name), .role = slice_keep(&at, u.role)};
}

/* The general rule first, then the one of the room's type. */
static void run_room(struct eval *e, struct slice room, enum room_trigger which, bool automatic)
{
	const struct room_type *type = catalogue_type_of_room(e->rules, room.p, room.n);

	e->room = room;
	if (!automatic)
		rule_react(e, e->rules->on_room[which]);
	if (type != NULL)
		rule_react(e, type->on[which]);
}

static void run_gone(struct worker *w, struct ghost *g)
{
	struct eval e;

	for (unsigned i = 0; i < g->nrooms; i++) {
		if (g->room[i].automatic || !anybody_reacts(g->rules, g->room[i].name, ROOM_TRIGGER_LEAVE))
			continue;
		eval_init_gone(&e, w, g);
		run_room(&e, g->room[i].name, ROOM_TRIGGER_LEAVE, false);
	}
	eval_init_gone(&e, w, g);
	rule_react(&e, g->rules->on[TRIGGER_DISCONNECT]);
}

/* The keeper told of those rooms only that some rule is about. */
static void run_edge(struct worker *w, const struct trigger_entry *t)
{
	static const enum room_trigger of_room[] = {
	    [RECORD_EDGE_ENTER] = ROOM_TRIGGER_ENTER,
	    [RECORD_EDGE_EXIT] = ROOM_TRIGGER_EXIT,
	    [RECORD_EDGE_OCCUPIED] = ROOM_TRIGGER_OCCUPIED,
	    [RECORD_EDGE_VACATED] = ROOM_TRIGGER_VACATED,
	};
	const struct catalogue_nsp *rules = catalogue_nsp_find(&w->conf->catalogue, t->nsp.p, t->nsp.n);
	const struct room_type *type;
	struct eval e;

	eval_init_in(&e, w, t->nsp, rules);
	e.user = t->user;
	if (t->index <= RECORD_EDGE_OFFLINE) {
		rule_react(&e, rules->on[t->index == RECORD_EDGE_ONLINE ? TRIGGER_ONLINE : TRIGGER_OFFLINE]);
		return;
	}
	if (t->room.p == NULL)
		return;
	type = catalogue_type_of_room(rules, t->room.p, t->room.n);
	run_room(&e, t->room, of_room[t->index], type != NULL && type->builtin);
}

static void run(struct worker *w, const struct trigger_entry *t)
{
	struct socket *so;
	struct eval e;

	switch (t->kind) {
	case ENTRY_ROOM:
		so = socket_find(w, slice_make(t->sid, SID_LEN));
		if (so == NULL)
			return; /* its end tells of the rooms that it was in */
		eval_init(&e, w, so);
		run_room(&e, t->room, (enum room_trigger)t->index, false);
		break;
	case ENTRY_GONE:
		if (t->ghost != NULL)
			run_gone(w, t->ghost);
		break;
	case ENTRY_EDGE: run_edge(w, t); break;
	}
}

bool trigger_turn(struct worker *w)
{
	struct trigger_queue *q = &w->triggers;

	for (unsigned i = 0; i < (worker_is_late(w) ? BUDGET_LATE : BUDGET) && q->head != NULL && !outlet_congested(&w->bcast); i++) {
		struct trigger_entry *t = q->head;

		q->head = t->next;
		if (q->head == NULL)
			q->tail = &q->head;
		q->n--;
		q->depth = t->depth + 1;
		run(w, t);
		q->depth = 0;
		ghost_put(t->ghost);
		free(t);
	}
	return q->head != NULL && !outlet_congested(&w->bcast);
}

void trigger_limited(struct socket *so, struct slice name, struct slice text, struct slice code, int64_t retry_after)
{
	struct eval e;

	if (so->nsp->rules->on[TRIGGER_LIMITED] == NULL)
		return;
	eval_init(&e, so->session->w, so);
	e.event = name;
	e.error = text;
	e.code = code;
	e.retry_after = retry_after;
	rule_react(&e, so->nsp->rules->on[TRIGGER_LIMITED]);
}

void trigger_expiring(struct socket *so)
{
	struct eval e;

	eval_init(&e, so->session->w, so);
	rule_react(&e, so->nsp->rules->on[TRIGGER_EXPIRING]);
}
