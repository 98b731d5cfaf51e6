/*
 * report.h - the result of a run as one JSON object on stdout.
 */
#ifndef BENCH_LOAD_REPORT_H
#define BENCH_LOAD_REPORT_H

#include <stdbool.h>

#include "bench/load/crew.h"
#include "bench/load/usage.h"

struct report {
	const struct crew *crew;
	struct usage_memory before, after; /* without clients; with all connected, after the settling time */
	struct usage_cost connecting;      /* from the first TCP connect to the last CONNECT reply */
	struct usage_cost measured;
	double handovers; /* meanwhile, from one worker to another; negative: the server does not say */
};

/* False when deliveries were lost, doubled, reordered or damaged, or connections were lost. */
bool report_print(const struct report *r);

#endif
