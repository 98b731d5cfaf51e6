#include "conf/log_value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TAIL 64 /* kept free for repeated, truncated and the end of the line */
#define HEX  "0123456789abcdef"

/* One value before it is escaped. */
struct scratch {
	size_t n;
	bool number; /* a single number and nothing else so far */
	bool cut;
	char buf[LOG_LINE];
};

void log_line_init(struct log_line *l, bool json)
{
	l->json = json;
	l->cut = false;
	l->n = 0;
}

void log_line_raw(struct log_line *l, const char *p, size_t n)
{
	if (l->cut || n > sizeof l->buf - TAIL - l->n) {
		l->cut = true;
		return;
	}
	memcpy(l->buf + l->n, p, n);
	l->n += n;
}

/* A character of LENGTH bytes at P (0: one byte that is not UTF-8); escapes what could forge or hide something. */
static void put_rune(struct log_line *l, const char *p, size_t length, uint32_t rune)
{
	unsigned char c = (unsigned char)*p;
	char esc[13];
	int n;

	if (length > 0 && !text_rune_hidden(rune) && c != '"' && c != '\\') {
		log_line_raw(l, p, length);
		return;
	}
	if (c == '"' || c == '\\')
		n = snprintf(esc, sizeof esc, "\\%c", c);
	else if (c == '\n')
		n = snprintf(esc, sizeof esc, "\\n");
	else if (c == '\t')
		n = snprintf(esc, sizeof esc, "\\t");
	else if (!l->json && (length == 0 || rune < 0x80))
		n = snprintf(esc, sizeof esc, "\\x%02x", (unsigned)c);
	else if (length == 0) /* JSON is Unicode: what is not becomes the replacement character */
		n = snprintf(esc, sizeof esc, "\\ufffd");
	else
		n = snprintf(esc, sizeof esc, "\\u%04x", (unsigned)rune);
	log_line_raw(l, esc, (size_t)n);
}

static bool needs_quotes(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] >= 0x7f || p[i] == '"' || p[i] == '\\' || p[i] == '=')
			return true;
	return n == 0;
}

void log_line_value(struct log_line *l, const char *p, size_t n)
{
	bool quotes = l->json || needs_quotes(p, n);
	size_t i = 0;

	if (!quotes) {
		size_t room = l->cut ? 0 : sizeof l->buf - TAIL - l->n;

		/* What does not fit is left out; the rest of the value is still worth having. */
		l->cut |= n > room;
		n = n < room ? n : room;
		memcpy(l->buf + l->n, p, n);
		l->n += n;
		return;
	}
	log_line_raw(l, "\"", 1);
	while (i < n && !l->cut) {
		uint32_t rune = 0;
		size_t length = text_rune(p + i, n - i, &rune);

		put_rune(l, p + i, length, rune);
		i += length > 0 ? length : 1;
	}
	/* TAIL has room for the quote of a value that was cut. */
	if (l->n < sizeof l->buf)
		l->buf[l->n++] = '"';
}

void log_line_pair(struct log_line *l, const char *key, size_t nkey, const char *p, size_t n, bool number)
{
	size_t room = sizeof l->buf - TAIL - l->n;

	if (l->cut || nkey + 8 > room || (number && nkey + n + 8 > room)) {
		l->cut = true;
		return;
	}
	log_line_raw(l, l->json ? ",\"" : " ", l->json ? 2 : 1);
	log_line_raw(l, key, nkey);
	log_line_raw(l, l->json ? "\":" : "=", l->json ? 2 : 1);
	if (number)
		log_line_raw(l, p, n);
	else
		log_line_value(l, p, n);
}

static void scratch_put(struct scratch *s, const char *p, size_t n)
{
	size_t room = sizeof s->buf - s->n;

	s->cut |= n > room;
	n = n < room ? n : room;
	memcpy(s->buf + s->n, p, n);
	s->n += n;
}

/* Formats one number by the conversion SPEC, whose length modifier is LENGTH ('L' long double, 'q' long long). */
static int format_number(char *buf, size_t size, const char *spec, char length, char conversion, va_list *ap)
{
	if (strchr("fFeEgGaA", conversion) != NULL) {
		if (length == 'L')
			return snprintf(buf, size, spec, va_arg(*ap, long double));
		return snprintf(buf, size, spec, va_arg(*ap, double));
	}
	if (conversion == 'p')
		return snprintf(buf, size, spec, va_arg(*ap, void *));
	switch (length) {
	case 'l': return snprintf(buf, size, spec, va_arg(*ap, long));
	case 'q': return snprintf(buf, size, spec, va_arg(*ap, long long));
	case 'z': return snprintf(buf, size, spec, va_arg(*ap, size_t));
	case 'j': return snprintf(buf, size, spec, va_arg(*ap, intmax_t));
	case 't': return snprintf(buf, size, spec, va_arg(*ap, ptrdiff_t));
	default:  return snprintf(buf, size, spec, va_arg(*ap, int));
	}
}

/* One conversion, F just behind its '%'; returns the position behind it. */
static const char *convert(struct scratch *s, const char *f, va_list *ap)
{
	const char *begin = f;
	char number[512];
	char spec[64];
	char length = 0;
	int precision = -1;
	int width = 0;
	size_t nflags;
	int n;

	f += strspn(f, "-+ #0");
	nflags = (size_t)(f - begin);
	if (*f == '*') {
		width = va_arg(*ap, int);
		f++;
	}
	while (*f >= '0' && *f <= '9')
		width = width < 1000 ? width * 10 + (*f++ - '0') : (f++, width);
	if (*f == '.') {
		precision = 0;
		if (*++f == '*') {
			precision = va_arg(*ap, int);
			f++;
		}
		while (*f >= '0' && *f <= '9')
			precision = precision < 1000 ? precision * 10 + (*f++ - '0') : (f++, precision);
	}
	for (; *f != '\0' && strchr("hlLqzjt", *f) != NULL; f++)
		length = *f == 'l' && length == 'l' ? 'q' : *f;
	if (*f == '%') {
		scratch_put(s, "%", 1);
	} else if (*f == 's') {
		const char *str = va_arg(*ap, const char *);

		str = str != NULL ? str : "-";
		scratch_put(s, str, precision >= 0 ? strnlen(str, (size_t)precision) : strlen(str));
	} else if (*f == 'c') {
		number[0] = (char)va_arg(*ap, int);
		scratch_put(s, number, 1);
	} else if (*f == 'm') {
		const char *str = strerror(errno);

		scratch_put(s, str, strlen(str));
	} else if (*f != '\0' && strchr("diuxXofFeEgGaAp", *f) != NULL) {
		bool plain = s->n == 0 && nflags == 0 && width == 0 && strchr("diuf", *f) != NULL;

		nflags = nflags < 8 ? nflags : 8;
		n = snprintf(spec, sizeof spec, "%%%.*s", (int)nflags, begin);
		if (width != 0)
			n += snprintf(spec + n, sizeof spec - (size_t)n, "%d", width);
		if (precision >= 0)
			n += snprintf(spec + n, sizeof spec - (size_t)n, ".%d", precision);
		snprintf(spec + n, sizeof spec - (size_t)n, "%s%.*s%c", length == 'q' ? "ll" : "",
		    length != 0 && length != 'q' && length != 'h', &length, *f);
		n = format_number(number, sizeof number, spec, length, *f, ap);
		if (n > 0) {
			scratch_put(s, number, (size_t)n < sizeof number ? (size_t)n : sizeof number - 1);
			/* "inf" and "nan" are no JSON; both have an n, which no number has. */
			s->number = plain && memchr(number, 'n', (size_t)n < sizeof number ? (size_t)n : 0) == NULL;
			return f + 1;
		}
	}
	s->number = false;
	return *f != '\0' ? f + 1 : f;
}

void log_line_pairs(struct log_line *l, const char *format, va_list *ap)
{
	const char *f = format;

	while (*f != '\0') {
		struct scratch s;
		const char *key;
		size_t nkey;

		f += strspn(f, " ");
		key = f;
		nkey = strcspn(f, "= ");
		f += nkey;
		if (*f == '=')
			f++;
		s.n = 0;
		s.number = false;
		s.cut = false;
		while (*f != '\0' && *f != ' ') {
			if (*f == '%') {
				f = convert(&s, f + 1, ap);
			} else {
				scratch_put(&s, f++, 1);
				s.number = false;
			}
		}
		if (nkey > 0)
			log_line_pair(l, key, nkey, s.buf, s.n, s.number && l->json);
		l->cut |= s.cut;
	}
}

void log_line_finish(struct log_line *l, unsigned left_out)
{
	int n = 0;

	if (left_out > 0)
		n = snprintf(l->buf + l->n, TAIL / 2, l->json ? ",\"repeated\":%u" : " repeated=%u", left_out);
	l->n += (size_t)n;
	n = l->cut ? snprintf(l->buf + l->n, TAIL / 2, l->json ? ",\"truncated\":true" : " truncated=yes") : 0;
	l->n += (size_t)n;
	if (l->json)
		l->buf[l->n++] = '}';
	l->buf[l->n++] = '\n';
}
