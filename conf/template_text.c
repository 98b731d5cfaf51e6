#include <string.h>

#include "conf/compile.h"

/* A placeholder of a text template, the cursor at its brace. */
static bool placeholder(struct cursor *c, struct hole *out)
{
	const char *close = memchr(c->p, '}', (size_t)(c->end - c->p));
	struct cursor inner = *c;

	if (close == NULL)
		return cursor_fail(c, "the placeholder is never closed: `}` is missing");
	inner.p = c->p + 1;
	inner.end = close;
	if (!hole_parse(&inner, HOLE_IN_ROOM, out)) {
		c->failed = true;
		return false;
	}
	c->p = close + 1;
	return true;
}

bool template_text(struct cursor *c, struct text_template *out)
{
	struct text_part *parts = NULL;
	char *literal = conf_arena_alloc(c->load->scratch, (size_t)(c->end - c->p) + 1);
	size_t nliteral = 0;
	unsigned n = 0;

	if (c->failed)
		return false;
	out->written = conf_arena_text(c->load->keep, c->begin, (size_t)(c->end - c->begin));
	while (c->p < c->end || nliteral > 0) {
		bool hole = cursor_hole(c->p, c->end);

		if (c->p < c->end && !hole) {
			literal[nliteral++] = *c->p;
			/* Two braces are one. */
			c->p += *c->p == '{' && c->end - c->p > 1 && c->p[1] == '{' ? 2 : 1;
			continue;
		}
		if (nliteral > 0) {
			parts = conf_arena_push(c->load->scratch, parts, n, sizeof *parts);
			parts[n++].literal = conf_arena_text(c->load->keep, literal, nliteral);
			nliteral = 0;
		}
		if (hole) {
			parts = conf_arena_push(c->load->scratch, parts, n, sizeof *parts);
			parts[n].is_hole = true;
			if (!placeholder(c, &parts[n++].hole))
				return false;
		}
	}
	out->n = n;
	out->part = conf_arena_alloc(c->load->keep, n * sizeof *parts);
	if (n > 0)
		memcpy(out->part, parts, n * sizeof *parts);
	return true;
}
