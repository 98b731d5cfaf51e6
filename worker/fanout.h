/*
 * fanout.h - the drain: records of all rings, in time order, to the outputs of local members.
 *
 * Consecutive broadcasts to the same room, with nobody excepted, form a run: their frames are built behind one another
 * and each member's output is extended once for all of them.  Every encoding is built at most once a run.
 */
#ifndef FORKCAST_WORKER_FANOUT_H
#define FORKCAST_WORKER_FANOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/catalogue.h"
#include "shm/record.h"
#include "worker/encode.h"

struct nsp;
struct socket;
struct worker;

#define FANOUT_BYTES   (8u << 20) /* record bytes and frames of one turn, before it flushes */
#define FANOUT_RECORDS 8192u

/* State of one drain. */
struct fanout {
	struct run run; /* broadcasts to one room, not delivered yet */
	struct {
		struct run run;
		struct encoded enc;
	} one; /* the broadcast with several targets or exceptions in hand */
	uint64_t deliveries;
	unsigned nstamp;
	uint64_t stamp[FANOUT_RECORDS]; /* publish times of what this turn delivered */
	bool log_open;
	unsigned log_slot;
	uint64_t log_end;
	bool late;
};

/*
 * Takes the records stamped up to T0 and appends to members' outputs, within the turn's budget.  Returns true when
 * more is left for the next turn.
 */
bool fanout_drain(struct worker *w, uint64_t t0_ns);
/* Makes what is delivered to single sockets ready: REC with PACKET as its text.  Then fanout_deliver() from fan.one. */
void fanout_one(struct worker *w, const struct record *rec, struct slice packet);
/* Queues the run for one socket.  False when it is volatile and the client is not writable. */
bool fanout_deliver(struct worker *w, struct socket *so, struct run *run, struct encoded *enc);
/* Calls FN once for each local socket that REC's targets name and its exceptions do not. */
typedef void (*fanout_fn)(struct worker *w, struct socket *so, void *arg);
void fanout_each(struct worker *w, const struct record *rec, const struct nsp *nsp, fanout_fn fn, void *arg);
/* After the flush: how long what was delivered had been under way. */
void fanout_observe(struct worker *w, uint64_t flushed_ns);
/* True when the sweep found, in the drain just done, what a doorbell should have told. */
bool fanout_found_late(const struct worker *w);

#endif
