/*
 * counter.c - see counter.h.
 */
#include "shm/counter.h"

#define HISTOGRAM_FIRST_LOG2 10 /* bucket 0 holds up to 2^10 ns */

_Static_assert(sizeof(struct counter_block) % 64 == 0, "blocks of two slots never share a line");

void counter_begin(struct counter_block *b)
{
	for (int i = 0; i < COUNTER_GAUGES; i++)
		atomic_store_explicit(&b->value[i], 0, memory_order_relaxed);
}

/* The smallest i with ns <= 2^(i + 10), at most HISTOGRAM_BUCKETS. */
static unsigned histogram_bucket(uint64_t ns)
{
	unsigned bits;

	if (ns <= UINT64_C(1) << HISTOGRAM_FIRST_LOG2)
		return 0;
	bits = 64 - (unsigned)__builtin_clzll(ns - 1);
	bits -= HISTOGRAM_FIRST_LOG2;
	return bits < HISTOGRAM_BUCKETS ? bits : HISTOGRAM_BUCKETS;
}

void histogram_observe(struct counter_block *b, enum histogram h, uint64_t ns, uint64_t n)
{
	struct histogram_block *hb = &b->hist[h];

	counter_add_to(&hb->bucket[histogram_bucket(ns)], n);
	counter_add_to(&hb->count, n);
	counter_add_to(&hb->sum_ns, ns * n);
}
