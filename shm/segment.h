/*
 * segment.h - the POSIX shared-memory segment of one instance.
 *
 * Created by the master before it forks; children use the inherited mapping, tools attach by name.  The whole range is
 * mapped once (sparse), but a slot's part costs memory only after segment_reserve_slot() has allocated it, so a full
 * tmpfs is an error at start and never a SIGBUS later.  Offsets, never pointers, are stored inside.
 *
 *	header | slot table | commit positions | interest | windows of limits | { counters | read positions | broadcast ring | operation
 *	ring | delivery log } x SLOT_MAX
 *
 * Each part carries a layout number; segment_attach() refuses a segment that another layout wrote.
 */
#ifndef FORKCAST_SHM_SEGMENT_H
#define FORKCAST_SHM_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "shm/slot.h"

struct counter_block;
struct dlog_shm;
struct interest_bucket;
struct ring_shm;
struct window_cell;

/* What the conf decides about the segment; sizes in bytes. */
struct segment_spec {
	size_t ring_size;   /* broadcast ring of a slot, power of two */
	size_t opring_size; /* operation ring of a slot, power of two */
	size_t dlog_size;   /* delivery log of a slot, power of two */
	uint64_t sessions;  /* sessions a host; 8 interest buckets and 4 windows each, rounded up to a power of two */
	uint64_t nonce;     /* of the instance, not 0; the volatile store carries the same */
};

#define SEGMENT_SESSIONS_MAX (UINT64_C(1) << 24)

/* One process's handle; owns the mapping. */
struct segment {
	uint8_t *base;
	size_t size;
	int fd;
	struct segment_spec spec;
	uint64_t nbuckets, nwindows;
	size_t slots_off, committed_off, interest_off, windows_off; /* of the shared parts; the header is at 0 */
	size_t part_off;                                     /* of slot 0's part */
	size_t part_size;                                    /* of one slot's part */
	size_t read_pos_off, ring_off, opring_off, dlog_off; /* inside a slot's part; its counters are at 0 */
};

/*
 * Creates and maps the segment NAME ("/forkcast-x-y"), 0600 O_EXCL, with the shared parts allocated and faulted in.
 * 0 or -errno: -EEXIST, -ENOSPC (tmpfs full: *need has the bytes that were asked for), -ENOMEM, -EINVAL (sizes out of
 * range).  After an error nothing is left behind.  NEED may be NULL.
 */
int segment_create(struct segment *seg, const char *name, const struct segment_spec *spec, size_t *need);
/* Allocates and faults in one slot's part; idempotent.  0, -ENOSPC (*need as above) or -errno. */
int segment_reserve_slot(struct segment *seg, unsigned slot, size_t *need);
/*
 * Maps the pages of the shared tables and of SLOT's part into this process at once.  A process that lives there
 * touches nearly all of them sooner or later, each by a page fault of its own otherwise.  Never fails: what could not
 * be mapped is faulted in when used.
 */
void segment_populate(const struct segment *seg, unsigned slot);
/*
 * Maps an existing segment for reading counters and tables (rw: also for living in it).  0, -ENOENT, -EPROTO (not a
 * complete segment of this layout) or -errno.  The caller compares spec.nonce with the instance it means.
 */
int segment_attach(struct segment *seg, const char *name, int rw);
void segment_detach(struct segment *seg);
/* Removes the name; mappings stay valid.  0 or -errno. */
int segment_unlink(const char *name);
/* Bytes of tmpfs that the shared parts and NSLOTS slot parts need, for messages. */
size_t segment_need(const struct segment_spec *spec, unsigned nslots);

struct slot *segment_slot(const struct segment *seg, unsigned slot);
struct counter_block *segment_counters(const struct segment *seg, unsigned slot);
struct ring_shm *segment_ring(const struct segment *seg, unsigned slot);
struct ring_shm *segment_opring(const struct segment *seg, unsigned slot);
struct dlog_shm *segment_dlog(const struct segment *seg, unsigned slot);
struct interest_bucket *segment_interest(const struct segment *seg);
struct window_cell *segment_windows(const struct segment *seg);
/* Positions up to which the slot has taken records from each broadcast ring: an array of SLOT_MAX, owner writes. */
_Atomic uint64_t *segment_read_pos(const struct segment *seg, unsigned slot);
/* Operation-ring positions the keeper has committed to the store: an array of SLOT_MAX, the keeper writes. */
_Atomic uint64_t *segment_committed(const struct segment *seg);
/* The keeper raises this while the store refuses new rows (80 % full); workers answer connects with 503. */
_Atomic uint32_t *segment_store_full(const struct segment *seg);
/* True once the slot's part was reserved by anyone: only then may its counters, rings and log be touched. */
int segment_slot_reserved(const struct segment *seg, unsigned slot);
/* The set of such slots. */
struct slot_mask segment_reserved(const struct segment *seg);

#endif
