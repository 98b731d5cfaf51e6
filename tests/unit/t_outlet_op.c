/*
 * t_outlet_op.c - the operation outlet: never overtakes what the keeper has not committed, and keeps its reserves.
 *
 * Seen red: a limit that ignores the committed position (nothing_uncommitted_is_lost), reserve messages that pass those
 * that wait (reserve_keeps_the_order), no reserve in the ring or in the overflow (reserve_in_*), no marks left free
 * (marks), a keeper looked for only once (keeper_moves).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm/outlet.h"
#include "tests/unit/ring_fixture.h"
#include "tests/unit/segment_fixture.h"

#define SELF   2u
#define KEEPER 0u
#define CAP    (UINT64_C(1) << 14)
#define START  UINT64_C(1000000000)

static struct segment seg;
static struct doorbells bells;
static struct outlet o;

static void live(unsigned slot, enum slot_role role)
{
	slot_open(segment_slot(&seg, slot), role, 0, START);
	slot_ready(segment_slot(&seg, slot));
}

static int open_all(void **state)
{
	(void)state;
	fixture_open(&seg, 4);
	if (doorbells_open(&bells, 4))
		return -1;
	live(KEEPER, SLOT_ROLE_KEEPER);
	live(1, SLOT_ROLE_WORKER); /* never reads: operations are not its business */
	live(SELF, SLOT_ROLE_WORKER);
	return outlet_init(&o, &seg, &bells, SELF, 1, OUTLET_OPERATION, CAP);
}

static int close_all(void **state)
{
	(void)state;
	outlet_fini(&o);
	doorbells_close(&bells);
	segment_detach(&seg);
	return 0;
}

/* An operation of 256 bytes in the ring. */
static int64_t put(bool reserve)
{
	uint8_t buf[224];
	struct iovec iov = {buf, sizeof buf};
	struct outlet_msg msg = {.iov = &iov, .niov = 1, .reserve = reserve};

	payload_fill(buf, sizeof buf, o.accepted + 1);
	return outlet_put(&o, &msg, START);
}

static void commit(uint64_t pos)
{
	segment_committed(&seg)[SELF] = pos;
}

/* Reads the operations from POS on, as the keeper would; they are those of the tickets FROM on.  The next ticket. */
static uint64_t expect(uint64_t pos, uint64_t from)
{
	struct ring_head h;
	struct ring r;
	uint8_t buf[224];

	assert_int_equal(ring_attach(&r, segment_opring(&seg, SELF)), 0);
	for (; pos < ring_tail(&r); pos = ring_next(pos, &h)) {
		assert_int_equal(ring_peek(&r, pos, &h), 1);
		if (h.type != RING_DATA)
			continue;
		assert_int_equal(ring_copy(&r, pos, &h, buf), 0);
		assert_true(payload_is(buf, sizeof buf, from++));
	}
	return from;
}

static unsigned fill(bool reserve)
{
	unsigned n = 0;

	for (; o.waiting == 0; n++)
		assert_true(put(reserve) > 0);
	return n - 1;
}

static void nothing_uncommitted_is_lost(void **state)
{
	uint64_t committed = 0, next = 1;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t now = START + i * UINT64_C(10000000000); /* no time makes it overtake */
		uint8_t buf[480];
		struct iovec iov = {buf, 224};
		struct outlet_msg msg = {.iov = &iov, .niov = 1, .reserve = i % 3 == 0};

		payload_fill(buf, 224, o.accepted + 1);
		outlet_put(&o, &msg, now);
		outlet_pump(&o, now);
		if (i % 50 == 49) { /* the keeper wakes up, reads all there is, and commits it */
			uint64_t got = expect(committed, next);

			assert_true(got > next);
			next = got;
			commit(committed = o.ring.tail);
		}
	}
	while (outlet_pump(&o, START) > 0) {
		next = expect(committed, next);
		commit(committed = o.ring.tail);
	}
	assert_int_equal(expect(committed, next), o.accepted + 1);
}

static void reserve_in_the_ring(void **state)
{
	unsigned ordinary = fill(false);

	(void)state;
	/* An eighth and the marks' 64th are left. */
	assert_int_equal(ordinary, (FIXTURE_OPRING - FIXTURE_OPRING / 8 - FIXTURE_OPRING / 64) / 256);
	close_all(state);
	open_all(state);
	assert_int_equal(fill(true), (FIXTURE_OPRING - FIXTURE_OPRING / 64) / 256);
	/* The same again, with the reserve used when the rest is full. */
	close_all(state);
	open_all(state);
	for (unsigned i = 0; i < ordinary; i++)
		put(false);
	assert_int_equal(o.waiting, 0);
	for (unsigned i = ordinary; i < 63; i++)
		put(true);
	assert_int_equal(o.waiting, 0);
	put(true);
	assert_true(o.waiting > 0);
}

static void reserve_keeps_the_order(void **state)
{
	uint64_t n = fill(false) + 1; /* one waits */

	(void)state;
	assert_int_equal(put(true), n + 1); /* there would be room for it */
	assert_false(outlet_settled(&o, n));
	assert_false(outlet_settled(&o, n + 1));
	commit(4096);
	assert_int_equal(outlet_pump(&o, START), 0);
	assert_int_equal(expect(4096, 17), n + 2);
}

static void reserve_in_the_overflow(void **state)
{
	uint64_t before;
	int64_t rc;

	(void)state;
	fill(false);
	while ((rc = put(false)) > 0)
		assert_int_equal(outlet_congested(&o), o.waiting > CAP / 2);
	assert_int_equal(rc, -ENOBUFS);
	assert_true(o.waiting <= CAP - CAP / 8);
	before = o.accepted;
	while ((rc = put(true)) > 0)
		;
	assert_int_equal(rc, -ENOBUFS);
	assert_true(o.accepted >= before + 6);
	assert_true(o.waiting <= CAP && o.waiting > CAP - 512);
	/* The reserve is one of room, not of rank: what waited is still in its order. */
	for (uint64_t pos = 0, next = 1; o.waiting > 0 || pos < o.ring.tail; commit(pos)) {
		next = expect(pos, next);
		pos = o.ring.tail;
		assert_int_equal(next, o.settled + 1);
		commit(pos);
		outlet_pump(&o, START);
	}
	assert_int_equal(o.settled, o.accepted);
}

/* However full the ring, the master's marks of lives that end fit without touching what is not committed. */
static void marks(void **state)
{
	struct ring m;

	(void)state;
	fill(true);
	assert_int_equal(ring_attach(&m, segment_opring(&seg, SELF)), 0);
	for (uint32_t gen = 1; gen <= FIXTURE_OPRING / 64 / 32; gen++) {
		assert_int_equal(ring_repair(segment_opring(&seg, SELF)), 0);
		ring_own(&m, gen);
		assert_true(ring_publish(&m, RING_GEN_OVER, 0, NULL, 0, START) >= 0);
	}
	assert_true(ring_intact(&m, 0));
	expect(0, 1);
}

/* A successor's first operations wait like those of the life before. */
static void successor(void **state)
{
	unsigned n = fill(false);
	struct ring m;

	(void)state;
	outlet_fini(&o);
	assert_int_equal(ring_attach(&m, segment_opring(&seg, SELF)), 0);
	ring_own(&m, 1);
	assert_true(ring_publish(&m, RING_GEN_OVER, 0, NULL, 0, START) >= 0);
	assert_int_equal(outlet_init(&o, &seg, &bells, SELF, 2, OUTLET_OPERATION, CAP), 0);
	put(false);
	assert_true(o.waiting > 0);
	assert_int_equal(expect(0, 1), n + 1);
	put(false);
	commit(m.tail + 4096); /* beyond the tail: not believed */
	assert_true(outlet_pump(&o, START) > 0);
	commit(m.tail);
	assert_int_equal(outlet_pump(&o, START), 0);
	assert_int_equal(expect(m.tail, 1), 3);
}

static void keeper_moves(void **state)
{
	(void)state;
	put(false); /* awake */
	assert_int_equal(o.wakeups, 0);
	doorbell_arm(segment_slot(&seg, KEEPER));
	doorbell_arm(segment_slot(&seg, 1));
	put(false);
	assert_int_equal(o.wakeups, 1);
	assert_true(doorbell_drain(&bells, KEEPER));
	assert_false(doorbell_drain(&bells, 1));

	slot_bury(segment_slot(&seg, KEEPER));
	slot_free(segment_slot(&seg, KEEPER));
	put(false); /* there is none */
	assert_int_equal(o.wakeups, 1);
	live(3, SLOT_ROLE_KEEPER);
	doorbell_arm(segment_slot(&seg, 3));
	put(false);
	assert_int_equal(o.wakeups, 2);
	assert_true(doorbell_drain(&bells, 3));
	assert_false(doorbell_drain(&bells, KEEPER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing_uncommitted_is_lost, open_all, close_all),
	    cmocka_unit_test_setup_teardown(reserve_in_the_ring, open_all, close_all),
	    cmocka_unit_test_setup_teardown(reserve_keeps_the_order, open_all, close_all),
	    cmocka_unit_test_setup_teardown(reserve_in_the_overflow, open_all, close_all),
	    cmocka_unit_test_setup_teardown(marks, open_all, close_all),
	    cmocka_unit_test_setup_teardown(successor, open_all, close_all),
	    cmocka_unit_test_setup_teardown(keeper_moves, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
