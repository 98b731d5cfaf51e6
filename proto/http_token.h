/*
 * http_token.h - the small words of HTTP (RFC 9110, section 5.6): tokens, case, white space.
 */
#ifndef FORKCAST_PROTO_HTTP_TOKEN_H
#define FORKCAST_PROTO_HTTP_TOKEN_H

#include "proto/slice.h"

bool http_is_token_char(char c);
bool http_is_token(struct slice s);
/* Without regard to the case of A to Z. */
bool http_equal_nocase(struct slice a, struct slice b);
bool http_is_nocase(struct slice a, const char *s);
/* Without spaces and tabs at both ends. */
struct slice http_trim(struct slice s);

#endif
