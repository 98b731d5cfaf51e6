/*
 * ring.c - see ring.h for the protocol; W1..W4 and R1..R4 below are its steps.
 *
 * Words are copied as relaxed 8-byte atomics: a reader may load what the owner overwrites at the same moment, which is
 * a data race in C unless both sides are atomic.  On x86 and ARM these are plain moves.
 */
#include "shm/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define WORD       sizeof(uint64_t)
#define HEAD_WORDS (sizeof(struct ring_head) / WORD)

_Static_assert(sizeof(struct ring_head) == 32 && sizeof(struct ring_head) <= RING_ALIGN, "a PAD fits any rest");
_Static_assert(offsetof(struct ring_head, pos) == 16 && offsetof(struct ring_head, stamp) == 24, "head layout");
_Static_assert(sizeof(struct ring_shm) == 192, "ring layout");
_Static_assert(offsetof(struct ring_shm, claim) == 64 && offsetof(struct ring_shm, tail) == 128, "ring layout");
_Static_assert(sizeof(_Atomic uint64_t) == WORD, "words are atomic without a lock");

static uint64_t padded(uint64_t len)
{
	return (len + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1);
}

static _Atomic uint64_t *words_at(uint8_t *data, uint64_t size, uint64_t pos)
{
	return (_Atomic uint64_t *)(void *)(data + (pos & (size - 1)));
}

/* Two multiplications are enough: this is against stale and foreign bytes, not against an adversary. */
static uint32_t head_check(const struct ring_head *h)
{
	uint64_t x = h->len | (uint64_t)h->type << 32 | (uint64_t)h->flags << 48;

	x = (x ^ h->pos) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 32 ^ h->stamp ^ h->gen) * UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(x >> 32);
}

/*
 * W3 for N words from P, and R2 for N words to P.  Four at a time, each by itself: the compiler makes seven
 * instructions of a word in the plain loop, and less than three here.
 */
static void store_words(_Atomic uint64_t *w, const uint8_t *p, size_t n)
{
	uint64_t a, b, c, d;

	for (; n >= 4; n -= 4, w += 4, p += 4 * WORD) {
		memcpy(&a, p, WORD);
		memcpy(&b, p + WORD, WORD);
		memcpy(&c, p + 2 * WORD, WORD);
		memcpy(&d, p + 3 * WORD, WORD);
		atomic_store_explicit(&w[0], a, memory_order_relaxed);
		atomic_store_explicit(&w[1], b, memory_order_relaxed);
		atomic_store_explicit(&w[2], c, memory_order_relaxed);
		atomic_store_explicit(&w[3], d, memory_order_relaxed);
	}
	for (; n > 0; n--, w++, p += WORD) {
		memcpy(&a, p, WORD);
		atomic_store_explicit(w, a, memory_order_relaxed);
	}
}

static void load_words(uint8_t *p, const _Atomic uint64_t *w, size_t n)
{
	uint64_t a, b, c, d;

	for (; n >= 4; n -= 4, w += 4, p += 4 * WORD) {
		a = atomic_load_explicit(&w[0], memory_order_relaxed);
		b = atomic_load_explicit(&w[1], memory_order_relaxed);
		c = atomic_load_explicit(&w[2], memory_order_relaxed);
		d = atomic_load_explicit(&w[3], memory_order_relaxed);
		memcpy(p, &a, WORD);
		memcpy(p + WORD, &b, WORD);
		memcpy(p + 2 * WORD, &c, WORD);
		memcpy(p + 3 * WORD, &d, WORD);
	}
	for (; n > 0; n--, w++, p += WORD) {
		a = atomic_load_explicit(w, memory_order_relaxed);
		memcpy(p, &a, WORD);
	}
}

/* W3 for a head. */
static void store_head(_Atomic uint64_t *w, struct ring_head *h)
{
	h->check = head_check(h);
	store_words(w, (const uint8_t *)h, HEAD_WORDS);
}

/* Collects bytes into words. */
struct sink {
	_Atomic uint64_t *w;
	uint64_t part;
	size_t fill; /* bytes of part */
};

/* W3 for a piece of payload, N > 0. */
static void sink_put(struct sink *s, const uint8_t *p, size_t n)
{
	if (s->fill > 0) {
		size_t k = WORD - s->fill < n ? WORD - s->fill : n;

		memcpy((uint8_t *)&s->part + s->fill, p, k);
		s->fill += k;
		if (s->fill < WORD)
			return;
		atomic_store_explicit(s->w++, s->part, memory_order_relaxed);
		p += k;
		n -= k;
	}
	store_words(s->w, p, n / WORD);
	s->w += n / WORD;
	s->part = 0;
	s->fill = n % WORD;
	if (s->fill > 0)
		memcpy(&s->part, p + n - s->fill, s->fill);
}

size_t ring_footprint(size_t size)
{
	return sizeof(struct ring_shm) + size;
}

static bool size_ok(uint64_t size)
{
	return size >= RING_MIN && size <= RING_MAX && (size & (size - 1)) == 0;
}

void ring_format(struct ring_shm *shm, size_t size)
{
	assert(size_ok(size));
	shm->size = size;
	atomic_store_explicit(&shm->claim, 0, memory_order_relaxed);
	atomic_store_explicit(&shm->tail, 0, memory_order_relaxed);
	atomic_store_explicit(&shm->stamp, 0, memory_order_relaxed);
	shm->layout = RING_LAYOUT;
}

int ring_attach(struct ring *r, struct ring_shm *shm)
{
	if (shm->layout != RING_LAYOUT || !size_ok(shm->size))
		return -EPROTO;
	*r = (struct ring){.shm = shm, .data = (uint8_t *)shm + sizeof *shm, .size = shm->size};
	return 0;
}

void ring_own(struct ring *r, uint32_t gen)
{
	r->tail = atomic_load_explicit(&r->shm->tail, memory_order_acquire);
	/* Not repaired: to go on would vouch for what the last owner scribbled. */
	assert(atomic_load_explicit(&r->shm->claim, memory_order_relaxed) == r->tail);
	r->stamp = atomic_load_explicit(&r->shm->stamp, memory_order_relaxed);
	r->gen = gen;
}

size_t ring_payload_max(const struct ring *r)
{
	return (size_t)(r->size / 8) - sizeof(struct ring_head);
}

/* Bytes between the tail and where a record of NEED bytes starts. */
static uint64_t pad_before(const struct ring *r, uint64_t need)
{
	uint64_t rest = r->size - (r->tail & (r->size - 1));

	return need <= rest ? 0 : rest;
}

uint64_t ring_cost(const struct ring *r, size_t payload)
{
	uint64_t need = padded(sizeof(struct ring_head) + payload);

	return pad_before(r, need) + need;
}

bool ring_room(const struct ring *r, uint64_t cost, uint64_t limit)
{
	return r->tail + cost - limit <= r->size;
}

int64_t ring_publish(struct ring *r, uint16_t type, uint16_t flags, const struct iovec *iov, int niov, uint64_t now_ns)
{
	struct ring_head h = {.type = type, .flags = flags, .gen = r->gen};
	struct sink s;
	size_t payload = 0, max = ring_payload_max(r);
	uint64_t need, pad, end;

	for (int i = 0; i < niov; i++) {
		if (iov[i].iov_len > max - payload)
			return -EMSGSIZE;
		payload += iov[i].iov_len;
	}
	need = padded(sizeof h + payload);
	pad = pad_before(r, need);
	end = r->tail + pad + need;
	if (now_ns > r->stamp)
		r->stamp = now_ns;
	h.stamp = r->stamp;

	atomic_store_explicit(&r->shm->claim, end, memory_order_relaxed); /* W1 */
	/* W2: the claim is visible before any word stored below; orders W1 before W3, pairs with R3. */
	atomic_thread_fence(memory_order_release);
	if (pad > 0) {
		struct ring_head ph = {
		    .len = (uint32_t)pad, .type = RING_PAD, .gen = r->gen, .pos = r->tail, .stamp = r->stamp};

		store_head(words_at(r->data, r->size, r->tail), &ph);
	}
	h.len = (uint32_t)(sizeof h + payload);
	h.pos = r->tail + pad;
	s = (struct sink){.w = words_at(r->data, r->size, h.pos)};
	store_head(s.w, &h);
	s.w += HEAD_WORDS;
	for (int i = 0; i < niov; i++)
		if (iov[i].iov_len > 0)
			sink_put(&s, iov[i].iov_base, iov[i].iov_len);
	if (s.fill > 0)
		atomic_store_explicit(s.w, s.part, memory_order_relaxed);
	/* Before the tail, so that a successor never stamps below a record that is out. */
	atomic_store_explicit(&r->shm->stamp, r->stamp, memory_order_relaxed);
	/* W4: all stores above are visible to who loads this tail or a later one (R1). */
	atomic_store_explicit(&r->shm->tail, end, memory_order_release);
	r->tail = end;
	return (int64_t)h.pos;
}

uint64_t ring_tail(const struct ring *r)
{
	return atomic_load_explicit(&r->shm->tail, memory_order_acquire); /* R1 */
}

bool ring_intact(const struct ring *r, uint64_t pos)
{
	/* R3: every word load before comes before the load of the claim; pairs with W2. */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&r->shm->claim, memory_order_relaxed) - pos <= r->size; /* R4 */
}

int ring_peek(const struct ring *r, uint64_t pos, struct ring_head *head)
{
	const _Atomic uint64_t *w = words_at(r->data, r->size, pos & ~(uint64_t)(RING_ALIGN - 1));
	uint64_t len, avail = ring_tail(r) - pos;

	/* At or above the tail lie bytes that were never published, by a live owner or a dead one. */
	if ((int64_t)avail <= 0)
		return RING_BAD;
	load_words((uint8_t *)head, w, HEAD_WORDS);
	if (!ring_intact(r, pos))
		return RING_LAPPED;
	len = padded(head->len);
	if (head->pos != pos || head->check != head_check(head) || head->len < sizeof *head)
		return RING_BAD;
	if (len > avail || len > r->size - (pos & (r->size - 1)) || head->type > RING_GEN_OVER ||
	    (head->type != RING_PAD && len > r->size / 8))
		return RING_BAD;
	return 1;
}

int ring_copy(const struct ring *r, uint64_t pos, const struct ring_head *head, void *buf)
{
	return ring_copy_part(r, pos, head, buf, head->len - sizeof *head);
}

int ring_copy_part(const struct ring *r, uint64_t pos, const struct ring_head *head, void *buf, size_t n)
{
	const _Atomic uint64_t *w = words_at(r->data, r->size, pos) + HEAD_WORDS;
	uint8_t *p = buf;
	uint64_t last;

	if (n > head->len - sizeof *head)
		n = head->len - sizeof *head;
	load_words(p, w, n / WORD);
	if (n % WORD > 0) {
		last = atomic_load_explicit(&w[n / WORD], memory_order_relaxed);
		memcpy(p + n / WORD * WORD, &last, n % WORD);
	}
	return ring_intact(r, pos) ? 0 : RING_LAPPED;
}

uint64_t ring_next(uint64_t pos, const struct ring_head *head)
{
	return pos + padded(head->len);
}

uint64_t ring_repair(struct ring_shm *shm)
{
	uint8_t *data = (uint8_t *)shm + sizeof *shm;
	/* Rounded, so that not even a tail scribbled on by a stray pointer leads the master outside of the buffer. */
	uint64_t tail = padded(atomic_load_explicit(&shm->tail, memory_order_acquire));
	uint64_t claim = atomic_load_explicit(&shm->claim, memory_order_relaxed);
	uint64_t size = shm->size, n;

	if (claim == tail)
		return 0;
	if (claim - tail > size || claim % RING_ALIGN != 0) {
		claim = tail + size;
		atomic_store_explicit(&shm->claim, claim, memory_order_relaxed);
	}
	/* W2 once more: the claim, the dead owner's or ours, is visible before the words below. */
	atomic_thread_fence(memory_order_release);
	for (uint64_t pos = tail; pos != claim; pos += n) {
		struct ring_head h = {
		    .type = RING_PAD, .pos = pos, .stamp = atomic_load_explicit(&shm->stamp, memory_order_relaxed)};

		n = size - (pos & (size - 1));
		if (n > claim - pos)
			n = claim - pos;
		h.len = (uint32_t)n;
		store_head(words_at(data, size, pos), &h);
	}
	atomic_store_explicit(&shm->tail, claim, memory_order_release); /* W4 */
	return claim - tail;
}
