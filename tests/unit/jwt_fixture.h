/*
 * jwt_fixture.h - a key, a signer without scruples, and a strict reader of verdicts.
 */
#ifndef FORKCAST_TESTS_JWT_FIXTURE_H
#define FORKCAST_TESTS_JWT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "proto/base64.h"
#include "proto/error.h"
#include "proto/jwt.h"

#define HEADER   "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define PAYLOAD  "{\"exp\":1700000100}"
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define NOW      1700000000
#define SECRET   "a secret of the instance, 32 bytes"

static const struct jwt_key_spec hs256 = {
    .kid = "main", .alg = JWT_ALG_HS256, .secret = {SECRET, sizeof SECRET - 1}, .leeway_s = 30};

static inline struct jwt_ring *ring_of(const struct jwt_key_spec *keys, unsigned n)
{
	struct jwt_ring *r = jwt_ring_new(keys, n);

	assert_non_null(r);
	return r;
}

/* Signs any header and payload, true or not, with any digest; into a static buffer. */
static inline const char *sign(const char *header, const char *payload, const char *digest, struct slice secret)
{
	static char text[16384];
	uint8_t mac[64];
	size_t n, len = 0;

	base64url_encode(header, strlen(header), text);
	n = BASE64URL_ENCODED(strlen(header));
	text[n++] = '.';
	base64url_encode(payload, strlen(payload), text + n);
	n += BASE64URL_ENCODED(strlen(payload));
	assert_non_null(
	    EVP_Q_mac(NULL, "HMAC", NULL, digest, NULL, secret.p, secret.n, (uint8_t *)text, n, mac, sizeof mac, &len));
	text[n++] = '.';
	base64url_encode(mac, len, text + n);
	text[n + BASE64URL_ENCODED(len)] = '\0';
	return text;
}

/* From a copy of exactly its size, into a buffer of exactly three quarters of it. */
static inline int verify_n(struct jwt_ring *r, const char *token, size_t n, struct jwt_claims *claims)
{
	char *copy = malloc(n ? n : 1), *buf = malloc(n + 4);
	size_t cap = n - n / 4;
	int rc;

	assert_non_null(copy);
	assert_non_null(buf);
	memset(buf + cap, 0x5a, 4);
	memcpy(copy, token, n);
	rc = jwt_verify(r, slice_make(copy, n), NOW, buf, cap, claims);
	assert_memory_equal(buf + cap, "ZZZZ", 4);
	if (rc == 0)
		assert_true(claims->json.p >= buf && claims->json.p + claims->json.n <= buf + cap);
	free(copy);
	free(buf);
	return rc;
}

static inline int verify(struct jwt_ring *r, const char *token)
{
	struct jwt_claims claims;

	return verify_n(r, token, strlen(token), &claims);
}

static inline void assert_verdict(struct jwt_ring *r, const char *token, int want)
{
	int rc = verify(r, token);

	if (rc != want)
		fail_msg("%s: %s, not %s", token, rc ? proto_strerror(rc) : "accepted",
		    want ? proto_strerror(want) : "accepted");
}

#endif
