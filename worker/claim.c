#include "proto/json.h"
#include "worker/claim.h"
#include "worker/eval.h"
#include "worker/session.h"

/* The text or number V is written as ID. */
static bool is(struct slice v, struct slice id)
{
	int64_t number;

	if (json_type(v) == JSON_STRING)
		return json_string_is(json_string_raw(v), id);
	return json_int(v, &number) && slice_eq(json_trim(v), id);
}

static bool has_element(struct slice list, struct slice id)
{
	struct json_iter it = json_iter(list);
	struct slice v;

	while (json_next_element(&it, &v))
		if (is(v, id))
			return true;
	return false;
}

bool claim_names(const struct socket *so, const struct source *claim, struct slice id)
{
	struct slice v, member;
	struct eval e;

	if (id.p == NULL)
		return false;
	eval_init(&e, so->session->w, so);
	if (!eval_source(&e, claim, &v))
		return false;
	switch (json_type(v)) {
	case JSON_ARRAY: return has_element(v, id);
	case JSON_OBJECT: return json_get(v, id, &member);
	default: return is(v, id);
	}
}
