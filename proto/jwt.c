/*
 * jwt.c - checking tokens of jwt.h: their text and their claims.  jwt_key.c has the signatures.
 */
#include "proto/jwt.h"

#include <errno.h>
#include <stdlib.h>

#include "proto/base64.h"
#include "proto/error.h"
#include "proto/json.h"
#include "proto/jwt_key.h"

#define TIME_MAX_S 253402300799.0 /* the end of year 9999: what lies beyond is milliseconds, or a mistake */

static const struct json_limits limits = {.depth = 32, .utf8 = true};

struct jwt_ring {
	unsigned n;
	struct jwt_key key[];
};

/* The three parts of a token, still encoded, and what is signed. */
struct jwt_text {
	struct slice header, payload, signature, signed_part;
};

struct jwt_ring *jwt_ring_new(const struct jwt_key_spec *keys, unsigned n)
{
	struct jwt_ring *r = calloc(1, sizeof *r + n * sizeof *r->key);
	int rc = 0;

	if (r == NULL)
		return NULL;
	for (unsigned i = 0; i < n && rc == 0; i++) {
		rc = jwt_key_init(&r->key[i], &keys[i]);
		r->n += rc == 0;
	}
	if (rc == 0)
		return r;
	jwt_ring_free(r);
	errno = -rc;
	return NULL;
}

void jwt_ring_free(struct jwt_ring *r)
{
	if (r == NULL)
		return;
	for (unsigned i = 0; i < r->n; i++)
		jwt_key_fini(&r->key[i]);
	free(r);
}

int jwt_ring_replace(struct jwt_ring *r, unsigned i, const struct jwt_key_spec *key)
{
	struct jwt_key new;
	int rc = jwt_key_init(&new, key);

	if (rc != 0)
		return rc;
	jwt_key_fini(&r->key[i]);
	r->key[i] = new;
	return 0;
}

char *jwt_ring_sign(const struct jwt_ring *r, unsigned i, struct slice claims)
{
	return jwt_key_token(&r->key[i], claims);
}

/* Two dots, three parts, the right alphabet: all before anything is decoded. */
static bool split(struct slice token, struct jwt_text *t)
{
	const char *dot, *dot2, *end;

	if (token.n == 0 || token.n > JWT_TEXT_MAX)
		return false;
	end = token.p + token.n;
	dot = memchr(token.p, '.', token.n);
	dot2 = dot ? memchr(dot + 1, '.', (size_t)(end - dot - 1)) : NULL;
	if (dot2 == NULL || memchr(dot2 + 1, '.', (size_t)(end - dot2 - 1)))
		return false;
	t->header = slice_make(token.p, (size_t)(dot - token.p));
	t->payload = slice_make(dot + 1, (size_t)(dot2 - dot - 1));
	t->signature = slice_make(dot2 + 1, (size_t)(end - dot2 - 1));
	t->signed_part = slice_make(token.p, (size_t)(dot2 - token.p));
	return t->header.n > 0 && t->payload.n > 0 && t->signature.n > 0 && base64url_alphabet(t->header) &&
	    base64url_alphabet(t->payload) && base64url_alphabet(t->signature);
}

static bool decode_object(struct slice text, char *buf, size_t cap, struct slice *out)
{
	ssize_t n = base64url_decode(text, buf, cap);

	if (n <= 0)
		return false;
	*out = json_trim(slice_make(buf, (size_t)n));
	return json_type(*out) == JSON_OBJECT && json_valid(*out, &limits);
}

/* The key that made the signature: its index, or PROTO_ETOKEN*. */
static int find_key(const struct jwt_ring *r, struct slice header, const struct jwt_text *t)
{
	uint8_t sig[JWT_SIGNATURE_MAX];
	ssize_t sig_len = base64url_decode(t->signature, sig, sizeof sig);
	struct slice alg, kid, v;
	bool has_kid = json_get(header, SLICE("kid"), &kid);
	int why = has_kid ? PROTO_ETOKEN_KEY : PROTO_ETOKEN_ALG;

	/* Extensions that must be understood (RFC 7515, section 4.1.11): we understand none. */
	if (json_get(header, SLICE("crit"), &v))
		return PROTO_ETOKEN;
	if (!json_get(header, SLICE("alg"), &alg) || json_type(alg) != JSON_STRING)
		return PROTO_ETOKEN;
	if (has_kid && json_type(kid) != JSON_STRING)
		return PROTO_ETOKEN;
	for (unsigned i = 0; i < r->n; i++) {
		const struct jwt_key *k = &r->key[i];

		if (has_kid && !json_string_is(json_string_raw(kid), slice_make(k->kid, strlen(k->kid))))
			continue;
		if (!slice_is(json_string_raw(alg), jwt_alg_name(k->alg))) {
			if (has_kid)
				why = PROTO_ETOKEN_ALG;
			continue;
		}
		if (sig_len > 0 && jwt_key_signed(k, t->signed_part, sig, (size_t)sig_len))
			return (int)i;
		why = PROTO_ETOKEN_SIG;
	}
	return why;
}

/* Claims that are looked at here; slices without bytes are absent. */
struct registered {
	struct slice exp, nbf, iat, iss, aud;
};

/* One walk; the last of repeated members counts. */
static struct registered find_registered(struct slice payload)
{
	struct json_iter it = json_iter(payload);
	struct slice key, value;
	struct registered c = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};

	while (json_next_member(&it, &key, &value)) {
		if (json_string_is(key, SLICE("exp")))
			c.exp = value;
		else if (json_string_is(key, SLICE("nbf")))
			c.nbf = value;
		else if (json_string_is(key, SLICE("iat")))
			c.iat = value;
		else if (json_string_is(key, SLICE("iss")))
			c.iss = value;
		else if (json_string_is(key, SLICE("aud")))
			c.aud = value;
	}
	return c;
}

static int check_times(const struct registered *c, double now, double leeway, int64_t *exp_s)
{
	double exp, nbf, iat;

	if (c->exp.n == 0)
		return PROTO_ETOKEN_EXPIRED;
	/* A text is no date, however it reads. */
	if (!json_number(c->exp, &exp) || exp > TIME_MAX_S)
		return PROTO_ETOKEN_CLAIMS;
	if (c->nbf.n > 0 && !json_number(c->nbf, &nbf))
		return PROTO_ETOKEN_CLAIMS;
	if (c->iat.n > 0 && !json_number(c->iat, &iat))
		return PROTO_ETOKEN_CLAIMS;
	if (now >= exp + leeway)
		return PROTO_ETOKEN_EXPIRED;
	if (c->nbf.n > 0 && now + leeway < nbf)
		return PROTO_ETOKEN_EARLY;
	*exp_s = (int64_t)exp;
	return 0;
}

static bool string_is(struct slice v, const char *want)
{
	return json_type(v) == JSON_STRING && json_string_is(json_string_raw(v), slice_make(want, strlen(want)));
}

static bool audience_is(struct slice aud, const char *want)
{
	struct json_iter it = json_iter(aud);
	struct slice v;

	if (json_type(aud) != JSON_ARRAY)
		return string_is(aud, want);
	while (json_next_element(&it, &v)) {
		if (string_is(v, want))
			return true;
	}
	return false;
}

int jwt_verify(struct jwt_ring *r, struct slice token, int64_t now_s, char *buf, size_t cap, struct jwt_claims *out)
{
	const struct jwt_key *k;
	struct registered c;
	struct slice header;
	struct jwt_text t;
	int rc;

	/* The header's place in BUF is the payload's later. */
	if (!split(token, &t) || !decode_object(t.header, buf, cap, &header))
		return PROTO_ETOKEN;
	rc = find_key(r, header, &t);
	if (rc < 0)
		return rc;
	k = &r->key[rc];
	out->key = (unsigned)rc;
	if (!decode_object(t.payload, buf, cap, &out->json))
		return PROTO_ETOKEN_CLAIMS;
	c = find_registered(out->json);
	rc = check_times(&c, (double)now_s, k->leeway_s, &out->exp);
	if (rc < 0)
		return rc;
	if (k->issuer && !string_is(c.iss, k->issuer))
		return PROTO_ETOKEN_ISSUER;
	if (k->audience && !audience_is(c.aud, k->audience))
		return PROTO_ETOKEN_AUDIENCE;
	return 0;
}
