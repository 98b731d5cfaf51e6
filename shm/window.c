/*
 * window.c - see window.h.
 */
#include "shm/window.h"

#include <assert.h>

#define WINDOW_PER_SESSION 4
#define COUNT_BITS         24
#define COUNT_MASK         ((UINT64_C(1) << COUNT_BITS) - 1)

_Static_assert(sizeof(struct window_cell) == 16, "cell layout");
_Static_assert(sizeof(struct window_cell) * WINDOW_WAYS == 128, "a bucket is two cache lines");
_Static_assert(
    WINDOW_COUNT_MAX + SLOT_MAX < COUNT_MASK, "each process may count one too many, and refuse it after all");

/* Both halves of a cell at once: lock-free on x86-64 (cmpxchg16b) and AArch64. */
typedef unsigned __int128 pair_t __attribute__((may_alias));

uint64_t window_cells(uint64_t sessions)
{
	uint64_t n = WINDOW_WAYS;

	while (n / WINDOW_PER_SESSION < sessions && n < UINT64_C(1) << 40)
		n *= 2;
	return n;
}

/* 0 is a free cell's key. */
static uint64_t used_key(uint64_t key)
{
	return key != 0 ? key : 1;
}

struct window_cell *window_bucket(const struct segment *seg, uint64_t key)
{
	return segment_windows(seg) + (used_key(key) & (seg->nwindows / WINDOW_WAYS - 1)) * WINDOW_WAYS;
}

static uint64_t end_of(uint64_t word)
{
	return word >> COUNT_BITS;
}

/*
 * Sequentially consistent like the swap, for the order of swap and sum (window.h).  Key and word are read one after the
 * other; a torn pair can only make the swap fail, or be seen by the second look at the key.
 */
static uint64_t key_at(const struct window_cell *c)
{
	return atomic_load_explicit(&c->key, memory_order_seq_cst);
}

static uint64_t word_at(const struct window_cell *c)
{
	return atomic_load_explicit(&c->word, memory_order_seq_cst);
}

void window_look(
    const struct window_cell *bucket, uint64_t key, uint64_t period_ms, uint64_t now_ms, struct window_look *out)
{
	enum { RUNNING, OWN, OVER, FIRST_TO_END } best = FIRST_TO_END;
	uint64_t first_end = UINT64_MAX;

	key = used_key(key);
	*out = (struct window_look){0};
	for (unsigned i = 0; i < WINDOW_WAYS; i++) {
		uint64_t k = key_at(&bucket[i]);
		uint64_t word = word_at(&bucket[i]);
		bool own = k == key && key_at(&bucket[i]) == key;
		bool running = end_of(word) > now_ms;
		unsigned rank = own ? (running ? RUNNING : OWN) : running ? FIRST_TO_END : OVER;

		if (own && running) {
			out->sum += word & COUNT_MASK;
			if (end_of(word) > out->end_ms)
				out->end_ms = end_of(word);
		}
		/* of equals the first, so that all choose the same; of those in use the one that is in use for the
		 * least */
		if (rank > best || (rank == best && (rank != FIRST_TO_END || end_of(word) >= first_end)))
			continue;
		best = rank;
		first_end = end_of(word);
		out->at = i;
		out->seen_key = k;
		out->seen_word = word;
	}
	out->evicts = best == FIRST_TO_END;
	out->next_word = best == RUNNING ? out->seen_word + 1 : (now_ms + period_ms) << COUNT_BITS | 1;
}

#if defined(__x86_64__)
__attribute__((target("cx16")))
#endif
bool window_swap(struct window_cell *bucket, uint64_t key, const struct window_look *look)
{
	union {
		uint64_t half[2];
		pair_t both;
	} seen = {{look->seen_key, look->seen_word}}, next = {{used_key(key), look->next_word}};

	return __sync_bool_compare_and_swap((pair_t *)&bucket[look->at], seen.both, next.both);
}

uint64_t window_sum(const struct window_cell *bucket, uint64_t key, uint64_t now_ms)
{
	uint64_t sum = 0;

	key = used_key(key);
	for (unsigned i = 0; i < WINDOW_WAYS; i++) {
		uint64_t word;

		if (key_at(&bucket[i]) != key)
			continue;
		word = word_at(&bucket[i]);
		if (end_of(word) > now_ms && key_at(&bucket[i]) == key)
			sum += word & COUNT_MASK;
	}
	return sum;
}

static void fill(struct window_result *out, uint64_t sum, uint32_t most, uint64_t end_ms, uint64_t now_ms)
{
	out->evicted = false;
	out->left = sum < most ? most - (uint32_t)sum : 0;
	out->wait_ms = end_ms > now_ms ? end_ms - now_ms : 0;
}

bool window_settle(const struct window_cell *bucket, uint64_t key, const struct window_rate *rate, uint64_t now_ms,
    const struct window_look *look, struct window_result *out)
{
	uint64_t sum = window_sum(bucket, key, now_ms);

	fill(out, sum, rate->most, end_of(look->next_word), now_ms);
	out->evicted = look->evicts;
	return sum <= rate->most;
}

bool window_take(
    const struct segment *seg, uint64_t key, const struct window_rate *rate, uint64_t now_ms, struct window_result *out)
{
	struct window_cell *bucket = window_bucket(seg, key);
	struct window_look look;

	assert(rate->most <= WINDOW_COUNT_MAX && now_ms + rate->period_ms < WINDOW_MS_MAX);
	do {
		window_look(bucket, key, rate->period_ms, now_ms, &look);
		if (look.sum >= rate->most) {
			/* not counted: a window neither grows nor lasts longer by those who try again and again */
			fill(out, look.sum, rate->most, look.end_ms, now_ms);
			return false;
		}
		/* who fails has been overtaken by an event that was counted */
	} while (!window_swap(bucket, key, &look));
	return window_settle(bucket, key, rate, now_ms, &look, out);
}

uint32_t window_left(const struct segment *seg, uint64_t key, const struct window_rate *rate, uint64_t now_ms)
{
	struct window_result r;

	fill(&r, window_sum(window_bucket(seg, key), key, now_ms), rate->most, 0, now_ms);
	return r.left;
}
