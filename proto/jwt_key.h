/*
 * jwt_key.h - one key of jwt.h, and whether it made a signature.
 *
 * What is dear is done once a key: algorithms are fetched, the secret is hashed in, the public key is parsed.  A check
 * then starts from there.  Contexts are scratch of the check, so a key is for one thread.
 */
#ifndef FORKCAST_PROTO_JWT_KEY_H
#define FORKCAST_PROTO_JWT_KEY_H

#include <openssl/evp.h>

#include "proto/jwt.h"

#define JWT_RSA_BITS_MIN  2048
#define JWT_RSA_BITS_MAX  8192
#define JWT_SIGNATURE_MAX (JWT_RSA_BITS_MAX / 8)
#define JWT_ED25519_BYTES 32
#define JWT_MAC_MAX	  64

struct jwt_key {
	char *kid, *issuer, *audience; /* kid never NULL */
	enum jwt_alg alg;
	double leeway_s;
	size_t sig_len;       /* the only length of a signature */
	EVP_MAC_CTX *mac;     /* HS: holds the secret, and wipes it when freed */
	EVP_PKEY_CTX *verify; /* RS, ES */
	EVP_MD *md;           /* RS, ES */
	EVP_MD_CTX *digest;   /* RS, ES */
	uint8_t ed25519[JWT_ED25519_BYTES];
};

/* 0 or -errno as jwt_ring_new() has it; nothing is left to free then. */
int jwt_key_init(struct jwt_key *k, const struct jwt_key_spec *spec);
void jwt_key_fini(struct jwt_key *k);
/* The HMAC of TEXT by a key that has a secret; its length, or 0 when that fails. */
size_t jwt_key_mac(const struct jwt_key *k, struct slice text, uint8_t mac[JWT_MAC_MAX]);
/* As jwt_ring_sign(), by this key. */
char *jwt_key_token(const struct jwt_key *k, struct slice claims);
/* True when the N bytes of SIG are the key's signature of TEXT. */
bool jwt_key_signed(const struct jwt_key *k, struct slice text, const uint8_t *sig, size_t n);

#endif
