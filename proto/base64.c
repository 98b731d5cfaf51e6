/*
 * base64.c - see base64.h.
 */
#include "proto/base64.h"

static const char letters[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value + 1 of a character, so that 0 (what the table leaves out) is "no character of ours". */
#define V(c, v) [c] = (v) + 1
static const uint8_t values[256] = {
    V('A', 0),
    V('B', 1),
    V('C', 2),
    V('D', 3),
    V('E', 4),
    V('F', 5),
    V('G', 6),
    V('H', 7),
    V('I', 8),
    V('J', 9),
    V('K', 10),
    V('L', 11),
    V('M', 12),
    V('N', 13),
    V('O', 14),
    V('P', 15),
    V('Q', 16),
    V('R', 17),
    V('S', 18),
    V('T', 19),
    V('U', 20),
    V('V', 21),
    V('W', 22),
    V('X', 23),
    V('Y', 24),
    V('Z', 25),
    V('a', 26),
    V('b', 27),
    V('c', 28),
    V('d', 29),
    V('e', 30),
    V('f', 31),
    V('g', 32),
    V('h', 33),
    V('i', 34),
    V('j', 35),
    V('k', 36),
    V('l', 37),
    V('m', 38),
    V('n', 39),
    V('o', 40),
    V('p', 41),
    V('q', 42),
    V('r', 43),
    V('s', 44),
    V('t', 45),
    V('u', 46),
    V('v', 47),
    V('w', 48),
    V('x', 49),
    V('y', 50),
    V('z', 51),
    V('0', 52),
    V('1', 53),
    V('2', 54),
    V('3', 55),
    V('4', 56),
    V('5', 57),
    V('6', 58),
    V('7', 59),
    V('8', 60),
    V('9', 61),
    V('-', 62),
    V('_', 63),
};
#undef V

bool base64url_alphabet(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (values[(uint8_t)text.p[i]] == 0)
			return false;
	}
	return true;
}

ssize_t base64url_decode(struct slice text, void *out, size_t cap)
{
	const uint8_t *p = (const uint8_t *)text.p;
	size_t tail = text.n % 4, whole = text.n - tail;
	size_t need = whole / 4 * 3 + (tail ? tail - 1 : 0);
	uint8_t *o = out;
	uint32_t bad = 0;

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
		if (tail == 3) {
			o[1] = (uint8_t)(b << 4 | c >> 2);
			bad |= (c & 3u) << 30;
		} else {
			bad |= (b & 15u) << 28;
		}
	}
	return bad >> 28 ? -1 : (ssize_t)need;
}

void base64url_encode(const void *in, size_t n, char *out)
{
	const uint8_t *p = in;
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
}
