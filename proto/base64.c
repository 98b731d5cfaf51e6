/*
 * base64.c - see base64.h.
 */
#include "proto/base64.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* Value + 1 of a character; 0: not of the alphabet, as the first rows and everything from 0x80. */
/* clang-format off */
#define VALUES(plus, minus, slash, underscore) { \
    [32] = \
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0, plus, 0, minus, 0, slash, \
    53, 54, 55, 56, 57, 58, 59, 60, 61, 62,  0,  0,  0,  0,  0,  0, \
     0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, \
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,  0,  0,  0,  0, underscore, \
     0, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, \
    42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,  0,  0,  0,  0,  0, \
}
/* clang-format on */
static const uint8_t url_values[256] = VALUES(0, 63, 0, 64);
static const uint8_t any_values[256] = VALUES(63, 63, 64, 64);

bool base64url_alphabet(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (url_values[(uint8_t)text.p[i]] == 0)
			return false;
	}
	return true;
}

/* *LOOSE: the bits of the last character that belong to no byte. */
static ssize_t decode(const uint8_t values[256], struct slice text, void *out, size_t cap, uint32_t *loose)
{
	const uint8_t *p = (const uint8_t *)text.p;
	size_t tail = text.n % 4, whole = text.n - tail;
	size_t need = whole / 4 * 3 + (tail ? tail - 1 : 0);
	uint8_t *o = out;
	uint32_t bad = 0;

	*loose = 0;
	if (tail == 1 || need > cap)
		return -1;
	for (size_t i = 0; i < whole; i += 4, o += 3) {
		/* An unknown character is 0 - 1: its sign bit survives the OR. */
		uint32_t a = values[p[i]] - 1u, b = values[p[i + 1]] - 1u, c = values[p[i + 2]] - 1u,
			 d = values[p[i + 3]] - 1u;
		uint32_t v = a << 18 | b << 12 | c << 6 | d;

		bad |= a | b | c | d;
		o[0] = (uint8_t)(v >> 16);
		o[1] = (uint8_t)(v >> 8);
		o[2] = (uint8_t)v;
	}
	if (tail) {
		uint32_t a = values[p[whole]] - 1u, b = values[p[whole + 1]] - 1u;
		uint32_t c = tail == 3 ? values[p[whole + 2]] - 1u : 0;

		bad |= a | b | c;
		o[0] = (uint8_t)(a << 2 | b >> 4);
		if (tail == 3)
			o[1] = (uint8_t)(b << 4 | c >> 2);
		*loose = tail == 3 ? c & 3u : b & 15u;
	}
	return bad >> 31 ? -1 : (ssize_t)need;
}

ssize_t base64url_decode(struct slice text, void *out, size_t cap)
{
	uint32_t loose;
	ssize_t n = decode(url_values, text, out, cap, &loose);

	return loose ? -1 : n;
}

ssize_t base64_decode(struct slice text, void *out, size_t cap)
{
	uint32_t loose;

	/* Padding only ever fills up the last four characters: "xx==", "xxx=". */
	if (text.n > 0 && text.n % 4 == 0 && text.p[text.n - 1] == '=') {
		text.n--;
		text.n -= text.p[text.n - 1] == '=';
	}
	return decode(any_values, text, out, cap, &loose);
}

/* Characters written. */
static size_t encode(const char letters[static 64], const void *in, size_t n, char *out)
{
	const uint8_t *p = in;
	char *start = out;
	size_t i;

	for (i = 0; i + 3 <= n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];

		*out++ = letters[v >> 18];
		*out++ = letters[v >> 12 & 63];
		*out++ = letters[v >> 6 & 63];
		*out++ = letters[v & 63];
	}
	if (n - i == 1) {
		*out++ = letters[p[i] >> 2];
		*out++ = letters[(p[i] & 3) << 4];
	} else if (n - i == 2) {
		*out++ = letters[p[i] >> 2];
		*out++ = letters[(p[i] & 3) << 4 | p[i + 1] >> 4];
		*out++ = letters[(p[i + 1] & 15) << 2];
	}
	return (size_t)(out - start);
}

void base64url_encode(const void *in, size_t n, char *out)
{
	(void)encode(LETTERS "-_", in, n, out);
}

void base64_encode(const void *in, size_t n, char *out)
{
	size_t written = encode(LETTERS "+/", in, n, out);

	memset(out + written, '=', BASE64_ENCODED(n) - written);
}
