/*
 * http_body.c - request bodies of http.h: of a given length, or chunked (RFC 9112, section 7.1).
 *
 *	SIZE_FIRST -> SIZE -> [EXTENSION] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE_FIRST
 *	                                     SIZE_LF -> LINE <-> [TRAILER, TRAILER_LF] -> END_LF -> DONE	(size 0)
 *
 * As strict as the head: CRLF only, no white space around the size, no control bytes.  Extensions and trailers are
 * read and dropped; all of them together may not exceed EXCESS_MAX, or tiny chunks with long extensions would make a
 * small body cost a large transfer.
 */
#include "proto/error.h"
#include "proto/http.h"

#define EXCESS_MAX      8192u
#define SIZE_DIGITS_MAX 16u

enum {
	BODY_DONE,
	BODY_PLAIN,
	BODY_SIZE_FIRST,
	BODY_SIZE,
	BODY_EXTENSION,
	BODY_SIZE_LF,
	BODY_DATA,
	BODY_DATA_CR,
	BODY_DATA_LF,
	BODY_LINE,
	BODY_TRAILER,
	BODY_TRAILER_LF,
	BODY_END_LF,
};

void http_body_init(struct http_body *b, const struct http_request *r, const struct http_limits *lim)
{
	*b = (struct http_body){.chunked = r->chunked, .left = r->length, .max = lim->max_body};
	if (r->chunked)
		b->state = BODY_SIZE_FIRST;
	else
		b->state = r->length > 0 ? BODY_PLAIN : BODY_DONE;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A byte of an extension or a trailer. */
static int drop(struct http_body *b, char c)
{
	if (((uint8_t)c < 0x20 && c != '\t') || c == 0x7f)
		return PROTO_EHTTP;
	return ++b->excess > EXCESS_MAX ? PROTO_EHTTP_HEADERS : 0;
}

static int expect(struct http_body *b, char c, char want, unsigned next)
{
	if (c != want)
		return PROTO_EHTTP;
	b->state = next;
	return 0;
}

/* One byte of chunk framing. */
static int step(struct http_body *b, char c)
{
	int digit;

	switch (b->state) {
	case BODY_SIZE_FIRST:
		b->left = 0;
		b->digits = 0;
		b->state = BODY_SIZE;
		if (hex_value(c) < 0)
			return PROTO_EHTTP;
		/* fall through */
	case BODY_SIZE:
		digit = hex_value(c);
		if (digit >= 0) {
			if (++b->digits > SIZE_DIGITS_MAX)
				return PROTO_EHTTP;
			b->left = b->left << 4 | (uint64_t)digit;
			return 0;
		}
		if (c == ';') {
			b->state = BODY_EXTENSION;
			return drop(b, c);
		}
		return expect(b, c, '\r', BODY_SIZE_LF);
	case BODY_EXTENSION:
		if (c != '\r')
			return drop(b, c);
		b->state = BODY_SIZE_LF;
		return 0;
	case BODY_SIZE_LF:
		if (b->left > b->max - b->received)
			return PROTO_EHTTP_BODY;
		return expect(b, c, '\n', b->left > 0 ? BODY_DATA : BODY_LINE);
	case BODY_DATA_CR: return expect(b, c, '\r', BODY_DATA_LF);
	case BODY_DATA_LF: return expect(b, c, '\n', BODY_SIZE_FIRST);
	case BODY_LINE:
		if (c == '\r') {
			b->state = BODY_END_LF;
			return 0;
		}
		if (c == ' ')
			return PROTO_EHTTP;
		b->state = BODY_TRAILER;
		return c == '\t' ? PROTO_EHTTP : drop(b, c);
	case BODY_TRAILER:
		if (c != '\r')
			return drop(b, c);
		b->state = BODY_TRAILER_LF;
		return 0;
	case BODY_TRAILER_LF: return expect(b, c, '\n', BODY_LINE);
	case BODY_END_LF: return expect(b, c, '\n', BODY_DONE);
	default: return PROTO_EHTTP;
	}
}

ssize_t http_body_feed(struct http_body *b, const char *p, size_t n, struct slice *data, bool *done)
{
	size_t i = 0;

	*data = slice_make(p, 0);
	*done = false;
	if (!b->chunked && b->left > b->max - b->received)
		return PROTO_EHTTP_BODY;
	while (i < n && b->state != BODY_DONE) {
		if (b->state == BODY_DATA || b->state == BODY_PLAIN) {
			size_t run = n - i < b->left ? n - i : (size_t)b->left;

			*data = slice_make(p + i, run);
			b->left -= run;
			b->received += run;
			if (b->left == 0)
				b->state = b->state == BODY_DATA ? BODY_DATA_CR : BODY_DONE;
			i += run;
			break;
		} else {
			int rc = step(b, p[i]);

			if (rc != 0)
				return rc;
			i++;
		}
	}
	*done = b->state == BODY_DONE;
	return (ssize_t)i;
}
