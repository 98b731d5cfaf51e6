/*
 * behind.h - packets that must not overtake what their client has published.
 *
 * An event's broadcast goes through the ring even to its own sender, an ack or an error straight to the client.  So that
 * the sender hears both in the order of its rules, what is meant for it alone waits until the drain has passed the last
 * record that it published: usually to the end of the same turn, in the same write.
 */
#ifndef FORKCAST_WORKER_BEHIND_H
#define FORKCAST_WORKER_BEHIND_H

#include "worker/message.h"

struct behind_entry;
struct session;
struct worker;

struct behind {
	struct behind_entry *head, **tail; /* in the order of their tickets */
	uint64_t taken;			   /* records of the own ring, in this life */
	uint64_t drained;		   /* those with tickets up to this have been delivered */
	/* the drain in hand: when the own ring has been taken up to POS, TICKET is drained */
	uint64_t ticket, pos;
};

void behind_init(struct behind *b);
/* S has published the record with that ticket. */
void behind_published(struct session *s, int64_t ticket);
/* True when M was kept, copied, for later; false: it may go now. */
bool behind_keep(struct session *s, const struct message *m);
/* The drain has taken one more record of the own ring.  DELIVERED: that, and whatever it took before. */
void behind_passed(struct worker *w, bool delivered);
/* Before a drain. */
void behind_mark(struct worker *w);
/* After it: sends what need not wait any more. */
void behind_release(struct worker *w);
/* The session closes: what waits for it goes now. */
void behind_flush(struct session *s);

#endif
