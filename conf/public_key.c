#include "conf/public_key.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* a check costs the square of it */

static const struct {
	const char *name;
	const char *type;  /* as OpenSSL has it; NULL: no public key */
	const char *group; /* EC: as OpenSSL has it */
	const char *words; /* as people have it */
} algs[] = {
    [CONF_HS256] = {"HS256", NULL, NULL, NULL},
    [CONF_HS384] = {"HS384", NULL, NULL, NULL},
    [CONF_HS512] = {"HS512", NULL, NULL, NULL},
    [CONF_RS256] = {"RS256", "RSA", NULL, "RSA"},
    [CONF_RS384] = {"RS384", "RSA", NULL, "RSA"},
    [CONF_RS512] = {"RS512", "RSA", NULL, "RSA"},
    [CONF_ES256] = {"ES256", "EC", "prime256v1", "P-256"},
    [CONF_ES384] = {"ES384", "EC", "secp384r1", "P-384"},
    [CONF_ES512] = {"ES512", "EC", "secp521r1", "P-521"},
    [CONF_EDDSA] = {"EdDSA", "ED25519", NULL, "Ed25519"},
};

const char *conf_jwt_alg_name(enum conf_jwt_alg alg)
{
	return algs[alg].name;
}

/* "RSA of 1024 bits", "EC key of P-384". */
static void describe(EVP_PKEY *key, char *out, size_t n)
{
	char group[32] = "";

	if (EVP_PKEY_is_a(key, "RSA")) {
		(void)snprintf(out, n, "an RSA key of %d bits", EVP_PKEY_get_bits(key));
		return;
	}
	if (!EVP_PKEY_is_a(key, "EC")) {
		(void)snprintf(out, n, "a key of type %s", EVP_PKEY_get0_type_name(key));
		return;
	}
	(void)EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
	for (size_t i = 0; i < sizeof algs / sizeof *algs; i++) {
		if (algs[i].group != NULL && strcmp(group, algs[i].group) == 0) {
			(void)snprintf(out, n, "an EC key of %s", algs[i].words);
			return;
		}
	}
	(void)snprintf(out, n, "an EC key of %s", group[0] != '\0' ? group : "a curve of its own");
}

/* With 1 as exponent everybody signs. */
static bool exponent_is_sound(EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool sound = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(e) && !BN_is_one(e);

	BN_free(e);
	return sound;
}

static int judge(enum conf_jwt_alg alg, EVP_PKEY *key, char *why, size_t why_len)
{
	char what[96], group[32] = "";
	int bits = EVP_PKEY_get_bits(key);

	describe(key, what, sizeof what);
	if (EVP_PKEY_is_a(key, "EC"))
		(void)EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
	if (!EVP_PKEY_is_a(key, algs[alg].type) || (algs[alg].group != NULL && strcmp(group, algs[alg].group) != 0)) {
		(void)snprintf(why, why_len, "holds %s, and %s wants %s: change the key or the algorithm", what,
		    algs[alg].name, algs[alg].words);
		return -EINVAL;
	}
	if (strcmp(algs[alg].type, "RSA") != 0)
		return 0;
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		(void)snprintf(why, why_len, "holds %s: at least %d, at most %d", what, RSA_BITS_MIN, RSA_BITS_MAX);
	else if (!exponent_is_sound(key))
		(void)snprintf(why, why_len, "holds an RSA key that signs nothing: its exponent is even or 1");
	else
		return 0;
	return -EINVAL;
}

/* What another kind of PEM is, and how to get the right one. */
static int judge_label(const char *label, char *why, size_t why_len)
{
	if (strcmp(label, PEM_STRING_PUBLIC) == 0)
		return 0;
	if (strstr(label, "PRIVATE KEY") != NULL)
		(void)snprintf(why, why_len,
		    "holds a private key, which belongs to whoever signs tokens: give the public one "
		    "(openssl pkey -in FILE -pubout)");
	else if (strcmp(label, PEM_STRING_RSA_PUBLIC) == 0)
		(void)snprintf(why, why_len,
		    "holds an RSA key in the older form: convert it "
		    "(openssl rsa -RSAPublicKey_in -in FILE -pubout)");
	else if (strstr(label, "CERTIFICATE") != NULL)
		(void)snprintf(
		    why, why_len, "holds a certificate: give its public key (openssl x509 -in FILE -pubkey -noout)");
	else
		(void)snprintf(why, why_len, "holds no public key: it has to begin with -----BEGIN PUBLIC KEY-----");
	return -EINVAL;
}

/* The next block of the file; false when there is none. */
static bool next_block(BIO *bio, char **label, unsigned char **data, long *n)
{
	char *header = NULL;
	bool found = PEM_read_bio(bio, label, &header, data, n) == 1;

	OPENSSL_free(header);
	return found;
}

static int judge_block(
    enum conf_jwt_alg alg, const char *label, const unsigned char *data, long n, char *why, size_t why_len)
{
	const unsigned char *p = data;
	EVP_PKEY *key = NULL;
	int rc = judge_label(label, why, why_len);

	if (rc != 0)
		return rc;
	key = d2i_PUBKEY(NULL, &p, n);
	if (key == NULL || p != data + n) {
		(void)snprintf(why, why_len, "holds a public key that cannot be read");
		rc = -EINVAL;
	} else {
		rc = judge(alg, key, why, why_len);
	}
	EVP_PKEY_free(key);
	return rc;
}

int public_key_read(enum conf_jwt_alg alg, struct text pem, void *der, size_t cap, char *why, size_t why_len)
{
	char *label = NULL, *more = NULL;
	unsigned char *data = NULL, *rest = NULL;
	long n = 0, nrest;
	BIO *bio = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	int rc = -EINVAL;

	if (bio == NULL || !next_block(bio, &label, &data, &n)) {
		(void)judge_label("", why, why_len);
	} else if (judge_block(alg, label, data, n, why, why_len) != 0) {
		; /* it said why */
	} else if (next_block(bio, &more, &rest, &nrest)) {
		(void)snprintf(why, why_len, "holds more than one key: one file for each, in a jwt block of its own");
	} else if ((size_t)n > cap) {
		(void)snprintf(why, why_len, "holds a public key of %ld bytes: at most %zu", n, cap);
	} else {
		memcpy(der, data, (size_t)n);
		rc = (int)n;
	}
	/* a private key that was given by mistake */
	OPENSSL_clear_free(data, (size_t)n);
	OPENSSL_free(rest);
	OPENSSL_free(label);
	OPENSSL_free(more);
	BIO_free(bio);
	ERR_clear_error();
	return rc;
}
