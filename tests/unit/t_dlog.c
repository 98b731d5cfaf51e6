/*
 * t_dlog.c - the delivery log: what was appended comes back in order, a turn is there as a whole or not at all, and
 * the positions of all rings are found again from any turn's end that the log still reaches.
 *
 * Seen red: dlog_repair() that lowers the claim (dead_between_steps), dlog_read() without the lap check (laps), a claim
 * stored after its word (read_while_written, in one run of five; the single-stepped torture test each time), runs
 * joined across a turn (joined_runs), no vector in dlog_turn() (positions_again), idle turns written (entries).
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm/dlog.h"
#include "shm/ring.h"

#define WORDS (DLOG_MIN / 8)

static struct dlog_shm *shm;
static struct dlog d, reader;

static int open_log(void **state)
{
	(void)state;
	shm = aligned_alloc(64, dlog_footprint(DLOG_MIN));
	if (!shm)
		return -1;
	memset((void *)shm, 0xa5, dlog_footprint(DLOG_MIN));
	dlog_format(shm, DLOG_MIN);
	return dlog_attach(&d, shm) || dlog_attach(&reader, shm);
}

static int close_log(void **state)
{
	(void)state;
	free(shm);
	return 0;
}

static void expect(uint64_t *pos, enum dlog_kind kind, unsigned ring, uint64_t value)
{
	struct dlog_entry e;

	assert_true(*pos < dlog_tail(&reader));
	assert_int_equal(dlog_read(&reader, (*pos)++, &e), 1);
	assert_int_equal(e.kind, kind);
	assert_int_equal(e.ring, ring);
	assert_true(e.pos == value);
}

static void entries(void **state)
{
	static const uint64_t at[] = {0, UINT64_C(0x0123456789abcd) * RING_ALIGN, 96};
	uint64_t pos = 0;
	struct dlog_entry e;

	(void)state;
	dlog_begin(&d, 7, at, 3);
	expect(&pos, DLOG_GEN, 0, 7);
	expect(&pos, DLOG_VECTOR, 0, 3);
	for (unsigned i = 0; i < 3; i++)
		expect(&pos, DLOG_AT, i, at[i]);
	assert_int_equal(pos, dlog_tail(&reader));
	assert_int_equal(dlog_read(&reader, pos, &e), -1); /* nothing there yet */

	dlog_run(&d, 2, 128);
	dlog_gap(&d, 255, 4096);
	assert_int_equal(dlog_tail(&reader), pos); /* not before the turn ends */
	assert_int_equal(dlog_read(&reader, pos, &e), -1);
	dlog_turn(&d, UINT64_C(123456789012), at, 3);
	expect(&pos, DLOG_RUN, 2, 128);
	expect(&pos, DLOG_GAP, 255, 0);
	expect(&pos, DLOG_AT, 255, 4096);
	expect(&pos, DLOG_TURN, 0, UINT64_C(123456789012) & ~UINT64_C(255));
	assert_int_equal(pos, dlog_tail(&reader));
	dlog_turn(&d, UINT64_C(123456999999), at, 3); /* an idle turn */
	assert_int_equal(pos, dlog_tail(&reader));
	assert_int_equal(dlog_head(&reader), 0);
}

static void joined_runs(void **state)
{
	static const uint64_t at[2];
	uint64_t pos = 2;

	(void)state;
	dlog_begin(&d, 1, at, 0);
	for (uint64_t end = 32; end <= 320; end += 32)
		dlog_run(&d, 0, end);
	dlog_run(&d, 1, 64);
	dlog_run(&d, 0, 352);
	dlog_turn(&d, 256, at, 2);
	dlog_run(&d, 0, 384); /* a turn's records are its own */
	dlog_turn(&d, 512, at, 2);
	dlog_gap(&d, 0, 4000 * 32);
	dlog_run(&d, 0, 4001 * 32);
	dlog_turn(&d, 768, at, 2);
	expect(&pos, DLOG_RUN, 0, 320);
	expect(&pos, DLOG_RUN, 1, 64);
	expect(&pos, DLOG_RUN, 0, 352);
	expect(&pos, DLOG_TURN, 0, 256);
	expect(&pos, DLOG_RUN, 0, 384);
	expect(&pos, DLOG_TURN, 0, 512);
	expect(&pos, DLOG_GAP, 0, 0);
	expect(&pos, DLOG_AT, 0, 4000 * 32);
	expect(&pos, DLOG_RUN, 0, 4001 * 32);
	expect(&pos, DLOG_TURN, 0, 768);
	assert_int_equal(pos, dlog_tail(&reader));
}

/* Turns at random, with gaps, over many laps and lives; then every turn's end that is left is looked up. */
static void positions_again(void **state)
{
	enum { RINGS = 5, TURNS = 60000 };
	static uint64_t want[TURNS][RINGS], end[TURNS];
	uint64_t at[RINGS] = {0}, got[RINGS];
	unsigned found = 0, gone = 0;
	uint32_t rnd = 1;

	(void)state;
	dlog_begin(&d, 1, at, RINGS);
	for (unsigned t = 0; t < TURNS; t++) {
		rnd = rnd * 1664525 + 1013904223;
		for (unsigned k = 0; k < 1 + (rnd >> 10) % 4; k++) {
			unsigned ring = (rnd >> (12 + 2 * k)) % RINGS;

			at[ring] += RING_ALIGN * (1 + (rnd >> 20) % 9);
			if (rnd % 97 == 0)
				dlog_gap(&d, ring, at[ring]);
			else
				dlog_run(&d, ring, at[ring]);
		}
		dlog_turn(&d, t * 256, at, RINGS);
		memcpy(want[t], at, sizeof at);
		end[t] = dlog_tail(&d);
		if (t % 20000 == 19999) { /* a new life, whose rings stand elsewhere */
			assert_int_equal(dlog_attach(&d, shm), 0);
			for (unsigned i = 0; i < RINGS; i++)
				at[i] += RING_ALIGN * 1000;
			dlog_begin(&d, 2 + t / 20000, at, RINGS);
		}
	}
	assert_true(dlog_tail(&d) > 4 * WORDS);
	for (unsigned t = 0; t < TURNS; t++) {
		int rc = dlog_positions(&reader, end[t], got, RINGS);

		if (rc == 1) {
			assert_memory_equal(got, want[t], sizeof got);
			found++;
		} else {
			assert_int_equal(rc, 0);
			assert_int_equal(found, 0); /* it is the oldest that are gone */
			gone++;
		}
	}
	/* A vector every DLOG_VECTOR_EVERY words: no more than that many words of the log are out of reach. */
	assert_true(gone > 0);
	assert_true(end[TURNS - found] - dlog_head(&reader) <= DLOG_VECTOR_EVERY + 32);
	/* A position in the middle of the first words of the log has nothing to start from. */
	assert_int_equal(dlog_positions(&reader, 0, got, RINGS), 0);
}

/* A reader of any entry at any time gets that entry or is told that it is gone. */
static void laps(void **state)
{
	uint64_t at[1] = {0};
	struct dlog_entry e;

	(void)state;
	dlog_begin(&d, 1, at, 1);
	while (dlog_tail(&d) < 3 * WORDS) {
		/* RUN and TURN carry their own positions. */
		dlog_run(&d, 3, (d.tail & ~UINT64_C(1)) * RING_ALIGN);
		dlog_turn(&d, d.tail * 256, at, 1);
	}
	for (uint64_t pos = 0; pos < dlog_tail(&d); pos++) {
		int rc = dlog_read(&reader, pos, &e);

		assert_int_equal(rc, pos >= dlog_head(&reader) ? 1 : 0);
		if (rc == 1 && e.kind == DLOG_TURN)
			assert_int_equal(e.pos, pos * 256);
	}
	assert_int_equal(dlog_head(&reader), dlog_tail(&d) - WORDS);
}

/*
 * A turn's stores, made one by one: claims and words interleave, the tail comes last.  After each the owner dies, the
 * master repairs, and a successor begins: the turn is not there, what was before it is, and nothing old is vouched for.
 */
static void dead_between_steps(void **state)
{
	uint64_t at[2] = {0, 0}, got[2];
	struct dlog_entry e;

	(void)state;
	for (unsigned k = 0; k <= 8; k++) {
		uint64_t tail, claimed = k / 2 + k % 2;

		close_log(state);
		open_log(state);
		at[0] = at[1] = 0;
		dlog_begin(&d, 1, at, 2);
		while (dlog_tail(&d) < WORDS + 50) {
			at[0] += RING_ALIGN;
			dlog_run(&d, 0, at[0]);
			dlog_turn(&d, d.tail * 256, at, 2);
		}
		tail = dlog_tail(&d);
		/* Stores 1, 3, 5, 7 are claims, 2, 4, 6, 8 words: runs of two rings in turn. */
		for (unsigned s = 1; s <= k; s++) {
			if (s % 2)
				shm->claim = tail + (s + 1) / 2;
			else
				d.words[(tail + s / 2 - 1) & (WORDS - 1)] = UINT64_C(0x1) << 60 | 0x777;
		}
		assert_int_equal(dlog_repair(shm), claimed);
		assert_int_equal(dlog_tail(&reader), tail + claimed);
		for (uint64_t pos = tail; pos < tail + claimed; pos++) {
			assert_int_equal(dlog_read(&reader, pos, &e), 1);
			assert_int_equal(e.kind, DLOG_PAD);
		}
		if (claimed > 0) /* the words that those went over */
			assert_int_equal(dlog_read(&reader, tail + claimed - 1 - WORDS, &e), 0);
		assert_int_equal(dlog_read(&reader, tail + claimed - WORDS, &e), 1);
		assert_int_equal(dlog_positions(&reader, tail + claimed, got, 2), 1);
		assert_memory_equal(got, at, sizeof got);
		assert_int_equal(dlog_repair(shm), 0);

		assert_int_equal(dlog_attach(&d, shm), 0);
		at[1] = 640;
		dlog_begin(&d, 2, at, 2);
		at[1] = 672;
		dlog_run(&d, 1, at[1]);
		dlog_turn(&d, 5, at, 2);
		assert_int_equal(dlog_positions(&reader, dlog_tail(&reader), got, 2), 1);
		assert_memory_equal(got, at, sizeof got);
	}
}

static void nonsense(void **state)
{
	uint64_t at[1] = {0};
	struct dlog_entry e;

	(void)state;
	dlog_begin(&d, 1, at, 1);
	shm->claim = 0; /* below the tail */
	assert_int_equal(dlog_repair(shm), WORDS);
	assert_int_equal(dlog_read(&reader, 0, &e), 0);
	assert_int_equal(dlog_positions(&reader, dlog_tail(&reader), at, 1), 0);
	/* A kind that does not exist, and a vector of more rings than there are. */
	d.words[5] = UINT64_C(0xf) << 60;
	d.words[6] = UINT64_C(2) << 60 | 300;
	assert_int_equal(dlog_read(&reader, WORDS + 5 - WORDS * (dlog_head(&reader) <= 5), &e), -1);
	assert_int_equal(dlog_read(&reader, WORDS + 6 - WORDS * (dlog_head(&reader) <= 6), &e), -1);

	shm->layout++;
	assert_int_equal(dlog_attach(&d, shm), -EPROTO);
	shm->layout--;
	shm->size = 1000;
	assert_int_equal(dlog_attach(&d, shm), -EPROTO);
}

static _Atomic bool over;

/* Reads near the log's head while it is written: each RUN and TURN tells where it belongs. */
static void *read_about(void *arg)
{
	_Atomic uint64_t *turns = arg;
	uint64_t tail;
	struct dlog_entry e;
	struct dlog mine;

	if (dlog_attach(&mine, shm))
		return (void *)(uintptr_t) "attach";
	while (!atomic_load_explicit(&over, memory_order_acquire)) {
		tail = dlog_tail(&mine);
		for (uint64_t pos = dlog_head(&mine); pos < tail && pos < dlog_head(&mine) + 2; pos++) {
			int rc = dlog_read(&mine, pos, &e);

			if (rc < 0)
				return (void *)(uintptr_t) "malformed";
			if (rc == 1 && e.kind == DLOG_TURN) {
				if (e.pos != pos * 256)
					return (void *)(uintptr_t) "an entry of another lap";
				++*turns;
			}
		}
	}
	return NULL;
}

static void read_while_written(void **state)
{
	_Atomic uint64_t turns[2] = {0, 0};
	uint64_t at[1] = {0};
	pthread_t t[2];
	void *why;

	(void)state;
	over = false;
	dlog_begin(&d, 1, at, 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, read_about, &turns[i]), 0);
	while (d.tail < 60 * WORDS || turns[0] == 0 || turns[1] == 0) {
		dlog_run(&d, 3, d.tail * RING_ALIGN);
		dlog_turn(&d, d.tail * 256, at, 1);
	}
	atomic_store_explicit(&over, true, memory_order_release);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(t[i], &why), 0);
		assert_null(why);
		assert_true(turns[i] > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(entries, open_log, close_log),
	    cmocka_unit_test_setup_teardown(joined_runs, open_log, close_log),
	    cmocka_unit_test_setup_teardown(positions_again, open_log, close_log),
	    cmocka_unit_test_setup_teardown(laps, open_log, close_log),
	    cmocka_unit_test_setup_teardown(dead_between_steps, open_log, close_log),
	    cmocka_unit_test_setup_teardown(read_while_written, open_log, close_log),
	    cmocka_unit_test_setup_teardown(nonsense, open_log, close_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
