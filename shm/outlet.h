/*
 * outlet.h - the writing end of a process: its ring, and the overflow in front of it.
 *
 * A broadcast outlet overtakes readers only by the rule of the design: while a live reader is nearly a ring behind,
 * records wait in a byte-capped overflow (private memory: neither delivered nor acked yet).  A reader that has not
 * moved for OUTLET_STALL_NS, or has stayed behind for OUTLET_BEHIND_NS, is overtaken.  Readers are the live workers and
 * bridges, for the keeper reads no broadcasts.  An operation outlet never overtakes: it frees space only up to what the
 * keeper committed, and keeps a reserve for operations that take rows away.  Whoever finds the overflow full stops
 * reading its clients; broadcasts and drains go on.
 *
 * The own reader counts like any other, or a burst would overtake the process's own members.  It moves in the same
 * loop, so it cannot be waited for inside a call, and the clock says nothing about it: a process that was stopped
 * between two calls finds its own position where it left it.  Hence only outlet_pump() may overtake the own reader,
 * and only when it did not move for OUTLET_STALL_NS of pumping: a loop that drains between pumps never does that to
 * itself, and one that no longer drains is not held up by itself for ever.
 *
 * Nobody wakes a writer when a reader has moved on: while bytes wait, pump every few milliseconds.
 */
#ifndef FORKCAST_SHM_OUTLET_H
#define FORKCAST_SHM_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "shm/doorbell.h"
#include "shm/ring.h"
#include "shm/segment.h"

#define OUTLET_STALL_NS  UINT64_C(200000000)
#define OUTLET_BEHIND_NS UINT64_C(1000000000)

enum outlet_use {
	OUTLET_BROADCAST, /* the slot's broadcast ring, read by every live worker and bridge */
	OUTLET_OPERATION, /* the slot's operation ring, read by the keeper */
};

/* The longest time between two looks at the readers that counts against them: while we were stopped, so were they. */
#define OUTLET_LOOK_NS UINT64_C(100000000)

struct outlet_entry; /* a record waiting in the overflow */

/* A reader that is nearly a ring behind: since when, and where it stood when it last moved. */
struct outlet_watch {
	uint64_t pos, moved_ns;
	uint64_t behind_ns; /* 0: it is not */
};

struct outlet {
	struct ring ring;
	struct segment *seg;
	const struct doorbells *bells;
	enum outlet_use use;
	unsigned slot;
	unsigned keeper; /* operation: slot where the keeper was last seen, SLOT_NONE before */
	/* up to where the ring may be filled a lap ahead: the slowest reader as last seen, so never too far */
	uint64_t limit;
	uint64_t next_nudge; /* tail at which sleeping readers are rung whatever the mask: a quarter lap ahead */
	uint64_t looked_ns;  /* the last look at the readers */
	struct outlet_watch watch[SLOT_MAX];
	/* overflow: FIFO of records not yet in the ring; `waiting` counts payloads, touches and heads */
	struct outlet_entry *head, **tailp;
	size_t waiting, cap;
	bool congested; /* past half the cap since it was last empty */
	/* tickets: every record accepted gets the next; those <= settled are in the ring */
	uint64_t accepted, settled;
	uint64_t wakeups; /* doorbells written to so far */
};

/* 0 or -errno.  OVERFLOW_CAP in bytes. */
int outlet_init(struct outlet *o, struct segment *seg, const struct doorbells *bells, unsigned slot, uint32_t gen,
    enum outlet_use use, size_t overflow_cap);
void outlet_fini(struct outlet *o);

/* One record on its way out; everything is borrowed for the call. */
struct outlet_msg {
	const struct iovec *iov; /* concatenated, this is the payload */
	int niov;
	const struct slot_mask *mask; /* broadcast: slots to wake; an operation outlet wakes the keeper instead */
	const uint64_t *touch;        /* broadcast: hashes whose interest buckets are touched with the record's stamp */
	unsigned ntouch;
	bool reserve; /* operation: may use the last eighth of ring and overflow (disconnects and leaves) */
};

/*
 * Takes one record: into the ring when it fits and nothing waits, else into the overflow.  Buckets are touched before
 * the tail is stored, with the stamp of the entry into the ring.  Returns the record's ticket (> 0), -EMSGSIZE, or
 * -ENOBUFS: overflow full, the record was not taken.
 */
int64_t outlet_put(struct outlet *o, const struct outlet_msg *msg, uint64_t now_ns);
/*
 * Of a broadcast outlet, for whoever wants to put all of N records or none: 0 when it would take them all now, or what
 * outlet_put() would say to one of them.  NTOUCH: the most buckets that any of them touches.
 */
int outlet_would_take(struct outlet *o, const size_t *payload, unsigned n, unsigned ntouch, uint64_t now_ns);
/* Moves what now fits from the overflow into the ring, at most one lap.  Returns bytes that still wait. */
size_t outlet_pump(struct outlet *o, uint64_t now_ns);
/* The keeper, when its overflow is full: publishes all that waits and overtakes whoever is in the way. */
void outlet_overtake(struct outlet *o, uint64_t now_ns);
/* True once the record with this ticket is in the ring: it may be acked. */
bool outlet_settled(const struct outlet *o, uint64_t ticket);
/* True from when the overflow is past half its cap until it has been pumped empty: stop reading clients. */
bool outlet_congested(const struct outlet *o);

#endif
