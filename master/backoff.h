/*
 * backoff.h - when a dead process comes back: at once the first time, then after 50 ms, doubling to 5 s.
 *
 * A life of 2 s starts anew, so one crash a minute is always answered at once and a crash loop costs little.
 */
#ifndef FORKCAST_MASTER_BACKOFF_H
#define FORKCAST_MASTER_BACKOFF_H

#include <stdint.h>

#include "master/tick.h"

#define BACKOFF_FIRST (50 * TICK_MS)
#define BACKOFF_MAX   (5 * TICK_SEC)
#define BACKOFF_LIFE  (2 * TICK_SEC)

struct backoff {
	unsigned deaths; /* in a row, each after a life shorter than BACKOFF_LIFE but the first */
};

/* A life of LIFE_NS just ended; returns how many nanoseconds to wait before the next. */
uint64_t backoff_next(struct backoff *b, uint64_t life_ns);

#endif
