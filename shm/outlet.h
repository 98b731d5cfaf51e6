/*
 * outlet.h - the writing end of a process: its ring, and the overflow in front of it.
 *
 * A broadcast outlet overtakes readers only by the rule of the design: while a live reader is nearly a ring behind,
 * records wait in a byte-capped overflow (private memory: neither delivered nor acked yet).  A reader that has not
 * moved for OUTLET_STALL_NS, or has stayed behind for OUTLET_BEHIND_NS, is overtaken.  An operation outlet never
 * overtakes: it frees space only up to what the keeper committed, and keeps a reserve for operations that take rows
 * away.  Whoever finds the overflow full stops reading its clients; broadcasts and drains go on.
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

#define OUTLET_STALL_NS	 UINT64_C(200000000)
#define OUTLET_BEHIND_NS UINT64_C(1000000000)

enum outlet_use {
	OUTLET_BROADCAST, /* the slot's broadcast ring, read by every live worker and bridge */
	OUTLET_OPERATION, /* the slot's operation ring, read by the keeper */
};

struct outlet_entry; /* a record waiting in the overflow */

struct outlet {
	struct ring ring;
	struct segment *seg;
	const struct doorbells *bells;
	enum outlet_use use;
	unsigned slot;
	/* slowest reader as last computed; recomputed only when the ring looks full against it */
	uint64_t limit;
	uint64_t next_nudge; /* tail at which sleeping readers are rung whatever the mask: a quarter lap ahead */
	/* readers that hold us up: when each was first seen full behind, and where it stood */
	struct {
		uint64_t pos, moved_ns, behind_ns;
	} watch[SLOT_MAX];
	/* overflow: FIFO of records not yet in the ring */
	struct outlet_entry *head, **tailp;
	size_t waiting, cap; /* bytes */
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
	const uint64_t *touch;	      /* broadcast: hashes whose interest buckets are touched with the record's stamp */
	unsigned ntouch;
	bool reserve; /* operation: may use the reserve (disconnects and leaves) */
};

/*
 * Takes one record: into the ring when it fits and nothing waits, else into the overflow.  Buckets are touched before
 * the tail is stored, with the stamp of the entry into the ring.  Returns the record's ticket (> 0), -EMSGSIZE, or
 * -ENOBUFS: overflow full, the record was not taken.
 */
int64_t outlet_put(struct outlet *o, const struct outlet_msg *msg, uint64_t now_ns);
/* Moves what now fits from the overflow into the ring.  Returns bytes that still wait. */
size_t outlet_pump(struct outlet *o, uint64_t now_ns);
/* True while the record with this ticket is in the ring: it may be acked. */
bool outlet_settled(const struct outlet *o, uint64_t ticket);
/* True when the overflow is past half its cap: stop reading clients until it is pumped empty. */
bool outlet_congested(const struct outlet *o);

#endif
