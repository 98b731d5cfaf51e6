#include <string.h>

#include "conf/compile.h"

static bool hex4(const char *p, const char *end, unsigned *unit)
{
	*unit = 0;
	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (unsigned)((c | 0x20) - 'a' + 10);
		else
			return false;
		*unit = *unit << 4 | digit;
	}
	return true;
}

/* Bytes of the escape at P, which is a backslash; 0 when it is none of JSON's. */
static size_t escape_length(const char *p, const char *end)
{
	unsigned high;
	unsigned low;

	if (end - p < 2)
		return 0;
	if (p[1] != 'u')
		return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
	if (!hex4(p + 2, end, &high) || (high >= 0xdc00 && high < 0xe000))
		return 0;
	if (high < 0xd800 || high >= 0xdc00)
		return 6;
	/* half a character: the other half must follow */
	if (end - p < 12 || p[6] != '\\' || p[7] != 'u' || !hex4(p + 8, end, &low) || low < 0xdc00 || low >= 0xe000)
		return 0;
	return 12;
}

bool template_string_span(struct cursor *c, struct text *body)
{
	const char *begin = c->p;

	for (; c->p < c->end && *c->p != '"';) {
		if ((unsigned char)*c->p < 0x20)
			return cursor_fail(
			    c, "a line break or control character inside a JSON string: write \\n or the like");
		if (*c->p == '\\') {
			size_t n = escape_length(c->p, c->end);

			if (n == 0)
				return cursor_fail(c, "not a JSON escape: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
			c->p += n;
		} else {
			c->p++;
		}
	}
	if (c->p == c->end)
		return cursor_fail(c, "a JSON string is never closed: \" is missing");
	*body = (struct text){begin, (size_t)(c->p - begin)};
	c->p++;
	return true;
}

static void put_rune(char **out, unsigned rune)
{
	unsigned char *o = (unsigned char *)*out;

	if (rune < 0x80) {
		*o++ = (unsigned char)rune;
	} else if (rune < 0x800) {
		*o++ = (unsigned char)(0xc0 | rune >> 6);
		*o++ = (unsigned char)(0x80 | (rune & 0x3f));
	} else if (rune < 0x10000) {
		*o++ = (unsigned char)(0xe0 | rune >> 12);
		*o++ = (unsigned char)(0x80 | (rune >> 6 & 0x3f));
		*o++ = (unsigned char)(0x80 | (rune & 0x3f));
	} else {
		*o++ = (unsigned char)(0xf0 | rune >> 18);
		*o++ = (unsigned char)(0x80 | (rune >> 12 & 0x3f));
		*o++ = (unsigned char)(0x80 | (rune >> 6 & 0x3f));
		*o++ = (unsigned char)(0x80 | (rune & 0x3f));
	}
	*out = (char *)o;
}

struct text template_string_decode(struct conf_arena *a, struct text body)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	char *buf = conf_arena_alloc(a, body.n + 1);
	char *o = buf;
	const char *end = body.p + body.n;

	for (const char *p = body.p; p < end;) {
		size_t n = *p == '\\' ? escape_length(p, end) : 1;
		unsigned high = 0;
		unsigned low = 0;

		if (n == 1) {
			*o++ = *p;
		} else if (n == 2) {
			*o++ = to[strchr(from, p[1]) - from];
		} else {
			hex4(p + 2, end, &high);
			if (n == 12) {
				hex4(p + 8, end, &low);
				high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
			}
			put_rune(&o, high);
		}
		p += n;
	}
	return (struct text){buf, (size_t)(o - buf)};
}

struct text template_string_body(struct conf_arena *a, struct text s)
{
	char *buf = conf_arena_alloc(a, s.n * 6 + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20) {
			n += (size_t)snprintf(buf + n, 7, "\\u%04x", c);
		} else {
			if (c == '"' || c == '\\')
				buf[n++] = '\\';
			buf[n++] = (char)c;
		}
	}
	return (struct text){buf, n};
}
