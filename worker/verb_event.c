/*
 * verb_event.c - `event`: what a backend publishes by name; a `route` of the conf says who hears it.
 *
 * Reading runs the whole route but for the publishing: fields, conditions, targets, packets.  So a wrong value is told
 * before anything was sent, and what is left to do can only fail for want of room, which is asked for first.  Of a route
 * that waits for its hook, reading ends with the checks (verb_hook.c).
 */
#include <string.h>

#include "proto/json.h"
#include "shm/store.h"
#include "worker/eval.h"
#include "worker/limit.h"
#include "worker/rule_act.h"
#include "worker/rule_emit.h"
#include "worker/rule_target.h"
#include "worker/verb_body.h"
#include "worker/worker.h"

#define FIELD_TOLD_MAX 200 /* bytes of a field's name in an error */

/* An action of the route, ready to go. */
struct verb_shot {
	struct verb_targets to, except;
	struct slice packet;
	bool is_volatile;
	struct slice *room; /* that are left at last: by the user of `evict`, by everybody with `close` */
	unsigned nroom;
	struct target_room evict; /* name.p NULL: nobody */
	bool close;
};

static const char *told(struct worker *w, const char *member, struct slice name)
{
	size_t n = name.n < FIELD_TOLD_MAX ? name.n : FIELD_TOLD_MAX, m = strlen(member);
	char *p = arena_alloc(&w->arena, m + n + 2);

	memcpy(p, member, m);
	if (n > 0)
		p[m++] = '.';
	memcpy(p + m, name.p, n);
	p[m + n] = '\0';
	return p;
}

/* The source of a room or user id cannot be used: which member of the body it is from. */
static bool wrong_source(struct worker *w, const struct source *src, struct verb_error *err)
{
	static const char why[] = "a part of a name is text of 1 to 128 bytes without control characters, or an integer";
	struct slice name;

	if (src == NULL)
		return verb_wrong(err, 422, "invalid", "a room's name has at most 250 bytes, the namespace included", "data");
	name = slice_make(src->written.p, src->written.n);
	if (src->kind == SOURCE_HOOK)
		return verb_wrong(err, 422, "invalid", "what the hook replied names no room: a part of a name is text of 1 to 128 bytes, or an integer", NULL);
	if (src->kind == SOURCE_VARS)
		return verb_wrong(err, 422, "invalid", why, told(w, "vars", slice_make(name.p + 6, name.n - 6)));
	return verb_wrong(err, 422, "invalid", why, told(w, "data", src->kind == SOURCE_PATH ? name : slice_make(NULL, 0)));
}

static bool wrong_target(struct eval *e, const struct action *a, struct verb_error *err)
{
	struct slice name;

	for (unsigned i = 0; i < a->nto + a->nexcept; i++) {
		const struct target *t = i < a->nto ? &a->to[i] : &a->except[i - a->nto];

		if (t->kind == TARGET_TEMPLATE && !target_room_name(e, &t->room, &name))
			return wrong_source(e->w, eval_text_wrong(e, &t->room), err);
	}
	return verb_wrong(err, 422, "too_many", "at most 128 targets", NULL);
}

static struct verb_targets kept(struct worker *w, const struct targets *t)
{
	struct target_room *room = arena_alloc(&w->arena, (t->n + 1) * sizeof(*room));

	memcpy(room, t->room, t->n * sizeof(*room));
	return (struct verb_targets){room, t->n, t->all};
}

/* What the action empties at last. */
static bool read_empty(
    struct eval *e, const struct action *a, const struct targets *to, struct verb_shot *s, struct verb_error *err)
{
	struct slice rooms[TARGETS_MAX];

	if (a->has_evict && !rule_user_room(e, &a->evict, &s->evict))
		return wrong_source(e->w, eval_text_wrong(e, &a->evict), err);
	s->close = a->close;
	if (!a->has_evict && !a->close)
		return true;
	s->nroom = rule_leavable(e, to, rooms);
	s->room = arena_alloc(&e->w->arena, (s->nroom + 1) * sizeof(*s->room));
	memcpy(s->room, rooms, s->nroom * sizeof(*rooms));
	return true;
}

static bool read_shot(struct eval *e, const struct action *a, struct verb_event *v, struct verb_error *err)
{
	struct targets to = {.n = 0}, except = {.n = 0};
	struct verb_shot *s = &v->shot[v->nshot];
	struct worker *w = e->w;
	struct audience who;
	struct message m;

	*s = (struct verb_shot){.is_volatile = a->is_volatile};
	if (!targets_resolve(e, a, &to, &except))
		return wrong_target(e, a, err);
	if (!targets_audience(e, &to, &except, &who))
		return true;
	if (a->has_emit && rule_packet(e, a, &m) != 0)
		return verb_wrong(err, 422, "invalid", "this route adds members, so its data is an object", "data");
	if (a->has_emit)
		s->packet = slice_make(arena_copy(&w->arena, m.packet.p, m.packet.n), m.packet.n);
	s->to = kept(w, &to);
	s->except = kept(w, &except);
	if (!read_empty(e, a, &to, s, err))
		return false;
	v->nshot++;
	return true;
}

static bool source_of(void *eval, const struct source *src, struct slice *json)
{
	return eval_source(eval, src, json);
}

static bool read_data(struct eval *e, const struct rule *r, struct slice data, struct verb_error *err)
{
	struct fields_result got;

	e->args = e->payload = data;
	if (r->fields == NULL)
		return true;
	if (!fields_check(r->fields, &e->w->arena, data, &e->attached, source_of, e, &got))
		return verb_wrong(err, 422, "invalid", "this is not what the route's fields demand", told(e->w, "data", got.wrong));
	e->args = got.args;
	e->payload = got.payload;
	e->state = got.state;
	return true;
}

/* *GOES: whether `if` holds. */
static bool read_conditions(struct eval *e, const struct rule *r, bool *goes, struct verb_error *err)
{
	*goes = false;
	if (r->has_room && !target_room_name(e, &r->room, &e->room))
		return wrong_source(e->w, eval_text_wrong(e, &r->room), err);
	if (!eval_all(e, r->ifs, r->nif))
		return true;
	for (unsigned i = 0; i < r->ncheck; i++) {
		const struct check *c = &r->check[i];

		if (!eval_all(e, c->ifs, c->nif))
			return verb_wrong(err, 422, c->code.p != NULL ? c->code.p : "refused", c->error_plain.p, NULL);
	}
	*goes = true;
	return true;
}

bool verb_event_shots(struct eval *e, struct verb_event *v, struct verb_error *err)
{
	const struct rule *r = v->route;

	v->shot = arena_alloc(&e->w->arena, r->naction * sizeof(*v->shot));
	for (unsigned i = 0; i < r->naction; i++) {
		const struct action *a = &r->action[i];

		if (eval_all(e, a->ifs, a->nif) && !read_shot(e, a, v, err))
			return false;
	}
	if (e->id[0] == '\0')
		uuid_make(e->id);
	memcpy(v->id, e->id, sizeof(v->id));
	return true;
}

/* What cannot be had of a route that waits for its hook. */
static bool may_ask(const struct rule *r, enum verb_way way, const struct verb *v, struct verb_error *err)
{
	if (r->hook.hook == NULL || r->hook.notify)
		return true;
	if (way == VERB_REPLIED)
		return verb_wrong(err, 422, "nested", "this route waits for a hook: the reply of a hook cannot name it", "type");
	/* a second call would ask it again, and be told what it says then */
	return v->id.p == NULL ||
	       verb_wrong(err, 422, "invalid", "this route waits for its hook, which an id does not keep from being asked again", "id");
}

/* NULL and *ERR when RULES have none of that name. */
static const struct rule *find_route(const struct catalogue_nsp *rules, struct slice type, struct verb_error *err)
{
	char name[CATALOGUE_EVENT_MAX];
	const struct rule *r;
	ssize_t n;

	if (json_type(type) != JSON_STRING) {
		verb_wrong(err, 422, type.p == NULL ? "missing" : "invalid", "the name of a route", "type");
		return NULL;
	}
	n = json_string_decode(type, name, sizeof(name));
	r = n > 0 ? catalogue_route(rules, name, (size_t)n) : NULL;
	if (r == NULL)
		verb_wrong(err, 404, "unknown_event", "no route of this name is declared", "type");
	return r;
}

bool verb_event_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err)
{
	struct verb_event *ev = &v->u.event;
	struct slice vars = verb_member(m, "vars");
	const struct catalogue_nsp *rules;
	const struct rule *r;
	struct eval *e;
	bool goes;

	if (!verb_namespace(w, m, &ev->nsp, err) || !verb_id(w, m, &v->id, err))
		return false;
	rules = catalogue_nsp_find(&w->conf->catalogue, ev->nsp.p, ev->nsp.n);
	r = find_route(rules, verb_member(m, "type"), err);
	if (r == NULL || !may_ask(r, way, v, err))
		return false;
	ev->route = r;
	ev->rules = rules;
	if (vars.p != NULL && json_type(vars) != JSON_OBJECT)
		return verb_wrong(err, 422, "invalid", "vars is an object", "vars");
	e = arena_alloc(&w->arena, sizeof(*e));
	eval_init_in(e, w, ev->nsp, rules);
	e->event = slice_make(r->name_json.p, r->name_json.n);
	e->name = slice_make(r->name.p, r->name.n);
	e->vars = vars;
	if (!read_data(e, r, verb_member(m, "data"), err) || !read_conditions(e, r, &goes, err))
		return false;
	if (!goes) {
		uuid_make(ev->id);
		return true;
	}
	ev->hook = r->hook.hook != NULL ? e : NULL;
	return verb_asks(v) || verb_event_shots(e, ev, err);
}

bool verb_event_admit(struct worker *w, const struct verb *v, struct verb_error *err)
{
	const struct verb_event *ev = &v->u.event;
	const struct limit *full;
	int64_t retry_after;
	struct eval e;

	if (ev->route->nlimit == 0)
		return true;
	eval_init_in(&e, w, ev->nsp, ev->rules);
	full = limit_rule_run(&e, ev->route, &retry_after);
	if (full == NULL)
		return true;
	counter_add_to(&w->ct->refused[REFUSAL_RATE_LIMITED], 1);
	verb_wrong(err, 429, "rate_limited", limit_words(w, full).p, NULL);
	err->retry_after = retry_after;
	return false;
}

/* 0 when everything that the shots publish would be taken, else what it would be refused with. */
static int would_take(struct worker *w, const struct verb_event *ev)
{
	size_t *size = arena_alloc(&w->arena, 3 * ev->nshot * sizeof(*size));
	unsigned n = 0;

	for (unsigned i = 0; i < ev->nshot; i++) {
		const struct verb_shot *s = &ev->shot[i];
		const struct audience who = verb_audience(ev->nsp, &s->to, &s->except), one = {.nsp = ev->nsp, .in = &s->evict, .nin = 1};
		size_t names = 0;

		for (unsigned k = 0; k < s->nroom; k++)
			names += s->room[k].n;
		if (s->packet.p != NULL)
			size[n++] = publish_size(&who, s->packet.n, 1);
		if (s->nroom > 0 && s->evict.name.p != NULL)
			size[n++] = publish_size(&one, names, s->nroom);
		if (s->nroom > 0 && s->close)
			size[n++] = publish_size(&who, names, s->nroom);
	}
	return n > 1 ? publish_would_take(w, size, n) : 0;
}

static int64_t tell(struct worker *w, const struct verb_event *ev, const struct verb_shot *s, uint64_t *delivered)
{
	const struct audience who = verb_audience(ev->nsp, &s->to, &s->except);
	const struct message m = message_text(s->packet);
	const char *const *names;
	uint64_t sum = 0;
	unsigned n;

	names = verb_target_names(w, &s->to, &n);
	if (store_count_rooms(w->store, ev->nsp.p, names, n, &sum) == 0)
		*delivered += sum;
	return publish_message(w, &who, &m, s->is_volatile ? RECORD_VOLATILE : 0);
}

static int64_t empty(struct worker *w, const struct verb_event *ev, const struct verb_shot *s)
{
	const struct audience who = verb_audience(ev->nsp, &s->to, &s->except), one = {.nsp = ev->nsp, .in = &s->evict, .nin = 1};
	int64_t ticket = 0;

	if (s->nroom > 0 && s->evict.name.p != NULL)
		ticket = publish_control(w, &one, RECORD_ACT_LEAVE, s->room, s->nroom);
	if (s->nroom > 0 && s->close && ticket >= 0)
		ticket = publish_control(w, &who, RECORD_ACT_LEAVE, s->room, s->nroom);
	return ticket;
}

bool verb_event_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err)
{
	const struct verb_event *ev = &v->u.event;
	int64_t ticket = w->hold == NULL ? would_take(w, ev) : 0; /* what travels with an id is put whole anyway */

	out->status = 202;
	out->has_id = true;
	verb_result_id(out, v, ev->id);
	if (w->hold == NULL)
		verb_hook_tell(v);
	/* twice, so that all are told before the first of them is made to leave */
	for (unsigned i = 0; i < 2 * ev->nshot && ticket >= 0; i++) {
		const struct verb_shot *s = &ev->shot[i % ev->nshot];
		bool last = i >= ev->nshot;

		if (last || s->packet.p != NULL)
			ticket = last ? empty(w, ev, s) : tell(w, ev, s, &out->n);
		if (ticket > 0)
			out->ticket = ticket;
	}
	return ticket >= 0 || verb_unpublished(err, ticket);
}
