/*
 * public_key.h - public keys of tokens as files hold them: PEM (RFC 7468), judged for their algorithm.
 */
#ifndef FORKCAST_CONF_PUBLIC_KEY_H
#define FORKCAST_CONF_PUBLIC_KEY_H

#include <stddef.h>

#include "conf/conf.h"

/*
 * Reads PEM, which holds one public key of ALG and nothing else that counts, into DER (CAP bytes) as
 * SubjectPublicKeyInfo.  Its length, or -EINVAL with WHY: what is wrong and what to give instead, without a byte of it.
 */
int public_key_read(enum conf_jwt_alg alg, struct text pem, void *der, size_t cap, char *why, size_t why_len);

/* "RS256" */
const char *conf_jwt_alg_name(enum conf_jwt_alg alg);

#endif
