#include "master/burial.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "shm/dlog.h"
#include "shm/interest.h"
#include "shm/ring.h"

static void mark(struct ring *r, uint64_t now_ns)
{
	int64_t pos = ring_publish(r, RING_GEN_OVER, 0, NULL, 0, now_ns);

	assert(pos >= 0); /* an empty record always fits */
}

static void attach(struct ring *r, struct ring_shm *shm, uint32_t gen)
{
	int err = ring_attach(r, shm);

	assert(err == 0); /* the master formatted it itself */
	ring_own(r, gen);
}

void burial_begin(struct segment *seg, unsigned slot, uint32_t gen, uint64_t now_ns)
{
	struct ring r;

	slot_bury(segment_slot(seg, slot));
	ring_repair(segment_ring(seg, slot));
	ring_repair(segment_opring(seg, slot));
	dlog_repair(segment_dlog(seg, slot));
	interest_clear_slot(seg, slot);
	attach(&r, segment_ring(seg, slot), gen);
	mark(&r, now_ns);
}

int burial_finish(struct segment *seg, unsigned slot, uint32_t gen, bool keeper, uint64_t now_ns)
{
	struct ring r;

	attach(&r, segment_opring(seg, slot), gen);
	if (!keeper) {
		uint64_t committed = atomic_load_explicit(&segment_committed(seg)[slot], memory_order_acquire);

		if (!ring_room(&r, ring_cost(&r, 0), committed))
			return -EAGAIN;
	}
	mark(&r, now_ns);
	slot_free(segment_slot(seg, slot));
	return 0;
}
