/* t_window.c - windows of limits: what they take, who gets a cell, and every order in which processes may meet. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "shm/window.h"
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

/* The I-th of the keys that share a bucket. */
static uint64_t neighbour(uint64_t i)
{
	return 5 + (i << 32);
}

static bool take(uint64_t key, uint32_t most, uint64_t period, uint64_t now)
{
	struct window_result r;

	return window_take(&seg, key, &(struct window_rate){most, period}, now, &r);
}

static void table_size(void **state)
{
	(void)state;
	assert_int_equal(window_cells(1), 8);
	assert_int_equal(window_cells(2), 8);
	assert_int_equal(window_cells(3), 16);
	assert_int_equal(window_cells(100000), 1 << 19);
	assert_int_equal(seg.nwindows, 256);
	for (uint64_t i = 0; i < 5000; i++) {
		const struct window_cell *b = window_bucket(&seg, i * UINT64_C(0x9e3779b97f4a7c15));

		assert_true(b >= segment_windows(&seg) && b + WINDOW_WAYS <= segment_windows(&seg) + seg.nwindows);
		assert_int_equal((uintptr_t)b % 128, 0);
	}
	assert_ptr_equal(window_bucket(&seg, neighbour(1)), window_bucket(&seg, neighbour(2)));
}

static void one_window(void **state)
{
	const struct window_rate rate = {3, 100};
	struct window_result r;

	(void)state;
	assert_int_equal(window_left(&seg, 7, &rate, 1000), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(window_take(&seg, 7, &rate, 1000 + i, &r));
		assert_int_equal(r.left, 2 - i);
		assert_int_equal(r.wait_ms, 100 - i);
		assert_false(r.evicted);
		assert_int_equal(window_left(&seg, 7, &rate, 1000 + i), 2 - i);
	}
	/* those that are refused neither count nor prolong it */
	for (uint64_t now = 1010; now < 1100; now++) {
		assert_false(window_take(&seg, 7, &rate, now, &r));
		assert_int_equal(r.left, 0);
		assert_int_equal(r.wait_ms, 1100 - now);
	}
	assert_int_equal(window_left(&seg, 7, &rate, 1099), 0);
	assert_int_equal(window_left(&seg, 7, &rate, 1100), 3);
	/* the next one opens with its first event, whenever that comes */
	assert_true(window_take(&seg, 7, &rate, 1150, &r));
	assert_int_equal(r.left, 2);
	assert_int_equal(r.wait_ms, 100);
	assert_true(take(7, 3, 100, 1249));
	assert_true(take(7, 3, 100, 1249));
	assert_false(take(7, 3, 100, 1249));
	assert_true(take(7, 3, 100, 1250));
	/* a worker whose clock is behind counts in the window that is there */
	assert_true(window_take(&seg, 7, &rate, 1240, &r));
	assert_int_equal(r.left, 1);
}

static void extremes(void **state)
{
	struct window_result r;
	uint64_t day = 86400000;
	uint64_t late = WINDOW_MS_MAX - 15 * day;

	(void)state;
	assert_true(window_take(&seg, 0, &(struct window_rate){1, 7 * day}, late, &r)); /* 0 is a key like others */
	assert_int_equal(r.wait_ms, 7 * day);
	assert_false(take(0, 1, 7 * day, late + 7 * day - 1));
	assert_true(take(0, 1, 7 * day, late + 7 * day));
	for (uint32_t i = 0; i < WINDOW_COUNT_MAX; i += WINDOW_COUNT_MAX / 4) {
		window_bucket(&seg, 9)[0].key = 9;
		window_bucket(&seg, 9)[0].word = UINT64_C(500) << 24 | i;
		assert_true(window_take(&seg, 9, &(struct window_rate){WINDOW_COUNT_MAX, 100}, 450, &r));
		assert_int_equal(r.left, WINDOW_COUNT_MAX - i - 1);
		assert_int_equal(r.wait_ms, 50);
	}
}

/* Keys of one bucket do not touch each other's counts, and take cells whose windows are over. */
static void neighbours(void **state)
{
	struct window_result r;

	(void)state;
	for (uint64_t i = 0; i < WINDOW_WAYS; i++)
		assert_true(take(neighbour(i), 2, 100 + i, 1000));
	for (uint64_t i = 0; i < WINDOW_WAYS; i++) {
		assert_true(take(neighbour(i), 2, 100 + i, 1001));
		assert_false(take(neighbour(i), 2, 100 + i, 1001));
	}
	/* the cells of 0 and 1 are free at 1101 */
	assert_true(take(neighbour(20), 1, 1000, 1101));
	assert_true(take(neighbour(21), 1, 1000, 1101));
	for (uint64_t i = 2; i < WINDOW_WAYS; i++)
		assert_false(take(neighbour(i), 2, 100 + i, 1101));
	assert_false(take(neighbour(20), 1, 1000, 1101));
	assert_false(take(neighbour(21), 1, 1000, 1101));
	/* a full bucket: the window that would have ended first makes room, and that one only */
	assert_true(window_take(&seg, neighbour(30), &(struct window_rate){1, 1000}, 1101, &r));
	assert_true(r.evicted);
	assert_false(window_take(&seg, neighbour(30), &(struct window_rate){1, 1000}, 1101, &r));
	assert_false(r.evicted);
	assert_int_equal(window_left(&seg, neighbour(2), &(struct window_rate){2, 102}, 1101), 2);
	for (uint64_t i = 3; i < WINDOW_WAYS; i++)
		assert_false(take(neighbour(i), 2, 100 + i, 1101));
}

/*
 * Every order in which the steps of up to three processes may follow each other, with each of them killed at any step:
 * never do more than MOST pass, and what a process left is no hindrance to the next.
 */
#define ACTORS 3
enum at { LOOK, SWAP, SETTLE, PASSED, REFUSED, KILLED };

struct actor {
	enum at at;
	uint64_t now;
	struct window_look look;
};

struct play {
	struct window_cell cell[WINDOW_WAYS];
	struct actor actor[ACTORS];
	unsigned nactor, deaths;
};

static const uint64_t K = UINT64_C(0x1234500000000005);
static uint64_t play_most, plays, most_passed, least_passed;

static void step(struct play *p, struct actor *a)
{
	const struct window_rate rate = {(uint32_t)play_most, 100};
	struct window_cell *bucket = window_bucket(&seg, K);
	struct window_result r;

	switch (a->at) {
	case LOOK:
		window_look(bucket, K, 100, a->now, &a->look);
		a->at = a->look.sum >= play_most ? REFUSED : SWAP;
		break;
	case SWAP: a->at = window_swap(bucket, K, &a->look) ? SETTLE : LOOK; break;
	case SETTLE: a->at = window_settle(bucket, K, &rate, a->now, &a->look, &r) ? PASSED : REFUSED; break;
	default: break;
	}
	memcpy(p->cell, bucket, sizeof p->cell);
}

static void restore(const struct play *p)
{
	memcpy(window_bucket(&seg, K), p->cell, sizeof p->cell);
}

static void end_of_play(const struct play *p)
{
	uint64_t passed = 0, sum;

	for (unsigned i = 0; i < p->nactor; i++)
		passed += p->actor[i].at == PASSED;
	assert_true(passed <= play_most);
	plays++;
	if (passed > most_passed)
		most_passed = passed;
	if (p->deaths == 0 && passed < least_passed)
		least_passed = passed;
	/* what passed is in the table, and the next event meets it */
	restore(p);
	sum = window_sum(window_bucket(&seg, K), K, 1000);
	assert_true(sum >= passed);
	assert_int_equal(take(K, (uint32_t)play_most, 100, 1000), sum < play_most);
	assert_true(take(K, (uint32_t)play_most, 100, 5000));
}

static void perform(const struct play *p)
{
	bool any = false;

	for (unsigned i = 0; i < p->nactor; i++) {
		struct play next = *p;

		if (p->actor[i].at >= PASSED)
			continue;
		any = true;
		restore(p);
		step(&next, &next.actor[i]);
		perform(&next);
		if (p->deaths > 0)
			continue;
		next = *p;
		next.actor[i].at = KILLED;
		next.deaths++;
		perform(&next);
	}
	if (!any)
		end_of_play(p);
}

/* N processes, the clock of each a millisecond ahead of the one before, from 1000 - N + 1 to 1000. */
static void rehearse(const struct window_cell *cell, unsigned n, uint64_t most)
{
	struct play p = {.nactor = n};

	memcpy(p.cell, cell, sizeof p.cell);
	for (unsigned i = 0; i < n; i++)
		p.actor[i].now = 1000 - n + 1 + i;
	play_most = most;
	plays = most_passed = 0;
	least_passed = UINT64_MAX;
	perform(&p);
	assert_int_equal(most_passed, n < most ? n : most);
}

static struct window_cell running(uint64_t key, uint64_t end, uint64_t count)
{
	return (struct window_cell){key, end << 24 | count};
}

static void orders(void **state)
{
	struct window_cell empty[WINDOW_WAYS] = {{0}};
	struct window_cell again[WINDOW_WAYS] = {{0}};
	struct window_cell going[WINDOW_WAYS] = {{0}};

	(void)state;
	again[2] = running(K, 990, 4);
	going[0] = running(neighbour(1), 2000, 4);
	going[3] = running(K, 1050, 1);
	for (unsigned n = 2; n <= ACTORS; n++) {
		for (uint64_t most = 1; most <= n; most++) {
			/* one cell serves all: exactly as many as may pass do */
			rehearse(empty, n, most);
			assert_true(plays > 20);
			assert_int_equal(least_passed, most);
			rehearse(again, n, most);
			assert_int_equal(least_passed, most);
		}
	}
	rehearse(going, 2, 3);
	assert_int_equal(least_passed, 2);
}

/* The window of a neighbour's cell ends between the looks, so each may choose a cell of its own. */
static void orders_of_two_cells(void **state)
{
	struct window_cell cell[WINDOW_WAYS] = {{0}};

	(void)state;
	cell[0] = running(neighbour(1), 1000, 1);
	cell[1] = running(neighbour(2), 999, 1);
	for (unsigned n = 2; n <= ACTORS; n++)
		for (uint64_t most = 1; most <= n; most++)
			rehearse(cell, n, most);
	/* the same with the key's own old windows in two cells, as such a race left them */
	cell[0] = running(K, 1000, 1);
	cell[1] = running(K, 999, 1);
	for (unsigned n = 2; n <= ACTORS; n++) {
		struct play p = {.nactor = n};

		memcpy(p.cell, cell, sizeof cell);
		for (unsigned i = 0; i < n; i++)
			p.actor[i].now = 1000;
		play_most = 2;
		perform(&p);
	}
}

/* Two running windows of one key: they are one, the first is counted in, and what is refused is not counted. */
static void two_cells(void **state)
{
	const struct window_rate rate = {4, 100};
	struct window_cell *b = window_bucket(&seg, K);
	struct window_result r;

	(void)state;
	b[1] = running(K, 1050, 1);
	b[6] = running(K, 1060, 2);
	assert_int_equal(window_left(&seg, K, &rate, 1000), 1);
	assert_true(window_take(&seg, K, &rate, 1000, &r));
	assert_int_equal(r.left, 0);
	assert_false(window_take(&seg, K, &rate, 1000, &r));
	assert_int_equal(r.wait_ms, 60);
	assert_int_equal(b[1].word, UINT64_C(1050) << 24 | 2);
	assert_int_equal(b[6].word, UINT64_C(1060) << 24 | 2);
	/* the first is over: what comes is counted in the second, until that is over too */
	assert_true(take(K, 4, 100, 1055));
	assert_true(take(K, 4, 100, 1055));
	assert_false(take(K, 4, 100, 1055));
	assert_true(take(K, 4, 100, 1060));
	assert_int_equal(window_left(&seg, K, &rate, 1060), 3);
}

/* A pair that was read while it was replaced: the swap fails, and the sum does not take another's count for its own. */
static void torn(void **state)
{
	struct window_cell *b = window_bucket(&seg, K);
	struct window_look look;

	(void)state;
	b[0] = running(K, 900, 3);
	window_look(b, K, 100, 1000, &look);
	assert_int_equal(look.at, 0);
	assert_int_equal(look.next_word, UINT64_C(1100) << 24 | 1);
	b[0].key = neighbour(1);
	assert_false(window_swap(b, K, &look));
	b[0] = running(K, 1100, 3);
	assert_false(window_swap(b, K, &look));
	b[0] = running(K, 900, 3);
	assert_true(window_swap(b, K, &look));
	assert_int_equal(window_sum(b, K, 1000), 1);
	assert_int_equal(window_sum(b, K, 1100), 0);
}

/* ---- many at once ---- */

#define CROWD 4
#define KEYS  64

struct crowd {
	_Atomic uint64_t passed[KEYS];
	_Atomic uint64_t go;
};

static struct crowd *crowd;

static int open_crowd(void **state)
{
	crowd = mmap(NULL, sizeof *crowd, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(crowd != MAP_FAILED);
	return open_segment(state);
}

static int close_crowd(void **state)
{
	munmap(crowd, sizeof *crowd);
	return close_segment(state);
}

/* TRIES events for each key, in an order of one's own. */
static void hammer(unsigned self, unsigned tries, uint32_t most)
{
	struct window_result r;

	atomic_fetch_add(&crowd->go, 1);
	while (atomic_load(&crowd->go) < CROWD)
		;
	for (unsigned i = 0; i < tries * KEYS; i++) {
		uint64_t k = (i * (2 * self + 1)) % KEYS;

		/* spread over all buckets, two keys each */
		if (window_take(
			&seg, k * UINT64_C(0x100000001) + 1, &(struct window_rate){most, 1000000}, 1000 + self, &r))
			atomic_fetch_add(&crowd->passed[k], 1);
	}
}

static void all_passed(uint32_t most)
{
	for (unsigned k = 0; k < KEYS; k++)
		assert_int_equal(crowd->passed[k], most);
}

static void *thread(void *arg)
{
	hammer((unsigned)(uintptr_t)arg, 2000, 3000);
	return NULL;
}

static void threads(void **state)
{
	pthread_t t[CROWD];

	(void)state;
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&t[i], NULL, thread, (void *)(uintptr_t)i), 0);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	all_passed(3000);
}

static pid_t spawn(unsigned self, unsigned tries, uint32_t most)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		hammer(self, tries, most);
		_exit(0);
	}
	return pid;
}

/* The thread sanitizer's 128-bit operations are atomic among the threads of one process only. */
#ifndef __SANITIZE_THREAD__
static void processes(void **state)
{
	pid_t pid[CROWD];
	int status;

	(void)state;
	for (unsigned i = 0; i < CROWD; i++)
		pid[i] = spawn(i, 5000, 12345);
	for (unsigned i = 0; i < CROWD; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	all_passed(12345);
}
#endif

/* Killed wherever they are: who is killed between counting and telling takes that one event along, and nothing else. */
static void killed(void **state)
{
	const struct window_rate rate = {1000000, 1000000};
	unsigned kills = 200;
	uint64_t counted = 0, passed = 0;

	(void)state;
	for (unsigned i = 0; i < kills; i++) {
		int status;
		pid_t pid;

		atomic_store(&crowd->go, CROWD - 1);
		pid = spawn(i % CROWD, 1u << 24, rate.most);
		while (atomic_load(&crowd->go) < CROWD)
			;
		usleep(i % 7 * 100);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	for (uint64_t k = 0; k < KEYS; k++) {
		counted += rate.most - window_left(&seg, k * UINT64_C(0x100000001) + 1, &rate, 1000);
		passed += crowd->passed[k];
	}
	assert_true(passed > kills);
	assert_true(counted >= passed && counted <= passed + kills);
}

/* More keys than cells, all windows short, clocks that differ: cells change hands all the time, and no window is
 * exceeded. */
#define FLOCK 96 /* in 32 buckets of 8 cells */

struct flock {
	uint64_t now[CROWD];
	_Atomic uint64_t clock;
	_Atomic uint64_t passed[FLOCK], evictions;
};

static struct flock flock_;

static void *wander(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;
	const struct window_rate rate = {5, 64};
	struct window_result r;

	for (unsigned i = 0; i < 60000; i++) {
		uint64_t now = 1000 + atomic_fetch_add(&flock_.clock, 1) / 256 - self % 2;
		uint64_t k = (i * 7 + self * 31) % FLOCK;

		if (window_take(&seg, k * UINT64_C(0x100000001) + 1, &rate, now, &r))
			atomic_fetch_add(&flock_.passed[k], 1);
		if (r.evicted)
			atomic_fetch_add(&flock_.evictions, 1);
	}
	return NULL;
}

static void changing_hands(void **state)
{
	uint64_t windows = (CROWD * 60000 / 256 + 1) / 64 + 1, passed = 0;
	pthread_t t[CROWD];

	(void)state;
	memset(&flock_, 0, sizeof flock_);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&t[i], NULL, wander, (void *)(uintptr_t)i), 0);
	for (unsigned i = 0; i < CROWD; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(flock_.evictions, 0);
	for (unsigned k = 0; k < FLOCK; k++) {
		assert_true(flock_.passed[k] <= 5 * windows);
		passed += flock_.passed[k];
	}
	assert_true(passed > FLOCK * 5 * windows / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(table_size, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(one_window, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(extremes, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(neighbours, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(orders, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(orders_of_two_cells, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(two_cells, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(torn, open_segment, close_segment),
	    cmocka_unit_test_setup_teardown(threads, open_crowd, close_crowd),
#ifndef __SANITIZE_THREAD__
	    cmocka_unit_test_setup_teardown(processes, open_crowd, close_crowd),
#endif
	    cmocka_unit_test_setup_teardown(killed, open_crowd, close_crowd),
	    cmocka_unit_test_setup_teardown(changing_hands, open_segment, close_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
