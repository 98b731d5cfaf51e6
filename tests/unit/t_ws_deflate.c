/*
 * t_ws_deflate.c - what a client may offer in Sec-WebSocket-Extensions, and what it is answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/http.h"
#include "proto/ws_deflate.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

#define PMD    "permessage-deflate"
#define ANSWER PMD "; server_no_context_takeover; client_no_context_takeover"
#define LIMIT  "; server_max_window_bits="

/* bits 0: not negotiated; -1: refused with 400. */
struct row {
	const char *offer;
	int bits;
	const char *answer;
};

static int negotiate(const char *offer, struct ws_deflate *d, char answer[WS_DEFLATE_ANSWER_MAX])
{
	/* Nothing behind its end is looked at. */
	size_t n = strlen(offer);
	char *copy = malloc(n > 0 ? n : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, offer, n);
	rc = ws_deflate_negotiate(slice_make(copy, n), d, answer);
	free(copy);
	return rc;
}

static void check(const struct row *row)
{
	struct ws_deflate d = {0};
	char answer[WS_DEFLATE_ANSWER_MAX] = "?";
	int rc = negotiate(row->offer, &d, answer);

	if (rc != (row->bits < 0 ? PROTO_EHTTP : 0))
		fail_msg("[%s]: %d", row->offer, rc);
	if (d.on != (row->bits > 0) || (d.on && d.server_bits != row->bits))
		fail_msg("[%s]: on %d, bits %d", row->offer, d.on, d.server_bits);
	if (rc == 0 && strcmp(answer, row->bits > 0 ? row->answer : "") != 0)
		fail_msg("[%s]: %s", row->offer, answer);
}

static void offers(void **state)
{
	static const struct row t[] = {
	    {PMD, 15, ANSWER},
	    /* Browsers, the ws package, Python's websockets. */
	    {PMD "; client_max_window_bits", 15, ANSWER},
	    {PMD "; client_max_window_bits=15", 15, ANSWER},
	    {PMD "; server_max_window_bits=12; client_max_window_bits=12", 12, ANSWER LIMIT "12"},
	    {"x-webkit-deflate-frame", 0, ""},
	    /* Autobahn 13.1 to 13.7. */
	    {PMD "; client_no_context_takeover; client_max_window_bits", 15, ANSWER},
	    {PMD "; client_no_context_takeover; client_max_window_bits; server_no_context_takeover", 15, ANSWER},
	    {PMD "; client_no_context_takeover; client_max_window_bits; server_max_window_bits=8", 8, ANSWER LIMIT "8"},
	    {PMD "; client_no_context_takeover; client_max_window_bits; server_max_window_bits=9", 9, ANSWER LIMIT "9"},
	    {PMD "; client_no_context_takeover; client_max_window_bits; server_max_window_bits=15", 15,
		ANSWER LIMIT "15"},
	    {PMD "; client_no_context_takeover; client_max_window_bits; server_no_context_takeover; "
		 "server_max_window_bits=15",
		15, ANSWER LIMIT "15"},
	    {PMD "; server_no_context_takeover; server_max_window_bits=9, " PMD "; server_no_context_takeover, " PMD, 9,
		ANSWER LIMIT "9"},
	    /* RFC 7692, sections 5.2 and 7.1.3. */
	    {PMD "; client_max_window_bits; server_max_window_bits=10, " PMD "; client_max_window_bits", 10,
		ANSWER LIMIT "10"},
	    {PMD "; server_max_window_bits=\"10\"", 10, ANSWER LIMIT "10"},
	    {PMD "; server_max_window_bits=\"\\1\\0\"", 10, ANSWER LIMIT "10"},
	    {"permessage-foo, permessage-bar; a=b; c", 0, ""},
	    {"permessage-foo; x=\"y\", " PMD, 15, ANSWER},
	    {"permessage-foo; " PMD, 0, ""},
	    /* The first that can be kept. */
	    {PMD "; server_max_window_bits=16, " PMD "; server_max_window_bits=11", 11, ANSWER LIMIT "11"},
	    {PMD "; what, " PMD, 15, ANSWER},
	    {PMD ", " PMD "; what", 15, ANSWER},
	    /* White space, empty elements. */
	    {" \t" PMD "\t;\tserver_max_window_bits=13 \t", 13, ANSWER LIMIT "13"},
	    {PMD ";server_max_window_bits=13;client_no_context_takeover," PMD, 13, ANSWER LIMIT "13"},
	    {",, " PMD " ,,", 15, ANSWER},
	    {"a,,b", 0, ""},
	    /* What no offer may have. */
	    {PMD "; what", 0, ""},
	    {PMD "; server_max_window_bits", 0, ""},
	    {PMD "; server_max_window_bits=7", 0, ""},
	    {PMD "; server_max_window_bits=16", 0, ""},
	    {PMD "; server_max_window_bits=09", 0, ""},
	    {PMD "; server_max_window_bits=1", 0, ""},
	    {PMD "; server_max_window_bits=100", 0, ""},
	    {PMD "; server_max_window_bits=10000000000000000010", 0, ""},
	    {PMD "; server_max_window_bits=+9", 0, ""},
	    {PMD "; server_max_window_bits=1a", 0, ""},
	    {PMD "; server_max_window_bits=true", 0, ""},
	    {PMD "; client_max_window_bits=7", 0, ""},
	    {PMD "; client_max_window_bits=16", 0, ""},
	    {PMD "; client_max_window_bits=08", 0, ""},
	    {PMD "; server_no_context_takeover=1", 0, ""},
	    {PMD "; client_no_context_takeover=\"true\"", 0, ""},
	    {PMD "; server_no_context_takeover; server_no_context_takeover", 0, ""},
	    {PMD "; client_no_context_takeover; a; client_no_context_takeover", 0, ""},
	    {PMD "; server_max_window_bits=10; server_max_window_bits=10", 0, ""},
	    {PMD "; client_max_window_bits; client_max_window_bits=10", 0, ""},
	    {PMD "; Server_No_Context_Takeover", 0, ""},
	    {"Permessage-Deflate", 0, ""},
	    {PMD "x", 0, ""},
	    /* Not by the grammar. */
	    {"", -1, NULL},
	    {" ", -1, NULL},
	    {",", -1, NULL},
	    {";", -1, NULL},
	    {PMD ";", -1, NULL},
	    {PMD "; ", -1, NULL},
	    {PMD ";;a", -1, NULL},
	    {PMD "; =1", -1, NULL},
	    {PMD "; a=", -1, NULL},
	    {PMD "; a= 1", -1, NULL},
	    {PMD "; a =1", -1, NULL},
	    {PMD "; a=\"\"", -1, NULL},
	    {PMD "; a=\"1", -1, NULL},
	    {PMD "; a=\"1\\", -1, NULL},
	    {PMD "; a=\"1\\\"", -1, NULL},
	    {PMD "; a=\"1 2\"", -1, NULL},
	    {PMD "; a=\"1\"2", -1, NULL},
	    {PMD "; a=1 2", -1, NULL},
	    {PMD " " PMD, -1, NULL},
	    {PMD "=1", -1, NULL},
	    {PMD ", \"a\"", -1, NULL},
	    {PMD ", a;\xc3\xa9", -1, NULL},
	    {"(" PMD ")", -1, NULL},
	    /* What follows a good offer is judged too. */
	    {PMD ", a;", -1, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		check(&t[i]);
}

static void every_window(void **state)
{
	(void)state;
	for (int bits = 0; bits < 40; bits++) {
		char offer[128], answer[128];
		bool ok = bits >= 8 && bits <= 15;

		(void)snprintf(offer, sizeof offer, PMD LIMIT "%d", bits);
		(void)snprintf(answer, sizeof answer, ANSWER LIMIT "%d", bits);
		check(&(struct row){offer, ok ? bits : 0, answer});
		(void)snprintf(offer, sizeof offer, PMD "; client_max_window_bits=%d", bits);
		check(&(struct row){offer, ok ? 15 : 0, ANSWER});
	}
}

/* Several lines are one list. */
static void several_lines(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Extensions: x-foo\r\nOrigin: b\r\n"
				   "sec-websocket-extensions: " PMD LIMIT "11\r\n"
				   "SEC-WEBSOCKET-EXTENSIONS: " PMD "\r\n\r\n";
	static const struct http_limits lim = {.max_head = 4096, .max_uri = 1024, .max_body = 0};
	struct http_request r;
	struct ws_deflate d = {0};
	char answer[WS_DEFLATE_ANSWER_MAX];
	struct slice line;
	unsigned i = 0, lines = 0;

	(void)state;
	assert_true(http_parse_request(head, sizeof head - 1, &lim, &r) > 0);
	while (http_field_next(&r, "sec-websocket-extensions", &i, &line)) {
		assert_int_equal(ws_deflate_negotiate(line, &d, answer), 0);
		lines++;
	}
	assert_int_equal(lines, 3);
	assert_true(d.on);
	assert_int_equal(d.server_bits, 11);
	assert_string_equal(answer, ANSWER LIMIT "11");
	/* A bad line behind it is bad, and changes nothing. */
	assert_int_equal(negotiate("a=", &d, answer), PROTO_EHTTP);
	assert_int_equal(d.server_bits, 11);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(offers),
	    cmocka_unit_test(every_window),
	    cmocka_unit_test(several_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
