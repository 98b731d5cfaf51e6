/* t_verb_time.c - when something is to happen, as bodies say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/verb_time.h"

static struct slice text(const char *s)
{
	return slice_make(s, strlen(s));
}

static void delays(void **state)
{
	static const struct {
		const char *json;
		int64_t ms; /* -1: refused */
	} t[] = {
	    {"0", 0}, {"1500", 1500}, {"\"500ms\"", 500}, {"\"25s\"", 25000}, {"\"5m\"", 300000}, {"\"2h\"", 7200000},
	    {"\"7d\"", 604800000}, {"\"0s\"", 0}, {"-1", -1}, {"1.5", -1}, {"\"5\"", -1}, {"\"m\"", -1}, {"\"\"", -1},
	    {"\"5 m\"", -1}, {"\"5mm\"", -1}, {"\"-5m\"", -1}, {"\"5M\"", -1}, {"true", -1}, {"null", -1}, {"[5]", -1},
	    {"\"999999999999d\"", INT64_C(253402300799999)}, {"\"9999999999999s\"", -1}, {"9223372036854775807", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		int64_t ms = -2;
		bool good = verb_time_delay(text(t[i].json), &ms);

		if (good != (t[i].ms >= 0) || (good && ms != t[i].ms))
			fail_msg("%s: %d %lld", t[i].json, good, (long long)ms);
	}
}

static void dates(void **state)
{
	static const struct {
		const char *json;
		int64_t ms;
	} t[] = {
	    {"0", 0}, {"1700000000123", 1700000000123}, {"-5", -1}, {"1.5", -1}, {"\"1970-01-01T00:00:00Z\"", 0},
	    {"\"2026-03-01T12:00:00Z\"", 1772366400000}, {"\"2026-03-01T12:00:00.250Z\"", 1772366400250},
	    {"\"2026-03-01T12:00:00.2Z\"", 1772366400200}, {"\"2026-03-01T12:00:00.25049Z\"", 1772366400250},
	    {"\"2026-03-01T13:00:00+01:00\"", 1772366400000}, {"\"2026-03-01T06:30:00-05:30\"", 1772366400000},
	    {"\"2024-02-29T00:00:00Z\"", 1709164800000}, {"\"2025-02-29T00:00:00Z\"", -1}, {"\"2026-04-31T00:00:00Z\"", -1},
	    {"\"2026-13-01T00:00:00Z\"", -1}, {"\"2026-00-01T00:00:00Z\"", -1}, {"\"2026-01-00T00:00:00Z\"", -1},
	    {"\"2026-01-01T24:00:00Z\"", -1}, {"\"2026-01-01T00:60:00Z\"", -1}, {"\"2026-01-01T00:00:60Z\"", -1},
	    {"\"2026-01-01T00:00:00\"", -1}, {"\"2026-01-01 00:00:00Z\"", -1}, {"\"2026-01-01\"", -1}, {"\"\"", -1},
	    {"\"2026-01-01T00:00:00.Z\"", -1}, {"\"2026-01-01T00:00:00Zx\"", -1}, {"\"2026-01-01T00:00:00+1:00\"", -1},
	    {"\"2026-01-01T00:00:00+24:00\"", -1}, {"\"1969-12-31T23:59:59Z\"", -1}, {"\"1970-01-01T00:00:00+01:00\"", -1},
	    {"\"5m\"", -1}, {"{}", -1}, {"\"9999-12-31T23:59:59.999Z\"", INT64_C(253402300799999)}, {"253402300800000", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		int64_t ms = -2;
		bool good = verb_time_at(text(t[i].json), &ms);

		if (good != (t[i].ms >= 0) || (good && ms != t[i].ms))
			fail_msg("%s: %d %lld", t[i].json, good, (long long)ms);
	}
	/* Cut anywhere it is none, or a shorter one: never a byte behind its end. */
	for (size_t n = 0; n < 22; n++) {
		char s[32] = "\"2026-03-01T12:00:00Z\"";
		int64_t ms;

		assert_true(verb_time_at(slice_make(s, n), &ms) == false || n == 22);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(delays), cmocka_unit_test(dates)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
