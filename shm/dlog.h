/*
 * dlog.h - the delivery log of a slot: which ring positions it delivered, in which order.
 *
 * Written by the slot's process every turn, before the turn's output is flushed; it goes on across respawns.  A run
 * (ring r, up to position p) means: next came the records of ring r from where the previous run of r ended up to p.  A
 * vector (the position of every ring) stands at the start of each generation and at least every DLOG_VECTOR_EVERY
 * entries, so a reader that starts anywhere in the log finds where each ring stood.  Entries are 64-bit words in a
 * circular buffer; a position in the log is a count of words that never wraps.
 */
#ifndef FORKCAST_SHM_DLOG_H
#define FORKCAST_SHM_DLOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/slot.h"

#define DLOG_VECTOR_EVERY 4096

enum dlog_kind {
	DLOG_RUN = 1,	 /* ring, end position */
	DLOG_VECTOR = 2, /* n rings follow as DLOG_AT entries */
	DLOG_AT = 3,	 /* ring, position */
	DLOG_TURN = 4,	 /* a turn's end: time in ns >> 8 */
	DLOG_GEN = 5,	 /* a generation begins */
	DLOG_GAP = 6,	 /* ring; a DLOG_AT follows: the reader was overtaken and went on there */
};

struct dlog_shm {
	uint32_t layout;
	uint32_t reserved;
	uint64_t size; /* words, power of two */
	_Alignas(64) _Atomic uint64_t claim; /* as in ring.h, in words */
	_Atomic uint64_t tail;
};

struct dlog {
	struct dlog_shm *shm;
	_Atomic uint64_t *words;
	uint64_t size, tail, since_vector;
};

struct dlog_entry {
	enum dlog_kind kind;
	unsigned ring; /* RUN, AT, GAP */
	uint64_t pos;  /* RUN, AT: ring position; VECTOR: n; TURN: ns; GEN: generation */
};

size_t dlog_footprint(size_t size_bytes);
void dlog_format(struct dlog_shm *shm, size_t size_bytes);
int dlog_attach(struct dlog *d, struct dlog_shm *shm);
/* Owner: begins a generation with its vector (AT[i] for each of the N slots). */
void dlog_begin(struct dlog *d, uint32_t gen, const uint64_t *at, unsigned n);
/* Owner: appends; published only by dlog_turn(). */
void dlog_run(struct dlog *d, unsigned ring, uint64_t end);
void dlog_gap(struct dlog *d, unsigned ring, uint64_t at);
/* Owner: ends the turn and publishes what was appended; writes a vector when one is due (AT, N as above). */
void dlog_turn(struct dlog *d, uint64_t now_ns, const uint64_t *at, unsigned n);
/* Master, slot DEAD: drops what was claimed but not published. */
void dlog_repair(struct dlog_shm *shm);

/* Reader: oldest readable and end position. */
uint64_t dlog_head(const struct dlog *d);
uint64_t dlog_tail(const struct dlog *d);
/* Reader: the entry at POS.  1, or 0 when it was overwritten, -1 when malformed. */
int dlog_read(const struct dlog *d, uint64_t pos, struct dlog_entry *e);

#endif
