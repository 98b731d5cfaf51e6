/*
 * t_alarm.c - the heap of alarms against a plain list, and the queues of one interval.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>

#include "worker/alarm.h"
#include "worker/timeq.h"

#define OBJECTS 500

struct object {
	uint32_t place;
	uint64_t due; /* 0: none set */
	unsigned rang;
};

static uint64_t last_due;

static void ring(void *arg)
{
	struct object *o = arg;

	assert_true(o->due >= last_due);
	last_due = o->due;
	o->due = 0;
	o->rang++;
}

static void random_sets_and_clears_match_a_list(void **state)
{
	static struct object obj[OBJECTS];
	struct alarms a = {.n = 0};
	uint64_t now = 0;

	(void)state;
	srand(7);
	for (int step = 0; step < 200000; step++) {
		struct object *o = &obj[rand() % OBJECTS];
		uint64_t first = UINT64_MAX;

		switch (rand() % 4) {
		case 0:
		case 1:
			o->due = now + 1 + (uint64_t)(rand() % 1000);
			alarm_set(&a, &o->place, ring, o, o->due);
			break;
		case 2:
			o->due = 0;
			alarm_clear(&a, &o->place);
			break;
		default:
			now += (uint64_t)(rand() % 20);
			last_due = 0;
			alarms_run(&a, now);
			break;
		}
		if (step % 97 != 0)
			continue;
		for (int i = 0; i < OBJECTS; i++) {
			assert_int_equal(obj[i].place != 0, obj[i].due != 0);
			if (obj[i].due != 0 && obj[i].due < first)
				first = obj[i].due;
		}
		assert_true(alarm_next(&a) == first);
	}
	free(a.heap);
}

static void other(void *arg)
{
	*(unsigned *)arg += 1;
}

static void setting_again_changes_whom_it_calls(void **state)
{
	struct object o = {.due = 5};
	struct alarms a = {.n = 0};
	unsigned rang = 0;

	(void)state;
	alarm_set(&a, &o.place, ring, &o, 5);
	alarm_set(&a, &o.place, other, &rang, 6);
	alarms_run(&a, 10);
	assert_int_equal(o.rang, 0);
	assert_int_equal(rang, 1);
	free(a.heap);
}

static void entering_again_moves_to_the_end(void **state)
{
	struct timed t[3] = {{0}};
	struct timeq q;

	(void)state;
	timeq_init(&q, 100);
	assert_true(timeq_next(&q) == UINT64_MAX);
	for (unsigned i = 0; i < 3; i++)
		timeq_enter(&q, &t[i], i);
	timeq_enter(&q, &t[0], 10);
	assert_int_equal(timeq_next(&q), 101);
	assert_null(timeq_due(&q, 100));
	assert_ptr_equal(timeq_due(&q, 200), &t[1]);
	timed_leave(&t[2]);
	assert_false(timed_queued(&t[2]));
	assert_ptr_equal(timeq_due(&q, 200), &t[0]);
	assert_null(timeq_due(&q, UINT64_MAX - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sets_and_clears_match_a_list),
		cmocka_unit_test(setting_again_changes_whom_it_calls),
		cmocka_unit_test(entering_again_moves_to_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
