#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/compile.h"

struct cursor cursor_of(struct load *l, const struct token *t, const char *key, unsigned scope)
{
	return (struct cursor){
	    .load = l,
	    .token = t,
	    .key = key,
	    .scope = scope,
	    .begin = t->text.p,
	    .p = t->text.p,
	    .end = t->text.p + t->text.n,
	    .failed = t->bad,
	};
}

bool cursor_fail(struct cursor *c, const char *format, ...)
{
	struct place at = c->token->at;
	size_t offset = c->base + (size_t)(c->p - c->begin);
	va_list ap;
	char *what;
	int n;

	if (c->failed)
		return false;
	c->failed = true;
	va_start(ap, format);
	n = vasprintf(&what, format, ap);
	va_end(ap);
	if (n < 0)
		abort();
	/* Only in '...' is each line of the value a line of the file. */
	for (size_t i = 0; c->token->quote == '\'' && i < offset && i < c->token->text.n; i++)
		at.line += c->token->text.p[i] == '\n';
	mistake(&c->load->mistakes, at, "`%s`, byte %zu: %s", c->key, offset + 1, what);
	free(what);
	return false;
}

void cursor_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

bool cursor_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool cursor_hole(const char *p, const char *end)
{
	return end - p >= 2 && p[0] == '{' && (p[1] == '@' || cursor_letter(p[1]));
}

const char *cursor_show(struct cursor *c)
{
	struct text rest = {c->p, (size_t)(c->end - c->p)};

	if (rest.n == 0)
		return "the end";
	rest.n = rest.n < 16 ? rest.n : 16;
	/* Not in the middle of a character. */
	while (rest.n < (size_t)(c->end - c->p) && ((unsigned char)c->p[rest.n] & 0xc0) == 0x80)
		rest.n++;
	return conf_arena_format(c->load->scratch, "`%s`", mistake_show(&c->load->mistakes, rest)).p;
}
