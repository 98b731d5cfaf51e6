#include <string.h>

#include "conf/compile.h"

/* Behind a source: `?`, `|default`, or nothing. */
static bool suffix(struct cursor *c, enum hole_in in, struct hole *out)
{
	if (c->p == c->end)
		return true;
	if (*c->p == '?') {
		if (in == HOLE_IN_ROOM)
			return cursor_fail(c, "`?` cannot stand in a room's name: give a default, `{x|default}`");
		out->optional = true;
		c->p++;
		return true;
	}
	if (*c->p != '|')
		return true;
	c->p++;
	out->has_default = true;
	if (in == HOLE_IN_VALUE)
		return template_literal(c, &out->dflt);
	out->dflt = conf_arena_text(c->load->keep, c->p, (size_t)(c->end - c->p));
	c->p = c->end;
	if (in == HOLE_IN_ROOM && out->dflt.n == 0)
		return cursor_fail(c, "the default is empty: write `{x|default}`");
	return true;
}

bool hole_parse(struct cursor *c, enum hole_in in, struct hole *out)
{
	struct cursor first = *c;
	struct cursor probe = *c;

	*out = (struct hole){0};
	/* A lone source, or the first word of a condition: what follows it decides. */
	probe.failed = true; /* silent: where it is no source, condition_parse() says what is wrong */
	if (source_parse(&probe, &out->source)) {
		c->p = probe.p;
		if (!suffix(c, in, out))
			return false;
		if (!out->optional && !out->has_default)
			cursor_space(c);
	}
	if (probe.p != first.p && c->p < c->end && strchr(",:]\"{", *c->p) != NULL)
		return cursor_fail(c, "%s behind a placeholder that is not closed: `}` is missing", cursor_show(c));
	if (probe.p == first.p || (c->p < c->end && *c->p != '}' && !out->optional && !out->has_default)) {
		*c = first;
		if (in == HOLE_IN_ROOM)
			return source_parse(c, &out->source) &&
			    cursor_fail(c, "a room's name takes sources only, as `{x}`");
		*out = (struct hole){.is_condition = true};
		if (!condition_parse(c, &out->condition))
			return false;
	}
	cursor_space(c);
	if (in != HOLE_IN_VALUE)
		return c->p == c->end || cursor_fail(c, "%s before the placeholder's closing brace: remove it", cursor_show(c));
	if (c->p == c->end || *c->p != '}')
		return cursor_fail(c, "the placeholder is never closed: `}` is missing");
	c->p++;
	return true;
}
