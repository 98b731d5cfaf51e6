/*
 * t_ws_inflate.c - compressed messages in frames: where RSV1 may be, fragments, limits, leases with and without.
 */
#include "tests/unit/ws_fixture.h"

#define RSV1  0x40u
#define RSV2  0x20u
#define RSV3  0x10u
#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00" /* RFC 7692, section 7.2.3.1 */

static struct deflater *deflater;
static struct inflater *inflater;

static int setup(void **state)
{
	(void)state;
	deflater = deflater_new(15);
	inflater = inflater_new();
	return deflater == NULL || inflater == NULL;
}

static int teardown(void **state)
{
	(void)state;
	deflater_free(deflater);
	inflater_free(inflater);
	return 0;
}

static int feed_with(struct ws_lease *l, struct inflater *i, const uint8_t *p, size_t n, struct heard *h)
{
	uint8_t *copy = malloc(n ? n : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, p, n);
	rc = ws_feed(l, i, copy, n, hear, h);
	free(copy);
	return rc;
}

/* A compressed message in one frame. */
static size_t packed_frame(uint8_t *out, unsigned op, const void *p, size_t n)
{
	uint8_t *packed = malloc(deflater_bound(n));
	ssize_t len;
	size_t written;

	assert_non_null(packed);
	len = deflater_message(deflater, p, n, packed, deflater_bound(n));
	assert_true(len > 0);
	written = frame(out, FIN | RSV1 | op, packed, (size_t)len);
	free(packed);
	return written;
}

static void header_out(void **state)
{
	uint8_t h[WS_HEADER_MAX];

	(void)state;
	assert_int_equal(ws_header_deflated(h, WS_TEXT, 7), 2);
	assert_memory_equal(h, "\xc1\x07", 2);
	assert_int_equal(ws_header_deflated(h, WS_BINARY, 256), 4);
	assert_memory_equal(h, "\xc2\x7e\x01\x00", 4);
}

/* All reserved bits, all opcodes: RSV1 on text and binary only, and only when it was negotiated. */
static void peek_reserved_bits(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		uint8_t h[2] = {(uint8_t)first, 0x85};
		unsigned op = first & 15u, rsv = first & 0x70u;
		bool known = op <= 2 || (op >= 8 && op <= 10), ok = known && (op < 8 || (first & FIN));

		if (ws_peek(h, 2, &lim, false) != (ok && rsv == 0 ? 11 : PROTO_EFRAME))
			fail_msg("%02x, off", first);
		if (ws_peek(h, 2, &lim, true) !=
		    (ok && (rsv == 0 || (rsv == RSV1 && (op == 1 || op == 2))) ? 11 : PROTO_EFRAME))
			fail_msg("%02x, on", first);
	}
}

static void rsv1_in_wrong_places(void **state)
{
	static const struct {
		unsigned frames[3]; /* first bytes; 0xfff ends */
		bool on;
	} t[] = {
	    {{FIN | RSV1 | WS_TEXT, 0xfff}, false},
	    {{FIN | RSV2 | WS_TEXT, 0xfff}, true},
	    {{FIN | RSV3 | WS_TEXT, 0xfff}, true},
	    {{FIN | RSV1 | RSV2 | WS_TEXT, 0xfff}, true},
	    {{FIN | RSV1 | RSV3 | WS_BINARY, 0xfff}, true},
	    {{WS_TEXT, FIN | RSV1 | WS_CONT, 0xfff}, true},
	    {{RSV1 | WS_TEXT, FIN | RSV1 | WS_CONT, 0xfff}, true},
	    {{RSV1 | WS_BINARY, RSV1 | WS_CONT, 0xfff}, true},
	    {{FIN | RSV1 | WS_PING, 0xfff}, true},
	    {{FIN | RSV1 | WS_PONG, 0xfff}, true},
	    {{FIN | RSV1 | WS_CLOSE, 0xfff}, true},
	    {{RSV1 | WS_TEXT, FIN | RSV1 | WS_PING, 0xfff}, true},
	    {{RSV1 | WS_TEXT, FIN | RSV1 | WS_TEXT, 0xfff}, true},
	    {{FIN | RSV1 | WS_CONT, 0xfff}, true},
	};
	uint8_t buf[256];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct ws_lease *l = ws_lease_new(&lim);
		struct heard h = {0};
		size_t n = 0;
		int rc;

		assert_non_null(l);
		for (size_t k = 0; k < 3 && t[i].frames[k] != 0xfff; k++)
			n += frame(buf + n, t[i].frames[k], "", 0);
		rc = feed_with(l, t[i].on ? inflater : NULL, buf, n, &h);
		if (rc != PROTO_EFRAME || h.count != 0)
			fail_msg("case %zu: %s", i, proto_strerror(rc));
		ws_lease_free(l);
	}
}

static void inflates(void **state)
{
	struct ws_lease *l = ws_lease_new(&lim);
	struct heard h = {0};
	uint8_t buf[512];
	size_t n = 0;

	(void)state;
	assert_non_null(l);
	n += frame(buf + n, FIN | RSV1 | WS_TEXT, HELLO, 7);
	n += frame(buf + n, FIN | RSV1 | WS_BINARY, HELLO, 7);
	n += text_frame(buf + n, FIN | WS_TEXT, "plain");
	n += frame(buf + n, FIN | RSV1 | WS_TEXT, "\0", 1);
	n += frame(buf + n, FIN | RSV1 | WS_TEXT, "", 0);
	/* RFC 7692, section 7.2.3.1, in two frames, and with controls between them. */
	n += frame(buf + n, RSV1 | WS_TEXT, HELLO, 3);
	n += text_frame(buf + n, FIN | WS_PING, "p");
	n += frame(buf + n, WS_CONT, "", 0);
	n += text_frame(buf + n, FIN | WS_PONG, "");
	n += frame(buf + n, FIN | WS_CONT, HELLO + 3, 4);
	n += text_frame(buf + n, WS_TEXT, "pl");
	n += text_frame(buf + n, FIN | WS_CONT, "ain");
	assert_int_equal(feed_with(l, inflater, buf, n, &h), 0);
	assert_string_equal(h.text, "T5:Hello B5:Hello T5:plain T0: T0: P1:p T5:Hello T5:plain ");
	assert_true(ws_lease_idle(l));
	ws_lease_free(l);
}

static void large_messages(void **state)
{
	static const size_t sizes[] = {0, 1, 125, 126, 4090, 65535, 65536, 65537, 99999, 100000};
	struct ws_lease *l = ws_lease_new(&lim);
	uint8_t *buf = malloc(2 * deflater_bound(100000)), *payload = malloc(100000);

	(void)state;
	assert_non_null(l);
	assert_non_null(buf);
	assert_non_null(payload);
	for (unsigned i = 0; i < 100000; i++)
		payload[i] = (uint8_t)('a' + i * i % 23);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct heard h = {0}, want = {0};
		struct ws_message m = {.opcode = WS_TEXT, .data = payload, .len = sizes[i]};
		size_t n = packed_frame(buf, WS_TEXT, payload, sizes[i]);

		n += frame(buf + n, FIN | WS_TEXT, payload, sizes[i]);
		hear(&want, &m);
		hear(&want, &m);
		assert_int_equal(feed_with(l, inflater, buf, n, &h), 0);
		assert_string_equal(h.text, want.text);
		assert_true(h.hash == want.hash);
	}
	free(buf);
	free(payload);
	ws_lease_free(l);
}

/* Fed frame by frame as they become whole, a byte of the stream at a time. */
static void byte_by_byte(void **state)
{
	struct ws_lease *l = ws_lease_new(&lim);
	struct heard h = {0};
	uint8_t buf[512];
	size_t n = 0, done = 0;

	(void)state;
	assert_non_null(l);
	for (unsigned i = 0; i < 7; i++)
		n += frame(buf + n, (i == 6 ? FIN : 0) | (i == 0 ? RSV1 | WS_TEXT : WS_CONT), HELLO + i, 1);
	n += packed_frame(buf + n, WS_BINARY, "abcabcabcabcabcabc", 18);
	for (size_t have = 1; have <= n; have++) {
		ssize_t len = ws_peek(buf + done, have - done, &lim, true);

		assert_true(len >= 0);
		if (len > 0 && (size_t)len == have - done) {
			assert_int_equal(feed_with(l, inflater, buf + done, (size_t)len, &h), 0);
			done = have;
		}
	}
	assert_int_equal(done, n);
	assert_string_equal(h.text, "T5:Hello B18:abcabcabcabcabcabc ");
	ws_lease_free(l);
}

/* UTF-8 is a matter of the message, not of the compressed bytes. */
static void utf8_after_inflating(void **state)
{
	static const char *const bad[] = {"\xc3(", "\xed\xa0\x80", "\xff", "ab\xe2\x82", "\x80"};
	uint8_t buf[128];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct ws_lease *l = ws_lease_new(&lim);
		struct heard h = {0};
		size_t n = packed_frame(buf, WS_BINARY, bad[i], strlen(bad[i]));

		assert_non_null(l);
		assert_int_equal(feed_with(l, inflater, buf, n, &h), 0);
		assert_int_equal(h.count, 1);
		n = packed_frame(buf, WS_TEXT, bad[i], strlen(bad[i]));
		assert_int_equal(feed_with(l, inflater, buf, n, &h), PROTO_EFRAME_UTF8);
		assert_int_equal(h.count, 1);
		assert_false(ws_lease_idle(l));
		ws_lease_free(l);
	}
}

static void refused(void **state)
{
	static uint8_t zeros[200000];
	static const struct {
		const char *payload;
		size_t n;
	} bad[] = {{"\xff\xff", 2}, {HELLO, 4}, {"\x07", 1}, {"\xf2\x00\x11\x00\x00", 5}};
	uint8_t *buf = malloc(deflater_bound(sizeof zeros) + 20);

	(void)state;
	assert_non_null(buf);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct ws_lease *l = ws_lease_new(&lim);
		struct heard h = {0};
		size_t n = frame(buf, FIN | RSV1 | WS_BINARY, bad[i].payload, bad[i].n);

		assert_int_equal(feed_with(l, inflater, buf, n, &h), PROTO_EFRAME_DEFLATE);
		assert_int_equal(h.count, 0);
		ws_lease_free(l);
	}
	assert_int_equal(ws_error_code(PROTO_EFRAME_DEFLATE), 1007);
	for (size_t len = 99999; len <= 100001; len++) {
		struct ws_lease *l = ws_lease_new(&lim);
		struct heard h = {0};
		size_t n = packed_frame(buf, WS_BINARY, zeros, len);

		assert_int_equal(feed_with(l, inflater, buf, n, &h), len > lim.max_message ? PROTO_EFRAME_SIZE : 0);
		ws_lease_free(l);
	}
	free(buf);
}

/* What is compressed counts too: the limit of fragments, and of bytes over all of them. */
static void limits_of_what_arrives(void **state)
{
	static const struct ws_limits tight = {.max_message = 20, .max_fragments = 3};
	uint8_t buf[256];
	struct heard h = {0};
	struct ws_lease *l = ws_lease_new(&tight);
	size_t n = frame(buf, RSV1 | WS_BINARY, "\x00\x00\x00\xff\xff\x00\x00\x00\xff\xff", 10);

	(void)state;
	assert_non_null(l);
	n += frame(buf + n, FIN | WS_CONT, "\x00\x00\x00\xff\xff\x00\x00\x00\xff\xff\x00", 11);
	assert_int_equal(feed_with(l, inflater, buf, n, &h), PROTO_EFRAME_SIZE);
	ws_lease_free(l);

	l = ws_lease_new(&tight);
	assert_non_null(l);
	n = frame(buf, RSV1 | WS_BINARY, HELLO, 2);
	n += frame(buf + n, WS_CONT, HELLO + 2, 2);
	n += frame(buf + n, WS_CONT, HELLO + 4, 2);
	n += frame(buf + n, FIN | WS_CONT, HELLO + 6, 1);
	assert_int_equal(feed_with(l, inflater, buf, n, &h), PROTO_EFRAGMENTS);
	assert_int_equal(h.count, 0);
	ws_lease_free(l);
}

/* Connections with the extension and without take turns; the inflater serves others inside a message. */
static void leases_are_shared(void **state)
{
	struct ws_lease *l = ws_lease_new(&lim), *other = ws_lease_new(&lim);
	struct heard h = {0};
	uint8_t buf[256];
	size_t n;

	(void)state;
	assert_non_null(l);
	assert_non_null(other);
	for (unsigned i = 0; i < 5; i++) {
		n = frame(buf, RSV1 | WS_TEXT, HELLO, 4);
		assert_int_equal(feed_with(l, inflater, buf, n, &h), 0);
		assert_false(ws_lease_idle(l));
		n = frame(buf, FIN | RSV1 | WS_TEXT, HELLO, 7);
		assert_int_equal(feed_with(other, inflater, buf, n, &h), 0);
		n = frame(buf, FIN | WS_CONT, HELLO + 4, 3);
		assert_int_equal(feed_with(l, inflater, buf, n, &h), 0);
		n = text_frame(buf, FIN | WS_TEXT, "plain");
		assert_int_equal(feed_with(l, NULL, buf, n, &h), 0);
		assert_true(ws_lease_idle(l));
		assert_int_equal(h.count, 3 * (i + 1));
		assert_string_equal(h.text + h.n - 27, "T5:Hello T5:Hello T5:plain ");
	}
	n = frame(buf, FIN | RSV1 | WS_TEXT, HELLO, 7);
	assert_int_equal(feed_with(l, NULL, buf, n, &h), PROTO_EFRAME);
	ws_lease_free(l);
	/* The rest of a compressed message through a connection without it: the caller's mistake, no reason to die. */
	n = frame(buf, RSV1 | WS_TEXT, HELLO, 4);
	assert_int_equal(feed_with(other, inflater, buf, n, &h), 0);
	n = frame(buf, FIN | WS_CONT, HELLO + 4, 3);
	assert_int_equal(feed_with(other, NULL, buf, n, &h), PROTO_EFRAME);
	ws_lease_free(other);
}

static void stops_when_told(void **state)
{
	struct ws_lease *l = ws_lease_new(&lim);
	struct heard h = {.stop_at = 1};
	uint8_t buf[256];
	size_t n = frame(buf, FIN | RSV1 | WS_TEXT, HELLO, 7);

	(void)state;
	n += frame(buf + n, FIN | RSV1 | WS_TEXT, HELLO, 7);
	assert_int_equal(feed_with(l, inflater, buf, n, &h), 0);
	assert_int_equal(h.count, 1);
	ws_lease_free(l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(header_out),
	    cmocka_unit_test(peek_reserved_bits),
	    cmocka_unit_test(rsv1_in_wrong_places),
	    cmocka_unit_test(inflates),
	    cmocka_unit_test(large_messages),
	    cmocka_unit_test(byte_by_byte),
	    cmocka_unit_test(utf8_after_inflating),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(limits_of_what_arrives),
	    cmocka_unit_test(leases_are_shared),
	    cmocka_unit_test(stops_when_told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
