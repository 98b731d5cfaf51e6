/*
 * batch.h - POST /v1/batch: many verbs in one call.
 *
 *	NDJSON {"emit": {...}} NL {"event": {...}} NL, or an array of the same objects
 *	line -> verb_find, verb_read, verb_run -> its result ... all in the ring -> reply, one result a line
 *
 * Lines with an id are decided by the keeper and answered later; those behind them go on meanwhile if they have one too.
 * Lines run in their order, a slice a turn, so that thousands of them keep nobody waiting.  While the overflow is past
 * half a batch waits, as clients do that are not read; when it could not go on for BATCH_WAIT_NS, or a record finds no room,
 * the lines that are left are answered 429 and not tried, so that a caller who sends these again sends them in order.
 */
#ifndef FORKCAST_WORKER_BATCH_H
#define FORKCAST_WORKER_BATCH_H

#include <stdbool.h>

struct batch;
struct worker;

#define BATCH_LINES_MAX 10000u		  /* of one call */
#define BATCHES_MAX	64u		  /* calls of a worker at a time */
#define BATCH_SLICE_NS	(4 * NS_PER_MS)	  /* of a turn: with less, members get fewer messages a write */
#define BATCH_SLICE_LINES 256u		  /* and so many, unless the turn is late already */
#define BATCH_WAIT_NS	(2 * NS_PER_S)

/* Turn: goes on with them. */
void batches_turn(struct worker *w);
/* True when one of them can go on at once. */
bool batches_ready(const struct worker *w);

#endif
