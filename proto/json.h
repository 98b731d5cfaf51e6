/*
 * json.h - a strict scanner that validates JSON (RFC 8259) and yields slices, without building anything.
 *
 * json_scan() is the gate: it accepts exactly what JSON.parse accepts (big integers, 1e400, \u0000 and lone surrogate
 * escapes included), within limits.  The walkers below it assume scanned input, and never read outside it whatever it
 * is.  Not recursive; the stack is a bit per level.
 *
 * jansson.h uses some of these names: a file includes one of the two.
 */
#ifndef FORKCAST_PROTO_JSON_H
#define FORKCAST_PROTO_JSON_H

#include <sys/types.h>

#include "proto/slice.h"

#define JSON_DEPTH_MAX 512

struct json_limits {
	unsigned depth;  /* <= JSON_DEPTH_MAX */
	unsigned values; /* objects, arrays, members' values and elements together; 0: no limit */
	bool utf8;       /* check UTF-8 too (input that no WebSocket text check has seen) */
};

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT, JSON_NONE };

/*
 * Scans one value at P, white space around it allowed.  Returns bytes consumed (through trailing white space), or
 * PROTO_EJSON*.  An input that ends inside the value is PROTO_EJSON: callers have whole messages.
 */
ssize_t json_scan(const char *p, size_t n, const struct json_limits *lim);
/* The same; *NTOP is the number of elements or members of the outermost array or object. */
ssize_t json_scan_top(const char *p, size_t n, const struct json_limits *lim, size_t *ntop);
/* True when the whole of S is one value. */
bool json_valid(struct slice s, const struct json_limits *lim);

/* The rest works on scanned text.  A value slice has no white space around it. */
enum json_type json_type(struct slice v);
/* Trims S, which holds one scanned value and white space, to the value. */
struct slice json_trim(struct slice s);

/* Walks elements or members; IT starts as json_iter(v). */
struct json_iter {
	const char *p, *end;
};
struct json_iter json_iter(struct slice array_or_object);
bool json_next_element(struct json_iter *it, struct slice *value);
/* KEY is raw: without its quotes, escapes not decoded. */
bool json_next_member(struct json_iter *it, struct slice *key, struct slice *value);

/* The last member with the (decoded) name, as JSON.parse has it.  False when V is no object or has none. */
bool json_get(struct slice v, struct slice name, struct slice *value);
/* Element I of an array. */
bool json_at(struct slice v, size_t i, struct slice *value);
size_t json_length(struct slice v);

/* True when the raw string body (no quotes) decodes to NAME. */
bool json_string_is(struct slice raw, struct slice name);
/* The body of a string value, without its quotes. */
struct slice json_string_raw(struct slice v);
/* Decodes a string value to UTF-8; lone surrogates become U+FFFD.  Length, or -1 when CAP is too small. */
ssize_t json_string_decode(struct slice v, char *out, size_t cap);
/* Encodes TEXT (UTF-8) as a string body, without quotes: JSON.stringify's escapes.  Returns the length needed. */
size_t json_escape(struct slice text, char *out, size_t cap);

/* Exact integer: digits only, optional minus, fits int64.  "1.0" and "1e3" are no integers. */
bool json_int(struct slice v, int64_t *out);
/*
 * Any number, as a double (locale independent); infinity when it is too big, as in JSON.parse.  False above 1000
 * characters.
 */
bool json_number(struct slice v, double *out);

#endif
