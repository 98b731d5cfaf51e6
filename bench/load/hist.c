#include "bench/load/hist.h"

/* Values below 64 have a bucket each; above, the six bits after the leading one choose the step. */
static unsigned bucket_of(uint64_t v)
{
	unsigned lead;

	if (v < HIST_STEPS)
		return (unsigned)v;
	lead = 63u - (unsigned)__builtin_clzll(v);
	return (lead - 5) * HIST_STEPS + (unsigned)(v >> (lead - 6)) % HIST_STEPS;
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned b)
{
	unsigned lead = b / HIST_STEPS + 5;
	uint64_t width;

	if (b < HIST_STEPS)
		return b;
	width = (uint64_t)1 << (lead - 6);
	return ((uint64_t)(HIST_STEPS + b % HIST_STEPS) << (lead - 6)) + width / 2;
}

void hist_add(struct hist *h, uint64_t ns)
{
	h->bucket[bucket_of(ns)]++;
	h->count++;
	if (ns > h->max)
		h->max = ns;
}

void hist_sum(struct hist *into, const struct hist *h)
{
	unsigned b;

	for (b = 0; b < HIST_BUCKETS; b++)
		into->bucket[b] += h->bucket[b];
	into->count += h->count;
	if (h->max > into->max)
		into->max = h->max;
}

uint64_t hist_quantile(const struct hist *h, double share)
{
	uint64_t want = (uint64_t)(share * (double)h->count), below = 0;
	unsigned b;

	if (h->count == 0)
		return 0;
	if (want >= h->count)
		want = h->count - 1;
	for (b = 0; b < HIST_BUCKETS; b++) {
		below += h->bucket[b];
		if (below > want)
			return value_of(b) < h->max ? value_of(b) : h->max;
	}
	return h->max;
}
