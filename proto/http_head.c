/*
 * http_head.c - see http_head.h.
 */
#include "proto/http_head.h"

#include "proto/error.h"
#include "proto/http.h"
#include "proto/http_token.h"

const char *http_head_end(const char *p, size_t n)
{
	const char *blank = memmem(p, n, "\r\n\r\n", 4);

	return blank ? blank + 4 : NULL;
}

int http_head_lines(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)p[i];

		if (c >= 0x20 && c != 0x7f)
			continue;
		if (c == '\r' && i + 1 < n && p[i + 1] == '\n') {
			i++;
			if (i + 1 < n && (p[i + 1] == ' ' || p[i + 1] == '\t'))
				return PROTO_EHTTP_SMUGGLE;
		} else if (c == '\r' || c == '\n') {
			return PROTO_EHTTP_SMUGGLE;
		} else if (c != '\t') {
			return PROTO_EHTTP;
		}
	}
	return 0;
}

bool http_head_length(struct slice v, uint64_t *out)
{
	uint64_t x = 0;

	if (v.n == 0)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		unsigned d = (unsigned)(uint8_t)v.p[i] - '0';

		if (d > 9 || x > (UINT64_MAX - d) / 10)
			return false;
		x = x * 10 + d;
	}
	*out = x;
	return true;
}

int http_head_odd_coding(struct slice v)
{
	struct slice last = v;
	const char *comma = v.n > 0 ? memrchr(v.p, ',', v.n) : NULL;

	if (comma)
		last = slice_make(comma + 1, (size_t)(v.p + v.n - comma - 1));
	if (http_is_nocase(http_trim(last), "chunked"))
		v.n = comma ? (size_t)(comma - v.p) : 0;
	return v.n == 0 || http_has_token(v, "chunked") ? PROTO_EHTTP_SMUGGLE : PROTO_EHTTP_CODING;
}
