/*
 * t_sio_msgpack.c - packets in MessagePack: what comes out as text, and what is refused.
 *
 * The bytes are notepack's; t_sio_msgpack_oracle.c asks it about many more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/sio_msgpack.h"
#include "tests/unit/sio_msgpack_fixture.h"

static const struct json_limits lim = {.depth = 16, .values = 1000};

static ssize_t decode(struct slice in, struct sio_msgpack *out, char *text, size_t cap)
{
	return sio_msgpack_decode((const uint8_t *)in.p, in.n, &lim, out, text, cap);
}

static void decode_good(void **state)
{
	static const struct {
		struct slice in;
		enum sio_type type;
		const char *nsp;
		long long id; /* -1: none */
		const char *payload, *name, *args;
		unsigned nargs;
	} t[] = {
	    {BYTES("\x82" TYPE("\x00") NSP), SIO_CONNECT, "/", -1, "", "", "", 0},
	    {BYTES("\x83" TYPE("\x00") DATA "\xd4\x00\x00" NSP), SIO_CONNECT, "/", -1, "", "", "", 0},
	    {BYTES("\x83" TYPE("\x00") DATA "\x81\xa1t\xa1x" NSP), SIO_CONNECT, "/", -1, "{\"t\":\"x\"}", "", "", 0},
	    {BYTES("\x82" TYPE("\x01") "\xa3nsp\xa5/chat"), SIO_DISCONNECT, "/chat", -1, "", "", "", 0},
	    {BYTES("\x83" TYPE("\x02") DATA "\x92\241e\x01" NSP), SIO_EVENT, "/", -1, "[\"e\",1]", "e", ",1", 1},
	    {BYTES("\x84" TYPE("\x02") DATA "\x92\241e\x01" NSP "\xa2id\x0c"), SIO_EVENT, "/", 12, "[\"e\",1]", "e",
		",1", 1},
	    {BYTES("\x84\xa2id\xcd\x01\x00" NSP DATA "\x91\241e" TYPE("\x02")), SIO_EVENT, "/", 256, "[\"e\"]", "e", "",
		0},
	    {BYTES("\x83" TYPE("\x02") DATA "\x91\xd1\xfe\xd4" NSP), SIO_EVENT, "/", -1, "[-300]", "-300", "", 0},
	    {BYTES("\x84" TYPE("\x03") DATA "\x91\xc3" NSP "\xa2id\x00"), SIO_ACK, "/", 0, "[true]", "", "", 0},
	    {BYTES("\x83" TYPE("\x03") DATA "\x90" NSP), SIO_ACK, "/", -1, "[]", "", "", 0},
	    {BYTES("\x83" TYPE("\x04") DATA "\x81\xa7message\xa2no" NSP), SIO_CONNECT_ERROR, "/", -1,
		"{\"message\":\"no\"}", "", "", 0},
	    {BYTES("\x83" TYPE("\x04") DATA "\xa2no" NSP), SIO_CONNECT_ERROR, "/", -1, "\"no\"", "", "", 0},
	    /* id and data undefined: as if they were not there. */
	    {BYTES("\x84" TYPE("\x03") DATA "\x90" NSP "\xa2id\xd4\x00\x00"), SIO_ACK, "/", -1, "[]", "", "", 0},
	    /* Numbers as JavaScript sees them. */
	    {BYTES(
		 "\x84" TYPE("\xcb\x40\x00\x00\x00\x00\x00\x00\x00") DATA "\x91\241e" NSP "\xa2id\xca\x3f\x80\x00\x00"),
		SIO_EVENT, "/", 1, "[\"e\"]", "e", "", 0},
	    /* The last of a name counts, what is not known is skipped, with all that is in it. */
	    {BYTES("\x86" DATA "\x92\xa1x\xc4\x01\x00" TYPE("\x00") DATA
		 "\x91\xa1y"
		 "\xa7options\x81\x01\x92\xc4\x00\xa1\xff" TYPE("\x02") NSP),
		SIO_EVENT, "/", -1, "[\"y\"]", "y", "", 0},
	    {BYTES("\x83" TYPE("\x02") DATA "\x91\241e\xa3nsp\xab/a?b=c&d,\xc3\xa9"), SIO_EVENT, "/a?b=c&d,\xc3\xa9",
		-1, "[\"e\"]", "e", "", 0},
	    {BYTES("\xdf\x00\x00\x00\x03\xd9\x04type\x02\xda\x00\004data\xdd\x00\x00\x00\x01\xdb\x00\x00\x00\001e" NSP),
		SIO_EVENT, "/", -1, "[\"e\"]", "e", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct sio_msgpack m;
		char text[256];
		ssize_t n = decode(t[i].in, &m, text, sizeof text);

		if (n < 0)
			fail_msg("%s: %s", t[i].payload, proto_strerror((int)n));
		assert_int_equal(n, strlen(t[i].payload));
		assert_int_equal(m.packet.type, t[i].type);
		assert_true(slice_is(m.packet.nsp, t[i].nsp));
		assert_int_equal(m.packet.has_id, t[i].id >= 0);
		assert_int_equal(m.packet.id, t[i].id >= 0 ? t[i].id : 0);
		assert_int_equal(m.packet.attachments, 0);
		assert_true(slice_is(m.packet.payload, t[i].payload));
		assert_true(slice_is(m.packet.name, t[i].name));
		assert_true(slice_is(m.packet.args, t[i].args));
		assert_int_equal(m.packet.nargs, t[i].nargs);
	}
}

/* One argument of an event, as text; and how many attachments it brings. */
static void decode_values(void **state)
{
	static const struct {
		struct slice in;
		const char *want;
		unsigned attachments;
	} t[] = {
	    {EVENT("\xc0"), "null", 0},
	    {EVENT("\xc2"), "false", 0},
	    {EVENT("\xff"), "-1", 0},
	    {EVENT("\xcf\x00\x20\x00\x00\x00\x00\x00\x01"), "9007199254740993", 0},
	    {EVENT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615", 0},
	    {EVENT("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), "-9223372036854775808", 0},
	    {EVENT("\xca\x3d\xcc\xcc\xcd"), "0.10000000149011612", 0},
	    {EVENT("\xcb\x44\x4b\x1a\xe4\xd6\xe2\xef\x50"), "1e+21", 0},
	    {EVENT("\xcb\x80\x00\x00\x00\x00\x00\x00\x00"), "0", 0},
	    {EVENT("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"), "null", 0},
	    {EVENT("\xca\xff\xc0\x00\x00"), "null", 0},
	    {EVENT("\xa0"), "\"\"", 0},
	    {EVENT("\xa7\"\\/\n\x00\x1f\x7f"), "\"\\\"\\\\/\\n\\u0000\\u001f\x7f\"", 0},
	    {EVENT("\xa3\xe2\x82\xac"), "\"\xe2\x82\xac\"", 0},
	    {EVENT("\x90"), "[]", 0},
	    {EVENT("\x80"), "{}", 0},
	    {EVENT("\x82\241a\x91\x80\xa0\x92\x90\xc3"), "{\"a\":[{}],\"\":[[],true]}", 0},
	    {EVENT("\x81\xa2\"\n\x01"), "{\"\\\"\\n\":1}", 0},
	    /* undefined */
	    {EVENT("\xd4\x00\x00"), "null", 0},
	    {EVENT("\x93\x01\xd4\x00\x07\x02"), "[1,null,2]", 0},
	    {EVENT("\x81\241a\xd4\x00\x00"), "{}", 0},
	    {EVENT("\x83\241a\xd4\x00\x00\241b\x01\241c\xd4\x00\x00"), "{\"b\":1}", 0},
	    {EVENT("\x82\241a\x01\241b\x81\241c\xd4\x00\x00"), "{\"a\":1,\"b\":{}}", 0},
	    /* Dates: 32, 64 and 96 bits, and notepack 2's milliseconds. */
	    {EVENT("\xd6\xff\x00\x00\x00\x01"), "\"1970-01-01T00:00:01.000Z\"", 0},
	    {EVENT("\xd6\xff\xff\xff\xff\xff"), "\"2106-02-07T06:28:15.000Z\"", 0},
	    {EVENT("\xd7\xff\x77\x35\x94\x00\x00\x00\x00\x01"), "\"1970-01-01T00:00:01.500Z\"", 0},
	    {EVENT("\xd7\xff\x00\x00\x00\x03\xff\xff\xff\xff"), "\"2514-05-30T01:53:03.000Z\"", 0},
	    {EVENT("\xc7\x0c\xff\x3b\x02\x33\x80\xff\xff\xff\xff\xff\xff\xff\xff"), "\"1969-12-31T23:59:59.990Z\"", 0},
	    {EVENT("\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"), "null", 0},
	    {EVENT("\xd7\x00\xff\xff\xff\xff\xff\xff\xff\xff"), "\"1969-12-31T23:59:59.999Z\"", 0},
	    {EVENT("\xd7\x00\x00\x00\x01\x1f\x71\xfb\x04\xcb"), "\"2009-02-13T23:31:30.123Z\"", 0},
	    /* Binary, and notepack 2's ArrayBuffer. */
	    {EVENT("\xc4\x00"), "{\"_placeholder\":true,\"num\":0}", 1},
	    {EVENT("\x92\xc5\x00\x02xy\x81\xa1k\xc6\x00\x00\x00\x01z"),
		"[{\"_placeholder\":true,\"num\":0},{\"k\":{\"_placeholder\":true,\"num\":1}}]", 2},
	    {EVENT("\x93\xc7\x01\x00x\xc8\x00\x01\x00y\xc9\x00\x00\x00\x01\x00z"),
		"[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":2}"
		"]",
		3},
	    {EVENT("\xc7\x01\x00\x00"), "{\"_placeholder\":true,\"num\":0}", 1},
	    {EVENT("\xc7\x08\00012345678"), "{\"_placeholder\":true,\"num\":0}", 1},
	    {EVENT("\x9a\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x01!"), NULL, 10},
	    /* Without binary beside it an object is an object. */
	    {EVENT("\x82\xac_placeholder\xc3\xa3num\x09"), "{\"_placeholder\":true,\"num\":9}", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct sio_msgpack m;
		char text[512];
		ssize_t n = decode(t[i].in, &m, text, sizeof text);

		if (n < 0)
			fail_msg("%zu %s: %s", i, t[i].want ? t[i].want : "", proto_strerror((int)n));
		assert_int_equal(text[4], ',');
		if (t[i].want && !slice_eq(slice_make(text + 5, (size_t)n - 6), str(t[i].want)))
			fail_msg("%s: %.*s", t[i].want, (int)n, text);
		assert_int_equal(m.packet.attachments, t[i].attachments);
		assert_int_equal(m.packet.type, t[i].attachments ? SIO_BINARY_EVENT : SIO_EVENT);
		for (unsigned k = 0; k < t[i].attachments; k++) {
			const char *p = m.attachment[k].p;

			assert_true(p >= t[i].in.p && p + m.attachment[k].n <= t[i].in.p + t[i].in.n);
		}
		assert_true((size_t)n <= SIO_MSGPACK_TEXT_MAX(t[i].in.n));
	}
}

static void attachments_in_order(void **state)
{
	struct sio_msgpack m;
	char text[256];

	(void)state;
	assert_true(decode((struct slice)EVENT("\x93\xc4\x02xy\xc7\x01\x00z\xc4\x00"), &m, text, sizeof text) > 0);
	assert_int_equal(m.packet.attachments, 3);
	assert_true(slice_is(m.attachment[0], "xy") && slice_is(m.attachment[1], "z") && m.attachment[2].n == 0);
	assert_true(
	    decode((struct slice)BYTES("\x83" TYPE("\x03") DATA "\x91\xc4\x01q" NSP), &m, text, sizeof text) > 0);
	assert_int_equal(m.packet.type, SIO_BINARY_ACK);
	assert_true(slice_is(m.attachment[0], "q"));
}

static void decode_bad(void **state)
{
	static const struct {
		struct slice in;
		int err;
	} t[] = {
	    {{"", 0}, PROTO_EMSGPACK},
	    {BYTES("\xc1"), PROTO_EMSGPACK},
	    {BYTES("\x05"), PROTO_EPACKET},
	    {BYTES("\x90"), PROTO_EPACKET},
	    {BYTES("2[\"a\"]"), PROTO_EPACKET},
	    {BYTES("\x80"), PROTO_EPACKET},
	    {BYTES("\x81" TYPE("\x00")), PROTO_EPACKET},
	    {BYTES("\x81" NSP), PROTO_EPACKET},
	    {BYTES("\x82" TYPE("\x00") NSP "\x00"), PROTO_EMSGPACK},
	    {BYTES("\x82" TYPE("\x00") NSP "\xc0"), PROTO_EMSGPACK},
	    {BYTES("\x83" TYPE("\x00") NSP), PROTO_EMSGPACK},
	    {BYTES("\x83" TYPE("\x00") NSP "\x01\x02"), PROTO_EMSGPACK},
	    {BYTES("\xdf\xff\xff\xff\xff" TYPE("\x00") NSP), PROTO_EMSGPACK},
	    /* type */
	    {BYTES("\x83" TYPE("\x05") DATA "\x91\241e" NSP), PROTO_EPACKET},
	    {BYTES("\x83" TYPE("\xff") DATA "\x91\241e" NSP), PROTO_EPACKET},
	    {BYTES("\x83" TYPE("\2412") DATA "\x91\241e" NSP), PROTO_EPACKET},
	    {BYTES("\x83" TYPE("\xca\x3f\xc0\x00\x00") DATA "\x91\241e" NSP), PROTO_EPACKET},
	    {BYTES("\x83" TYPE("\xca\x7f\xc0\x00\x00") DATA "\x91\241e" NSP), PROTO_EPACKET},
	    {BYTES("\x83" TYPE("\xc0") DATA "\x91\241e" NSP), PROTO_EPACKET},
	    /* nsp */
	    {BYTES("\x82" TYPE("\x00") "\xa3nsp\xa0"), PROTO_EPACKET},
	    {BYTES("\x82" TYPE("\x00") "\xa3nsp\xa1x"), PROTO_EPACKET},
	    {BYTES("\x82" TYPE("\x00") "\xa3nsp\xc4\x01/"), PROTO_EPACKET},
	    {BYTES("\x82" TYPE("\x00") "\xa3nsp\xa2/\xff"), PROTO_EPACKET},
	    {BYTES("\x82" TYPE("\x00") "\xa3nsp\x91\xa1/"), PROTO_EPACKET},
	    /* id */
	    {BYTES("\x84" TYPE("\x03") DATA "\x90" NSP "\xa2id\xff"), PROTO_EACKID},
	    {BYTES("\x84" TYPE("\x03") DATA "\x90" NSP "\xa2id\xc0"), PROTO_EACKID},
	    {BYTES("\x84" TYPE("\x03") DATA "\x90" NSP "\xa2id\2411"), PROTO_EACKID},
	    {BYTES("\x84" TYPE("\x03") DATA "\x90" NSP "\xa2id\xca\x3f\xc0\x00\x00"), PROTO_EACKID},
	    {BYTES("\x84" TYPE("\x03") DATA "\x90" NSP "\xa2id\xcf\x00\x03\x8d\x7e\xa4\xc6\x80\x00"), PROTO_EACKID},
	    /* data */
	    {BYTES("\x83" TYPE("\x00") DATA "\xc0" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x00") DATA "\x90" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x00") DATA "\x81\241a\xc4\x00" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x01") DATA "\xc0" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x01") DATA "\x80" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x82" TYPE("\x02") NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x02") DATA "\xd4\x00\x00" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x02") DATA "\x90" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x02") DATA "\x80" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x02") DATA "\x91\xc0" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x02") DATA "\x91\xc4\x00" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x02") DATA "\xc4\x00" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x82" TYPE("\x03") NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x03") DATA "\xa1x" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x82" TYPE("\x04") NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x04") DATA "\x90" NSP), PROTO_EPAYLOAD},
	    {BYTES("\x83" TYPE("\x02") DATA "\x91\247connect" NSP), PROTO_ERESERVED},
	    {BYTES("\x83" TYPE("\x02") DATA "\x91\255disconnecting" NSP), PROTO_ERESERVED},
	    /* values */
	    {EVENT("\xc1"), PROTO_EMSGPACK},
	    {EVENT("\x81\x01\x02"), PROTO_EMSGPACK},
	    {EVENT("\x81\xc0\x02"), PROTO_EMSGPACK},
	    {EVENT("\x81\xc4\001a\x02"), PROTO_EMSGPACK},
	    {EVENT("\xa1\xff"), PROTO_EJSON_UTF8},
	    {EVENT("\xa3\xed\xa0\x80"), PROTO_EJSON_UTF8},
	    {EVENT("\x81\xa1\xff\x01"), PROTO_EJSON_UTF8},
	    {EVENT("\xd4\x01\x00"), PROTO_EMSGPACK},
	    {EVENT("\xd5\x00\x00\x00"), PROTO_EMSGPACK},
	    {EVENT("\xd6\x00\x00\x00\x00\x00"), PROTO_EMSGPACK},
	    {EVENT("\xc7\x01\x01\x00"), PROTO_EMSGPACK},
	    {EVENT("\xd4\xff\x00"), PROTO_EMSGPACK},
	    {EVENT("\xc7\x05\37712345"), PROTO_EMSGPACK},
	    {EVENT("\x92\xdd\xff\xff\xff\xff\x01"), PROTO_EMSGPACK},
	    {EVENT("\xc6\xff\xff\xff\xff\x01"), PROTO_EMSGPACK},
	    {EVENT("\xdb\xff\xff\xff\xff\x01"), PROTO_EMSGPACK},
	    /* attachments: eleven; a placeholder that somebody wrote, right or wrong */
	    {EVENT("\x9b\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xc4\x00"),
		PROTO_EATTACH},
	    {EVENT("\x92\xc4\x00\x82\xac_placeholder\xc3\xa3num\x00"), PROTO_EATTACH},
	    {EVENT("\x92\xc4\x00\x82\xac_placeholder\xc3\xa3num\x09"), PROTO_EATTACH},
	    {EVENT("\x82\xac_placeholder\xc3\xa3num\xc4\x00"), PROTO_EATTACH},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct sio_msgpack m;
		char text[1024];
		ssize_t n = decode(t[i].in, &m, text, sizeof text);

		if (n != t[i].err)
			fail_msg("%zu: %s, not %s", i, n >= 0 ? "accepted" : proto_strerror((int)n),
			    proto_strerror(t[i].err));
	}
}

static const struct slice whole = BYTES("\x84" TYPE("\x02") DATA
    "\x96\245event\x82\xa1k\x93\x01\xc0\31312345678\xa1l\xc4\x02xy"
    "\xd9\003abc\xd6\xff\x00\x00\x00\x01\xd4\x00\x00\xce\x00\x01\x00\x00" NSP "\xa2id\xcc\x80");

/* Cut anywhere, in memory of exactly its size: never a packet. */
static void decode_every_prefix(void **state)
{
	(void)state;
	for (size_t n = 0; n <= whole.n; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		struct sio_msgpack m;
		char text[512];
		ssize_t r;

		assert_non_null(copy);
		memcpy(copy, whole.p, n);
		r = decode(slice_make(copy, n), &m, text, sizeof text);
		if (n < whole.n)
			assert_int_equal(r, PROTO_EMSGPACK);
		else
			assert_true(r > 0);
		free(copy);
	}
}

/* The length is the same whatever the room, and nothing is written behind it. */
static void decode_every_capacity(void **state)
{
	struct sio_msgpack m;
	char want[512];
	ssize_t need = decode(whole, &m, want, sizeof want);

	(void)state;
	for (size_t cap = 0; cap <= (size_t)need; cap++) {
		char *text = malloc(cap ? cap : 1);

		assert_non_null(text);
		assert_int_equal(decode(whole, &m, cap ? text : NULL, cap), need);
		if (cap == (size_t)need)
			assert_memory_equal(text, want, cap);
		free(text);
	}
}

static void decode_limits(void **state)
{
	const struct json_limits tight = {.depth = 3, .values = 5};
	static const char *const good[] = {"\x92\241e\x91\x91\x01", "\x94\241e\x01\x02\x03"};
	static const char *const bad[] = {"\x92\241e\x91\x91\x91\x01", "\x95\241e\x01\x02\x03\x04"};
	static const int err[] = {PROTO_EJSON_DEPTH, PROTO_EJSON_SIZE};
	enum { BOMB = 1 << 20 };
	uint8_t *bomb = malloc(BOMB);
	struct sio_msgpack m;
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char in[64];
		int n = snprintf(in, sizeof in, "\x83%s%c%s%s%s", "\xa4type", 2, DATA, good[i], NSP);

		assert_true(sio_msgpack_decode((uint8_t *)in, (size_t)n, &tight, &m, text, sizeof text) > 0);
		n = snprintf(in, sizeof in, "\x83%s%c%s%s%s", "\xa4type", 2, DATA, bad[i], NSP);
		assert_int_equal(sio_msgpack_decode((uint8_t *)in, (size_t)n, &tight, &m, text, sizeof text), err[i]);
	}
	/* A megabyte of open arrays, as data and as something else. */
	assert_non_null(bomb);
	memset(bomb, 0x91, BOMB);
	memcpy(bomb, "\x83" DATA, 6);
	assert_int_equal(decode(slice_make(bomb, BOMB), &m, text, sizeof text), PROTO_EJSON_DEPTH);
	memcpy(bomb, "\x83\244else", 6);
	assert_int_equal(decode(slice_make(bomb, BOMB), &m, text, sizeof text), PROTO_EMSGPACK);
	free(bomb);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode_good),
	    cmocka_unit_test(decode_values),
	    cmocka_unit_test(attachments_in_order),
	    cmocka_unit_test(decode_bad),
	    cmocka_unit_test(decode_every_prefix),
	    cmocka_unit_test(decode_every_capacity),
	    cmocka_unit_test(decode_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
