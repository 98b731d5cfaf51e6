#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/log.h"
#include "proto/decimal.h"
#include "proto/json.h"
#include "worker/buf.h"

void buf_fini(struct buf *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}

char *buf_reserve(struct buf *b, size_t n)
{
	if (b->cap - b->n < n) {
		size_t cap = b->cap < 512 ? 512 : b->cap;
		char *p;

		while (cap - b->n < n)
			cap *= 2;
		p = realloc(b->p, cap);
		if (p == NULL) {
			log_error("out_of_memory", "bytes=%zu", cap);
			abort();
		}
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->n;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_reserve(b, n), p, n);
	b->n += n;
}

void buf_slice(struct buf *b, struct slice s)
{
	buf_put(b, s.p, s.n);
}

void buf_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	*buf_reserve(b, 1) = c;
	b->n++;
}

void buf_uint(struct buf *b, uint64_t v)
{
	char digits[DECIMAL_MAX];

	buf_slice(b, decimal(v, digits));
}

void buf_int(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_uint(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n <= 0)
		return;
	buf_reserve(b, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void buf_json_escaped(struct buf *b, struct slice text)
{
	size_t room = text.n + 16, need;

	buf_reserve(b, room);
	need = json_escape(text, b->p + b->n, room);
	if (need > room) {
		buf_reserve(b, need);
		json_escape(text, b->p + b->n, need);
	}
	b->n += need;
}

void buf_json_string(struct buf *b, struct slice text)
{
	buf_char(b, '"');
	buf_json_escaped(b, text);
	buf_char(b, '"');
}
