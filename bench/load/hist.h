/*
 * hist.h - latency histogram: log-linear, 64 steps to each power of two, so any value is known to 1.6 %.
 *
 * Fixed size and no pointers: it lives in memory shared by the processes of the generator and is summed by the parent.
 */
#ifndef BENCH_LOAD_HIST_H
#define BENCH_LOAD_HIST_H

#include <stdint.h>

#define HIST_STEPS   64
#define HIST_BUCKETS (HIST_STEPS * (64 - 5))

struct hist {
	uint64_t count, max;
	uint64_t bucket[HIST_BUCKETS];
};

/* ns: any value; the caller decides the unit. */
void hist_add(struct hist *h, uint64_t ns);
void hist_sum(struct hist *into, const struct hist *h);

/* The value that share (0..1) of the entries do not exceed; 0 when there are none. */
uint64_t hist_quantile(const struct hist *h, double share);

#endif
