/*
 * t_outlet.c - what goes into the ring, what waits, who is overtaken and when.  The clock is the test's.
 *
 * Seen red: put without `o->head ||` (fifo), stamps taken at put instead of at entry (stamp_of_entry), time between
 * looks counted in full (we_were_stopped), the own reader overtaken by put (own_reader), no nudge (nudge), no
 * `excluded` (protected_again), a limit that is not looked at in outlet_init() (successor), a lapped reader waited for
 * (lapped_already).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm/interest.h"
#include "shm/outlet.h"
#include "tests/unit/ring_fixture.h"
#include "tests/unit/segment_fixture.h"

#define MS    UINT64_C(1000000)
#define SELF  0u
#define CAP   (UINT64_C(1) << 16)
#define START (UINT64_C(1000) * 1000 * MS)

static struct segment seg;
static struct doorbells bells;
static struct outlet o;
static uint64_t now;

static void live(unsigned slot, enum slot_role role)
{
	slot_open(segment_slot(&seg, slot), role, 0, START);
	slot_ready(segment_slot(&seg, slot));
}

static void die(unsigned slot)
{
	slot_bury(segment_slot(&seg, slot));
	slot_free(segment_slot(&seg, slot));
}

/* The outlet's own slot and two more workers, all at the start of its ring. */
static int open_all(void **state)
{
	(void)state;
	fixture_open(&seg, 6);
	now = START;
	if (doorbells_open(&bells, 6))
		return -1;
	live(SELF, SLOT_ROLE_WORKER);
	live(1, SLOT_ROLE_WORKER);
	live(2, SLOT_ROLE_BRIDGE);
	return outlet_init(&o, &seg, &bells, SELF, 1, OUTLET_BROADCAST, CAP);
}

static int close_all(void **state)
{
	(void)state;
	outlet_fini(&o);
	doorbells_close(&bells);
	segment_detach(&seg);
	return 0;
}

static void stands_at(unsigned slot, uint64_t pos)
{
	segment_read_pos(&seg, slot)[SELF] = pos;
}

static void all_stand_at(uint64_t pos)
{
	for (unsigned i = 0; i < 6; i++)
		stands_at(i, pos);
}

/* Puts a record of N bytes for SERIAL. */
static int64_t put(uint64_t serial, size_t n)
{
	static uint8_t buf[FIXTURE_RING];
	struct slot_mask none = {{0}};
	struct iovec iov[2] = {{buf, n / 3}, {buf + n / 3, n - n / 3}};
	struct outlet_msg msg = {.iov = iov, .niov = 2, .mask = &none};

	assert_true(n <= sizeof buf);
	payload_fill(buf, n, serial);
	return outlet_put(&o, &msg, now);
}

/* Fills the ring with records of 992 payload bytes (1024 each) until the next would wait; how many went in. */
static unsigned fill(void)
{
	unsigned n = 0;

	while (ring_room(&o.ring, 1024, segment_read_pos(&seg, 1)[SELF])) {
		assert_true(put(o.accepted + 1, 992) > 0);
		assert_int_equal(o.waiting, 0);
		n++;
	}
	return n;
}

/* Checks that the ring's records from POS to its tail are those of serials FROM on, each of N bytes; the next serial.
 */
static uint64_t expect(uint64_t pos, uint64_t from, size_t n)
{
	static uint8_t buf[FIXTURE_RING];
	struct ring_head h;
	struct ring r;

	assert_int_equal(ring_attach(&r, segment_ring(&seg, SELF)), 0);
	for (; pos < ring_tail(&r); pos = ring_next(pos, &h)) {
		assert_int_equal(ring_peek(&r, pos, &h), 1);
		if (h.type == RING_PAD)
			continue;
		assert_int_equal(h.len, sizeof h + n);
		assert_int_equal(ring_copy(&r, pos, &h, buf), 0);
		assert_true(payload_is(buf, n, from++));
	}
	return from;
}

static bool reader_is_lapped(unsigned slot)
{
	struct ring r;

	assert_int_equal(ring_attach(&r, segment_ring(&seg, SELF)), 0);
	return !ring_intact(&r, segment_read_pos(&seg, slot)[SELF]);
}

static void straight_in(void **state)
{
	struct slot_mask mask = {{0}};
	uint64_t touch[2] = {77, 78};
	struct iovec iov = {.iov_base = (char[]){"hello"}, .iov_len = 5};
	struct outlet_msg msg = {.iov = &iov, .niov = 1, .mask = &mask, .touch = touch, .ntouch = 2};
	struct ring_head h;
	struct ring r;

	(void)state;
	slot_mask_set(&mask, SELF);
	slot_mask_set(&mask, 1);
	doorbell_arm(segment_slot(&seg, SELF));
	doorbell_arm(segment_slot(&seg, 1));
	doorbell_arm(segment_slot(&seg, 2));
	assert_false(outlet_settled(&o, 1));
	assert_int_equal(outlet_put(&o, &msg, now), 1);
	assert_true(outlet_settled(&o, 1));
	assert_int_equal(o.wakeups, 1); /* slot 1: in the mask and not itself */
	assert_false(doorbell_drain(&bells, SELF));
	assert_true(doorbell_drain(&bells, 1));
	assert_false(doorbell_drain(&bells, 2));
	assert_int_equal(ring_attach(&r, segment_ring(&seg, SELF)), 0);
	assert_int_equal(ring_peek(&r, 0, &h), 1);
	assert_int_equal(h.stamp, now);
	assert_int_equal(h.gen, 1);
	assert_true(interest_touched_since(&seg, 77, now) && interest_touched_since(&seg, 78, now));
	assert_false(interest_touched_since(&seg, 77, now + 1));

	/* A clock that lags: buckets are touched with the record's stamp, not with the clock. */
	touch[0] = 79;
	assert_int_equal(outlet_put(&o, &msg, now - 5), 2);
	assert_true(interest_touched_since(&seg, 79, now));
	assert_int_equal(ring_peek(&r, 64, &h), 1);
	assert_int_equal(h.stamp, now);
}

static void too_long(void **state)
{
	(void)state;
	assert_int_equal(put(1, FIXTURE_RING / 8 - 31), -EMSGSIZE);
	assert_int_equal(o.accepted, 0);
	assert_int_equal(put(1, FIXTURE_RING / 8 - 32), 1);
}

/* While anything waits, everything waits, and goes in in its order. */
static void fifo(void **state)
{
	uint64_t went, serial;

	(void)state;
	went = fill();
	assert_int_equal(went, 16);
	for (serial = went + 1; serial <= went + 10; serial++)
		assert_int_equal(put(serial, 992), serial);
	assert_false(outlet_settled(&o, went + 1));
	assert_int_equal(o.settled, went);
	stands_at(1, 3 * 1024); /* one of them moves: no use */
	assert_true(outlet_pump(&o, now) > 0);
	assert_int_equal(o.settled, went);
	all_stand_at(3 * 1024);
	/* There is room now, but it belongs to those who wait. */
	assert_int_equal(put(serial, 992), serial);
	assert_int_equal(o.settled, went);
	assert_true(outlet_pump(&o, now) > 0);
	assert_int_equal(o.settled, went + 3);
	assert_true(outlet_settled(&o, went + 3));
	assert_false(outlet_settled(&o, went + 4));
	assert_int_equal(expect(3 * 1024, 4, 992), went + 4);
	all_stand_at(16 * 1024);
	assert_int_equal(outlet_pump(&o, now), 0);
	assert_int_equal(expect(16 * 1024, 17, 992), serial + 1);
	assert_int_equal(o.settled, o.accepted);
	assert_int_equal(put(serial + 1, 992), serial + 1); /* straight in again */
	assert_int_equal(o.waiting, 0);
}

/* A record that waited is stamped, and its buckets touched, when it goes in. */
static void stamp_of_entry(void **state)
{
	struct slot_mask none = {{0}};
	uint64_t touch = 5;
	struct iovec iov = {.iov_base = (char[]){"x"}, .iov_len = 1};
	struct outlet_msg msg = {.iov = &iov, .niov = 1, .mask = &none, .touch = &touch, .ntouch = 1};
	struct ring_head h;
	struct ring r;

	(void)state;
	fill();
	assert_int_equal(outlet_put(&o, &msg, now), 17);
	assert_false(interest_touched_since(&seg, 5, 1));
	now += 50 * MS;
	all_stand_at(o.ring.tail);
	assert_int_equal(outlet_pump(&o, now), 0);
	assert_true(interest_touched_since(&seg, 5, now));
	assert_int_equal(ring_attach(&r, segment_ring(&seg, SELF)), 0);
	assert_int_equal(ring_peek(&r, 16 * 1024, &h), 1);
	assert_int_equal(h.stamp, now);
}

/* Pumps every 10 ms for as long as bytes wait; after how many ms they were gone, or LIMIT. */
static unsigned pump_until_gone(unsigned limit_ms)
{
	unsigned ms = 0;

	for (; ms < limit_ms && outlet_pump(&o, now) > 0; ms += 10)
		now += 10 * MS;
	return ms;
}

static void stalled(void **state)
{
	(void)state;
	fill();
	all_stand_at(16 * 1024);
	stands_at(1, 0);
	assert_int_equal(put(17, 992), 17);
	assert_int_equal(o.waiting > 0, 1);
	assert_int_equal(pump_until_gone(2000), OUTLET_STALL_NS / MS);
	assert_true(reader_is_lapped(1));
	assert_false(reader_is_lapped(2));
	/* From now on it holds nobody up, until it moves. */
	assert_int_equal(put(18, 992), 18);
	assert_int_equal(o.waiting, 0);
}

/* It moves all the time, and stays behind. */
static void stays_behind(void **state)
{
	uint64_t pos = 0;
	unsigned ms;

	(void)state;
	fill();
	all_stand_at(16 * 1024);
	stands_at(2, 0);
	for (unsigned i = 17; i < 60; i++)
		assert_int_equal(put(i, 992), i);
	for (ms = 0; outlet_pump(&o, now) > 0 && !reader_is_lapped(2) && ms < 3000; ms += 100) {
		now += 100 * MS;
		stands_at(1, o.ring.tail);
		stands_at(SELF, o.ring.tail);
		if (ms % 200 == 0)
			stands_at(2, pos += 1024);
	}
	assert_true(reader_is_lapped(2));
	assert_int_equal(ms, OUTLET_BEHIND_NS / MS);
}

/* Behind again and again, but never for long: each burst has its own second. */
static void bursts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		uint64_t tail = o.ring.tail;

		fill();
		put(o.accepted + 1, 992); /* looks, and waits */
		assert_true(o.waiting > 0);
		now += 150 * MS;
		all_stand_at(o.ring.tail); /* all caught up */
		assert_int_equal(outlet_pump(&o, now), 0);
		assert_true(o.ring.tail - tail > FIXTURE_RING / 2);
		all_stand_at(o.ring.tail);
	}
	/* The same with bursts that meet the limit without a pump between them. */
	for (unsigned i = 0; i < 40; i++) {
		put(o.accepted + 1, 992);
		if (i % 12 == 11) {
			all_stand_at(o.ring.tail);
			now += 90 * MS;
		}
		assert_int_equal(o.waiting, 0);
		assert_false(reader_is_lapped(1));
	}
}

/* While this process was stopped it did not look, and nobody else may have run either. */
static void we_were_stopped(void **state)
{
	(void)state;
	fill();
	put(17, 992);
	assert_true(outlet_pump(&o, now) > 0);
	now += 30000 * MS; /* SIGSTOP, SIGCONT */
	stands_at(SELF, 16 * 1024);
	assert_true(outlet_pump(&o, now) > 0);
	assert_false(reader_is_lapped(1));
	all_stand_at(16 * 1024);
	assert_int_equal(outlet_pump(&o, now + MS), 0);
	assert_false(reader_is_lapped(1));
}

static void own_reader(void **state)
{
	(void)state;
	fill();
	all_stand_at(16 * 1024);
	stands_at(SELF, 0);
	/* A turn may take as long as it will: putting never overtakes the own reader. */
	while (put(o.accepted + 1, 992) > 0)
		now += 90 * MS;
	for (unsigned i = 0; i < 10; i++, now += 90 * MS) /* each looks whether there is room by now */
		assert_int_equal(put(1, 992), -ENOBUFS);
	assert_false(reader_is_lapped(SELF));
	/* A loop that drains between pumps, however slowly, is never overtaken. */
	for (unsigned i = 1; i <= 20; i++) {
		assert_true(outlet_pump(&o, now) > 0);
		now += 199 * MS;
		stands_at(SELF, i * 1024);
		stands_at(1, o.ring.tail);
		stands_at(2, o.ring.tail);
		assert_false(reader_is_lapped(SELF));
	}
	outlet_overtake(&o, now);
	/* One that only pumps ends. */
	stands_at(SELF, o.ring.tail);
	stands_at(1, o.ring.tail);
	stands_at(2, o.ring.tail);
	fill();
	put(o.accepted + 1, 992);
	assert_true(o.waiting > 0);
	assert_int_equal(pump_until_gone(2000), OUTLET_STALL_NS / MS);
}

/* Only live workers and bridges are waited for. */
static void who_is_a_reader(void **state)
{
	(void)state;
	fill();
	all_stand_at(16 * 1024);
	for (unsigned i = 1; i < 6; i++)
		stands_at(i, 0);
	die(1);
	die(2);
	live(3, SLOT_ROLE_KEEPER);
	slot_open(segment_slot(&seg, 4), SLOT_ROLE_WORKER, 0, now); /* starting */
	assert_int_equal(put(17, 992), 17);
	assert_int_equal(o.waiting, 0);
	for (unsigned i = 18; i < 40; i++) {
		stands_at(SELF, o.ring.tail);
		put(i, 992);
	}
	assert_int_equal(o.waiting, 0);
	/* It became live at the tail, and is waited for from then on. */
	stands_at(4, o.ring.tail);
	slot_ready(segment_slot(&seg, 4));
	for (unsigned i = 0; i < 17; i++) {
		stands_at(SELF, o.ring.tail);
		put(o.accepted + 1, 992);
	}
	assert_true(o.waiting > 0);
	slot_drain(segment_slot(&seg, 4)); /* draining processes still read */
	assert_true(outlet_pump(&o, now) > 0);
	slot_bury(segment_slot(&seg, 4));
	assert_int_equal(outlet_pump(&o, now), 0);
}

static void lapped_already(void **state)
{
	(void)state;
	fill();
	stands_at(SELF, 16 * 1024);
	stands_at(2, 16 * 1024);
	outlet_overtake(&o, now);
	put(17, 992);
	outlet_overtake(&o, now);
	assert_true(reader_is_lapped(1));
	/* Nothing of it is left to protect: whoever comes does not wait for it. */
	for (unsigned i = 18; i < 50; i++) {
		stands_at(SELF, o.ring.tail);
		stands_at(2, o.ring.tail);
		put(i, 992);
		assert_int_equal(o.waiting, 0);
	}
	/* A position beyond the tail is no inlet's. */
	for (unsigned i = 50; i < 90; i++) {
		stands_at(1, o.ring.tail + 4096);
		stands_at(SELF, o.ring.tail);
		stands_at(2, o.ring.tail);
		put(i, 992);
		assert_int_equal(o.waiting, 0);
	}
}

/* A reader that was given up, was not overwritten yet and moves again is waited for again. */
static void protected_again(void **state)
{
	(void)state;
	fill();
	stands_at(SELF, 16 * 1024);
	stands_at(1, 3 * 1024); /* nearly a ring behind, but 2 is who is in the way */
	assert_int_equal(put(17, 992), 17);
	pump_until_gone(2000);
	assert_true(reader_is_lapped(2));
	assert_false(reader_is_lapped(1));
	stands_at(1, 10 * 1024);
	for (unsigned i = 0; i < 30; i++) {
		stands_at(SELF, o.ring.tail);
		stands_at(2, o.ring.tail);
		put(o.accepted + 1, 992);
		assert_false(reader_is_lapped(1));
	}
	assert_true(o.waiting > 0);
}

static void overflow_full(void **state)
{
	size_t each = 0;
	uint64_t n = 0;
	int64_t rc;

	(void)state;
	fill();
	while ((rc = put(o.accepted + 1, 992)) > 0) {
		n++;
		each = o.waiting / n;
		assert_int_equal(o.waiting, n * each);
		assert_int_equal(outlet_congested(&o), o.waiting > CAP / 2);
		assert_true(o.waiting <= CAP);
	}
	assert_int_equal(rc, -ENOBUFS);
	assert_true(each > 992 && each < 1200); /* heads are counted */
	assert_true(CAP - o.waiting < each);
	assert_int_equal(put(1, 2000), -ENOBUFS);
	assert_int_equal(o.accepted, 16 + n); /* what was refused has no ticket */
	/* Congested until it is empty, not until there is some room. */
	for (uint64_t pos = 16 * 1024; o.waiting > 0; pos += 4096) {
		assert_true(outlet_congested(&o));
		all_stand_at(pos);
		outlet_pump(&o, now);
	}
	assert_false(outlet_congested(&o));
	assert_int_equal(o.settled, 16 + n);
	/* Full, but the ring has room by now: makes room first, and takes the record. */
	all_stand_at(o.ring.tail);
	fill();
	while (put(o.accepted + 1, 992) > 0)
		;
	n = o.accepted;
	all_stand_at(o.ring.tail);
	assert_int_equal(put(n + 1, 992), n + 1);
}

/* What it says it would take it takes, whole, wherever that goes: the ring, the overflow. */
static void all_or_none(void **state)
{
	size_t size[40];
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		size[i] = 992;
	assert_int_equal(outlet_would_take(&o, size, 0, 0, now), 0);
	size[1] = ring_payload_max(&o.ring) + 1;
	assert_int_equal(outlet_would_take(&o, size, 1, 256, now), 0);
	assert_int_equal(outlet_would_take(&o, size, 2, 256, now), -EMSGSIZE);
	size[1] = 992;
	fill();
	while (outlet_would_take(&o, size, 5, 0, now) == 0) {
		for (unsigned i = 0; i < 5; i++)
			assert_true(put(o.accepted + 1, 992) > 0);
		n++;
	}
	assert_in_range(n, 10, 13);
	assert_int_equal(outlet_would_take(&o, size, 5, 0, now), -ENOBUFS);
	/* The overflow is full, and the ring is empty: behind what waits there is no room all the same. */
	all_stand_at(o.ring.tail);
	assert_int_equal(outlet_would_take(&o, size, 5, 0, now), -ENOBUFS);
	while (o.waiting > 0) {
		all_stand_at(o.ring.tail);
		outlet_pump(&o, now);
	}
	/* More than the overflow has room for fits the ring, or does not. */
	o.cap = 1000;
	all_stand_at(o.ring.tail);
	assert_int_equal(outlet_would_take(&o, size, 5, 0, now), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_true(put(o.accepted + 1, 992) > 0);
	assert_int_equal(outlet_would_take(&o, size, 40, 0, now), -ENOBUFS);
}

/* What a life had published and others had not read yet is not overwritten by the next. */
static void successor(void **state)
{
	(void)state;
	fill();
	outlet_fini(&o);
	all_stand_at(16 * 1024);
	stands_at(1, 0);
	assert_int_equal(outlet_init(&o, &seg, &bells, SELF, 2, OUTLET_BROADCAST, CAP), 0);
	assert_int_equal(put(1, 992), 1);
	assert_true(o.waiting > 0);
	assert_false(reader_is_lapped(1));
	stands_at(1, 1024);
	assert_int_equal(outlet_pump(&o, now), 0);
}

static void keeper_overtakes(void **state)
{
	(void)state;
	fill();
	for (unsigned i = 17; i < 27; i++)
		put(i, 992);
	assert_true(o.waiting > 0);
	outlet_overtake(&o, now);
	assert_int_equal(o.waiting, 0);
	assert_int_equal(o.settled, 26);
	assert_true(reader_is_lapped(1));
	assert_int_equal(expect(10 * 1024, 11, 992), 27);
	outlet_overtake(&o, now);
	assert_int_equal(o.settled, 26);
}

/* Sleepers that no mask names are rung every quarter of a lap; one that holds us up is rung at once. */
static void nudge(void **state)
{
	unsigned rung = 0;

	(void)state;
	doorbell_arm(segment_slot(&seg, 1));
	live(3, SLOT_ROLE_KEEPER);
	doorbell_arm(segment_slot(&seg, 3));
	for (unsigned i = 1; i <= 16; i++) {
		put(i, 992);
		rung += doorbell_drain(&bells, 1);
		assert_int_equal(rung, i / 4);
	}
	assert_false(doorbell_drain(&bells, 3)); /* reads no broadcasts */
	put(17, 992);
	assert_true(o.waiting > 0);
	assert_true(doorbell_drain(&bells, 1));
	assert_int_equal(o.wakeups, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(straight_in, open_all, close_all),
	    cmocka_unit_test_setup_teardown(too_long, open_all, close_all),
	    cmocka_unit_test_setup_teardown(fifo, open_all, close_all),
	    cmocka_unit_test_setup_teardown(stamp_of_entry, open_all, close_all),
	    cmocka_unit_test_setup_teardown(stalled, open_all, close_all),
	    cmocka_unit_test_setup_teardown(stays_behind, open_all, close_all),
	    cmocka_unit_test_setup_teardown(bursts, open_all, close_all),
	    cmocka_unit_test_setup_teardown(we_were_stopped, open_all, close_all),
	    cmocka_unit_test_setup_teardown(own_reader, open_all, close_all),
	    cmocka_unit_test_setup_teardown(who_is_a_reader, open_all, close_all),
	    cmocka_unit_test_setup_teardown(lapped_already, open_all, close_all),
	    cmocka_unit_test_setup_teardown(protected_again, open_all, close_all),
	    cmocka_unit_test_setup_teardown(overflow_full, open_all, close_all),
	    cmocka_unit_test_setup_teardown(all_or_none, open_all, close_all),
	    cmocka_unit_test_setup_teardown(successor, open_all, close_all),
	    cmocka_unit_test_setup_teardown(keeper_overtakes, open_all, close_all),
	    cmocka_unit_test_setup_teardown(nudge, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
