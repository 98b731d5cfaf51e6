/*
 * moves.h - joins that were published and that other workers have not done yet.
 *
 * A join that the API asks for is a record: each worker does it when it drains it, and only then its interest shows the
 * room.  A message to the room right behind it would pass such a worker by.  So this worker aims what it publishes at
 * those slots too, until they have read the join; and whoever asked for it is answered when they have, so that what he
 * publishes then, through whichever worker, finds the sockets in their rooms.
 */
#ifndef FORKCAST_WORKER_MOVES_H
#define FORKCAST_WORKER_MOVES_H

#include <stdint.h>

#include "shm/slot.h"
#include "worker/clock.h"

struct move;
struct worker;

#define MOVES_WAIT_NS (1 * NS_PER_S)	/* for a worker that does not read */
#define MOVES_POLL_NS (100 * NS_PER_US) /* how often positions are looked at while a caller waits */

struct moves {
	struct slot_mask mask; /* where joins went to */
	int64_t ticket;	       /* of the last of them */
	uint64_t noted_ns;     /* when that was; 0: all were done */
	struct move *waiting, **tail; /* in the order of their tickets */
};

/* A record with that ticket, which makes sockets join, went to these slots. */
void moves_note(struct worker *w, const struct slot_mask *to, int64_t ticket);
/* Adds the slots that may have joins to do. */
void moves_collect(struct worker *w, struct slot_mask *out);
/* Calls FN(ARG), in a later turn, when the record with TICKET was read by all, or MOVES_WAIT_NS later. */
typedef void (*moves_fn)(struct worker *w, void *arg);
void moves_wait(struct worker *w, int64_t ticket, moves_fn fn, void *arg);
/* Turn: calls those whose time has come. */
void moves_turn(struct worker *w);

#endif
