/*
 * t_http_response.c - responses of backends: what their heads say, what is refused, and bodies however they are cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/http_response.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define HEAD_MAX 1024u

/* From a copy of exactly its size, so that a read behind it is seen. */
static ssize_t parse(const char *text, size_t n, struct http_response *r)
{
	char *copy = malloc(n ? n : 1);
	ssize_t rc;

	assert_non_null(copy);
	memcpy(copy, text, n);
	rc = http_parse_response(copy, n, HEAD_MAX, r);
	free(copy);
	return rc;
}

struct good {
	const char *head;
	struct http_response r;
};

static const struct good good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", {200, 1, HTTP_FRAMING_LENGTH, 12, true}},
    {"HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", {200, 1, HTTP_FRAMING_LENGTH, 0, true}},
    {"HTTP/1.1 204 No Content\r\n\r\n", {204, 1, HTTP_FRAMING_NONE, 0, true}},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", {204, 1, HTTP_FRAMING_NONE, 5, true}},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", {200, 1, HTTP_FRAMING_CHUNKED, 0, true}},
    {"HTTP/1.1 200 OK\r\n\r\n", {200, 1, HTTP_FRAMING_CLOSE, 0, false}},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", {200, 0, HTTP_FRAMING_LENGTH, 2, false}},
    {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\n", {200, 0, HTTP_FRAMING_LENGTH, 2, true}},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", {200, 0, HTTP_FRAMING_CLOSE, 0, false}},
    {"HTTP/1.1 503 Go \xe9way\r\nConnection: x, close\r\nContent-Length: 2\r\n\r\n", {503, 1, HTTP_FRAMING_LENGTH, 2, false}},
    {"HTTP/1.1 100 Continue\r\n\r\n", {100, 1, HTTP_FRAMING_NONE, 0, true}},
    {"HTTP/1.1 200 OK\r\nX: \t a b \r\nY:\r\nContent-Length: \t7 \r\n\r\n", {200, 1, HTTP_FRAMING_LENGTH, 7, true}},
};

static void heads_say_what_follows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		const struct good *g = &good[i];
		size_t n = strlen(g->head);
		struct http_response r;
		char more[512];

		assert_int_equal(parse(g->head, n, &r), n);
		assert_int_equal(r.status, g->r.status);
		assert_int_equal(r.minor, g->r.minor);
		assert_int_equal(r.framing, g->r.framing);
		assert_int_equal(r.keep_alive, g->r.keep_alive);
		if (r.framing == HTTP_FRAMING_LENGTH)
			assert_int_equal(r.length, g->r.length);
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(parse(g->head, cut, &r), 0);
		/* what is behind it is not looked at */
		snprintf(more, sizeof more, "%s\rbody", g->head);
		assert_int_equal(parse(more, n + 5, &r), n);
	}
}

static const struct {
	const char *head;
	int err;
} bad[] = {
    {"\r\n\r\n", PROTO_EHTTP},
    {"HTTP/1.1 200 OK\n\n\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/2.0 200 OK\r\n\r\n", PROTO_EHTTP_VERSION},
    {"HTTP/1.2 200 OK\r\n\r\n", PROTO_EHTTP_VERSION},
    {"HTTP/1.1  200 OK\r\n\r\n", PROTO_EHTTP},
    {"HTTP/1.1 20 OK\r\n\r\n", PROTO_EHTTP},
    {"HTTP/1.1 2000 OK\r\n\r\n", PROTO_EHTTP},
    {"HTTP/1.1 099 OK\r\n\r\n", PROTO_EHTTP},
    {"HTTP/1.1 600 OK\r\n\r\n", PROTO_EHTTP},
    {"HTTP/1.1 101 Switching\r\n\r\n", PROTO_EHTTP},
    {"ICY 200 OK abcdefg\r\n\r\n", PROTO_EHTTP},
    {"SSH-2.0-OpenSSH_9\r\n\r\n", PROTO_EHTTP},
    {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", PROTO_EHTTP},
    {"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 200 OK\r\n: 1\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 200 OK\r\nA: 1\r\n b\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 200 OK\r\nA: 1\rB: 2\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", PROTO_EHTTP},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 204 OK\r\nContent-Length: x\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", PROTO_EHTTP_SMUGGLE},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", PROTO_EHTTP_CODING},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", PROTO_EHTTP_CODING},
};

static void what_two_parsers_could_read_differently_is_refused(void **state)
{
	struct http_response r;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (parse(bad[i].head, strlen(bad[i].head), &r) != bad[i].err)
			fail_msg("%zu: %s", i, bad[i].head);
	}
}

static void long_heads_are_refused(void **state)
{
	char head[HEAD_MAX + 64];
	struct http_response r;
	int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nX: %*s\r\n\r\n", (int)HEAD_MAX - 24, "x");

	(void)state;
	assert_int_equal(n, HEAD_MAX);
	assert_int_equal(parse(head, (size_t)n, &r), n);
	n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nX: %*s\r\n\r\n", (int)HEAD_MAX - 23, "x");
	assert_int_equal(parse(head, (size_t)n, &r), PROTO_EHTTP_HEADERS);
	memset(head, 'a', sizeof head);
	assert_int_equal(parse(head, HEAD_MAX - 1, &r), 0);
	assert_int_equal(parse(head, HEAD_MAX, &r), PROTO_EHTTP_HEADERS);
}

static void many_fields_are_refused(void **state)
{
	char head[16 * HTTP_FIELDS_MAX];
	struct http_response r;

	(void)state;
	for (unsigned extra = 0; extra < 2; extra++) {
		size_t n = (size_t)sprintf(head, "HTTP/1.1 200 OK\r\n");

		for (unsigned i = 0; i < HTTP_FIELDS_MAX + extra; i++)
			n += (size_t)sprintf(head + n, "A:%u\r\n", i);
		n += (size_t)sprintf(head + n, "\r\n");
		assert_int_equal(http_parse_response(head, n, sizeof head, &r), extra ? PROTO_EHTTP_HEADERS : (int)n);
	}
}

/* The body of HEAD, read in pieces of STEP, at most MAX bytes: its length, or the error; *DONE as at the end. */
static int read_body(const char *text, size_t step, uint64_t max, char *out, bool *done)
{
	struct http_response r;
	struct http_body b;
	size_t n = strlen(text), at, have;
	ssize_t got = http_parse_response(text, n, HEAD_MAX, &r);
	int len = 0;

	assert_true(got > 0);
	at = (size_t)got;
	http_response_body(&b, &r, max);
	*done = false;
	for (have = at; !*done;) {
		struct slice run;

		got = http_body_feed(&b, text + at, have - at, &run, done);
		if (got < 0)
			return (int)got;
		memcpy(out + len, run.p, run.n);
		len += (int)run.n;
		at += (size_t)got;
		if (at == have && have == n)
			break;
		if (at == have)
			have = have + step < n ? have + step : n;
	}
	return len;
}

static void bodies_read_the_same_however_they_are_cut(void **state)
{
	static const struct {
		const char *text, *body;
		uint64_t max;
		int err;
		bool done;
	} cases[] = {
	    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", "hello", 5, 0, true},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "", 4, PROTO_EHTTP_BODY, false},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 4, 0, true},
	    {"HTTP/1.1 204 OK\r\nContent-Length: 9\r\n\r\n", "", 4, 0, true},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nT: x\r\n\r\n", "hello", 5, 0, true},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n", "hello", 5, 0, false},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello!\r\n", "", 5, PROTO_EHTTP_BODY, false},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "", 5, PROTO_EHTTP, false},
	    {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", 6, 0, false},
	    {"HTTP/1.1 200 OK\r\n\r\nhello!", "hello!", 6, 0, true},
	};
	char out[64];
	bool done;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t step = 1; step < 40; step++) {
			int n = read_body(cases[i].text, step, cases[i].max, out, &done);

			assert_int_equal(n, cases[i].err != 0 ? cases[i].err : (int)strlen(cases[i].body));
			assert_int_equal(done, cases[i].done);
			if (n > 0)
				assert_memory_equal(out, cases[i].body, (size_t)n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_say_what_follows),
		cmocka_unit_test(what_two_parsers_could_read_differently_is_refused),
		cmocka_unit_test(long_heads_are_refused),
		cmocka_unit_test(many_fields_are_refused),
		cmocka_unit_test(bodies_read_the_same_however_they_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
