/*
 * http.c - request heads of http.h.
 *
 * http-parser, as Debian builds it, is the lenient variant: it takes bare LF, folded lines, spaces in names, control
 * bytes in values, HTTP/9.9 and ICE/1.0.  So the text is judged before it (lines, bytes, request line) and what it
 * found is judged after it (names, singletons, framing); between the two nothing is left that parsers disagree about.
 */
#include "proto/http.h"

#include <http_parser.h>

#include "proto/error.h"
#include "proto/http_head.h"
#include "proto/http_token.h"

bool http_field_next(const struct http_request *r, const char *name, unsigned *i, struct slice *value)
{
	while (*i < r->nfields) {
		const struct http_field *f = &r->field[(*i)++];

		if (http_is_nocase(f->name, name)) {
			*value = f->value;
			return true;
		}
	}
	return false;
}

bool http_field(const struct http_request *r, const char *name, struct slice *value)
{
	unsigned i = 0;

	return http_field_next(r, name, &i, value);
}

bool http_has_token(struct slice value, const char *token)
{
	while (value.n > 0) {
		const char *comma = memchr(value.p, ',', value.n);
		size_t n = comma ? (size_t)(comma - value.p) : value.n;

		if (http_is_nocase(http_trim(slice_make(value.p, n)), token))
			return true;
		n += comma ? 1 : 0;
		value.p += n;
		value.n -= n;
	}
	return false;
}

/* The same over all fields of that name. */
static bool any_field_has_token(const struct http_request *r, const char *name, const char *token)
{
	for (unsigned i = 0; i < r->nfields; i++) {
		if (http_is_nocase(r->field[i].name, name) && http_has_token(r->field[i].value, token))
			return true;
	}
	return false;
}

static enum http_verb verb_of(struct slice method)
{
	static const char *const name[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

	for (unsigned i = 0; i < sizeof name / sizeof *name; i++) {
		if (slice_is(method, name[i]))
			return (enum http_verb)i;
	}
	return HTTP_VERB_OTHER;
}

/* The authority of an absolute-form target; empty for the other forms. */
static struct slice target_authority(struct slice target)
{
	size_t skip = 0, n;

	if (target.n > 7 && http_is_nocase(slice_make(target.p, 7), "http://"))
		skip = 7;
	else if (target.n > 8 && http_is_nocase(slice_make(target.p, 8), "https://"))
		skip = 8;
	else
		return slice_make(target.p, 0);
	for (n = skip; n < target.n && target.p[n] != '/' && target.p[n] != '?';)
		n++;
	return slice_make(target.p + skip, n - skip);
}

/* RFC 9112, section 3.2: origin-form, absolute-form, and "*" for OPTIONS. */
static int split_target(struct http_request *r)
{
	struct slice authority = target_authority(r->target), rest = r->target;
	const char *mark;

	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] <= 0x20 || rest.p[i] >= 0x7f || rest.p[i] == '#')
			return PROTO_EHTTP;
	}
	r->query = slice_make(rest.p + rest.n, 0);
	if (slice_is(rest, "*")) {
		r->path = rest;
		return r->verb == HTTP_VERB_OPTIONS ? 0 : PROTO_EHTTP;
	}
	if (authority.n > 0) {
		rest.n -= (size_t)(authority.p + authority.n - rest.p);
		rest.p = authority.p + authority.n;
	} else if (rest.n == 0 || *rest.p != '/') {
		return PROTO_EHTTP;
	}
	mark = rest.n > 0 ? memchr(rest.p, '?', rest.n) : NULL;
	r->path = slice_make(rest.p, mark ? (size_t)(mark - rest.p) : rest.n);
	if (mark)
		r->query = slice_make(mark + 1, rest.n - r->path.n - 1);
	if (r->path.n == 0)
		r->path = SLICE("/");
	return 0;
}

/* METHOD SP target SP HTTP/1.x, with single spaces. */
static int parse_line(struct slice line, const struct http_limits *lim, struct http_request *r)
{
	const char *end = line.p + line.n, *sp = memchr(line.p, ' ', line.n), *sp2;
	struct slice version;

	if (sp == NULL)
		return PROTO_EHTTP;
	sp2 = memchr(sp + 1, ' ', (size_t)(end - sp - 1));
	if (sp2 == NULL)
		return PROTO_EHTTP; /* HTTP/0.9 */
	r->verb = verb_of(slice_make(line.p, (size_t)(sp - line.p)));
	r->target = slice_make(sp + 1, (size_t)(sp2 - sp - 1));
	version = slice_make(sp2 + 1, (size_t)(end - sp2 - 1));
	if (r->target.n > lim->max_uri)
		return PROTO_EHTTP_URI;
	if (version.n != 8 || memcmp(version.p, "HTTP/", 5) != 0 || version.p[6] != '.')
		return PROTO_EHTTP;
	if (version.p[5] != '1' || (version.p[7] != '0' && version.p[7] != '1'))
		return PROTO_EHTTP_VERSION;
	r->minor = version.p[7] == '1';
	return split_target(r);
}

/* Where http-parser's events go. */
struct sink {
	struct http_request *r;
	bool in_value;
	bool too_many;
};

static int on_name(http_parser *hp, const char *p, size_t n)
{
	struct sink *s = hp->data;
	struct http_request *r = s->r;

	if (r->nfields == HTTP_FIELDS_MAX) {
		s->too_many = true;
		return 1;
	}
	r->field[r->nfields++] = (struct http_field){{p, n}, {p + n, 0}};
	s->in_value = false;
	return 0;
}

static int on_value(http_parser *hp, const char *p, size_t n)
{
	struct sink *s = hp->data;

	/* Whole heads, no folded lines: a value comes in one piece. */
	if (s->in_value || s->r->nfields == 0)
		return 1;
	s->in_value = true;
	s->r->field[s->r->nfields - 1].value = http_trim(slice_make(p, n));
	return 0;
}

static int parse_fields(const char *p, size_t n, struct http_request *r)
{
	static const http_parser_settings settings = {.on_header_field = on_name, .on_header_value = on_value};
	struct sink s = {.r = r};
	http_parser hp;
	size_t used;

	http_parser_init(&hp, HTTP_REQUEST);
	hp.data = &s;
	used = http_parser_execute(&hp, &settings, p, n);
	if (s.too_many)
		return PROTO_EHTTP_HEADERS;
	switch (HTTP_PARSER_ERRNO(&hp)) {
	case HPE_OK: return used == n ? 0 : PROTO_EHTTP;
	case HPE_HEADER_OVERFLOW: return PROTO_EHTTP_HEADERS;
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_CONTENT_LENGTH: return PROTO_EHTTP_SMUGGLE;
	/* All fields are there by then; check_framing() tells which error it is. */
	case HPE_INVALID_TRANSFER_ENCODING: return 0;
	default: return PROTO_EHTTP;
	}
}

/* Names are tokens, and what decides about framing, routing or trust comes once. */
static int check_fields(const struct http_request *r)
{
	static const struct slice once[] = {{"Host", 4}, {"Content-Length", 14}, {"Transfer-Encoding", 17},
	    {"Sec-WebSocket-Key", 17}, {"Sec-WebSocket-Version", 21}, {"Origin", 6}, {"Authorization", 13},
	    {"Content-Type", 12}};
	unsigned seen = 0;

	for (unsigned i = 0; i < r->nfields; i++) {
		if (!http_is_token(r->field[i].name))
			return PROTO_EHTTP_SMUGGLE;
		for (unsigned k = 0; k < sizeof once / sizeof *once; k++) {
			if (!http_equal_nocase(r->field[i].name, once[k]))
				continue;
			if (seen & 1u << k)
				return PROTO_EHTTP_SMUGGLE;
			seen |= 1u << k;
		}
	}
	return 0;
}

/* RFC 9112, section 3.2; a name, an address in brackets, a port. */
static int check_host(const struct http_request *r)
{
	struct slice host, authority = target_authority(r->target);

	if (!http_field(r, "Host", &host))
		return r->minor == 0 && authority.n == 0 ? 0 : PROTO_EHTTP;
	if (host.n == 0 || (authority.n > 0 && !http_equal_nocase(host, authority)))
		return PROTO_EHTTP;
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			continue;
		if (c == '\0' || strchr("-._~:[]!$&'()*+;=%", c) == NULL)
			return PROTO_EHTTP;
	}
	return 0;
}

/* RFC 9112, section 6 */
static int check_framing(struct http_request *r)
{
	struct slice v;

	r->has_length = http_field(r, "Content-Length", &v);
	if (r->has_length && !http_head_length(v, &r->length))
		return PROTO_EHTTP_SMUGGLE;
	if (http_field(r, "Transfer-Encoding", &v)) {
		if (r->has_length || r->minor == 0)
			return PROTO_EHTTP_SMUGGLE;
		if (!http_is_nocase(v, "chunked"))
			return http_head_odd_coding(v);
		r->chunked = true;
	}
	return 0;
}

static int check_connection(struct http_request *r)
{
	bool upgrade = r->minor == 1 && any_field_has_token(r, "Connection", "upgrade");
	struct slice v;

	r->keep_alive = !any_field_has_token(r, "Connection", "close") &&
	    (r->minor == 1 || any_field_has_token(r, "Connection", "keep-alive"));
	r->upgrade_websocket = upgrade && any_field_has_token(r, "Upgrade", "websocket");
	r->upgrade_other = upgrade && !r->upgrade_websocket && http_field(r, "Upgrade", &v);
	r->expect_continue = r->minor == 1 && http_field(r, "Expect", &v) && http_is_nocase(v, "100-continue");
	/* Are these bytes a body, or frames? */
	if (r->upgrade_websocket && (r->chunked || r->length > 0))
		return PROTO_EHTTP_SMUGGLE;
	return 0;
}

/* What can be said of a head that is not whole. */
static int check_part(const char *p, size_t n, const struct http_limits *lim)
{
	const char *lf = memchr(p, '\n', n), *sp;

	if (lf && (lf == p || lf[-1] != '\r'))
		return PROTO_EHTTP_SMUGGLE;
	sp = memchr(p, ' ', n);
	if (!lf && sp && n - (size_t)(sp - p) > lim->max_uri + sizeof " HTTP/1.1\r")
		return PROTO_EHTTP_URI;
	return n >= lim->max_head ? PROTO_EHTTP_HEADERS : 0;
}

ssize_t http_parse_request(const char *p, size_t n, const struct http_limits *lim, struct http_request *out)
{
	const char *start = p, *end, *line_end;
	int rc;

	/* RFC 9112, section 2.2: empty lines in front of a request are skipped. */
	while (n >= 2 && p[0] == '\r' && p[1] == '\n') {
		p += 2;
		n -= 2;
	}
	if ((size_t)(p - start) > lim->max_head)
		return PROTO_EHTTP_HEADERS;
	if (n == 0)
		return 0;
	end = http_head_end(p, n);
	if (end == NULL)
		return check_part(p, n, lim);
	n = (size_t)(end - p);
	line_end = memchr(p, '\r', n);
	/* Everything but the array of fields, which is long. */
	out->nfields = 0;
	out->keep_alive = out->upgrade_websocket = out->upgrade_other = false;
	out->chunked = out->has_length = out->expect_continue = false;
	out->length = 0;
	rc = http_head_lines(p, n);
	if (rc == 0)
		rc = parse_line(slice_make(p, (size_t)(line_end - p)), lim, out);
	if (rc == 0 && n > lim->max_head)
		rc = PROTO_EHTTP_HEADERS;
	if (rc == 0)
		rc = parse_fields(p, n, out);
	if (rc == 0)
		rc = check_fields(out);
	if (rc == 0)
		rc = check_host(out);
	if (rc == 0)
		rc = check_framing(out);
	if (rc == 0)
		rc = check_connection(out);
	return rc == 0 ? end - start : rc;
}
