/*
 * inlet.h - the reading end of a process: all rings, merged by publish time.
 *
 * inlet_begin() notes the tails; inlet_next() then yields the records stamped at or before that turn's time, oldest
 * first across all rings, the own one included; records of one stamp come in the order of their slots.  Each ring's
 * position moves as records are taken, and is stored in the slot's part, where writers look before they overtake.
 *
 * Take the time before inlet_begin(): a record that answers one published after its ring's tail was noted is then
 * stamped after that time, and stays for the next turn like the one it answers.
 */
#ifndef FORKCAST_SHM_INLET_H
#define FORKCAST_SHM_INLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/ring.h"
#include "shm/segment.h"

/* What inlet_next() found; the payload is copied on demand. */
struct inlet_item {
	unsigned slot; /* whose ring */
	struct ring_head head;
	size_t payload; /* bytes */
};

enum inlet_event {
	INLET_NONE = 0, /* nothing more in this turn */
	INLET_RECORD,   /* a RING_DATA record: inlet_copy() or inlet_skip() it */
	INLET_GEN_OVER, /* generation item.head.gen of item.slot ended here; already taken */
	/*
	 * item.slot's ring overtook us; lap.* says how much; already resynchronised to its tail.  Generation-over
	 * marks may be among what was lost.
	 */
	INLET_LAPPED,
};

struct inlet_lap {
	uint64_t from, to; /* positions lost */
	uint64_t since_ns; /* what was lost is not older: stamp of the last record taken from that ring */
};

/* A ring that has records in this turn, and the stamp of the oldest. */
struct inlet_key {
	uint64_t stamp;
	unsigned slot;
};

struct inlet {
	struct segment *seg;
	unsigned self;
	unsigned nslots;            /* one above the highest slot attached: arrays are valid below */
	struct slot_mask attached;  /* rings looked at */
	_Atomic uint64_t *read_pos; /* the slot's, shared */
	struct ring ring[SLOT_MAX];
	uint64_t pos[SLOT_MAX];
	uint64_t end[SLOT_MAX];          /* tail noted by inlet_begin() */
	uint64_t last_ns[SLOT_MAX];      /* what comes next is not older: stamp of the last record taken */
	struct ring_head next[SLOT_MAX]; /* peeked head, valid where ready */
	bool ready[SLOT_MAX];            /* without it a ring of the turn is one that overtook us */
	struct inlet_key heap[SLOT_MAX]; /* rings of this turn, the one to take from first; a binary heap */
	unsigned nheap;
	uint64_t t0;
	uint64_t bad;    /* RING_BAD seen so far */
	uint64_t lapped; /* INLET_LAPPED yielded so far, those for RING_BAD included */
};

/*
 * Starts at the present tails of the broadcast rings: a new process has nobody to deliver older records to.  Call
 * before slot_ready(), so that writers never see positions of an earlier life.
 */
void inlet_init(struct inlet *in, struct segment *seg, unsigned self);
/*
 * Notes T0 and the tails; attaches rings of slots reserved since, from their first record on.  Returns bytes to take,
 * those stamped after T0 included.
 */
uint64_t inlet_begin(struct inlet *in, uint64_t t0_ns);
enum inlet_event inlet_next(struct inlet *in, struct inlet_item *item, struct inlet_lap *lap);
/* Copies the payload of the item just yielded and takes it.  0, or RING_LAPPED (the next call yields INLET_LAPPED). */
int inlet_copy(struct inlet *in, const struct inlet_item *item, void *buf);
/* Copies only the first N payload bytes, without taking it (to look at the record head).  0 or RING_LAPPED. */
int inlet_look(struct inlet *in, const struct inlet_item *item, void *buf, size_t n);
void inlet_skip(struct inlet *in, const struct inlet_item *item);
/* Ends the turn.  Returns the bytes this reader is behind now. */
uint64_t inlet_end(struct inlet *in);
/* True when any ring has a record not taken yet (for the look before sleeping). */
bool inlet_pending(const struct inlet *in);

#endif
