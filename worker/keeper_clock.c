#include <errno.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "shm/store_ban.h"
#include "shm/store_schedule.h"
#include "worker/clock.h"
#include "worker/keeper.h"

static struct store_tick tick_of(const struct keeper_every *e)
{
	return (struct store_tick){.nsp = {e->nsp->name.p, e->nsp->name.n},
	    .name = {e->every->rule.name.p, e->every->rule.name.n}};
}

static uint64_t interval_ns(const struct keeper_every *e)
{
	return (uint64_t)e->every->interval * NS_PER_MS;
}

/* In a transaction of its own, so that a keeper that dies before the first time does not begin to wait anew. */
static int load(struct keeper *k)
{
	struct keeper_clock *c = &k->clock;
	uint64_t now = clock_mono_ns();
	int rc = store_begin(k->st);

	if (rc)
		return rc;
	for (unsigned i = 0; i < c->nevery && rc >= 0; i++) {
		struct store_tick t = tick_of(&c->every[i]);
		uint64_t *due = &c->every[i].due_ns;

		rc = store_tick_get(k->st, &t, due);
		if (rc > 0 && *due <= now + interval_ns(&c->every[i]))
			continue;
		/* New, or its interval is shorter than it was. */
		*due = now + interval_ns(&c->every[i]);
		if (rc >= 0)
			rc = store_tick_set(k->st, &t, *due);
	}
	if (rc >= 0)
		return store_commit(k->st);
	store_abort(k->st);
	return rc;
}

int keeper_clock_init(struct keeper *k)
{
	const struct catalogue *cat = &k->h->conf->catalogue;
	struct keeper_clock *c = &k->clock;
	unsigned n = 0;

	c->schedule_ms = store_schedule_next(k->st);
	for (unsigned i = 0; i < cat->nnsp; i++)
		n += cat->nsp[i].nevery;
	if (n == 0)
		return 0;
	c->every = calloc(n, sizeof *c->every);
	if (!c->every)
		return -ENOMEM;
	for (unsigned i = 0; i < cat->nnsp; i++)
		for (unsigned j = 0; j < cat->nsp[i].nevery; j++)
			c->every[c->nevery++] = (struct keeper_every){.nsp = &cat->nsp[i], .every = &cat->nsp[i].every[j]};
	return load(k);
}

void keeper_clock_fini(struct keeper *k)
{
	free(k->clock.every);
	k->clock.every = NULL;
}

uint64_t keeper_clock_next(const struct keeper *k)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < k->clock.nevery; i++)
		if (k->clock.every[i].due_ns < next)
			next = k->clock.every[i].due_ns;
	if (k->clock.schedule_ms != INT64_MAX) {
		/* Asked anew each time: the wall clock may be set. */
		int64_t left = k->clock.schedule_ms - clock_wall_ms();
		uint64_t at = clock_mono_ns() + (left > 0 ? (uint64_t)left * NS_PER_MS : 0);

		if (at < next)
			next = at;
	}
	return next;
}

int keeper_clock_apply(struct keeper *k, uint64_t now_ns)
{
	int rc = 0;

	for (unsigned i = 0; i < k->clock.nevery && !rc; i++) {
		struct keeper_every *e = &k->clock.every[i];
		struct store_tick t = tick_of(e);

		e->next_ns = e->due_ns;
		if (e->due_ns > now_ns)
			continue;
		/* In its old rhythm; what was missed is not made up for. */
		e->next_ns += ((now_ns - e->due_ns) / interval_ns(e) + 1) * interval_ns(e);
		rc = store_tick_set(k->st, &t, e->next_ns);
		if (!rc)
			rc = store_tick_send(k->st, &t);
	}
	/* Without the journal it would be sent again after a restart. */
	if (!rc && k->clock.schedule_ms != INT64_MAX)
		rc = store_schedule_fire(k->st, clock_wall_ms(), k->limit < KEEPER_FIRE ? k->limit : KEEPER_FIRE);
	if (rc >= 0)
		rc = store_ban_expire(k->st, clock_wall_ms(), KEEPER_FIRE);
	return rc < 0 ? rc : 0;
}

void keeper_clock_end(struct keeper *k, bool committed)
{
	for (unsigned i = 0; i < k->clock.nevery && committed; i++)
		k->clock.every[i].due_ns = k->clock.every[i].next_ns;
	if (committed)
		k->clock.schedule_ms = store_schedule_next(k->st);
}
