#include "conf/condition.h"

#include <string.h>

#include "conf/compile.h"

#define TERMS_MAX 32

/* True when the word WORD stands at the cursor; moves behind it. */
static bool keyword(struct cursor *c, const char *word)
{
	size_t n = strlen(word);
	const char *after = c->p + n;

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
		return false;
	if (after < c->end && *after != ' ' && *after != '\t' && *after != '\n' && *after != '}' && *after != '\r')
		return false;
	c->p = after;
	cursor_space(c);
	return true;
}

static bool literal_word(struct cursor *c)
{
	struct cursor ahead = *c;

	return keyword(&ahead, "true") || keyword(&ahead, "false") || keyword(&ahead, "null");
}

static bool operand(struct cursor *c, struct source *out)
{
	if (c->p < c->end && (*c->p == '@' || cursor_letter(*c->p)) && !literal_word(c))
		return source_parse(c, out);
	if (c->p == c->end || *c->p == '}')
		return cursor_fail(c, "a source or a JSON value is missing at the end");
	*out = (struct source){.kind = SOURCE_LITERAL, .nseg = 1};
	out->seg = conf_arena_alloc(c->load->keep, sizeof *out->seg);
	if (!template_literal(c, &out->seg[0]))
		return false;
	out->written = out->seg[0];
	return true;
}

/* Reads an operator, if one stands here. */
static bool comparison(struct cursor *c, enum condition_op *op)
{
	static const struct {
		const char *sign;
		enum condition_op op;
	} signs[] = {
	    {"!=", COND_NE},
	    {"<=", COND_LE},
	    {">=", COND_GE},
	    {"=", COND_EQ},
	    {"<", COND_LT},
	    {">", COND_GT},
	};

	if (keyword(c, "in")) {
		*op = COND_IN;
		return true;
	}
	for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
		size_t n = strlen(signs[i].sign);

		if ((size_t)(c->end - c->p) < n || memcmp(c->p, signs[i].sign, n) != 0)
			continue;
		c->p += n;
		if (c->p < c->end && *c->p == '=')
			return cursor_fail(c, "equality is one `=`");
		cursor_space(c);
		*op = signs[i].op;
		return true;
	}
	return false;
}

static bool term(struct cursor *c, struct condition_term *t)
{
	cursor_space(c);
	t->negate = keyword(c, "not");
	if (!operand(c, &t->x))
		return false;
	cursor_space(c);
	t->op = COND_TRUTHY;
	if (comparison(c, &t->op) && !operand(c, &t->y))
		return false;
	if (c->failed)
		return false;
	cursor_space(c);
	if (t->op == COND_TRUTHY && t->x.kind == SOURCE_LITERAL)
		return cursor_fail(c, "a lone %s is always the same: compare it with something",
		    mistake_show(&c->load->mistakes, t->x.written));
	if (t->x.kind == SOURCE_LITERAL && t->y.kind == SOURCE_LITERAL && t->op != COND_TRUTHY)
		return cursor_fail(c, "two constants are always the same: one side must be a source");
	return true;
}

bool condition_parse(struct cursor *c, struct condition *out)
{
	struct condition_term *terms = NULL;
	const char *begin;
	unsigned n = 0;

	if (c->failed)
		return false;
	cursor_space(c);
	begin = c->p;
	do {
		terms = conf_arena_push(c->load->scratch, terms, n, sizeof *terms);
		if (n == TERMS_MAX)
			return cursor_fail(c, "more than %d parts: make it several conditions, in a list", TERMS_MAX);
		if (!term(c, &terms[n]))
			return false;
		n++;
	} while (keyword(c, "or"));
	if (c->p < c->end && *c->p != '}') {
		if (keyword(c, "and"))
			return cursor_fail(c, "no `and`: write a list, all of which must hold: {\"a\", \"b\"}");
		if (*c->p == '&' || *c->p == '|')
			return cursor_fail(c, "no `&` and `|`: write `or`, or a list, all of which must hold");
		return cursor_fail(
		    c, "%s is not understood: `X`, `X = Y`, != < <= > >=, `X in Y`, `not C`, `C or C`", cursor_show(c));
	}
	out->written = conf_arena_text(c->load->keep, begin, (size_t)(c->p - begin));
	out->n = n;
	out->term = conf_arena_alloc(c->load->keep, n * sizeof *terms);
	memcpy(out->term, terms, n * sizeof *terms);
	return true;
}
