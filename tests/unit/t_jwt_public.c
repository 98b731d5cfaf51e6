/*
 * t_jwt_public.c - tokens that a public key checks: each algorithm against libjwt or the vectors of its RFC, and the
 * forgeries that such keys invite.
 */
#include <errno.h>
#include <sodium.h>

#include "proto/libjwt.h"
#include "tests/unit/jwt_public_fixture.h"

static struct jwt_ring *ring_of_all(void)
{
	struct jwt_key_spec specs[NPAIR];

	for (unsigned i = 0; i < NPAIR; i++)
		specs[i] = pairs[i].spec;
	return ring_of(specs, NPAIR);
}

static void signed_verifies(void **state)
{
	struct jwt_ring *r = ring_of_all();
	struct jwt_claims c;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < NPAIR; i++) {
			const char *token = sign_by(&pairs[i], header_of(pairs[i].name, NULL), PAYLOAD);

			assert_int_equal(verify_n(r, token, strlen(token), &c), 0);
			assert_int_equal(c.key, i);
			assert_verdict(r, sign_by(&pairs[i], header_of(pairs[i].name, pairs[i].name), PAYLOAD), 0);
		}
	}
	jwt_ring_free(r);
}

/* RFC 7515, appendix A.3; RFC 8037, appendix A.4, whose payload is no object of claims. */
static void rfc_vectors(void **state)
{
	static const char es256[] =
	    "eyJhbGciOiJFUzI1NiJ9."
	    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
	static const char eddsa[] =
	    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
	    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
	/* SubjectPublicKeyInfo up to the key itself */
	static const uint8_t p256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
	static const uint8_t ed[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	uint8_t ec_der[sizeof p256 + 64], ed_der[sizeof ed + 32];
	const struct jwt_key_spec keys[] = {
	    {.kid = "ec", .alg = JWT_ALG_ES256, .public_key = slice_make(ec_der, sizeof ec_der)},
	    {.kid = "ed", .alg = JWT_ALG_EDDSA, .public_key = slice_make(ed_der, sizeof ed_der)}};
	struct jwt_claims c;
	struct jwt_ring *r;
	char buf[256];

	(void)state;
	memcpy(ec_der, p256, sizeof p256);
	memcpy(ed_der, ed, sizeof ed);
	assert_int_equal(
	    base64url_decode(SLICE("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), ec_der + sizeof p256, 32), 32);
	assert_int_equal(
	    base64url_decode(SLICE("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"), ec_der + sizeof p256 + 32, 32), 32);
	assert_int_equal(
	    base64url_decode(SLICE("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), ed_der + sizeof ed, 32), 32);
	r = ring_of(keys, 2);
	assert_int_equal(jwt_verify(r, slice_make(es256, sizeof es256 - 1), 1300819379, buf, sizeof buf, &c), 0);
	assert_int_equal(
	    jwt_verify(r, slice_make(eddsa, sizeof eddsa - 1), 0, buf, sizeof buf, &c), PROTO_ETOKEN_CLAIMS);
	jwt_ring_free(r);
}

/* Where the fit of key and algorithm is judged a second time: no key of one kind serves another. */
static void keys_of_another_kind(void **state)
{
	(void)state;
	for (unsigned key = 0; key < NPAIR; key++) {
		for (unsigned alg = JWT_ALG_HS256; alg <= JWT_ALG_EDDSA; alg++) {
			struct jwt_key_spec spec = pairs[key].spec;
			bool fits = alg == spec.alg || (key <= RS512 && alg >= JWT_ALG_RS256 && alg <= JWT_ALG_RS512);
			struct jwt_ring *r;

			spec.alg = (enum jwt_alg)alg;
			r = jwt_ring_new(&spec, 1);
			if (fits)
				assert_non_null(r);
			else
				assert_null(r);
			jwt_ring_free(r);
		}
	}
}

/* An RSA key that says it is for PSS alone. */
static EVP_PKEY *pss_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void keys_refused(void **state)
{
	EVP_PKEY *small = EVP_RSA_gen(1024), *pss = pss_key();
	EVP_PKEY *koblitz = EVP_EC_gen("secp256k1"), *x = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	EVP_PKEY *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	struct {
		EVP_PKEY *key;
		enum jwt_alg alg;
	} bad[] = {{small, JWT_ALG_RS256}, {pss, JWT_ALG_RS256}, {koblitz, JWT_ALG_ES256}, {x, JWT_ALG_EDDSA},
	    {ed448, JWT_ALG_EDDSA}};
	uint8_t der[2048];
	struct jwt_key_spec spec = pairs[ES256].spec;
	size_t whole = spec.public_key.n;
	struct jwt_ring *r = ring_of_all();

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct jwt_key_spec wrong = {
		    .kid = "x", .alg = bad[i].alg, .public_key = der_of(bad[i].key, der)};

		assert_non_null(bad[i].key);
		assert_null(jwt_ring_new(&wrong, 1));
		assert_int_equal(errno, EINVAL);
		/* One that is to take another's place leaves it where it is. */
		assert_int_equal(jwt_ring_replace(r, ES256, &wrong), -EINVAL);
		EVP_PKEY_free(bad[i].key);
	}
	assert_verdict(r, sign_by(&pairs[ES256], header_of("ES256", NULL), PAYLOAD), 0);
	jwt_ring_free(r);
	/* Every part of a key but the whole, and one byte more. */
	for (size_t n = 0; n < whole; n++) {
		spec.public_key.n = n;
		assert_null(jwt_ring_new(&spec, 1));
	}
	memcpy(der, pairs[ES256].der, whole);
	der[whole] = 0;
	spec.public_key = slice_make(der, whole + 1);
	assert_null(jwt_ring_new(&spec, 1));
	/* A point beside the curve. */
	der[whole - 1] ^= 1;
	spec.public_key.n--;
	assert_null(jwt_ring_new(&spec, 1));
}

static void key_is_replaced(void **state)
{
	struct jwt_ring *r = ring_of_all();
	EVP_PKEY *other = EVP_EC_gen("P-256");
	struct pair next = pairs[ES256];
	char old[1024];

	(void)state;
	(void)snprintf(old, sizeof old, "%s", sign_by(&pairs[ES256], header_of("ES256", NULL), PAYLOAD));
	next.key = other;
	next.spec.public_key = der_of(other, next.der);
	assert_verdict(r, old, 0);
	assert_int_equal(jwt_ring_replace(r, ES256, &next.spec), 0);
	assert_verdict(r, old, PROTO_ETOKEN_SIG);
	assert_verdict(r, sign_by(&next, header_of("ES256", "ES256"), PAYLOAD), 0);
	assert_verdict(r, sign_by(&pairs[ES384], header_of("ES384", NULL), PAYLOAD), 0);
	jwt_ring_free(r);
	EVP_PKEY_free(other);
}

/* The public key's texts as HMAC secrets, where the ring has HMAC keys too and where it has not. */
static void confusion_with_hmac(void **state)
{
	struct jwt_key_spec specs[NPAIR + 1];
	struct jwt_ring *alone = ring_of_all(), *mixed;

	(void)state;
	for (unsigned i = 0; i < NPAIR; i++)
		specs[i] = pairs[i].spec;
	specs[NPAIR] = hs256;
	mixed = ring_of(specs, NPAIR + 1);
	assert_verdict(mixed, sign(HEADER, PAYLOAD, "SHA256", hs256.secret), 0);
	for (unsigned i = 0; i < NPAIR; i++) {
		BIO *bio = BIO_new(BIO_s_mem());
		struct slice secrets[2] = {pairs[i].spec.public_key};
		char *pem;
		static const char *const hs[][2] = {{"HS256", "SHA256"}, {"HS384", "SHA384"}, {"HS512", "SHA512"}};

		assert_int_equal(PEM_write_bio_PUBKEY(bio, pairs[i].key), 1);
		secrets[1].n = (size_t)BIO_get_mem_data(bio, &pem);
		secrets[1].p = pem;
		for (unsigned s = 0; s < 2; s++) {
			for (unsigned h = 0; h < 3; h++) {
				const char *bare = header_of(hs[h][0], NULL), *kid = header_of(hs[h][0], pairs[i].name);

				assert_verdict(alone, sign(bare, PAYLOAD, hs[h][1], secrets[s]), PROTO_ETOKEN_ALG);
				assert_verdict(mixed, sign(bare, PAYLOAD, hs[h][1], secrets[s]),
				    h == 0 ? PROTO_ETOKEN_SIG : PROTO_ETOKEN_ALG);
				assert_verdict(mixed, sign(kid, PAYLOAD, hs[h][1], secrets[s]), PROTO_ETOKEN_ALG);
			}
			/* The other way about: the header says what the key is, the signature is an HMAC. */
			assert_verdict(mixed, sign(header_of(pairs[i].name, NULL), PAYLOAD, "SHA256", secrets[s]),
			    PROTO_ETOKEN_SIG);
			assert_verdict(mixed, sign(header_of(pairs[i].name, NULL), PAYLOAD, "SHA256", hs256.secret),
			    PROTO_ETOKEN_SIG);
		}
		BIO_free(bio);
	}
	jwt_ring_free(mixed);
	jwt_ring_free(alone);
}

/* Who signed truly, and says another algorithm, kid or nothing. */
static void headers_refused(void **state)
{
	struct jwt_ring *r = ring_of_all();
	static const char *const names[] = {"none", "None", "NONE", "", "HS256", "HS512", "PS256", "PS512", "ES256K",
	    "rs256", "RS256 ", "Ed25519", "EDDSA", "eddsa", "RS1"};

	(void)state;
	for (unsigned i = 0; i < NPAIR; i++) {
		const struct pair *p = &pairs[i];
		char text[256];

		for (size_t n = 0; n < COUNT(names); n++)
			assert_verdict(r, sign_by(p, header_of(names[n], NULL), PAYLOAD), PROTO_ETOKEN_ALG);
		for (unsigned other = 0; other < NPAIR; other++) {
			if (other == i)
				continue;
			/* RS384 in the header of what RS256 made, a curve of another length, the kid of another */
			assert_verdict(r, sign_by(p, header_of(pairs[other].name, NULL), PAYLOAD), PROTO_ETOKEN_SIG);
			assert_verdict(r, sign_by(p, header_of(p->name, pairs[other].name), PAYLOAD), PROTO_ETOKEN_ALG);
			assert_verdict(
			    r, sign_by(p, header_of(pairs[other].name, pairs[other].name), PAYLOAD), PROTO_ETOKEN_SIG);
		}
		assert_verdict(r, sign_by(p, header_of(p->name, ""), PAYLOAD), PROTO_ETOKEN_KEY);
		assert_verdict(r, sign_by(p, header_of(p->name, "../../etc/passwd"), PAYLOAD), PROTO_ETOKEN_KEY);
		(void)snprintf(text, sizeof text, "{\"alg\":\"%s\",\"kid\":null}", p->name);
		assert_verdict(r, sign_by(p, text, PAYLOAD), PROTO_ETOKEN);
		(void)snprintf(text, sizeof text, "{\"alg\":\"%s\",\"crit\":[\"exp\"]}", p->name);
		assert_verdict(r, sign_by(p, text, PAYLOAD), PROTO_ETOKEN);
		(void)snprintf(
		    text, sizeof text, "{\"alg\":\"%s\",\"jku\":\"https://x/\",\"jwk\":{},\"x5u\":\"x\"}", p->name);
		assert_verdict(r, sign_by(p, text, PAYLOAD), 0);
	}
	jwt_ring_free(r);
}

static void claims_refused(void **state)
{
	struct jwt_ring *r = ring_of_all();
	static const struct {
		const char *payload;
		int want;
	} cases[] = {
	    {"{}", PROTO_ETOKEN_EXPIRED},
	    {"{\"exp\":1699999970}", PROTO_ETOKEN_EXPIRED},
	    {"{\"exp\":1699999971}", 0},
	    {"{\"exp\":-1}", PROTO_ETOKEN_EXPIRED},
	    {"{\"exp\":\"1700000100\"}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":true}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":null}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":[1700000100]}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100000}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100,\"nbf\":1700000031}", PROTO_ETOKEN_EARLY},
	    {"[]", PROTO_ETOKEN_CLAIMS},
	};

	(void)state;
	for (unsigned i = 0; i < NPAIR; i++)
		for (size_t n = 0; n < COUNT(cases); n++)
			assert_verdict(
			    r, sign_by(&pairs[i], header_of(pairs[i].name, NULL), cases[n].payload), cases[n].want);
	jwt_ring_free(r);
}

/* Every length but the right one, every bit of the right one. */
static void signatures_refused(void **state)
{
	struct jwt_ring *r = ring_of_all();

	(void)state;
	for (unsigned i = 0; i < NPAIR; i++) {
		const struct pair *p = &pairs[i];
		uint8_t sig[1100] = {0}, changed[1100];
		char text[4096];
		size_t n = unsigned_token(header_of(p->name, p->name), PAYLOAD, text);
		const char *good = strrchr(sign_by(p, header_of(p->name, p->name), PAYLOAD), '.') + 1;
		ssize_t got = base64url_decode(slice_make(good, strlen(good)), sig, sizeof sig);
		size_t len = (size_t)got;

		assert_true(got > 0);
		assert_verdict(r, put_signature(text, n, sig, len), 0);
		for (size_t cut = 1; cut < len; cut++)
			assert_verdict(r, put_signature(text, n, sig, cut), PROTO_ETOKEN_SIG);
		/* zeros behind, or in front */
		for (size_t more = 1; more < 40; more++)
			assert_verdict(r, put_signature(text, n, sig, len + more), PROTO_ETOKEN_SIG);
		memset(changed, 0, sizeof changed);
		memcpy(changed + 1, sig, len);
		assert_verdict(r, put_signature(text, n, changed, len + 1), PROTO_ETOKEN_SIG);
		for (size_t bit = 0; bit < 8 * len; bit += i <= RS512 || i == ES384 || i == ES512 ? 13 : 1) {
			memcpy(changed, sig, len);
			changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_verdict(r, put_signature(text, n, changed, len), PROTO_ETOKEN_SIG);
		}
		memset(changed, 0, len);
		assert_verdict(r, put_signature(text, n, changed, len), PROTO_ETOKEN_SIG);
		memset(changed, 0xff, len);
		assert_verdict(r, put_signature(text, n, changed, len), PROTO_ETOKEN_SIG);
		changed[0] = 0;
		assert_verdict(r, put_signature(text, n, changed, 1), PROTO_ETOKEN_SIG);
	}
	jwt_ring_free(r);
}

/* ECDSA: DER is not the form, s may be either of its two, r and s of 0 or n are nothing. */
static void ecdsa_forms(void **state)
{
	struct jwt_ring *r = ring_of_all();

	(void)state;
	for (unsigned i = ES256; i <= ES512; i++) {
		const struct pair *p = &pairs[i];
		uint8_t der[256], raw[132], zero[132];
		char text[1024], group[32];
		size_t n = unsigned_token(header_of(p->name, NULL), PAYLOAD, text), len;
		EC_GROUP *g;

		/* Short numbers come up now and then: r or s with leading zeros. */
		for (unsigned round = 0; round < 300; round++) {
			len = signature(p, text, n, der, sizeof der);
			assert_verdict(r, put_signature(text, n, raw, raw_signature(p, der, len, raw, NULL)), 0);
			if (round > 20 && i != ES256)
				break;
		}
		assert_verdict(r, put_signature(text, n, der, len), PROTO_ETOKEN_SIG);
		for (unsigned high = 0; high < 2; high++) {
			const bool is_high = high != 0;

			assert_verdict(r, put_signature(text, n, raw, raw_signature(p, der, len, raw, &is_high)), 0);
		}
		memcpy(zero, raw, sizeof zero);
		memset(zero, 0, p->part);
		assert_verdict(r, put_signature(text, n, zero, 2u * p->part), PROTO_ETOKEN_SIG);
		memcpy(zero, raw, sizeof zero);
		memset(zero + p->part, 0, p->part);
		assert_verdict(r, put_signature(text, n, zero, 2u * p->part), PROTO_ETOKEN_SIG);
		assert_int_equal(EVP_PKEY_get_group_name(p->key, group, sizeof group, NULL), 1);
		g = EC_GROUP_new_by_curve_name(OBJ_sn2nid(group));
		assert_int_equal(BN_bn2binpad(EC_GROUP_get0_order(g), zero, (int)p->part), (int)p->part);
		assert_int_equal(BN_bn2binpad(EC_GROUP_get0_order(g), zero + p->part, (int)p->part), (int)p->part);
		assert_verdict(r, put_signature(text, n, zero, 2u * p->part), PROTO_ETOKEN_SIG);
		EC_GROUP_free(g);
	}
	jwt_ring_free(r);
}

/* A key of small order checks whatever it is shown, and a scalar beyond the order makes a second signature. */
static void eddsa_is_strict(void **state)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde,
	    0xf9, 0xde, 0x14, [31] = 0x10};
	struct jwt_ring *r = ring_of_all();
	char text[1024];
	size_t n = unsigned_token(header_of("EdDSA", NULL), PAYLOAD, text);
	uint8_t sig[64] = {1}, der[64];
	struct jwt_key_spec weak = pairs[EDDSA].spec;
	struct jwt_ring *w;
	unsigned carry = 0;

	(void)state;
	assert_int_equal(signature(&pairs[EDDSA], text, n, sig, sizeof sig), 64);
	assert_verdict(r, put_signature(text, n, sig, 64), 0);
	for (unsigned i = 0; i < 32; i++) {
		carry += sig[32 + i] + (unsigned)order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_verdict(r, put_signature(text, n, sig, 64), PROTO_ETOKEN_SIG);
	jwt_ring_free(r);
	/* The neutral point as the key, and as R of a signature with s = 0. */
	memcpy(der, weak.public_key.p, 12);
	memset(der + 12, 0, 32);
	der[12] = 1;
	weak.public_key = slice_make(der, 44);
	w = ring_of(&weak, 1);
	memset(sig, 0, sizeof sig);
	sig[0] = 1;
	assert_verdict(w, put_signature(text, n, sig, 64), PROTO_ETOKEN_SIG);
	jwt_ring_free(w);
}

static char *pem_of(EVP_PKEY *key, bool private, long *n)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *copy;

	assert_int_equal(
	    private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) : PEM_write_bio_PUBKEY(bio, key),
	    1);
	*n = BIO_get_mem_data(bio, &text);
	copy = strndup(text, (size_t)*n);
	BIO_free(bio);
	return copy;
}

/* What libjwt signs we accept, and what we accept it accepts; damaged tokens are nobody's. */
static void library_agrees(void **state)
{
	static const jwt_alg_t alg[] = {[RS256] = LIBJWT_ALG_RS256,
	    [RS384] = LIBJWT_ALG_RS384,
	    [RS512] = LIBJWT_ALG_RS512,
	    [ES256] = LIBJWT_ALG_ES256,
	    [ES384] = LIBJWT_ALG_ES384,
	    [ES512] = LIBJWT_ALG_ES512};
	struct jwt_ring *r = ring_of_all();

	(void)state;
	for (unsigned i = RS256; i <= ES512; i++) {
		long nprivate, npublic;
		char *private = pem_of(pairs[i].key, true, &nprivate), *public = pem_of(pairs[i].key, false, &npublic);

		for (unsigned round = 0; round < 50; round++) {
			jwt_t *jwt = NULL, *decoded = NULL;
			char *token;

			assert_int_equal(jwt_new(&jwt), 0);
			assert_int_equal(jwt_add_grant_int(jwt, "exp", NOW + 1 + round), 0);
			assert_int_equal(jwt_add_grants_json(jwt, "{\"a\":[1,2.5,null]}"), 0);
			if (round % 2)
				assert_int_equal(jwt_add_header(jwt, "kid", pairs[i].name), 0);
			assert_int_equal(jwt_set_alg(jwt, alg[i], (unsigned char *)private, (int)nprivate), 0);
			token = jwt_encode_str(jwt);
			assert_non_null(token);
			assert_verdict(r, token, 0);
			assert_int_equal(
			    jwt_decode(&decoded, sign_by(&pairs[i], header_of(pairs[i].name, NULL), PAYLOAD),
				(unsigned char *)public, (int)npublic),
			    0);
			assert_int_equal(jwt_get_alg(decoded), alg[i]);
			token[strlen(token) / 2] ^= 1;
			assert_true(verify(r, token) < 0);
			jwt_free(decoded);
			jwt_free(jwt);
			free(token);
		}
		free(private);
		free(public);
	}
	jwt_ring_free(r);
}

/* libsodium signs what OpenSSL made the key of. */
static void sodium_signs(void **state)
{
	uint8_t pk[32], sk[64], seed[32] = {7}, sig[64];
	static const uint8_t prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	uint8_t der[44];
	struct jwt_key_spec spec = pairs[EDDSA].spec;
	char text[1024];
	size_t n = unsigned_token(header_of("EdDSA", NULL), PAYLOAD, text);
	struct jwt_ring *r;

	(void)state;
	assert_int_equal(crypto_sign_seed_keypair(pk, sk, seed), 0);
	memcpy(der, prefix, sizeof prefix);
	memcpy(der + sizeof prefix, pk, 32);
	spec.public_key = slice_make(der, sizeof der);
	r = ring_of(&spec, 1);
	assert_int_equal(crypto_sign_detached(sig, NULL, (const uint8_t *)text, n, sk), 0);
	assert_verdict(r, put_signature(text, n, sig, 64), 0);
	jwt_ring_free(r);
}

static void mint_wants_a_secret(void **state)
{
	struct jwt_ring *r = ring_of_all();

	(void)state;
	for (unsigned i = 0; i < NPAIR; i++) {
		assert_null(jwt_mint(&pairs[i].spec, "{\"exp\":1}"));
		assert_int_equal(errno, EINVAL);
		errno = 0;
		assert_null(jwt_ring_sign(r, i, SLICE("{\"exp\":1}")));
		assert_int_equal(errno, EINVAL);
		assert_string_equal(jwt_alg_name(pairs[i].alg), pairs[i].name);
	}
	jwt_ring_free(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signed_verifies),
	    cmocka_unit_test(rfc_vectors),
	    cmocka_unit_test(keys_of_another_kind),
	    cmocka_unit_test(keys_refused),
	    cmocka_unit_test(key_is_replaced),
	    cmocka_unit_test(confusion_with_hmac),
	    cmocka_unit_test(headers_refused),
	    cmocka_unit_test(claims_refused),
	    cmocka_unit_test(signatures_refused),
	    cmocka_unit_test(ecdsa_forms),
	    cmocka_unit_test(eddsa_is_strict),
	    cmocka_unit_test(library_agrees),
	    cmocka_unit_test(sodium_signs),
	    cmocka_unit_test(mint_wants_a_secret),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, make_pairs, free_pairs);
}
