/*
 * t_utf8.c - UTF-8: every code point, every pair of bytes, every offset from a word boundary.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/utf8.h"

/* Shortest form of C, as if surrogates and anything up to 21 bits were characters. */
static size_t put(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static void utf8_every_code_point(void **state)
{
	char text[4];

	(void)state;
	for (uint32_t c = 0; c < 0x200000; c++) {
		size_t n = put(c, text);
		bool valid = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);

		if (utf8_valid(text, n) != valid)
			fail_msg("U+%X", c);
		if (n > 1 && utf8_valid(text, n - 1))
			fail_msg("cut short: U+%X", c);
		if (valid && utf8_length(text, n) != 1)
			fail_msg("length of U+%X", c);
	}
}

/* Of all sequences of up to three bytes exactly as many are valid as RFC 3629's grammar makes. */
static void utf8_every_short_sequence(void **state)
{
	const unsigned one = 128, two = 30 * 64, three = 61440; /* U+0800..U+FFFF without surrogates */
	unsigned ok[4] = {0};

	(void)state;
	for (unsigned n = 1; n <= 3; n++) {
		for (unsigned x = 0; x < 1u << (8 * n); x++) {
			char text[3] = {(char)(x & 255), (char)(x >> 8 & 255), (char)(x >> 16)};

			ok[n] += utf8_valid(text, n);
		}
	}
	assert_int_equal(ok[1], one);
	assert_int_equal(ok[2], one * one + two);
	assert_int_equal(ok[3], one * one * one + 2 * one * two + three);
}

static void utf8_bad_sequences(void **state)
{
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf",
	    "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff", "\xc3", "\xc3(", "\xe2\x82", "\xe2\x82(",
	    "\xf0\x9f\x98", "\xf0\x9f\x98(", "\xed\xa0\xbd\xed\xb8\x80"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		size_t n = strlen(bad[i]);

		/* Alone, and at each place of a longer text, whose words are skipped eight bytes at a time. */
		assert_false(utf8_valid(bad[i], n));
		for (size_t at = 0; at < 24; at++) {
			memset(text, 'a', sizeof text);
			memcpy(text + at, bad[i], n);
			assert_false(utf8_valid(text, sizeof text));
			assert_false(utf8_valid(text, at + n));
			assert_true(utf8_valid(text, at));
			assert_true(utf8_valid(text + at + n, sizeof text - at - n));
		}
	}
}

static void utf8_never_reads_outside(void **state)
{
	static const char text[] = "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80 0123456789";

	(void)state;
	/* Each prefix in memory of exactly its size: the sanitizers see any byte read too many. */
	for (size_t n = 0; n < sizeof text; n++) {
		char *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, text, n);
		(void)utf8_valid(copy, n);
		free(copy);
	}
	assert_true(utf8_valid(text, sizeof text - 1));
	assert_int_equal(utf8_length(text, sizeof text - 1), 5 + 1 + 1 + 1 + 1 + 1 + 10);
	assert_true(utf8_valid(NULL, 0));
	assert_true(utf8_valid("\0\0", 2));
}

/* A beginning of N bytes is the beginning of valid text exactly when some character completes it. */
static void utf8_beginnings(void **state)
{
	char text[8] = "ok";

	(void)state;
	for (uint32_t c = 0; c < 0x110000; c += c < 0x900 || (c >= 0xd700 && c < 0xe100) ? 1 : 61) {
		bool real = c < 0xd800 || c > 0xdfff;
		size_t n = put(c, text + 2);

		for (size_t k = 0; k <= n; k++) {
			ssize_t whole = utf8_prefix(text, 2 + k);

			if (real)
				assert_int_equal(whole, k == n ? 2 + n : 2);
			else if (k >= 2)
				assert_int_equal(whole, -1);
		}
	}
	assert_int_equal(utf8_prefix("", 0), 0);
	assert_int_equal(utf8_prefix("a\xc0", 2), -1);
	assert_int_equal(utf8_prefix("a\xf4\x90", 3), -1);
	assert_int_equal(utf8_prefix("a\xe0\x9f", 3), -1);
	assert_int_equal(utf8_prefix("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4", 12), 11);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(utf8_every_code_point),
	    cmocka_unit_test(utf8_every_short_sequence),
	    cmocka_unit_test(utf8_bad_sequences),
	    cmocka_unit_test(utf8_never_reads_outside),
	    cmocka_unit_test(utf8_beginnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
