/*
 * interest.c - see interest.h.
 */
#include "shm/interest.h"

#define INTEREST_PER_SESSION 8

_Static_assert(sizeof(struct interest_bucket) == 8 * (SLOT_WORDS + 1), "bucket layout");

uint64_t interest_buckets(uint64_t sessions)
{
	uint64_t n = INTEREST_PER_SESSION;

	while (n / INTEREST_PER_SESSION < sessions && n < UINT64_C(1) << 40)
		n *= 2;
	return n;
}

uint64_t interest_index(const struct segment *seg, uint64_t hash)
{
	return hash & (seg->nbuckets - 1);
}

static struct interest_bucket *bucket_of(const struct segment *seg, uint64_t hash)
{
	return segment_interest(seg) + interest_index(seg, hash);
}

void interest_add(const struct segment *seg, uint64_t hash, unsigned slot)
{
	/* J1: seq_cst, so that a publish which begins after the ack (J2) was seen reads the bit in P2. */
	atomic_fetch_or_explicit(
	    &bucket_of(seg, hash)->mask[slot / 64], UINT64_C(1) << (slot % 64), memory_order_seq_cst);
}

void interest_del(const struct segment *seg, uint64_t hash, unsigned slot)
{
	/* Relaxed: a publisher that still sees the bit wakes this slot once for nothing. */
	atomic_fetch_and_explicit(
	    &bucket_of(seg, hash)->mask[slot / 64], ~(UINT64_C(1) << (slot % 64)), memory_order_relaxed);
}

void interest_collect(const struct segment *seg, uint64_t hash, struct slot_mask *out)
{
	struct interest_bucket *b = bucket_of(seg, hash);

	for (int i = 0; i < SLOT_WORDS; i++)
		out->w[i] |= atomic_load_explicit(&b->mask[i], memory_order_seq_cst);
}

void interest_touch(const struct segment *seg, uint64_t hash, uint64_t now_ns)
{
	_Atomic uint64_t *t = &bucket_of(seg, hash)->touched_ns;
	uint64_t was = atomic_load_explicit(t, memory_order_relaxed);

	/*
	 * A maximum, because publishers on other CPUs raise it too and the later time must win whatever their order.
	 * Release orders nothing by itself: readers see the time through the tail that is stored after it (ring W4).
	 */
	while (was < now_ns &&
	    !atomic_compare_exchange_weak_explicit(t, &was, now_ns, memory_order_release, memory_order_relaxed))
		;
}

bool interest_touched_since(const struct segment *seg, uint64_t hash, uint64_t since_ns)
{
	return atomic_load_explicit(&bucket_of(seg, hash)->touched_ns, memory_order_acquire) >= since_ns;
}

void interest_clear_slot(const struct segment *seg, unsigned slot)
{
	struct interest_bucket *b = segment_interest(seg);
	uint64_t bit = UINT64_C(1) << (slot % 64);

	/* Loads first: most buckets never had the bit, and a locked instruction on each would take far longer. */
	for (uint64_t i = 0; i < seg->nbuckets; i++)
		if (atomic_load_explicit(&b[i].mask[slot / 64], memory_order_relaxed) & bit)
			atomic_fetch_and_explicit(&b[i].mask[slot / 64], ~bit, memory_order_relaxed);
}
