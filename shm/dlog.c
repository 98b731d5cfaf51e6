/*
 * dlog.c - see dlog.h; W1..W4 and R1..R4 are the steps of ring.h.
 *
 * A word: kind in bits 60-63, ring in bits 52-59, value in bits 0-51.  A ring position is stored in units of
 * RING_ALIGN, which lasts for 2^57 bytes a ring; a time in units of 256 ns.
 */
#include "shm/dlog.h"

#include <assert.h>
#include <errno.h>

#include "shm/ring.h"

#define VALUE_BITS      52
#define VALUE_MASK      ((UINT64_C(1) << VALUE_BITS) - 1)
#define TURN_UNIT       256
#define WORDS_IN(bytes) ((bytes) / sizeof(uint64_t))

_Static_assert(sizeof(struct dlog_shm) == 128, "delivery log layout");
_Static_assert(offsetof(struct dlog_shm, claim) == 64, "delivery log layout");
_Static_assert(SLOT_MAX <= 256, "a ring number has 8 bits");

size_t dlog_footprint(size_t size_bytes)
{
	return sizeof(struct dlog_shm) + size_bytes;
}

static bool size_ok(uint64_t words)
{
	return words >= WORDS_IN(DLOG_MIN) && words <= WORDS_IN(DLOG_MAX) && (words & (words - 1)) == 0;
}

void dlog_format(struct dlog_shm *shm, size_t size_bytes)
{
	assert(size_ok(WORDS_IN(size_bytes)));
	shm->size = WORDS_IN(size_bytes);
	atomic_store_explicit(&shm->claim, 0, memory_order_relaxed);
	atomic_store_explicit(&shm->tail, 0, memory_order_relaxed);
	shm->layout = DLOG_LAYOUT;
}

static _Atomic uint64_t *words_of(struct dlog_shm *shm)
{
	return (_Atomic uint64_t *)(void *)(shm + 1);
}

int dlog_attach(struct dlog *d, struct dlog_shm *shm)
{
	if (shm->layout != DLOG_LAYOUT || !size_ok(shm->size))
		return -EPROTO;
	*d = (struct dlog){.shm = shm, .words = words_of(shm), .size = shm->size, .run_ring = SLOT_NONE};
	d->tail = atomic_load_explicit(&shm->tail, memory_order_acquire);
	return 0;
}

static uint64_t word_of(enum dlog_kind kind, unsigned ring, uint64_t value)
{
	return (uint64_t)kind << 60 | (uint64_t)(ring & 0xff) << VALUE_BITS | (value & VALUE_MASK);
}

/* W1 for the next N words, then W2. */
static void claim(struct dlog *d, uint64_t n)
{
	atomic_store_explicit(&d->shm->claim, d->tail + n, memory_order_relaxed); /* W1 */
	/* W2: the claim is visible before any word stored after it; orders W1 before W3, pairs with R3. */
	atomic_thread_fence(memory_order_release);
}

/* W3 for one claimed word. */
static void append(struct dlog *d, uint64_t word)
{
	atomic_store_explicit(&d->words[d->tail & (d->size - 1)], word, memory_order_relaxed);
	d->tail++;
	d->since_vector++;
	d->run_ring = SLOT_NONE;
}

static void append_vector(struct dlog *d, const uint64_t *at, unsigned n)
{
	claim(d, n + 1);
	append(d, word_of(DLOG_VECTOR, 0, n));
	for (unsigned i = 0; i < n; i++)
		append(d, word_of(DLOG_AT, i, at[i] / RING_ALIGN));
	d->since_vector = 0;
}

static void publish(struct dlog *d)
{
	/* W4: the words stored above are visible to who loads this tail or a later one (R1). */
	atomic_store_explicit(&d->shm->tail, d->tail, memory_order_release);
}

void dlog_begin(struct dlog *d, uint32_t gen, const uint64_t *at, unsigned n)
{
	assert(n <= SLOT_MAX);
	/* Not repaired: to go on would vouch for words that the last owner scribbled on. */
	assert(atomic_load_explicit(&d->shm->claim, memory_order_relaxed) == d->tail);
	claim(d, 1);
	append(d, word_of(DLOG_GEN, 0, gen));
	append_vector(d, at, n);
	publish(d);
}

void dlog_run(struct dlog *d, unsigned ring, uint64_t end)
{
	uint64_t word = word_of(DLOG_RUN, ring, end / RING_ALIGN);

	assert(ring < SLOT_MAX);
	if (d->run_ring == ring) {
		/* The word before the tail is claimed and not published: nobody reads it yet. */
		atomic_store_explicit(&d->words[(d->tail - 1) & (d->size - 1)], word, memory_order_relaxed);
		return;
	}
	claim(d, 1);
	append(d, word);
	d->run_ring = ring;
}

void dlog_gap(struct dlog *d, unsigned ring, uint64_t at)
{
	assert(ring < SLOT_MAX);
	claim(d, 2);
	append(d, word_of(DLOG_GAP, ring, 0));
	append(d, word_of(DLOG_AT, ring, at / RING_ALIGN));
}

void dlog_turn(struct dlog *d, uint64_t now_ns, const uint64_t *at, unsigned n)
{
	assert(n <= SLOT_MAX);
	/* Turns that delivered nothing would push the history of an idle slot out of the log. */
	if (d->tail == atomic_load_explicit(&d->shm->tail, memory_order_relaxed))
		return;
	claim(d, 1);
	append(d, word_of(DLOG_TURN, 0, now_ns / TURN_UNIT));
	if (d->since_vector >= DLOG_VECTOR_EVERY)
		append_vector(d, at, n);
	publish(d);
}

uint64_t dlog_repair(struct dlog_shm *shm)
{
	uint64_t tail = atomic_load_explicit(&shm->tail, memory_order_acquire);
	uint64_t end = atomic_load_explicit(&shm->claim, memory_order_relaxed);
	uint64_t words = shm->size;

	/* A claim that no owner could have made: give up the whole log rather than vouch for any of it. */
	if (end - tail > words) {
		end = tail + words;
		atomic_store_explicit(&shm->claim, end, memory_order_relaxed);
	}
	atomic_thread_fence(memory_order_release); /* W2, for the claim of the dead owner or ours */
	for (uint64_t pos = tail; pos != end; pos++)
		atomic_store_explicit(&words_of(shm)[pos & (words - 1)], word_of(DLOG_PAD, 0, 0), memory_order_relaxed);
	atomic_store_explicit(&shm->tail, end, memory_order_release); /* W4 */
	return end - tail;
}

uint64_t dlog_head(const struct dlog *d)
{
	uint64_t end = atomic_load_explicit(&d->shm->claim, memory_order_acquire);

	return end > d->size ? end - d->size : 0;
}

uint64_t dlog_tail(const struct dlog *d)
{
	return atomic_load_explicit(&d->shm->tail, memory_order_acquire); /* R1 */
}

int dlog_read(const struct dlog *d, uint64_t pos, struct dlog_entry *e)
{
	uint64_t w, value;

	if ((int64_t)(dlog_tail(d) - pos) <= 0)
		return -1;
	w = atomic_load_explicit(&d->words[pos & (d->size - 1)], memory_order_relaxed); /* R2 */
	/* R3: the word is loaded before the claim; pairs with W2. */
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&d->shm->claim, memory_order_relaxed) - pos > d->size) /* R4 */
		return 0;
	value = w & VALUE_MASK;
	*e = (struct dlog_entry){.kind = (enum dlog_kind)(w >> 60), .ring = (unsigned)(w >> VALUE_BITS & 0xff)};
	switch (e->kind) {
	case DLOG_RUN:
	case DLOG_AT: e->pos = value * RING_ALIGN; return 1;
	case DLOG_TURN: e->pos = value * TURN_UNIT; return 1;
	case DLOG_VECTOR: e->pos = value; return value <= SLOT_MAX ? 1 : -1;
	case DLOG_PAD:
	case DLOG_GEN:
	case DLOG_GAP: e->pos = value; return 1;
	}
	return -1;
}

int dlog_positions(const struct dlog *d, uint64_t pos, uint64_t *at, unsigned n)
{
	struct dlog_entry e = {.kind = DLOG_PAD};
	uint64_t from = pos;
	int rc;

	/* Back to the last vector that is complete before POS; the log's first words are one. */
	do {
		if (from == 0)
			return 0;
		rc = dlog_read(d, --from, &e);
		if (rc != 1)
			return rc;
	} while (e.kind != DLOG_VECTOR || from + 1 + e.pos > pos);
	for (unsigned i = 0; i < n; i++)
		at[i] = 0;
	for (; from < pos; from++) {
		rc = dlog_read(d, from, &e);
		if (rc != 1)
			return rc;
		if ((e.kind == DLOG_RUN || e.kind == DLOG_AT) && e.ring < n)
			at[e.ring] = e.pos;
	}
	return 1;
}
