#include "conf/walk.h"

struct walk {
	walk_fn fn;
	void *arg;
};

static void source(const struct walk *w, const struct source *s, enum walk_use use)
{
	if (s->kind != SOURCE_LITERAL)
		w->fn(w->arg, s, use);
}

static void conditions(const struct walk *w, unsigned n, const struct condition *c)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < c[i].n; j++) {
			source(w, &c[i].term[j].x, WALK_VALUE);
			if (c[i].term[j].op != COND_TRUTHY)
				source(w, &c[i].term[j].y, WALK_VALUE);
		}
	}
}

static void hole(const struct walk *w, const struct hole *h, enum walk_use use)
{
	if (h->is_condition)
		conditions(w, 1, &h->condition);
	else
		source(w, &h->source, h->has_default || h->optional ? WALK_VALUE : use);
}

static void parts(const struct walk *w, unsigned n, const struct text_part *part, enum walk_use use)
{
	for (unsigned i = 0; i < n; i++)
		if (part[i].is_hole)
			hole(w, &part[i].hole, use);
}

static void targets(const struct walk *w, unsigned n, const struct target *t)
{
	for (unsigned i = 0; i < n; i++)
		if (t[i].kind == TARGET_TEMPLATE)
			parts(w, t[i].room.n, t[i].room.part, WALK_VALUE);
}

/* As deep as the conf's own nesting, which the scanner bounds. */
static void json(const struct walk *w, const struct json_node *n)
{
	switch (n->kind) {
	case JSON_NODE_LITERAL: break;
	case JSON_NODE_HOLE: hole(w, &n->hole, WALK_VALUE); break;
	case JSON_NODE_STRING: parts(w, n->n, n->part, WALK_VALUE); break;
	case JSON_NODE_ARRAY:
	case JSON_NODE_OBJECT:
		for (unsigned i = 0; i < n->n; i++)
			json(w, &n->child[i]);
		break;
	}
}

static void action(const struct walk *w, const struct action *a)
{
	conditions(w, a->nif, a->ifs);
	targets(w, a->njoin, a->join);
	targets(w, a->nto, a->to);
	targets(w, a->nexcept, a->except);
	if (a->body == BODY_DATA || a->body == BODY_ARGS)
		json(w, &a->json);
	for (unsigned i = 0; i < a->nadd; i++)
		source(w, &a->add[i].source, WALK_VALUE);
	targets(w, a->nleave, a->leave);
	if (a->has_evict)
		parts(w, a->evict.n, a->evict.part, WALK_VALUE);
}

void walk_rule(const struct rule *r, walk_fn fn, void *arg)
{
	const struct walk w = {fn, arg};

	if (r->has_room)
		parts(&w, r->room.n, r->room.part, WALK_ROOM);
	conditions(&w, r->nif, r->ifs);
	for (unsigned i = 0; i < r->ncheck; i++)
		conditions(&w, r->check[i].nif, r->check[i].ifs);
	for (unsigned i = 0; i < r->naction; i++)
		action(&w, &r->action[i]);
	if (r->ack == ACK_TEMPLATE || r->ack == ACK_ARGS)
		json(&w, &r->ack_json);
}

static void reaction(walk_on_fn fn, void *arg, const struct rule *r, const struct room_type *type)
{
	if (r != NULL)
		fn(arg, r, type);
}

void walk_reactions(const struct catalogue_nsp *nsp, walk_on_fn fn, void *arg)
{
	for (unsigned k = 0; k < TRIGGER_MAX; k++)
		reaction(fn, arg, nsp->on[k], NULL);
	for (unsigned k = 0; k < ROOM_TRIGGER_MAX; k++) {
		reaction(fn, arg, nsp->on_room[k], NULL);
		for (unsigned i = 0; i < nsp->nroom_type; i++)
			reaction(fn, arg, nsp->room_type[i].on[k], &nsp->room_type[i]);
	}
}

struct collect {
	struct conf_arena *arena;
	struct walk_reads reads;
};

static void collect(void *arg, const struct source *s, enum walk_use use)
{
	struct collect *c = arg;
	struct walk_reads *r = &c->reads;
	unsigned i = 0;

	if (s->kind != SOURCE_PATH || s->nseg == 0)
		return;
	if (s->seg[0].p[0] == '*' || (s->seg[0].p[0] >= '0' && s->seg[0].p[0] <= '9')) {
		r->list = true;
		return;
	}
	while (i < r->n && !text_equal(r->member[i].name, s->seg[0]))
		i++;
	if (i == r->n) {
		r->member = conf_arena_push(c->arena, r->member, r->n, sizeof *r->member);
		r->member[r->n++].name = s->seg[0];
	}
	r->member[i].room |= use == WALK_ROOM && s->nseg == 1;
	r->member[i].inner |= s->nseg > 1;
}

struct walk_reads walk_reads(struct conf_arena *a, const struct rule *r)
{
	struct collect c = {.arena = a};

	walk_rule(r, collect, &c);
	return c.reads;
}
