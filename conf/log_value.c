#include "conf/log_value.h"

#include <errno.h>
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

/* One conversion of a format. */
struct spec {
	const char *flags;
	int nflags;
	int width;     /* 0: none */
	int precision; /* -1: none */
	char length;   /* of hlLqzjt, q for ll; 0: none */
	char conversion;
};

static const char *read_number(const char *f, int *n, va_list *ap)
{
	*n = 0;
	if (*f == '*') {
		*n = va_arg(*ap, int);
		return f + 1;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		if (*n < 1000)
			*n = *n * 10 + (*f - '0');
	return f;
}

/* F just behind the percent sign; returns the position behind the conversion. */
static const char *read_spec(const char *f, struct spec *s, va_list *ap)
{
	*s = (struct spec){.flags = f, .precision = -1};
	f += strspn(f, "-+ #0");
	s->nflags = (int)(f - s->flags);
	f = read_number(f, &s->width, ap);
	if (*f == '.')
		f = read_number(f + 1, &s->precision, ap);
	for (; *f != '\0' && strchr("hlLqzjt", *f) != NULL; f++) {
		if (*f == 'l' && s->length == 'l')
			s->length = 'q';
		else
			s->length = *f;
	}
	s->conversion = *f;
	return *f != '\0' ? f + 1 : f;
}

/* Formats one number by FORMAT, which is SPEC alone. */
static int print_number(char *buf, size_t size, const char *format, const struct spec *spec, va_list *ap)
{
	if (strchr("fFeEgGaA", spec->conversion) != NULL) {
		if (spec->length == 'L')
			return snprintf(buf, size, format, va_arg(*ap, long double));
		return snprintf(buf, size, format, va_arg(*ap, double));
	}
	if (spec->conversion == 'p')
		return snprintf(buf, size, format, va_arg(*ap, void *));
	/* alike, but each takes an argument of another type */
	switch (spec->length) {
	case 'l': return snprintf(buf, size, format, va_arg(*ap, long));
	case 'q': return snprintf(buf, size, format, va_arg(*ap, long long));
	case 'z': return snprintf(buf, size, format, va_arg(*ap, size_t));
	case 'j': return snprintf(buf, size, format, va_arg(*ap, intmax_t));
	case 't': return snprintf(buf, size, format, va_arg(*ap, ptrdiff_t));
	default: return snprintf(buf, size, format, va_arg(*ap, int));
	}
}

static void put_number(struct scratch *s, const struct spec *spec, va_list *ap)
{
	static const char *const lengths[] = {"h", "h", "l", "l", "L", "L", "q", "ll", "z", "z", "j", "j", "t", "t"};
	bool plain = s->n == 0 && spec->nflags == 0 && spec->width == 0 && strchr("diuf", spec->conversion) != NULL;
	const char *length = "";
	char format[64];
	char number[512];
	int n;

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i += 2)
		if (spec->length == lengths[i][0])
			length = lengths[i + 1];
	n = snprintf(format, sizeof format, "%%%.*s", spec->nflags < 8 ? spec->nflags : 8, spec->flags);
	if (spec->width != 0)
		n += snprintf(format + n, sizeof format - (size_t)n, "%d", spec->width);
	if (spec->precision >= 0)
		n += snprintf(format + n, sizeof format - (size_t)n, ".%d", spec->precision);
	snprintf(format + n, sizeof format - (size_t)n, "%s%c", length, spec->conversion);
	n = print_number(number, sizeof number, format, spec, ap);
	if (n < 0)
		return;
	n = (size_t)n < sizeof number ? n : (int)sizeof number - 1;
	scratch_put(s, number, (size_t)n);
	/* "inf" and "nan" are no JSON; both have an n, which no number has. */
	s->number = plain && memchr(number, 'n', (size_t)n) == NULL;
}

/* One conversion, F just behind its '%'; returns the position behind it. */
static const char *convert(struct scratch *s, const char *f, va_list *ap)
{
	const char *str = NULL;
	struct spec spec;
	char c;

	f = read_spec(f, &spec, ap);
	if (spec.conversion != '\0' && strchr("diuxXofFeEgGaAp", spec.conversion) != NULL) {
		put_number(s, &spec, ap);
		return f;
	}
	s->number = false;
	if (spec.conversion == '%') {
		str = "%";
	} else if (spec.conversion == 's') {
		str = va_arg(*ap, const char *);
		str = str != NULL ? str : "-";
	} else if (spec.conversion == 'm') {
		str = strerror(errno);
	} else if (spec.conversion == 'c') {
		c = (char)va_arg(*ap, int);
		scratch_put(s, &c, 1);
	}
	if (str != NULL)
		scratch_put(s, str, spec.precision >= 0 ? strnlen(str, (size_t)spec.precision) : strlen(str));
	return f;
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
