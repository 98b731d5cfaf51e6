/*
 * dlog.h - the delivery log of a slot: which ring positions it delivered, in which order.
 *
 * Written by the slot's process every turn, before the turn's output is flushed; it goes on across respawns.  A run
 * (ring r, up to position p) means: next came the records of ring r from where the previous run of r ended up to p.  A
 * vector (the position of every ring) stands at the start of each generation and at least every DLOG_VECTOR_EVERY
 * entries, so a reader that starts anywhere in the log finds where each ring stood.  Entries are 64-bit words in a
 * circular buffer; a position in the log is a count of words that never wraps.  Claim, words and tail follow each other
 * as in ring.h (W1-W4, R1-R4), but the tail moves once a turn: what a turn appended appears at once or never.
 */
#ifndef FORKCAST_SHM_DLOG_H
#define FORKCAST_SHM_DLOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/slot.h"

#define DLOG_LAYOUT       0x444c0001u
#define DLOG_VECTOR_EVERY 4096
#define DLOG_MIN          (UINT64_C(1) << 17) /* bytes: a few vectors of 256 rings, and what lies between */
#define DLOG_MAX          (UINT64_C(1) << 31)

enum dlog_kind {
	DLOG_PAD = 0,    /* skip: written by the master over what a dead owner had not published */
	DLOG_RUN = 1,    /* ring, end position */
	DLOG_VECTOR = 2, /* n rings follow as DLOG_AT entries */
	DLOG_AT = 3,     /* ring, position */
	DLOG_TURN = 4,   /* a turn's end: its time in ns, rounded down to 256 */
	DLOG_GEN = 5,    /* a generation begins */
	DLOG_GAP = 6,    /* ring; a DLOG_AT follows: the reader was overtaken and went on there */
};

struct dlog_shm {
	uint32_t layout;
	uint32_t reserved;
	uint64_t size;                       /* words, power of two */
	_Alignas(64) _Atomic uint64_t claim; /* as in ring.h, in words */
	_Atomic uint64_t tail;
};

struct dlog {
	struct dlog_shm *shm;
	_Atomic uint64_t *words;
	uint64_t size;
	/* owner only */
	uint64_t tail;         /* end of what was appended; the shared tail follows at the turn's end */
	uint64_t since_vector; /* words since the last vector */
	unsigned run_ring;     /* ring of the run that ends at the tail and may still grow; SLOT_NONE: none */
};

struct dlog_entry {
	enum dlog_kind kind;
	unsigned ring; /* RUN, AT, GAP */
	uint64_t pos;  /* RUN, AT: ring position; VECTOR: n; TURN: ns; GEN: generation */
};

/* SIZE_BYTES is a power of two within DLOG_MIN and DLOG_MAX. */
size_t dlog_footprint(size_t size_bytes);
void dlog_format(struct dlog_shm *shm, size_t size_bytes);
/* 0 or -EPROTO when layout or size are not what this binary writes. */
int dlog_attach(struct dlog *d, struct dlog_shm *shm);
/* Owner: begins a generation with its vector (AT[i] for each of the N slots). */
void dlog_begin(struct dlog *d, uint32_t gen, const uint64_t *at, unsigned n);
/* Owner: appends; published only by dlog_turn().  Runs of one ring that follow each other within a turn are joined. */
void dlog_run(struct dlog *d, unsigned ring, uint64_t end);
void dlog_gap(struct dlog *d, unsigned ring, uint64_t at);
/*
 * Owner: ends the turn and publishes what was appended; writes a vector when one is due (AT, N as above).  A turn that
 * appended nothing leaves no trace.
 */
void dlog_turn(struct dlog *d, uint64_t now_ns, const uint64_t *at, unsigned n);
/* Master, slot DEAD: publishes what was claimed but not published as DLOG_PAD.  Returns the number of words. */
uint64_t dlog_repair(struct dlog_shm *shm);

/* Reader: oldest readable and end position. */
uint64_t dlog_head(const struct dlog *d);
uint64_t dlog_tail(const struct dlog *d);
/* Reader: the entry at POS (< tail).  1, or 0 when it was overwritten, -1 when malformed. */
int dlog_read(const struct dlog *d, uint64_t pos, struct dlog_entry *e);
/*
 * Reader: where every ring stood when the log had reached POS (<= tail, a turn's end): AT[0..N) from the last vector
 * before it and the runs since.  1, or 0 when the log no longer reaches back that far, -1 when malformed.
 */
int dlog_positions(const struct dlog *d, uint64_t pos, uint64_t *at, unsigned n);

#endif
