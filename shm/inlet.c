/*
 * inlet.c - see inlet.h.
 *
 * The heap holds one key for each ring that has records in this turn: the stamp of its oldest, or 0 when the ring has
 * overtaken us, so that this is told first.  Taking a record changes the key on top, and mostly leaves it there, since
 * a publisher's records of one turn come in a row.
 */
#include "shm/inlet.h"

#include <assert.h>
#include <string.h>

static bool key_less(const struct inlet_key *a, const struct inlet_key *b)
{
	return a->stamp < b->stamp || (a->stamp == b->stamp && a->slot < b->slot);
}

/* Puts KEY where it belongs, from I downwards. */
static void heap_sink(struct inlet *in, unsigned i, struct inlet_key key)
{
	unsigned child;

	for (; (child = 2 * i + 1) < in->nheap; i = child) {
		if (child + 1 < in->nheap && key_less(&in->heap[child + 1], &in->heap[child]))
			child++;
		if (!key_less(&in->heap[child], &key))
			break;
		in->heap[i] = in->heap[child];
	}
	in->heap[i] = key;
}

static void heap_add(struct inlet *in, struct inlet_key key)
{
	unsigned i = in->nheap++, up;

	for (; i > 0 && key_less(&key, &in->heap[up = (i - 1) / 2]); i = up)
		in->heap[i] = in->heap[up];
	in->heap[i] = key;
}

static void heap_drop_top(struct inlet *in)
{
	in->nheap--;
	if (in->nheap > 0)
		heap_sink(in, 0, in->heap[in->nheap]);
}

static void set_pos(struct inlet *in, unsigned slot, uint64_t pos)
{
	in->pos[slot] = pos;
	/* Release: our loads from the ring come before the writer learns that it may overwrite what we loaded. */
	atomic_store_explicit(&in->read_pos[slot], pos, memory_order_release);
}

/* Goes to the ring's present end. */
static void resync(struct inlet *in, unsigned slot)
{
	/* The stamp first (acquire keeps it first): what is published behind the tail loaded next is not older. */
	uint64_t stamp = atomic_load_explicit(&in->ring[slot].shm->stamp, memory_order_acquire);

	set_pos(in, slot, ring_tail(&in->ring[slot]));
	in->last_ns[slot] = stamp;
	in->ready[slot] = false;
}

/* Looks at rings of slots reserved since the last call. */
static void attach_new(struct inlet *in)
{
	struct slot_mask reserved = segment_reserved(in->seg);

	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		for (uint64_t left = reserved.w[w] & ~in->attached.w[w]; left != 0; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);
			int rc = ring_attach(&in->ring[slot], segment_ring(in->seg, slot));

			/* segment_attach() has compared the layouts. */
			assert(rc == 0);
			set_pos(in, slot, 0);
			in->last_ns[slot] = 0;
			in->ready[slot] = false;
			slot_mask_set(&in->attached, slot);
			if (slot >= in->nslots)
				in->nslots = slot + 1;
		}
	}
}

void inlet_init(struct inlet *in, struct segment *seg, unsigned self)
{
	memset(in, 0, sizeof *in);
	in->seg = seg;
	in->self = self;
	in->read_pos = segment_read_pos(seg, self);
	attach_new(in);
	for (unsigned i = 0; i < in->nslots; i++)
		if (slot_mask_has(&in->attached, i))
			resync(in, i);
}

/*
 * Peeks at the ring's next record below the noted tail, over padding.  False when this turn has nothing (more) from it,
 * else *KEY is its place in the heap.
 */
static bool prime(struct inlet *in, unsigned slot, struct inlet_key *key)
{
	struct ring_head *head = &in->next[slot];
	int rc;

	while (!in->ready[slot]) {
		if (in->pos[slot] == in->end[slot])
			return false;
		rc = ring_peek(&in->ring[slot], in->pos[slot], head);
		if (rc != 1) {
			in->bad += rc == RING_BAD;
			*key = (struct inlet_key){.stamp = 0, .slot = slot};
			return true;
		}
		if (head->type == RING_PAD)
			set_pos(in, slot, ring_next(in->pos[slot], head));
		else
			in->ready[slot] = true;
	}
	*key = (struct inlet_key){.stamp = head->stamp, .slot = slot};
	return head->stamp <= in->t0;
}

uint64_t inlet_begin(struct inlet *in, uint64_t t0_ns)
{
	struct inlet_key key;
	uint64_t bytes = 0;

	in->t0 = t0_ns;
	in->nheap = 0;
	attach_new(in);
	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		for (uint64_t left = in->attached.w[w]; left != 0; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);

			in->end[slot] = ring_tail(&in->ring[slot]);
			bytes += in->end[slot] - in->pos[slot];
			if (in->end[slot] != in->pos[slot] && prime(in, slot, &key))
				heap_add(in, key);
		}
	}
	return bytes;
}

/* Takes the record on top of the heap. */
static void take(struct inlet *in, unsigned slot)
{
	struct inlet_key key;

	assert(in->nheap > 0 && in->heap[0].slot == slot && in->ready[slot]);
	set_pos(in, slot, ring_next(in->pos[slot], &in->next[slot]));
	in->last_ns[slot] = in->next[slot].stamp;
	in->ready[slot] = false;
	if (prime(in, slot, &key))
		heap_sink(in, 0, key);
	else
		heap_drop_top(in);
}

enum inlet_event inlet_next(struct inlet *in, struct inlet_item *item, struct inlet_lap *lap)
{
	unsigned slot;

	if (in->nheap == 0)
		return INLET_NONE;
	slot = in->heap[0].slot;
	item->slot = slot;
	if (!in->ready[slot]) {
		lap->from = in->pos[slot];
		lap->since_ns = in->last_ns[slot];
		resync(in, slot);
		lap->to = in->pos[slot];
		in->lapped++;
		heap_drop_top(in);
		return INLET_LAPPED;
	}
	item->head = in->next[slot];
	item->payload = item->head.len - sizeof item->head;
	if (item->head.type == RING_GEN_OVER) {
		take(in, slot);
		return INLET_GEN_OVER;
	}
	return INLET_RECORD;
}

/* RC of a read from the ring on top; when it was overtaken meanwhile, the next inlet_next() says so. */
static int checked(struct inlet *in, unsigned slot, int rc)
{
	if (rc)
		in->ready[slot] = false;
	return rc;
}

int inlet_copy(struct inlet *in, const struct inlet_item *item, void *buf)
{
	unsigned slot = item->slot;
	int rc = checked(in, slot, ring_copy(&in->ring[slot], in->pos[slot], &in->next[slot], buf));

	if (rc == 0)
		take(in, slot);
	return rc;
}

int inlet_look(struct inlet *in, const struct inlet_item *item, void *buf, size_t n)
{
	unsigned slot = item->slot;

	return checked(in, slot, ring_copy_part(&in->ring[slot], in->pos[slot], &in->next[slot], buf, n));
}

void inlet_skip(struct inlet *in, const struct inlet_item *item)
{
	take(in, item->slot);
}

uint64_t inlet_end(struct inlet *in)
{
	uint64_t behind = 0;

	in->nheap = 0;
	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		for (uint64_t left = in->attached.w[w]; left != 0; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);

			behind += ring_tail(&in->ring[slot]) - in->pos[slot];
		}
	}
	return behind;
}

bool inlet_pending(const struct inlet *in)
{
	struct slot_mask reserved = segment_reserved(in->seg);

	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		if (reserved.w[w] != in->attached.w[w])
			return true;
		for (uint64_t left = in->attached.w[w]; left != 0; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);

			if (ring_tail(&in->ring[slot]) != in->pos[slot])
				return true;
		}
	}
	return false;
}
