/*
 * t_msgpack.c - MessagePack tokens: every form at its borders, every cut, counts that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/msgpack.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BYTES(lit)                     \
	{                              \
		(lit), sizeof(lit) - 1 \
	}

/* Reads B whole and cut anywhere, in memory of exactly its size. */
static struct msgpack_token read_token(struct slice b)
{
	struct msgpack_token t = {0};

	for (size_t n = 0; n <= b.n; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, b.p, n);
		assert_int_equal(msgpack_read(copy, n, &t), n == b.n ? (ssize_t)n : 0);
		free(copy);
	}
	assert_int_equal(msgpack_read((const uint8_t *)b.p, b.n, &t), b.n);
	return t;
}

static void unsigned_integers(void **state)
{
	static const struct {
		struct slice bytes;
		uint64_t v;
	} t[] = {
	    {BYTES("\x00"), 0},
	    {BYTES("\x7f"), 127},
	    {BYTES("\xcc\x80"), 128},
	    {BYTES("\xcc\xff"), 255},
	    {BYTES("\xcd\x01\x00"), 256},
	    {BYTES("\xcd\xff\xff"), 65535},
	    {BYTES("\xce\x00\x01\x00\x00"), 65536},
	    {BYTES("\xce\xff\xff\xff\xff"), UINT32_MAX},
	    {BYTES("\xcf\x00\x00\x00\x01\x00\x00\x00\x00"), (uint64_t)UINT32_MAX + 1},
	    {BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct msgpack_token got = read_token(t[i].bytes);
		uint8_t out[MSGPACK_NUMBER_MAX];

		assert_int_equal(got.type, MSGPACK_UINT);
		assert_true(got.u == t[i].v);
		assert_int_equal(msgpack_write_uint(t[i].v, out), t[i].bytes.n);
		assert_memory_equal(out, t[i].bytes.p, t[i].bytes.n);
	}
	/* Wider or signed forms of the same. */
	assert_true(read_token(SLICE("\xcc\x05")).u == 5);
	assert_true(read_token(SLICE("\xcf\x00\x00\x00\x00\x00\x00\x00\x05")).u == 5);
	assert_int_equal(read_token(SLICE("\xd0\x05")).type, MSGPACK_UINT);
	assert_true(read_token(SLICE("\xd3\x7f\xff\xff\xff\xff\xff\xff\xff")).u == INT64_MAX);
}

static void negative_integers(void **state)
{
	static const struct {
		struct slice bytes;
		int64_t v;
	} t[] = {
	    {BYTES("\xff"), -1},
	    {BYTES("\xe0"), -32},
	    {BYTES("\xd0\xdf"), -33},
	    {BYTES("\xd0\x80"), -128},
	    {BYTES("\xd1\xff\x7f"), -129},
	    {BYTES("\xd1\x80\x00"), INT16_MIN},
	    {BYTES("\xd2\xff\xff\x7f\xff"), INT16_MIN - 1},
	    {BYTES("\xd2\x80\x00\x00\x00"), INT32_MIN},
	    {BYTES("\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"), (int64_t)INT32_MIN - 1},
	    {BYTES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), INT64_MIN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct msgpack_token got = read_token(t[i].bytes);
		uint8_t out[MSGPACK_NUMBER_MAX];

		assert_int_equal(got.type, MSGPACK_INT);
		assert_true(got.i == t[i].v);
		assert_int_equal(msgpack_write_int(t[i].v, out), t[i].bytes.n);
		assert_memory_equal(out, t[i].bytes.p, t[i].bytes.n);
	}
}

static void floats_and_words(void **state)
{
	uint8_t out[MSGPACK_NUMBER_MAX];

	(void)state;
	assert_true(read_token(SLICE("\xca\x3f\xc0\x00\x00")).d == 1.5);
	assert_true(read_token(SLICE("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00")).d == 1.5);
	assert_int_equal(read_token(SLICE("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00")).type, MSGPACK_FLOAT);
	assert_int_equal(msgpack_write_double(1.5, out), 9);
	assert_memory_equal(out, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", 9);
	assert_int_equal(read_token(SLICE("\xc0")).type, MSGPACK_NIL);
	assert_int_equal(read_token(SLICE("\xc2")).type, MSGPACK_FALSE);
	assert_int_equal(read_token(SLICE("\xc3")).type, MSGPACK_TRUE);
	assert_int_equal(msgpack_read((const uint8_t *)"\xc1", 1, &(struct msgpack_token){0}), PROTO_EMSGPACK);
}

static void bodies(void **state)
{
	static const struct {
		struct slice bytes;
		enum msgpack_type type;
		int8_t ext;
		const char *body;
	} t[] = {
	    {BYTES("\xa0"), MSGPACK_STR, 0, ""},
	    {BYTES("\243abc"), MSGPACK_STR, 0, "abc"},
	    {BYTES("\xd9\003abc"), MSGPACK_STR, 0, "abc"},
	    {BYTES("\xda\x00\003abc"), MSGPACK_STR, 0, "abc"},
	    {BYTES("\xdb\x00\x00\x00\003abc"), MSGPACK_STR, 0, "abc"},
	    {BYTES("\xc4\x00"), MSGPACK_BIN, 0, ""},
	    {BYTES("\xc4\003abc"), MSGPACK_BIN, 0, "abc"},
	    {BYTES("\xc5\x00\003abc"), MSGPACK_BIN, 0, "abc"},
	    {BYTES("\xc6\x00\x00\x00\003abc"), MSGPACK_BIN, 0, "abc"},
	    {BYTES("\xd4\377a"), MSGPACK_EXT, -1, "a"},
	    {BYTES("\xd5\001ab"), MSGPACK_EXT, 1, "ab"},
	    {BYTES("\xd6\177abcd"), MSGPACK_EXT, 127, "abcd"},
	    {BYTES("\xd7\200abcdefgh"), MSGPACK_EXT, -128, "abcdefgh"},
	    {BYTES("\xd8\000abcdefghijklmnop"), MSGPACK_EXT, 0, "abcdefghijklmnop"},
	    {BYTES("\xc7\x00\x05"), MSGPACK_EXT, 5, ""},
	    {BYTES("\xc7\x03\005abc"), MSGPACK_EXT, 5, "abc"},
	    {BYTES("\xc8\x00\x03\005abc"), MSGPACK_EXT, 5, "abc"},
	    {BYTES("\xc9\x00\x00\x00\x03\005abc"), MSGPACK_EXT, 5, "abc"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct msgpack_token got = read_token(t[i].bytes);

		assert_int_equal(got.type, t[i].type);
		assert_int_equal(got.ext, t[i].ext);
		assert_true(slice_is(got.data, t[i].body));
	}
}

static void heads(void **state)
{
	static const struct {
		enum msgpack_type type;
		uint32_t n;
		struct slice bytes;
	} t[] = {
	    {MSGPACK_ARRAY, 0, BYTES("\x90")},
	    {MSGPACK_ARRAY, 15, BYTES("\x9f")},
	    {MSGPACK_ARRAY, 16, BYTES("\xdc\x00\x10")},
	    {MSGPACK_ARRAY, 65535, BYTES("\xdc\xff\xff")},
	    {MSGPACK_ARRAY, 65536, BYTES("\xdd\x00\x01\x00\x00")},
	    {MSGPACK_MAP, 0, BYTES("\x80")},
	    {MSGPACK_MAP, 15, BYTES("\x8f")},
	    {MSGPACK_MAP, 16, BYTES("\xde\x00\x10")},
	    {MSGPACK_MAP, 65536, BYTES("\xdf\x00\x01\x00\x00")},
	    {MSGPACK_MAP, UINT32_MAX, BYTES("\xdf\xff\xff\xff\xff")},
	    {MSGPACK_STR, 31, BYTES("\xbf")},
	    {MSGPACK_STR, 32, BYTES("\xd9\x20")},
	    {MSGPACK_STR, 255, BYTES("\xd9\xff")},
	    {MSGPACK_STR, 256, BYTES("\xda\x01\x00")},
	    {MSGPACK_STR, 65536, BYTES("\xdb\x00\x01\x00\x00")},
	    {MSGPACK_BIN, 0, BYTES("\xc4\x00")},
	    {MSGPACK_BIN, 255, BYTES("\xc4\xff")},
	    {MSGPACK_BIN, 256, BYTES("\xc5\x01\x00")},
	    {MSGPACK_BIN, 65536, BYTES("\xc6\x00\x01\x00\x00")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		uint8_t out[MSGPACK_HEAD_MAX];

		assert_int_equal(msgpack_write_head(t[i].type, t[i].n, out), t[i].bytes.n);
		assert_memory_equal(out, t[i].bytes.p, t[i].bytes.n);
		if (t[i].type == MSGPACK_ARRAY || t[i].type == MSGPACK_MAP) {
			struct msgpack_token got = read_token(t[i].bytes);

			assert_int_equal(got.type, t[i].type);
			assert_int_equal(got.count, t[i].n);
		}
	}
}

static void skipping(void **state)
{
	static const char value[] = "\x83\241a\x93\x01\x80\xc4\002xy\241b\xdc\x00\x01\xd4\x00\x00\x05\31312345678";
	static const char lie[] = "\xdd\xff\xff\xff\xff\xdf\xff\xff\xff\xff\x00";
	uint8_t deep[1000];

	(void)state;
	for (size_t n = 0; n < sizeof value - 1; n++)
		assert_int_equal(msgpack_skip((const uint8_t *)value, n), 0);
	assert_int_equal(msgpack_skip((const uint8_t *)value, sizeof value - 1), sizeof value - 1);
	assert_int_equal(msgpack_skip((const uint8_t *)value, sizeof value), sizeof value - 1);
	assert_int_equal(msgpack_skip((const uint8_t *)lie, sizeof lie - 1), 0);
	assert_int_equal(msgpack_skip((const uint8_t *)"\x92\x01\xc1", 3), PROTO_EMSGPACK);
	memset(deep, 0x91, sizeof deep);
	assert_int_equal(msgpack_skip(deep, sizeof deep), 0);
	deep[sizeof deep - 1] = 0;
	assert_int_equal(msgpack_skip(deep, sizeof deep), sizeof deep);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unsigned_integers),
	    cmocka_unit_test(negative_integers),
	    cmocka_unit_test(floats_and_words),
	    cmocka_unit_test(bodies),
	    cmocka_unit_test(heads),
	    cmocka_unit_test(skipping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
