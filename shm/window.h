/*
 * window.h - the windows of rate limits, counted by all workers of the host at once.
 *
 * A fixed table of cells (key, end of the window, events in it), in buckets of WINDOW_WAYS.  A key is a keyed hash of
 * what is limited (which limit, whose); it may lie anywhere in its bucket, and nowhere else.  A cell changes as a
 * whole, by one compare-and-swap, so whoever is killed or stopped leaves it as it was before or as it is after, and
 * nobody waits for anybody.  Nothing sweeps the table: a cell whose window is over belongs to whoever needs it next.
 *
 * Times are milliseconds of CLOCK_MONOTONIC.  Workers may differ in what they take for now: who is behind sees windows
 * that last a little longer.
 */
#ifndef FORKCAST_SHM_WINDOW_H
#define FORKCAST_SHM_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shm/segment.h"

#define WINDOW_LAYOUT    1u
#define WINDOW_WAYS      8u                  /* cells of a bucket: two cache lines */
#define WINDOW_COUNT_MAX 10000000u           /* of a rate; what is counted above it has room in the word */
#define WINDOW_MS_MAX    (UINT64_C(1) << 39) /* of a time plus a period: 17 years of uptime */

struct window_cell {
	_Alignas(16) _Atomic uint64_t key; /* 0: never used */
	_Atomic uint64_t word;             /* end of the window in ms << 24 | events in it */
};

/* At most MOST events in a window of PERIOD_MS, which opens with the first. */
struct window_rate {
	uint32_t most;
	uint64_t period_ms;
};

struct window_result {
	uint32_t left;    /* events that the window still takes */
	uint64_t wait_ms; /* until it is over */
	bool evicted;     /* all cells of the bucket were in use: the one that would have ended first made room */
};

/* Cells for a table meant for SESSIONS sessions: a power of two, at least four a session. */
uint64_t window_cells(uint64_t sessions);

/* One event of KEY: true when it is within RATE, and is counted; false when not.  OUT is filled in both cases. */
bool window_take(const struct segment *seg, uint64_t key, const struct window_rate *rate, uint64_t now_ms,
    struct window_result *out);
/* How many events of KEY would pass now; counts none. */
uint32_t window_left(const struct segment *seg, uint64_t key, const struct window_rate *rate, uint64_t now_ms);

/*
 * The steps that window_take() consists of, each of which may meet those of other processes in any order:
 *
 *	look	finds the key's windows, and the cell that this event is to be counted in; there may be no room for it
 *	swap	counts it there, if the cell is still what look saw; else look again
 *	settle	sums what is in the key's windows now: more than the rate allows, and the event is refused after all
 *
 * A key usually has one cell.  It gets a second one when two processes make its first at the same moment, and the
 *window of another cell of the bucket ends between their looks.  So all cells of a key are summed, and never more than
 *MOST events pass: of those counted in the key's running windows, the i-th in the order of their swaps sums all i,
 *because its sum comes after its swap and a running window is never given away.  What such a race costs is that both
 *may be refused where one could have passed.  An eviction gives a running window away, and is the only exception.
 */
struct window_look {
	uint64_t sum;    /* events in the key's running windows */
	uint64_t end_ms; /* of the last of them to end; 0: none */
	unsigned at; /* the cell to swap: of a running window, else the key's, else one that is over, else the first to
			end */
	uint64_t seen_key, seen_word, next_word;
	bool evicts;
};

struct window_cell *window_bucket(const struct segment *seg, uint64_t key);
void window_look(
    const struct window_cell *bucket, uint64_t key, uint64_t period_ms, uint64_t now_ms, struct window_look *out);
bool window_swap(struct window_cell *bucket, uint64_t key, const struct window_look *look);
bool window_settle(const struct window_cell *bucket, uint64_t key, const struct window_rate *rate, uint64_t now_ms,
    const struct window_look *look, struct window_result *out);
uint64_t window_sum(const struct window_cell *bucket, uint64_t key, uint64_t now_ms);

#endif
