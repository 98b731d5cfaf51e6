/* t_ring.c - the ring by itself: lengths, wraps, room, stamps, what is refused.  Interleavings are in t_ring_steps.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/ring_fixture.h"

#define SIZE 4096u

static struct ring_shm *shm;
static struct ring w, r; /* the owner's view and a reader's */

static int open_ring(void **state)
{
	(void)state;
	shm = fixture_ring(SIZE);
	if (ring_attach(&w, shm) || ring_attach(&r, shm))
		return -1;
	ring_own(&w, 3);
	return 0;
}

static int close_ring(void **state)
{
	(void)state;
	free(shm);
	return 0;
}

/* Reads the record at *POS over padding, checks that it is SERIAL's with N bytes, and moves *POS behind it. */
static void expect(uint64_t *pos, uint64_t serial, size_t n)
{
	struct ring_head h;
	uint8_t buf[SIZE];

	do {
		assert_true(*pos < ring_tail(&r));
		assert_int_equal(ring_peek(&r, *pos, &h), 1);
		if (h.type == RING_PAD)
			*pos = ring_next(*pos, &h);
	} while (h.type == RING_PAD);
	assert_int_equal(h.type, RING_DATA);
	assert_int_equal(h.gen, 3);
	assert_int_equal(h.pos, *pos);
	assert_int_equal(h.stamp, serial);
	assert_int_equal(h.len, sizeof h + n);
	memset(buf, 0x77, sizeof buf);
	assert_int_equal(ring_copy(&r, *pos, &h, buf), 0);
	assert_true(payload_is(buf, n, serial));
	assert_int_equal(buf[n], 0x77); /* not a byte more */
	*pos = ring_next(*pos, &h);
}

/* Every length, which also meets the end of the buffer in every way that there is. */
static void every_length(void **state)
{
	uint64_t pos = 0, serial = 1;

	(void)state;
	assert_int_equal(ring_payload_max(&w), SIZE / 8 - 32);
	for (int round = 0; round < 3; round++) {
		for (size_t n = 0; n <= ring_payload_max(&w); n++, serial++) {
			uint64_t cost = ring_cost(&w, n), tail = w.tail;

			assert_true(publish_serial(&w, serial, n) >= (int64_t)tail);
			assert_int_equal(w.tail, tail + cost);
			assert_int_equal(ring_tail(&r), w.tail);
			assert_int_equal(w.tail % RING_ALIGN, 0);
			expect(&pos, serial, n);
			assert_int_equal(pos, w.tail);
		}
	}
	assert_true(w.tail > 100 * SIZE);
}

/* The pieces of a message may be cut anywhere. */
static void every_cut(void **state)
{
	uint8_t buf[40];
	uint64_t pos = 0, serial = 1;

	(void)state;
	for (size_t a = 0; a <= sizeof buf; a++) {
		for (size_t b = a; b <= sizeof buf; b++, serial++) {
			struct iovec iov[4] = {{buf, a}, {buf + a, b - a}, {NULL, 0}, {buf + b, sizeof buf - b}};

			payload_fill(buf, sizeof buf, serial);
			assert_true(ring_publish(&w, RING_DATA, 0, iov, 4, serial) >= 0);
			expect(&pos, serial, sizeof buf);
		}
	}
}

static void part_of_a_payload(void **state)
{
	struct ring_head h;
	uint8_t want[100], got[101];

	(void)state;
	payload_fill(want, sizeof want, 9);
	assert_int_equal(publish_serial(&w, 9, sizeof want), 0);
	assert_int_equal(ring_peek(&r, 0, &h), 1);
	for (size_t n = 0; n <= 120; n++) {
		size_t most = n < sizeof want ? n : sizeof want;

		memset(got, 0x77, sizeof got);
		assert_int_equal(ring_copy_part(&r, 0, &h, got, n), 0);
		assert_memory_equal(got, want, most);
		assert_int_equal(got[most], 0x77);
	}
}

static void too_long(void **state)
{
	uint8_t buf[SIZE] = {0};
	struct iovec iov[2] = {{buf, ring_payload_max(&w) + 1}, {buf, 1}};

	(void)state;
	assert_int_equal(ring_publish(&w, RING_DATA, 0, iov, 1, 1), -EMSGSIZE);
	iov[0].iov_len = ring_payload_max(&w);
	assert_int_equal(ring_publish(&w, RING_DATA, 0, iov, 2, 1), -EMSGSIZE);
	iov[1].iov_len = SIZE_MAX; /* the sum would wrap */
	assert_int_equal(ring_publish(&w, RING_DATA, 0, iov, 2, 1), -EMSGSIZE);
	assert_int_equal(shm->claim, 0);
	assert_int_equal(shm->tail, 0);
	assert_int_equal(ring_publish(&w, RING_DATA, 0, iov, 1, 1), 0);
}

/* Whatever is published with ring_room()'s leave, the reader at the limit has lost nothing. */
static void room(void **state)
{
	uint64_t serial = 1;
	unsigned refused = 0;

	(void)state;
	for (unsigned round = 0; round < 400; round++, serial++) {
		uint64_t limit = w.tail, pos = limit;
		size_t n[200];
		unsigned k = 0;

		/* Fill up to the limit with lengths that differ from round to round. */
		for (;; k++) {
			n[k] = (round * 37 + k * k * 11) % (ring_payload_max(&w) + 1);
			if (!ring_room(&w, ring_cost(&w, n[k]), limit))
				break;
			publish_serial(&w, serial + k, n[k]);
			assert_true(ring_intact(&r, limit));
		}
		refused++;
		for (unsigned i = 0; i < k; i++)
			expect(&pos, serial + i, n[i]);
		/* What was refused would have cost the reader its record. */
		publish_serial(&w, serial + k, n[k]);
		assert_false(ring_intact(&r, limit));
		serial += k;
	}
	assert_int_equal(refused, 400);
}

static void stamps_never_fall(void **state)
{
	struct ring_head h;
	uint64_t pos = 0;
	static const uint64_t now[] = {500, 400, 501, 0}, want[] = {500, 500, 501, 501};

	(void)state;
	for (int i = 0; i < 4; i++) {
		int64_t at = ring_publish(&w, RING_DATA, 7, NULL, 0, now[i]);

		assert_int_equal(at, pos);
		assert_int_equal(ring_peek(&r, pos, &h), 1);
		assert_int_equal(h.stamp, want[i]);
		assert_int_equal(h.flags, 7);
		pos = ring_next(pos, &h);
	}
	/* Nor across lives. */
	ring_attach(&w, shm);
	ring_own(&w, 4);
	assert_int_equal(ring_publish(&w, RING_GEN_OVER, 0, NULL, 0, 7), pos);
	assert_int_equal(ring_peek(&r, pos, &h), 1);
	assert_int_equal(h.stamp, 501);
	assert_int_equal(h.gen, 4);
	assert_int_equal(h.type, RING_GEN_OVER);
}

static void lapped(void **state)
{
	struct ring_head h, first;
	uint8_t buf[SIZE];

	(void)state;
	publish_serial(&w, 1, 64);
	assert_int_equal(ring_peek(&r, 0, &first), 1);
	while (w.tail + 96 <= SIZE)
		publish_serial(&w, 2, 64);
	assert_int_equal(ring_peek(&r, 0, &h), 1);
	assert_int_equal(ring_copy(&r, 0, &first, buf), 0);
	publish_serial(&w, 3, 64);
	assert_int_equal(ring_peek(&r, 0, &h), RING_LAPPED);
	assert_int_equal(ring_copy(&r, 0, &first, buf), RING_LAPPED);
	assert_int_equal(ring_copy_part(&r, 0, &first, buf, 1), RING_LAPPED);
	assert_false(ring_intact(&r, 0));
	for (int i = 0; i < 1000; i++)
		publish_serial(&w, 4, 100);
	assert_int_equal(ring_peek(&r, 0, &h), RING_LAPPED);
}

/* A head with any bit changed, at any place of the lap, is not believed. */
static void changed_heads(void **state)
{
	uint64_t pos = 0;
	struct ring_head h;

	(void)state;
	for (int i = 0; i < 12; i++)
		publish_serial(&w, (uint64_t)i, 200);
	for (; pos < w.tail; pos = ring_next(pos, &h)) {
		uint8_t *p = w.data + pos;

		for (size_t bit = 0; bit < sizeof h * 8; bit++) {
			p[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(ring_peek(&r, pos, &h), RING_BAD);
			p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		assert_int_equal(ring_peek(&r, pos, &h), 1);
	}
}

/* Heads whose check is right and whose contents are not: what a binary with another idea of the ring would write. */
static void impossible_heads(void **state)
{
	struct ring_head h, good;
	struct ring forged;
	struct ring_shm *other = fixture_ring(4 * SIZE);
	struct iovec iov = {.iov_base = w.data, .iov_len = 2 * SIZE / 8};

	(void)state;
	/* A record longer than an eighth of this ring, published into one of four times the size, has a valid check. */
	assert_int_equal(ring_attach(&forged, other), 0);
	ring_own(&forged, 3);
	assert_int_equal(ring_publish(&forged, RING_DATA, 0, &iov, 1, 1), 0);
	memcpy(w.data, forged.data, sizeof h);
	shm->claim = shm->tail = SIZE;
	assert_int_equal(ring_peek(&r, 0, &h), RING_BAD);
	/* One that reaches beyond the tail. */
	free(other);
	close_ring(state);
	open_ring(state);
	publish_serial(&w, 1, 200);
	assert_int_equal(ring_peek(&r, 0, &good), 1);
	shm->tail = 32;
	assert_int_equal(ring_peek(&r, 0, &h), RING_BAD);
	shm->tail = w.tail;
	/* A type that does not exist. */
	w.tail = 0;
	w.stamp = 0;
	ring_publish(&w, 3, 0, NULL, 0, 1);
	assert_int_equal(ring_peek(&r, 0, &h), RING_BAD);
}

static void off_a_boundary(void **state)
{
	struct ring_head h;
	uint8_t fake[sizeof h * 4];
	struct iovec iov = {.iov_base = fake, .iov_len = sizeof fake};

	(void)state;
	/* A payload that holds the heads of real records does not make its own bytes records. */
	publish_serial(&w, 1, 200);
	for (size_t i = 0; i < sizeof fake; i += sizeof h)
		memcpy(fake + i, w.data, sizeof h);
	ring_publish(&w, RING_DATA, 0, &iov, 1, 2);
	for (uint64_t pos = 0; pos < 3 * SIZE; pos++) {
		int rc = ring_peek(&r, pos, &h);

		assert_int_equal(rc, pos == 0 || pos == 256 ? 1 : RING_BAD);
	}
	/* Far beyond the tail, and before the first lap. */
	assert_int_equal(ring_peek(&r, UINT64_C(1) << 60, &h), RING_BAD);
	assert_int_equal(ring_peek(&r, UINT64_MAX - 31, &h), RING_BAD);
}

static void attach_refuses(void **state)
{
	static const uint64_t sizes[] = {0, 2048, SIZE + 1, 3 * SIZE, UINT64_C(1) << 32};
	struct ring x;

	(void)state;
	shm->layout++;
	assert_int_equal(ring_attach(&x, shm), -EPROTO);
	shm->layout--;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		shm->size = sizes[i];
		assert_int_equal(ring_attach(&x, shm), -EPROTO);
	}
	shm->size = SIZE;
	assert_int_equal(ring_attach(&x, shm), 0);
}

/* Who owns a ring that was not repaired would vouch for a dead owner's bytes. */
static void owning_unrepaired(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	shm->claim = 96;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		fclose(stderr);
		ring_own(&w, 4);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_int_equal(ring_repair(shm), 96);
	ring_own(&w, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(every_length, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(every_cut, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(part_of_a_payload, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(too_long, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(room, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(stamps_never_fall, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(lapped, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(changed_heads, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(impossible_heads, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(off_a_boundary, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(attach_refuses, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(owning_unrepaired, open_ring, close_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
