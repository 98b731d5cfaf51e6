#include "worker/eval_keep.h"

#include <stdlib.h>

#include "conf/log.h"
#include "worker/ghost.h"
#include "worker/socket.h"
#include "worker/worker.h"

#define SLICES_MAX 24

/* Every slice of E: one that is not here would point into a turn that is over. */
static unsigned slices_of(struct eval *e, struct slice *out[SLICES_MAX])
{
	struct slice *all[] = {&e->args, &e->payload, &e->rest, &e->nsp, &e->user.id, &e->user.name, &e->user.role,
	    &e->user.claims, &e->user.data, &e->event, &e->name, &e->room, &e->error, &e->code, &e->vars, &e->reason,
	    &e->hook};
	unsigned n = sizeof(all) / sizeof(*all);

	_Static_assert(sizeof(all) / sizeof(*all) <= SLICES_MAX, "room for all of them");
	memcpy(out, all, sizeof(all));
	return n;
}

static bool is_inside(struct slice part, struct slice whole)
{
	return part.p != NULL && whole.p != NULL && part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

/* Bytes that keep() uses for S; of the payload, which lies among the arguments, none. */
static size_t room_for(struct slice s, struct slice args)
{
	return s.p == NULL || is_inside(s, args) ? 0 : s.n + 1;
}

/* Where copies go: OLD are the arguments as they were, NEW their copy. */
struct copier {
	char *at;
	struct slice old, new;
};

static void keep(struct copier *c, struct slice *s)
{
	if (s->p == NULL)
		return;
	if (c->new.p != NULL && is_inside(*s, c->old)) {
		s->p = c->new.p + (s->p - c->old.p);
		return;
	}
	memcpy(c->at, s->p, s->n);
	c->at[s->n] = '\0'; /* some, names of namespaces, are used as C strings too */
	s->p = c->at;
	c->at += s->n + 1;
}

static size_t bytes_of(const struct eval *e, unsigned nstate)
{
	struct eval copy = *e;
	struct slice *s[SLICES_MAX];
	size_t bytes = sizeof(struct eval_kept) + nstate * sizeof(struct field_state) + e->attached.n * sizeof(struct slice);
	unsigned n = slices_of(&copy, s);

	bytes += e->args.n + 1;
	for (unsigned i = 1; i < n; i++)
		bytes += room_for(*s[i], e->args);
	for (unsigned i = 0; i < nstate; i++)
		bytes += room_for(e->state[i].value, e->args);
	for (unsigned i = 0; i < e->attached.n; i++)
		bytes += e->attached.v[i].n + 1;
	return bytes;
}

struct eval_kept *eval_keep(const struct eval *e, unsigned nstate)
{
	size_t bytes = bytes_of(e, nstate);
	struct eval_kept *k = malloc(bytes);
	struct copier c = {.old = e->args};
	struct field_state *state;
	struct slice *s[SLICES_MAX], *attached;
	unsigned n;

	if (k == NULL)
		worker_die(e->w, "out of memory");
	*k = (struct eval_kept){.e = *e, .bytes = bytes};
	state = (struct field_state *)(k + 1);
	attached = (struct slice *)(state + nstate);
	c.at = (char *)(attached + e->attached.n);
	n = slices_of(&k->e, s);
	for (unsigned i = 0; i < n; i++) {
		keep(&c, s[i]);
		if (i == 0)
			c.new = k->e.args;
	}
	for (unsigned i = 0; i < nstate; i++) {
		state[i] = e->state[i];
		keep(&c, &state[i].value);
	}
	for (unsigned i = 0; i < e->attached.n; i++) {
		attached[i] = e->attached.v[i];
		keep(&c, &attached[i]);
	}
	k->e.state = e->state != NULL ? state : NULL;
	k->e.attached.v = attached;
	k->e.so = NULL;
	if (k->e.ghost != NULL)
		k->e.ghost->refs++;
	return k;
}

void eval_again(const struct eval_kept *k, const struct socket *so, struct eval *out)
{
	struct eval now;

	*out = k->e;
	if (so == NULL)
		return;
	eval_init(&now, k->e.w, so);
	out->so = so;
	out->nsp = now.nsp;
	out->rules = now.rules;
	out->user = now.user;
}

void eval_kept_free(struct eval_kept *k)
{
	ghost_put(k->e.ghost);
	free(k);
}
