/*
 * fuzz_jwt.c - the input as a token, and as header and payload (parted by a line feed) under a true signature: only
 * those can pass, and only with an exp in the future.
 */
#include <openssl/evp.h>

#include "proto/base64.h"
#include "proto/error.h"
#include "proto/json.h"
#include "proto/jwt.h"
#include "tests/fuzz/fuzz.h"

#define NOW    1700000000
#define SECRET "fuzz"

static const struct jwt_key_spec key = {.kid = "k",
    .alg = JWT_ALG_HS256,
    .secret = {SECRET, sizeof SECRET - 1},
    .leeway_s = 30,
    .issuer = "me",
    .audience = "app"};

static int verify(struct jwt_ring *ring, struct slice token, struct jwt_claims *out)
{
	static char buf[JWT_TEXT_MAX];
	int rc = jwt_verify(ring, token, NOW, buf, sizeof buf, out);

	must(rc == 0 || (rc <= PROTO_ETOKEN && rc >= PROTO_ETOKEN_AUDIENCE));
	return rc;
}

static size_t sign(struct slice header, struct slice payload, char *out)
{
	uint8_t mac[32];
	size_t n, len;

	base64url_encode(header.p, header.n, out);
	n = BASE64URL_ENCODED(header.n);
	out[n++] = '.';
	base64url_encode(payload.p, payload.n, out + n);
	n += BASE64URL_ENCODED(payload.n);
	must(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, SECRET, sizeof SECRET - 1, (uint8_t *)out, n, mac,
		 sizeof mac, &len) != NULL);
	out[n++] = '.';
	base64url_encode(mac, len, out + n);
	return n + BASE64URL_ENCODED(len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jwt_ring *ring;
	static char token[2 * JWT_TEXT_MAX], back[JWT_TEXT_MAX];
	const struct json_limits lim = {.depth = 32, .utf8 = true};
	struct slice in = slice_make(data, size), header, payload, exp;
	const char *lf;
	struct jwt_claims c;
	ssize_t n;

	if (ring == NULL)
		ring = jwt_ring_new(&key, 1);
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
	n = (ssize_t)sign(header, payload, token);
	if (verify(ring, slice_make(token, (size_t)n), &c) == 0) {
		double d;

		must(json_valid(header, &lim) && json_valid(payload, &lim));
		must(slice_eq(json_trim(payload), c.json) && json_get(c.json, SLICE("exp"), &exp) &&
		    json_number(exp, &d));
		must(c.key == 0 && c.exp > NOW - 31 && d >= (double)c.exp && d < (double)c.exp + 1);
		/* A changed signature is none. */
		token[n - 2] = token[n - 2] == 'A' ? 'B' : 'A';
		must(verify(ring, slice_make(token, (size_t)n), &c) == PROTO_ETOKEN_SIG);
	}
	return 0;
}
