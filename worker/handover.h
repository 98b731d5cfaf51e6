/*
 * handover.h - connections that came in here with a request for a session that lives in another worker.
 *
 * The kernel spreads connections without looking into them; a session lives in one worker, whose slot and generation
 *are in its id.  So the worker that has read such a request puts the descriptor, where it came from and the bytes it
 *has read into the mailbox of the owner, which goes on as if it had accepted and read them itself: that request and
 * whatever follows on the connection are its own.
 *
 *	reading --handover_request--> waiting --handover_turn--> in the owner's mailbox, our descriptor closed
 *	   ^                            |
 *	   |                            +--HANDOVER_WAIT_NS over--> 503, closed
 *	   +----owner gone: handled here, as a session that nobody knows
 *
 * A waiting connection is not read.  It waits until what it has still to send is out, for its answers have an order,
 * and until there is room in the mailbox; usually neither takes longer than the turn.
 *
 * A message that nobody took before its owner died is taken by the successor, or by the next live worker as long as
 * nobody lives in the slot: none of them knows the session, and each can say so.
 */
#ifndef FORKCAST_WORKER_HANDOVER_H
#define FORKCAST_WORKER_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/slice.h"
#include "worker/clock.h"

struct conn;
struct peer;
struct worker;

#define HANDOVER_BUDGET  64 /* messages taken from one mailbox at a time */
#define HANDOVER_WAIT_NS (5 * NS_PER_S)

/* What is handed over: a stream that speaks HTTP from the first of the N bytes at P on, which were read from FD. */
struct handover {
	int fd;
	unsigned listener;
	const struct peer *from;
	const uint8_t *p;
	size_t n;
};

/* Begins to take what is in the own mailbox.  0 or -errno. */
int handover_open(struct worker *w);
/* The slots without a process change: looks at the slot table and takes, or leaves, the mail of such neighbours. */
void handover_neighbours(struct worker *w);
/* Sends what waits and can go; once a turn, before the flush. */
void handover_turn(struct worker *w);
/* True when a mailbox was full: handover_turn() should be called again soon. */
bool handover_waits(const struct worker *w);
/*
 * The connection's unread bytes begin with a request for session SID.  True when another worker has it: the connection
 * is not read any more and goes there, and its bytes have to be kept as they are.
 */
bool handover_request(struct conn *c, struct slice sid);
/*
 * Puts H into SLOT's mailbox; the caller keeps h->fd and closes it.  0; -EAGAIN: not now; or another -errno: it cannot
 * be sent.
 */
int handover_send(struct worker *w, unsigned slot, const struct handover *h);

#endif
