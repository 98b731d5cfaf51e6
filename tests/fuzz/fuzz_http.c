/*
 * fuzz_http.c - request heads and bodies: what is accepted is written anew from its parts and read as the same, and a
 * body reads the same whole and in pieces.
 */
#include <stdio.h>

#include "proto/error.h"
#include "proto/http.h"
#include "tests/fuzz/fuzz.h"

static const struct http_limits lim = {.max_head = 4096, .max_uri = 512, .max_body = 1000};

static struct http_request first, second;

static size_t put(char *out, size_t n, struct slice s)
{
	if (s.n > 0)
		memcpy(out + n, s.p, s.n);
	return n + s.n;
}

static void write_and_read_again(const struct http_request *r, struct slice method)
{
	static char head[3 * 4096 + 64];
	size_t n = put(head, 0, method);

	n = put(head, n, SLICE(" "));
	n = put(head, n, r->target);
	n = put(head, n, r->minor ? SLICE(" HTTP/1.1\r\n") : SLICE(" HTTP/1.0\r\n"));
	for (unsigned i = 0; i < r->nfields; i++) {
		n = put(head, n, r->field[i].name);
		n = put(head, n, SLICE(": "));
		n = put(head, n, r->field[i].value);
		n = put(head, n, SLICE("\r\n"));
	}
	n = put(head, n, SLICE("\r\n"));
	if (n > lim.max_head)
		return;
	must(http_parse_request(head, n, &lim, &second) == (ssize_t)n);
	must(second.verb == r->verb && second.minor == r->minor && second.nfields == r->nfields);
	must(slice_eq(second.path, r->path) && slice_eq(second.query, r->query));
	must(second.chunked == r->chunked && second.has_length == r->has_length && second.length == r->length);
	must(second.keep_alive == r->keep_alive && second.upgrade_websocket == r->upgrade_websocket);
	for (unsigned i = 0; i < r->nfields; i++)
		must(slice_eq(second.field[i].name, r->field[i].name) &&
		    slice_eq(second.field[i].value, r->field[i].value));
}

struct body_result {
	int err;
	bool done;
	size_t used, n;
	uint64_t hash;
};

static struct body_result read_body(const struct http_request *r, const char *p, size_t n, size_t step)
{
	struct body_result res = {0};
	struct http_body b;

	http_body_init(&b, r, &lim);
	for (size_t have = 0; !res.done && res.err == 0;) {
		struct slice data;
		ssize_t used = http_body_feed(&b, p + res.used, have - res.used, &data, &res.done);

		if (used < 0) {
			res.err = (int)used;
			break;
		}
		must_be_within(data, slice_make(p + res.used, (size_t)used));
		for (size_t i = 0; i < data.n; i++)
			res.hash = (res.hash ^ (uint8_t)data.p[i]) * 0x100000001b3u;
		res.n += data.n;
		res.used += (size_t)used;
		must(res.n <= lim.max_body);
		if (res.used == have) {
			if (have == n)
				break;
			have = have + step < n ? have + step : n;
		}
	}
	return res;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);
	ssize_t n = http_parse_request(in.p, in.n, &lim, &first);
	struct body_result whole, pieces;
	const char *start = in.p;

	if (n <= 0) {
		must(n == 0 || http_status_of((int)n) >= 400);
		return 0;
	}
	must((size_t)n <= size && first.nfields <= HTTP_FIELDS_MAX);
	/* No part of it would have been taken for a whole. */
	for (ssize_t cut = n - 1; cut >= 0 && cut > n - 40; cut--) {
		static struct http_request part;

		must(http_parse_request(in.p, (size_t)cut, &lim, &part) == 0);
	}
	while (*start == '\r' || *start == '\n')
		start++;
	write_and_read_again(&first, slice_make(start, (size_t)(first.target.p - start - 1)));
	whole = read_body(&first, in.p + n, size - (size_t)n, size);
	pieces = read_body(&first, in.p + n, size - (size_t)n, 1);
	must(whole.err == pieces.err && whole.done == pieces.done && whole.n == pieces.n && whole.hash == pieces.hash);
	must(whole.err != 0 || whole.used == pieces.used);
	return 0;
}
