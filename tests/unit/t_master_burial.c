/* t_master_burial.c - the end of a generation: repaired rings, both marks, and never over what the keeper lacks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/burial.h"
#include "shm/interest.h"
#include "shm/ring.h"

#define SLOT   1u
#define OPRING 4096u

static struct segment seg;

static int setup(void **state)
{
	const struct segment_spec spec = {
	    .ring_size = 1 << 16, .opring_size = OPRING, .dlog_size = 1 << 17, .sessions = 16, .nonce = 1};
	char name[64];
	size_t need;

	(void)state;
	snprintf(name, sizeof(name), "/forkcast-test-burial-%ld", (long)getpid());
	if (segment_create(&seg, name, &spec, &need) < 0)
		return -1;
	segment_unlink(name);
	return segment_reserve_slot(&seg, SLOT, &need);
}

static int teardown(void **state)
{
	(void)state;
	segment_detach(&seg);
	return 0;
}

static uint32_t begin_life(struct ring *bcast, struct ring *ops)
{
	uint32_t gen = slot_open(segment_slot(&seg, SLOT), SLOT_ROLE_WORKER, 1, 1000);

	assert_int_equal(ring_attach(bcast, segment_ring(&seg, SLOT)), 0);
	assert_int_equal(ring_attach(ops, segment_opring(&seg, SLOT)), 0);
	ring_own(bcast, gen);
	ring_own(ops, gen);
	slot_ready(segment_slot(&seg, SLOT));
	return gen;
}

/* The last record of R, which starts at or after FROM. */
static struct ring_head last(const struct ring *r, uint64_t from)
{
	struct ring_head head = {0};

	for (uint64_t pos = from; pos < ring_tail(r); pos = ring_next(pos, &head))
		assert_int_equal(ring_peek(r, pos, &head), 1);
	return head;
}

static void keeper_took(const struct ring *ops)
{
	atomic_store(&segment_committed(&seg)[SLOT], ring_tail(ops));
}

static void marks_both_rings(void **state)
{
	struct ring bcast, ops;
	uint64_t b0, o0;
	uint32_t gen = begin_life(&bcast, &ops);

	(void)state;
	b0 = ring_tail(&bcast);
	o0 = ring_tail(&ops);
	interest_add(&seg, 42, SLOT);
	burial_begin(&seg, SLOT, gen, 5000);
	assert_int_equal(atomic_load(&segment_slot(&seg, SLOT)->state), SLOT_DEAD);
	assert_int_equal(last(&bcast, b0).type, RING_GEN_OVER);
	assert_int_equal(last(&bcast, b0).gen, gen);
	assert_int_equal(ring_tail(&ops), o0);
	assert_int_equal(burial_finish(&seg, SLOT, gen, false, 6000), 0);
	assert_int_equal(last(&ops, o0).type, RING_GEN_OVER);
	assert_int_equal(last(&ops, o0).gen, gen);
	assert_int_equal(atomic_load(&segment_slot(&seg, SLOT)->state), SLOT_EMPTY);
	{
		struct slot_mask m = {{0}};

		interest_collect(&seg, 42, &m);
		assert_false(slot_mask_has(&m, SLOT));
	}
	keeper_took(&ops);
}

/* Killed between claim and tail: the mark stands behind the gap, and readers get over it. */
static void a_half_written_record_is_padded(void **state)
{
	struct ring bcast, ops;
	struct ring_head head;
	uint32_t gen = begin_life(&bcast, &ops);
	uint64_t b0 = ring_tail(&bcast);

	(void)state;
	atomic_store(&bcast.shm->claim, b0 + 256);
	memset(bcast.data + b0 % bcast.size, 0xee, 128);
	burial_begin(&seg, SLOT, gen, 7000);
	assert_int_equal(burial_finish(&seg, SLOT, gen, false, 7000), 0);
	assert_int_equal(ring_peek(&bcast, b0, &head), 1);
	assert_int_equal(head.type, RING_PAD);
	assert_int_equal(last(&bcast, b0).type, RING_GEN_OVER);
	keeper_took(&ops);
}

static void waits_for_the_keeper(void **state)
{
	struct ring bcast, ops;
	uint32_t gen = begin_life(&bcast, &ops);
	uint64_t base = ring_tail(&ops), full;
	char op[64] = {0};
	const struct iovec iov = {.iov_base = op, .iov_len = sizeof(op)};

	(void)state;
	while (ring_room(&ops, ring_cost(&ops, sizeof(op)), base))
		assert_true(ring_publish(&ops, RING_DATA, 0, &iov, 1, 8000) >= 0);
	/* Fill what is left with empty records, to the last byte. */
	while (ring_room(&ops, ring_cost(&ops, 0), base))
		assert_true(ring_publish(&ops, RING_DATA, 0, NULL, 0, 8000) >= 0);
	full = ring_tail(&ops);
	burial_begin(&seg, SLOT, gen, 9000);
	assert_int_equal(burial_finish(&seg, SLOT, gen, false, 9000), -EAGAIN);
	assert_int_equal(ring_tail(&ops), full);
	assert_int_equal(atomic_load(&segment_slot(&seg, SLOT)->state), SLOT_DEAD);
	keeper_took(&ops);
	assert_int_equal(burial_finish(&seg, SLOT, gen, false, 9000), 0);
	assert_int_equal(last(&ops, full).type, RING_GEN_OVER);
	keeper_took(&ops);
}

/* Nobody empties the keeper's own operation ring: its successor must come all the same, however often. */
static void the_keeper_is_buried_without_waiting(void **state)
{
	struct ring bcast, ops;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint32_t gen = begin_life(&bcast, &ops);

		burial_begin(&seg, SLOT, gen, 10000);
		assert_int_equal(burial_finish(&seg, SLOT, gen, true, 10000), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(marks_both_rings),
	    cmocka_unit_test(a_half_written_record_is_padded),
	    cmocka_unit_test(waits_for_the_keeper),
	    cmocka_unit_test(the_keeper_is_buried_without_waiting),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
