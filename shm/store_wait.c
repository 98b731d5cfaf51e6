/*
 * store_wait.c - see store_wait.h.
 */
#include "shm/store_wait.h"

#include <errno.h>
#include <unistd.h>

#include "shm/ring.h"

void store_wait_note(const struct segment *seg, uint64_t tails[SLOT_MAX])
{
	struct slot_mask reserved = segment_reserved(seg);

	for (unsigned i = 0; i < SLOT_MAX; i++)
		tails[i] = slot_mask_has(&reserved, i)
		    ? atomic_load_explicit(&segment_opring(seg, i)->tail, memory_order_acquire)
		    : 0;
}

bool store_caught_up(const struct segment *seg, const uint64_t tails[SLOT_MAX])
{
	const _Atomic uint64_t *committed = segment_committed(seg);

	for (unsigned i = 0; i < SLOT_MAX; i++)
		if (atomic_load_explicit(&committed[i], memory_order_acquire) < tails[i])
			return false;
	return true;
}

void store_wait_ask(const struct segment *seg, const struct doorbells *bells, unsigned self, unsigned keeper)
{
	static const uint64_t one = 1;
	ssize_t rc;

	atomic_store_explicit(&segment_slot(seg, self)->awaits, 1, memory_order_relaxed);
	/* A1 before the keeper's look that the ring causes. */
	atomic_thread_fence(memory_order_seq_cst);
	if (bells->fd[keeper] < 0)
		return;
	do {
		rc = write(bells->fd[keeper], &one, sizeof one);
	} while (rc < 0 && errno == EINTR);
}

void store_wait_done(const struct segment *seg, unsigned self)
{
	atomic_store_explicit(&segment_slot(seg, self)->awaits, 0, memory_order_relaxed);
}

unsigned store_wait_answer(const struct segment *seg, const struct doorbells *bells)
{
	struct slot_mask reserved = segment_reserved(seg), asking = {{0}};

	/* K1 before K3. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned i = 0; i < SLOT_MAX; i++)
		if (slot_mask_has(&reserved, i) &&
		    atomic_load_explicit(&segment_slot(seg, i)->awaits, memory_order_relaxed))
			slot_mask_set(&asking, i);
	return doorbell_ring_mask(bells, seg, &asking, SLOT_NONE);
}

bool store_wait_alive(void *ctx, unsigned slot, uint32_t gen16)
{
	const struct slot *s = segment_slot(ctx, slot);
	uint32_t state = atomic_load_explicit(&s->state, memory_order_acquire);

	return state != SLOT_EMPTY && state != SLOT_DEAD &&
	    (atomic_load_explicit(&s->gen, memory_order_relaxed) & 0xffff) == gen16;
}
