/*
 * t_engineio.c - handshake query, open packet, error bodies, packet types.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/engineio.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void query_of_a_client(void **state)
{
	struct eio_query q;

	(void)state;
	eio_query_parse(SLICE("EIO=4&transport=websocket&t=Pabc123&sid=lv_VI97HAXpY6yYWAAAC"), &q);
	assert_true(slice_is(q.eio, "4"));
	assert_true(slice_is(q.transport, "websocket"));
	assert_true(slice_is(q.sid, "lv_VI97HAXpY6yYWAAAC"));
	assert_int_equal(q.kind, EIO_TRANSPORT_WEBSOCKET);
	assert_false(q.b64);
	eio_query_parse(SLICE("transport=polling&b64=1&EIO=3"), &q);
	assert_int_equal(q.kind, EIO_TRANSPORT_POLLING);
	assert_true(q.b64);
	assert_true(slice_is(q.eio, "3"));
	assert_int_equal(q.sid.n, 0);
}

static void query_oddities(void **state)
{
	static const char *const unknown[] = {"", "transport", "transport=", "transport=webtransport",
	    "transport=WebSocket", "Transport=polling", "transport=polling%20", "xtransport=polling",
	    "transport=polling&transport=x", "&&&", "=polling", "%zz=1"};
	struct eio_query q;
	struct slice v;

	(void)state;
	for (size_t i = 0; i < COUNT(unknown); i++) {
		eio_query_parse(slice_make(unknown[i], strlen(unknown[i])), &q);
		if (q.kind != EIO_TRANSPORT_NONE)
			fail_msg("%s", unknown[i]);
	}
	eio_query_parse(slice_make(NULL, 0), &q);
	assert_int_equal(q.kind, EIO_TRANSPORT_NONE);
	/* Names are compared decoded, as the reference's query parser has it. */
	eio_query_parse(SLICE("&&%74ransport=polling&E%49O=4&sid&b64="), &q);
	assert_int_equal(q.kind, EIO_TRANSPORT_POLLING);
	assert_true(slice_is(q.eio, "4"));
	assert_int_equal(q.sid.n, 0);
	assert_false(q.b64);
	assert_true(eio_query_get(SLICE("a=1&token=x.y%2Ez=&token=2"), "token", &v) && slice_is(v, "x.y%2Ez="));
	assert_true(eio_query_get(SLICE("a&b"), "b", &v) && v.n == 0);
	assert_false(eio_query_get(SLICE("a=b"), "b", &v));
	assert_false(eio_query_get(SLICE("ab=1"), "a", &v));
	assert_false(eio_query_get(SLICE("a=1"), "ab", &v));
}

/* At every cut the parser stays inside (the sanitizers look on). */
static void query_every_prefix(void **state)
{
	static const char full[] = "EIO=4&%74ransport=polling&t=%4a&sid=abc%";
	struct eio_query q;

	(void)state;
	for (size_t n = 0; n < sizeof full; n++) {
		char *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, full, n);
		eio_query_parse(slice_make(copy, n), &q);
		free(copy);
	}
}

static void percent(void **state)
{
	static const char *const bad[] = {"%", "%4", "%4g", "%g4", "a%", "%%41", "% 4"};
	char out[16];

	(void)state;
	assert_int_equal(eio_percent_decode(SLICE("a%20b+c%2B%e2%82%AC"), out, sizeof out), 9);
	assert_memory_equal(out, "a b c+\xe2\x82\xac", 9);
	assert_int_equal(eio_percent_decode(SLICE("%00"), out, sizeof out), 1);
	assert_int_equal(out[0], 0);
	assert_int_equal(eio_percent_decode(SLICE(""), out, 0), 0);
	assert_int_equal(eio_percent_decode(SLICE("abc"), out, 3), 3);
	assert_int_equal(eio_percent_decode(SLICE("abc"), out, 2), -1);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(eio_percent_decode(slice_make(bad[i], strlen(bad[i])), out, sizeof out), -1);
}

static void open_packet(void **state)
{
	struct eio_open o = {.sid = "lv_VI97HAXpY6yYWAAAC",
	    .upgrade_websocket = true,
	    .ping_interval_ms = 25000,
	    .ping_timeout_ms = 20000,
	    .max_payload = 1000000};
	char out[256];
	size_t n = eio_open_write(&o, out, sizeof out);

	(void)state;
	assert_true(slice_is(slice_make(out, n),
	    "0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[\"websocket\"],"
	    "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}"));
	o.upgrade_websocket = false;
	n = eio_open_write(&o, out, sizeof out);
	assert_true(slice_is(slice_make(out, n),
	    "0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[],"
	    "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}"));
	o = (struct eio_open){.sid = "aaaaaaaaaaaaaaaaaaaa",
	    .upgrade_websocket = true,
	    .ping_interval_ms = INT64_MIN,
	    .ping_timeout_ms = INT64_MIN,
	    .max_payload = SIZE_MAX};
	assert_true(eio_open_write(&o, out, sizeof out) < sizeof out);
}

static void errors(void **state)
{
	(void)state;
	assert_true(slice_is(eio_error_body(EIO_UNKNOWN_TRANSPORT), "{\"code\":0,\"message\":\"Transport unknown\"}"));
	assert_true(slice_is(
	    eio_error_body(EIO_UNSUPPORTED_VERSION), "{\"code\":5,\"message\":\"Unsupported protocol version\"}"));
	for (int e = EIO_UNKNOWN_TRANSPORT; e <= (int)EIO_UNSUPPORTED_VERSION; e++) {
		struct slice m = eio_error_message((enum eio_error)e), b = eio_error_body((enum eio_error)e);

		assert_true(m.n > 0 && b.n == m.n + strlen("{\"code\":0,\"message\":\"\"}"));
		assert_memory_equal(b.p + b.n - m.n - 2, m.p, m.n);
		assert_int_equal(b.p[8], '0' + e);
	}
	assert_int_equal(eio_error_body(EIO_OK).n, 0);
}

static void packet_types(void **state)
{
	(void)state;
	assert_int_equal(eio_packet_type(SLICE("")), -1);
	assert_int_equal(eio_packet_type(slice_make(NULL, 0)), -1);
	for (unsigned c = 0; c < 256; c++) {
		char p[2] = {(char)c, '2'};

		assert_int_equal(eio_packet_type(slice_make(p, 2)), c >= '0' && c <= '6' ? (int)c : -1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(query_of_a_client),
	    cmocka_unit_test(query_oddities),
	    cmocka_unit_test(query_every_prefix),
	    cmocka_unit_test(percent),
	    cmocka_unit_test(open_packet),
	    cmocka_unit_test(errors),
	    cmocka_unit_test(packet_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
