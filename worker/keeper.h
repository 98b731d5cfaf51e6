/*
 * keeper.h - the keeper's own parts: what its files share.
 *
 * One process, no clients.  It reads every operation ring, applies what it finds in batches of one transaction each,
 * and publishes what those leave in the outbox.  Nothing that counts is in its memory only: a successor finds positions
 * and outbox in the store.
 */
#ifndef FORKCAST_WORKER_KEEPER_H
#define FORKCAST_WORKER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/counter.h"
#include "shm/outlet.h"
#include "shm/ring.h"
#include "shm/segment.h"
#include "shm/store_writer.h"
#include "worker/entry.h"
#include "worker/keeper_clock.h"
#include "worker/keeper_durable.h"
#include "worker/publish.h"

#define KEEPER_BATCH_OPS   1024u    /* operations in one transaction, at most */
#define KEEPER_BATCH_NS    2000000u /* and time spent on applying them */
#define KEEPER_EXPIRE      1024u    /* keys whose time is over, taken away in one transaction */
#define KEEPER_FIRE        64u      /* messages that are due, in one transaction */
#define KEEPER_PURGE       256u     /* sockets of a dead generation purged in one transaction */
#define KEEPER_PUBLISH_MAX 4096u    /* records published before the rings are looked at again */

struct keeper {
	const struct heritage *h;
	struct segment *seg;
	struct slot *self;
	struct counter_block *ct;
	struct store_writer *st;
	/* operation rings of all reserved slots */
	struct slot_mask attached;
	struct ring ring[SLOT_MAX];
	uint8_t *buf;   /* one operation, as large as any ring's may be */
	size_t buf_cap;
	unsigned limit; /* operations a batch; halved while the map has no page left */
	bool died;      /* a generation ended: readers have to be checked */
	bool full;      /* segment_store_full, as last stored */
	struct keeper_clock clock;
	struct keeper_durable durable;
	bool expiring;  /* there are more keys whose time is over */
	/* publishing */
	struct outlet out;
	uint64_t published; /* sequence of the last record given to the outlet */
	uint64_t base;      /* sequence less ticket, the same for all records of this life */
	uint64_t touch[PUBLISH_TARGETS_MAX]; /* of the record in hand */
};

/* keeper_batch.c: one turn of rings, purge and commit.  Attaching: 0 or -errno. */
int keeper_rings_init(struct keeper *k);
void keeper_rings_fini(struct keeper *k);
/* True when an operation ring has something, or a purge has more to do. */
bool keeper_pending(struct keeper *k);
/* It slept from ARMED_NS to WOKE_NS and was not rung: true when an operation waits that it should have been rung for. */
bool keeper_missed(struct keeper *k, uint64_t armed_ns, uint64_t woke_ns);
/*
 * Applies what is there within the budgets.  TIDY: also without operations, to forget what was published.  1: did
 * something, 0: nothing to do, -ENOMEM: no page left now, try again in a while, or -errno: the store is unusable.
 */
int keeper_batch(struct keeper *k, bool tidy);

/* keeper_outbox.c.  0 or -errno. */
int keeper_outbox_init(struct keeper *k);
void keeper_outbox_fini(struct keeper *k);
/* Publishes committed records.  1: there are more, 0 or -errno. */
int keeper_publish(struct keeper *k);
/* Sequence up to which all records are in the ring. */
uint64_t keeper_settled(const struct keeper *k);

/* keeper_rooms.c: tells the store which edges of rooms the conf reacts to, and which rooms stay. */
void keeper_rooms_wishes(struct keeper *k);

/* keeper_guard.c: gauges and the full flag, after a commit; readers that pin pages, at each sweep. */
void keeper_gauge(struct keeper *k);
void keeper_guard(struct keeper *k, uint64_t now_ns);
/* The live workers. */
struct slot_mask keeper_workers(const struct keeper *k);

#endif
