/*
 * timeq.h - many deadlines of one constant interval: a list in order of expiry, no timer per object.
 *
 * Each interval has a queue of its own, so whoever enters goes to the end and the list stays sorted.  The turn asks the
 * queues what is due; one libevent timer is armed for the nearest.
 */
#ifndef FORKCAST_WORKER_TIMEQ_H
#define FORKCAST_WORKER_TIMEQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/owner.h"

/* Embedded in the object; zeroed memory is "on no queue". */
struct timed {
	struct timed *prev, *next;
	uint64_t due_ns;
};

struct timeq {
	struct timed head; /* circular */
	uint64_t interval_ns;
};

static inline void timeq_init(struct timeq *q, uint64_t interval_ns)
{
	q->head.prev = q->head.next = &q->head;
	q->head.due_ns = UINT64_MAX;
	q->interval_ns = interval_ns;
}

static inline bool timed_queued(const struct timed *t)
{
	return t->next != NULL;
}

static inline void timed_leave(struct timed *t)
{
	if (t->next == NULL)
		return;
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->prev = t->next = NULL;
}

/* Leaves whatever queue T is on and enters Q, due one interval from NOW. */
static inline void timeq_enter(struct timeq *q, struct timed *t, uint64_t now_ns)
{
	timed_leave(t);
	t->due_ns = now_ns + q->interval_ns;
	t->prev = q->head.prev;
	t->next = &q->head;
	t->prev->next = t;
	q->head.prev = t;
}

/* The first entry when it is due, taken off the queue; else NULL. */
static inline struct timed *timeq_due(struct timeq *q, uint64_t now_ns)
{
	struct timed *t = q->head.next;

	if (t == &q->head || t->due_ns > now_ns)
		return NULL;
	timed_leave(t);
	return t;
}

/* When the first entry is due; UINT64_MAX when there is none. */
static inline uint64_t timeq_next(const struct timeq *q)
{
	return q->head.next->due_ns;
}

#endif
