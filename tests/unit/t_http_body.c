/*
 * t_http_body.c - request bodies: the same result however the bytes are cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/http.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct http_limits lim = {.max_head = 16384, .max_uri = 8000, .max_body = 40};

/* What a body came to. */
struct result {
	char data[64];
	size_t n, consumed;
	bool done;
	int err;
};

/* Feeds one piece until it is used up; from a copy of exactly its size. */
static void feed(struct http_body *b, const char *p, size_t n, struct result *r)
{
	char *copy = malloc(n ? n : 1);
	size_t at = 0;

	assert_non_null(copy);
	memcpy(copy, p, n);
	do {
		struct slice data;
		ssize_t used = http_body_feed(b, copy + at, n - at, &data, &r->done);

		if (used < 0) {
			r->err = (int)used;
			break;
		}
		assert_true(data.n == 0 || (data.p >= copy + at && data.p + data.n <= copy + n));
		assert_true(r->n + data.n <= sizeof r->data);
		memcpy(r->data + r->n, data.p, data.n);
		r->n += data.n;
		at += (size_t)used;
		r->consumed += (size_t)used;
		assert_true(used > 0 || at == n || r->done);
	} while (at < n && !r->done);
	free(copy);
}

static struct http_request request_of(const char *framing)
{
	static struct http_request req;
	char head[128];
	int n = snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n", framing);

	assert_int_equal(http_parse_request(head, (size_t)n, &lim, &req), n);
	return req;
}

/* Cut 0: one byte at a time; N: whole; else in two. */
static struct result run(const char *framing, const char *body, size_t n, size_t cut)
{
	struct http_request req = request_of(framing);
	struct result r = {0};
	struct http_body b;

	http_body_init(&b, &req, &lim);
	feed(&b, body, 0, &r);
	for (size_t at = 0; at < n && !r.done && r.err == 0;) {
		size_t piece = cut == 0 ? 1 : at == 0 ? cut : n - at;

		feed(&b, body + at, piece, &r);
		at += piece;
	}
	return r;
}

static void good_bodies(void **state)
{
	static const struct {
		const char *framing, *body, *data;
		size_t rest; /* bytes that belong to the next request */
	} t[] = {
	    {"", "GET /", "", 5},
	    {"Content-Length: 0\r\n", "GET /", "", 5},
	    {"Content-Length: 5\r\n", "helloGET /", "hello", 5},
	    {"Content-Length: 40\r\n", "0123456789012345678901234567890123456789",
		"0123456789012345678901234567890123456789", 0},
	    {"Transfer-Encoding: chunked\r\n", "0\r\n\r\nGET /", "", 5},
	    {"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello", 0},
	    {"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n00A\r\n, world!!!\r\n1;a\r\n.\r\n000\r\n\r\nX",
		"hello, world!!!.", 1},
	    {"Transfer-Encoding: chunked\r\n", "2;a=b;c=\"d;e\"\r\n\r\n\r\n0;x\r\nTrailer: 1\r\nOther:\r\n\r\n", "\r\n",
		0},
	    {"Transfer-Encoding: chunked\r\n", "0000000000000001\r\nx\r\n0\r\n\r\n", "x", 0},
	    {"Transfer-Encoding: chunked\r\n", "1;\xc3\xa9\t\r\nx\r\n0\r\nA: \xc3\xa9\t\r\n\r\n", "x", 0},
	    {"Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n1E\r\n012345678901234567890123456789\r\n0\r\n\r\n",
		"0123456789012345678901234567890123456789", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		size_t n = strlen(t[i].body);

		for (size_t cut = 0; cut <= n; cut++) {
			struct result r = run(t[i].framing, t[i].body, n, cut);

			if (r.err != 0 || !r.done || r.consumed != n - t[i].rest ||
			    !slice_is(slice_make(r.data, r.n), t[i].data))
				fail_msg(
				    "%s cut %zu: %s %zu of %zu", t[i].body, cut, proto_strerror(r.err), r.consumed, n);
		}
		/* Not done before its last byte. */
		for (size_t part = 0; part < n - t[i].rest; part++)
			assert_false(run(t[i].framing, t[i].body, part, part ? part : 1).done);
	}
}

static void bad_bodies(void **state)
{
	static const struct {
		const char *framing, *body;
		int err;
	} t[] = {
	    {"Content-Length: 41\r\n", "", PROTO_EHTTP_BODY},
	    {"Content-Length: 9223372036854775808\r\n", "", PROTO_EHTTP_BODY},
	    {"", "\r\n", PROTO_EHTTP},
	    {"", "g\r\n", PROTO_EHTTP},
	    {"", "-1\r\n", PROTO_EHTTP},
	    {"", "+1\r\n", PROTO_EHTTP},
	    {"", " 1\r\n", PROTO_EHTTP},
	    {"", "1 \r\n", PROTO_EHTTP},
	    {"", "0x1\r\n", PROTO_EHTTP},
	    {"", "1\nx\r\n", PROTO_EHTTP},
	    {"", "1\rx", PROTO_EHTTP},
	    {"", "1\r\nx\n", PROTO_EHTTP},
	    {"", "1\r\nxy", PROTO_EHTTP},
	    {"", "1\r\nx\r\r", PROTO_EHTTP},
	    {"", "1;a\nx", PROTO_EHTTP},
	    {"", "1;a\x01\r\n", PROTO_EHTTP},
	    {"", "1;a\r\r\n", PROTO_EHTTP},
	    {"", "00000000000000001\r\n", PROTO_EHTTP},
	    {"", "0\r\nA: b\n\r\n", PROTO_EHTTP},
	    {"", "0\r\nA: b\r\n c\r\n\r\n", PROTO_EHTTP},
	    {"", "0\r\n\tc\r\n\r\n", PROTO_EHTTP},
	    {"", "0\r\n\rx", PROTO_EHTTP},
	    {"", "0\r\n\n", PROTO_EHTTP},
	    {"", "0\n\n", PROTO_EHTTP},
	    {"", "0\r\nA\x7f\r\n\r\n", PROTO_EHTTP},
	    {"", "29\r\n", PROTO_EHTTP_BODY},
	    {"", "ffffffffffffffff\r\n", PROTO_EHTTP_BODY},
	    {"", "1e\r\n012345678901234567890123456789\r\nb\r\n", PROTO_EHTTP_BODY},
	    {"", "1\r\nx\r\nffffffffffffffff\r\n", PROTO_EHTTP_BODY},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		const char *framing = t[i].framing[0] ? t[i].framing : "Transfer-Encoding: chunked\r\n";
		size_t n = strlen(t[i].body);

		for (size_t cut = 0; cut <= n; cut++) {
			struct result r = run(framing, t[i].body, n, cut);

			if (r.err != t[i].err || r.done)
				fail_msg("%s cut %zu: %s", t[i].body, cut, proto_strerror(r.err));
		}
	}
}

/* Extensions and trailers are dropped, but not without end, and not chunk by chunk either. */
static void excess(void **state)
{
	struct http_request req = request_of("Transfer-Encoding: chunked\r\n");
	static char big[9000];
	struct http_body b;
	struct slice data;
	size_t total = 0;
	bool done;
	ssize_t r = 0;

	(void)state;
	memset(big, 'a', sizeof big);
	memcpy(big, "1;", 2);
	http_body_init(&b, &req, &lim);
	assert_int_equal(http_body_feed(&b, big, sizeof big, &data, &done), PROTO_EHTTP_HEADERS);
	memcpy(big, "0\r\n", 3);
	http_body_init(&b, &req, &lim);
	assert_int_equal(http_body_feed(&b, big, sizeof big, &data, &done), PROTO_EHTTP_HEADERS);
	http_body_init(&b, &req, &lim);
	for (unsigned i = 0; i < 39 && r >= 0; i++) {
		char chunk[512];
		int n = snprintf(chunk, sizeof chunk, "1;%0300d\r\nx\r\n", 0);

		for (size_t at = 0; at < (size_t)n && r >= 0; at += (size_t)r) {
			r = http_body_feed(&b, chunk + at, (size_t)n - at, &data, &done);
			if (r < 0)
				break;
		}
		total += (size_t)n;
	}
	assert_int_equal(r, PROTO_EHTTP_HEADERS);
	assert_in_range(total, 8192, 9000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_bodies), cmocka_unit_test(bad_bodies), cmocka_unit_test(excess)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
