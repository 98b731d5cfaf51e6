#include <string.h>

#include "conf/types.h"

static const char *object(struct types *t, const char *members)
{
	return members[0] != '\0' ? conf_arena_format(t->arena, "{ %s }", members).p : "{}";
}

static const char *any_object(enum types_side side)
{
	return side == TYPES_SENT ? "{ [member: string]: any }" : "{ [member: string]: unknown }";
}

static const char *words(struct types *t, const struct field_kind *k)
{
	const char *out = "";

	for (unsigned i = 0; i < k->nword; i++) {
		const char *quote = k->word[i].number ? "" : "\"";

		out = conf_arena_format(t->arena, "%s%s%s%s%s", out, i > 0 ? " | " : "", quote, k->word[i].text.p, quote).p;
	}
	return out;
}

const char *types_kind(struct types *t, const struct field_kind *k, enum types_side side)
{
	const char *of;

	switch (k->type) {
	case FIELD_ANY: return "unknown";
	case FIELD_STRING:
	case FIELD_UUID:
	case FIELD_ID:
	case FIELD_DATE:
	case FIELD_DIGITS:
	case FIELD_URL: return "string";
	case FIELD_INT:
	case FIELD_NUMBER: return "number";
	case FIELD_BOOL: return "boolean";
	case FIELD_ENUM: return words(t, k);
	case FIELD_OBJECT: return any_object(side);
	case FIELD_BINARY: return "Uint8Array";
	case FIELD_LIST:
		of = types_kind(t, k->of, side);
		return conf_arena_format(t->arena, strchr(of, ' ') != NULL ? "(%s)[]" : "%s[]", of).p;
	}
	return "unknown";
}

static const char *set(struct types *t, const struct field_set *s, enum types_side side, bool pass, const struct action *a);

/* True when every member may be left out. */
static bool none_needed(const struct field_set *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct field *f = &s->field[i];

		if (f->implied ? !none_needed(&f->members) : !f->optional && f->dflt == FIELD_NO_DEFAULT)
			return false;
	}
	return true;
}

/* True when it may be missing on that side. */
static bool may_miss(const struct field *f, enum types_side side)
{
	if (f->implied)
		return none_needed(&f->members);
	if (side == TYPES_SENT)
		return f->optional || f->dflt != FIELD_NO_DEFAULT;
	return f->optional && f->dflt != FIELD_DEFAULT_JSON;
}

static const char *type_of(struct types *t, const struct field *f, enum types_side side, bool pass)
{
	if (f->kind.type == FIELD_OBJECT && f->members.n > 0)
		return object(t, set(t, &f->members, side, pass, NULL));
	return types_kind(t, &f->kind, side);
}

static bool added(const struct action *a, struct text name)
{
	for (unsigned i = 0; a != NULL && i < a->nadd; i++)
		if (text_equal(a->add[i].key_plain, name))
			return true;
	return false;
}

static void append(struct types_text *to, bool first, const char *key, bool optional, const char *type)
{
	fprintf(to->f, "%s%s%s: %s", first ? "" : "; ", key, optional ? "?" : "", type);
}

/* Whatever else there is in the object. */
static void others(struct types_text *to, bool first, enum types_side side)
{
	append(to, first, "[member: string]", false, side == TYPES_SENT ? "any" : "unknown");
}

static const char *set(struct types *t, const struct field_set *s, enum types_side side, bool pass, const struct action *a)
{
	struct types_text to;
	bool first = true;

	types_begin(&to);
	for (unsigned i = 0; i < s->n; i++) {
		const struct field *f = &s->field[i];

		if (added(a, f->name))
			continue;
		append(&to, first, types_key(t, f->key), may_miss(f, side), type_of(t, f, side, pass));
		first = false;
	}
	if (pass)
		others(&to, first, side);
	return types_end(t, &to);
}

const struct walk_reads *types_reads(struct types *t, const struct rule *r)
{
	if (t->reader != r)
		t->reads = walk_reads(t->arena, r);
	t->reader = r;
	return &t->reads;
}

/* Nothing is declared: what the rule reads is known to be meant. */
static const char *read_members(struct types *t, const struct rule *r, enum types_side side, const struct action *a)
{
	const struct walk_reads *reads = types_reads(t, r);
	struct types_text to;
	bool first = true;

	if (reads->list)
		return "";
	types_begin(&to);
	for (unsigned i = 0; i < reads->n; i++) {
		const struct walk_member *m = &reads->member[i];

		if (added(a, m->name))
			continue;
		append(&to, first, types_key(t, m->name), !m->room, m->room ? "string | number" : "unknown");
		first = false;
	}
	others(&to, first, side);
	return types_end(t, &to);
}

const char *types_members(struct types *t, const struct rule *r, enum types_side side, const struct action *a)
{
	if (r->fields == NULL)
		return read_members(t, r, side, a);
	return set(t, &r->fields->top, side, r->fields->unknown == UNKNOWN_PASS && !r->fields->params, a);
}

bool types_may_miss(struct types *t, const struct rule *r)
{
	const struct walk_reads *reads;

	if (r->fields != NULL)
		return none_needed(&r->fields->top);
	reads = types_reads(t, r);
	for (unsigned i = 0; i < reads->n; i++)
		if (reads->member[i].room)
			return false;
	return true;
}

/*
 * The first N arguments, of which those from NEEDED on may be missing at the end.  One that may be missing in front of
 * others is null there.
 */
static const char *positions(struct types *t, const struct field_set *s, unsigned n, unsigned needed, enum types_side side)
{
	const char *out = "[";

	for (unsigned i = 0; i < n; i++) {
		const struct field *f = &s->field[i];
		const char *key = types_key(t, f->key);
		const char *type = type_of(t, f, side, false);

		/* A label is an identifier. */
		if (key[0] == '"')
			key = conf_arena_format(t->arena, "argument%u", i + 1).p;
		if (may_miss(f, side) && i + 1 < n)
			type = conf_arena_format(t->arena, "%s | null%s", type, side == TYPES_SENT ? " | undefined" : "").p;
		out = conf_arena_format(
		    t->arena, "%s%s%s%s: %s", out, i > 0 ? ", " : "", key, i >= needed ? "?" : "", type)
			  .p;
	}
	return conf_arena_format(t->arena, "%s]", out).p;
}

/* How many must be there. */
static unsigned needed(const struct field_set *s, enum types_side side)
{
	unsigned n = s->n;

	while (n > 0 && may_miss(&s->field[n - 1], side))
		n--;
	return n;
}

const char *types_positions_sent(struct types *t, const struct rule *r)
{
	const struct field_set *s = &r->fields->top;
	const char *out = positions(t, s, s->n, s->n, TYPES_SENT);

	for (unsigned n = s->n; n > needed(s, TYPES_SENT); n--)
		out = conf_arena_format(t->arena, "%s | %s", out, positions(t, s, n - 1, n - 1, TYPES_SENT)).p;
	return out;
}

const char *types_positions_heard(struct types *t, const struct rule *r)
{
	const struct field_set *s = &r->fields->top;

	return positions(t, s, s->n, needed(s, TYPES_HEARD), TYPES_HEARD);
}

const struct field *types_field(const struct field_set *s, unsigned index, bool *sure)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct field *f = &s->field[i];
		const struct field *found = f->index == index ? f : types_field(&f->members, index, sure);

		if (found == NULL)
			continue;
		*sure = (found != f ? *sure : true) && !may_miss(f, TYPES_HEARD);
		return found;
	}
	return NULL;
}
