/*
 * t_json_stringify.c - numbers and dates as JavaScript writes them.  t_sio_msgpack_oracle.c asks it about many more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/json_stringify.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void check(double v, const char *want)
{
	char out[JSON_STRINGIFY_MAX + 1];

	out[json_stringify_number(v, out)] = '\0';
	assert_string_equal(out, want);
}

static void numbers(void **state)
{
	(void)state;
	check(0, "0");
	check(-0.0, "0");
	check(1, "1");
	check(-1, "-1");
	check(1.5, "1.5");
	check(0.1, "0.1");
	check(-0.1, "-0.1");
	check(0.1 + 0.2, "0.30000000000000004");
	check((double)0.1f, "0.10000000149011612");
	check(100, "100");
	check(123456.789, "123456.789");
	check(1e20, "100000000000000000000");
	check(123456789012345680000.0, "123456789012345680000");
	check(1e21, "1e+21");
	check(1.5e21, "1.5e+21");
	check(1e-6, "0.000001");
	check(1.25e-6, "0.00000125");
	check(1e-7, "1e-7");
	check(-1.5e-7, "-1.5e-7");
	check(9007199254740993.0, "9007199254740992");
	check(DBL_MAX, "1.7976931348623157e+308");
	check(-DBL_MIN, "-2.2250738585072014e-308");
	check(0x1p-1074, "5e-324");
	check(0x1.8p-1073, "1.5e-323");
	/* Above a power of two there is more room: the nearest text of 16 digits is not the one that is read back. */
	check(0x1p-44, "5.684341886080802e-14");
	check(0x1p-1017, "7.120236347223045e-307");
	check((double)INFINITY, "null");
	check((double)-INFINITY, "null");
	check((double)NAN, "null");
}

/* Whatever is written reads as the same number, in no more than the room there is. */
static void read_back(void **state)
{
	uint64_t bits = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char out[JSON_STRINGIFY_MAX + 1];
		size_t n;
		double v;

		bits = bits * 6364136223846793005u + 1442695040888963407u;
		memcpy(&v, &bits, sizeof v);
		if (!isfinite(v))
			continue;
		n = json_stringify_number(v, out);
		assert_in_range(n, 1, 25);
		out[n] = '\0';
		assert_true(strtod(out, NULL) == v);
	}
}

static void dates(void **state)
{
	static const struct {
		double ms;
		const char *want;
	} t[] = {
	    {0, "\"1970-01-01T00:00:00.000Z\""},
	    {1, "\"1970-01-01T00:00:00.001Z\""},
	    {-1, "\"1969-12-31T23:59:59.999Z\""},
	    {1.9, "\"1970-01-01T00:00:00.001Z\""},
	    {-1.9, "\"1969-12-31T23:59:59.999Z\""},
	    {-0.5, "\"1970-01-01T00:00:00.000Z\""},
	    {951782400000, "\"2000-02-29T00:00:00.000Z\""},
	    {1709210096789, "\"2024-02-29T12:34:56.789Z\""},
	    {253402300799999, "\"9999-12-31T23:59:59.999Z\""},
	    {253402300800000, "\"+010000-01-01T00:00:00.000Z\""},
	    {-62167219200000, "\"0000-01-01T00:00:00.000Z\""},
	    {-62167219200001, "\"-000001-12-31T23:59:59.999Z\""},
	    {8.64e15, "\"+275760-09-13T00:00:00.000Z\""},
	    {-8.64e15, "\"-271821-04-20T00:00:00.000Z\""},
	    {8640000000000001, "null"},
	    {-8640000000000001, "null"},
	    {1e300, "null"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		char out[JSON_STRINGIFY_MAX + 1];

		out[json_stringify_date(t[i].ms, out)] = '\0';
		assert_string_equal(out, t[i].want);
	}
	assert_int_equal(json_stringify_date((double)NAN, (char[JSON_STRINGIFY_MAX]){0}), 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(read_back),
	    cmocka_unit_test(dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
