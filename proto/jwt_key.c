/*
 * jwt_key.c - signatures of jwt_key.h.
 *
 * HMAC, RSA and ECDSA go to OpenSSL directly: contexts that were made once cost a fraction of what a decoder does that
 * makes its own, and no text reaches a parser that dislikes it.  Ed25519 is libsodium's, which is strict about
 * points of small order and about the one form of a signature.
 */
#include "proto/jwt_key.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>

#define ECDSA_PART_MAX 66u                            /* of P-521 */
#define ECDSA_DER_MAX  (2 * (ECDSA_PART_MAX + 3) + 3) /* two integers, each with a zero byte in front, in a sequence */

_Static_assert(JWT_MAC_MAX >= EVP_MAX_MD_SIZE, "room for any digest");

enum family { FAMILY_HMAC, FAMILY_RSA, FAMILY_ECDSA, FAMILY_EDDSA };

static const struct {
	const char *name;
	enum family family;
	const char *digest;
	size_t sig_len;    /* RSA: of the key */
	const char *group; /* ECDSA, RFC 7518 section 3.4 */
} algs[] = {
    [JWT_ALG_HS256] = {"HS256", FAMILY_HMAC, "SHA256", 32, NULL},
    [JWT_ALG_HS384] = {"HS384", FAMILY_HMAC, "SHA384", 48, NULL},
    [JWT_ALG_HS512] = {"HS512", FAMILY_HMAC, "SHA512", 64, NULL},
    [JWT_ALG_RS256] = {"RS256", FAMILY_RSA, "SHA256", 0, NULL},
    [JWT_ALG_RS384] = {"RS384", FAMILY_RSA, "SHA384", 0, NULL},
    [JWT_ALG_RS512] = {"RS512", FAMILY_RSA, "SHA512", 0, NULL},
    [JWT_ALG_ES256] = {"ES256", FAMILY_ECDSA, "SHA256", 64, "prime256v1"},
    [JWT_ALG_ES384] = {"ES384", FAMILY_ECDSA, "SHA384", 96, "secp384r1"},
    [JWT_ALG_ES512] = {"ES512", FAMILY_ECDSA, "SHA512", 132, "secp521r1"},
    [JWT_ALG_EDDSA] = {"EdDSA", FAMILY_EDDSA, NULL, 64, NULL},
};

const char *jwt_alg_name(enum jwt_alg alg)
{
	return algs[alg].name;
}

static int init_hmac(struct jwt_key *k, struct slice secret)
{
	char digest[8] = "";
	OSSL_PARAM params[2] = {OSSL_PARAM_END, OSSL_PARAM_END};
	EVP_MAC *hmac;

	/* An empty secret would let anybody sign. */
	if (secret.n == 0)
		return -EINVAL;
	memcpy(digest, algs[k->alg].digest, strlen(algs[k->alg].digest) + 1);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (hmac == NULL)
		return -ENOTSUP;
	k->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac); /* the context has a reference */
	k->sig_len = algs[k->alg].sig_len;
	if (k->mac == NULL || EVP_MAC_init(k->mac, (const unsigned char *)secret.p, secret.n, params) != 1)
		return -ENOMEM;
	return 0;
}

/* True when the key is one of the algorithm; the length of its signatures in K. */
static bool fits(struct jwt_key *k, EVP_PKEY *key)
{
	char group[32];
	int bits;

	k->sig_len = algs[k->alg].sig_len;
	switch (algs[k->alg].family) {
	case FAMILY_HMAC: return false;
	case FAMILY_RSA:
		bits = EVP_PKEY_get_bits(key);
		k->sig_len = (size_t)(bits + 7) / 8;
		return EVP_PKEY_is_a(key, "RSA") && bits >= JWT_RSA_BITS_MIN && bits <= JWT_RSA_BITS_MAX;
	case FAMILY_ECDSA:
		return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
		    strcmp(group, algs[k->alg].group) == 0;
	case FAMILY_EDDSA: return EVP_PKEY_is_a(key, "ED25519");
	}
	return false;
}

/* A context from which each check starts. */
static int init_verify(struct jwt_key *k, EVP_PKEY *key)
{
	k->md = EVP_MD_fetch(NULL, algs[k->alg].digest, NULL);
	k->digest = EVP_MD_CTX_new();
	k->verify = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (k->md == NULL || k->digest == NULL || k->verify == NULL || EVP_PKEY_verify_init(k->verify) != 1)
		return -ENOMEM;
	if (algs[k->alg].family == FAMILY_RSA && EVP_PKEY_CTX_set_rsa_padding(k->verify, RSA_PKCS1_PADDING) != 1)
		return -ENOTSUP;
	return EVP_PKEY_CTX_set_signature_md(k->verify, k->md) == 1 ? 0 : -ENOTSUP;
}

static int init_public(struct jwt_key *k, struct slice der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	EVP_PKEY *key = der.n > 0 && der.n <= LONG_MAX ? d2i_PUBKEY(NULL, &p, (long)der.n) : NULL;
	size_t n = sizeof k->ed25519;
	int rc = -EINVAL;

	if (key != NULL && p == (const unsigned char *)der.p + der.n && fits(k, key)) {
		if (algs[k->alg].family != FAMILY_EDDSA)
			rc = init_verify(k, key);
		else if (EVP_PKEY_get_raw_public_key(key, k->ed25519, &n) == 1 && n == sizeof k->ed25519)
			rc = 0;
	}
	EVP_PKEY_free(key);
	ERR_clear_error();
	return rc;
}

static char *copy_or_null(const char *s, bool *failed)
{
	char *copy = s ? strdup(s) : NULL;

	*failed |= s && !copy;
	return copy;
}

int jwt_key_init(struct jwt_key *k, const struct jwt_key_spec *spec)
{
	bool failed = false;
	int rc;

	*k = (struct jwt_key){.alg = spec->alg, .leeway_s = (double)spec->leeway_s};
	k->kid = copy_or_null(spec->kid ? spec->kid : "", &failed);
	k->issuer = copy_or_null(spec->issuer, &failed);
	k->audience = copy_or_null(spec->audience, &failed);
	if (failed)
		rc = -ENOMEM;
	else if (algs[k->alg].family == FAMILY_HMAC)
		rc = init_hmac(k, spec->secret);
	else
		rc = init_public(k, spec->public_key);
	if (rc != 0)
		jwt_key_fini(k);
	return rc;
}

void jwt_key_fini(struct jwt_key *k)
{
	EVP_MAC_CTX_free(k->mac);
	EVP_PKEY_CTX_free(k->verify);
	EVP_MD_CTX_free(k->digest);
	EVP_MD_free(k->md);
	free(k->kid);
	free(k->issuer);
	free(k->audience);
	*k = (struct jwt_key){0};
}

size_t jwt_key_mac(const struct jwt_key *k, struct slice text, uint8_t mac[JWT_MAC_MAX])
{
	size_t n = 0;

	/* No key: the one it has. */
	if (EVP_MAC_init(k->mac, NULL, 0, NULL) != 1 ||
	    EVP_MAC_update(k->mac, (const unsigned char *)text.p, text.n) != 1 ||
	    EVP_MAC_final(k->mac, mac, &n, JWT_MAC_MAX) != 1 || n != k->sig_len)
		return 0;
	return n;
}

static bool hmac_signed(const struct jwt_key *k, struct slice text, const uint8_t *sig)
{
	uint8_t mac[JWT_MAC_MAX];
	size_t n = jwt_key_mac(k, text, mac);
	bool same = n > 0 && CRYPTO_memcmp(mac, sig, n) == 0;

	OPENSSL_cleanse(mac, sizeof mac); /* a valid signature for what an attacker sent */
	return same;
}

/* A number of N bytes as a DER INTEGER: no needless zeros in front, and never negative. */
static size_t der_integer(const uint8_t *number, size_t n, uint8_t *out)
{
	size_t zero;

	while (n > 1 && *number == 0) {
		number++;
		n--;
	}
	zero = *number >> 7;
	out[0] = 0x02;
	out[1] = (uint8_t)(n + zero);
	out[2] = 0;
	memcpy(out + 2 + zero, number, n);
	return 2 + zero + n;
}

/* JWS has r and s at full length, one behind the other (RFC 7518, section 3.4); OpenSSL wants the DER of X9.62. */
static size_t der_signature(const uint8_t *sig, size_t n, uint8_t out[ECDSA_DER_MAX])
{
	uint8_t body[ECDSA_DER_MAX];
	size_t len = der_integer(sig, n / 2, body), at = 0;

	len += der_integer(sig + n / 2, n / 2, body + len);
	out[at++] = 0x30;
	if (len > 0x7f)
		out[at++] = 0x81;
	out[at++] = (uint8_t)len;
	memcpy(out + at, body, len);
	return at + len;
}

static bool public_signed(const struct jwt_key *k, struct slice text, const uint8_t *sig, size_t n)
{
	uint8_t hash[EVP_MAX_MD_SIZE], der[ECDSA_DER_MAX];
	unsigned len = 0;

	if (EVP_DigestInit_ex2(k->digest, k->md, NULL) != 1 || EVP_DigestUpdate(k->digest, text.p, text.n) != 1 ||
	    EVP_DigestFinal_ex(k->digest, hash, &len) != 1)
		return false;
	if (algs[k->alg].family == FAMILY_ECDSA) {
		n = der_signature(sig, n, der);
		sig = der;
	}
	if (EVP_PKEY_verify(k->verify, sig, n, hash, len) == 1)
		return true;
	ERR_clear_error(); /* what it says of this signature is nothing to whoever asks OpenSSL next */
	return false;
}

bool jwt_key_signed(const struct jwt_key *k, struct slice text, const uint8_t *sig, size_t n)
{
	if (n != k->sig_len)
		return false;
	switch (algs[k->alg].family) {
	case FAMILY_HMAC: return hmac_signed(k, text, sig);
	case FAMILY_RSA:
	case FAMILY_ECDSA: return public_signed(k, text, sig, n);
	case FAMILY_EDDSA:
		return crypto_sign_verify_detached(sig, (const unsigned char *)text.p, text.n, k->ed25519) == 0;
	}
	return false;
}
