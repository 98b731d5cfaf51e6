/*
 * json_bytes.h - how scanner and walkers look at bytes.  Private to json*.c.
 */
#ifndef FORKCAST_PROTO_JSON_BYTES_H
#define FORKCAST_PROTO_JSON_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline bool json_is_space(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/*
 * Crosses string bytes that stand for themselves: to the first quote, backslash or control character, or END.
 *
 * Eight bytes at a time.  x - 0x01.. sets the high bit of each byte that was 0, and of bytes above one that borrowed;
 * the lowest hit is therefore always true, and only that one is used.  & ~w leaves out bytes from 0x80.
 */
static inline const uint8_t *json_plain(const uint8_t *p, const uint8_t *end)
{
	const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;

	while (end - p >= 8) {
		uint64_t w, quote, slash, hit;

		memcpy(&w, p, sizeof w);
		w = le64toh(w);
		quote = w ^ ones * '"';
		slash = w ^ ones * '\\';
		hit = ((quote - ones) | (slash - ones) | (w - ones * 0x20)) & ~w & highs;
		if (hit)
			return p + __builtin_ctzll(hit) / 8;
		p += 8;
	}
	while (p < end && *p != '"' && *p != '\\' && *p >= 0x20)
		p++;
	return p;
}

/* P is behind the opening quote; behind the closing one, or END. */
static inline const char *json_string_end(const char *p, const char *end)
{
	for (;;) {
		p = (const char *)json_plain((const uint8_t *)p, (const uint8_t *)end);
		if (p == end)
			return end;
		if (*p == '"')
			return p + 1;
		/* What a backslash escapes may be a quote. */
		p += *p == '\\' && end - p > 1 ? 2 : 1;
	}
}

#endif
