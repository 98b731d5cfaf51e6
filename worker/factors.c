#include "worker/factors.h"

#include "proto/json.h"
#include "worker/token.h"
#include "worker/worker.h"

#define TEXT_MAX 1024u /* what any of the three may have that is not refused */

/* JSON's null is as good as nothing. */
static struct slice there(struct slice v)
{
	return v.p == NULL || json_type(v) == JSON_NULL ? slice_make(NULL, 0) : v;
}

static struct slice member(struct slice object, struct slice name)
{
	struct slice v;

	return json_get(object, name, &v) ? there(v) : slice_make(NULL, 0);
}

struct factors factors_of_object(struct slice object)
{
	return (struct factors){
	    member(object, SLICE("token")), member(object, SLICE("signature")), member(object, SLICE("message"))};
}

struct factors factors_of_payload(struct slice payload)
{
	struct json_iter it = json_iter(payload);
	struct slice arg[4] = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};

	for (unsigned i = 0; i < 4 && json_next_element(&it, &arg[i]); i++)
		;
	if (arg[1].p != NULL && json_type(arg[1]) == JSON_OBJECT)
		return factors_of_object(arg[1]);
	return (struct factors){there(arg[1]), there(arg[2]), there(arg[3])};
}

/* The text of a JSON string, in the arena; empty when it is none, or too long. */
static struct slice text_of(struct worker *w, struct slice json)
{
	char *text;
	ssize_t n;

	if (json_type(json) != JSON_STRING)
		return slice_make("", 0);
	text = arena_alloc(&w->arena, TEXT_MAX);
	n = json_string_decode(json, text, TEXT_MAX);
	return n < 0 ? slice_make("", 0) : slice_make(text, (size_t)n);
}

/* True when the token was minted for this very signature. */
static bool is_bound(const struct identity *id, const struct proof *p)
{
	struct slice digest;

	return json_get(id->claims, SLICE(TOKEN_SIGNATURE), &digest) && json_type(digest) == JSON_STRING &&
	    slice_eq(json_string_raw(digest), slice_make(p->digest, sizeof(p->digest)));
}

enum factors_verdict factors_judge(struct worker *w, const struct factors *f, const struct identity *id,
    struct proof *proof, enum refusal *code)
{
	enum proof_fault fault;
	bool bound;

	*code = REFUSAL_AUTH_MISSING;
	if (f->signature.p == NULL || f->message.p == NULL)
		return FACTORS_REFUSED;
	fault = proof_read(w, id->user, text_of(w, f->signature), text_of(w, f->message), proof);
	bound = fault == PROOF_GOOD && is_bound(id, proof);
	if (fault == PROOF_GOOD && !bound)
		fault = proof_time(w, proof, w->conf->auth.jwt[id->key].leeway);
	if (fault == PROOF_GOOD)
		fault = proof_check(proof);
	if (fault == PROOF_GOOD)
		return bound ? FACTORS_GOOD : FACTORS_FRESH;
	*code = fault == PROOF_STALE ? REFUSAL_AUTH_EXPIRED : REFUSAL_AUTH_INVALID;
	return FACTORS_REFUSED;
}
