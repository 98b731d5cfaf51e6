/* t_interest.c - masks and times of buckets, and what slots may do to each other's bits. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm/interest.h"
#include "tests/unit/segment_fixture.h"

static struct segment seg;

static int open_segment(void **state)
{
	(void)state;
	fixture_open(&seg, 0);
	return 0;
}

static int close_segment(void **state)
{
	(void)state;
	segment_detach(&seg);
	return 0;
}

static bool has(uint64_t hash, unsigned slot)
{
	struct slot_mask m = {{0}};

	interest_collect(&seg, hash, &m);
	return slot_mask_has(&m, slot);
}

static void table_size(void **state)
{
	(void)state;
	assert_int_equal(interest_buckets(1), 8);
	assert_int_equal(interest_buckets(2), 16);
	assert_int_equal(interest_buckets(3), 32);
	assert_int_equal(interest_buckets(100000), 1 << 20);
	for (uint64_t n = 1; n < 5000; n++) {
		uint64_t b = interest_buckets(n);

		assert_true(b >= 8 * n && (b & (b - 1)) == 0 && b < 16 * n);
	}
	assert_int_equal(seg.nbuckets, 512);
	for (uint64_t h = 0; h < 5000; h++)
		assert_true(interest_index(&seg, h * UINT64_C(0x9e3779b97f4a7c15)) < seg.nbuckets);
}

static void bits(void **state)
{
	static const unsigned slots[] = {0, 1, 63, 64, 127, 128, 191, 192, 255};
	struct slot_mask m = {{0}};

	(void)state;
	for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
		interest_add(&seg, 77, slots[i]);
	interest_add(&seg, 77, 64);
	interest_add(&seg, 78, 5);
	interest_collect(&seg, 78, &m); /* ORs */
	interest_collect(&seg, 77, &m);
	for (unsigned s = 0; s < SLOT_MAX; s++) {
		bool want = s == 5;

		for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
			want |= slots[i] == s;
		assert_int_equal(slot_mask_has(&m, s), want);
	}
	interest_del(&seg, 77, 64);
	interest_del(&seg, 77, 64);
	assert_false(has(77, 64));
	assert_true(has(77, 63));
	assert_true(has(77, 127));
	assert_true(has(77 + seg.nbuckets, 63)); /* another room of the same bucket */
}

static void times(void **state)
{
	(void)state;
	assert_false(interest_touched_since(&seg, 9, 1));
	interest_touch(&seg, 9, 1000);
	assert_true(interest_touched_since(&seg, 9, 999));
	assert_true(interest_touched_since(&seg, 9, 1000)); /* at or after */
	assert_false(interest_touched_since(&seg, 9, 1001));
	interest_touch(&seg, 9, 500); /* an older publisher does not turn it back */
	assert_true(interest_touched_since(&seg, 9, 1000));
	interest_touch(&seg, 9, 1001);
	assert_true(interest_touched_since(&seg, 9, 1001));
	assert_false(interest_touched_since(&seg, 10, 1));
}

static void a_slot_dies(void **state)
{
	(void)state;
	for (uint64_t h = 0; h < seg.nbuckets; h++) {
		if (h % 3 == 0)
			interest_add(&seg, h, 70);
		interest_add(&seg, h, 71);
		interest_touch(&seg, h, 5);
	}
	interest_clear_slot(&seg, 70);
	for (uint64_t h = 0; h < seg.nbuckets; h++) {
		assert_false(has(h, 70));
		assert_true(has(h, 71));
		assert_true(interest_touched_since(&seg, h, 5));
	}
}

#define ROUNDS 20000

/* Each thread is a slot that joins and leaves the same bucket: what it did to its own bit is always what it sees. */
static void *join_and_leave(void *arg)
{
	unsigned slot = (unsigned)(uintptr_t)arg;

	for (uint64_t i = 1; i <= ROUNDS; i++) {
		interest_add(&seg, 3, slot);
		if (!has(3, slot))
			return (void *)(uintptr_t) "lost an add";
		interest_touch(&seg, 3, i * 4 + slot % 4);
		interest_del(&seg, 3, slot);
		if (has(3, slot))
			return (void *)(uintptr_t) "lost a del";
	}
	interest_add(&seg, 3, slot);
	return NULL;
}

static void slots_at_once(void **state)
{
	pthread_t t[4];
	void *why;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, join_and_leave, (void *)(uintptr_t)(60 + i)), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &why), 0);
		assert_null(why);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_true(has(3, 60 + i));
	assert_true(interest_touched_since(&seg, 3, ROUNDS * 4 + 3)); /* the maximum won */
	assert_false(interest_touched_since(&seg, 3, ROUNDS * 4 + 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(table_size, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(bits, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(times, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(a_slot_dies, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(slots_at_once, open_segment, close_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
