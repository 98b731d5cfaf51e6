/*
 * t_http.c - request heads: what browsers send, and every way to send one that two servers read differently.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/http.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct http_limits lim = {.max_head = 16384, .max_uri = 8000, .max_body = 1000000};

static struct http_request req;

/* From a copy of exactly its size.  The request's slices dangle afterwards: only counts and flags may be looked at. */
static ssize_t parse_copy(const char *p, size_t n)
{
	char *copy = malloc(n ? n : 1);
	ssize_t r;

	assert_non_null(copy);
	memcpy(copy, p, n);
	r = http_parse_request(copy, n, &lim, &req);
	free(copy);
	return r;
}

static const char handshake[] = "GET /socket.io/?EIO=4&transport=websocket&t=Pabc HTTP/1.1\r\n"
				"Host: chat.example.com:3000\r\n"
				"Connection: keep-alive, Upgrade\r\n"
				"Pragma: no-cache\r\n"
				"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n"
				"Upgrade: WebSocket\r\n"
				"Origin: https://chat.example.com\r\n"
				"Sec-WebSocket-Version: 13\r\n"
				"Accept-Encoding: gzip, deflate, br\r\n"
				"Cookie: io=caf\xc3\xa9; a=b\r\n"
				"X-Empty:\r\n"
				"X-Spaces: \t a b \t \r\n"
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
				"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

static void parse_handshake(void **state)
{
	struct slice v;

	(void)state;
	assert_int_equal(http_parse_request(handshake, sizeof handshake - 1, &lim, &req), sizeof handshake - 1);
	assert_int_equal(req.verb, HTTP_VERB_GET);
	assert_int_equal(req.minor, 1);
	assert_true(slice_is(req.target, "/socket.io/?EIO=4&transport=websocket&t=Pabc"));
	assert_true(slice_is(req.path, "/socket.io/"));
	assert_true(slice_is(req.query, "EIO=4&transport=websocket&t=Pabc"));
	assert_int_equal(req.nfields, 13);
	assert_true(req.keep_alive);
	assert_true(req.upgrade_websocket);
	assert_false(req.upgrade_other);
	assert_false(req.chunked);
	assert_false(req.has_length);
	assert_int_equal(req.length, 0);
	assert_false(req.expect_continue);
	assert_true(http_field(&req, "sec-websocket-key", &v) && slice_is(v, "dGhlIHNhbXBsZSBub25jZQ=="));
	assert_true(http_field(&req, "HOST", &v) && slice_is(v, "chat.example.com:3000"));
	assert_true(http_field(&req, "x-empty", &v) && v.n == 0);
	assert_true(http_field(&req, "x-spaces", &v) && slice_is(v, "a b"));
	assert_true(http_field(&req, "cookie", &v) && slice_is(v, "io=caf\xc3\xa9; a=b"));
	assert_false(http_field(&req, "X-None", &v));
}

/* Any prefix asks for more, and what follows the head is left alone. */
static void parse_every_prefix(void **state)
{
	char more[sizeof handshake + 64];

	(void)state;
	for (size_t n = 0; n < sizeof handshake - 1; n++)
		assert_int_equal(parse_copy(handshake, n), 0);
	memcpy(more, handshake, sizeof handshake - 1);
	memset(more + sizeof handshake - 1, '\n', 64);
	assert_int_equal(parse_copy(more, sizeof more), sizeof handshake - 1);
	/* Empty lines in front. */
	(void)snprintf(more, sizeof more, "\r\n\r\n%s", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /");
	assert_int_equal(parse_copy(more, strlen(more)), strlen("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_int_equal(parse_copy("\r\n\r\n", 4), 0);
	assert_int_equal(parse_copy("\r", 1), 0);
}

static void parse_good(void **state)
{
	static const struct {
		const char *head;
		enum http_verb verb;
		const char *path, *query;
		bool keep_alive;
	} t[] = {
	    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_VERB_GET, "/", "", true},
	    {"GET / HTTP/1.0\r\n\r\n", HTTP_VERB_GET, "/", "", false},
	    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", HTTP_VERB_GET, "/", "", true},
	    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, CLOSE\r\n\r\n", HTTP_VERB_GET, "/", "", false},
	    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", HTTP_VERB_GET, "/", "", false},
	    {"HEAD /a?b?c=d HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", HTTP_VERB_HEAD, "/a", "b?c=d", true},
	    {"PUT /? HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_VERB_PUT, "/", "", true},
	    {"PATCH //x HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_VERB_PATCH, "//x", "", true},
	    {"DELETE /%2e%2e/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_VERB_DELETE, "/%2e%2e/", "", true},
	    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_VERB_OPTIONS, "*", "", true},
	    {"OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_VERB_OPTIONS, "/x", "", true},
	    {"PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_VERB_OTHER, "/", "", true},
	    {"GET http://a:80/x?y HTTP/1.1\r\nHost: A:80\r\n\r\n", HTTP_VERB_GET, "/x", "y", true},
	    {"GET https://a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_VERB_GET, "/", "", true},
	    {"GET http://a?y HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_VERB_GET, "/", "y", true},
	    {"GET /http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_VERB_GET, "/http://b/", "", true},
	    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", HTTP_VERB_POST, "/", "", true},
	    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:0005 \r\n\r\n", HTTP_VERB_POST, "/", "", true},
	    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", HTTP_VERB_POST, "/", "", true},
	    {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n", HTTP_VERB_POST, "/", "",
		true},
	    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", HTTP_VERB_GET, "/", "", true},
	    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", HTTP_VERB_GET, "/", "", true},
	    {"GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", HTTP_VERB_GET, "/", "", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		size_t n = strlen(t[i].head);

		if (http_parse_request(t[i].head, n, &lim, &req) != (ssize_t)n)
			fail_msg("%s", t[i].head);
		assert_int_equal(req.verb, t[i].verb);
		if (!slice_is(req.path, t[i].path) || !slice_is(req.query, t[i].query) ||
		    req.keep_alive != t[i].keep_alive)
			fail_msg(
			    "%s: %.*s ? %.*s", t[i].head, (int)req.path.n, req.path.p, (int)req.query.n, req.query.p);
		assert_int_equal(req.chunked, strstr(t[i].head, "hunked") != NULL);
		assert_int_equal(req.has_length, strstr(t[i].head, "Length") != NULL);
		assert_int_equal(req.length, req.has_length ? 5 : 0);
		assert_int_equal(req.expect_continue, strstr(t[i].head, "Expect") != NULL);
		assert_int_equal(req.upgrade_other, strstr(t[i].head, "h2c") != NULL);
		assert_false(req.upgrade_websocket);
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(parse_copy(t[i].head, cut), 0);
	}
}

#define HOST " HTTP/1.1\r\nHost: a\r\n"

static void parse_bad(void **state)
{
	static const struct {
		const char *head;
		int err;
	} t[] = {
	    /* Request line */
	    {"GET /\r\n\r\n", PROTO_EHTTP},
	    {"GET\r\n\r\n", PROTO_EHTTP},
	    {" GET /" HOST "\r\n", PROTO_EHTTP},
	    {"GET  /" HOST "\r\n", PROTO_EHTTP},
	    {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", PROTO_EHTTP},
	    {"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", PROTO_EHTTP},
	    {"GET / http/1.1\r\nHost: a\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/11\r\nHost: a\r\n\r\n", PROTO_EHTTP},
	    {"SOURCE / ICE/1.0\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", PROTO_EHTTP_VERSION},
	    {"GET / HTTP/0.9\r\n\r\n", PROTO_EHTTP_VERSION},
	    {"GET / HTTP/9.9\r\nHost: a\r\n\r\n", PROTO_EHTTP_VERSION},
	    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PROTO_EHTTP_VERSION},
	    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", PROTO_EHTTP_VERSION},
	    {"BREW /" HOST "\r\n", PROTO_EHTTP},
	    {"get /" HOST "\r\n", PROTO_EHTTP},
	    {"G\xc3\xa9T /" HOST "\r\n", PROTO_EHTTP},
	    {"\x16\x03\x01\x02 / HTTP/1.1\r\n\r\n", PROTO_EHTTP},
	    {"{\"a\":1}\r\n\r\n", PROTO_EHTTP},
	    /* Target */
	    {"GET x" HOST "\r\n", PROTO_EHTTP},
	    {"GET /#f" HOST "\r\n", PROTO_EHTTP},
	    {"GET /?a#f" HOST "\r\n", PROTO_EHTTP},
	    {"GET *" HOST "\r\n", PROTO_EHTTP},
	    {"GET /\xc3\xa9" HOST "\r\n", PROTO_EHTTP},
	    {"GET /a\tb" HOST "\r\n", PROTO_EHTTP},
	    {"GET /\x7f" HOST "\r\n", PROTO_EHTTP},
	    {"GET /\x01" HOST "\r\n", PROTO_EHTTP},
	    {"CONNECT a:80" HOST "\r\n", PROTO_EHTTP},
	    {"GET http://b/" HOST "\r\n", PROTO_EHTTP},
	    {"GET http://a:80/" HOST "\r\n", PROTO_EHTTP},
	    {"GET http:///" HOST "\r\n", PROTO_EHTTP},
	    {"GET http://x@a/" HOST "\r\n", PROTO_EHTTP},
	    {"GET ftp://a/" HOST "\r\n", PROTO_EHTTP},
	    {"GET http://a/ HTTP/1.1\r\n\r\n", PROTO_EHTTP},
	    {"GET http://a/ HTTP/1.0\r\n\r\n", PROTO_EHTTP},
	    /* Host */
	    {"GET / HTTP/1.1\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/1.1\r\nHost: \r\n\r\n", PROTO_EHTTP},
	    {"GET /" HOST "Host: a\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "hOST: b\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/1.1\r\nHost: x@a\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/1.1\r\nHost: caf\xc3\xa9\r\n\r\n", PROTO_EHTTP},
	    {"GET / HTTP/1.0\r\nHost:\r\n\r\n", PROTO_EHTTP},
	    /* Lines and fields */
	    {"GET / HTTP/1.1\nHost: a\n\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "A: b\nC: d\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "A: b\rC: d\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "A: b\r\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "A: b\r\n c\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "A: b\r\n\tc\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "A:\r\n \r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "A\t: b\r\n\r\n", PROTO_EHTTP},
	    {"GET /" HOST "A B: c\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST ": b\r\n\r\n", PROTO_EHTTP},
	    {"GET /" HOST "A\r\n\r\n", PROTO_EHTTP},
	    {"GET /" HOST "A(b): c\r\n\r\n", PROTO_EHTTP},
	    {"GET /" HOST "\xc3\xa9: c\r\n\r\n", PROTO_EHTTP},
	    {"GET /" HOST "A: \x01\r\n\r\n", PROTO_EHTTP},
	    {"GET /" HOST "A: b\x7f\r\n\r\n", PROTO_EHTTP},
	    {"GET /" HOST "A: \x0b\r\n\r\n", PROTO_EHTTP},
	    /* Framing */
	    {"POST /" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length: 5\r\ncontent-length: 6\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length: 5, 5\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length: +5\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length: -5\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length: 5 5\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length: 0x5\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length: 5.0\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length:\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length: a\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length: 18446744073709551616\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content-Length : 5\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Content_Length: 5\r\nContent-Length: 5 \r\nContent-Length: 5\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Transfer-Encoding: chunked, identity\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Transfer-Encoding: chunked,\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Transfer-Encoding:\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST /" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", PROTO_EHTTP_CODING},
	    {"POST /" HOST "Transfer-Encoding: identity\r\n\r\n", PROTO_EHTTP_CODING},
	    {"POST /" HOST "Transfer-Encoding: xchunked\r\n\r\n", PROTO_EHTTP_CODING},
	    {"POST /" HOST "Transfer-Encoding: chunked;q=1\r\n\r\n", PROTO_EHTTP_CODING},
	    {"POST /" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n", PROTO_EHTTP_CODING},
	    {"POST /" HOST "Transfer-Encoding:\x0b"
	     "chunked\r\n\r\n",
		PROTO_EHTTP},
	    {"POST /" HOST "Transfer-Encoding : chunked\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    /* WebSocket */
	    {"GET /" HOST "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: b\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "Origin: a\r\nOrigin: b\r\n\r\n", PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc",
		PROTO_EHTTP_SMUGGLE},
	    {"GET /" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n",
		PROTO_EHTTP_SMUGGLE},
	};

	static const struct slice nul[] = {
	    {"GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", 35},
	    {"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28},
	    {"GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", 28},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		ssize_t r = parse_copy(t[i].head, strlen(t[i].head));

		if (r != t[i].err)
			fail_msg("%s: %zd %s", t[i].head, r, r < 0 ? proto_strerror((int)r) : "");
	}
	for (size_t i = 0; i < COUNT(nul); i++)
		assert_int_equal(parse_copy(nul[i].p, nul[i].n), PROTO_EHTTP);
}

/* A length of 0 is no body: clients send it with upgrades. */
static void parse_upgrades(void **state)
{
	static const char zero[] =
	    "GET /" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n";
	static const char lists[] =
	    "GET /" HOST "Connection: foo\r\nConnection: a,b ,upgrade\r\nUpgrade: h2c\r\nUpgrade: x, WEBSOCKET\r\n\r\n";
	static const char no[] = "GET /" HOST "Connection: upgraded\r\nUpgrade: websocket\r\n\r\n";

	(void)state;
	assert_int_equal(parse_copy(zero, sizeof zero - 1), sizeof zero - 1);
	assert_true(req.upgrade_websocket);
	assert_int_equal(parse_copy(lists, sizeof lists - 1), sizeof lists - 1);
	assert_true(req.upgrade_websocket);
	assert_int_equal(parse_copy(no, sizeof no - 1), sizeof no - 1);
	assert_false(req.upgrade_websocket || req.upgrade_other);
}

static void parse_limits(void **state)
{
	static char big[40000];
	int n;

	(void)state;
	/* Target */
	n = snprintf(big, sizeof big, "GET /%07999d" HOST "\r\n", 0);
	assert_int_equal(parse_copy(big, (size_t)n), n);
	n = snprintf(big, sizeof big, "GET /%08000d" HOST "\r\n", 0);
	assert_int_equal(parse_copy(big, (size_t)n), PROTO_EHTTP_URI);
	memset(big, 'a', sizeof big);
	memcpy(big, "GET /", 5);
	assert_int_equal(parse_copy(big, 8000), 0);
	assert_int_equal(parse_copy(big, 8100), PROTO_EHTTP_URI);
	memset(big, 'A', sizeof big);
	assert_int_equal(parse_copy(big, 16383), 0);
	assert_int_equal(parse_copy(big, 16384), PROTO_EHTTP_HEADERS);
	/* Head */
	n = snprintf(big, sizeof big, "GET /" HOST "A: %016300d\r\n", 0);
	assert_int_equal(parse_copy(big, 16383), 0);
	assert_int_equal(parse_copy(big, 16384), PROTO_EHTTP_HEADERS);
	n += snprintf(big + n, sizeof big - (size_t)n, "\r\n");
	assert_true(n <= 16384);
	assert_int_equal(parse_copy(big, (size_t)n), n);
	n = snprintf(big, sizeof big, "GET /" HOST "A: %030000d\r\n\r\n", 0);
	assert_int_equal(parse_copy(big, (size_t)n), PROTO_EHTTP_HEADERS);
	/* Number of fields, Host among them */
	for (unsigned fields = HTTP_FIELDS_MAX - 1; fields <= HTTP_FIELDS_MAX; fields++) {
		n = snprintf(big, sizeof big, "GET /" HOST);
		for (unsigned i = 0; i < fields; i++)
			n += snprintf(big + n, sizeof big - (size_t)n, "a%u:%u\r\n", i, i);
		n += snprintf(big + n, sizeof big - (size_t)n, "\r\n");
		assert_int_equal(parse_copy(big, (size_t)n), fields < HTTP_FIELDS_MAX ? n : PROTO_EHTTP_HEADERS);
	}
	/* Empty lines without end */
	for (unsigned i = 0; i < sizeof big; i++)
		big[i] = i % 2 ? '\n' : '\r';
	assert_int_equal(parse_copy(big, sizeof big), PROTO_EHTTP_HEADERS);
}

/* Each byte value at each place of a head: accepted or refused, never read beyond (the sanitizers look on). */
static void parse_every_byte_everywhere(void **state)
{
	static const char head[] = "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
	char copy[sizeof head];

	(void)state;
	for (size_t at = 0; at < sizeof head - 1; at++) {
		for (unsigned c = 0; c < 256; c++) {
			ssize_t r;

			memcpy(copy, head, sizeof head);
			copy[at] = (char)c;
			r = parse_copy(copy, sizeof head - 1);
			assert_true(r == (ssize_t)sizeof head - 1 || r <= 0);
			if (r > 0 && (c < 0x20 || c == 0x7f) && c != '\t' && c != (unsigned char)head[at])
				fail_msg("byte %u at %zu", c, at);
		}
	}
}

static void tokens(void **state)
{
	(void)state;
	assert_true(http_has_token(SLICE("keep-alive, Upgrade"), "upgrade"));
	assert_true(http_has_token(SLICE(" , ,\tupgrade\t,"), "upgrade"));
	assert_false(http_has_token(SLICE("upgrade2"), "upgrade"));
	assert_false(http_has_token(SLICE("x upgrade"), "upgrade"));
	assert_false(http_has_token(SLICE(""), "upgrade"));
	assert_false(http_has_token(slice_make(NULL, 0), "upgrade"));
}

static void statuses(void **state)
{
	static const struct {
		int err;
		unsigned status;
	} t[] = {{PROTO_EHTTP, 400}, {PROTO_EHTTP_SMUGGLE, 400}, {PROTO_EHTTP_HEADERS, 431}, {PROTO_EHTTP_URI, 414},
	    {PROTO_EHTTP_BODY, 413}, {PROTO_EHTTP_VERSION, 505}, {PROTO_EHTTP_CODING, 501}};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_int_equal(http_status_of(t[i].err), t[i].status);
		assert_string_not_equal(http_reason(t[i].status), "Unknown");
	}
	assert_string_equal(http_reason(101), "Switching Protocols");
	assert_string_equal(http_reason(404), "Not Found");
	assert_string_equal(http_reason(299), "Unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse_handshake),
	    cmocka_unit_test(parse_every_prefix),
	    cmocka_unit_test(parse_good),
	    cmocka_unit_test(parse_bad),
	    cmocka_unit_test(parse_upgrades),
	    cmocka_unit_test(parse_limits),
	    cmocka_unit_test(parse_every_byte_everywhere),
	    cmocka_unit_test(tokens),
	    cmocka_unit_test(statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
