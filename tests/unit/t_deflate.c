/*
 * t_deflate.c - payloads of permessage-deflate: the examples of RFC 7692, every window, what is cut short, bombs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "proto/deflate.h"
#include "proto/error.h"
#include "tests/unit/rss_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint32_t rnd = 1;

static unsigned random_below(unsigned n)
{
	rnd = rnd * 1664525u + 1013904223u;
	return (rnd >> 8) % n;
}

/* Text that repeats itself at all distances, or (every third) bytes that do not. */
static uint8_t *some_bytes(size_t n)
{
	uint8_t *p = malloc(n + 1);
	unsigned kind = random_below(3);

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = kind == 0 ? (uint8_t)random_below(256)
		    : kind == 1  ? (uint8_t)('a' + random_below(3))
				 : (uint8_t) "{\"id\":"[i % 6];
	if (kind == 2) {
		for (size_t i = 0; i < n; i += 1 + random_below(30))
			p[i] = (uint8_t)random_below(256);
	}
	return p;
}

static int inflated_is(struct inflater *i, const char *hex, size_t n, const char *want)
{
	const uint8_t *out = NULL;
	ssize_t len = inflater_message(i, (const uint8_t *)hex, n, 1000, &out);

	return len == (ssize_t)strlen(want) && memcmp(out, want, strlen(want)) == 0;
}

static void examples_of_the_rfc(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *want;
	} t[] = {
	    {"\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello"},                          /* 7.2.3.1 */
	    {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, "Hello"},         /* 7.2.3.3 */
	    {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, "Hello"},                      /* 7.2.3.4 */
	    {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13, "Hello"}, /* 7.2.3.5 */
	    {"\x00", 1, ""},                                                       /* 7.2.3.6 */
	};
	struct inflater *i = inflater_new();
	const uint8_t *out;

	(void)state;
	assert_non_null(i);
	for (unsigned round = 0; round < 2; round++) {
		for (size_t k = 0; k < COUNT(t); k++) {
			if (!inflated_is(i, t[k].bytes, t[k].n, t[k].want))
				fail_msg("example %zu", k);
		}
	}
	/* 7.2.3.2 refers back to the first message: we never allow that. */
	assert_true(inflated_is(i, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello"));
	assert_int_equal(
	    inflater_message(i, (const uint8_t *)"\xf2\x00\x11\x00\x00", 5, 1000, &out), PROTO_EFRAME_DEFLATE);
	/* Without the byte behind a last block, and without any byte: as the reference reads it. */
	assert_true(inflated_is(i, "\xf3\x48\xcd\xc9\xc9\x07\x00", 7, "Hello"));
	assert_true(inflated_is(i, "", 0, ""));
	assert_true(inflated_is(i, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x01", 11, "Hello"));
	/* More blocks behind a last one. */
	assert_true(inflated_is(i, "\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00", 14, "HelloHello"));
	assert_true(
	    inflated_is(i, "\xf3\x48\xcd\xc9\xc9\x07\x00\x03\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 17, "HelloHello"));
	inflater_free(i);
	inflater_free(NULL);
}

static void what_we_make(void **state)
{
	struct deflater *d = deflater_new(15);
	uint8_t out[64];

	(void)state;
	assert_non_null(d);
	/* Nothing is remembered: the same each time. */
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(deflater_message(d, "Hello", 5, out, sizeof out), 7);
		assert_memory_equal(out, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
		assert_int_equal(deflater_message(d, "", 0, out, sizeof out), 1);
		assert_int_equal(out[0], 0);
	}
	for (size_t cap = 0; cap < 12; cap++)
		assert_int_equal(deflater_message(d, "Hello", 5, out, cap), -ENOSPC);
	assert_int_equal(deflater_message(d, "Hello", 5, out, 12), 7);
	deflater_free(d);
	deflater_free(NULL);
	assert_null(deflater_new(7));
	assert_null(deflater_new(16));
}

static void there_and_back(void **state)
{
	struct inflater *i = inflater_new();
	struct deflater *d = deflater_new(15);

	(void)state;
	assert_non_null(i);
	assert_non_null(d);
	for (unsigned round = 0; round < 300; round++) {
		size_t n = random_below(round % 10 == 0 ? 300000 : 2000);
		uint8_t *p = some_bytes(n), *packed = malloc(deflater_bound(n));
		const uint8_t *out;
		ssize_t len;

		assert_non_null(packed);
		len = deflater_message(d, p, n, packed, deflater_bound(n));
		assert_true(len > 0);
		/* Exactly as much as is allowed, and one byte less. */
		assert_int_equal(inflater_message(i, packed, (size_t)len, n, &out), n);
		assert_memory_equal(out, p, n);
		if (n > 0)
			assert_int_equal(inflater_message(i, packed, (size_t)len, n - 1, &out), PROTO_EFRAME_SIZE);
		free(packed);
		free(p);
	}
	deflater_free(d);
	inflater_free(i);
}

/* A receiver with a window of BITS and not a byte of output to look back into. */
static void inflate_strictly(int bits, uint8_t *packed, size_t len, const uint8_t *want, size_t n)
{
	z_stream z = {.next_in = packed, .avail_in = (uInt)len};
	uint8_t byte;

	assert_int_equal(inflateInit2(&z, -bits), Z_OK);
	for (size_t k = 0; k < n; k++) {
		z.next_out = &byte;
		z.avail_out = 1;
		if (inflate(&z, Z_SYNC_FLUSH) != Z_OK || z.avail_out != 0)
			fail_msg("%d bits: byte %zu of %zu: %s", bits, k, n, z.msg ? z.msg : "no more");
		assert_int_equal(byte, want[k]);
	}
	(void)inflateEnd(&z);
}

static void windows(void **state)
{
	(void)state;
	for (int bits = 8; bits <= 15; bits++) {
		struct deflater *d = deflater_new(bits);

		assert_non_null(d);
		for (unsigned round = 0; round < 20; round++) {
			size_t n = random_below(70000);
			uint8_t *p = some_bytes(n), *packed = malloc(deflater_bound(n));
			ssize_t len;

			assert_non_null(packed);
			/* Blocks that come back at distances around the window's size. */
			for (size_t k = 600; k + 40 < n; k += 1 + random_below(600)) {
				size_t back = ((size_t)1 << bits) - 20 + random_below(40);

				if (k >= back)
					memmove(p + k, p + k - back, 40);
			}
			len = deflater_message(d, p, n, packed, deflater_bound(n));
			assert_true(len > 0);
			inflate_strictly(bits, packed, (size_t)len, p, n);
			free(packed);
			free(p);
		}
		deflater_free(d);
	}
}

/* Cut anywhere it is refused or, at the end of a block, shorter; never longer than it was. */
static void cut_short(void **state)
{
	struct inflater *i = inflater_new();
	struct deflater *d = deflater_new(15);
	uint8_t packed[400], *text = some_bytes(300);
	const uint8_t *out;
	ssize_t len;
	unsigned refused = 0;

	(void)state;
	for (size_t k = 0; k < 300; k++)
		text[k] = (uint8_t)("{\"id\":"[k % 6] + (int)(k / 50));
	len = deflater_message(d, text, 300, packed, sizeof packed);
	assert_true(len > 20);
	for (size_t n = 1; n < (size_t)len; n++) {
		ssize_t rc = inflater_message(i, packed, n, 1000, &out);

		assert_true(rc == PROTO_EFRAME_DEFLATE || (rc >= 0 && rc <= 300));
		assert_true(rc < 0 || memcmp(out, text, (size_t)rc) == 0);
		refused += rc < 0;
	}
	assert_true(refused >= (unsigned)len - 2);
	/* A last block is no way around the limit. */
	assert_int_equal(
	    inflater_message(i, (const uint8_t *)"\xf3\x48\xcd\xc9\xc9\x07\x00", 7, 4, &out), PROTO_EFRAME_SIZE);
	/* The inflater is none the worse. */
	assert_int_equal(inflater_message(i, packed, (size_t)len, 300, &out), 300);
	free(text);
	deflater_free(d);
	inflater_free(i);
}

static void bad_data(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} t[] = {
	    {"\xff\xff\xff\xff", 4}, {"\x06", 1}, {"\x00\x05\x00\xfb\xff\x48\x65\x6c\x6c\x6f\x00", 11},
	    {"\x00\x05\x00\xfa\xff\x48", 6}, {"\x02", 1}, {"\xf2", 1},
	    {"\xf3\x48\xcd\xc9\xc9\x07\x00\xff", 8},                  /* behind a last block */
	    {"\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00", 12}, /* and it does not look back over it */
	};
	struct inflater *i = inflater_new();
	const uint8_t *out;

	(void)state;
	for (size_t k = 0; k < COUNT(t); k++) {
		ssize_t rc = inflater_message(i, (const uint8_t *)t[k].bytes, t[k].n, 1000, &out);

		if (rc != PROTO_EFRAME_DEFLATE)
			fail_msg("case %zu: %zd", k, rc);
		assert_true(inflated_is(i, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello"));
	}
	inflater_free(i);
}

/* 400 MiB of zeros in 398 KiB, against a limit of 16 MiB: the limit and a little is all it ever costs. */
static void bomb(void **state)
{
	size_t total = (size_t)400 << 20, max = (size_t)16 << 20, cap = 1 << 20, before;
	uint8_t *packed = malloc(cap), *zeros = calloc(1, 1 << 20);
	z_stream z = {.next_out = packed, .avail_out = (uInt)cap};
	struct inflater *i = inflater_new();
	const uint8_t *out;
	bool measured;

	(void)state;
	assert_non_null(packed);
	assert_non_null(zeros);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	for (size_t k = 0; k < total; k += 1 << 20) {
		z.next_in = zeros;
		z.avail_in = 1 << 20;
		assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
	}
	assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
	assert_in_range(z.total_out, 390 << 10, 420 << 10);
	measured = rss_peak_start();
	before = rss_status_kb("VmRSS:");
	for (unsigned k = 0; k < 20; k++)
		assert_int_equal(inflater_message(i, packed, z.total_out - 4, max, &out), PROTO_EFRAME_SIZE);
	if (measured) {
		assert_in_range(rss_status_kb("VmHWM:"), before, before + (max >> 10) + 512);
		assert_in_range(rss_status_kb("VmRSS:"), 0, before + 512);
	}
	(void)deflateEnd(&z);
	free(packed);
	free(zeros);
	inflater_free(i);
}

/* Last blocks of two bytes each, a million times. */
static void many_last_blocks(void **state)
{
	size_t n = 1000000;
	uint8_t *packed = malloc(n);
	struct inflater *i = inflater_new();
	const uint8_t *out;

	(void)state;
	assert_non_null(packed);
	for (size_t k = 0; k < n; k += 2)
		memcpy(packed + k, "\x03", 2);
	assert_int_equal(inflater_message(i, packed, n, n, &out), 0);
	free(packed);
	inflater_free(i);
}

static void trim_keeps_it_usable(void **state)
{
	struct inflater *i = inflater_new();
	struct deflater *d = deflater_new(15);
	size_t n = 500000;
	uint8_t *p = calloc(1, n), *packed = malloc(deflater_bound(n));
	const uint8_t *out;
	ssize_t len = deflater_message(d, p, n, packed, deflater_bound(n));

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		assert_int_equal(inflater_message(i, packed, (size_t)len, n, &out), n);
		inflater_trim(i);
		inflater_trim(i);
	}
	free(p);
	free(packed);
	deflater_free(d);
	inflater_free(i);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples_of_the_rfc),
	    cmocka_unit_test(what_we_make),
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(windows),
	    cmocka_unit_test(cut_short),
	    cmocka_unit_test(bad_data),
	    cmocka_unit_test(bomb),
	    cmocka_unit_test(many_last_blocks),
	    cmocka_unit_test(trim_keeps_it_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
