/*
 * doorbell.c - see doorbell.h.
 */
#include "shm/doorbell.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int doorbells_open(struct doorbells *db, unsigned n)
{
	int rc;

	for (unsigned i = 0; i < SLOT_MAX; i++)
		db->fd[i] = -1;
	for (unsigned i = 0; i < n && i < SLOT_MAX; i++) {
		db->fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (db->fd[i] < 0) {
			rc = -errno;
			doorbells_close(db);
			return rc;
		}
	}
	return 0;
}

void doorbells_close(struct doorbells *db)
{
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		if (db->fd[i] >= 0)
			close(db->fd[i]);
		db->fd[i] = -1;
	}
}

void doorbell_arm(struct slot *self)
{
	atomic_store_explicit(&self->sleeping, 1, memory_order_relaxed);
	/* S2: the store of the flag (S1) comes before every load of a tail that follows (S3), for all processes. */
	atomic_thread_fence(memory_order_seq_cst);
}

void doorbell_awake(struct slot *self)
{
	/* Relaxed: a ringer that still sees the flag writes to the eventfd once for nothing. */
	atomic_store_explicit(&self->sleeping, 0, memory_order_relaxed);
}

bool doorbell_drain(const struct doorbells *db, unsigned self)
{
	uint64_t n;
	ssize_t rc;

	do {
		rc = read(db->fd[self], &n, sizeof n);
	} while (rc < 0 && errno == EINTR);
	return rc == (ssize_t)sizeof n;
}

bool doorbell_missed(uint64_t stamp_ns, uint64_t armed_ns, uint64_t woke_ns)
{
	return stamp_ns + DOORBELL_LATE_NS > armed_ns && stamp_ns + DOORBELL_LATE_NS < woke_ns;
}

/*
 * The ringer leaves the flag up.  Taking it down would save the next ringer a write, but a ringer that dies between
 * the flag and the write would leave the sleeper asleep, and one that lowers it after the write could hit the flag
 * of the sleeper's next sleep.
 */
static bool ring_if_asleep(const struct doorbells *db, const struct segment *seg, unsigned slot)
{
	static const uint64_t one = 1;
	ssize_t rc;

	if (db->fd[slot] < 0 || !atomic_load_explicit(&segment_slot(seg, slot)->sleeping, memory_order_relaxed))
		return false;
	do {
		rc = write(db->fd[slot], &one, sizeof one);
	} while (rc < 0 && errno == EINTR);
	/* EAGAIN: 2^64 - 2 rings that nobody ate; it is awake or dead. */
	return rc == (ssize_t)sizeof one;
}

unsigned doorbell_ring_mask(
    const struct doorbells *db, const struct segment *seg, const struct slot_mask *mask, unsigned self)
{
	unsigned rung = 0;

	/* R2: the tail stored before the call (R1) comes before every load of a sleeping flag (R3). */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		for (uint64_t left = mask->w[w]; left != 0; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);

			if (slot != self && ring_if_asleep(db, seg, slot))
				rung++;
		}
	}
	return rung;
}

bool doorbell_ring(const struct doorbells *db, const struct segment *seg, unsigned slot)
{
	atomic_thread_fence(memory_order_seq_cst); /* R2, as above */
	return ring_if_asleep(db, seg, slot);
}
