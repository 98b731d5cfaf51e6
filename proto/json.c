/*
 * json.c - the scanner of json.h.
 *
 * One pass, no recursion: the stack is one bit per level, set for an object.  It runs for every message that comes in,
 * so strings, where most bytes are, are crossed eight bytes at a time.
 */
#include "proto/json.h"

#include <assert.h>

#include "proto/error.h"
#include "proto/json_bytes.h"
#include "proto/utf8.h"

static inline bool is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') < 10;
}

static bool is_hex(uint8_t c)
{
	return is_digit(c) || (uint8_t)((c | 0x20) - 'a') < 6;
}

/* White space is rare between tokens: one comparison tells. */
static inline const uint8_t *skip_space(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p <= ' ' && json_is_space(*p))
		p++;
	return p;
}

static inline const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end)
{
	while (p < end && is_digit(*p))
		p++;
	return p;
}

/* P is behind a backslash.  Behind the escape, or NULL. */
static const uint8_t *scan_escape(const uint8_t *p, const uint8_t *end)
{
	if (p == end)
		return NULL;
	switch (*p) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't': return p + 1;
	case 'u':
		if (end - p < 5 || !is_hex(p[1]) || !is_hex(p[2]) || !is_hex(p[3]) || !is_hex(p[4]))
			return NULL;
		return p + 5;
	default: return NULL;
	}
}

/* P is behind the opening quote.  Behind the closing one, or NULL. */
static inline const uint8_t *scan_string(const uint8_t *p, const uint8_t *end)
{
	for (;;) {
		p = json_plain(p, end);
		if (p == end)
			return NULL;
		if (*p == '"')
			return p + 1;
		if (*p != '\\')
			return NULL; /* a control character */
		p = scan_escape(p + 1, end);
		if (p == NULL)
			return NULL;
	}
}

/* RFC 8259, section 6.  P is at a minus or a digit; any magnitude is fine. */
static inline const uint8_t *scan_number(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start;

	if (*p == '-' && ++p == end)
		return NULL;
	if (*p == '0') {
		p++;
	} else {
		start = p;
		p = skip_digits(p, end);
		if (p == start)
			return NULL;
	}
	/* Most numbers end here, at something below any 'e'. */
	if (p == end || (*p != '.' && *p < 'E'))
		return p;
	if (*p == '.') {
		start = ++p;
		p = skip_digits(p, end);
		if (p == start)
			return NULL;
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		start = p;
		p = skip_digits(p, end);
		if (p == start)
			return NULL;
	}
	return p;
}

static const uint8_t *scan_word(const uint8_t *p, const uint8_t *end, const char *word, size_t n)
{
	return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

static const uint8_t *scan_literal(const uint8_t *p, const uint8_t *end)
{
	switch (*p) {
	case 't': return scan_word(p, end, "true", 4);
	case 'f': return scan_word(p, end, "false", 5);
	case 'n': return scan_word(p, end, "null", 4);
	default: return NULL;
	}
}

/*
 * The grammar as its states: `value` before a value, `key` before a member's name, `after` behind a value, `close` at
 * a closing bracket.
 */
ssize_t json_scan_top(const char *text, size_t n, const struct json_limits *lim, size_t *ntop)
{
	const uint8_t *p = (const uint8_t *)text, *end;
	const size_t most = lim->values > 0 ? lim->values : SIZE_MAX;
	uint64_t is_object[JSON_DEPTH_MAX / 64] = {0};
	unsigned depth = 0;
	size_t values = 0, top = 0;
	bool object = false; /* what the innermost container is */

	assert(lim->depth <= JSON_DEPTH_MAX);
	if (n == 0)
		return PROTO_EJSON;
	end = p + n;

value:
	p = skip_space(p, end);
	if (p == end)
		return PROTO_EJSON;
	if (++values > most)
		return PROTO_EJSON_SIZE;
	top += depth == 1;
	if (*p == '"') {
		p = scan_string(p + 1, end);
	} else if (*p == '-' || is_digit(*p)) {
		p = scan_number(p, end);
	} else if (*p == '{' || *p == '[') {
		if (depth == lim->depth)
			return PROTO_EJSON_DEPTH;
		object = *p == '{';
		if (object)
			is_object[depth / 64] |= (uint64_t)1 << depth % 64;
		else
			is_object[depth / 64] &= ~((uint64_t)1 << depth % 64);
		depth++;
		p = skip_space(p + 1, end);
		if (p == end)
			return PROTO_EJSON;
		if (*p == (object ? '}' : ']'))
			goto close;
		if (object)
			goto key;
		goto value;
	} else {
		p = scan_literal(p, end);
	}
	if (p == NULL)
		return PROTO_EJSON;

after:
	p = skip_space(p, end);
	if (depth == 0)
		goto done;
	if (p == end)
		return PROTO_EJSON;
	if (*p == ',') {
		p++;
		if (!object)
			goto value;
		p = skip_space(p, end);
		goto key;
	}
	if (*p != (object ? '}' : ']'))
		return PROTO_EJSON;
close:
	p++;
	depth--;
	if (depth > 0)
		object = is_object[(depth - 1) / 64] >> (depth - 1) % 64 & 1;
	goto after;

key:
	if (p == end || *p != '"')
		return PROTO_EJSON;
	p = scan_string(p + 1, end);
	if (p == NULL)
		return PROTO_EJSON;
	p = skip_space(p, end);
	if (p == end || *p != ':')
		return PROTO_EJSON;
	p++;
	goto value;

done:
	n = (size_t)(p - (const uint8_t *)text);
	if (lim->utf8 && !utf8_valid(text, n))
		return PROTO_EJSON_UTF8;
	*ntop = top;
	return (ssize_t)n;
}

ssize_t json_scan(const char *p, size_t n, const struct json_limits *lim)
{
	size_t top;

	return json_scan_top(p, n, lim, &top);
}

bool json_valid(struct slice s, const struct json_limits *lim)
{
	return json_scan(s.p, s.n, lim) == (ssize_t)s.n && s.n > 0;
}
