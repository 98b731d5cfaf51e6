/*
 * token.h - mints the HS256 JSON Web Tokens that the clients connect with (RFC 7515, 7519).
 */
#ifndef BENCH_LOAD_TOKEN_H
#define BENCH_LOAD_TOKEN_H

#include <stddef.h>

#define TOKEN_MAX 512

/* Claims: sub = user, name, role "user", iat, exp in a day.  Writes a string of at most TOKEN_MAX bytes; 0 or -EINVAL.
 */
int token_mint(const char *secret, const char *user, char *out);

#endif
