#include "bench/load/pace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_EXTRA 64
#define CHECKED_MORE ",\"n\":17,\"side\":\"buy\"}" /* what the rule of `checked` wants beside the stamp, and leaves out */
#define STALL_NS   3000000000u
#define LOOK_NS    1000000u /* how often the drain at the end of a phase is looked at */

int pace_init(struct pace *p, struct crew *crew, struct publisher *publisher, unsigned n)
{
	const struct plan *plan = crew->plan;
	unsigned at = 0;

	*p = (struct pace){.crew = crew, .publisher = publisher, .n = n};
	p->text = malloc((plan->size + TEXT_EXTRA) * (plan->batch ? plan->batch : 1));
	p->feed = calloc(plan->feeds, sizeof *p->feed);
	for (unsigned i = 0; plan->batch && p->feed && i < plan->feeds; i++) {
		p->feed[i] = (struct feed){publisher[i].http, publisher + at, (i + 1) * n / plan->feeds - at, 0};
		at += p->feed[i].n;
	}
	return p->text && p->feed ? 0 : -ENOMEM;
}

void pace_begin(struct pace *p, uint64_t now, double seconds)
{
	p->start = p->progress_at = now;
	p->until = now + (uint64_t)(seconds * 1e9);
	p->sent = 0;
	p->total_start = p->total;
	p->completed_start = atomic_load(&p->crew->completed);
}

static uint64_t received(const struct pace *p)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < p->crew->plan->procs; i++)
		sum += atomic_load_explicit(&p->crew->part[i].unique, memory_order_relaxed);
	return sum;
}

static void publish(struct pace *p, struct publisher *b, uint64_t at)
{
	const struct plan *plan = p->crew->plan;
	struct stamp s = {.room = b->room, .from = b->id, .seq = b->seq, .at = at};
	size_t n = 0;

	if (plan->window)
		atomic_store(&p->crew->left[(size_t)b->id * CREW_FLIGHTS + b->seq % CREW_FLIGHTS], plan->members);
	b->seq++;
	p->sent++;
	p->total++;
	if (!b->http)
		n = (size_t)sprintf(p->text,
		    plan->echo		? "420[\"echo\","
			: plan->raw	? "42[\"tick\","
			: plan->checked ? "42[\"checked\","
					: "42[\"publish\",");
	b->waiting = plan->echo;
	stamp_write(p->text + n, plan->size, &s);
	n += plan->size;
	if (plan->checked)
		n += (size_t)sprintf(p->text + n - 1, "%s", CHECKED_MORE) - 1;
	if (b->http) {
		http_emit(b->http, b->room, p->text, n, at);
	} else {
		p->text[n++] = ']';
		client_send(b->client, p->text, n);
	}
}

/* {"event":{"type":"tick","data":STAMP}} for each of the feed's rooms in turn. */
static void publish_batch(struct pace *p, struct feed *f, uint64_t at)
{
	const struct plan *plan = p->crew->plan;
	size_t n = 0;

	for (unsigned i = 0; i < plan->batch; i++) {
		struct publisher *b = &f->publisher[f->next];
		struct stamp s = {.room = b->room, .from = b->id, .seq = b->seq++, .at = at};

		f->next = (f->next + 1) % f->n;
		n += (size_t)sprintf(p->text + n, "{\"event\":{\"type\":\"tick\",\"data\":");
		stamp_write(p->text + n, plan->size, &s);
		n += plan->size;
		n += (size_t)sprintf(p->text + n, "}}\n");
	}
	p->sent += plan->batch;
	p->total += plan->batch;
	http_batch(f->http, p->text, n, at);
}

/* Without a rate as soon as there is a reply. */
static uint64_t step_batch(struct pace *p, uint64_t now)
{
	const struct plan *plan = p->crew->plan;
	uint64_t due = now;

	for (;;) {
		struct feed *f = NULL;

		if (plan->rate > 0)
			due = p->start + (uint64_t)((double)p->sent * 1e9 / plan->rate);
		if (due > now)
			return due - now;
		if (due >= p->until)
			return LOOK_NS;
		for (unsigned i = 0; i < plan->feeds && !f; i++) {
			p->next = (p->next + 1) % plan->feeds;
			f = p->feed[p->next].http->busy ? NULL : &p->feed[p->next];
		}
		if (!f)
			return LOOK_NS; /* a reply wakes earlier */
		publish_batch(p, f, due);
	}
}

static bool is_busy(const struct publisher *b)
{
	return b->waiting || (b->http && b->http->busy);
}

/* The next in turn that has no request under way; NULL when all have. */
static struct publisher *take_turn(struct pace *p)
{
	struct publisher *b;
	unsigned i;

	for (i = 0; i < p->n; i++) {
		b = &p->publisher[p->next];
		p->next = (p->next + 1) % p->n;
		if (!is_busy(b))
			return b;
	}
	return NULL;
}

static uint64_t step_open(struct pace *p, uint64_t now)
{
	double interval = 1e9 / p->crew->plan->rate;
	struct publisher *b;
	uint64_t due;

	for (;;) {
		due = p->start + (uint64_t)((double)p->sent * interval);
		if (due > now)
			return due - now;
		if (due >= p->until)
			return LOOK_NS;
		b = take_turn(p);
		if (!b)
			return LOOK_NS; /* a reply wakes earlier */
		publish(p, b, due);
	}
}

static uint64_t step_closed(struct pace *p, uint64_t now)
{
	struct publisher *b;

	while (p->sent - (atomic_load(&p->crew->completed) - p->completed_start) < p->crew->plan->window) {
		b = take_turn(p);
		if (!b)
			break;
		publish(p, b, now);
	}
	return STALL_NS;
}

uint64_t pace_step(struct pace *p, uint64_t now)
{
	uint64_t wait;

	if (now >= p->until)
		return LOOK_NS;
	wait = p->crew->plan->batch ? step_batch(p, now) : p->crew->plan->window ? step_closed(p, now) : step_open(p, now);
	return wait < p->until - now ? wait : p->until - now;
}

static bool replies_due(const struct pace *p)
{
	unsigned i;

	for (i = 0; i < p->n; i++)
		if (p->publisher[i].http && p->publisher[i].http->busy)
			return true;
	return false;
}

bool pace_over(struct pace *p, uint64_t now)
{
	uint64_t got = received(p);

	if (got != p->progress) {
		p->progress = got;
		p->progress_at = now;
	}
	if (got >= p->total * p->crew->plan->members && !replies_due(p))
		return now >= p->until;
	if (now - p->progress_at < STALL_NS || (!p->crew->plan->window && now < p->until))
		return false;
	p->crew->stalled = true;
	return true;
}
