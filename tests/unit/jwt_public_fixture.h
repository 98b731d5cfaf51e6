/*
 * jwt_public_fixture.h - key pairs of every algorithm, and signatures of anything by them.
 */
#ifndef FORKCAST_TESTS_JWT_PUBLIC_FIXTURE_H
#define FORKCAST_TESTS_JWT_PUBLIC_FIXTURE_H

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "tests/unit/jwt_fixture.h"

struct pair {
	const char *name;
	enum jwt_alg alg;
	const char *digest; /* NULL: EdDSA */
	unsigned part;      /* ECDSA: bytes of r and of s */
	EVP_PKEY *key;
	uint8_t der[2048]; /* public */
	struct jwt_key_spec spec;
};

enum { RS256, RS384, RS512, ES256, ES384, ES512, EDDSA, NPAIR };

static struct pair pairs[NPAIR] = {
    [RS256] = {"RS256", JWT_ALG_RS256, "SHA256", 0},
    [RS384] = {"RS384", JWT_ALG_RS384, "SHA384", 0},
    [RS512] = {"RS512", JWT_ALG_RS512, "SHA512", 0},
    [ES256] = {"ES256", JWT_ALG_ES256, "SHA256", 32},
    [ES384] = {"ES384", JWT_ALG_ES384, "SHA384", 48},
    [ES512] = {"ES512", JWT_ALG_ES512, "SHA512", 66},
    [EDDSA] = {"EdDSA", JWT_ALG_EDDSA, NULL, 0},
};

static inline struct slice der_of(EVP_PKEY *key, uint8_t *out)
{
	int n = i2d_PUBKEY(key, &out);

	assert_true(n > 0 && n <= (int)sizeof pairs[0].der);
	return slice_make(out - n, (size_t)n);
}

static inline int make_pairs(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048);

	(void)state;
	for (unsigned i = 0; i < NPAIR; i++) {
		struct pair *p = &pairs[i];

		if (i <= RS512) {
			EVP_PKEY_up_ref(rsa); /* one for all three: the algorithm alone keeps them apart */
			p->key = rsa;
		} else if (i == EDDSA) {
			p->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		} else {
			p->key = EVP_EC_gen(i == ES256 ? "P-256" : i == ES384 ? "P-384" : "P-521");
		}
		assert_non_null(p->key);
		p->spec = (struct jwt_key_spec){
		    .kid = p->name, .alg = p->alg, .public_key = der_of(p->key, p->der), .leeway_s = 30};
	}
	EVP_PKEY_free(rsa);
	return 0;
}

static inline int free_pairs(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NPAIR; i++)
		EVP_PKEY_free(pairs[i].key);
	return 0;
}

/* The signature of the N bytes of TEXT as the library makes it: ECDSA in DER. */
static inline size_t signature(const struct pair *p, const char *text, size_t n, uint8_t *out, size_t cap)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = cap;

	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, p->digest, NULL, NULL, p->key, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, out, &len, (const uint8_t *)text, n), 1);
	EVP_MD_CTX_free(ctx);
	return len;
}

/* r and s of a DER signature at PART bytes each; S replaced by n - s when HIGH says whether that is to be the larger.
 */
static inline size_t raw_signature(const struct pair *p, const uint8_t *der, size_t n, uint8_t *out, const bool *high)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	char group[32];
	EC_GROUP *g;
	BIGNUM *other = BN_new(), *s = BN_new();

	assert_non_null(sig);
	assert_int_equal(EVP_PKEY_get_group_name(p->key, group, sizeof group, NULL), 1);
	g = EC_GROUP_new_by_curve_name(OBJ_sn2nid(group));
	BN_copy(s, ECDSA_SIG_get0_s(sig));
	BN_sub(other, EC_GROUP_get0_order(g), s);
	if (high && (BN_cmp(other, s) > 0) == *high)
		BN_copy(s, other);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)p->part), (int)p->part);
	assert_int_equal(BN_bn2binpad(s, out + p->part, (int)p->part), (int)p->part);
	EC_GROUP_free(g);
	BN_free(other);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return 2 * (size_t)p->part;
}

/* HEADER.PAYLOAD, and the room behind for a dot and a signature. */
static inline size_t unsigned_token(const char *header, const char *payload, char *text)
{
	size_t n = BASE64URL_ENCODED(strlen(header));

	base64url_encode(header, strlen(header), text);
	text[n++] = '.';
	base64url_encode(payload, strlen(payload), text + n);
	return n + BASE64URL_ENCODED(strlen(payload));
}

/* Any signature behind a dot. */
static inline const char *put_signature(char *text, size_t n, const void *sig, size_t len)
{
	text[n++] = '.';
	base64url_encode(sig, len, text + n);
	text[n + BASE64URL_ENCODED(len)] = '\0';
	return text;
}

/* A token with a true signature by P of whatever it says; into a static buffer. */
static inline const char *sign_by(const struct pair *p, const char *header, const char *payload)
{
	static char text[16384];
	uint8_t der[1024], raw[132];
	size_t n = unsigned_token(header, payload, text), len = signature(p, text, n, der, sizeof der);

	if (p->part == 0)
		return put_signature(text, n, der, len);
	len = raw_signature(p, der, len, raw, NULL);
	return put_signature(text, n, raw, len);
}

/* {"alg":NAME}, with the kid when there is one; into one of two static buffers in turn. */
static inline const char *header_of(const char *alg, const char *kid)
{
	static char text[2][128];
	static unsigned turn;
	char *t = text[turn++ % 2];

	if (kid)
		(void)snprintf(t, sizeof text[0], "{\"alg\":\"%s\",\"kid\":\"%s\"}", alg, kid);
	else
		(void)snprintf(t, sizeof text[0], "{\"alg\":\"%s\"}", alg ? alg : "");
	return t;
}

#endif
