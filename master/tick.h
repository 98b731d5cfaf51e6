/*
 * tick.h - the master's clock: CLOCK_MONOTONIC nanoseconds, the one that slots and heartbeats are stamped with.
 *
 * It stands still while the machine sleeps, so a suspended laptop does not look like a dead worker.
 */
#ifndef FORKCAST_MASTER_TICK_H
#define FORKCAST_MASTER_TICK_H

#include <stdint.h>
#include <time.h>

#define TICK_MS  UINT64_C(1000000)
#define TICK_SEC UINT64_C(1000000000)

static inline uint64_t tick_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * TICK_SEC + (uint64_t)ts.tv_nsec;
}

#endif
