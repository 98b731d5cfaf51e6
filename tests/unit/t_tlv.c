/* t_tlv.c - fields: what was put comes back, and no length is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm/tlv.h"

static void round_trip(void **state)
{
	uint8_t buf[512];
	struct tlv_writer w = {.buf = buf, .cap = sizeof buf};
	struct tlv t;
	const char *name;
	uint64_t hash;
	size_t off = 0, len;

	(void)state;
	memset(buf, 0xee, sizeof buf);
	tlv_put(&w, 1, 2, "hello", 5);
	tlv_put(&w, 3, 0, NULL, 0);
	tlv_put_hashed(&w, 4, 1, UINT64_C(0x0123456789abcdef), "room", 4);
	tlv_put(&w, 5, 0, "12345678", 8);
	assert_false(w.over);
	assert_int_equal(w.len, 16 + 8 + 24 + 16);

	assert_int_equal(tlv_next(buf, w.len, &off, &t), 1);
	assert_int_equal(t.type, 1);
	assert_int_equal(t.sub, 2);
	assert_int_equal(t.len, 5);
	assert_memory_equal(t.val, "hello\0\0\0", 8); /* padding is zero */
	assert_int_equal(tlv_next(buf, w.len, &off, &t), 1);
	assert_int_equal(t.len, 0);
	assert_false(tlv_hashed(&t, &hash, &name, &len));
	assert_int_equal(tlv_next(buf, w.len, &off, &t), 1);
	assert_true(tlv_hashed(&t, &hash, &name, &len));
	assert_true(hash == UINT64_C(0x0123456789abcdef));
	assert_int_equal(len, 4);
	assert_memory_equal(name, "room", 4);
	assert_int_equal(tlv_next(buf, w.len, &off, &t), 1);
	assert_int_equal(t.val - buf, 56); /* 8-aligned */
	assert_int_equal(tlv_next(buf, w.len, &off, &t), 0);
	assert_int_equal(off, w.len);
	assert_int_equal(tlv_next(buf, w.len, &off, &t), 0);
}

/* Every capacity: a field is there as a whole or not at all, and once one did not fit nothing follows. */
static void every_capacity(void **state)
{
	(void)state;
	for (size_t cap = 0; cap <= 64; cap++) {
		uint8_t *buf = malloc(cap > 0 ? cap : 1); /* exact, for the address sanitizer */
		struct tlv_writer w = {.buf = buf, .cap = cap};
		struct tlv t;
		size_t off = 0;
		int n = 0;

		tlv_put(&w, 1, 0, "abcdefghi", 9);   /* 24 */
		tlv_put_hashed(&w, 2, 0, 7, "x", 1); /* 24 */
		tlv_put(&w, 3, 0, "y", 1);           /* 16 */
		while (tlv_next(buf, w.len, &off, &t) == 1)
			assert_int_equal(t.type, ++n);
		assert_int_equal(off, w.len);
		assert_int_equal(n, cap < 24 ? 0 : cap < 48 ? 1 : cap < 64 ? 2 : 3);
		assert_int_equal(w.over, cap < 64);
		free(buf);
	}
}

static void huge_length(void **state)
{
	uint8_t buf[64] = {0};
	struct tlv_writer w = {.buf = buf, .cap = sizeof buf};

	(void)state;
	tlv_put(&w, 1, 0, buf, SIZE_MAX);
	assert_true(w.over);
	assert_int_equal(w.len, 0);
	w.over = false;
	tlv_put_hashed(&w, 1, 0, 0, buf, SIZE_MAX - 4);
	assert_true(w.over);
	w.over = false;
	tlv_put(&w, 1, 0, buf, UINT32_MAX - 3);
	assert_true(w.over);
	assert_int_equal(w.len, 0);
}

/* Every prefix of a list is a shorter list or malformed, never a read past its end. */
static void every_truncation(void **state)
{
	uint8_t buf[256];
	struct tlv_writer w = {.buf = buf, .cap = sizeof buf};

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		tlv_put(&w, (uint16_t)i, 0, "0123456789", i);
	for (size_t n = 0; n <= w.len; n++) {
		uint8_t *copy = malloc(n > 0 ? n : 1);
		struct tlv t;
		size_t off = 0;
		int rc;

		memcpy(copy, buf, n);
		while ((rc = tlv_next(copy, n, &off, &t)) == 1)
			assert_true(t.val + t.len <= copy + n);
		if (rc == 0)
			assert_int_equal(off, n);
		else
			assert_int_equal(rc, -1);
		if (n == w.len)
			assert_int_equal(rc, 0);
		free(copy);
	}
}

static void lying_length(void **state)
{
	static const uint32_t lies[] = {9, 16, 17, 0x7fffffff, 0xfffffff8, 0xfffffff9, 0xffffffff};
	uint8_t *buf = malloc(16);
	struct tlv t;

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		size_t off = 0;

		memset(buf, 0, 16);
		memcpy(buf + 4, &lies[i], 4);
		assert_int_equal(tlv_next(buf, 16, &off, &t), -1);
	}
	/* An offset that no call left behind. */
	for (size_t off = 17; off < 40; off++) {
		size_t o = off;

		assert_int_equal(tlv_next(buf, 16, &o, &t), -1);
	}
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(every_capacity),
	    cmocka_unit_test(huge_length),
	    cmocka_unit_test(every_truncation),
	    cmocka_unit_test(lying_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
