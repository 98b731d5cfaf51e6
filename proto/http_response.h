/*
 * http_response.h - HTTP/1.x responses (RFC 9112) as a client gets them, from memory.
 *
 * As strict as http.h is with requests: whoever connects us to a backend must not be able to make us read one response
 * as two.  Bodies are read by http_body_feed(), those that end with the connection by the caller.
 */
#ifndef FORKCAST_PROTO_HTTP_RESPONSE_H
#define FORKCAST_PROTO_HTTP_RESPONSE_H

#include "proto/http.h"

enum http_framing {
	HTTP_FRAMING_NONE,    /* there is no body, whatever the fields say: 1xx, 204, 304 */
	HTTP_FRAMING_LENGTH,  /* `length` bytes */
	HTTP_FRAMING_CHUNKED,
	HTTP_FRAMING_CLOSE,   /* it ends with the connection */
};

struct http_response {
	unsigned status; /* 100 to 599 */
	unsigned minor;	 /* HTTP/1.minor */
	enum http_framing framing;
	uint64_t length;
	bool keep_alive; /* never with FRAMING_CLOSE */
};

/*
 * Parses the head of the response to a request that was no HEAD and no CONNECT.  Returns its length including the empty
 * line, 0 when it is not complete yet, or PROTO_EHTTP*: a head above MAX_HEAD bytes or HTTP_FIELDS_MAX fields, folded
 * lines, bare CR or LF, white space before a colon, a name that is no token, control bytes, a second Content-Length or
 * Transfer-Encoding, both of them, a coding that is not chunked, 101.
 */
ssize_t http_parse_response(const char *p, size_t n, size_t max_head, struct http_response *out);
/* For http_body_feed(), with at most MAX bytes; FRAMING_CLOSE is a body of MAX bytes that the connection's end cuts. */
void http_response_body(struct http_body *b, const struct http_response *r, uint64_t max);

#endif
