/*
 * conn.h - a descriptor and what stands around it: readiness, unread bytes, output, the deadline it is under.
 *
 * A connection knows nothing of the protocol on it: its conn_ops do (request.c and ws.c).  It owns the descriptor, the
 * bytes that were read and not yet taken (none while idle), and the output.  Sessions borrow it.
 *
 *	OPEN --conn_finish--> FLUSHING --all written, FIN sent--> LINGER --peer's FIN, or time--> DEAD
 *	  |                       |                                  |
 *	  +------conn_close-------+----------------------------------+--> DEAD
 *
 * OPEN: read and written.  FLUSHING: input is thrown away, on the linger queue.  LINGER: the same after our FIN (closing
 * at once would let a reset eat what the peer has not read).  DEAD: descriptor closed, on the dead list, freed at the
 * turn's end, so a pointer taken earlier in the turn stays valid.  conn_detach() goes there without a word to the peer,
 * when another process has the descriptor.
 */
#ifndef FORKCAST_WORKER_CONN_H
#define FORKCAST_WORKER_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "worker/out.h"
#include "worker/reason.h"
#include "worker/timeq.h"

struct conn;
struct worker;

struct conn_ops {
	/*
	 * N bytes at P, the oldest first, are unread.  Returns how many were taken; the rest is kept and offered again
	 * with what follows.  May close or finish the connection; what it returns then does not matter.
	 */
	size_t (*input)(struct conn *c, const uint8_t *p, size_t n);
	/* Most unread bytes this protocol needs to hold now; more without input() taking any closes the connection. */
	size_t (*hold)(const struct conn *c);
	/* The connection is about to be DEAD (or FLUSHING, when the peer went first): let go of it. */
	void (*gone)(struct conn *c, enum close_reason reason);
	/* It waited on w->resumes for this turn. */
	void (*resume)(struct conn *c);
};

enum conn_state { CONN_OPEN, CONN_FLUSHING, CONN_LINGER, CONN_DEAD };

struct conn_unread {
	size_t len, cap;
	uint8_t data[];
};

struct conn {
	struct out out;
	struct worker *w;
	const struct conn_ops *ops;
	void *owner; /* ops' own: struct request * or struct session * */
	struct conn_unread *unread;
	uint8_t state;	/* enum conn_state */
	bool queued;	/* on the turn's list of connections to flush */
	bool paused;	/* not read: its owner is busy, or the worker is congested */
	bool blocked;	/* output waits for EV_WRITE */
	bool admin;	/* accepted on an admin listener */
	uint16_t listener;
	uint32_t held; /* place + 1 among the connections not read while the worker is congested; 0: not there */
	uint32_t kept; /* bytes of the backlog that the worker's sum knows of */
	size_t max_backlog; /* more than that unsent ends it */
	struct timed timed;
	struct event ev;
};

/* Takes FD over; NULL when out of memory (FD is closed then). */
struct conn *conn_new(struct worker *w, int fd, unsigned listener);
/* Gives the connection to another protocol; unread bytes are offered to it by the caller. */
void conn_set_ops(struct conn *c, const struct conn_ops *ops, void *owner);
/* Queues N bytes at P, which live until the turn's end, and puts the connection on the flush list. */
void conn_send(struct conn *c, const uint8_t *p, size_t n);
/* As conn_send() for bytes that do not live that long. */
void conn_send_copy(struct conn *c, const void *p, size_t n);
/* True when a volatile message would be written at once. */
bool conn_is_writable(const struct conn *c);
/* Stops or resumes reading. */
void conn_pause(struct conn *c, bool paused);
/* Offers the unread bytes to the ops again (after a pause, or a change of ops). */
void conn_reoffer(struct conn *c);
/* Offers N bytes at P as if they had been read: those that came with a descriptor from another process. */
void conn_feed(struct conn *c, const uint8_t *p, size_t n);
/* Output first, then FIN, then the peer's, then DEAD.  ops->gone is not called any more. */
void conn_finish(struct conn *c);
/* DEAD now; ops->gone(reason) is called when it still has an owner. */
void conn_close(struct conn *c, enum close_reason reason);
/*
 * DEAD now, but only here: another process has a copy of the descriptor, so closing ours ends nothing.  The caller has
 * released the owner; nothing may be left to send.
 */
void conn_detach(struct conn *c);
/* Writes what is queued; by flush.c. */
void conn_flush(struct conn *c);
/* What became of the output, however it was written: CALLS system calls took BYTES; R as of out_flush(). */
void conn_flushed(struct conn *c, enum out_result r, uint64_t bytes, uint64_t calls);
/* The linger queue's time is over. */
void conn_linger_due(struct conn *c);
/* Reads the connections again that were held back while the worker was congested. */
void conn_release_held(struct worker *w);
/* Frees the dead; by the turn, last. */
void conn_reap(struct worker *w);
int conn_fd(const struct conn *c);

#endif
