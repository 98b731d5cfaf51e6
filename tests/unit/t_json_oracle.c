/*
 * t_json_oracle.c - the scanner against JSON.parse itself: 30,000 generated and damaged documents (tests/oracle),
 * accept and refuse alike, and what json_get() and the decoders make of their members.
 */
#include "proto/json.h"
#include "tests/unit/oracle_pipe.h"

#define DOCUMENTS 30000u

static const struct json_limits wide = {.depth = JSON_DEPTH_MAX, .utf8 = true};

static void check_string(FILE *f, struct slice v)
{
	struct slice want = oracle_text(f, 4);
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
	struct slice name = oracle_text(f, 2), v;
	enum json_type type = (enum json_type)oracle_integer(f, 1);

	if (!json_get(json_trim(doc), name, &v))
		fail_msg("no %.*s in %.*s", (int)name.n, name.p, (int)doc.n, doc.p);
	if (json_type(v) != type)
		fail_msg("%.*s of %.*s is %.*s", (int)name.n, name.p, (int)doc.n, doc.p, (int)v.n, v.p);
	if (type == JSON_STRING) {
		check_string(f, v);
	} else if (type == JSON_NUMBER) {
		uint64_t bits = oracle_integer(f, 8), mine;
		double d;

		assert_true(json_number(v, &d));
		memcpy(&mine, &d, sizeof mine);
		if (mine != bits)
			fail_msg("%.*s became %.17g", (int)v.n, v.p, d);
	} else if (type == JSON_ARRAY) {
		assert_int_equal(json_length(v), oracle_integer(f, 4));
	}
	free((char *)name.p);
}

static void json_agrees_with_javascript(void **state)
{
	FILE *f = oracle_open("json_parse.mjs", DOCUMENTS, 1);
	unsigned accepted = 0, members = 0;

	(void)state;
	for (unsigned i = 0; i < DOCUMENTS; i++) {
		bool want = oracle_integer(f, 1) == 1;
		struct slice doc = oracle_text(f, 4);
		unsigned n;

		if (json_valid(doc, &wide) != want)
			fail_msg("document %u: JSON.parse %s %.*s", i, want ? "accepts" : "refuses", (int)doc.n, doc.p);
		n = (unsigned)oracle_integer(f, 2);
		accepted += want;
		members += n;
		while (n-- > 0)
			check_member(f, doc);
		free((char *)doc.p);
	}
	oracle_close(f);
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
