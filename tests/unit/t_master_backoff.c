/* t_master_backoff.c - when a dead process comes back, and when a silent one is given up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "master/backoff.h"
#include "master/watchdog.h"

static void doubles_to_five_seconds(void **state)
{
	static const uint64_t want_ms[] = {0, 50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
	struct backoff b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(want_ms) / sizeof(want_ms[0]); i++)
		assert_int_equal(backoff_next(&b, 10 * TICK_MS) / TICK_MS, want_ms[i]);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(backoff_next(&b, 0), BACKOFF_MAX);
}

static void long_life_starts_anew(void **state)
{
	struct backoff b = {0};

	(void)state;
	for (int i = 0; i < 6; i++)
		backoff_next(&b, BACKOFF_LIFE - 1);
	assert_int_equal(backoff_next(&b, BACKOFF_LIFE), 0);
	assert_int_equal(backoff_next(&b, BACKOFF_LIFE - 1), BACKOFF_FIRST);
	assert_int_equal(backoff_next(&b, BACKOFF_LIFE), 0);
}

/* A round every 100 ms from FROM to TO: a master that is running. */
static void rounds(struct watchdog *w, uint64_t from, uint64_t to)
{
	for (uint64_t t = from; t <= to; t += 100 * TICK_MS)
		watchdog_round(w, t);
}

static void silent_after_the_limit(void **state)
{
	const uint64_t t0 = 1000 * TICK_SEC;
	struct watchdog w;
	struct slot s = {0};

	(void)state;
	watchdog_init(&w, 2 * TICK_SEC, t0);
	slot_open(&s, SLOT_ROLE_WORKER, 0, t0);
	slot_ready(&s);
	slot_beat(&s, t0 + TICK_SEC);
	rounds(&w, t0, t0 + 4 * TICK_SEC);
	assert_false(watchdog_silent(&w, &s, t0, t0 + 3 * TICK_SEC));
	assert_true(watchdog_silent(&w, &s, t0, t0 + 3 * TICK_SEC + 1));
	assert_int_equal(watchdog_age(&s, t0, t0 + 3 * TICK_SEC), 2 * TICK_SEC);
	/* A draining process has to beat too. */
	slot_drain(&s);
	assert_true(watchdog_silent(&w, &s, t0, t0 + 4 * TICK_SEC));
}

static void starting_gets_ten_seconds(void **state)
{
	const uint64_t t0 = 1000 * TICK_SEC;
	struct watchdog w;
	struct slot s = {0};

	(void)state;
	watchdog_init(&w, 2 * TICK_SEC, t0);
	slot_open(&s, SLOT_ROLE_WORKER, 0, t0);
	rounds(&w, t0, t0 + 11 * TICK_SEC);
	assert_false(watchdog_silent(&w, &s, t0, t0 + 10 * TICK_SEC));
	assert_true(watchdog_silent(&w, &s, t0, t0 + 10 * TICK_SEC + 1));
}

static void beats_of_an_earlier_life_do_not_count(void **state)
{
	struct slot s = {0};

	(void)state;
	slot_beat(&s, 5 * TICK_SEC);
	assert_int_equal(watchdog_age(&s, 9 * TICK_SEC, 10 * TICK_SEC), TICK_SEC);
	/* Stamps of another processor may be a little ahead. */
	slot_beat(&s, 11 * TICK_SEC);
	assert_int_equal(watchdog_age(&s, 9 * TICK_SEC, 10 * TICK_SEC), 0);
}

static void a_master_that_was_away_judges_nobody(void **state)
{
	const uint64_t t0 = 1000 * TICK_SEC, back = t0 + 60 * TICK_SEC;
	struct watchdog w;
	struct slot s = {0};

	(void)state;
	watchdog_init(&w, 2 * TICK_SEC, t0);
	slot_open(&s, SLOT_ROLE_WORKER, 0, t0);
	slot_ready(&s);
	watchdog_round(&w, back);
	assert_false(watchdog_silent(&w, &s, t0, back));
	/* Whoever is still silent a term later was not held up with the master. */
	rounds(&w, back, back + 2 * TICK_SEC);
	assert_true(watchdog_silent(&w, &s, t0, back + 2 * TICK_SEC));
}

static void interval_fits_the_limit(void **state)
{
	struct watchdog w;

	(void)state;
	watchdog_init(&w, 200 * TICK_MS, 0);
	assert_int_equal(watchdog_interval(&w), 25 * TICK_MS);
	watchdog_init(&w, 60 * TICK_SEC, 0);
	assert_int_equal(watchdog_interval(&w), 250 * TICK_MS);
	watchdog_init(&w, 0, 0);
	assert_int_equal(watchdog_interval(&w), 250 * TICK_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(doubles_to_five_seconds),
	    cmocka_unit_test(long_life_starts_anew),
	    cmocka_unit_test(silent_after_the_limit),
	    cmocka_unit_test(starting_gets_ten_seconds),
	    cmocka_unit_test(beats_of_an_earlier_life_do_not_count),
	    cmocka_unit_test(a_master_that_was_away_judges_nobody),
	    cmocka_unit_test(interval_fits_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
