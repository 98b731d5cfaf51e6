/* t_counter.c - gauges begin at 0, counters go on, buckets have the bounds that the header promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm/counter.h"

static struct counter_block block;

static int clear(void **state)
{
	(void)state;
	memset(&block, 0, sizeof block);
	return 0;
}

static void a_new_life(void **state)
{
	(void)state;
	counter_set(&block, COUNTER_SESSIONS, 7);
	counter_set(&block, COUNTER_STORE_BYTES, 7);
	counter_add(&block, COUNTER_ACCEPTED, 3);
	counter_add(&block, COUNTER_ACCEPTED, 4);
	counter_add_to(&block.event_in[COUNTER_EVENTS - 1], 9);
	histogram_observe(&block, HISTOGRAM_TURN, 5, 1);
	counter_begin(&block);
	for (int i = 0; i < COUNTER_GAUGES; i++)
		assert_int_equal(counter_get(&block, (enum counter)i), 0);
	assert_int_equal(counter_get(&block, COUNTER_ACCEPTED), 7);
	assert_int_equal(block.event_in[COUNTER_EVENTS - 1], 9);
	assert_int_equal(block.hist[HISTOGRAM_TURN].count, 1);
}

/* At each bound: the bound itself is inside, one more is in the next bucket. */
static void bounds(void **state)
{
	struct histogram_block *h = &block.hist[HISTOGRAM_STORE_COMMIT];

	(void)state;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t bound = UINT64_C(1) << (i + 10), before = h->bucket[i];

		histogram_observe(&block, HISTOGRAM_STORE_COMMIT, bound, 1);
		assert_int_equal(h->bucket[i], before + 1);
		histogram_observe(&block, HISTOGRAM_STORE_COMMIT, bound + 1, 3);
		assert_int_equal(h->bucket[i], before + 1);
		assert_int_equal(h->bucket[i + 1], 3);
	}
	histogram_observe(&block, HISTOGRAM_STORE_COMMIT, 0, 1);
	assert_int_equal(h->bucket[0], 2);
	histogram_observe(&block, HISTOGRAM_STORE_COMMIT, UINT64_MAX, 1);
	assert_int_equal(h->bucket[HISTOGRAM_BUCKETS], 4);
	assert_int_equal(h->count, HISTOGRAM_BUCKETS * 4 + 2);
}

static void sum(void **state)
{
	(void)state;
	histogram_observe(&block, HISTOGRAM_PUBLISH_TO_FLUSH, 1000, 64);
	assert_int_equal(block.hist[HISTOGRAM_PUBLISH_TO_FLUSH].sum_ns, 64000);
	assert_int_equal(block.hist[HISTOGRAM_PUBLISH_TO_FLUSH].count, 64);
	assert_int_equal(block.hist[HISTOGRAM_TURN].count, 0);
}

/* What `status` and the API call it: a word for each, and no two share one. */
static void names(void **state)
{
	(void)state;
	for (int i = 0; i < COUNTER_MAX; i++) {
		const char *name = counter_name((enum counter)i);

		assert_string_not_equal(name, "unknown");
		for (int k = 0; k < i; k++)
			assert_string_not_equal(name, counter_name((enum counter)k));
	}
	assert_string_equal(counter_name(COUNTER_MAX), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_new_life, clear),
	    cmocka_unit_test_setup(bounds, clear),
	    cmocka_unit_test_setup(sum, clear),
	    cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
