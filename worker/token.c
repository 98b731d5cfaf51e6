/*
 * token.c - see token.h.
 */
#include "worker/token.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/auth_keys.h"

/* Sets the claim at a dotted PATH ("app.user.id"), objects made on the way.  Takes VALUE; 0 or -ENOMEM, -EEXIST. */
static int set_path(json_t *claims, const char *path, json_t *value)
{
	json_t *at = claims, *next;
	const char *dot;

	while (at && (dot = strchr(path, '.')) != NULL) {
		next = json_object_getn(at, path, (size_t)(dot - path));
		if (!next) {
			next = json_object();
			if (json_object_setn_new(at, path, (size_t)(dot - path), next) < 0)
				next = NULL;
		}
		if (!json_is_object(next)) {
			json_decref(value);
			return -EEXIST;
		}
		at = next;
		path = dot + 1;
	}
	return json_object_set_new(at, path, value) < 0 ? -ENOMEM : 0;
}

static int set_text(json_t *claims, const char *path, const char *value)
{
	json_t *v = json_string(value);

	return v ? set_path(claims, path, v) : -EILSEQ; /* jansson takes UTF-8 alone */
}

static int set_claim(json_t *claims, const char *claim)
{
	const char *eq = strchr(claim, '=');
	char *key;
	json_t *v;
	int err;

	if (!eq || eq == claim)
		return -EINVAL;
	key = strndup(claim, (size_t)(eq - claim));
	if (!key)
		return -ENOMEM;
	v = json_loadb(eq + 1, strlen(eq + 1), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!v)
		v = json_string(eq + 1);
	err = v ? set_path(claims, key, v) : -EILSEQ;
	free(key);
	return err;
}

static const char *reason(int err)
{
	switch (err) {
	case -EINVAL: return "it is not key=value";
	case -EEXIST: return "it lies inside a claim that is no object";
	case -EILSEQ: return "it is not UTF-8";
	default: return "out of memory";
	}
}

static json_t *build(
    const struct conf *c, const struct conf_jwt *key, const struct token_spec *spec, char *why, size_t why_len)
{
	const struct conf_auth *a = &c->auth;
	const struct {
		const char *value;
		unsigned n;
		const struct text *names;
		const char *what;
	} who[] = {
	    {spec->user, a->nuser, a->user, "user"},
	    {spec->name, a->nname, a->name, "name"},
	    {spec->role, a->nrole, a->role, "role"},
	};
	json_t *claims = json_object();
	int err = claims ? 0 : -ENOMEM;
	const char *what = "the token";

	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]) && !err; i++) {
		what = who[i].what;
		if (who[i].value)
			err = set_text(claims, who[i].n ? who[i].names[0].p : what, who[i].value);
	}
	for (unsigned i = 0; i < spec->nclaim && !err; i++) {
		what = spec->claim[i];
		err = set_claim(claims, what);
	}
	/* The registered claims come last: a --claim cannot make the token live forever. */
	if (!err)
		err = set_path(claims, "iat", json_integer(spec->now_s));
	if (!err)
		err = set_path(claims, "exp", json_integer(spec->now_s + spec->ttl_s));
	if (!err && key->issuer.p)
		err = set_text(claims, "iss", key->issuer.p);
	if (!err && key->audience.p)
		err = set_text(claims, "aud", key->audience.p);
	if (!err)
		return claims;
	snprintf(why, why_len, "%s: %s", what, reason(err));
	json_decref(claims);
	return NULL;
}

/* The first key that signs; NULL when there is none. */
static const struct conf_jwt *signer(const struct conf_auth *a)
{
	for (unsigned i = 0; i < a->njwt; i++)
		if (a->jwt[i].alg <= CONF_HS512)
			return &a->jwt[i];
	return NULL;
}

char *token_claims(
    const struct conf *c, const struct conf_jwt *key, const struct token_spec *spec, char *why, size_t why_len)
{
	json_t *claims = build(c, key, spec, why, why_len);
	char *text = claims ? json_dumps(claims, JSON_COMPACT) : NULL;

	if (claims && !text)
		snprintf(why, why_len, "out of memory");
	json_decref(claims);
	return text;
}

bool token_user_is_sub(const struct conf *c)
{
	const struct conf_auth *a = &c->auth;

	return a->nuser > 0 && strncmp(a->user[0].p, "sub", 3) == 0 && (a->user[0].n == 3 || a->user[0].p[3] == '.');
}

char *token_mint(const struct conf *c, const struct token_spec *spec, char *why, size_t why_len)
{
	const struct conf_jwt *jwt = signer(&c->auth);
	struct jwt_key_spec key;
	char *text, *token;

	if (!jwt) {
		snprintf(why, why_len,
		    "%s has no auth { jwt \"KID\" { algorithm = HS256  secret = ... } } to sign with%s", c->path.p,
		    c->auth.njwt > 0 ? ": its public keys only check" : "");
		return NULL;
	}
	text = token_claims(c, jwt, spec, why, why_len);
	if (!text)
		return NULL;
	key = auth_key_spec(jwt);
	token = jwt_mint(&key, text);
	if (!token)
		snprintf(why, why_len, "cannot sign: %s", strerror(errno));
	free(text);
	return token;
}
