/* t_base58.c - base58: known texts, every byte of a text changed, every length, and the long division as an oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/base58.h"
#include "tests/unit/base58_fixture.h"

/* From a copy of exactly its size, into exactly CAP bytes. */
static ssize_t decode(const char *text, size_t n, void *out, size_t cap)
{
	char *copy = malloc(n > 0 ? n : 1);
	uint8_t *into = malloc(cap > 0 ? cap : 1);
	ssize_t got;

	assert_non_null(copy);
	assert_non_null(into);
	memcpy(copy, text, n);
	got = base58_decode(slice_make(copy, n), into, cap);
	if (got > 0)
		memcpy(out, into, (size_t)got);
	free(copy);
	free(into);
	return got;
}

static void known_texts(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *bytes;
	} known[] = {
	    {"", 0, ""},
	    {"1", 1, "\0"},
	    {"2", 1, "\1"},
	    {"z", 1, "\x39"},
	    {"21", 1, "\x3a"},
	    {"5Q", 1, "\xff"},
	    {"5R", 2, "\x01\x00"},
	    {"11LUv", 4, "\0\0\xff\xff"},
	    {"StV1DL6CwTryKyV", 11, "hello world"},
	    /* the program that all of Solana's addresses are of, and one of its accounts */
	    {"11111111111111111111111111111111", 32, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"},
	    {"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", 32,
		"\x06\xdd\xf6\xe1\xd7\x65\xa1\x93\xd9\xcb\xe1\x46\xce\xeb\x79\xac\x1c\xb4\x85\xed\x5f\x5b\x37\x91\x3a\x8c\xf5\x85"
		"\x7e\xff\x00\xa9"},
	};
	uint8_t out[BASE58_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		size_t n = strlen(known[i].text);

		assert_int_equal(decode(known[i].text, n, out, sizeof out), known[i].n);
		assert_memory_equal(out, known[i].bytes, known[i].n);
		assert_int_equal(decode(known[i].text, n, out, known[i].n), known[i].n);
		if (known[i].n > 0)
			assert_int_equal(decode(known[i].text, n, out, known[i].n - 1), -1);
	}
}

static void other_characters(void **state)
{
	uint8_t out[BASE58_BYTES_MAX];
	unsigned good = 0;

	(void)state;
	for (unsigned ch = 0; ch < 256; ch++) {
		char text[3] = {'2', (char)ch, '2'};

		for (size_t at = 0; at < 3; at++) {
			char each[3] = {'2', '2', '2'};

			each[at] = text[1];
			if (decode(each, 3, out, sizeof out) > 0)
				good++;
			else
				assert_true(ch == '0' || ch == 'O' || ch == 'I' || ch == 'l' ||
				    !((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z')));
		}
	}
	assert_int_equal(good, 3 * 58);
}

/* Whatever the bytes, in every length: there and back; every prefix of a text is a number of its own. */
static void there_and_back(void **state)
{
	uint8_t in[BASE58_BYTES_MAX], out[BASE58_BYTES_MAX], part[BASE58_BYTES_MAX];
	char text[96], again[96];

	(void)state;
	srand(58);
	for (unsigned round = 0; round < 2000; round++) {
		size_t n = round % (BASE58_BYTES_MAX + 1), zeros = (size_t)rand() % 4, len;

		for (size_t i = 0; i < n; i++)
			in[i] = i < zeros ? 0 : (uint8_t)(round % 7 == 0 ? 0xff : rand());
		len = base58_of(in, n, text);
		assert_true(len <= BASE58_TEXT_MAX);
		assert_int_equal(decode(text, len, out, n), n);
		assert_memory_equal(out, in, n);
		for (size_t k = 0; k <= len && round < 200; k++) {
			ssize_t got = decode(text, k, part, sizeof part);

			assert_true(got >= 0 && (size_t)got <= n);
			assert_int_equal(base58_of(part, (size_t)got, again), k);
			assert_memory_equal(again, text, k);
		}
	}
}

static void too_long(void **state)
{
	char text[4096];
	uint8_t out[BASE58_BYTES_MAX + 1];

	(void)state;
	memset(text, 'z', sizeof text);
	for (size_t n = 0; n < sizeof text; n += n < 200 ? 1 : 97)
		assert_int_equal(decode(text, n, out, sizeof out) >= 0, n <= 87); /* 58^87 < 2^512 < 58^88 */
	memset(text, '1', sizeof text);
	for (size_t n = 0; n < 200; n++)
		assert_int_equal(decode(text, n, out, sizeof out), n <= BASE58_BYTES_MAX ? (int)n : -1);
	/* 2^512 - 1, and one more */
	memset(out, 0xff, BASE58_BYTES_MAX);
	assert_int_equal(base58_of(out, BASE58_BYTES_MAX, text), 88);
	assert_int_equal(decode(text, 88, out, sizeof out), BASE58_BYTES_MAX);
	text[87]++;
	assert_int_equal(decode(text, 88, out, sizeof out), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_texts),
	    cmocka_unit_test(other_characters),
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
