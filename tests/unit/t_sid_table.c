/* t_sid_table.c - found when it is there, not found when it is not, through every growth and in a crowded chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/sid_table.h"

#define N 5000u

static struct sid_table t;
static struct sid_entry *entry;
static uint8_t seen[N];

static int setup(void **state)
{
	(void)state;
	entry = calloc(N, sizeof(*entry));
	memset(seen, 0, sizeof(seen));
	return sid_table_init(&t);
}

static int teardown(void **state)
{
	(void)state;
	free(entry);
	free(t.bucket);
	return 0;
}

static struct sid_entry *find(const struct sid_entry *e)
{
	return sid_table_find(&t, slice_make(e->text, SID_LEN));
}

static void count(struct sid_entry *e, void *arg)
{
	seen[e - entry]++;
	++*(unsigned *)arg;
}

static void grows(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		sid_make(entry[i].text, 1, 1);
		assert_null(find(&entry[i]));
		sid_table_add(&t, &entry[i]);
		assert_ptr_equal(find(&entry[i]), &entry[i]);
	}
	assert_int_equal(t.n, N);
	assert_true(t.nbuckets >= N / 2); /* chains stay short */
	for (unsigned i = 0; i < N; i++)
		assert_ptr_equal(find(&entry[i]), &entry[i]);
	sid_table_each(&t, count, &n);
	assert_int_equal(n, N);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(seen[i], 1);
}

static void forgets(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		sid_make(entry[i].text, 1, 1);
		sid_table_add(&t, &entry[i]);
	}
	for (unsigned i = 0; i < N; i += 2)
		sid_table_del(&t, &entry[i]);
	for (unsigned i = 0; i < N; i++)
		assert_ptr_equal(find(&entry[i]), i % 2 == 0 ? NULL : &entry[i]);
	sid_table_each(&t, count, &n);
	assert_int_equal(n, N / 2);
	assert_int_equal(t.n, N / 2);
	/* and takes them again */
	for (unsigned i = 0; i < N; i += 2)
		sid_table_add(&t, &entry[i]);
	for (unsigned i = 0; i < N; i++)
		assert_ptr_equal(find(&entry[i]), &entry[i]);
}

/* Ends of sids choose the chain: here all are in one, and only the whole text tells them apart. */
static void one_chain(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(entry[i].text, sizeof(entry[i].text), "AQAB%08uAAAAAAAA", i);
		sid_table_add(&t, &entry[i]);
	}
	for (unsigned i = 0; i < 100; i++)
		assert_ptr_equal(find(&entry[i]), &entry[i]);
	sid_table_del(&t, &entry[0]); /* the last of the chain, one of its middle, the first */
	sid_table_del(&t, &entry[50]);
	sid_table_del(&t, &entry[99]);
	for (unsigned i = 0; i < 100; i++)
		assert_ptr_equal(find(&entry[i]), i == 0 || i == 50 || i == 99 ? NULL : &entry[i]);
}

/* What a peer may ask for: any text of any length. */
static void strangers(void **state)
{
	static const char *const text[] = {
	    "", "x", "AQABAAAAAAAAAAAAAAA", "AQABAAAAAAAAAAAAAAAAA", "AQABAAAAAAAAAAAAAAAB"};

	(void)state;
	memcpy(entry[0].text, "AQABAAAAAAAAAAAAAAAA", SID_LEN + 1);
	sid_table_add(&t, &entry[0]);
	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++)
		assert_null(sid_table_find(&t, slice_make(text[i], strlen(text[i]))));
	assert_null(sid_table_find(&t, slice_make(NULL, 0)));
	assert_ptr_equal(find(&entry[0]), &entry[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(grows, setup, teardown),
	    cmocka_unit_test_setup_teardown(forgets, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_chain, setup, teardown),
	    cmocka_unit_test_setup_teardown(strangers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
