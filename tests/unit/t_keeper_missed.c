/*
 * t_keeper_missed.c - which of the operations that wait for a keeper without a ring should have been rung for.
 */
#include "tests/unit/segment_fixture.h"
#include "tests/unit/store_steps.h"
#include "worker/keeper.h"

#define MS    UINT64_C(1000000)
#define ARMED (1000 * MS)
#define WOKE  (ARMED + 100 * MS)

static struct segment seg;
static struct heritage heritage;
static struct keeper *keeper;

static int open_keeper(void **state)
{
	(void)setup(state);
	fixture_open(&seg, 3);
	keeper = calloc(1, sizeof *keeper);
	if (keeper == NULL || doorbells_open(&heritage.bells, 3) != 0)
		return -1;
	keeper->h = &heritage;
	keeper->seg = &seg;
	keeper->st = open_writer(true);
	return keeper_rings_init(keeper);
}

static int close_keeper(void **state)
{
	keeper_rings_fini(keeper);
	store_writer_close(keeper->st);
	doorbells_close(&heritage.bells);
	free(keeper);
	segment_detach(&seg);
	return teardown(state);
}

static void publish(unsigned slot, uint64_t stamp, size_t len)
{
	static char payload[2048];
	struct iovec iov = {payload, len};
	struct ring r;

	assert_int_equal(ring_attach(&r, segment_opring(&seg, slot)), 0);
	ring_own(&r, 1);
	assert_true(ring_publish(&r, RING_DATA, 0, &iov, 1, stamp) >= 0);
}

/* The keeper has taken all there is. */
static void take(unsigned slot)
{
	assert_int_equal(store_begin(keeper->st), 0);
	store_advance(keeper->st, slot, ring_tail(&keeper->ring[slot]));
	assert_int_equal(store_commit(keeper->st), 0);
}

static void nothing_waits(void **state)
{
	(void)state;
	assert_false(keeper_missed(keeper, ARMED, WOKE));
	publish(1, ARMED + MS, 8);
	assert_true(keeper_missed(keeper, ARMED, WOKE));
	take(1);
	assert_false(keeper_missed(keeper, ARMED, WOKE));
}

static void the_oldest_of_each_ring(void **state)
{
	(void)state;
	publish(1, WOKE - MS, 8);
	assert_true(keeper_pending(keeper));
	assert_false(keeper_missed(keeper, ARMED, WOKE));
	publish(2, ARMED + MS, 8);
	publish(2, WOKE - MS, 8);
	assert_true(keeper_missed(keeper, ARMED, WOKE));
	take(2);
	publish(2, WOKE - MS, 8);
	assert_false(keeper_missed(keeper, ARMED, WOKE));
}

/* Repair covers what a dead process had begun, under the stamp of the record before: that is no operation. */
static void behind_padding(void **state)
{
	struct ring_shm *shm = segment_opring(&seg, 0);

	(void)state;
	publish(0, ARMED + MS, 8);
	take(0);
	atomic_store(&shm->claim, ring_tail(&keeper->ring[0]) + 64);
	assert_int_equal(ring_repair(shm), 64);
	assert_true(keeper_pending(keeper));
	assert_false(keeper_missed(keeper, ARMED, WOKE));
	publish(0, WOKE - MS, 8);
	assert_false(keeper_missed(keeper, ARMED, WOKE));
	take(0);
	assert_int_equal(ring_repair(shm), 0);
	atomic_store(&shm->claim, ring_tail(&keeper->ring[0]) + 64);
	assert_int_equal(ring_repair(shm), 64);
	publish(0, WOKE - MS, 8);
	assert_false(keeper_missed(keeper, ARMED, WOKE + 10 * MS));
	assert_true(keeper_missed(keeper, ARMED, WOKE + 60 * MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing_waits, open_keeper, close_keeper),
	    cmocka_unit_test_setup_teardown(the_oldest_of_each_ring, open_keeper, close_keeper),
	    cmocka_unit_test_setup_teardown(behind_padding, open_keeper, close_keeper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
