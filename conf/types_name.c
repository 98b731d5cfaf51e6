#include <stdlib.h>
#include <string.h>

#include "conf/types.h"

void types_begin(struct types_text *to)
{
	*to = (struct types_text){0};
	to->f = open_memstream(&to->p, &to->n);
	if (to->f == NULL)
		abort(); /* as the arena: there is nothing to go on with */
}

const char *types_end(struct types *t, struct types_text *to)
{
	const char *out;

	if (fclose(to->f) != 0)
		abort();
	out = conf_arena_text(t->arena, to->p, to->n).p;
	free(to->p);
	return out;
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "chat:message" is ChatMessage. */
static const char *pascal(struct types *t, struct text of)
{
	char *out = conf_arena_alloc(t->arena, of.n + 1);
	bool begin = true;
	size_t n = 0;

	for (size_t i = 0; i < of.n; i++) {
		char c = of.p[i];

		if (!letter(c) && !digit(c)) {
			begin = true;
			continue;
		}
		out[n++] = (char)(begin && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
		begin = false;
	}
	return out;
}

static bool taken(const struct types *t, const char *name)
{
	for (unsigned i = 0; i < t->nname; i++)
		if (strcmp(t->name[i].name, name) == 0)
			return true;
	return false;
}

const char *types_name(struct types *t, const char *prefix, struct text of, const char *suffix)
{
	const char *stem = pascal(t, of);
	const char *name;

	for (unsigned i = 0; i < t->nname; i++) {
		const struct types_name *n = &t->name[i];

		if (strcmp(n->prefix, prefix) == 0 && strcmp(n->suffix, suffix) == 0 && text_equal(n->of, of))
			return n->name;
	}
	name = conf_arena_format(
	    t->arena, "%s%s%s%s", prefix, prefix[0] == '\0' && !letter(stem[0]) ? "_" : "", stem, suffix)
		   .p;
	for (unsigned i = 2; taken(t, name); i++)
		name = conf_arena_format(t->arena, "%s%s%s_%u", prefix, stem, suffix, i).p;
	t->name = conf_arena_push(t->arena, t->name, t->nname, sizeof *t->name);
	t->name[t->nname++] = (struct types_name){prefix, suffix, of, name};
	return name;
}

const char *types_key(struct types *t, struct text body)
{
	bool bare = body.n > 0 && !digit(body.p[0]);

	for (size_t i = 0; i < body.n && bare; i++)
		bare = letter(body.p[i]) || digit(body.p[i]) || body.p[i] == '_' || body.p[i] == '$';
	return bare ? body.p : conf_arena_format(t->arena, "\"%s\"", body.p).p;
}

const char *types_pattern(struct types *t, struct text name)
{
	char *out = conf_arena_alloc(t->arena, name.n * 2 + 1);
	size_t n = 0;

	for (size_t i = 0; i + 1 < name.n; i++) {
		/* What would end it, or open a placeholder. */
		if (name.p[i] == '`' || name.p[i] == '\\' || name.p[i] == '$')
			out[n++] = '\\';
		out[n++] = name.p[i];
	}
	return conf_arena_format(t->arena, "`%s${string}`", out).p;
}

const char *types_room(struct types *t, const struct room_type *type)
{
	return types_name(t, "", type->name, "Room");
}

const char *types_comment(struct types *t, const char *s)
{
	size_t n = strlen(s);
	char *out = conf_arena_alloc(t->arena, n + 1);

	for (size_t i = 0; i < n; i++)
		out[i] = (char)((s[i] == '*' && s[i + 1] == '/') || (unsigned char)s[i] < 0x20 ? ' ' : s[i]);
	return out;
}
