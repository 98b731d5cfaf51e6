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

		taken += x->slot[at].event != 0;
		while (x->slot[at].event != 0)
			at = (at + 1) & x->mask;
		x->slot[at] = (struct name_slot){hash, i + 1};
	}
	return taken;
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

const char *catalogue_code_name(enum refusal code)
{
	static const char *const names[REFUSAL_MAX] = {
	    [REFUSAL_INVALID] = "invalid",
	    [REFUSAL_NOT_MEMBER] = "not_member",
	    [REFUSAL_FORBIDDEN] = "forbidden",
	    [REFUSAL_UNKNOWN_EVENT] = "unknown_event",
	    [REFUSAL_TOO_MANY_ROOMS] = "too_many_rooms",
	    [REFUSAL_AUTH_MISSING] = "auth_missing",
	    [REFUSAL_AUTH_INVALID] = "auth_invalid",
	    [REFUSAL_AUTH_EXPIRED] = "auth_expired",
	    [REFUSAL_USER_UNKNOWN] = "user_unknown",
	    [REFUSAL_BUSY] = "busy",
	};

	return (unsigned)code < REFUSAL_MAX ? names[code] : "unknown";
}
