#include "conf/field.h"

#include <stdlib.h>
#include <string.h>

#include "conf/compile.h"

#define DEPTH_MAX 16 /* as many parts as a path of a source may have */

const struct field *field_find(const struct field_set *s, const char *name, size_t n)
{
	unsigned low = 0;
	unsigned high = s->n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct field *f = &s->field[s->sorted[middle]];
		int order = field_compare(f, name, n);

		if (order == 0)
			return f;
		if (order > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* While the tree grows nothing is sorted. */
static struct field *member(struct field_set *s, struct text name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (text_equal(s->field[i].name, name))
			return &s->field[i];
	return NULL;
}

static struct field *member_add(struct cursor *c, struct field_set *s, struct text name)
{
	struct field *f;

	s->field = conf_arena_push(c->load->scratch, s->field, s->n, sizeof *s->field);
	f = &s->field[s->n++];
	f->name = conf_arena_text(c->load->keep, name.p, name.n);
	f->key = template_string_body(c->load->keep, f->name);
	f->implied = true;
	f->kind.type = FIELD_OBJECT;
	return f;
}

/* The part of a dotted name at *P, up to END; moves behind its dot. */
static bool part(struct cursor *c, const char **p, const char *end, struct text *out)
{
	const char *dot = memchr(*p, '.', (size_t)(end - *p));

	*out = (struct text){*p, (size_t)((dot != NULL ? dot : end) - *p)};
	c->p = *p;
	*p = dot != NULL ? dot + 1 : end;
	if (out->n == 0 || (dot != NULL && *p == end))
		return cursor_fail(c, "a name has an empty part before or behind a dot: write `a.b`");
	if (out->n > FIELD_NAME_MAX)
		return cursor_fail(c, "a name of %zu bytes: at most %d", out->n, FIELD_NAME_MAX);
	for (size_t i = 0; i < out->n; i++)
		if ((unsigned char)out->p[i] < 0x20 || out->p[i] == 0x7f || out->p[i] == '*')
			return cursor_fail(c, "a name has no `*`, line break or control character: remove it");
	return true;
}

/* The node that the dotted name from P to END means; objects on the way to it are made. */
static struct field *place(struct cursor *c, struct fields *fs, const char *p, const char *end)
{
	struct field_set *s = &fs->top;
	struct field *f = NULL;
	struct text name;

	for (unsigned depth = 0; p < end || depth == 0; depth++) {
		if (depth == DEPTH_MAX) {
			cursor_fail(c, "a name of more than %d parts", DEPTH_MAX);
			return NULL;
		}
		if (f != NULL && f->kind.type != FIELD_OBJECT) {
			cursor_fail(
			    c, "`%s` is no object, so it has no members: make it `%s: object`", f->name.p, f->name.p);
			return NULL;
		}
		if (!part(c, &p, end, &name))
			return NULL;
		f = member(s, name);
		if (f == NULL)
			f = member_add(c, s, name);
		s = &f->members;
	}
	return f;
}

static bool default_value(struct cursor *c, struct field *f)
{
	const char *begin;

	c->p++;
	cursor_space(c);
	begin = c->p;
	if (f->kind.type == FIELD_BINARY)
		return cursor_fail(c, "an attachment has no default: make it optional, `name?: binary`");
	if (c->p < c->end && *c->p == '@') {
		f->dflt = FIELD_DEFAULT_SOURCE;
		if (!source_parse(c, &f->source))
			return false;
		if (f->source.kind != SOURCE_PAYLOAD && f->source.kind != SOURCE_ARGS)
			return true;
		c->p = begin;
		return cursor_fail(c, "what the sender sent cannot be a default: write an @source or JSON");
	}
	if (c->p < c->end && cursor_letter(*c->p) && strncmp(c->p, "true", 4) != 0 && strncmp(c->p, "false", 5) != 0 &&
	    strncmp(c->p, "null", 4) != 0)
		return cursor_fail(
		    c, "%s: a default is an @source or JSON, in which a text has quotes", cursor_show(c));
	f->dflt = FIELD_DEFAULT_JSON;
	if (!template_literal(c, &f->json))
		return false;
	if (field_kind_takes(c->load, &f->kind, f->json))
		return true;
	c->p = begin;
	return cursor_fail(c, "the default %s is not of the field's type", mistake_show(&c->load->mistakes, f->json));
}

/* "name?: TYPE = default" */
static bool field(struct cursor *c, struct fields *fs, struct field **out)
{
	const char *colon = memchr(c->begin, ':', (size_t)(c->end - c->begin));
	const char *end = colon;
	struct field_kind kind = {0};
	const char *name;
	bool optional;
	struct field *f;

	cursor_space(c);
	name = c->p;
	while (end != NULL && end > name && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	optional = end != NULL && end > name && end[-1] == '?';
	if (optional)
		end--;
	if (colon == NULL || end <= name)
		return cursor_fail(c, "write \"name: TYPE\" or \"name?: TYPE = default\"");
	f = place(c, fs, name, end);
	if (f == NULL)
		return false;
	c->p = name;
	if (!f->implied)
		return cursor_fail(c, "`%.*s` stands twice: keep one", (int)(end - name), name);
	c->p = colon + 1;
	if (!field_kind_parse(c, &kind))
		return false;
	if (f->members.n > 0 && kind.type != FIELD_OBJECT) {
		c->p = colon + 1;
		return cursor_fail(c, "members of `%s` are declared, so its type is object", f->name.p);
	}
	f->kind = kind;
	f->implied = false;
	f->optional = optional;
	cursor_space(c);
	if (c->p < c->end && !default_value(c, f))
		return false;
	cursor_space(c);
	*out = f;
	return c->p == c->end || cursor_fail(c, "%s behind the field: remove it", cursor_show(c));
}

/* Sorting has one set at a time to look at. */
static const struct field *sorting;

static int by_name(const void *a, const void *b)
{
	const struct field *y = &sorting[*(const unsigned *)b];

	return field_compare(&sorting[*(const unsigned *)a], y->name.p, y->name.n);
}

/* Moves a set to where the conf lives, numbers its nodes and sorts it. */
static void keep(struct load *l, struct fields *fs, struct field_set *s)
{
	struct field *kept = conf_arena_alloc(l->keep, s->n * sizeof *kept);

	s->sorted = conf_arena_alloc(l->keep, s->n * sizeof *s->sorted);
	for (unsigned i = 0; i < s->n; i++) {
		kept[i] = s->field[i];
		kept[i].index = fs->nnode++;
		s->sorted[i] = i;
	}
	s->field = kept;
	for (unsigned i = 0; i < s->n; i++)
		keep(l, fs, &s->field[i].members);
	sorting = s->field;
	if (s->n > 0)
		qsort(s->sorted, s->n, sizeof *s->sorted, by_name);
}

/* A default of an object would go past what its members must be. */
static bool defaulted_parent(const struct field_set *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->field[i].members.n > 0 &&
		    (s->field[i].dflt != FIELD_NO_DEFAULT || defaulted_parent(&s->field[i].members)))
			return true;
	return false;
}

static bool judge_forms(struct load *l, const struct token *first, const struct fields *fs)
{
	const struct field *f = &fs->top.field[0];

	if (defaulted_parent(&fs->top)) {
		mistake(&l->mistakes, first->at,
		    "an object whose members are declared has no default: give the defaults to its members");
		return false;
	}
	if (!fs->params && !fs->both)
		return true;
	for (unsigned i = 0; i < fs->top.n; i++) {
		if (fs->top.field[i].members.n == 0)
			continue;
		mistake(&l->mistakes, first->at,
		    "`%s.%s`: an argument by position has no members: declare `%s: object`", fs->top.field[i].name.p,
		    fs->top.field[i].members.field[0].name.p, fs->top.field[i].name.p);
		return false;
	}
	if (!fs->both || (f->kind.type != FIELD_OBJECT && f->kind.type != FIELD_ANY && f->kind.type != FIELD_BINARY))
		return true;
	mistake(&l->mistakes, first->at,
	    "`shape = both`: `%s` may be an object itself, so the two forms look the same: put another argument first",
	    f->name.p);
	return false;
}

static void list(struct load *l, cfg_t *block, const char *key, unsigned scope, struct rule *r)
{
	struct fields *fs = conf_arena_alloc(l->keep, sizeof *fs);
	unsigned n = tree_values(block, key);
	bool good = true;

	fs->params = text_is((struct text){key, strlen(key)}, "params");
	fs->both = r->both;
	fs->unknown = r->unknown;
	fs->written = conf_arena_alloc(l->keep, n * sizeof *fs->written);
	for (unsigned i = 0; i < n; i++) {
		const struct token *t = tree_value(block, key, i);
		struct cursor c = cursor_of(l, t, key, scope);
		struct field *f = NULL;

		if (c.failed || !field(&c, fs, &f)) {
			good = false;
			continue;
		}
		fs->written[fs->nwritten++] = conf_arena_text(l->keep, t->text.p, t->text.n);
	}
	if (!good || !judge_forms(l, tree_value(block, key, 0), fs))
		return;
	keep(l, fs, &fs->top);
	r->fields = fs;
	l->fields = fs;
}

void field_list(struct load *l, cfg_t *block, unsigned scope, struct rule *r)
{
	static const char *const with[] = {"unknown", "shape"};
	const struct option_block *known = option_block("event");
	const char *key = tree_values(block, "fields") > 0 ? "fields" : "params";
	bool there = tree_values(block, key) > 0;
	bool good = true;

	for (unsigned i = 0; i < 2; i++) {
		const struct token *t = tree_value(block, with[i], 0);

		if (t == NULL)
			continue;
		good &= value_store(l, option_find(known, (struct text){with[i], strlen(with[i])}), &t, 1, r);
		if (there)
			continue;
		mistake(&l->mistakes, t->at, "`%s` without `fields` or `params` says nothing: declare what is known",
		    with[i]);
	}
	if (tree_values(block, "fields") > 0 && tree_values(block, "params") > 0)
		mistake(&l->mistakes, tree_value(block, "params", 0)->at, "`params` beside `fields`: keep one");
	else if (there && good)
		list(l, block, key, scope, r);
}

/* Which declared field the path OUT begins with; where it reaches into none, says so. */
bool field_resolve(struct cursor *c, struct source *out)
{
	const struct fields *fs = c->load->fields;
	const struct field_set *s = &fs->top;
	const struct field *f = NULL;
	struct suggest suggest;

	for (unsigned i = 0; i < out->nseg && s->n > 0; i++) {
		const struct field *parent = f;

		f = field_find(s, out->seg[i].p, out->seg[i].n);
		if (f != NULL) {
			s = &f->members;
			if (s->n > 0)
				continue;
			out->field = f->index + 1;
			out->behind = i + 1;
			if (i + 1 == out->nseg || f->kind.type == FIELD_ANY || f->kind.type == FIELD_OBJECT ||
			    f->kind.type == FIELD_LIST || f->kind.type == FIELD_BINARY)
				return true;
			return cursor_fail(c, "`%s`: `%s` is no object, so it has no members: declare it `object`, or name it alone",
			    mistake_show(&c->load->mistakes, out->written), f->name.p);
		}
		if (fs->unknown == UNKNOWN_PASS)
			return true;
		suggest_init(&suggest, out->seg[i]);
		for (unsigned j = 0; j < s->n; j++)
			suggest_offer(&suggest, s->field[j].name.p, s->field[j].name.n);
		if (parent != NULL)
			return cursor_fail(c, "`%s` is no declared member of `%s`%s",
			    mistake_show(&c->load->mistakes, out->seg[i]), parent->name.p,
			    suggest_text(c->load, &suggest));
		return cursor_fail(c, "`%s` is not among `%s`%s", mistake_show(&c->load->mistakes, out->seg[i]),
		    fs->params ? "params" : "fields", suggest_text(c->load, &suggest));
	}
	return true;
}
