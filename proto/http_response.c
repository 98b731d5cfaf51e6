/*
 * http_response.c - see http_response.h.
 */
#include "proto/http_response.h"

#include "proto/error.h"
#include "proto/http_head.h"
#include "proto/http_token.h"

/* What the fields say about framing. */
struct framing {
	struct slice length, coding; /* p NULL: none */
	bool close, keep_alive;
	unsigned nfields;
};

/* HTTP/1.x SP 3DIGIT SP reason; a reason may be empty, and the space before it missing, as some servers have it. */
static int parse_status(struct slice line, struct http_response *r)
{
	unsigned status = 0;

	if (line.n < 12 || memcmp(line.p, "HTTP/", 5) != 0 || line.p[6] != '.' || line.p[8] != ' ')
		return PROTO_EHTTP;
	if (line.p[5] != '1' || (line.p[7] != '0' && line.p[7] != '1'))
		return PROTO_EHTTP_VERSION;
	for (size_t i = 9; i < 12; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return PROTO_EHTTP;
		status = status * 10 + (unsigned)(line.p[i] - '0');
	}
	if (status < 100 || status > 599 || status == 101 || (line.n > 12 && line.p[12] != ' '))
		return PROTO_EHTTP;
	r->status = status;
	r->minor = line.p[7] == '1';
	return 0;
}

/* What may come once. */
static int once(struct slice *seen, struct slice value)
{
	if (seen->p != NULL)
		return PROTO_EHTTP_SMUGGLE;
	*seen = value;
	return 0;
}

static int parse_field(struct slice line, struct framing *f)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct slice name, value;

	if (colon == NULL)
		return PROTO_EHTTP;
	name = slice_make(line.p, (size_t)(colon - line.p));
	value = http_trim(slice_make(colon + 1, line.n - name.n - 1));
	if (!http_is_token(name))
		return PROTO_EHTTP_SMUGGLE;
	if (++f->nfields > HTTP_FIELDS_MAX)
		return PROTO_EHTTP_HEADERS;
	if (http_is_nocase(name, "Content-Length"))
		return once(&f->length, value);
	if (http_is_nocase(name, "Transfer-Encoding"))
		return once(&f->coding, value);
	if (http_is_nocase(name, "Connection")) {
		f->close |= http_has_token(value, "close");
		f->keep_alive |= http_has_token(value, "keep-alive");
	}
	return 0;
}

/* RFC 9112, section 6.3 */
static int find_framing(const struct framing *f, struct http_response *r)
{
	r->length = 0;
	r->keep_alive = !f->close && (r->minor == 1 || f->keep_alive);
	if (f->length.p != NULL && !http_head_length(f->length, &r->length))
		return PROTO_EHTTP_SMUGGLE;
	if (f->coding.p != NULL) {
		if (f->length.p != NULL || r->minor == 0)
			return PROTO_EHTTP_SMUGGLE;
		if (!http_is_nocase(f->coding, "chunked"))
			return http_head_odd_coding(f->coding);
	}
	if (r->status < 200 || r->status == 204 || r->status == 304)
		r->framing = HTTP_FRAMING_NONE;
	else if (f->coding.p != NULL)
		r->framing = HTTP_FRAMING_CHUNKED;
	else
		r->framing = f->length.p != NULL ? HTTP_FRAMING_LENGTH : HTTP_FRAMING_CLOSE;
	r->keep_alive = r->keep_alive && r->framing != HTTP_FRAMING_CLOSE;
	return 0;
}

ssize_t http_parse_response(const char *p, size_t n, size_t max_head, struct http_response *out)
{
	const char *end = n > 0 ? http_head_end(p, n) : NULL, *at = p, *cr;
	struct framing f = {.nfields = 0};
	int rc;

	if (end == NULL || (size_t)(end - p) > max_head)
		return end != NULL || n >= max_head ? PROTO_EHTTP_HEADERS : 0;
	rc = http_head_lines(p, (size_t)(end - p));
	if (rc != 0)
		return rc;
	/* every line ends in CRLF, and the last one is empty */
	cr = memchr(at, '\r', (size_t)(end - at));
	rc = parse_status(slice_make(at, (size_t)(cr - at)), out);
	for (at = cr + 2; rc == 0 && at < end - 2; at = cr + 2) {
		cr = memchr(at, '\r', (size_t)(end - at));
		rc = parse_field(slice_make(at, (size_t)(cr - at)), &f);
	}
	if (rc == 0)
		rc = find_framing(&f, out);
	return rc == 0 ? end - p : rc;
}

void http_response_body(struct http_body *b, const struct http_response *r, uint64_t max)
{
	const struct http_limits lim = {.max_body = max};
	struct http_request like = {.chunked = r->framing == HTTP_FRAMING_CHUNKED};

	if (r->framing == HTTP_FRAMING_LENGTH)
		like.length = r->length;
	else if (r->framing == HTTP_FRAMING_CLOSE)
		like.length = max;
	http_body_init(b, &like, &lim);
}
