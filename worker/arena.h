/*
 * arena.h - memory of one turn: everything a turn builds to send, and the copies of the records it drained.
 *
 * Bump allocation in chunks; nothing is freed before arena_reset() at the turn's end, so spans into it stay valid until
 * they are flushed.  A reservation is contiguous: frames that are built into one reservation leave with one write.
 */
#ifndef FORKCAST_WORKER_ARENA_H
#define FORKCAST_WORKER_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define ARENA_CHUNK (256u * 1024)
#define ARENA_KEEP  8 /* chunks kept across turns */

struct arena_chunk;

struct arena {
	struct arena_chunk *first, *cur;
	size_t used; /* bytes handed out since the reset */
};

void arena_init(struct arena *a);
/* N contiguous bytes, 8-aligned; never NULL: out of memory ends the process, as its clients are worth less than lies. */
void *arena_alloc(struct arena *a, size_t n);
/* As arena_alloc() without alignment, so that consecutive takes are contiguous while the chunk lasts. */
uint8_t *arena_take(struct arena *a, size_t n);
void *arena_copy(struct arena *a, const void *p, size_t n);
/* Gives all back but ARENA_KEEP ordinary chunks. */
void arena_reset(struct arena *a);

#endif
