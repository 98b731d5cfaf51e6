/*
 * fuzz_http_response.c - responses of backends: no beginning of a head is taken for a whole one, what is behind it changes
 * nothing, and a body reads the same whole and in pieces.
 */
#include "proto/error.h"
#include "proto/http_response.h"
#include "tests/fuzz/fuzz.h"

#define HEAD_MAX 2048u
#define BODY_MAX 1000u

struct result {
	int err;
	bool done;
	size_t used, n;
	uint64_t hash;
};

static struct result read_body(const struct http_response *r, const char *p, size_t n, size_t step)
{
	struct result res = {0};
	struct http_body b;
	size_t have = 0;

	http_response_body(&b, r, BODY_MAX);
	while (!res.done && res.err == 0) {
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
		must(res.n <= BODY_MAX);
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
	const char *p = (const char *)data;
	struct http_response r, other;
	struct result whole, pieces;
	ssize_t n = http_parse_response(p, size, HEAD_MAX, &r);

	if (n <= 0) {
		must(n == 0 ? size < HEAD_MAX : n <= PROTO_EHTTP && n >= PROTO_EHTTP_CODING);
		return 0;
	}
	must((size_t)n <= size && n <= (ssize_t)HEAD_MAX);
	must(r.status >= 100 && r.status <= 599 && r.status != 101 && r.minor <= 1);
	must(!r.keep_alive || r.framing != HTTP_FRAMING_CLOSE);
	for (ssize_t cut = n - 1; cut >= 0 && cut > n - 40; cut--)
		must(http_parse_response(p, (size_t)cut, HEAD_MAX, &other) == 0);
	must(http_parse_response(p, (size_t)n, HEAD_MAX, &other) == n);
	must(other.status == r.status && other.framing == r.framing && other.length == r.length);
	whole = read_body(&r, p + n, size - (size_t)n, size);
	pieces = read_body(&r, p + n, size - (size_t)n, 1);
	must(whole.err == pieces.err && whole.done == pieces.done && whole.n == pieces.n && whole.hash == pieces.hash);
	must(whole.err != 0 || whole.used == pieces.used);
	return 0;
}
