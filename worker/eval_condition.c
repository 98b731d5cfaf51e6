/*
 * eval_condition.c - truth (CATALOGUE section 5): values of different types are never equal, ordered or found.
 */
#include "proto/json.h"
#include "worker/eval.h"
#include "worker/worker.h"

/* Present and not false, null, 0, "" or empty. */
static bool truthy(struct slice v)
{
	struct json_iter it;
	struct slice key, el;
	double d;

	switch (json_type(v)) {
	case JSON_TRUE: return true;
	case JSON_NUMBER: return json_number(v, &d) && d != 0;
	case JSON_STRING: return v.n > 2;
	case JSON_ARRAY:
		it = json_iter(v);
		return json_next_element(&it, &el);
	case JSON_OBJECT:
		it = json_iter(v);
		return json_next_member(&it, &key, &el);
	default: return false;
	}
}

static bool is_bool(enum json_type t)
{
	return t == JSON_TRUE || t == JSON_FALSE;
}

static bool same_type(struct slice x, struct slice y)
{
	enum json_type tx = json_type(x), ty = json_type(y);

	return tx == ty || (is_bool(tx) && is_bool(ty));
}

/* Decoded text of a string value, in the turn's arena. */
static struct slice text_of(struct eval *e, struct slice v)
{
	char *p = arena_alloc(&e->w->arena, v.n);
	ssize_t n = json_string_decode(v, p, v.n);

	return slice_make(p, n < 0 ? 0 : (size_t)n);
}

/* -1, 0, 1, or 2 when the two cannot be ordered. */
static int compare(struct eval *e, struct slice x, struct slice y)
{
	enum json_type tx = json_type(x), ty = json_type(y);

	if (tx == JSON_NUMBER && ty == JSON_NUMBER) {
		int64_t a, b;
		double da, db;

		if (json_int(x, &a) && json_int(y, &b))
			return a < b ? -1 : a > b;
		if (!json_number(x, &da) || !json_number(y, &db))
			return 2;
		return da < db ? -1 : da > db;
	}
	if (tx == JSON_STRING && ty == JSON_STRING) {
		struct slice a = text_of(e, x), b = text_of(e, y);
		int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

		return c != 0 ? (c < 0 ? -1 : 1) : a.n < b.n ? -1 : a.n > b.n;
	}
	return 2;
}

static bool equal(struct eval *e, struct slice x, struct slice y)
{
	enum json_type tx = json_type(x), ty = json_type(y);

	if (tx != ty)
		return false;
	if (is_bool(tx) || tx == JSON_NULL)
		return true;
	if (tx == JSON_NUMBER || tx == JSON_STRING)
		return compare(e, x, y) == 0;
	return slice_eq(x, y); /* lists and objects: the same bytes */
}

static bool contained(struct eval *e, struct slice x, struct slice y)
{
	struct json_iter it = json_iter(y);
	struct slice key, el;

	if (json_type(y) == JSON_ARRAY) {
		while (json_next_element(&it, &el)) {
			if (equal(e, x, el))
				return true;
		}
		return false;
	}
	if (json_type(y) != JSON_OBJECT || json_type(x) != JSON_STRING)
		return false;
	return json_get(y, text_of(e, x), &key);
}

static bool holds(struct eval *e, const struct condition_term *t)
{
	struct slice x, y;
	int c;

	if (!eval_source(e, &t->x, &x))
		return false;
	if (t->op == COND_TRUTHY)
		return truthy(x);
	if (!eval_source(e, &t->y, &y))
		return false;
	switch (t->op) {
	case COND_EQ: return equal(e, x, y);
	case COND_NE: return same_type(x, y) && !equal(e, x, y);
	case COND_IN: return contained(e, x, y);
	default: break;
	}
	c = compare(e, x, y);
	switch (t->op) {
	case COND_LT: return c == -1;
	case COND_LE: return c == -1 || c == 0;
	case COND_GT: return c == 1;
	default: return c == 1 || c == 0; /* COND_GE */
	}
}

bool eval_condition(struct eval *e, const struct condition *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (holds(e, &c->term[i]) != c->term[i].negate)
			return true;
	}
	return false;
}

bool eval_all(struct eval *e, const struct condition *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!eval_condition(e, &c[i]))
			return false;
	}
	return true;
}
