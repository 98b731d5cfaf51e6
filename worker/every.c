#include <stdlib.h>

#include "conf/log.h"
#include "shm/op.h"
#include "shm/store.h"
#include "worker/every.h"
#include "worker/rule.h"
#include "worker/rule_act.h"
#include "worker/rule_hook.h"
#include "worker/worker.h"

#define PAGE	64u  /* rooms of a turn */
#define ASKED_MAX 256u /* hooks that are asked about rooms at a time */

/* One that is going on. */
struct every_run {
	struct every_run *next;
	const struct catalogue_nsp *nsp;
	const struct every *every;
	unsigned action;		/* the one that is next */
	char after[OP_NAME_MAX + 1];	/* the last room that it was done for; "": none yet */
	char id[UUID_LEN + 1];
	bool roomed;	   /* it was done for every room, of a rule that is about each */
	unsigned nasked;   /* hooks asked about rooms, without a reply yet */
	bool asked, waits; /* its hook, of a rule that is about none */
	bool ended;	   /* by it */
	char *hook;	   /* what it said, JSON; NULL: nothing */
};

static const struct every *find(const struct catalogue_nsp *nsp, struct slice name)
{
	for (unsigned i = 0; i < nsp->nevery; i++) {
		if (slice_eq(name, slice_make(nsp->every[i].rule.name.p, nsp->every[i].rule.name.n)))
			return &nsp->every[i];
	}
	return NULL;
}

void every_due(struct worker *w, const struct record *rec)
{
	const struct catalogue_nsp *nsp = catalogue_nsp_find(&w->conf->catalogue, rec->nsp, rec->nsp_len);
	const struct every *every = nsp != NULL ? find(nsp, slice_make(rec->packet, rec->packet_len)) : NULL;
	struct every_run *run, **pp;
	struct eval e;

	if (every == NULL)
		return; /* of a conf that was */
	for (pp = &w->everies; *pp != NULL; pp = &(*pp)->next) {
		if ((*pp)->every == every) {
			log_warn("every_skipped", "name=%s", every->rule.name.p);
			return;
		}
	}
	eval_init_in(&e, w, slice_make(nsp->name.p, nsp->name.n), nsp);
	if (!rule_has_room(&e, &every->rule))
		return;
	run = calloc(1, sizeof(*run));
	if (run == NULL)
		worker_die(w, "out of memory");
	*run = (struct every_run){.nsp = nsp, .every = every};
	*pp = run;
	counter_add(w->ct, COUNTER_EDGES, 1);
}

static void act_in(struct eval *e, struct every_run *run, struct slice room)
{
	int err = rule_act_in(e, &run->every->rule.action[run->action], room);

	if (err < 0)
		log_debug("rule_ended", "every=%s error=%d", run->every->rule.name.p, err);
}

/* The inline action of a rule about each room; it may have none. */
static void act_inline(struct eval *e, const struct every_run *run, struct slice room)
{
	const struct rule *r = &run->every->rule;

	if (r->naction > 0 && !r->action[0].also && rule_act_in(e, &r->action[0], room) < 0)
		log_debug("rule_ended", "every=%s room=%.*s", r->name.p, (int)room.n, room.p);
}

static void room_replied(struct rule_run *rule, struct socket *so, const struct hook_reply *reply, enum hook_failure why)
{
	struct every_run *run = (struct every_run *)(uintptr_t)rule->what;
	struct eval e;

	(void)so;
	(void)why;
	run->nasked--;
	rule->w->more = true;
	if (reply == NULL && !run->every->rule.hook.hook->goes_on)
		return;
	eval_again(rule->kept, NULL, &e);
	if (reply != NULL) {
		rule_hook_acts(rule->w, NULL, reply);
		if (reply->refused)
			return;
		e.hook = reply->data;
	}
	act_inline(&e, run, e.room);
}

/* `if`, `hook` and the inline action, about one room. */
static void whole_in(struct eval *e, struct every_run *run, struct slice room)
{
	const struct rule *r = &run->every->rule;
	struct slice name = slice_make(r->name_json.p, r->name_json.n);
	enum hook_failure why;

	e->room = room;
	if (!eval_all(e, r->ifs, r->nif))
		return;
	if (r->hook.hook != NULL && !r->hook.notify) {
		if (rule_wait(e, name, &r->hook, 0, NULL, run, false, room_replied, &why) != NULL) {
			run->nasked++;
			return;
		}
		if (!r->hook.hook->goes_on)
			return;
	}
	if (r->hook.hook != NULL && r->hook.notify)
		rule_notify(e, name, &r->hook);
	act_inline(e, run, room);
}

/* Calls FN for the next rooms of TYPE.  True when there are more. */
static bool page(struct eval *e, struct every_run *run, const struct room_type *type,
    void (*fn)(struct eval *e, struct every_run *run, struct slice room))
{
	struct worker *w = e->w;
	struct store_room rooms[PAGE];
	char prefix[OP_NAME_MAX + 2];
	uint64_t sockets, users;
	bool more = false;
	int n;

	if (type->single) {
		if (store_get_room(w->store, run->nsp->name.p, type->name.p, &sockets, &users) == 1)
			fn(e, run, slice_make(type->name.p, type->name.n));
		return false;
	}
	snprintf(prefix, sizeof(prefix), "%s:", type->name.p);
	n = store_list_rooms(
	    w->store, run->nsp->name.p, prefix, run->after[0] != '\0' ? run->after : NULL, PAGE, rooms, &more);
	for (int i = 0; i < n; i++) {
		struct slice room = slice_make(rooms[i].name, strlen(rooms[i].name));

		fn(e, run, room);
		memcpy(run->after, room.p, room.n + 1);
		free(rooms[i].name);
	}
	return n > 0 && more;
}

static void replied(struct rule_run *rule, struct socket *so, const struct hook_reply *reply, enum hook_failure why)
{
	struct every_run *run = (struct every_run *)(uintptr_t)rule->what;

	(void)so;
	(void)why;
	run->waits = false;
	rule->w->more = true;
	if (reply == NULL) {
		run->ended = !run->every->rule.hook.hook->goes_on;
		return;
	}
	rule_hook_acts(rule->w, NULL, reply);
	run->ended = reply->refused;
	if (reply->data.p != NULL)
		run->hook = strndup(reply->data.p, reply->data.n);
}

/* True when the run goes on now. */
static bool ask(struct eval *e, struct every_run *run)
{
	const struct rule *r = &run->every->rule;
	struct slice name = slice_make(r->name_json.p, r->name_json.n);
	enum hook_failure why;

	run->asked = true;
	if (r->hook.hook == NULL)
		return true;
	if (r->hook.notify) {
		rule_notify(e, name, &r->hook);
		return true;
	}
	run->waits = rule_wait(e, name, &r->hook, 0, NULL, run, false, replied, &why) != NULL;
	run->ended = !run->waits && !r->hook.hook->goes_on;
	return !run->waits && !run->ended;
}

/* True when it was done for every room; the further actions follow. */
static bool for_rooms(struct eval *e, struct every_run *run)
{
	const struct rule *r = &run->every->rule;

	if (run->roomed || run->nasked >= ASKED_MAX)
		return run->roomed;
	run->roomed = !page(e, run, run->every->each, whole_in);
	memcpy(run->id, e->id, sizeof(run->id));
	e->room = slice_make(NULL, 0);
	if (!run->roomed)
		return false;
	run->after[0] = '\0';
	run->action = r->naction > 0 && !r->action[0].also;
	return true;
}

/* True when the actions follow now. */
static bool for_all(struct eval *e, struct every_run *run)
{
	const struct rule *r = &run->every->rule;

	if (run->ended || (!run->asked && !eval_all(e, r->ifs, r->nif)))
		return false;
	return run->asked || ask(e, run);
}

/* True when there is more to do. */
static bool go_on(struct worker *w, struct every_run *run)
{
	const struct rule *r = &run->every->rule;
	struct eval e;

	eval_init_in(&e, w, slice_make(run->nsp->name.p, run->nsp->name.n), run->nsp);
	memcpy(e.id, run->id, sizeof(e.id)); /* one @id a run */
	if (run->every->each != NULL && !for_rooms(&e, run))
		return true;
	if (run->every->each == NULL && !for_all(&e, run))
		return run->waits;
	if (run->hook != NULL)
		e.hook = slice_make(run->hook, strlen(run->hook));
	while (run->action < r->naction) {
		const struct action *a = &r->action[run->action];

		if (a->each != NULL && page(&e, run, a->each, act_in)) {
			memcpy(run->id, e.id, sizeof(run->id));
			return true;
		}
		if (a->each == NULL)
			act_in(&e, run, slice_make(NULL, 0));
		run->after[0] = '\0';
		run->action++;
	}
	return run->nasked > 0;
}

/* Nothing to do before a reply has come. */
static bool awaits(const struct every_run *run)
{
	bool done = run->roomed && run->action >= run->every->rule.naction;

	return run->waits || run->nasked >= ASKED_MAX || (done && run->nasked > 0);
}

void every_turn(struct worker *w)
{
	struct every_run **pp = &w->everies;

	while (*pp != NULL) {
		struct every_run *run = *pp;

		if (awaits(run)) {
			pp = &run->next;
			continue;
		}
		/* while the rings are full it waits, as clients do */
		if (w->congested || go_on(w, run)) {
			w->more |= !w->congested && !awaits(run);
			pp = &run->next;
			continue;
		}
		*pp = run->next;
		free(run->hook);
		free(run);
	}
}
