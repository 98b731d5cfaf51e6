/*
 * ring.h - one producer process, any number of readers, in shared memory.
 *
 * Two uses with the same bytes: a slot's broadcast ring (readers may be overtaken, and know it) and its operation ring
 * (one reader, the keeper, never overtaken: the writer asks ring_room() against the committed position first).
 * Nothing here allocates, logs or exits.  Positions are 64-bit byte counts that never wrap and never restart: a
 * position is the sequence number of the record that starts there.  Only the owning slot may call ring_publish();
 * only the master, while the slot is DEAD, ring_repair().
 *
 * A record in the ring: struct ring_head, then len - sizeof(struct ring_head) payload bytes, padded to RING_ALIGN.
 * Records never straddle the end of the buffer: a PAD record fills the rest of a lap.
 */
#ifndef FORKCAST_SHM_RING_H
#define FORKCAST_SHM_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define RING_LAYOUT 0x52490001u /* number of what follows; segment.c explains how to change it */
#define RING_ALIGN  32u /* of positions; the size of a head, so that the rest of a lap always holds a PAD's head */
#define RING_MIN    (UINT64_C(1) << 12)
#define RING_MAX    (UINT64_C(1) << 31) /* a PAD that fills a lap has a 32-bit length */
#define RING_LAPPED (-2)                /* the record was, or may have been, overwritten while it was read */
#define RING_BAD    (-3)                /* the bytes contradict the ring's own rules: treat as lapped, and count it */

enum ring_type {
	RING_PAD = 0,      /* skip */
	RING_DATA = 1,     /* a record of record.h or op.h */
	RING_GEN_OVER = 2, /* the generation in `gen` ended here; written by the master */
};

/* First words of every record, in host byte order. */
struct ring_head {
	uint32_t len;   /* bytes with this head, without the padding to RING_ALIGN; >= sizeof(struct ring_head) */
	uint16_t type;  /* enum ring_type */
	uint16_t flags; /* the record layer's */
	uint32_t gen;   /* generation of the writer */
	uint32_t check; /* of all other fields: catches a reader that is off a boundary, and a scribbled length */
	uint64_t pos;   /* where the record starts */
	uint64_t stamp; /* CLOCK_MONOTONIC ns of its entry into the ring; non-decreasing within a ring */
};

/* The shared part; `data` follows it at the next 64-byte boundary. */
struct ring_shm {
	uint32_t layout;
	uint32_t reserved;
	uint64_t size;                       /* of data, power of two */
	_Alignas(64) _Atomic uint64_t claim; /* end of what the writer may have scribbled on */
	_Alignas(64) _Atomic uint64_t tail;  /* end of what is published */
	_Atomic uint64_t stamp;              /* of the last published record, for merges and for the successor */
};

/* Process-local view of a ring; the writer keeps the tail that it alone moves. */
struct ring {
	struct ring_shm *shm;
	uint8_t *data;
	uint64_t size;
	uint64_t tail;  /* writer only */
	uint64_t stamp; /* writer only: last stamp used */
	uint32_t gen;   /* writer only */
};

/*
 * Publishing to readers that may be overtaken.
 *
 *	owner					reader at pos
 *	W1 claim = end		(relaxed)	R1 tail > pos ?		(acquire)
 *	W2 release fence			R2 load words		(relaxed)
 *	W3 store words		(relaxed)	R3 acquire fence
 *	W4 tail = end		(release)	R4 claim - pos > size ?	(relaxed) lapped
 *
 * W4 pairs with R1: who sees the tail sees the words below it.  W2 pairs with R3: if any load of R2 returned a word
 * that W3 stored in a later lap, then R4 returns that lap's W1 or a later one, and the copy is dropped.  R3 and R4 run
 * after the head, before its length is believed, and again after the payload.
 *
 * A death between W1 and W4 leaves claim > tail.  ring_repair() publishes the gap as padding: a successor that lowered
 * the claim instead would vouch for bytes of the lap before that are no longer there (t_ring.c: dead_between_*).
 */

/* Bytes a ring of SIZE data bytes takes in the segment. */
size_t ring_footprint(size_t size);
/* Formats fresh memory; before anyone attaches.  SIZE is a power of two within RING_MIN and RING_MAX. */
void ring_format(struct ring_shm *shm, size_t size);
/* 0 or -EPROTO when layout or size are not what this binary writes. */
int ring_attach(struct ring *r, struct ring_shm *shm);
/* Owner: continues at the published tail; the ring must have been repaired since the last owner died. */
void ring_own(struct ring *r, uint32_t gen);

/* Largest payload one record may carry: size/8 with head and padding. */
size_t ring_payload_max(const struct ring *r);
/* Bytes by which publishing PAYLOAD bytes now would move the tail, padding included. */
uint64_t ring_cost(const struct ring *r, size_t payload);
/* True when that many bytes can be published without passing LIMIT by a whole lap (LIMIT: slowest reader). */
bool ring_room(const struct ring *r, uint64_t cost, uint64_t limit);

/*
 * Publishes the concatenation of IOV as one record of TYPE; overtakes readers.  NOW_NS becomes the stamp, raised to
 * the last one used when the clock of another CPU lags.  Returns the record's position, or -EMSGSIZE (as int64_t).
 */
int64_t ring_publish(struct ring *r, uint16_t type, uint16_t flags, const struct iovec *iov, int niov, uint64_t now_ns);

/* Reader: end of what is published (acquire). */
uint64_t ring_tail(const struct ring *r);
/* Reader: true while no byte read from POS on before the call can have been claimed for another lap (R3, R4). */
bool ring_intact(const struct ring *r, uint64_t pos);
/*
 * Reader: copies the head of the record at POS (< tail).  1, RING_LAPPED or RING_BAD (also for a POS that is not below
 * the tail, or no record's start).  PAD records are reported like
 * the others; the next record starts at ring_next(pos, head).
 */
int ring_peek(const struct ring *r, uint64_t pos, struct ring_head *head);
/* Reader: copies the payload of a peeked record into BUF (head->len - sizeof *head bytes).  0 or RING_LAPPED. */
int ring_copy(const struct ring *r, uint64_t pos, const struct ring_head *head, void *buf);
/* As ring_copy, for the first N payload bytes only (fewer when the payload is shorter). */
int ring_copy_part(const struct ring *r, uint64_t pos, const struct ring_head *head, void *buf, size_t n);
uint64_t ring_next(uint64_t pos, const struct ring_head *head);

/*
 * Master, slot DEAD: publishes whatever lies between tail and claim as padding.  Returns bytes padded.  May itself be
 * interrupted and run again.  A claim that no publish could have made costs the readers the whole lap.
 */
uint64_t ring_repair(struct ring_shm *shm);

#endif
