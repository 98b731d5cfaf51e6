/*
 * fleet.h - one process of the generator: its connections, the loop, and the account of what arrives.
 */
#ifndef BENCH_LOAD_FLEET_H
#define BENCH_LOAD_FLEET_H

#include "bench/load/crew.h"

/* The body for crew_start(): lives through all phases; 0, or 1 with the reason in the part's error. */
int fleet_run(struct crew *crew, unsigned me);

#endif
