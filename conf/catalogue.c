#include "conf/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "conf/compile.h"

#define SEEDS 32 /* tried for a table without collisions, of which the best is taken */

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static uint64_t word_at(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* All bytes count, eight at a time; the last word may overlap the one before. */
static uint32_t hash_name(uint64_t seed, const char *p, size_t n)
{
	uint64_t h = seed ^ n;
	uint64_t last = 0;

	if (n >= 8) {
		for (size_t i = 0; i + 8 < n; i += 8)
			h = mix(h, word_at(p + i));
		last = word_at(p + n - 8);
	} else {
		for (size_t i = 0; i < n; i++)
			last = last << 8 | (unsigned char)p[i];
	}
	return (uint32_t)mix(h, last);
}

/* Fills X's table for its seed; returns how many names found their slot taken. */
static unsigned fill(struct name_index *x, const struct catalogue_nsp *nsp)
{
	unsigned taken = 0;

	memset(x->slot, 0, ((size_t)x->mask + 1) * sizeof *x->slot);
	for (unsigned i = 0; i < nsp->nevent; i++) {
		uint32_t hash = hash_name(x->seed, nsp->event[i].name.p, nsp->event[i].name.n);
		uint32_t at = hash & x->mask;

		if (nsp->event[i].pattern)
			continue;
		taken += x->slot[at].event != 0;
		while (x->slot[at].event != 0)
			at = (at + 1) & x->mask;
		x->slot[at] = (struct name_slot){hash, i + 1};
	}
	return taken;
}

static int by_prefix(const void *a, const void *b)
{
	const struct name_pattern *x = a;
	const struct name_pattern *y = b;

	return text_compare(x->prefix.p, x->prefix.n, y->prefix.p, y->prefix.n);
}

static bool begins(struct text prefix, struct text t)
{
	return prefix.n <= t.n && memcmp(prefix.p, t.p, prefix.n) == 0;
}

static void patterns_build(struct conf_arena *a, struct catalogue_nsp *nsp)
{
	struct name_pattern *p = conf_arena_alloc(a, nsp->nevent * sizeof *p);
	unsigned n = 0;

	for (unsigned i = 0; i < nsp->nevent; i++) {
		const struct rule *r = &nsp->event[i];

		if (r->pattern)
			p[n++] = (struct name_pattern){.prefix = {r->name.p, r->name.n - 1}, .rule = r};
	}
	if (n > 0)
		qsort(p, n, sizeof *p, by_prefix);
	for (unsigned i = 1; i < n; i++) {
		uint32_t outer = i;

		while (outer > 0 && !begins(p[outer - 1].prefix, p[i].prefix))
			outer = p[outer - 1].outer;
		p[i].outer = outer;
	}
	nsp->npattern = n;
	nsp->event_pattern = p;
}

void catalogue_index_build(struct conf_arena *a, struct catalogue_nsp *nsp)
{
	struct name_index *x = &nsp->index;
	uint64_t best_seed = 0;
	unsigned best = UINT32_MAX;
	uint32_t slots = 16;

	while (slots < nsp->nevent * 4)
		slots *= 2;
	x->mask = slots - 1;
	x->slot = conf_arena_alloc(a, slots * sizeof *x->slot);
	for (uint64_t s = 1; s <= SEEDS && best > 0; s++) {
		unsigned taken;

		x->seed = s * UINT64_C(0xd1342543de82ef95);
		taken = fill(x, nsp);
		if (taken < best) {
			best = taken;
			best_seed = x->seed;
		}
	}
	x->seed = best_seed;
	fill(x, nsp);
	patterns_build(a, nsp);
}

const struct rule *catalogue_event(const struct catalogue_nsp *nsp, const char *name, size_t n)
{
	const struct name_index *x = &nsp->index;
	uint32_t hash = hash_name(x->seed, name, n);

	for (uint32_t at = hash & x->mask; x->slot[at].event != 0; at = (at + 1) & x->mask) {
		const struct rule *r = &nsp->event[x->slot[at].event - 1];

		if (x->slot[at].hash == hash && r->name.n == n && memcmp(r->name.p, name, n) == 0)
			return r;
	}
	return NULL;
}

/* Binary search in N rules that are sorted by name. */
static const struct rule *by_name(const struct rule *rule, unsigned count, const char *name, size_t n)
{
	unsigned low = 0;
	unsigned high = count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct rule *r = &rule[middle];
		int order = text_compare(name, n, r->name.p, r->name.n);

		if (order == 0)
			return r;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct rule *catalogue_event_written(const struct catalogue_nsp *nsp, const char *name, size_t n)
{
	return by_name(nsp->event, nsp->nevent, name, n);
}

const struct rule *catalogue_route(const struct catalogue_nsp *nsp, const char *name, size_t n)
{
	return by_name(nsp->route, nsp->nroute, name, n);
}

const struct rule *catalogue_event_pattern(const struct catalogue_nsp *nsp, const char *name, size_t n)
{
	unsigned low = 0;
	unsigned high = nsp->npattern;
	uint32_t at;
	size_t same = 0;

	if (high == 0 || n > CATALOGUE_EVENT_MAX)
		return NULL;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct text *t = &nsp->event_pattern[middle].prefix;

		if (text_compare(t->p, t->n, name, n) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	at = low;
	while (same < n && same < nsp->event_pattern[at - 1].prefix.n &&
	    name[same] == nsp->event_pattern[at - 1].prefix.p[same])
		same++;
	/* All that are further out begin this one, so they agree with the name as far as this one does. */
	while (at > 0 && (nsp->event_pattern[at - 1].prefix.n > same || nsp->event_pattern[at - 1].prefix.n == n))
		at = nsp->event_pattern[at - 1].outer;
	return at > 0 ? nsp->event_pattern[at - 1].rule : NULL;
}

const struct room_type *catalogue_room_type(const struct catalogue_nsp *nsp, const char *name, size_t n)
{
	unsigned low = 0;
	unsigned high = nsp->nroom_type;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct room_type *t = &nsp->room_type[middle];
		int order = text_compare(name, n, t->name.p, t->name.n);

		if (order == 0)
			return t;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct role *catalogue_role(
    const struct catalogue *cat, const struct catalogue_nsp *nsp, const char *name, size_t n)
{
	for (unsigned i = 0; i < nsp->nrole; i++)
		if (text_equal(nsp->role[i].name, (struct text){name, n}))
			return &nsp->role[i];
	return nsp != &cat->nsp[0] ? catalogue_role(cat, &cat->nsp[0], name, n) : NULL;
}

/* True when the pattern covers the name: at least one character stands where its star is. */
static bool covers(const struct catalogue_nsp *nsp, const char *name, size_t n)
{
	const struct text *suffix = &nsp->suffix;

	return n <= CATALOGUE_NSP_MAX && n > nsp->prefix.n + suffix->n &&
	    memcmp(name, nsp->prefix.p, nsp->prefix.n) == 0 && memcmp(name + n - suffix->n, suffix->p, suffix->n) == 0;
}

static bool longer(const struct catalogue_nsp *a, const struct catalogue_nsp *b)
{
	return a->name.n > b->name.n || (a->name.n == b->name.n && a->prefix.n > b->prefix.n);
}

const struct catalogue_nsp *catalogue_nsp_find(const struct catalogue *cat, const char *name, size_t n)
{
	const struct catalogue_nsp *best = NULL;

	for (unsigned i = 0; i < cat->nnsp; i++) {
		const struct catalogue_nsp *nsp = &cat->nsp[i];

		if (!nsp->pattern && text_equal(nsp->name, (struct text){name, n}))
			return nsp;
		if (nsp->pattern && (best == NULL || longer(nsp, best)) && covers(nsp, name, n))
			best = nsp;
	}
	return best;
}

bool catalogue_limit_covers(const struct limit *limit, const char *name, size_t n)
{
	for (unsigned i = 0; i < limit->nevent; i++) {
		const struct text *e = &limit->event[i];
		bool star = e->n > 0 && e->p[e->n - 1] == '*';

		if (star ? n >= e->n - 1 && memcmp(name, e->p, e->n - 1) == 0 : text_equal(*e, (struct text){name, n}))
			return true;
	}
	return false;
}

const struct room_type *catalogue_type_of_room(const struct catalogue_nsp *nsp, const char *room, size_t n)
{
	const char *colon = n > 0 ? memchr(room, ':', n) : NULL;

	return catalogue_room_type(nsp, room, colon != NULL ? (size_t)(colon - room) : n);
}

void catalogue_room_fold(const struct catalogue_nsp *nsp, char *name, size_t n)
{
	const char *colon = nsp->folds ? memchr(name, ':', n) : NULL;
	const struct room_type *type = colon != NULL ? catalogue_room_type(nsp, name, (size_t)(colon - name)) : NULL;

	for (size_t i = type != NULL && type->lower ? (size_t)(colon - name) : n; i < n; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] - 'A' + 'a');
}

const char *catalogue_code_name(enum refusal code)
{
	static const char *const names[REFUSAL_MAX] = {
	    [REFUSAL_INVALID] = "invalid",
	    [REFUSAL_NOT_MEMBER] = "not_member",
	    [REFUSAL_FORBIDDEN] = "forbidden",
	    [REFUSAL_UNKNOWN_EVENT] = "unknown_event",
	    [REFUSAL_RATE_LIMITED] = "rate_limited",
	    [REFUSAL_TOO_MANY_ROOMS] = "too_many_rooms",
	    [REFUSAL_ROOM_FULL] = "room_full",
	    [REFUSAL_AUTH_MISSING] = "auth_missing",
	    [REFUSAL_AUTH_INVALID] = "auth_invalid",
	    [REFUSAL_AUTH_EXPIRED] = "auth_expired",
	    [REFUSAL_USER_UNKNOWN] = "user_unknown",
	    [REFUSAL_BUSY] = "busy",
	    [REFUSAL_HOOK_FAILED] = "hook_failed",
	};

	return (unsigned)code < REFUSAL_MAX ? names[code] : "unknown";
}
