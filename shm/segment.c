/*
 * segment.c - see segment.h.
 *
 * Memory is allocated by posix_fallocate() and then faulted in by the process that reserved it.  Both matter: a tmpfs
 * file that was only truncated to its size ends the first process that touches a page for which there is no room, and
 * a page that is allocated but mapped by nobody is charged to whoever touches it first.
 *
 * A process that inherits or attaches the mapping has no page of it.  Workers map what they will use at once
 * (segment_populate), tools and the keeper fault in what they read.  Measured with the 40 MB of interest for 100,000
 * sessions: 7 ms and 80 KB of page tables at once, against 15 ms spread over the first 10,000 sessions of three rooms.
 */
#include "shm/segment.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/counter.h"
#include "shm/dlog.h"
#include "shm/interest.h"
#include "shm/ring.h"
#include "shm/window.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define SEGMENT_MAGIC UINT64_C(0x31747361636b7266) /* "frkcast1" */
#define PAGE          UINT64_C(4096)

/*
 * To change a layout: change the struct, add one to its number (here, or in the part's own header), and let the
 * static_asserts beside the struct follow.  A process of another binary then refuses to attach.
 */
#define LAYOUT_HEAD     2u
#define LAYOUT_SLOTS    1u
#define LAYOUT_INTEREST 1u
#define LAYOUT_COUNTERS (1u << 16 | (uint32_t)sizeof(struct counter_block)) /* the block grows with each metric */

static const uint32_t layouts[] = {
    LAYOUT_HEAD, LAYOUT_SLOTS, LAYOUT_INTEREST, WINDOW_LAYOUT, LAYOUT_COUNTERS, RING_LAYOUT, DLOG_LAYOUT};

struct segment_head {
	_Atomic uint64_t magic; /* stored last: without it the segment is still being made */
	uint32_t layout[7];
	uint64_t size;
	struct segment_spec spec;
	/* The master's: slots whose part is allocated and formatted. */
	_Alignas(64) _Atomic uint64_t reserved[SLOT_WORDS];
	/* The keeper's. */
	_Alignas(64) _Atomic uint32_t store_full;
};

_Static_assert(sizeof(struct segment_spec) == 40, "head layout");
_Static_assert(offsetof(struct segment_head, spec) == 48, "head layout");
_Static_assert(offsetof(struct segment_head, reserved) == 128, "head layout");
_Static_assert(sizeof(struct segment_head) == 256 && sizeof(struct segment_head) <= PAGE, "head layout");
_Static_assert(sizeof layouts == sizeof((struct segment_head){0}.layout), "each part has its number");
_Static_assert(sizeof(struct counter_block) < 1u << 16, "its size is in its layout number");

static uint64_t page_up(uint64_t n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

/* Fills in everything of *SEG that follows from SPEC.  Each part starts on a page of its own. */
static void lay_out(struct segment *seg, const struct segment_spec *spec)
{
	seg->spec = *spec;
	seg->nbuckets = interest_buckets(spec->sessions);
	seg->nwindows = window_cells(spec->sessions);
	seg->slots_off = page_up(sizeof(struct segment_head));
	seg->committed_off = seg->slots_off + page_up(sizeof(struct slot) * SLOT_MAX);
	seg->interest_off = seg->committed_off + page_up(sizeof(uint64_t) * SLOT_MAX);
	seg->windows_off = seg->interest_off + page_up(sizeof(struct interest_bucket) * seg->nbuckets);
	seg->part_off = seg->windows_off + page_up(sizeof(struct window_cell) * seg->nwindows);
	seg->read_pos_off = page_up(sizeof(struct counter_block));
	seg->ring_off = seg->read_pos_off + page_up(sizeof(uint64_t) * SLOT_MAX);
	seg->opring_off = seg->ring_off + page_up(ring_footprint(spec->ring_size));
	seg->dlog_off = seg->opring_off + page_up(ring_footprint(spec->opring_size));
	seg->part_size = seg->dlog_off + page_up(dlog_footprint(spec->dlog_size));
	seg->size = seg->part_off + seg->part_size * SLOT_MAX;
}

static bool power_of_two_in(uint64_t n, uint64_t min, uint64_t max)
{
	return n >= min && n <= max && (n & (n - 1)) == 0;
}

static bool spec_ok(const struct segment_spec *spec)
{
	return power_of_two_in(spec->ring_size, RING_MIN, RING_MAX) &&
	    power_of_two_in(spec->opring_size, RING_MIN, RING_MAX) &&
	    power_of_two_in(spec->dlog_size, DLOG_MIN, DLOG_MAX) && spec->sessions > 0 &&
	    spec->sessions <= SEGMENT_SESSIONS_MAX && spec->nonce != 0;
}

static struct segment_head *head_of(const struct segment *seg)
{
	return (struct segment_head *)(void *)seg->base;
}

/* Allocates [OFF, OFF + LEN) and faults it in. */
static int allocate(struct segment *seg, uint64_t off, uint64_t len, size_t *need)
{
	int rc;

	do {
		rc = posix_fallocate(seg->fd, (off_t)off, (off_t)len);
	} while (rc == EINTR);
	if (rc == ENOSPC && need)
		*need = len;
	if (rc)
		return -rc;
	do {
		rc = madvise(seg->base + off, len, MADV_POPULATE_WRITE) ? errno : 0;
	} while (rc == EINTR || rc == EAGAIN);
	/* EINVAL: a kernel that cannot; the pages are allocated, only not mapped yet. */
	return rc == EINVAL ? 0 : -rc;
}

void segment_populate(const struct segment *seg, unsigned slot)
{
	(void)madvise(seg->base + seg->interest_off, seg->part_off - seg->interest_off, MADV_POPULATE_WRITE);
	(void)madvise(seg->base + seg->part_off + slot * seg->part_size, seg->part_size, MADV_POPULATE_WRITE);
}

static int map(struct segment *seg, size_t size, bool rw)
{
	void *p = mmap(NULL, size, rw ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_NORESERVE, seg->fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	seg->base = p;
	seg->size = size;
	return 0;
}

int segment_create(struct segment *seg, const char *name, const struct segment_spec *spec, size_t *need)
{
	struct segment_head *h;
	int rc;

	*seg = (struct segment){.fd = -1};
	if (!spec_ok(spec))
		return -EINVAL;
	lay_out(seg, spec);
	seg->fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (seg->fd < 0)
		return -errno;
	do {
		rc = ftruncate(seg->fd, (off_t)seg->size) ? -errno : 0;
	} while (rc == -EINTR);
	if (rc == 0)
		rc = map(seg, seg->size, true);
	if (rc == 0)
		rc = allocate(seg, 0, seg->part_off, need);
	if (rc) {
		segment_detach(seg);
		shm_unlink(name);
		return rc;
	}
	h = head_of(seg);
	memcpy(h->layout, layouts, sizeof layouts);
	h->size = seg->size;
	h->spec = *spec;
	/* Release: who sees the magic sees a complete header. */
	atomic_store_explicit(&h->magic, SEGMENT_MAGIC, memory_order_release);
	return 0;
}

int segment_reserve_slot(struct segment *seg, unsigned slot, size_t *need)
{
	int rc;

	assert(slot < SLOT_MAX);
	if (segment_slot_reserved(seg, slot))
		return 0;
	rc = allocate(seg, seg->part_off + seg->part_size * slot, seg->part_size, need);
	if (rc)
		return rc;
	ring_format(segment_ring(seg, slot), seg->spec.ring_size);
	ring_format(segment_opring(seg, slot), seg->spec.opring_size);
	dlog_format(segment_dlog(seg, slot), seg->spec.dlog_size);
	/* Release: who sees the bit sees formatted rings. */
	atomic_fetch_or_explicit(&head_of(seg)->reserved[slot / 64], UINT64_C(1) << (slot % 64), memory_order_release);
	return 0;
}

/* 0 when the header, mapped with SIZE bytes of file behind it, is a finished one of this layout. */
static int check_head(const struct segment *seg, uint64_t size)
{
	const struct segment_head *h = head_of(seg);
	struct segment want = {.fd = -1};

	if (atomic_load_explicit(&h->magic, memory_order_acquire) != SEGMENT_MAGIC)
		return -EPROTO;
	if (memcmp(h->layout, layouts, sizeof layouts) != 0 || !spec_ok(&h->spec))
		return -EPROTO;
	lay_out(&want, &h->spec);
	return h->size == want.size && size == want.size ? 0 : -EPROTO;
}

int segment_attach(struct segment *seg, const char *name, int rw)
{
	struct segment_spec spec;
	struct stat st;
	int rc;

	*seg = (struct segment){.fd = shm_open(name, rw ? O_RDWR : O_RDONLY, 0)};
	if (seg->fd < 0)
		return -errno;
	if (fstat(seg->fd, &st)) {
		rc = -errno;
		goto out;
	}
	/* The header alone first: only a good one is worth an address range of this size. */
	rc = st.st_size < (off_t)PAGE ? -EPROTO : map(seg, PAGE, false);
	if (rc)
		goto out;
	rc = check_head(seg, (uint64_t)st.st_size);
	spec = head_of(seg)->spec;
	munmap(seg->base, seg->size);
	seg->base = NULL;
	if (rc)
		goto out;
	lay_out(seg, &spec);
	rc = map(seg, seg->size, rw);
out:
	if (rc)
		segment_detach(seg);
	return rc;
}

void segment_detach(struct segment *seg)
{
	if (seg->base)
		munmap(seg->base, seg->size);
	if (seg->fd >= 0)
		close(seg->fd);
	*seg = (struct segment){.fd = -1};
}

int segment_unlink(const char *name)
{
	return shm_unlink(name) ? -errno : 0;
}

size_t segment_need(const struct segment_spec *spec, unsigned nslots)
{
	struct segment s = {.fd = -1};

	lay_out(&s, spec);
	return s.part_off + s.part_size * nslots;
}

struct slot *segment_slot(const struct segment *seg, unsigned slot)
{
	return (struct slot *)(void *)(seg->base + seg->slots_off) + slot;
}

static void *part_at(const struct segment *seg, unsigned slot, size_t off)
{
	return seg->base + seg->part_off + seg->part_size * slot + off;
}

struct counter_block *segment_counters(const struct segment *seg, unsigned slot)
{
	return part_at(seg, slot, 0);
}

struct ring_shm *segment_ring(const struct segment *seg, unsigned slot)
{
	return part_at(seg, slot, seg->ring_off);
}

struct ring_shm *segment_opring(const struct segment *seg, unsigned slot)
{
	return part_at(seg, slot, seg->opring_off);
}

struct dlog_shm *segment_dlog(const struct segment *seg, unsigned slot)
{
	return part_at(seg, slot, seg->dlog_off);
}

struct interest_bucket *segment_interest(const struct segment *seg)
{
	return (struct interest_bucket *)(void *)(seg->base + seg->interest_off);
}

struct window_cell *segment_windows(const struct segment *seg)
{
	return (struct window_cell *)(void *)(seg->base + seg->windows_off);
}

_Atomic uint64_t *segment_read_pos(const struct segment *seg, unsigned slot)
{
	return part_at(seg, slot, seg->read_pos_off);
}

_Atomic uint64_t *segment_committed(const struct segment *seg)
{
	return (_Atomic uint64_t *)(void *)(seg->base + seg->committed_off);
}

_Atomic uint32_t *segment_store_full(const struct segment *seg)
{
	return &head_of(seg)->store_full;
}

int segment_slot_reserved(const struct segment *seg, unsigned slot)
{
	return atomic_load_explicit(&head_of(seg)->reserved[slot / 64], memory_order_acquire) >> (slot % 64) & 1;
}

struct slot_mask segment_reserved(const struct segment *seg)
{
	struct slot_mask m;

	for (int i = 0; i < SLOT_WORDS; i++)
		m.w[i] = atomic_load_explicit(&head_of(seg)->reserved[i], memory_order_acquire);
	return m;
}
