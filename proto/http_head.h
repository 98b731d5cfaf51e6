/*
 * http_head.h - what the heads of requests and responses have in common (RFC 9112).
 */
#ifndef FORKCAST_PROTO_HTTP_HEAD_H
#define FORKCAST_PROTO_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/slice.h"

/* Behind the first empty line, or NULL. */
const char *http_head_end(const char *p, size_t n);
/*
 * Every line ends in CRLF, none continues another, and no control byte but the tab is anywhere (RFC 9112, sections
 * 2.2, 5.2).  0 or PROTO_EHTTP*.
 */
int http_head_lines(const char *p, size_t n);
/* The value of Content-Length: digits that fit. */
bool http_head_length(struct slice v, uint64_t *out);
/*
 * A transfer coding that is not plain "chunked".  Codings we do not know are one thing; chunked somewhere else than at
 * the end, or twice, is how requests are smuggled.  PROTO_EHTTP_CODING or PROTO_EHTTP_SMUGGLE.
 */
int http_head_odd_coding(struct slice v);

#endif
