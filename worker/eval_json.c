/*
 * eval_json.c - JSON templates: literals are copied, values inserted as the bytes they are.
 */
#include "proto/json.h"
#include "worker/eval.h"
#include "worker/worker.h"

/* The value of a hole as JSON.  False: the place is left out. */
static bool hole_value(struct eval *e, const struct hole *h, struct slice *v)
{
	if (h->is_condition)
		*v = eval_condition(e, &h->condition) ? SLICE("true") : SLICE("false");
	else if (eval_source(e, &h->source, v))
		return true;
	else if (h->has_default)
		*v = slice_make(h->dflt.p, h->dflt.n);
	else if (h->optional)
		return false;
	else
		*v = SLICE("null");
	return true;
}

/* Inside a string: a string's own body as it is, anything else its JSON text, escaped. */
static void put_inside_string(struct eval *e, const struct hole *h, struct buf *out)
{
	struct slice v;

	if (!h->is_condition && !eval_source(e, &h->source, &v)) {
		if (h->has_default)
			buf_json_escaped(out, slice_make(h->dflt.p, h->dflt.n));
		else if (!h->optional)
			buf_str(out, "null");
		return;
	}
	if (h->is_condition)
		hole_value(e, h, &v);
	if (json_type(v) == JSON_STRING)
		buf_slice(out, json_string_raw(v));
	else
		buf_json_escaped(out, v);
}

static void put_string(struct eval *e, const struct json_node *n, struct buf *out)
{
	buf_char(out, '"');
	for (unsigned i = 0; i < n->n; i++) {
		if (n->part[i].is_hole)
			put_inside_string(e, &n->part[i].hole, out);
		else
			buf_put(out, n->part[i].literal.p, n->part[i].literal.n);
	}
	buf_char(out, '"');
}

/* False when the node is an optional hole without a value: the caller leaves its place out. */
static bool put_node(struct eval *e, const struct json_node *n, struct buf *out)
{
	struct slice v;

	switch (n->kind) {
	case JSON_NODE_LITERAL:
		buf_put(out, n->literal.p, n->literal.n);
		return true;
	case JSON_NODE_HOLE:
		if (!hole_value(e, &n->hole, &v))
			return false;
		buf_slice(out, v);
		return true;
	case JSON_NODE_STRING:
		put_string(e, n, out);
		return true;
	case JSON_NODE_ARRAY:
	case JSON_NODE_OBJECT:
		break;
	}
	buf_char(out, n->kind == JSON_NODE_ARRAY ? '[' : '{');
	for (unsigned i = 0, first = 1; i < n->n; i++) {
		size_t undo = out->n;

		if (!first)
			buf_char(out, ',');
		if (n->kind == JSON_NODE_OBJECT) {
			buf_char(out, '"');
			buf_put(out, n->key[i].p, n->key[i].n);
			buf_str(out, "\":");
		}
		if (put_node(e, &n->child[i], out))
			first = 0;
		else
			out->n = undo;
	}
	buf_char(out, n->kind == JSON_NODE_ARRAY ? ']' : '}');
	return true;
}

void eval_json(struct eval *e, const struct json_node *n, struct buf *out)
{
	if (!put_node(e, n, out))
		buf_str(out, "null");
}
