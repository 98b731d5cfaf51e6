/*
 * http.h - HTTP/1.1 requests (RFC 9112) over http-parser, from memory; and the heads of responses.
 *
 * A request head is parsed only when it is whole, so the parser never holds state for a slow peer.  Anything whose
 * framing two parsers could read differently is refused: TE with CL, repeated Host, Content-Length or
 * Sec-WebSocket-Key (and Transfer-Encoding, Sec-WebSocket-Version, Origin, Authorization, Content-Type), folded lines,
 * bare CR or LF, space before the colon, non-token names, control bytes, a body on a WebSocket upgrade, an empty or
 * malformed Host.  A target in absolute form has to name the same host; a fragment in it is refused.
 */
#ifndef FORKCAST_PROTO_HTTP_H
#define FORKCAST_PROTO_HTTP_H

#include <sys/types.h>

#include "proto/slice.h"

#define HTTP_FIELDS_MAX 100

enum http_verb {
	HTTP_VERB_GET,
	HTTP_VERB_HEAD,
	HTTP_VERB_POST,
	HTTP_VERB_PUT,
	HTTP_VERB_PATCH,
	HTTP_VERB_DELETE,
	HTTP_VERB_OPTIONS,
	HTTP_VERB_OTHER
};

struct http_limits {
	size_t max_head; /* request line and fields */
	size_t max_uri;
	uint64_t max_body;
};

struct http_field {
	struct slice name, value; /* value without surrounding white space */
};

struct http_request {
	enum http_verb verb;
	unsigned minor;                   /* HTTP/1.minor */
	struct slice target, path, query; /* path and query: parts of target, still encoded */
	struct http_field field[HTTP_FIELDS_MAX];
	unsigned nfields;
	bool keep_alive;
	bool upgrade_websocket; /* Connection has "upgrade" and Upgrade has "websocket" */
	bool upgrade_other;     /* an upgrade to something else was asked for */
	bool chunked;
	bool has_length;
	uint64_t length; /* Content-Length */
	bool expect_continue;
};

/*
 * Parses a request head at P.  Returns its length including the empty line (and any empty lines in front), 0 when it
 * is not complete yet, or PROTO_EHTTP*.  Slices point into P; on 0 or an error *OUT is undefined.
 */
ssize_t http_parse_request(const char *p, size_t n, const struct http_limits *lim, struct http_request *out);
/* First field of that name (case-insensitive).  False when absent. */
bool http_field(const struct http_request *r, const char *name, struct slice *value);
/* Each field of that name in turn: start with *I = 0.  False behind the last. */
bool http_field_next(const struct http_request *r, const char *name, unsigned *i, struct slice *value);
/* True when the comma-separated list in VALUE has TOKEN (case-insensitive). */
bool http_has_token(struct slice value, const char *token);

/* Incremental reader of a request body, as announced by the head. */
struct http_body {
	bool chunked;
	uint64_t left;     /* of the length, or of the chunk */
	uint64_t received; /* decoded so far */
	uint64_t max;
	unsigned state;
	unsigned digits; /* of the chunk size */
	unsigned excess; /* bytes of extensions and trailers */
};
void http_body_init(struct http_body *b, const struct http_request *r, const struct http_limits *lim);
/*
 * Takes body bytes from P.  Returns bytes consumed (possibly 0), sets *DATA to the decoded run among them (may be
 * empty) and *DONE at the end of the body; PROTO_EHTTP* on bad framing or size.  Call again while bytes remain.  Bytes
 * behind the end are not consumed.  Call once with N = 0 to learn of a body that is empty or too long by its head.
 */
ssize_t http_body_feed(struct http_body *b, const char *p, size_t n, struct slice *data, bool *done);

/* "HTTP/1.1 404 Not Found\r\n" ...: reason phrase of a status. */
const char *http_reason(unsigned status);
/* Status for a PROTO_EHTTP* error. */
unsigned http_status_of(int err);

#endif
