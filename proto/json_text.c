/*
 * json_text.c - strings and numbers of json.h: escapes there and back, exact integers, doubles.
 */
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>

#include "proto/json.h"
#include "proto/json_bytes.h"

#define NUMBER_MAX 1000u

struct slice json_string_raw(struct slice v)
{
	if (v.n < 2 || v.p[0] != '"' || v.p[v.n - 1] != '"')
		return slice_make(v.p, 0);
	return slice_make(v.p + 1, v.n - 2);
}

static unsigned hex_value(char c)
{
	return c <= '9' ? (unsigned)(c - '0') & 15 : (unsigned)((c | 0x20) - 'a' + 10) & 15;
}

/* The code unit of \uXXXX at P, or 0x10000 when there is none. */
static uint32_t code_unit(const char *p, const char *end)
{
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return 0x10000;
	return hex_value(p[2]) << 12 | hex_value(p[3]) << 8 | hex_value(p[4]) << 4 | hex_value(p[5]);
}

static size_t utf8_put(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* Decodes the escape at *P, moves behind it; bytes written to OUT. */
static size_t unescape(const char **p, const char *end, char out[4])
{
	uint32_t c, low;

	if (end - *p < 2) {
		*p = end;
		return 0;
	}
	c = code_unit(*p, end);
	if (c == 0x10000) {
		char e = (*p)[1];

		*p += 2;
		switch (e) {
		case 'b': out[0] = '\b'; break;
		case 'f': out[0] = '\f'; break;
		case 'n': out[0] = '\n'; break;
		case 'r': out[0] = '\r'; break;
		case 't': out[0] = '\t'; break;
		default: out[0] = e; break;
		}
		return 1;
	}
	*p += 6;
	if (c >= 0xd800 && c <= 0xdfff) {
		low = c <= 0xdbff ? code_unit(*p, end) : 0;
		if (low >= 0xdc00 && low <= 0xdfff) {
			*p += 6;
			c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
		} else {
			c = 0xfffd; /* half a pair has no UTF-8 */
		}
	}
	return utf8_put(c, out);
}

bool json_string_is(struct slice raw, struct slice name)
{
	const char *p = raw.p, *end, *q = name.p;
	size_t left = name.n;

	/* An escape is longer than what it stands for: only a longer text can have any. */
	if (raw.n <= name.n)
		return slice_eq(raw, name) && (raw.n == 0 || memchr(raw.p, '\\', raw.n) == NULL);
	if (memchr(raw.p, '\\', raw.n) == NULL)
		return false;
	end = p + raw.n;
	while (p < end) {
		char c[4];
		size_t n = 1;

		if (*p == '\\')
			n = unescape(&p, end, c);
		else
			c[0] = *p++;
		if (n > left || memcmp(c, q, n) != 0)
			return false;
		q += n;
		left -= n;
	}
	return left == 0;
}

ssize_t json_string_decode(struct slice v, char *out, size_t cap)
{
	struct slice raw = json_string_raw(v);
	const char *p = raw.p, *end;
	size_t n = 0;

	if (json_type(v) != JSON_STRING)
		return -1;
	end = p + raw.n;
	while (p < end) {
		const char *stop = memchr(p, '\\', (size_t)(end - p));
		size_t run = (size_t)((stop ? stop : end) - p);
		char c[4];

		if (run > cap - n)
			return -1;
		if (run > 0)
			memcpy(out + n, p, run);
		n += run;
		p += run;
		if (p == end)
			break;
		run = unescape(&p, end, c);
		if (run > cap - n)
			return -1;
		memcpy(out + n, c, run);
		n += run;
	}
	return (ssize_t)n;
}

size_t json_escape(struct slice text, char *out, size_t cap)
{
	static const char hex[] = "0123456789abcdef";
	const char *p = text.p, *end;
	size_t n = 0;

	if (text.n == 0)
		return 0;
	end = p + text.n;
	while (p < end) {
		const char *stop = (const char *)json_plain((const uint8_t *)p, (const uint8_t *)end);
		size_t run = (size_t)(stop - p);
		char e[6] = {'\\', 'u', '0', '0'};

		if (run > 0 && n <= cap && run <= cap - n)
			memcpy(out + n, p, run);
		n += run;
		if (stop == end)
			break;
		run = 2;
		switch (*stop) {
		case '"':
		case '\\': e[1] = *stop; break;
		case '\b': e[1] = 'b'; break;
		case '\f': e[1] = 'f'; break;
		case '\n': e[1] = 'n'; break;
		case '\r': e[1] = 'r'; break;
		case '\t': e[1] = 't'; break;
		default:
			e[4] = hex[(uint8_t)*stop >> 4];
			e[5] = hex[*stop & 15];
			run = 6;
			break;
		}
		if (n <= cap && run <= cap - n)
			memcpy(out + n, e, run);
		n += run;
		p = stop + 1;
	}
	return n;
}

bool json_int(struct slice v, int64_t *out)
{
	bool minus = v.n > 0 && v.p[0] == '-';
	uint64_t max = minus ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX, x = 0;
	size_t i = minus;

	if (i == v.n)
		return false;
	for (; i < v.n; i++) {
		unsigned d = (unsigned)(uint8_t)v.p[i] - '0';

		if (d > 9 || x > (max - d) / 10)
			return false;
		x = x * 10 + d;
	}
	*out = minus ? (int64_t)(0 - x) : (int64_t)x;
	return true;
}

static struct {
	pthread_once_t once;
	locale_t c;
} number_locale = {.once = PTHREAD_ONCE_INIT};

static void number_locale_init(void)
{
	number_locale.c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
}

bool json_number(struct slice v, double *out)
{
	char buf[NUMBER_MAX + 1], *end;
	int64_t i;

	if (json_type(v) != JSON_NUMBER)
		return false;
	/* Most numbers, exactly; -0 has to stay a negative zero. */
	if (v.n <= 15 && v.p[0] != '-' && json_int(v, &i)) {
		*out = (double)i;
		return true;
	}
	if (v.n > NUMBER_MAX)
		return false;
	pthread_once(&number_locale.once, number_locale_init);
	if (number_locale.c == (locale_t)0)
		return false;
	memcpy(buf, v.p, v.n);
	buf[v.n] = '\0';
	*out = strtod_l(buf, &end, number_locale.c);
	return end == buf + v.n;
}
