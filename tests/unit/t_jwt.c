/*
 * t_jwt.c - tokens: what is minted verifies, and every forgery we know of does not.  libjwt is the oracle for
 * signatures; for texts and claims it is too generous.
 */
#include <errno.h>
#include <malloc.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "proto/libjwt.h"
#include "tests/unit/jwt_fixture.h"

static const struct jwt_key_spec hs384 = {
    .kid = "big", .alg = JWT_ALG_HS384, .secret = {SECRET "384", sizeof SECRET + 2}, .leeway_s = 30};
static const struct jwt_key_spec hs512 = {
    .kid = "bigger", .alg = JWT_ALG_HS512, .secret = {SECRET, sizeof SECRET - 1}, .leeway_s = 30};

static void minted_verifies(void **state)
{
	const struct jwt_key_spec keys[] = {hs256, hs384, hs512};
	struct jwt_ring *r = ring_of(keys, 3);
	char buf[1024], claims_json[128];
	struct jwt_claims c;

	(void)state;
	(void)snprintf(
	    claims_json, sizeof claims_json, "{\"exp\":%d,\"name\":\"caf\xc3\xa9\",\"sub\":\"42\"}", NOW + 10);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++) {
			char *token = jwt_mint(&keys[i], claims_json);

			assert_non_null(token);
			assert_int_equal(jwt_verify(r, slice_make(token, strlen(token)), NOW, buf, sizeof buf, &c), 0);
			assert_int_equal(c.key, i);
			assert_int_equal(c.exp, NOW + 10);
			assert_true(slice_is(c.json, claims_json));
			free(token);
		}
	}
	jwt_ring_free(r);
	jwt_ring_free(NULL);
	assert_string_equal(jwt_alg_name(JWT_ALG_HS384), "HS384");
}

static void mint_refuses(void **state)
{
	struct jwt_key_spec empty = hs256;

	(void)state;
	empty.secret.n = 0;
	assert_null(jwt_mint(&empty, "{\"exp\":1}"));
	assert_int_equal(errno, EINVAL);
	assert_null(jwt_ring_new(&empty, 1));
	assert_int_equal(errno, EINVAL);
	assert_null(jwt_mint(&hs256, "[1]"));
	assert_null(jwt_mint(&hs256, "{"));
}

/* What a server signs is what libjwt signs, but for the order of the header; and it follows a key that changes. */
static void signed_by_the_ring(void **state)
{
	struct jwt_key_spec keys[] = {hs256, hs384, hs512, hs256}, turned = hs384;
	struct jwt_ring *r;
	const char *json = "{\"exp\":1700000010,\"sub\":\"42\"}";
	char buf[2048], long_kid[1100], *token, *padded;
	struct jwt_claims c;

	(void)state;
	keys[2].kid = "it's \"so\" \\ caf\xc3\xa9";
	keys[3].kid = NULL;
	r = ring_of(keys, 4);
	for (unsigned i = 0; i < 4; i++) {
		jwt_t *jwt = NULL;

		token = jwt_ring_sign(r, i, slice_make(json, strlen(json)));
		assert_non_null(token);
		assert_int_equal(jwt_verify(r, slice_make(token, strlen(token)), NOW, buf, sizeof buf, &c), 0);
		assert_int_equal(c.key, i < 3 ? i : 0);
		assert_true(slice_is(c.json, json));
		assert_int_equal(jwt_decode(&jwt, token, (const unsigned char *)keys[i].secret.p, (int)keys[i].secret.n), 0);
		if (keys[i].kid != NULL)
			assert_string_equal(jwt_get_header(jwt, "kid"), keys[i].kid);
		else
			assert_null(jwt_get_header(jwt, "kid"));
		assert_string_equal(jwt_get_header(jwt, "typ"), "JWT");
		jwt_free(jwt);
		free(token);
	}
	turned.secret = SLICE("another secret of the instance, of 48 bytes ....");
	assert_int_equal(jwt_ring_replace(r, 1, &turned), 0);
	token = jwt_ring_sign(r, 1, slice_make(json, strlen(json)));
	assert_non_null(token);
	assert_verdict(r, token, 0);
	free(token);
	/* too much, and a name without room */
	padded = malloc(JWT_TEXT_MAX);
	assert_non_null(padded);
	memset(padded, ' ', JWT_TEXT_MAX);
	assert_null(jwt_ring_sign(r, 0, slice_make(padded, JWT_TEXT_MAX / 2 + 1)));
	assert_int_equal(errno, EINVAL);
	token = jwt_ring_sign(r, 0, slice_make(padded, JWT_TEXT_MAX / 2));
	assert_non_null(token);
	assert_true(strlen(token) < JWT_TEXT_MAX);
	free(token);
	free(padded);
	memset(long_kid, 'k', sizeof long_kid - 1);
	long_kid[sizeof long_kid - 1] = '\0';
	turned.kid = long_kid;
	assert_int_equal(jwt_ring_replace(r, 1, &turned), 0);
	assert_null(jwt_ring_sign(r, 1, slice_make(json, strlen(json))));
	assert_int_equal(errno, EINVAL);
	jwt_ring_free(r);
}

/* The vector of RFC 7515, appendix A.1. */
static void rfc_vector(void **state)
{
	static const char token[] =
	    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
	    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	static const char jwk[] =
	    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
	char secret[64], buf[256];
	struct jwt_key_spec key = {.kid = "rfc", .alg = JWT_ALG_HS256, .leeway_s = 0, .issuer = "joe"};
	struct jwt_claims c;
	struct jwt_ring *r;

	(void)state;
	assert_int_equal(base64url_decode(slice_make(jwk, sizeof jwk - 1), secret, sizeof secret), 64);
	key.secret = slice_make(secret, 64);
	r = ring_of(&key, 1);
	assert_int_equal(jwt_verify(r, slice_make(token, sizeof token - 1), 1300819379, buf, sizeof buf, &c), 0);
	assert_int_equal(
	    jwt_verify(r, slice_make(token, sizeof token - 1), 1300819380, buf, sizeof buf, &c), PROTO_ETOKEN_EXPIRED);
	jwt_ring_free(r);
}

static void texts_refused(void **state)
{
	struct jwt_ring *r = ring_of(&hs256, 1);
	enum { HUGE_TEXT = 8 << 20 };
	char *huge = malloc(HUGE_TEXT);
	static const char *const bad[] = {"", ".", "..", "...", "a", "a.b", "a.b.", "a..c", ".b.c", "a.b.c.d",
	    "eyJhbGciOiJIUzI1NiJ9..", "e30.e30.", " . . ", "\xc3\xa9.\xc3\xa9.\xc3\xa9",
	    "eyJhbGciOiJIUzI1NiJ9.e30=.AAAA", "eyJhbGciOiJIUzI1NiJ9=.e30.AAAA", "e30.e30.AAAA", "W10.e30.AAAA",
	    "MQ.e30.AAAA", "eyJ.e30.AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.A+AA", "eyJhbGciOiJIUzI1NiJ9.e30.A\nAA"};
	struct jwt_claims c;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_verdict(r, bad[i], PROTO_ETOKEN);
	assert_int_equal(verify_n(r, "eyJhbGciOiJIUzI1NiJ9\0.e30.AAAA", 30, &c), PROTO_ETOKEN);
	assert_non_null(huge);
	memset(huge, 'A', HUGE_TEXT);
	assert_int_equal(jwt_verify(r, slice_make(huge, HUGE_TEXT), NOW, huge, 1, &c), PROTO_ETOKEN);
	huge[1000] = huge[2000] = '.';
	assert_int_equal(jwt_verify(r, slice_make(huge, HUGE_TEXT), NOW, huge, 1, &c), PROTO_ETOKEN);
	assert_int_equal(jwt_verify(r, slice_make(huge, JWT_TEXT_MAX + 1), NOW, huge, 1, &c), PROTO_ETOKEN);
	memset(huge, '.', HUGE_TEXT);
	assert_int_equal(jwt_verify(r, slice_make(huge, HUGE_TEXT), NOW, huge, 1, &c), PROTO_ETOKEN);
	free(huge);
	/* A header or payload that does not fit the buffer. */
	{
		const char *token = sign(HEADER, PAYLOAD, "SHA256", hs256.secret);
		char buf[64];

		assert_int_equal(jwt_verify(r, slice_make(token, strlen(token)), NOW, buf, 10, &c), PROTO_ETOKEN);
		assert_int_equal(jwt_verify(r, slice_make(token, strlen(token)), NOW, buf, sizeof buf, &c), 0);
	}
	jwt_ring_free(r);
}

/* Up to the limit of the text, and not one character more. */
static void longest_text(void **state)
{
	struct jwt_ring *r = ring_of(&hs256, 1);
	char payload[8192];

	(void)state;
	for (int pad = 6050; pad < 6120; pad++) {
		const char *token;

		(void)snprintf(payload, sizeof payload, "{\"exp\":1700000100,\"x\":\"%0*d\"}", pad, 0);
		token = sign(HEADER, payload, "SHA256", hs256.secret);
		assert_verdict(r, token, strlen(token) <= JWT_TEXT_MAX ? 0 : PROTO_ETOKEN);
	}
	jwt_ring_free(r);
}

static void signatures_refused(void **state)
{
	struct jwt_ring *r = ring_of(&hs256, 1);
	const char *good = sign(HEADER, PAYLOAD, "SHA256", hs256.secret);
	char token[512];
	size_t n = strlen(good);

	(void)state;
	memcpy(token, good, n + 1);
	assert_verdict(r, token, 0);
	assert_verdict(r, sign(HEADER, PAYLOAD, "SHA256", SLICE("another secret")), PROTO_ETOKEN_SIG);
	assert_verdict(r, sign(HEADER, PAYLOAD, "SHA512", hs256.secret), PROTO_ETOKEN_SIG);
	assert_verdict(r, sign(HEADER, PAYLOAD, "SHA1", hs256.secret), PROTO_ETOKEN_SIG);
	/* Every part of a signature but the whole. */
	for (size_t cut = strlen(HEADER); cut > 0; cut--) {
		char c = token[n - cut];

		if (strchr(token + n - cut, '.') != NULL)
			continue;
		token[n - cut] = '\0';
		assert_true(verify(r, token) < 0);
		token[n - cut] = c;
	}
	/* Every character changed to every other, and one more at each place. */
	for (size_t at = 0; at < n; at++) {
		char c = token[at];

		for (unsigned x = 1; x < 128; x++) {
			if ((char)x == c)
				continue;
			token[at] = (char)x;
			if (verify(r, token) == 0)
				fail_msg("accepted: %s", token);
		}
		token[at] = c;
	}
	assert_verdict(r, token, 0);
	jwt_ring_free(r);
}

static void keys_are_chosen(void **state)
{
	struct jwt_key_spec keys[] = {hs256, hs512, hs256, hs384};
	struct jwt_claims c;
	struct jwt_ring *r;
	const char *token;

	(void)state;
	keys[2].kid = "old";
	keys[2].secret = SLICE("the secret before");
	r = ring_of(keys, 4);
	/* Without a kid every key of the algorithm is tried. */
	token = sign(HEADER, PAYLOAD, "SHA256", keys[2].secret);
	assert_int_equal(verify_n(r, token, strlen(token), &c), 0);
	assert_int_equal(c.key, 2);
	token = sign("{\"alg\":\"HS384\"}", PAYLOAD, "SHA384", keys[3].secret);
	assert_int_equal(verify_n(r, token, strlen(token), &c), 0);
	assert_int_equal(c.key, 3);
	/* HS512 where HS256 is meant: the secret is the same, the kid decides. */
	assert_verdict(
	    r, sign("{\"alg\":\"HS512\",\"kid\":\"main\"}", PAYLOAD, "SHA512", hs256.secret), PROTO_ETOKEN_ALG);
	assert_verdict(r, sign("{\"alg\":\"HS512\",\"kid\":\"bigger\"}", PAYLOAD, "SHA512", hs256.secret), 0);
	/* With a kid no other key helps. */
	assert_verdict(
	    r, sign("{\"alg\":\"HS256\",\"kid\":\"main\"}", PAYLOAD, "SHA256", keys[2].secret), PROTO_ETOKEN_SIG);
	assert_verdict(r, sign("{\"alg\":\"HS256\",\"kid\":\"old\"}", PAYLOAD, "SHA256", keys[2].secret), 0);
	assert_verdict(r, sign(HEADER, PAYLOAD, "SHA256", keys[3].secret), PROTO_ETOKEN_SIG);
	jwt_ring_free(r);
}

/* The public key of a pair as HMAC secret, and the real RS256 token: neither is a way in. */
static void rsa_confusion(void **state)
{
	EVP_PKEY *pair = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	struct jwt_key_spec pem = hs256;
	struct jwt_ring *r;
	char *text;
	long n;

	(void)state;
	assert_non_null(pair);
	assert_non_null(bio);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, pair), 1);
	n = BIO_get_mem_data(bio, &text);
	r = ring_of(&hs256, 1);
	assert_verdict(r, sign(HEADER, PAYLOAD, "SHA256", slice_make(text, (size_t)n)), PROTO_ETOKEN_SIG);
	assert_verdict(
	    r, sign("{\"alg\":\"RS256\"}", PAYLOAD, "SHA256", slice_make(text, (size_t)n)), PROTO_ETOKEN_ALG);
	jwt_ring_free(r);
	/* Somebody pasted the PEM as the secret: RS256 tokens still do not pass. */
	pem.secret = slice_make(text, (size_t)n);
	r = ring_of(&pem, 1);
	assert_verdict(r, sign("{\"alg\":\"RS256\"}", PAYLOAD, "SHA256", pem.secret), PROTO_ETOKEN_ALG);
	jwt_ring_free(r);
	BIO_free(bio);
	EVP_PKEY_free(pair);
}

static struct {
	bool on;
	unsigned freed, seen;
} watch;

/* OpenSSL's memory, looked at as it is given back. */
static void watch_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p && watch.on) {
		watch.freed++;
		watch.seen += memmem(p, malloc_usable_size(p), SECRET, sizeof SECRET - 1) != NULL;
	}
	free(p);
}

static void *watch_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return calloc(1, n);
}

static void *watch_realloc(void *p, size_t n, const char *file, int line)
{
	void *q = watch_malloc(n, file, line);
	size_t old = p ? malloc_usable_size(p) : 0;

	if (q && old > 0) {
		memcpy(q, p, old < n ? old : n);
		watch_free(p, file, line);
	}
	return q;
}

static void secrets_are_wiped(void **state)
{
	struct jwt_ring *r;
	char *copy;

	(void)state;
	/* The watch itself. */
	copy = OPENSSL_strdup(SECRET);
	watch.on = true;
	OPENSSL_free(copy);
	assert_int_equal(watch.seen, 1);
	watch.seen = 0;
	r = ring_of(&hs256, 1);
	assert_int_equal(verify(r, sign(HEADER, PAYLOAD, "SHA256", SLICE("another"))), PROTO_ETOKEN_SIG);
	jwt_ring_free(r);
	watch.on = false;
	assert_true(watch.freed > 3);
	assert_int_equal(watch.seen, 0);
}

static uint64_t rnd = 7;

static unsigned random_below(unsigned n)
{
	rnd = rnd * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(rnd >> 33) % n;
}

/* What we accept the library accepts too, and tokens it made are ours unless they were damaged. */
static void library_agrees(void **state)
{
	struct jwt_ring *r = ring_of(&hs256, 1);
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/";
	unsigned ours = 0, theirs = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		jwt_t *jwt = NULL, *decoded = NULL;
		bool damaged = false;
		char *token;
		size_t n;

		assert_int_equal(jwt_new(&jwt), 0);
		assert_int_equal(jwt_add_grant_int(jwt, "exp", NOW + 1 + (long)random_below(100000)), 0);
		if (random_below(2))
			assert_int_equal(jwt_add_grant(jwt, "sub", "user \xc3\xa9\""), 0);
		if (random_below(2))
			assert_int_equal(
			    jwt_add_grants_json(jwt, "{\"a\":[1,2.5,null,{\"b\":\"\\u0001\"}],\"nbf\":5}"), 0);
		if (random_below(2))
			assert_int_equal(jwt_add_header(jwt, "kid", "main"), 0);
		assert_int_equal(
		    jwt_set_alg(jwt, LIBJWT_ALG_HS256, (const unsigned char *)SECRET, sizeof SECRET - 1), 0);
		token = jwt_encode_str(jwt);
		assert_non_null(token);
		n = strlen(token);
		for (unsigned k = random_below(3); k > 0; k--) {
			size_t at = random_below((unsigned)n);
			char c = alphabet[random_below(sizeof alphabet - 1)];

			damaged |= token[at] != c;
			token[at] = c;
		}
		if (verify(r, token) == 0) {
			ours++;
			assert_false(damaged);
			assert_int_equal(
			    jwt_decode(&decoded, token, (const unsigned char *)SECRET, sizeof SECRET - 1), 0);
			assert_int_equal(jwt_get_alg(decoded), LIBJWT_ALG_HS256);
			jwt_free(decoded);
		} else {
			assert_true(damaged);
		}
		theirs++;
		jwt_free(jwt);
		free(token);
	}
	assert_in_range(ours, theirs / 5, theirs);
	jwt_ring_free(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(minted_verifies),
	    cmocka_unit_test(mint_refuses),
	    cmocka_unit_test(signed_by_the_ring),
	    cmocka_unit_test(rfc_vector),
	    cmocka_unit_test(texts_refused),
	    cmocka_unit_test(longest_text),
	    cmocka_unit_test(signatures_refused),
	    cmocka_unit_test(keys_are_chosen),
	    cmocka_unit_test(rsa_confusion),
	    cmocka_unit_test(library_agrees),
	    cmocka_unit_test(secrets_are_wiped),
	};

	if (CRYPTO_set_mem_functions(watch_malloc, watch_realloc, watch_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
