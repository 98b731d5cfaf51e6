/*
 * token.h - minting a token as this configuration's clients present it: for `forkcast token` and the --dev banner.
 */
#ifndef FORKCAST_WORKER_TOKEN_H
#define FORKCAST_WORKER_TOKEN_H

#include <stdbool.h>
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

/* The claim of a wallet's token that holds the digest of the signature it was minted for. */
#define TOKEN_SIGNATURE "sig_hash"

/*
 * Claims of SPEC as JSON, for a key of the conf: user, name and role go under the first claim names of the conf, issuer and
 * audience are the key's.  A malloc'ed text, or NULL with the reason in WHY.
 */
char *token_claims(
    const struct conf *c, const struct conf_jwt *key, const struct token_spec *spec, char *why, size_t why_len);
/* True when `sub` is where the user's id goes, or lies on the way there. */
bool token_user_is_sub(const struct conf *c);
/*
 * Signs with the first HMAC key of `auth`.  A malloc'ed token, or NULL with the reason in WHY.
 */
char *token_mint(const struct conf *c, const struct token_spec *spec, char *why, size_t why_len);

#endif
