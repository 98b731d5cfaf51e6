/*
 * t_http_coding.c - Accept-Encoding, and what is encoded decodes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "proto/http_coding.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { I = HTTP_CODING_IDENTITY, G = HTTP_CODING_GZIP, D = HTTP_CODING_DEFLATE };

static void accepted(void **state)
{
	static const struct {
		const char *value;
		int want;
	} t[] = {
	    {"", I},
	    {"gzip", G},
	    {"deflate", D},
	    {"identity", I},
	    {"br", I},
	    {"gzip, deflate", G},
	    {"gzip, deflate, br, zstd", G},
	    {"GZip", G},
	    {"DEFLATE;Q=0.5", D},
	    {"x-gzip", I},
	    {"gzipx, xdeflate", I},
	    /* The reference lets the header's order decide between equals. */
	    {"deflate, gzip", D},
	    {"deflate;q=0.5, gzip;q=0.5", D},
	    {"deflate;q=0.5, gzip", G},
	    {"gzip;q=0.5, deflate;q=0.6", D},
	    {"gzip;q=0.501, deflate;q=0.5", G},
	    {"gzip;q=0, deflate", D},
	    {"gzip;q=0.000, deflate;q=0.001", D},
	    {"gzip;q=0, deflate;q=0", I},
	    {"*", G},
	    {"*;q=0", I},
	    {"*;q=0, gzip", G},
	    {"gzip;q=0, *", D},
	    {"*, gzip;q=0", D},
	    {"*;q=0.5, deflate;q=0.4", G},
	    {"*;q=0.5, deflate;q=0.5", D},
	    {"identity;q=1, gzip;q=0.1", G},
	    {"identity;q=0, br", I},
	    {" gzip ; q=0.3 ,\tdeflate\t;\tq=0.2", G},
	    {"gzip;a=b;q=0", I},
	    {",,gzip,,", G},
	    {"gzip, gzip;q=0", G},
	    {"gzip;q=0, gzip", G},
	    {"*;q=0, *", G},
	    {"gzip;q=1.000", G},
	    /* Malformed weights. */
	    {"gzip;q=", I},
	    {"gzip;q=2", I},
	    {"gzip;q=1.001", I},
	    {"gzip;q=0.1234", I},
	    {"gzip;q=-1", I},
	    {"gzip;q=.5", I},
	    {"gzip;q=0x1", I},
	    {"gzip;q=a, deflate", D},
	    {"gzip;q", I},
	    {";q=1", I},
	    {";;;,=,;=", I},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		size_t n = strlen(t[i].value);
		char *copy = malloc(n > 0 ? n : 1);
		int got;

		assert_non_null(copy);
		memcpy(copy, t[i].value, n);
		got = (int)http_accept_coding(slice_make(copy, n));
		free(copy);
		if (got != t[i].want)
			fail_msg("[%s]: %s", t[i].value, http_coding_name((enum http_coding)got));
	}
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(http_coding_name(HTTP_CODING_GZIP), "gzip");
	assert_string_equal(http_coding_name(HTTP_CODING_DEFLATE), "deflate");
	assert_string_equal(http_coding_name(HTTP_CODING_IDENTITY), "identity");
}

/* BITS: 15 zlib, 31 gzip. */
static void decoded_is(int bits, uint8_t *packed, size_t len, const uint8_t *want, size_t n)
{
	uint8_t *out = malloc(n + 1);
	z_stream z = {.next_in = packed, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)(n + 1)};

	assert_non_null(out);
	assert_int_equal(inflateInit2(&z, bits), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, n);
	if (n > 0)
		assert_memory_equal(out, want, n);
	(void)inflateEnd(&z);
	free(out);
}

static void coded(void **state)
{
	static const size_t sizes[] = {0, 1, 10, 1023, 1024, 5000, 70000, 1000000};

	(void)state;
	for (unsigned noisy = 0; noisy < 2; noisy++) {
		for (size_t k = 0; k < COUNT(sizes); k++) {
			size_t n = sizes[k], cap = http_code_bound(n);
			uint8_t *p = malloc(n + 1), *out = malloc(cap);
			uint32_t x = 1;
			ssize_t len;

			assert_non_null(p);
			assert_non_null(out);
			for (size_t i = 0; i < n; i++) {
				x = x * 1664525u + 1013904223u;
				p[i] = noisy ? (uint8_t)(x >> 24) : (uint8_t) "{\"a\":1}"[i % 7];
			}
			len = http_code(HTTP_CODING_GZIP, p, n, out, cap);
			assert_true(len > 0);
			decoded_is(31, out, (size_t)len, p, n);
			assert_int_equal(http_code(HTTP_CODING_GZIP, p, n, out, (size_t)len - 1), -ENOSPC);
			assert_int_equal(http_code(HTTP_CODING_GZIP, p, n, out, (size_t)len), len);
			len = http_code(HTTP_CODING_DEFLATE, p, n, out, cap);
			assert_true(len > 0);
			decoded_is(15, out, (size_t)len, p, n);
			assert_int_equal(http_code(HTTP_CODING_IDENTITY, p, n, out, n), n);
			if (n > 0) {
				assert_memory_equal(out, p, n);
				assert_int_equal(http_code(HTTP_CODING_IDENTITY, p, n, out, n - 1), -ENOSPC);
			}
			free(p);
			free(out);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accepted),
	    cmocka_unit_test(names),
	    cmocka_unit_test(coded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
