/*
 * burial.h - the end of a generation in shared memory, after waitpid.
 *
 * The rings of the dead are repaired and each gets a "generation over" mark: in the broadcast ring it tells the workers
 * that nothing more comes from that generation, in the operation ring it tells the keeper that every operation of it
 * has been seen and its rows can be purged.  Only then may the slot be opened again.
 */
#ifndef FORKCAST_MASTER_BURIAL_H
#define FORKCAST_MASTER_BURIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/doorbell.h"
#include "shm/segment.h"

/* Buries SLOT, repairs its rings and log, takes it out of the interest table and marks its broadcast ring. */
void burial_begin(struct segment *seg, unsigned slot, uint32_t gen, uint64_t now_ns);
/*
 * Marks the operation ring and frees the slot.  0, or -EAGAIN: the keeper has yet to take what the dead process left,
 * and the mark must not overwrite it; try again later.  KEEPER: the slot was the keeper's, whose operation ring nobody
 * has to take anything from.
 */
int burial_finish(struct segment *seg, unsigned slot, uint32_t gen, bool keeper, uint64_t now_ns);

#endif
