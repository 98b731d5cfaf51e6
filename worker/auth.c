#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "conf/log.h"
#include "proto/engineio.h"
#include "proto/error.h"
#include "proto/json.h"
#include "shm/op.h"
#include "worker/auth.h"
#include "worker/factors.h"
#include "worker/session.h"
#include "worker/worker.h"

/* Value of cookie NAME in a Cookie header (RFC 6265 4.2). */
static bool cookie_get(struct slice header, struct text name, struct slice *value)
{
	const char *p = header.p, *end = header.p + header.n;

	while (p < end) {
		const char *stop = memchr(p, ';', (size_t)(end - p)), *eq;

		if (stop == NULL)
			stop = end;
		while (p < stop && *p == ' ')
			p++;
		eq = memchr(p, '=', (size_t)(stop - p));
		if (eq != NULL && slice_eq(slice_make(p, (size_t)(eq - p)), slice_make(name.p, name.n))) {
			*value = slice_make(eq + 1, (size_t)(stop - eq - 1));
			return true;
		}
		p = stop + 1;
	}
	return false;
}

static bool token_in_request(const struct conf_source *src, const struct http_request *req, struct slice *token)
{
	struct slice v;

	switch (src->kind) {
	case CONF_TOKEN_BEARER:
		if (!http_field(req, "authorization", &v) || v.n < 8 || strncasecmp(v.p, "bearer ", 7) != 0)
			return false;
		*token = slice_make(v.p + 7, v.n - 7);
		return true;
	case CONF_TOKEN_QUERY:
		return eio_query_get(req->query, src->name.p, token) && token->n > 0;
	case CONF_TOKEN_COOKIE:
		return http_field(req, "cookie", &v) && cookie_get(v, src->name, token) && token->n > 0;
	case CONF_TOKEN_AUTH:
		break;
	}
	return false;
}

struct auth_token *auth_keep_token(struct worker *w, const struct http_request *req)
{
	const struct conf_auth *a = &w->conf->auth;
	struct slice token;

	for (unsigned i = 0; i < a->nsource; i++) {
		struct auth_token *t;

		if (!token_in_request(&a->source[i], req, &token))
			continue;
		/* One that is too long is a bad token, not an absent one; so is the empty one. */
		if (token.n > JWT_TEXT_MAX)
			token.n = 0;
		t = malloc(sizeof(*t) + token.n);
		if (t == NULL)
			worker_die(w, "out of memory");
		t->source = i;
		t->len = token.n;
		memcpy(t->text, token.p, token.n);
		return t;
	}
	return NULL;
}

struct slice auth_token_text(struct worker *w, struct slice json)
{
	char *text;
	ssize_t n;

	if (json_type(json) != JSON_STRING || json.n > 6 * JWT_TEXT_MAX)
		return slice_make("", 0);
	text = arena_alloc(&w->arena, json.n);
	n = json_string_decode(json, text, json.n);
	if (n < 0)
		return slice_make("", 0);
	if (n > 7 && strncasecmp(text, "bearer ", 7) == 0)
		return slice_make(text + 7, (size_t)n - 7);
	return slice_make(text, (size_t)n);
}

/* auth.token of the CONNECT payload.  One that is no string is present and invalid, never anonymous. */
static bool token_in_payload(struct worker *w, struct slice payload, struct slice *token)
{
	struct slice v;

	if (payload.n == 0 || !json_get(payload, SLICE("token"), &v) || json_type(v) == JSON_NULL)
		return false;
	*token = auth_token_text(w, v);
	return true;
}

static bool find_token(struct worker *w, const struct session *s, struct slice payload, struct slice *token)
{
	const struct conf_auth *a = &w->conf->auth;

	for (unsigned i = 0; i < a->nsource; i++) {
		if (a->source[i].kind == CONF_TOKEN_AUTH) {
			if (token_in_payload(w, payload, token))
				return true;
		} else if (s->token != NULL && s->token->source == i) {
			*token = slice_make(s->token->text, s->token->len);
			return true;
		}
	}
	return false;
}

/* A claim's value as text: a string, or an integer's digits; p NULL for anything else. */
static struct slice value_text(struct worker *w, struct slice v)
{
	int64_t number;
	char *out;
	ssize_t n;

	if (json_int(v, &number))
		return v;
	if (json_type(v) != JSON_STRING)
		return slice_make(NULL, 0);
	out = arena_alloc(&w->arena, v.n);
	n = json_string_decode(v, out, v.n);
	return n < 0 ? slice_make(NULL, 0) : slice_make(out, (size_t)n);
}

/* A claim by dotted path; p NULL when there is none. */
static struct slice claim_at(struct slice claims, const struct text *name)
{
	struct slice v = claims, path = slice_make(name->p, name->n);

	while (path.n > 0) {
		const char *dot = memchr(path.p, '.', path.n);
		size_t n = dot == NULL ? path.n : (size_t)(dot - path.p);

		if (!json_get(v, slice_make(path.p, n), &v))
			return slice_make(NULL, 0);
		n += dot != NULL;
		path = slice_make(path.p + n, path.n - n);
	}
	return v;
}

/* One of user, name, role: the first of its names that the token has. */
struct pick {
	const struct text *name;
	unsigned n, best; /* best: of the names found so far; n: none */
	struct slice value;
};

static bool is_dotted(const struct text *name)
{
	return memchr(name->p, '.', name->n) != NULL;
}

/* One walk over the claims finds plain names for all three; dotted ones are looked up where they come first. */
static void pick_claims(struct worker *w, struct slice claims, struct pick *pick, unsigned npick)
{
	struct json_iter it = json_iter(claims);
	struct slice key, value;

	while (json_next_member(&it, &key, &value)) {
		if (json_type(value) == JSON_NULL)
			continue; /* as good as absent */
		for (unsigned p = 0; p < npick; p++) {
			for (unsigned i = 0; i < pick[p].n && i <= pick[p].best; i++) {
				if (json_string_is(key, slice_make(pick[p].name[i].p, pick[p].name[i].n))) {
					pick[p].best = i;
					pick[p].value = value;
				}
			}
		}
	}
	for (unsigned p = 0; p < npick; p++) {
		for (unsigned i = 0; i < pick[p].best; i++) {
			struct slice v = is_dotted(&pick[p].name[i]) ? claim_at(claims, &pick[p].name[i]) : slice_make(NULL, 0);

			if (v.p != NULL && json_type(v) != JSON_NULL) {
				pick[p].value = v;
				break;
			}
		}
		if (pick[p].value.p != NULL)
			pick[p].value = value_text(w, pick[p].value);
	}
}

static bool printable(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	}
	return true;
}

int auth_verify(struct worker *w, const char *sid, struct slice token, struct identity *out)
{
	const struct conf_auth *a = &w->conf->auth;
	struct pick pick[] = {
		{a->user, a->nuser, a->nuser, {NULL, 0}},
		{a->name, a->nname, a->nname, {NULL, 0}},
		{a->role, a->nrole, a->nrole, {NULL, 0}},
	};
	struct jwt_claims claims;
	char *buf;
	int err;

	memset(out, 0, sizeof(*out));
	if (w->jwt == NULL || token.n > JWT_TEXT_MAX)
		return 1 + REFUSAL_AUTH_INVALID;
	buf = arena_alloc(&w->arena, token.n + 4);
	err = jwt_verify(w->jwt, token, w->now_ms / 1000, buf, token.n + 4, &claims);
	if (err != 0) {
		log_debug("token_refused", "sid=%s why=%s", sid, proto_strerror(err));
		return 1 + (err == PROTO_ETOKEN_EXPIRED ? REFUSAL_AUTH_EXPIRED : REFUSAL_AUTH_INVALID);
	}
	out->claims = claims.json;
	out->key = claims.key;
	/* beyond the year 10000 is never */
	if (claims.exp < INT64_C(253402300800))
		out->ends_ms = claims.exp * 1000 + a->jwt[claims.key].leeway;
	pick_claims(w, claims.json, pick, 3);
	out->user = pick[0].value;
	out->name = pick[1].value;
	out->role = pick[2].value;
	if (out->user.n == 0 || out->user.n > OP_USER_MAX || !printable(out->user))
		return 1 + REFUSAL_USER_UNKNOWN;
	if (out->name.n > OP_USER_MAX || out->role.n > OP_USER_MAX || !printable(out->role))
		return 1 + REFUSAL_AUTH_INVALID;
	out->known = true;
	return 0;
}

bool auth_wants_both(const struct worker *w)
{
	const struct conf_in_band *b = &w->conf->auth.in_band;

	return b->on && b->factors == CONF_FACTORS_BOTH;
}

/* A token that came with the connection, where two factors count: ID is unknown when it is the only one. */
static int second_factor(struct worker *w, struct slice payload, struct identity *id)
{
	struct factors f = factors_of_object(payload);
	struct proof proof;
	enum refusal code;

	switch (factors_judge(w, &f, id, &proof, &code)) {
	case FACTORS_GOOD: return 0;
	case FACTORS_FRESH: break; /* whether it was taken is for in_band.c to ask */
	case FACTORS_REFUSED:
		if (code != REFUSAL_AUTH_MISSING)
			return 1 + (int)code;
		break;
	}
	memset(id, 0, sizeof(*id));
	return 0;
}

int auth_identify(struct worker *w, const struct session *s, struct slice payload, struct identity *out)
{
	const struct conf_auth *a = &w->conf->auth;
	struct slice token;

	if (find_token(w, s, payload, &token)) {
		int no = auth_verify(w, s->id.text, token, out);

		return no == 0 && auth_wants_both(w) ? second_factor(w, payload, out) : no;
	}
	memset(out, 0, sizeof(*out));
	return a->anonymous || a->in_band.on ? 0 : 1 + REFUSAL_AUTH_MISSING;
}
