/*
 * utf8.c - see utf8.h.
 */
#include "proto/utf8.h"

#define HIGH_BITS 0x8080808080808080u

static bool continues(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * Length of the character that starts at P with a byte >= 0x80, 0 when it is none (RFC 3629, section 4), or more than N
 * when those bytes are the beginning of one.  The second byte's range is what keeps out overlong forms, surrogates and
 * what lies above U+10FFFF.
 */
static size_t character(const uint8_t *p, size_t n)
{
	uint8_t lo = 0x80, hi = 0xbf, c = p[0];
	size_t len;

	if (c >= 0xc2 && c <= 0xdf) {
		len = 2;
	} else if (c >= 0xe0 && c <= 0xef) {
		len = 3;
		if (c == 0xe0)
			lo = 0xa0;
		else if (c == 0xed)
			hi = 0x9f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		len = 4;
		if (c == 0xf0)
			lo = 0x90;
		else if (c == 0xf4)
			hi = 0x8f;
	} else {
		return 0;
	}
	if (n > 1 && (p[1] < lo || p[1] > hi))
		return 0;
	for (size_t i = 2; i < len && i < n; i++) {
		if (!continues(p[i]))
			return 0;
	}
	return len;
}

ssize_t utf8_prefix(const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text, *end;

	if (n == 0)
		return 0;
	end = p + n;
	while (p < end) {
		size_t len;

		if ((size_t)(end - p) >= 8) {
			uint64_t w;

			memcpy(&w, p, sizeof w);
			if ((w & HIGH_BITS) == 0) {
				p += 8;
				continue;
			}
		}
		if (*p < 0x80) {
			p++;
			continue;
		}
		len = character(p, (size_t)(end - p));
		if (len == 0)
			return -1;
		if (len > (size_t)(end - p))
			break;
		p += len;
	}
	return (ssize_t)(n - (size_t)(end - p));
}

bool utf8_valid(const char *text, size_t n)
{
	return utf8_prefix(text, n) == (ssize_t)n;
}

size_t utf8_length(const char *text, size_t n)
{
	size_t chars = 0;

	for (size_t i = 0; i < n; i++)
		chars += !continues((uint8_t)text[i]);
	return chars;
}
