/*
 * t_doorbell.c - flags, eventfds, and the store-buffer litmus: no record is missed by a sleeper that nobody rang.
 *
 * Without the fence of doorbell_arm(), or without the one of doorbell_ring(), store_buffer failed in each of 8 release
 * runs on x86 (5 to 28,000 rounds of 400,000 missed).  Under the sanitizers the steps lie too far apart to show it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "shm/doorbell.h"
#include "shm/ring.h"
#include "tests/unit/segment_fixture.h"

static struct segment seg;
static struct doorbells bells;

static int open_all(void **state)
{
	(void)state;
	fixture_open(&seg, 4);
	return doorbells_open(&bells, 4);
}

static int close_all(void **state)
{
	(void)state;
	doorbells_close(&bells);
	segment_detach(&seg);
	return 0;
}

static void descriptors(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		if (i >= 4) {
			assert_int_equal(bells.fd[i], -1);
			continue;
		}
		assert_true(fcntl(bells.fd[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(bells.fd[i], F_GETFL) & O_NONBLOCK);
	}
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void out_of_descriptors(void **state)
{
	unsigned before = open_descriptors();
	struct rlimit old, low;
	struct doorbells db;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(doorbells_open(&db, 200), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (unsigned i = 0; i < SLOT_MAX; i++)
		assert_int_equal(db.fd[i], -1);
	assert_int_equal(open_descriptors(), before);
}

static void rings_only_sleepers(void **state)
{
	struct slot_mask m = {{0}};

	(void)state;
	assert_false(doorbell_ring(&bells, &seg, 1)); /* awake */
	doorbell_arm(segment_slot(&seg, 1));
	assert_true(doorbell_ring(&bells, &seg, 1));
	assert_true(doorbell_ring(&bells, &seg, 1)); /* still asleep, as far as anyone knows */
	doorbell_awake(segment_slot(&seg, 1));
	assert_false(doorbell_ring(&bells, &seg, 1));
	assert_true(doorbell_drain(&bells, 1));
	assert_false(doorbell_drain(&bells, 1));

	doorbell_arm(segment_slot(&seg, 0));
	doorbell_arm(segment_slot(&seg, 2));
	doorbell_arm(segment_slot(&seg, 3));
	doorbell_arm(segment_slot(&seg, 200)); /* without an eventfd */
	slot_mask_set(&m, 0);
	slot_mask_set(&m, 1);
	slot_mask_set(&m, 2);
	slot_mask_set(&m, 200);
	assert_int_equal(doorbell_ring_mask(&bells, &seg, &m, 0), 1); /* 2 alone: 0 is itself, 1 awake, 3 not meant */
	assert_false(doorbell_drain(&bells, 0));
	assert_false(doorbell_drain(&bells, 1));
	assert_true(doorbell_drain(&bells, 2));
	assert_false(doorbell_drain(&bells, 3));
	assert_int_equal(doorbell_ring_mask(&bells, &seg, &m, SLOT_NONE), 2);
}

/* What a sleeper finds that woke up by itself after the usual 100 ms. */
static void missed(void **state)
{
	const uint64_t ms = 1000000, armed = 1000 * ms, woke = armed + 100 * ms;

	(void)state;
	/* The race that the fences decide: the stamp is a moment older than the flag. */
	assert_true(doorbell_missed(armed - 1000, armed, woke));
	assert_true(doorbell_missed(armed + 1000, armed, woke));
	/* On its way: published just before, or after, the sleeper looked. */
	assert_false(doorbell_missed(woke - ms, armed, woke));
	assert_false(doorbell_missed(woke + ms, armed, woke));
	/* Stamped long before the sleep, and not in the ring when that began. */
	assert_false(doorbell_missed(armed - 60 * ms, armed, woke));
	/* One that was rung. */
	assert_false(doorbell_missed(armed + 1000, armed, 0));
}

/* On a machine that is busy with something else, two threads in lockstep take their time: they stop after this. */
#define LIMIT_NS    UINT64_C(8000000000)
#define PATIENCE_NS UINT64_C(60000000000)

/* Two threads in lockstep, round by round. */
struct litmus {
	_Atomic unsigned round, done; /* round: told by the publisher; done: answered by the sleeper */
	_Atomic unsigned rounds;      /* the last one; lowered when time is up */
	uint64_t start_ns;            /* of the round, for both */
	struct ring ring;
	bool saw;
	uint64_t pos;
};

static void wait_for(_Atomic unsigned *v, unsigned want)
{
	for (unsigned spins = 0; atomic_load_explicit(v, memory_order_acquire) != want; spins++)
		if (spins % 256 == 255)
			sched_yield();
}

static void *sleeper(void *arg)
{
	struct litmus *l = arg;

	for (unsigned i = 1; i <= atomic_load_explicit(&l->rounds, memory_order_acquire); i++) {
		wait_for(&l->round, i);
		while (fixture_now() < l->start_ns)
			;
		doorbell_arm(segment_slot(&seg, 1));
		l->saw = ring_tail(&l->ring) != l->pos;
		atomic_store_explicit(&l->done, i, memory_order_release);
	}
	return NULL;
}

/*
 * In each round one thread publishes and rings while the other goes to sleep: the sleeper saw the record, or the ringer
 * saw the flag.  The publisher's delay is steered to where both happen as often, which is where the steps overlap.
 */
static void store_buffer(void **state)
{
	struct litmus l = {.rounds = 400000};
	struct ring writer;
	unsigned missed = 0, seen = 0, delay = 0, last = 0;
	uint64_t until = fixture_now() + LIMIT_NS;
	pthread_t t;

	(void)state;
	assert_int_equal(ring_attach(&l.ring, segment_ring(&seg, 0)), 0);
	assert_int_equal(ring_attach(&writer, segment_ring(&seg, 0)), 0);
	ring_own(&writer, 1);
	assert_int_equal(pthread_create(&t, NULL, sleeper, &l), 0);
	for (unsigned i = 1; i <= l.rounds; i++) {
		bool rang;

		doorbell_awake(segment_slot(&seg, 1));
		/* on a busy machine it may be long before they meet */
		if (i % 64 == 0 && fixture_now() > until + (seen == 0 || seen == last ? PATIENCE_NS : 0))
			atomic_store_explicit(&l.rounds, i, memory_order_release);
		last = i;
		l.pos = writer.tail;
		l.start_ns = fixture_now() + 500;
		atomic_store_explicit(&l.round, i, memory_order_release);
		while (fixture_now() < l.start_ns)
			;
		for (unsigned spin = 0; spin < delay + i % 16; spin++)
			__asm__ volatile("" ::: "memory");
		ring_publish(&writer, RING_DATA, 0, NULL, 0, i);
		rang = doorbell_ring(&bells, &seg, 1);
		wait_for(&l.done, i);
		missed += !rang && !l.saw;
		seen += l.saw;
		if (l.saw)
			delay += delay < 4096;
		else
			delay -= delay > 0;
	}
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(missed, 0);
	/* The rounds met in both orders, or this has tested nothing. */
	assert_true(seen > 0 && seen < last);
}

static _Atomic unsigned taken;

/* A process's loop in small: takes what there is, sleeps in poll() when there is nothing. */
static void *loop(void *arg)
{
	struct litmus *l = arg;
	struct pollfd p = {.fd = bells.fd[1], .events = POLLIN};
	struct slot *self = segment_slot(&seg, 1);
	unsigned n = 0;

	while (n < atomic_load_explicit(&l->rounds, memory_order_acquire)) {
		doorbell_arm(self);
		if (ring_tail(&l->ring) == l->pos && poll(&p, 1, 5000) == 0)
			return (void *)(uintptr_t) "slept while there was a record";
		doorbell_awake(self);
		doorbell_drain(&bells, 1);
		while (l->pos != ring_tail(&l->ring)) {
			struct ring_head h;

			if (ring_peek(&l->ring, l->pos, &h) != 1)
				return (void *)(uintptr_t) "lapped";
			l->pos = ring_next(l->pos, &h);
			n += h.type == RING_DATA;
			atomic_store_explicit(&taken, n, memory_order_release);
		}
	}
	return NULL;
}

static void real_sleep(void **state)
{
	struct litmus l = {.rounds = 20000};
	struct ring writer;
	uint64_t until = fixture_now() + LIMIT_NS;
	void *why = NULL;
	pthread_t t;

	(void)state;
	assert_int_equal(ring_attach(&l.ring, segment_ring(&seg, 0)), 0);
	assert_int_equal(ring_attach(&writer, segment_ring(&seg, 0)), 0);
	ring_own(&writer, 1);
	taken = 0;
	assert_int_equal(pthread_create(&t, NULL, loop, &l), 0);
	for (unsigned i = 1; i <= l.rounds; i++) {
		if (i % 64 == 0 && fixture_now() > until)
			atomic_store_explicit(&l.rounds, i, memory_order_release);
		ring_publish(&writer, RING_DATA, 0, NULL, 0, i);
		doorbell_ring(&bells, &seg, 1);
		/* One at a time, with a pause now and then that lets it fall asleep. */
		for (unsigned spins = 0; atomic_load_explicit(&taken, memory_order_acquire) != i; spins++) {
			assert_true(spins < 100000000);
			sched_yield();
		}
		if (i % 64 == 0)
			usleep(20);
	}
	assert_int_equal(pthread_join(t, &why), 0);
	assert_null(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(descriptors, open_all, close_all),
	    cmocka_unit_test_setup_teardown(out_of_descriptors, open_all, close_all),
	    cmocka_unit_test(missed),
	    cmocka_unit_test_setup_teardown(rings_only_sleepers, open_all, close_all),
	    cmocka_unit_test_setup_teardown(store_buffer, open_all, close_all),
	    cmocka_unit_test_setup_teardown(real_sleep, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
