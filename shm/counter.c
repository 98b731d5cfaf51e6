/*
 * counter.c - see counter.h.
 */
#include "shm/counter.h"

#define HISTOGRAM_FIRST_LOG2 10 /* bucket 0 holds up to 2^10 ns */

_Static_assert(sizeof(struct counter_block) % 64 == 0, "blocks of two slots never share a line");

const char *counter_name(enum counter c)
{
	static const char *const names[] = {
	    [COUNTER_CONNECTIONS] = "connections",
	    [COUNTER_SESSIONS] = "sessions",
	    [COUNTER_SOCKETS] = "sockets",
	    [COUNTER_LOCAL_ROOMS] = "local_rooms",
	    [COUNTER_RING_LAG] = "ring_lag",
	    [COUNTER_OVERFLOW_BYTES] = "overflow_bytes",
	    [COUNTER_BACKLOG_BYTES] = "backlog_bytes",
	    [COUNTER_STORE_ROOMS] = "store_rooms",
	    [COUNTER_STORE_USERS] = "store_users",
	    [COUNTER_STORE_SOCKETS] = "store_sockets",
	    [COUNTER_STORE_BYTES] = "store_bytes",
	    [COUNTER_ACCEPTED] = "accepted",
	    [COUNTER_HANDOVERS] = "handovers",
	    [COUNTER_CONNECTS] = "connects",
	    [COUNTER_DISCONNECTS] = "disconnects",
	    [COUNTER_PUBLISHED] = "published",
	    [COUNTER_PUBLISHED_BYTES] = "published_bytes",
	    [COUNTER_DELIVERIES] = "deliveries",
	    [COUNTER_BYTES_IN] = "bytes_in",
	    [COUNTER_BYTES_OUT] = "bytes_out",
	    [COUNTER_WRITES] = "writes",
	    [COUNTER_TURNS] = "turns",
	    [COUNTER_WAKEUPS] = "wakeups",
	    [COUNTER_SWEEP_CATCHES] = "sweep_catches",
	    [COUNTER_RING_LAPPED] = "ring_lapped",
	    [COUNTER_RING_BAD] = "ring_bad",
	    [COUNTER_VOLATILE_DROPPED] = "volatile_dropped",
	    [COUNTER_STORE_OPS] = "store_ops",
	    [COUNTER_STORE_COMMITS] = "store_commits",
	    [COUNTER_OUTBOX_SENT] = "outbox_sent",
	    [COUNTER_EDGES] = "edges",
	    [COUNTER_API_CALLS] = "api_calls",
	    [COUNTER_UPGRADES] = "upgrades",
	    [COUNTER_LIMIT_EVICTIONS] = "limit_evictions",
	    [COUNTER_TRIGGERS_DROPPED] = "triggers_dropped",
	    [COUNTER_STORE_REFUSED] = "store_refused",
	    [COUNTER_STORE_MALFORMED] = "store_malformed",
	    [COUNTER_STORE_RETRIES] = "store_retries",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == COUNTER_MAX, "a name for each counter");
	return (unsigned)c < COUNTER_MAX && names[c] ? names[c] : "unknown";
}

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

void histogram_observe_in(struct histogram_block *hb, uint64_t ns, uint64_t n)
{
	counter_add_to(&hb->bucket[histogram_bucket(ns)], n);
	counter_add_to(&hb->count, n);
	counter_add_to(&hb->sum_ns, ns * n);
}

void histogram_observe(struct counter_block *b, enum histogram h, uint64_t ns, uint64_t n)
{
	histogram_observe_in(&b->hist[h], ns, n);
}
