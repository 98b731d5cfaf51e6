/*
 * t_ring_threads.c - one owner and several readers at once, in one address space so that the thread sanitizer sees
 * all: one reader that keeps up when it can, one that is slow and gets lapped, and one that rides the edge: it copies
 * a record just when the owner is about to claim it, so that many of its copies are torn and must be dropped.
 *
 * Seen red: without the lap check of ring_copy_part() or of ring_peek(), with the claim stored after the words, with
 * the tail stored before them, and with plain instead of atomic words (thread sanitizer).  What cannot be seen red on
 * x86 is a missing W2 fence: it is a constraint for the compiler only, which happens not to use the freedom.
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

#include "tests/unit/ring_fixture.h"
#include "tests/unit/segment_fixture.h"

#define SIZE    (UINT64_C(1) << 14)
#define RECORDS 300000u
#define PAYLOAD 900u

enum manner { EAGER, SLOW, EDGE, NREADERS };

struct reader {
	struct ring_shm *shm;
	_Atomic bool *over;
	enum manner manner;
	const char *why; /* NULL: nothing wrong */
	uint64_t read, lapped, torn;
};

static void dawdle(const struct reader *rd, const struct ring *r, uint64_t pos)
{
	if (rd->manner == SLOW && pos % 4096 < 512)
		for (int i = 0; i < 20; i++)
			sched_yield();
	/* Until the record is about to be claimed, or nobody will any more. */
	if (rd->manner == EDGE)
		for (unsigned i = 0; atomic_load_explicit(&r->shm->claim, memory_order_relaxed) - pos < SIZE - 600 &&
		     !atomic_load_explicit(rd->over, memory_order_relaxed);
		     i++)
			if (i % 4096 == 4095)
				sched_yield();
}

static void *read_along(void *arg)
{
	struct reader *rd = arg;
	struct ring r;
	struct ring_head h;
	uint8_t buf[PAYLOAD + 8];
	uint64_t pos = 0, last = 0;
	int rc = ring_attach(&r, rd->shm);

	while (rc == 0) {
		bool over = atomic_load_explicit(rd->over, memory_order_acquire);

		if (pos == ring_tail(&r)) {
			if (over)
				return NULL;
			sched_yield();
			continue;
		}
		rc = ring_peek(&r, pos, &h);
		if (rc == 1 && h.type == RING_DATA) {
			dawdle(rd, &r, pos);
			rc = ring_copy(&r, pos, &h, buf);
			if (rc == RING_LAPPED)
				rd->torn += !payload_is(buf, h.len - sizeof h, h.stamp);
			else
				rc = 1;
		}
		if (rc == RING_LAPPED) {
			rd->lapped++;
			pos = ring_tail(&r);
			last = 0;
			rc = 0;
			continue;
		}
		if (rc != 1) {
			rd->why = "a bad head";
			return NULL;
		}
		rc = 0;
		if (h.type == RING_DATA) {
			if (!payload_is(buf, h.len - sizeof h, h.stamp)) {
				rd->why = "a bad payload";
				return NULL;
			}
			if (last != 0 && h.stamp != last + 1) {
				rd->why = "a gap";
				return NULL;
			}
			last = h.stamp;
			rd->read++;
		}
		pos = ring_next(pos, &h);
	}
	rd->why = "not a ring";
	return NULL;
}

static void one_owner_many_readers(void **state)
{
	struct ring_shm *shm = fixture_ring(SIZE);
	struct reader rd[NREADERS];
	pthread_t t[NREADERS];
	_Atomic bool over = false;
	uint64_t until = fixture_now() + UINT64_C(8000000000);
	struct ring w;
	uint32_t rnd = 1;

	(void)state;
	assert_int_equal(ring_attach(&w, shm), 0);
	ring_own(&w, 1);
	for (int i = 0; i < NREADERS; i++) {
		rd[i] = (struct reader){.shm = shm, .over = &over, .manner = (enum manner)i};
		assert_int_equal(pthread_create(&t[i], NULL, read_along, &rd[i]), 0);
	}
	for (uint64_t serial = 1; serial <= RECORDS; serial++) {
		rnd = rnd * 1664525 + 1013904223;
		assert_true(publish_serial(&w, serial, (rnd >> 8) % PAYLOAD) >= 0);
		if (serial % 16 == 0)
			sched_yield();
		/* Enough on a machine that is busy with something else. */
		if (serial % 256 == 0 && fixture_now() > until)
			break;
	}
	atomic_store_explicit(&over, true, memory_order_release);
	for (int i = 0; i < NREADERS; i++) {
		assert_int_equal(pthread_join(t[i], NULL), 0);
		print_message("reader %d: %llu read, %llu laps, %llu torn copies dropped\n", i,
		    (unsigned long long)rd[i].read, (unsigned long long)rd[i].lapped, (unsigned long long)rd[i].torn);
	}
	for (int i = 0; i < NREADERS; i++) {
		if (rd[i].why)
			fail_msg("reader %d: %s", i, rd[i].why);
		assert_true(rd[i].read > 0);
	}
	/* Or nothing was tested. */
	assert_true(rd[SLOW].lapped > 0 && rd[EDGE].lapped > 0);
	free(shm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_owner_many_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
