/*
 * fuzz_jwt.c - the input as a token; as header, payload and signature (parted by line feeds), which nobody guesses; and
 * its header and payload under a true signature: only those can pass, and only with an exp in the future.
 *
 * The length of the header picks who signs: HMAC, RSA, ECDSA or EdDSA, all under one kid.
 */
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "proto/base64.h"
#include "proto/error.h"
#include "proto/json.h"
#include "proto/jwt.h"
#include "tests/fuzz/fuzz.h"

#define NOW    1700000000
#define SECRET "fuzz"

enum { WITH_HMAC, WITH_RSA, WITH_EC, WITH_ED, NSIGNER };

static struct signer {
	enum jwt_alg alg;
	EVP_PKEY *key; /* NULL: HMAC */
	uint8_t der[1024];
} signers[NSIGNER] = {{JWT_ALG_HS256}, {JWT_ALG_RS256}, {JWT_ALG_ES256}, {JWT_ALG_EDDSA}};

static struct jwt_ring *make_ring(void)
{
	struct jwt_key_spec specs[NSIGNER];

	must(sodium_init() >= 0);
	signers[WITH_RSA].key = EVP_RSA_gen(2048);
	signers[WITH_EC].key = EVP_EC_gen("P-256");
	signers[WITH_ED].key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	for (unsigned i = 0; i < NSIGNER; i++) {
		struct jwt_key_spec *k = &specs[i];
		uint8_t *p = signers[i].der;

		*k = (struct jwt_key_spec){
		    .kid = "k", .alg = signers[i].alg, .leeway_s = 30, .issuer = "me", .audience = "app"};
		if (i == WITH_HMAC)
			k->secret = SLICE(SECRET);
		else
			k->public_key = slice_make(p, (size_t)i2d_PUBKEY(signers[i].key, &p));
	}
	return jwt_ring_new(specs, NSIGNER);
}

static int verify(struct jwt_ring *ring, struct slice token, struct jwt_claims *out)
{
	static char buf[JWT_TEXT_MAX];
	int rc = jwt_verify(ring, token, NOW, buf, sizeof buf, out);

	must(rc == 0 || (rc <= PROTO_ETOKEN && rc >= PROTO_ETOKEN_AUDIENCE));
	return rc;
}

static size_t put_part(char *out, size_t n, const void *part, size_t len)
{
	if (n > 0)
		out[n++] = '.';
	base64url_encode(part, len, out + n);
	return n + BASE64URL_ENCODED(len);
}

/* The library's DER as JWS has it. */
static size_t raw_of(const uint8_t *der, size_t n, uint8_t out[64])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);

	must(sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32);
	ECDSA_SIG_free(sig);
	return 64;
}

static size_t sign(const struct signer *s, const char *text, size_t n, uint8_t out[256])
{
	EVP_MD_CTX *ctx;
	uint8_t der[256];
	size_t len = sizeof der;

	if (s->key == NULL) {
		must(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, SECRET, sizeof SECRET - 1, (const uint8_t *)text, n,
			 out, 256, &len) != NULL);
		return len;
	}
	ctx = EVP_MD_CTX_new();
	must(EVP_DigestSignInit_ex(ctx, NULL, s->alg == JWT_ALG_EDDSA ? NULL : "SHA256", NULL, NULL, s->key, NULL) ==
		1 &&
	    EVP_DigestSign(ctx, der, &len, (const uint8_t *)text, n) == 1);
	EVP_MD_CTX_free(ctx);
	if (s->alg == JWT_ALG_ES256)
		return raw_of(der, len, out);
	memcpy(out, der, len);
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jwt_ring *ring;
	static char token[3 * JWT_TEXT_MAX], back[JWT_TEXT_MAX];
	const struct json_limits lim = {.depth = 32, .utf8 = true};
	struct slice in = slice_make(data, size), header, payload, exp;
	const char *lf, *lf2;
	uint8_t sig[256];
	struct jwt_claims c;
	size_t len, signed_len;
	unsigned who;
	ssize_t n;

	if (ring == NULL)
		ring = make_ring();
	must(ring != NULL);
	/* Nobody guesses a signature. */
	must(verify(ring, in, &c) != 0);
	/* Text that decodes is the only text for what it decodes to. */
	n = base64url_decode(in, back, sizeof back);
	if (n >= 0) {
		base64url_encode(back, (size_t)n, token);
		must(slice_eq(slice_make(token, BASE64URL_ENCODED((size_t)n)), in));
	}
	lf = size > 0 ? memchr(in.p, '\n', size) : NULL;
	if (lf == NULL || size > JWT_TEXT_MAX)
		return 0;
	header = slice_make(in.p, (size_t)(lf - in.p));
	payload = slice_make(lf + 1, size - header.n - 1);
	lf2 = payload.n > 0 ? memchr(payload.p, '\n', payload.n) : NULL;
	if (lf2 != NULL) {
		payload.n = (size_t)(lf2 - payload.p);
		len = put_part(token, put_part(token, 0, header.p, header.n), payload.p, payload.n);
		len = put_part(token, len, lf2 + 1, (size_t)(in.p + size - lf2 - 1));
		must(verify(ring, slice_make(token, len), &c) != 0);
	}
	who = (unsigned)(header.n + 1) % NSIGNER;
	signed_len = put_part(token, put_part(token, 0, header.p, header.n), payload.p, payload.n);
	len = put_part(token, signed_len, sig, sign(&signers[who], token, signed_len, sig));
	if (verify(ring, slice_make(token, len), &c) == 0) {
		double d;

		must(json_valid(header, &lim) && json_valid(payload, &lim));
		must(slice_eq(json_trim(payload), c.json) && json_get(c.json, SLICE("exp"), &exp) &&
		    json_number(exp, &d));
		must(c.key == who && c.exp > NOW - 31 && d >= (double)c.exp && d < (double)c.exp + 1);
		/* A changed signature is none. */
		token[len - 2] = token[len - 2] == 'A' ? 'B' : 'A';
		must(verify(ring, slice_make(token, len), &c) != 0);
	}
	return 0;
}
