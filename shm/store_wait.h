/*
 * store_wait.h - where the store meets the segment: how far the keeper got, and who is alive.
 *
 * A query must see what happened before it.  It notes the tails of all operation rings and runs when the keeper has
 * committed up to them:
 *
 *	asker				keeper
 *	A1 awaits = 1			K1 committed = positions (release)
 *	A2 ring the keeper		K2 seq_cst fence
 *	A3 doorbell_arm() (fence)	K3 awaits and sleeping ?  ring
 *	A4 caught up ?  go on
 *	A5 sleep
 *
 * The fences make it impossible that A4 misses the commit and K3 misses the flags.  Only the asker lowers its flag,
 *when nothing of its waits any more: a keeper that did could take away the flag of the next question.  The ring of A2
 *is unconditional: a keeper that has just committed rests for a moment to let operations gather, its own sleeping flag
 * down, and an asker ends that.  The same flag serves a worker whose operations wait for room in its ring.
 */
#ifndef FORKCAST_SHM_STORE_WAIT_H
#define FORKCAST_SHM_STORE_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/doorbell.h"
#include "shm/segment.h"

/* Notes the tails of all operation rings; 0 where there is none. */
void store_wait_note(const struct segment *seg, uint64_t tails[SLOT_MAX]);
/* True when everything up to TAILS is in the store. */
bool store_caught_up(const struct segment *seg, const uint64_t tails[SLOT_MAX]);
/* Something waits: from now on SELF is rung after each commit of KEEPER, which is rung now. */
void store_wait_ask(const struct segment *seg, const struct doorbells *bells, unsigned self, unsigned keeper);
/* Nothing waits any more. */
void store_wait_done(const struct segment *seg, unsigned self);
/* Keeper, after it stored the committed positions.  Returns how many were written to. */
unsigned store_wait_answer(const struct segment *seg, const struct doorbells *bells);

/* For store_set_alive(): CTX is the struct segment. */
bool store_wait_alive(void *ctx, unsigned slot, uint32_t gen16);

#endif
