/*
 * t_ring_steps.c - the ring between any two steps of its owner, and of the master that repairs it.
 *
 * A publish is a list of stores: the claim, the words in their order, the stamp, the tail.  The list is recorded once
 * from a publish into a copy of the ring; then the stores are made one by one, and at every point between them the
 * owner dies, or readers look.  Each scenario of start[] runs through all of it: a record in the middle of a lap, at
 * its exact end, behind padding of every kind, across the end, the smallest and the largest one.
 *
 * The order of the list is ring.h's (W1, W3, W4); that ring_publish() keeps to it is what t_ring_threads and the
 * single-stepped torture test show.
 *
 * Seen red: ring_repair() that lowers the claim instead, or pads across the end of the buffer, or believes a nonsense
 * claim (dead_between_steps, dead_while_repairing, nonsense); ring_peek() without the look at the tail (scribbled_gap)
 * or without the lap check (all); ring_copy_part() without it (reader_between_peek_and_copy); a lap check that is one
 * unit too late (reader_between_peek_and_copy); a claim that is short of the record (dead_between_steps).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ring_fixture.h"

#define SIZE      4096u
#define MAX_STEPS 4096u

struct step {
	size_t off; /* from the start of the shared part */
	uint64_t val;
};

struct script {
	struct step step[MAX_STEPS];
	unsigned n;
};

/* Where the ring stands before the publish under test: records of FILL bytes up to tail = AT, then one of LEN bytes. */
static const struct {
	uint64_t at;
	size_t fill, len;
} start[] = {
    {0, 64, 64},                         /* the first record of all */
    {1024, 32, 0},                       /* no payload */
    {2048, 224, 5},                      /* not a multiple of a word */
    {SIZE - 96, 32, 64},                 /* to the last byte */
    {SIZE - 32, 32, 0},                  /* a head fills the rest */
    {SIZE - 32, 32, 1},                  /* a PAD of one head, the record across the end */
    {SIZE - 64, 32, 200},                /* a PAD of two */
    {SIZE - 480, 32, SIZE / 8 - 32},     /* the largest record behind the largest PAD */
    {3 * SIZE + 512, 160, 100},          /* laps later */
    {7 * SIZE - 64, 224, SIZE / 8 - 32}, /* the same with a straddle */
};

#define NSTART (sizeof start / sizeof *start)

static struct ring_shm *shm; /* the ring under test */
static struct ring r;        /* a reader of it */
static struct script script;

static int open_ring(void **state)
{
	(void)state;
	return 0;
}

/* Serial of the record that starts at POS. */
static uint64_t serial_of(uint64_t pos)
{
	return pos / RING_ALIGN + 1;
}

static void publish_next(struct ring *w, size_t n)
{
	uint64_t need = (32 + n + 31) & ~UINT64_C(31), rest = SIZE - w->tail % SIZE;

	publish_serial(w, serial_of(w->tail + (need <= rest ? 0 : rest)), n);
}

/* A ring that stands where scenario I starts. */
static void stand_at(unsigned i)
{
	struct ring w;

	free(shm);
	shm = fixture_ring(SIZE);
	assert_int_equal(ring_attach(&w, shm), 0);
	assert_int_equal(ring_attach(&r, shm), 0);
	ring_own(&w, 1);
	while (w.tail < start[i].at) {
		uint64_t left = start[i].at - w.tail, cost = ring_cost(&w, start[i].fill);

		publish_next(&w, cost <= left ? start[i].fill : left - 32 < SIZE / 8 - 32 ? left - 32 : 0);
	}
	assert_int_equal(w.tail, start[i].at);
}

static uint64_t *word(struct ring_shm *s, size_t off)
{
	return (uint64_t *)(void *)((uint8_t *)s + off);
}

static void add_step(size_t off, const struct ring_shm *after)
{
	assert_true(script.n < MAX_STEPS);
	script.step[script.n].off = off;
	memcpy(&script.step[script.n++].val, (const uint8_t *)after + off, 8);
}

/* The words of data that differ between BEFORE and AFTER, in the order in which they are written from position POS on.
 */
static void add_words(const struct ring_shm *before, const struct ring_shm *after, uint64_t pos)
{
	for (size_t i = 0; i < SIZE; i += 8) {
		size_t off = sizeof *shm + (pos + i) % SIZE;

		if (memcmp((const uint8_t *)before + off, (const uint8_t *)after + off, 8) != 0)
			add_step(off, after);
	}
}

static struct ring_shm *copy_of(const struct ring_shm *s)
{
	struct ring_shm *c = fixture_ring(SIZE);

	memcpy((void *)c, (const void *)s, ring_footprint(SIZE));
	return c;
}

/* Records the stores of a publish of N bytes, appended to the script; the ring itself does not change. */
static void record_publish(const struct ring_shm *from, size_t n, struct ring_shm **to)
{
	struct ring_shm *after = copy_of(from);
	struct ring w;

	assert_int_equal(ring_attach(&w, after), 0);
	ring_own(&w, 1);
	publish_next(&w, n);
	add_step(offsetof(struct ring_shm, claim), after);
	add_words(from, after, from->tail);
	add_step(offsetof(struct ring_shm, stamp), after);
	add_step(offsetof(struct ring_shm, tail), after);
	*to = after;
}

static void make_step(unsigned k)
{
	*word(shm, script.step[k].off) = script.step[k].val;
}

/* Reads all records from POS on: each is there, is itself, and follows the one before.  Returns how many. */
static unsigned read_all(uint64_t pos)
{
	unsigned n = 0;

	while (pos < ring_tail(&r)) {
		struct ring_head h;
		uint8_t buf[SIZE];

		assert_int_equal(ring_peek(&r, pos, &h), 1);
		assert_true(h.type == RING_PAD || h.type == RING_DATA);
		if (h.type == RING_DATA) {
			assert_int_equal(ring_copy(&r, pos, &h, buf), 0);
			assert_true(payload_is(buf, h.len - sizeof h, serial_of(pos)));
			n++;
		}
		pos = ring_next(pos, &h);
	}
	assert_int_equal(pos, ring_tail(&r));
	return n;
}

/* The oldest record that a reader may still have. */
static uint64_t oldest(void)
{
	uint64_t pos = 0;
	struct ring_head h;

	if (shm->claim <= SIZE)
		return 0;
	/* Any boundary in the lap: those that are no record's start are told by their heads. */
	for (pos = shm->claim - SIZE; pos < shm->tail && ring_peek(&r, pos, &h) != 1; pos += RING_ALIGN)
		;
	return pos;
}

/* A reader at any position of the lap, record or not, gets the truth or nothing. */
static void look_everywhere(void)
{
	for (uint64_t pos = shm->tail > SIZE ? shm->tail - SIZE : 0; pos < shm->claim + SIZE; pos += RING_ALIGN) {
		struct ring_head h;
		uint8_t buf[SIZE];

		if (ring_peek(&r, pos, &h) != 1)
			continue;
		assert_true(pos < shm->tail && ring_next(pos, &h) <= shm->tail);
		assert_true(shm->claim - pos <= SIZE);
		if (h.type == RING_DATA) {
			assert_int_equal(ring_copy(&r, pos, &h, buf), 0);
			assert_true(payload_is(buf, h.len - sizeof h, serial_of(pos)));
		}
	}
}

/* Publishes laps behind what is there now, as a successor does, and reads along. */
static void successor_goes_on(void)
{
	struct ring w;

	assert_int_equal(ring_attach(&w, shm), 0);
	ring_own(&w, 2);
	for (size_t n = 0; n < 80; n++) {
		uint64_t pos = w.tail;

		publish_next(&w, n * 7 % (SIZE / 8 - 31));
		assert_int_equal(read_all(pos), 1);
		look_everywhere();
	}
	read_all(oldest());
}

/* The owner dies after any number of its stores; the master repairs, readers read on, a successor publishes on. */
static void dead_between_steps(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NSTART; i++) {
		struct ring_shm *after;
		unsigned steps;

		stand_at(i);
		script.n = 0;
		record_publish(shm, start[i].len, &after);
		steps = script.n;
		for (unsigned k = 0; k <= steps; k++) {
			uint64_t tail, gap, was;

			stand_at(i);
			for (unsigned s = 0; s < k; s++)
				make_step(s);
			tail = shm->tail;
			gap = shm->claim - tail;
			look_everywhere();
			was = read_all(oldest());
			assert_int_equal(ring_repair(shm), gap);
			assert_int_equal(shm->tail, tail + gap);
			assert_int_equal(shm->claim, shm->tail);
			look_everywhere();
			assert_int_equal(read_all(oldest()), was); /* the gap is padding, nothing else changed */
			assert_int_equal(read_all(tail), 0);
			assert_int_equal(ring_repair(shm), 0);
			if (k == 0 || k == steps)
				assert_int_equal(gap, 0);
			else
				assert_true(gap > 0);
			successor_goes_on();
		}
		free(after);
	}
}

/* The master dies while it repairs, too, after any number of its stores; whoever comes next repairs again. */
static void dead_while_repairing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NSTART; i++) {
		struct ring_shm *after, *repaired;
		unsigned steps;

		stand_at(i);
		script.n = 0;
		record_publish(shm, start[i].len, &after);
		steps = script.n;
		for (unsigned k = 1; k < steps; k++) {
			unsigned first;

			stand_at(i);
			script.n = steps;
			for (unsigned s = 0; s < k; s++)
				make_step(s);
			repaired = copy_of(shm);
			assert_true(ring_repair(repaired) > 0);
			first = script.n;
			add_words(shm, repaired, shm->tail);
			add_step(offsetof(struct ring_shm, tail), repaired);
			for (unsigned s = first; s < script.n; s++) {
				make_step(s);
				look_everywhere();
			}
			/* Now as far as this loop goes, then again from the start. */
			assert_int_equal(memcmp((void *)shm, (void *)repaired, ring_footprint(SIZE)), 0);
			for (unsigned upto = first; upto < script.n; upto++) {
				unsigned n = script.n;

				stand_at(i);
				for (unsigned s = 0; s < k; s++)
					make_step(s);
				for (unsigned s = first; s < upto; s++)
					make_step(s);
				ring_repair(shm);
				assert_int_equal(memcmp((void *)shm, (void *)repaired, ring_footprint(SIZE)), 0);
				script.n = n;
			}
			successor_goes_on();
			free(repaired);
		}
		free(after);
	}
}

/* Nothing between tail and claim is ever believed, however complete it is. */
static void scribbled_gap(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NSTART; i++) {
		struct ring_shm *after;

		stand_at(i);
		script.n = 0;
		record_publish(shm, start[i].len, &after);
		for (unsigned k = 0; k + 1 < script.n; k++) { /* all but the tail */
			struct ring_head h;

			make_step(k);
			for (uint64_t pos = shm->tail; pos < shm->claim + 2 * SIZE; pos += RING_ALIGN)
				assert_int_equal(ring_peek(&r, pos, &h), RING_BAD);
		}
		free(after);
	}
}

/* Publishes of two laps and more, store by store. */
static void record_laps(size_t n, struct ring_shm **end)
{
	struct ring_shm *from = copy_of(shm), *to;

	script.n = 0;
	for (uint64_t upto = shm->tail + 2 * SIZE; from->tail < upto;) {
		record_publish(from, n, &to);
		free(from);
		from = to;
	}
	*end = from;
}

/*
 * The protocol's promise in one line: while a record is intact, not one of its bytes has changed.  Any order in which a
 * reader loads words (R2) before it loads the claim (R4) is covered: had one word been of a later lap, the claim of
 * that lap would have been there before it.
 */
static void intact_means_unchanged(void **state)
{
	static const unsigned which[] = {0, 2, 5, 7, 9};

	(void)state;
	for (unsigned x = 0; x < sizeof which / sizeof *which; x++) {
		struct ring_shm *end, *before;
		unsigned intact = 0, gone = 0;
		uint64_t live[SIZE / RING_ALIGN];
		unsigned nlive = 0;

		stand_at(which[x]);
		record_laps(start[which[x]].len, &end);
		before = copy_of(shm);
		for (uint64_t pos = oldest(); pos < shm->tail;) {
			struct ring_head h;

			assert_int_equal(ring_peek(&r, pos, &h), 1);
			live[nlive++] = pos;
			pos = ring_next(pos, &h);
		}
		for (unsigned k = 0; k < script.n; k++) {
			make_step(k);
			for (unsigned i = 0; i < nlive; i++) {
				uint64_t pos = live[i], next = i + 1 < nlive ? live[i + 1] : before->tail;

				if (!ring_intact(&r, pos)) {
					gone++;
					continue;
				}
				intact++;
				assert_memory_equal(word(shm, sizeof *shm + pos % SIZE),
				    word(before, sizeof *shm + pos % SIZE), next - pos);
			}
		}
		if (nlive > 0)
			assert_true(intact > 0 && gone > 0);
		assert_int_equal(memcmp((void *)shm, (void *)end, ring_footprint(SIZE)), 0);
		free(before);
		free(end);
	}
}

/* A reader that peeks after I stores and copies after J of them, for all I <= J within a lap. */
static void reader_between_peek_and_copy(void **state)
{
	unsigned whole = 0, dropped = 0;
	struct ring_shm *end;

	(void)state;
	stand_at(8);
	record_laps(180, &end);
	for (unsigned i = 0; i < script.n; i += 3) {
		struct ring_head h;
		uint8_t buf[SIZE];
		uint64_t pos;

		stand_at(8);
		for (unsigned k = 0; k < i; k++)
			make_step(k);
		pos = oldest();
		if (ring_peek(&r, pos, &h) != 1 || h.type != RING_DATA)
			continue;
		for (unsigned j = i; j < script.n; j++) {
			if (ring_copy(&r, pos, &h, buf) == 0) {
				assert_true(payload_is(buf, h.len - sizeof h, serial_of(pos)));
				whole++;
			} else {
				dropped++;
			}
			look_everywhere();
			make_step(j);
			if (j > i + 200)
				break;
		}
	}
	assert_true(whole > 0 && dropped > 0);
	free(end);
}

/* A claim or a tail that no owner could have stored: repaired within the buffer, and told as lapped to everybody. */
static void nonsense(void **state)
{
	static const int64_t claims[] = {-32, -SIZE, 1, 31, SIZE + 32, 100 * SIZE, INT64_MAX, INT64_MIN};

	(void)state;
	for (unsigned i = 0; i < NSTART; i++) {
		for (size_t c = 0; c < sizeof claims / sizeof *claims; c++) {
			struct ring_head h;
			uint64_t tail;

			stand_at(i);
			tail = shm->tail;
			shm->claim = tail + (uint64_t)claims[c];
			assert_int_equal(ring_repair(shm), SIZE);
			assert_int_equal(shm->tail, tail + SIZE);
			assert_int_equal(shm->claim, shm->tail);
			if (tail > 0)
				assert_int_equal(ring_peek(&r, tail - 32, &h), RING_LAPPED);
			assert_int_equal(read_all(tail), 0);
			successor_goes_on();
		}
		/* A tail between two boundaries. */
		stand_at(i);
		shm->tail += 5;
		assert_int_equal(ring_repair(shm), SIZE);
		assert_int_equal(shm->tail % RING_ALIGN, 0);
		successor_goes_on();
	}
}

static int close_ring(void **state)
{
	(void)state;
	free(shm);
	shm = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(dead_between_steps, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(dead_while_repairing, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(scribbled_gap, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(intact_means_unchanged, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(reader_between_peek_and_copy, open_ring, close_ring),
	    cmocka_unit_test_setup_teardown(nonsense, open_ring, close_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
