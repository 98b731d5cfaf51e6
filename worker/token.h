/*
 * token.h - minting a token as this configuration's clients present it: for `forkcast token` and the --dev banner.
 */
#ifndef FORKCAST_WORKER_TOKEN_H
#define FORKCAST_WORKER_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

/* Who the token is for; NULL fields are left out. */
struct token_spec {
	const char *user, *name, *role;
	int64_t now_s, ttl_s;
	unsigned nclaim;
	const char *const *claim; /* "key=value": value as JSON when it is JSON, else as a string */
};

/*
 * Signs with the first HMAC key of `auth`; user, name and role go under the first claim names of the conf, issuer and
 * audience are the key's.  A malloc'ed token, or NULL with the reason in WHY.
 */
char *token_mint(const struct conf *c, const struct token_spec *spec, char *why, size_t why_len);

#endif
