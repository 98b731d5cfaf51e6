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
 *
 * Sleepers look at the rings every 100 ms all the same, and count what they find that no bell told of: the counter must
 * stay 0 while nobody is killed or stopped, for each count would be a fence that is missing.  Who dies between R1 and
 * R3 rings no more: the master, which reaps it, rings everybody (supervise.c).  Who stands still between R1 and R3 for as
 * long as the rest of the sleeper's 100 ms is what the look is for, and is counted.
 *
 * A record that is there when the sleeper wakes up by itself need not have been missed: one published after S4 ended,
 * while the sleeper was on its way from epoll or waited for a CPU there, is found before its ring is.  Hence
 * doorbell_missed(): a ring that was not lost comes within DOORBELL_LATE_NS after the record's stamp.
 */
#ifndef FORKCAST_SHM_DOORBELL_H
#define FORKCAST_SHM_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/segment.h"

/* A record that waited this long for a sleeping reader was not rung for. */
#define DOORBELL_LATE_NS UINT64_C(50000000)

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
/*
 * Sleeper: it armed the bell at ARMED_NS and woke up unrung at WOKE_NS.  Was it not told of a record with this stamp?
 * The stamp is taken before R1, so that of a record which lost the race of S3 and R3 may be older than ARMED_NS; one
 * that is much older was held up on its way into the ring.
 */
bool doorbell_missed(uint64_t stamp_ns, uint64_t armed_ns, uint64_t woke_ns);

/* Ringer: wakes every sleeping slot of MASK but SELF; call after publishing.  Returns how many were written to. */
unsigned doorbell_ring_mask(
    const struct doorbells *db, const struct segment *seg, const struct slot_mask *mask, unsigned self);
/* Ringer: one slot. */
bool doorbell_ring(const struct doorbells *db, const struct segment *seg, unsigned slot);

#endif
