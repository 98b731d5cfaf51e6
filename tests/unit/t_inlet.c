/*
 * t_inlet.c - all rings merged: what a turn sees, in which order, and what it is told when a ring has overtaken it.
 *
 * Seen red: stamps above t0 taken (turns), tails read while the turn goes on (noted_tails),
 * no resync to the tail (lapped), RING_BAD not counted (scribbled), a heap that does not look at the second child
 * (like_a_sort), positions not stored (positions_are_seen), rings that come later taken from their tails
 * (a_ring_comes_later).
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm/inlet.h"
#include "tests/unit/ring_fixture.h"
#include "tests/unit/segment_fixture.h"

#define NRINGS 7u

static struct segment seg;
static struct ring w[NRINGS + 1];
static struct inlet in;
static struct inlet_item item;
static struct inlet_lap lap;
static uint8_t buf[FIXTURE_RING];

static void own(unsigned i)
{
	assert_int_equal(ring_attach(&w[i], segment_ring(&seg, i)), 0);
	ring_own(&w[i], 10 + i);
}

static int open_all(void **state)
{
	(void)state;
	fixture_open(&seg, NRINGS);
	for (unsigned i = 0; i < NRINGS; i++)
		own(i);
	inlet_init(&in, &seg, 3);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	segment_detach(&seg);
	return 0;
}

/* Publishes into ring I a record of N bytes that is stamped, and can be told, by STAMP. */
static void publish(unsigned i, uint64_t stamp, size_t n)
{
	struct iovec iov = {.iov_base = buf, .iov_len = n};

	payload_fill(buf, n, stamp);
	assert_true(ring_publish(&w[i], RING_DATA, 0, &iov, 1, stamp) >= 0);
}

/* The next record is SLOT's with STAMP; takes it. */
static void expect(unsigned slot, uint64_t stamp)
{
	assert_int_equal(inlet_next(&in, &item, &lap), INLET_RECORD);
	assert_int_equal(item.slot, slot);
	assert_int_equal(item.head.stamp, stamp);
	assert_int_equal(item.head.gen, 10 + slot);
	memset(buf, 0x77, sizeof buf);
	assert_int_equal(inlet_look(&in, &item, buf, 8), 0);
	assert_int_equal(inlet_copy(&in, &item, buf), 0);
	assert_true(payload_is(buf, item.payload, stamp));
}

static void expect_none(void)
{
	assert_int_equal(inlet_next(&in, &item, &lap), INLET_NONE);
}

static void turns(void **state)
{
	(void)state;
	assert_false(inlet_pending(&in));
	assert_int_equal(inlet_begin(&in, 100), 0);
	expect_none();
	assert_int_equal(inlet_end(&in), 0);

	publish(2, 10, 40);
	publish(0, 12, 100);
	publish(3, 11, 8); /* the own ring is like any other */
	publish(2, 12, 9); /* one stamp: the lower slot first */
	publish(0, 12, 0);
	publish(2, 20, 40);
	publish(5, 21, 8);
	assert_true(inlet_pending(&in));
	assert_int_equal(inlet_begin(&in, 20), 96 + 160 + 64 + 64 + 32 + 96 + 64);
	expect(2, 10);
	expect(3, 11);
	expect(0, 12);
	expect(0, 12);
	expect(2, 12);
	expect(2, 20);
	expect_none();
	expect_none();
	assert_int_equal(inlet_end(&in), 64); /* stamped after t0: the next turn's */
	assert_true(inlet_pending(&in));
	publish(1, 19, 8);
	assert_int_equal(inlet_begin(&in, 21), 128);
	expect(1, 19);
	expect(5, 21);
	expect_none();
	assert_false(inlet_pending(&in));
}

/* What comes while a turn goes on is the next turn's, even with an old stamp. */
static void noted_tails(void **state)
{
	(void)state;
	publish(1, 5, 8);
	inlet_begin(&in, 50);
	publish(1, 6, 8);
	publish(2, 4, 8);
	expect(1, 5);
	publish(1, 7, 8);
	expect_none();
	assert_true(inlet_end(&in) > 0);
	inlet_begin(&in, 50);
	expect(2, 4);
	expect(1, 6);
	expect(1, 7);
	expect_none();
}

/* Yielded again until it is taken; skipping takes it, looking does not. */
static void taking(void **state)
{
	(void)state;
	publish(1, 5, 100);
	publish(1, 6, 8);
	inlet_begin(&in, 50);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(inlet_next(&in, &item, &lap), INLET_RECORD);
		assert_int_equal(item.head.stamp, 5);
		assert_int_equal(item.payload, 100);
		assert_int_equal(inlet_look(&in, &item, buf, 20), 0);
	}
	assert_int_equal(segment_read_pos(&seg, 3)[1], 0);
	inlet_skip(&in, &item);
	expect(1, 6);
	expect_none();
}

static void positions_are_seen(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		publish(4, i, 8);
	inlet_begin(&in, 50);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(segment_read_pos(&seg, 3)[4], i * 64);
		expect(4, i);
	}
	assert_int_equal(segment_read_pos(&seg, 3)[4], 5 * 64);
	inlet_end(&in);
	/* A later life starts at the tails, whatever its slot had read; others' positions are theirs. */
	publish(4, 9, 8);
	segment_read_pos(&seg, 3)[6] = 4711;
	inlet_init(&in, &seg, 3);
	assert_int_equal(segment_read_pos(&seg, 3)[4], 6 * 64);
	assert_int_equal(segment_read_pos(&seg, 3)[6], 0);
	assert_int_equal(segment_read_pos(&seg, 2)[4], 0);
	inlet_begin(&in, 50);
	expect_none();
}

static void generation_over(void **state)
{
	(void)state;
	publish(2, 5, 8);
	assert_true(ring_publish(&w[2], RING_GEN_OVER, 0, NULL, 0, 7) >= 0);
	publish(2, 8, 8);
	publish(1, 6, 8);
	publish(1, 9, 8);
	inlet_begin(&in, 8);
	expect(2, 5);
	expect(1, 6);
	assert_int_equal(inlet_next(&in, &item, &lap), INLET_GEN_OVER);
	assert_int_equal(item.slot, 2);
	assert_int_equal(item.head.gen, 12);
	expect(2, 8);
	expect_none();
	inlet_begin(&in, 9);
	expect(1, 9);
	expect_none();
}

/* Padding at the wrap and over a dead owner's gap is nothing, not even something pending. */
static void padding(void **state)
{
	uint64_t stamp = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		publish(1, ++stamp, 700);
		inlet_begin(&in, stamp);
		expect(1, stamp);
		expect_none();
		assert_false(inlet_pending(&in));
	}
	segment_ring(&seg, 1)->claim += 96;
	assert_int_equal(ring_repair(segment_ring(&seg, 1)), 96);
	assert_true(inlet_pending(&in));
	assert_int_equal(inlet_begin(&in, 0), 96); /* whatever the time */
	expect_none();
	assert_int_equal(inlet_end(&in), 0);
	assert_false(inlet_pending(&in));
	assert_int_equal(segment_read_pos(&seg, 3)[1], ring_tail(&w[1]));
}

static void lapped(void **state)
{
	uint64_t tail;

	(void)state;
	publish(1, 5, 8);
	publish(2, 6, 8);
	inlet_begin(&in, 9);
	expect(1, 5);
	expect(2, 6);
	inlet_end(&in);
	for (uint64_t i = 0; i < 40; i++)
		publish(1, 10 + i, 1000);
	publish(2, 11, 8);
	tail = w[1].tail;
	inlet_begin(&in, 11);
	publish(1, 70, 8); /* goes with the rest */
	assert_int_equal(inlet_next(&in, &item, &lap), INLET_LAPPED);
	assert_int_equal(item.slot, 1);
	assert_int_equal(lap.from, 64);
	assert_int_equal(lap.to, tail + 64);
	assert_int_equal(lap.since_ns, 5);
	assert_int_equal(segment_read_pos(&seg, 3)[1], tail + 64);
	expect(2, 11); /* the others go on */
	expect_none();
	assert_int_equal(in.lapped, 1);
	assert_int_equal(in.bad, 0);
	assert_false(inlet_pending(&in));
	/* Once more, before anything was taken: what is lost now comes after what was lost then. */
	for (uint64_t i = 0; i < 40; i++)
		publish(1, 71 + i, 1000);
	inlet_begin(&in, 200);
	assert_int_equal(inlet_next(&in, &item, &lap), INLET_LAPPED);
	assert_int_equal(lap.from, tail + 64);
	assert_int_equal(lap.since_ns, 70);
	expect_none();
	publish(1, 180, 8);
	inlet_begin(&in, 180);
	expect(1, 180);
	expect_none();
}

/* Overtaken between any two calls. */
static void lapped_in_between(void **state)
{
	(void)state;
	for (int when = 0; when < 4; when++) {
		publish(1, 5, 100);
		publish(1, 6, 8);
		publish(2, 6, 8);
		inlet_begin(&in, 9000);
		assert_int_equal(inlet_next(&in, &item, &lap), INLET_RECORD);
		if (when == 1)
			assert_int_equal(inlet_look(&in, &item, buf, 8), 0);
		for (uint64_t i = 0; i < 40; i++)
			publish(1, 10 + i, 1000);
		if (when == 0)
			assert_int_equal(inlet_look(&in, &item, buf, 8), RING_LAPPED);
		if (when <= 2)
			assert_int_equal(when == 0 ? RING_LAPPED : inlet_copy(&in, &item, buf), RING_LAPPED);
		else
			inlet_skip(&in, &item); /* the head was good; the next one is gone */
		assert_int_equal(inlet_next(&in, &item, &lap), INLET_LAPPED);
		assert_int_equal(item.slot, 1);
		assert_int_equal(lap.to, w[1].tail);
		expect(2, when == 0 ? 6 : w[2].stamp);
		expect_none();
		assert_int_equal(inlet_end(&in), 0);
		assert_int_equal(in.lapped, when + 1);
		/* Stamps go on from here. */
		close_all(state);
		open_all(state);
		in.lapped = (uint64_t)when + 1;
	}
	/* A head peeked at in one turn, and its ring overtaken before the next. */
	publish(1, 50, 100);
	inlet_begin(&in, 40);
	expect_none();
	for (uint64_t i = 0; i < 40; i++)
		publish(1, 60 + i, 1000);
	inlet_begin(&in, 200);
	assert_int_equal(inlet_next(&in, &item, &lap), INLET_RECORD);
	assert_int_equal(inlet_copy(&in, &item, buf), RING_LAPPED);
	assert_int_equal(inlet_next(&in, &item, &lap), INLET_LAPPED);
	expect_none();
}

static void scribbled(void **state)
{
	(void)state;
	publish(1, 5, 100);
	publish(1, 6, 100);
	publish(1, 7, 100);
	publish(2, 6, 8);
	w[1].data[160] ^= 1; /* the second one's head */
	inlet_begin(&in, 9);
	expect(1, 5);
	assert_int_equal(inlet_next(&in, &item, &lap), INLET_LAPPED);
	assert_int_equal(item.slot, 1);
	assert_int_equal(lap.from, 160);
	assert_int_equal(lap.to, 480);
	assert_int_equal(lap.since_ns, 5);
	assert_int_equal(in.bad, 1);
	assert_int_equal(in.lapped, 1);
	expect(2, 6);
	expect_none();
	publish(1, 8, 100);
	inlet_begin(&in, 9);
	expect(1, 8);
	expect_none();
}

/* A ring that is reserved later is read from its first record; one that was there before, from its tail. */
static void a_ring_comes_later(void **state)
{
	(void)state;
	assert_int_equal(segment_reserve_slot(&seg, NRINGS, NULL), 0);
	own(NRINGS);
	publish(NRINGS, 5, 8);
	assert_true(inlet_pending(&in));
	assert_int_equal(inlet_begin(&in, 9), 64);
	expect(NRINGS, 5);
	expect_none();
	assert_false(inlet_pending(&in));
	assert_int_equal(in.nslots, NRINGS + 1);
	assert_int_equal(segment_reserve_slot(&seg, 255, NULL), 0);
	assert_true(inlet_pending(&in));
	inlet_begin(&in, 9);
	assert_false(inlet_pending(&in));
	assert_int_equal(in.nslots, 256);
}

struct expected {
	uint64_t stamp;
	unsigned slot;
};

static int by_stamp(const void *a, const void *b)
{
	const struct expected *x = a, *y = b;

	if (x->stamp != y->stamp)
		return x->stamp < y->stamp ? -1 : 1;
	return (x->slot > y->slot) - (x->slot < y->slot);
}

/* At random: a turn yields what a sort would. */
static void like_a_sort(void **state)
{
	uint64_t stamp[NRINGS] = {0};
	uint32_t rnd = 1;

	(void)state;
	for (unsigned turn = 0; turn < 3000; turn++) {
		struct expected e[128];
		unsigned n = 0, rings;
		uint64_t base = turn * 1000;

		rnd = rnd * 1664525 + 1013904223;
		rings = 1 + (rnd >> 9) % NRINGS;
		for (unsigned k = 0; k < (rnd >> 20) % 128; k++) {
			unsigned i;

			rnd = rnd * 1664525 + 1013904223;
			i = (rnd >> 10) % rings;
			if (stamp[i] < base)
				stamp[i] = base;
			stamp[i] += (rnd >> 16) % 4 ? 0 : (rnd >> 20) % 20;
			publish(i, stamp[i], 8 + (rnd >> 24) % 60);
			e[n++] = (struct expected){stamp[i], i};
		}
		qsort(e, n, sizeof *e, by_stamp);
		inlet_begin(&in, base + 999);
		for (unsigned k = 0; k < n; k++)
			expect(e[k].slot, e[k].stamp);
		expect_none();
		assert_int_equal(inlet_end(&in), 0);
	}
}

/* Threads: A asks, B answers what it reads, C must never see an answer before its question. */
enum { ASKED = 0, ANSWERED = 1, QUESTIONS = 30000 };

static _Atomic unsigned started;

static void *answer(void *arg)
{
	static struct inlet mine;
	struct inlet_item it;
	struct inlet_lap lp;
	uint64_t q;
	enum inlet_event ev;

	(void)arg;
	inlet_init(&mine, &seg, 1);
	started++;
	for (unsigned n = 0; n < QUESTIONS;) {
		inlet_begin(&mine, fixture_now());
		while ((ev = inlet_next(&mine, &it, &lp)) != INLET_NONE) {
			struct iovec iov = {&q, 8};

			if (ev != INLET_RECORD || inlet_copy(&mine, &it, &q))
				return (void *)(uintptr_t) "the answerer was lapped";
			if (it.slot != ASKED)
				continue;
			ring_publish(&w[ANSWERED], RING_DATA, 0, &iov, 1, fixture_now());
			n++;
		}
		inlet_end(&mine);
		sched_yield();
	}
	return NULL;
}

static void *watch(void *arg)
{
	static struct inlet mine;
	struct inlet_item it;
	struct inlet_lap lp;
	uint64_t q, seen[2] = {0, 0};
	enum inlet_event ev;

	(void)arg;
	inlet_init(&mine, &seg, 2);
	started++;
	while (seen[ANSWERED] < QUESTIONS) {
		inlet_begin(&mine, fixture_now());
		while ((ev = inlet_next(&mine, &it, &lp)) != INLET_NONE) {
			if (ev != INLET_RECORD || inlet_copy(&mine, &it, &q))
				return (void *)(uintptr_t) "the watcher was lapped";
			if (q != ++seen[it.slot])
				return (void *)(uintptr_t) "out of its sender's order";
			if (it.slot == ANSWERED && q > seen[ASKED])
				return (void *)(uintptr_t) "an answer before its question";
		}
		inlet_end(&mine);
	}
	return NULL;
}

static void answers_follow_questions(void **state)
{
	pthread_t t[2];
	void *why;

	(void)state;
	started = 0;
	assert_int_equal(pthread_create(&t[0], NULL, answer, NULL), 0);
	assert_int_equal(pthread_create(&t[1], NULL, watch, NULL), 0);
	while (started != 2)
		sched_yield();
	for (uint64_t q = 1; q <= QUESTIONS; q++) {
		struct iovec iov = {&q, 8};

		/* Nobody shall be lapped: both readers' positions, with room to spare. */
		while (w[ASKED].tail - segment_read_pos(&seg, 1)[ASKED] > FIXTURE_RING / 4 ||
		    w[ASKED].tail - segment_read_pos(&seg, 2)[ASKED] > FIXTURE_RING / 4 ||
		    w[ASKED].tail - segment_read_pos(&seg, 2)[ANSWERED] > FIXTURE_RING / 4)
			sched_yield();
		ring_publish(&w[ASKED], RING_DATA, 0, &iov, 1, fixture_now());
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(t[i], &why), 0);
		if (why)
			fail_msg("%s", (const char *)why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(turns, open_all, close_all),
	    cmocka_unit_test_setup_teardown(noted_tails, open_all, close_all),
	    cmocka_unit_test_setup_teardown(taking, open_all, close_all),
	    cmocka_unit_test_setup_teardown(positions_are_seen, open_all, close_all),
	    cmocka_unit_test_setup_teardown(generation_over, open_all, close_all),
	    cmocka_unit_test_setup_teardown(padding, open_all, close_all),
	    cmocka_unit_test_setup_teardown(lapped, open_all, close_all),
	    cmocka_unit_test_setup_teardown(lapped_in_between, open_all, close_all),
	    cmocka_unit_test_setup_teardown(scribbled, open_all, close_all),
	    cmocka_unit_test_setup_teardown(a_ring_comes_later, open_all, close_all),
	    cmocka_unit_test_setup_teardown(like_a_sort, open_all, close_all),
	    cmocka_unit_test_setup_teardown(answers_follow_questions, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
