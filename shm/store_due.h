/*
 * store_due.h - the head of keys of STORE_DUE that begin with a kind and a time, of CLOCK_MONOTONIC but for schedules, which
 * puts them in the order of their times.
 */
#ifndef FORKCAST_SHM_STORE_DUE_H
#define FORKCAST_SHM_STORE_DUE_H

#include <stddef.h>
#include <stdint.h>

#define STORE_DUE_ONCE	'k' /* keys of OP_ONCE */
#define STORE_DUE_GRACE 'x' /* exits that wait */
#define STORE_DUE_HEAD	9u

struct store_writer;

/* Outside a batch: the time of the first row of this kind; UINT64_MAX: there is none. */
uint64_t store_due_next(struct store_writer *w, uint8_t kind);

static inline void store_due_head(uint8_t key[STORE_DUE_HEAD], uint8_t kind, uint64_t due_ns)
{
	key[0] = kind;
	for (unsigned i = 0; i < 8; i++)
		key[1 + i] = (uint8_t)(due_ns >> 8 * (7 - i));
}

static inline uint64_t store_due_time(const uint8_t *key)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | key[1 + i];
	return v;
}

#endif
