/*
 * http_coding.h - content codings of responses (RFC 9110, sections 8.4 and 12.5.3): gzip and deflate, over zlib.
 */
#ifndef FORKCAST_PROTO_HTTP_CODING_H
#define FORKCAST_PROTO_HTTP_CODING_H

#include <sys/types.h>

#include "proto/slice.h"

enum http_coding { HTTP_CODING_IDENTITY, HTTP_CODING_GZIP, HTTP_CODING_DEFLATE };

/*
 * The coding to answer with for the value of Accept-Encoding, empty when there is none: of gzip and deflate the one
 * with the higher weight, else the one named before the other, else gzip, as the reference chooses; identity when
 * neither is acceptable.  A coding whose weight is malformed counts as not acceptable.
 */
enum http_coding http_accept_coding(struct slice accept_encoding);
/* "gzip", "deflate", "identity": for Content-Encoding. */
const char *http_coding_name(enum http_coding c);
/* Room with which http_code() always succeeds for N bytes. */
size_t http_code_bound(size_t n);
/*
 * Encodes P into OUT: gzip (RFC 1952), zlib (RFC 1950, that is what "deflate" means) or a copy.  Returns the length,
 * -ENOSPC when CAP is too small, -ENOMEM.
 */
ssize_t http_code(enum http_coding c, const void *p, size_t n, uint8_t *out, size_t cap);

#endif
