/*
 * keeper_clock.h - what the keeper does because it is time.
 */
#ifndef FORKCAST_WORKER_KEEPER_CLOCK_H
#define FORKCAST_WORKER_KEEPER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct keeper;

/* An `every` of the conf. */
struct keeper_every {
	const struct catalogue_nsp *nsp;
	const struct every *every;
	uint64_t due_ns, next_ns; /* the next time, and what it is when the batch is committed */
};

struct keeper_clock {
	unsigned nevery;
	struct keeper_every *every;
	int64_t schedule_ms; /* wall clock: when the next message that waits is due; INT64_MAX: none waits */
};

/* Reads when each is due; what is new is due one interval from now.  0 or -errno. */
int keeper_clock_init(struct keeper *k);
void keeper_clock_fini(struct keeper *k);
/* When the next thing is due, CLOCK_MONOTONIC; UINT64_MAX: nothing ever. */
uint64_t keeper_clock_next(const struct keeper *k);
/* Inside a batch: what is due by NOW_NS.  0 or -errno. */
int keeper_clock_apply(struct keeper *k, uint64_t now_ns);
/* The batch is committed, or was not. */
void keeper_clock_end(struct keeper *k, bool committed);

#endif
