/*
 * t_json_oracle.c - the scanner against JSON.parse itself: 30,000 generated and damaged documents (tests/oracle),
 * accept and refuse alike, and what json_get() and the decoders make of their members.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/json.h"

#define DOCUMENTS 30000u

static const struct json_limits wide = {.depth = JSON_DEPTH_MAX, .utf8 = true};

static uint64_t integer(FILE *f, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++) {
		int c = getc(f);

		assert_int_not_equal(c, EOF);
		v |= (uint64_t)(unsigned)c << 8 * i;
	}
	return v;
}

/* In memory of exactly its size, so that the sanitizers see a byte read too many. */
static struct slice text(FILE *f, unsigned bytes)
{
	size_t n = (size_t)integer(f, bytes);
	char *p = malloc(n ? n : 1);

	assert_non_null(p);
	assert_int_equal(fread(p, 1, n, f), n);
	return slice_make(p, n);
}

static void check_string(FILE *f, struct slice v)
{
	struct slice want = text(f, 4);
	char *got = malloc(v.n);
	ssize_t n;

	assert_non_null(got);
	n = json_string_decode(v, got, v.n);
	if (n < 0 || !slice_eq(slice_make(got, (size_t)n), want))
		fail_msg("string %.*s", (int)v.n, v.p);
	if (n > 0)
		assert_int_equal(json_string_decode(v, got, (size_t)n - 1), -1);
	free(got);
	free((char *)want.p);
}

static void check_member(FILE *f, struct slice doc)
{
	struct slice name = text(f, 2), v;
	enum json_type type = (enum json_type)integer(f, 1);

	if (!json_get(json_trim(doc), name, &v))
		fail_msg("no %.*s in %.*s", (int)name.n, name.p, (int)doc.n, doc.p);
	if (json_type(v) != type)
		fail_msg("%.*s of %.*s is %.*s", (int)name.n, name.p, (int)doc.n, doc.p, (int)v.n, v.p);
	if (type == JSON_STRING) {
		check_string(f, v);
	} else if (type == JSON_NUMBER) {
		uint64_t bits = integer(f, 8), mine;
		double d;

		assert_true(json_number(v, &d));
		memcpy(&mine, &d, sizeof mine);
		if (mine != bits)
			fail_msg("%.*s became %.17g", (int)v.n, v.p, d);
	} else if (type == JSON_ARRAY) {
		assert_int_equal(json_length(v), integer(f, 4));
	}
	free((char *)name.p);
}

static void json_agrees_with_javascript(void **state)
{
	char cmd[128];
	unsigned accepted = 0, members = 0;
	FILE *f;

	(void)state;
	(void)snprintf(cmd, sizeof cmd, "node tests/oracle/json_parse.mjs %u 1", DOCUMENTS);
	f = popen(cmd, "r"); /* NOLINT(cert-env33-c): a fixed command */
	assert_non_null(f);
	for (unsigned i = 0; i < DOCUMENTS; i++) {
		bool want = integer(f, 1) == 1;
		struct slice doc = text(f, 4);
		unsigned n;

		if (json_valid(doc, &wide) != want)
			fail_msg("document %u: JSON.parse %s %.*s", i, want ? "accepts" : "refuses", (int)doc.n, doc.p);
		n = (unsigned)integer(f, 2);
		accepted += want;
		members += n;
		while (n-- > 0)
			check_member(f, doc);
		free((char *)doc.p);
	}
	assert_int_equal(getc(f), EOF);
	assert_int_equal(pclose(f), 0);
	/* A generator gone wrong must not pass for agreement. */
	assert_in_range(accepted, DOCUMENTS / 4, DOCUMENTS * 3 / 4);
	assert_in_range(members, DOCUMENTS / 4, DOCUMENTS * 4);
	print_message("%u documents, %u accepted, %u members compared\n", DOCUMENTS, accepted, members);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(json_agrees_with_javascript)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
