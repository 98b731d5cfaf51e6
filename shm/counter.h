/*
 * counter.h - one padded block of counters per slot: the owner adds, anyone sums.
 *
 * Values are 64-bit, relaxed, and go on across respawns of a slot (a Prometheus counter must not fall); gauges are
 * zeroed by counter_begin().  Histograms have fixed power-of-two bounds in nanoseconds.
 */
#ifndef FORKCAST_SHM_COUNTER_H
#define FORKCAST_SHM_COUNTER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTER_EVENTS    512 /* declared events with a counter of their own; more share the last */
#define COUNTER_REASONS   64  /* disconnect reasons and refusal reasons, each */
#define HISTOGRAM_BUCKETS 26  /* bucket i counts values <= 2^(i+10) ns (1 us ... 34 s), the last the rest */

#define COUNTER_HOOKS	      16 /* hooks with figures of their own; more share the last */
#define COUNTER_HOOK_FAILURES 12 /* why a hook failed */

enum counter {
	/* gauges */
	COUNTER_CONNECTIONS,
	COUNTER_SESSIONS,
	COUNTER_SOCKETS,
	COUNTER_LOCAL_ROOMS,
	COUNTER_RING_LAG,
	COUNTER_OVERFLOW_BYTES,
	COUNTER_BACKLOG_BYTES,
	COUNTER_STORE_ROOMS, /* the keeper's: rows in its store */
	COUNTER_STORE_USERS,
	COUNTER_STORE_SOCKETS,
	COUNTER_STORE_BYTES,
	COUNTER_GAUGES, /* number of gauges */
	/* counters */
	COUNTER_ACCEPTED = COUNTER_GAUGES,
	COUNTER_HANDOVERS, /* connections taken from other workers */
	COUNTER_CONNECTS,
	COUNTER_DISCONNECTS,
	COUNTER_PUBLISHED,
	COUNTER_PUBLISHED_BYTES,
	COUNTER_DELIVERIES,
	COUNTER_BYTES_IN,
	COUNTER_BYTES_OUT,
	COUNTER_WRITES,
	COUNTER_TURNS,
	COUNTER_WAKEUPS, /* doorbells this slot rang */
	COUNTER_SWEEP_CATCHES,
	COUNTER_RING_LAPPED,
	COUNTER_RING_BAD,
	COUNTER_VOLATILE_DROPPED,
	COUNTER_STORE_OPS,
	COUNTER_STORE_COMMITS,
	COUNTER_OUTBOX_SENT,
	COUNTER_EDGES,
	COUNTER_API_CALLS,
	COUNTER_UPGRADES, /* from polling to WebSocket */
	COUNTER_TRIGGERS_DROPPED, /* reactions not run: too many waited */
	COUNTER_LIMIT_EVICTIONS, /* running windows of limits given away: their table is too small */
	COUNTER_STORE_REFUSED,   /* operations: the store was full */
	COUNTER_STORE_MALFORMED, /* operations: not what a worker writes, or about a socket that is not there */
	COUNTER_STORE_RETRIES,   /* batches: no page left, tried again */
	COUNTER_MAX
};

enum histogram {
	HISTOGRAM_TURN,             /* turn_seconds */
	HISTOGRAM_PUBLISH_TO_FLUSH, /* publish_to_flush_seconds */
	HISTOGRAM_STORE_COMMIT,     /* store_commit_seconds */
	HISTOGRAM_MAX
};

struct histogram_block {
	_Atomic uint64_t bucket[HISTOGRAM_BUCKETS + 1];
	_Atomic uint64_t count, sum_ns;
};

struct hook_counters {
	struct histogram_block seconds; /* hook_seconds */
	_Atomic uint64_t failed[COUNTER_HOOK_FAILURES]; /* by the worker's reasons */
};

struct counter_block {
	_Alignas(64) _Atomic uint64_t value[COUNTER_MAX];
	_Atomic uint64_t event_in[COUNTER_EVENTS];
	_Atomic uint64_t disconnects[COUNTER_REASONS]; /* by the worker's close reasons */
	_Atomic uint64_t refused[COUNTER_REASONS];     /* by the worker's refusal reasons */
	struct histogram_block hist[HISTOGRAM_MAX];
	struct hook_counters hook[COUNTER_HOOKS];
};

/* "connections", "ring_lag" ...: the word for status output, never NULL. */
const char *counter_name(enum counter c);

/* Owner, at the start of a life: gauges to 0. */
void counter_begin(struct counter_block *b);

/* Owner only: a relaxed load and store, no locked instruction. */
static inline void counter_add_to(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void counter_add(struct counter_block *b, enum counter c, uint64_t n)
{
	counter_add_to(&b->value[c], n);
}

static inline void counter_set(struct counter_block *b, enum counter c, uint64_t n)
{
	atomic_store_explicit(&b->value[c], n, memory_order_relaxed);
}

static inline uint64_t counter_get(const struct counter_block *b, enum counter c)
{
	return atomic_load_explicit(&b->value[c], memory_order_relaxed);
}

/* Owner: N observations of NS nanoseconds each. */
void histogram_observe(struct counter_block *b, enum histogram h, uint64_t ns, uint64_t n);
void histogram_observe_in(struct histogram_block *hb, uint64_t ns, uint64_t n);

#endif
