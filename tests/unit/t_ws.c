/*
 * t_ws.c - WebSocket: headers, every kind of bad frame, limits, Close.  t_ws_lease.c has leases over time.
 */
#include <errno.h>

#include "tests/unit/ws_fixture.h"

static void accept_key(void **state)
{
	static const char *const bad[] = {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
	    "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25jZQAA",
	    "dGhlIHNhbXBsZSBub25j Q==", "dGhlIHNhbXBsZSBub25j-Q==", "dGhlIHNhbXBsZSBub25jZQ==\n"};
	char out[WS_ACCEPT_LEN + 1];

	(void)state;
	/* RFC 6455, section 1.3 */
	assert_int_equal(ws_accept(SLICE("dGhlIHNhbXBsZSBub25jZQ=="), out), 0);
	assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(ws_accept(slice_make(bad[i], strlen(bad[i])), out), -EINVAL);
}

static void header_out(void **state)
{
	uint8_t h[WS_HEADER_MAX];

	(void)state;
	assert_int_equal(ws_header(h, true, WS_TEXT, 0), 2);
	assert_memory_equal(h, "\x81\x00", 2);
	assert_int_equal(ws_header(h, false, WS_BINARY, 125), 2);
	assert_memory_equal(h, "\x02\x7d", 2);
	assert_int_equal(ws_header(h, true, WS_TEXT, 126), 4);
	assert_memory_equal(h, "\x81\x7e\x00\x7e", 4);
	assert_int_equal(ws_header(h, true, WS_TEXT, 65535), 4);
	assert_memory_equal(h, "\x81\x7e\xff\xff", 4);
	assert_int_equal(ws_header(h, true, WS_TEXT, 65536), 10);
	assert_memory_equal(h, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

static void close_out(void **state)
{
	uint8_t out[2 + 125];
	char reason[200];

	(void)state;
	assert_int_equal(ws_close_frame(out, 0, SLICE("ignored")), 2);
	assert_memory_equal(out, "\x88\x00", 2);
	assert_int_equal(ws_close_frame(out, 1000, SLICE("bye")), 7);
	assert_memory_equal(out,
	    "\x88\x05\x03\xe8"
	    "bye",
	    7);
	/* Cut at 123 bytes, but not within a character. */
	memset(reason, 'a', sizeof reason);
	assert_int_equal(ws_close_frame(out, 1000, slice_make(reason, 200)), 127);
	assert_int_equal(out[1], 125);
	memcpy(reason + 121, "\xe2\x82\xac", 3);
	assert_int_equal(ws_close_frame(out, 1000, slice_make(reason, 200)), 125);
	assert_int_equal(ws_close_frame(out, 1000, slice_make(reason, 123)), 127);
}

static void peek_bad(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		ssize_t want;
	} t[] = {
	    {"", 0, 0},
	    {"\x81", 1, 0},
	    {"\x81\x85", 2, 11},
	    {"\x81\x80", 2, 6},
	    {"\x81\x05", 2, PROTO_EFRAME}, /* not masked */
	    {"\xc1\x85", 2, PROTO_EFRAME},
	    {"\xa1\x85", 2, PROTO_EFRAME},
	    {"\x91\x85", 2, PROTO_EFRAME}, /* reserved bits */
	    {"\x83\x85", 2, PROTO_EFRAME},
	    {"\x87\x85", 2, PROTO_EFRAME},
	    {"\x8b\x85", 2, PROTO_EFRAME},
	    {"\x8f\x85", 2, PROTO_EFRAME},
	    {"\x09\x85", 2, PROTO_EFRAME},
	    {"\x08\x80", 2, PROTO_EFRAME}, /* fragmented control frames */
	    {"\x89\xfd", 2, 131},
	    {"\x89\xfe", 2, PROTO_EFRAME},
	    {"\x88\xff", 2, PROTO_EFRAME},
	    {"\x8a\xfe\x00\x7e", 4, PROTO_EFRAME},
	    {"\x81\xfe", 2, 0},
	    {"\x81\xfe\x00", 3, 0},
	    {"\x81\xfe\x00\x7e", 4, 134},
	    {"\x81\xfe\x00\x7d", 4, PROTO_EFRAME}, /* not the shortest */
	    {"\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00", 10, 65550},
	    {"\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff", 10, PROTO_EFRAME},
	    {"\x82\xff\x00\x00\x00\x00\x00\x01\x00", 9, 0},
	    {"\x82\xff\x80\x00\x00\x00\x00\x01\x00\x00", 10, PROTO_EFRAME},
	    {"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10, PROTO_EFRAME_SIZE},
	    {"\x82\xff\x00\x00\x00\x00\x06\x00\x00\x00", 10, PROTO_EFRAME_SIZE},
	    {"\x82\xff\x00\x00\x00\x00\x00\x01\x86\xa0", 10, 100014},
	    {"\x82\xff\x00\x00\x00\x00\x00\x01\x86\xa1", 10, PROTO_EFRAME_SIZE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		if (ws_peek((const uint8_t *)t[i].bytes, t[i].n, &lim, false) != t[i].want)
			fail_msg("case %zu", i);
	}
}

/* Every header of two bytes: a length or a refusal, as RFC 6455, section 5.2, has it. */
static void peek_every_header(void **state)
{
	(void)state;
	for (unsigned x = 0; x < 65536; x++) {
		uint8_t h[2] = {(uint8_t)(x >> 8), (uint8_t)x};
		unsigned op = h[0] & 15u, len = h[1] & 127u;
		bool known = op <= 2 || (op >= 8 && op <= 10), control = op >= 8;
		bool ok = known && (h[0] & 0x70) == 0 && (h[1] & 0x80) && !(control && (!(h[0] & FIN) || len > 125));
		ssize_t want = !ok ? PROTO_EFRAME : len < 126 ? (ssize_t)(6 + len) : 0;

		if (ws_peek(h, 2, &lim, false) != want)
			fail_msg("%04x", x);
	}
}

static void feed_messages(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 4085, 4086, 4087, 4088, 4089, 4090,
	    4091, 4095, 4096, 4097, 8192, 65535, 65536, 99999, 100000};
	struct ws_lease *l = ws_lease_new(&lim);
	uint8_t *buf = malloc(2 * 100020);
	char *payload = malloc(100000);

	(void)state;
	assert_non_null(l);
	assert_non_null(buf);
	assert_non_null(payload);
	for (size_t i = 0; i < 100000; i++)
		payload[i] = (char)('a' + i * 7 % 26);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct heard h = {0}, want = {0};
		struct ws_message m = {.opcode = WS_TEXT, .data = (uint8_t *)payload, .len = sizes[i]};
		size_t n = frame(buf, FIN | WS_TEXT, payload, sizes[i]);

		n += frame(buf + n, FIN | WS_BINARY, payload, sizes[i]);
		hear(&want, &m);
		m.opcode = WS_BINARY;
		hear(&want, &m);
		assert_int_equal(feed(l, buf, n, &h), 0);
		assert_string_equal(h.text, want.text);
		assert_true(h.hash == want.hash);
		assert_true(ws_lease_idle(l));
	}
	free(buf);
	free(payload);
	ws_lease_free(l);
	ws_lease_free(NULL);
}

static void feed_fragments_and_controls(void **state)
{
	struct ws_lease *l = ws_lease_new(&lim);
	struct heard h = {0};
	uint8_t buf[512];
	size_t n = 0;

	(void)state;
	assert_non_null(l);
	n += text_frame(buf + n, WS_TEXT, "He");
	n += text_frame(buf + n, FIN | WS_PING, "ping");
	n += text_frame(buf + n, WS_CONT, "ll");
	n += text_frame(buf + n, FIN | WS_PONG, "unasked");
	n += text_frame(buf + n, WS_CONT, "");
	assert_int_equal(feed(l, buf, n, &h), 0);
	assert_string_equal(h.text, "P4:ping ");
	assert_false(ws_lease_idle(l));
	n = text_frame(buf, FIN | WS_CONT, "o");
	n += text_frame(buf + n, FIN | WS_PING, "");
	n += text_frame(buf + n, FIN | WS_BINARY, "x");
	assert_int_equal(feed(l, buf, n, &h), 0);
	assert_string_equal(h.text, "P4:ping T5:Hello P0: B1:x ");
	assert_true(ws_lease_idle(l));
	assert_int_equal(feed(l, buf, 0, &h), 0);
	ws_lease_free(l);
}

/* A character may be cut by a frame's end, and bad UTF-8 may hide behind one. */
static void feed_utf8_across_frames(void **state)
{
	static const char euro[] = "a\xe2\x82\xac\xf0\x9f\x98\x80";
	static const char *const bad[] = {
	    "\xc3(", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\xff", "a\xe2\x82", "\x80"};
	uint8_t buf[64];

	(void)state;
	for (size_t cut = 0; cut < sizeof euro; cut++) {
		struct ws_lease *l = ws_lease_new(&lim);
		struct heard h = {0};
		size_t n = frame(buf, WS_TEXT, euro, cut);

		assert_non_null(l);
		n += frame(buf + n, FIN | WS_CONT, euro + cut, sizeof euro - 1 - cut);
		assert_int_equal(feed(l, buf, n, &h), 0);
		assert_string_equal(h.text, "T8:a\xe2\x82\xac\xf0\x9f\x98\x80 ");
		ws_lease_free(l);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		for (size_t cut = 0; cut <= strlen(bad[i]); cut++) {
			struct ws_lease *l = ws_lease_new(&lim);
			struct heard h = {0};
			size_t n = frame(buf, WS_TEXT, bad[i], cut);
			int rc;

			assert_non_null(l);
			n += frame(buf + n, FIN | WS_CONT, bad[i] + cut, strlen(bad[i]) - cut);
			rc = feed(l, buf, n, &h);
			assert_int_equal(rc, PROTO_EFRAME_UTF8);
			assert_int_equal(ws_error_code(rc), 1007);
			assert_int_equal(h.count, 0);
			assert_false(ws_lease_idle(l));
			assert_int_equal(feed(l, buf, n, &h), PROTO_EFRAME);
			ws_lease_free(l);
			/* The same bytes are fine as binary. */
			l = ws_lease_new(&lim);
			n = frame(buf, FIN | WS_BINARY, bad[i], strlen(bad[i]));
			assert_int_equal(feed(l, buf, n, &h), 0);
			ws_lease_free(l);
		}
	}
}

static void feed_bad_sequences(void **state)
{
	static const struct {
		unsigned frames[4]; /* first bytes; 0xfff ends */
		int want;
	} t[] = {
	    {{FIN | WS_CONT, 0xfff}, PROTO_EFRAME},
	    {{WS_CONT, 0xfff}, PROTO_EFRAME},
	    {{WS_TEXT, FIN | WS_TEXT, 0xfff}, PROTO_EFRAME},
	    {{WS_TEXT, WS_BINARY, 0xfff}, PROTO_EFRAME},
	    {{WS_BINARY, FIN | WS_PING, FIN | WS_BINARY, 0xfff}, PROTO_EFRAME},
	    {{FIN | WS_TEXT, FIN | WS_CONT, 0xfff}, PROTO_EFRAME},
	    {{WS_TEXT, FIN | WS_CONT, FIN | WS_CONT, 0xfff}, PROTO_EFRAME},
	    {{FIN | WS_TEXT, 0xc1, 0xfff}, PROTO_EFRAME},
	    {{FIN | 3, 0xfff}, PROTO_EFRAME},
	    {{FIN | 11, 0xfff}, PROTO_EFRAME},
	    {{WS_PING, 0xfff}, PROTO_EFRAME},
	};
	uint8_t buf[256];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct ws_lease *l = ws_lease_new(&lim);
		struct heard h = {0};
		size_t n = 0;
		int rc;

		assert_non_null(l);
		for (size_t k = 0; k < 4 && t[i].frames[k] != 0xfff; k++)
			n += text_frame(buf + n, t[i].frames[k], "x");
		rc = feed(l, buf, n, &h);
		if (rc != t[i].want)
			fail_msg("case %zu: %s", i, proto_strerror(rc));
		assert_int_equal(ws_error_code(rc), 1002);
		assert_false(ws_lease_idle(l));
		ws_lease_free(l);
	}
}

static void feed_limits(void **state)
{
	struct ws_limits tight = {.max_message = 10, .max_fragments = 3};
	uint8_t buf[256];
	struct heard h = {0};
	struct ws_lease *l = ws_lease_new(&tight);
	size_t n;

	(void)state;
	assert_non_null(l);
	n = text_frame(buf, FIN | WS_TEXT, "0123456789");
	n += text_frame(buf + n, WS_TEXT, "01234");
	n += text_frame(buf + n, WS_CONT, "5678");
	n += text_frame(buf + n, FIN | WS_CONT, "9");
	/* Each message is counted anew. */
	assert_int_equal(feed(l, buf, n, &h), 0);
	assert_int_equal(feed(l, buf, n, &h), 0);
	assert_int_equal(h.count, 4);
	n = text_frame(buf, FIN | WS_TEXT, "0123456789a");
	assert_int_equal(feed(l, buf, n, &h), PROTO_EFRAME_SIZE);
	assert_int_equal(ws_error_code(PROTO_EFRAME_SIZE), 1009);
	ws_lease_free(l);

	l = ws_lease_new(&tight);
	n = text_frame(buf, WS_TEXT, "012345");
	n += text_frame(buf + n, FIN | WS_CONT, "6789a");
	assert_int_equal(feed(l, buf, n, &h), PROTO_EFRAME_SIZE);
	ws_lease_free(l);

	l = ws_lease_new(&tight);
	n = text_frame(buf, WS_TEXT, "");
	n += text_frame(buf + n, WS_CONT, "");
	n += text_frame(buf + n, WS_CONT, "");
	assert_int_equal(feed(l, buf, n, &h), 0);
	n = text_frame(buf, FIN | WS_CONT, "");
	assert_int_equal(feed(l, buf, n, &h), PROTO_EFRAGMENTS);
	assert_int_equal(ws_error_code(PROTO_EFRAGMENTS), 1008);
	assert_int_equal(h.count, 4);
	ws_lease_free(l);
}

static void feed_close(void **state)
{
	uint8_t buf[256], payload[125] = {0};
	size_t n;

	(void)state;
	for (unsigned code = 0; code < 65536; code += code < 5100 ? 1 : 499) {
		bool valid = (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
		    (code >= 3000 && code <= 4999);
		struct ws_lease *l = ws_lease_new(&lim);
		struct heard h = {0};
		char want[32];

		payload[0] = (uint8_t)(code >> 8);
		payload[1] = (uint8_t)code;
		memcpy(payload + 2, "by\xc3\xa9", 4);
		n = frame(buf, FIN | WS_CLOSE, payload, 6);
		n += text_frame(buf + n, FIN | WS_TEXT, "late");
		assert_int_equal(feed(l, buf, n, &h), valid ? 0 : PROTO_EFRAME);
		(void)snprintf(want, sizeof want, "C%u:by\xc3\xa9 ", code);
		assert_string_equal(h.text, valid ? want : "");
		ws_lease_free(l);
	}
}

static void feed_close_payloads(void **state)
{
	static const struct {
		const char *payload;
		size_t n;
		int want;
		const char *heard;
	} t[] = {
	    {"", 0, 0, "C1005: "}, {"\x03", 1, PROTO_EFRAME, ""}, {"\x03\xe8", 2, 0, "C1000: "},
	    {"\x03\xe8\xc3", 3, PROTO_EFRAME_UTF8, ""}, {"\x03\xe8\xed\xa0\x80", 5, PROTO_EFRAME_UTF8, ""},
	    {"\x03\xed", 2, PROTO_EFRAME, ""}, /* 1005 is never sent */
	};
	uint8_t buf[64];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct ws_lease *l = ws_lease_new(&lim);
		struct heard h = {0};
		size_t n = text_frame(buf, WS_TEXT, "half");

		/* A Close may come in the middle of a message. */
		n += frame(buf + n, FIN | WS_CLOSE, t[i].payload, t[i].n);
		n += text_frame(buf + n, FIN | WS_PING, "late");
		assert_non_null(l);
		assert_int_equal(feed(l, buf, n, &h), t[i].want);
		assert_string_equal(h.text, t[i].heard);
		assert_false(ws_lease_idle(l));
		ws_lease_free(l);
	}
}

static void feed_stops_when_told(void **state)
{
	struct ws_lease *l = ws_lease_new(&lim);
	struct heard h = {.stop_at = 2};
	uint8_t buf[128];
	size_t n = text_frame(buf, FIN | WS_TEXT, "1");

	(void)state;
	assert_non_null(l);
	n += text_frame(buf + n, FIN | WS_PING, "2");
	n += text_frame(buf + n, FIN | WS_TEXT, "3");
	assert_int_equal(feed(l, buf, n, &h), 0);
	assert_string_equal(h.text, "T1:1 P1:2 ");
	assert_true(ws_lease_idle(l));
	ws_lease_free(l);
}

/* The caller's mistake, not a reason to die. */
static void feed_refuses_part_of_a_frame(void **state)
{
	uint8_t buf[64];
	size_t n = text_frame(buf, FIN | WS_TEXT, "hello");

	(void)state;
	for (size_t cut = 1; cut < n; cut++) {
		struct ws_lease *l = ws_lease_new(&lim);
		struct heard h = {0};

		assert_int_equal(feed(l, buf, cut, &h), PROTO_EFRAME);
		assert_int_equal(h.count, 0);
		ws_lease_free(l);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accept_key),
	    cmocka_unit_test(header_out),
	    cmocka_unit_test(close_out),
	    cmocka_unit_test(peek_bad),
	    cmocka_unit_test(peek_every_header),
	    cmocka_unit_test(feed_messages),
	    cmocka_unit_test(feed_fragments_and_controls),
	    cmocka_unit_test(feed_utf8_across_frames),
	    cmocka_unit_test(feed_bad_sequences),
	    cmocka_unit_test(feed_limits),
	    cmocka_unit_test(feed_close),
	    cmocka_unit_test(feed_close_payloads),
	    cmocka_unit_test(feed_stops_when_told),
	    cmocka_unit_test(feed_refuses_part_of_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
