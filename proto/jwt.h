/*
 * jwt.h - JSON Web Tokens (RFC 7519): checking what a client presents, minting for the command line and for wallets.
 *
 * The text is checked before anything decodes it, the algorithm is the configured one and never the token's choice,
 * and every registered claim is checked here: the library accepts expired tokens and crashes on some texts.
 */
#ifndef FORKCAST_PROTO_JWT_H
#define FORKCAST_PROTO_JWT_H

#include "proto/slice.h"

#define JWT_TEXT_MAX 8192

/* RFC 7518, sections 3.2 to 3.4, and RFC 8037 with Ed25519. */
enum jwt_alg {
	JWT_ALG_HS256,
	JWT_ALG_HS384,
	JWT_ALG_HS512,
	JWT_ALG_RS256,
	JWT_ALG_RS384,
	JWT_ALG_RS512,
	JWT_ALG_ES256,
	JWT_ALG_ES384,
	JWT_ALG_ES512,
	JWT_ALG_EDDSA,
};

struct jwt_key_spec {
	const char *kid; /* title of the conf block */
	enum jwt_alg alg;
	struct slice secret;     /* HS* alone */
	struct slice public_key; /* the others: SubjectPublicKeyInfo, DER (RFC 5280) */
	const char *issuer;      /* NULL: not checked */
	const char *audience;    /* NULL: not checked */
	int64_t leeway_s;
};

struct jwt_ring;

/*
 * Builds the key set; secrets are copied, and wiped by jwt_ring_free().  NULL with errno set: EINVAL for a key without
 * a secret, or whose public key is not of its algorithm, of another curve, or RSA of less than 2048 or more than 8192
 * bits.
 */
struct jwt_ring *jwt_ring_new(const struct jwt_key_spec *keys, unsigned n);
/* Key I is KEY from now on.  0, or -errno as above and the old key stays. */
int jwt_ring_replace(struct jwt_ring *r, unsigned i, const struct jwt_key_spec *key);
void jwt_ring_free(struct jwt_ring *r);

struct jwt_claims {
	struct slice json; /* the payload, an object, inside the caller's buffer */
	int64_t exp;       /* seconds since the epoch */
	unsigned key;      /* index of the key that verified it */
};

/*
 * Verifies TOKEN at NOW_S.  The decoded payload goes to BUF (CAP >= 3/4 of the token).  0 or PROTO_ETOKEN*.  A token
 * with a kid is tried with that key only, one without with every key of its algorithm, in the order of the ring.
 */
int jwt_verify(struct jwt_ring *r, struct slice token, int64_t now_s, char *buf, size_t cap, struct jwt_claims *out);

/* Signs CLAIMS (a JSON object) with an HMAC key through libjwt; a malloc'ed token or NULL with errno set. */
char *jwt_mint(const struct jwt_key_spec *key, const char *claims_json);

/*
 * Signs CLAIMS (a JSON object of at most JWT_TEXT_MAX / 2 bytes) with key I of the ring, which is as young as what
 * checks.  A malloc'ed token, or NULL with errno set: EINVAL for a public key.
 */
char *jwt_ring_sign(const struct jwt_ring *r, unsigned i, struct slice claims);

const char *jwt_alg_name(enum jwt_alg alg);

#endif
