/*
 * doorbell.h - waking a process that sleeps in epoll, without a system call when it does not.
 *
 *	sleeper				ringer
 *	S1 sleeping = 1			R1 publish (ring W4)
 *	S2 seq_cst fence		R2 seq_cst fence
 *	S3 look at the rings once more	R3 sleeping ?  write the eventfd
 *	S4 sleep
 *
 * The two fences make it impossible that S3 misses the record and R3 misses the flag (store-buffer litmus).  The
 * eventfds are made by the master before it forks and inherited, so they outlive the processes that sleep on them.
 */
#ifndef FORKCAST_SHM_DOORBELL_H
#define FORKCAST_SHM_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/segment.h"

/* The eventfds of all slots; -1 where none was made. */
struct doorbells {
	int fd[SLOT_MAX];
};

/* Master: makes eventfds (non-blocking, close-on-exec) for slots [0, n).  0 or -errno, with none left open. */
int doorbells_open(struct doorbells *db, unsigned n);
void doorbells_close(struct doorbells *db);

/* Sleeper: raises the flag and fences; look at the rings after this, and call doorbell_awake() if there is work. */
void doorbell_arm(struct slot *self);
/* Sleeper: back from epoll. */
void doorbell_awake(struct slot *self);
/* Sleeper: eats the eventfd's count.  True when it had rung. */
bool doorbell_drain(const struct doorbells *db, unsigned self);

/* Ringer: wakes every sleeping slot of MASK but SELF; call after publishing.  Returns how many were written to. */
unsigned doorbell_ring_mask(
    const struct doorbells *db, const struct segment *seg, const struct slot_mask *mask, unsigned self);
/* Ringer: one slot. */
bool doorbell_ring(const struct doorbells *db, const struct segment *seg, unsigned slot);

#endif
