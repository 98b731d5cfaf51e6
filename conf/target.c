#include <string.h>

#include "conf/compile.h"

static bool rooms_of(struct load *l, const struct token *t, const char *key, struct target *out)
{
	const struct catalogue_nsp *nsp = l->nsp;
	struct text name = {t->text.p + strlen("rooms:"), t->text.n - strlen("rooms:")};
	struct suggest s;

	out->kind = TARGET_ROOMS_OF;
	out->type = catalogue_room_type(nsp, name.p, name.n);
	if (out->type != NULL)
		return true;
	suggest_init(&s, name);
	for (unsigned i = 0; i < nsp->nroom_type; i++)
		suggest_offer(&s, nsp->room_type[i].name.p, nsp->room_type[i].name.n);
	mistake(&l->mistakes, t->at, "`%s`: room type `%s` is not declared%s", key, mistake_show(&l->mistakes, name),
	    suggest_text(l, &s));
	return false;
}

static bool target(struct load *l, const struct token *t, const char *key, unsigned scope, struct target *out)
{
	static const struct {
		const char *word;
		enum target_kind kind;
	} words[] = {
	    {"room", TARGET_ROOM},
	    {"others", TARGET_OTHERS},
	    {"self", TARGET_SELF},
	    {"all", TARGET_ALL},
	};
	const struct room_type *type;
	struct suggest s;

	if (t->bad)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!text_is(t->text, words[i].word))
			continue;
		out->kind = words[i].kind;
		if ((out->kind == TARGET_SELF || out->kind == TARGET_OTHERS) && (scope & SCOPE_SELF) == 0) {
			mistake(&l->mistakes, t->at, "`%s = %s`: no client is behind this rule: write all or a room's name", key,
			    words[i].word);
			return false;
		}
		if (out->kind != TARGET_ROOM || (scope & SCOPE_ROOM) != 0)
			return true;
		mistake(&l->mistakes, t->at,
		    "`%s = room`: this rule has no `room`: write self, all, others or a room's name", key);
		return false;
	}
	if (strncmp(t->text.p, "rooms:", 6) == 0) {
		if ((scope & SCOPE_RULE) != 0)
			return rooms_of(l, t, key, out);
		mistake(&l->mistakes, t->at, "`%s = %s`: no client is behind this rule: write all or a room's name", key,
		    mistake_show(&l->mistakes, t->text));
		return false;
	}
	/* A lone word is a single room, or a slip. */
	if (scan_bare(t->text) && strchr(t->text.p, ':') == NULL &&
	    catalogue_room_type(l->nsp, t->text.p, t->text.n) == NULL) {
		suggest_init(&s, t->text);
		suggest_offer_words(&s, "room others self all");
		for (unsigned i = 0; i < l->nsp->nroom_type; i++) {
			const struct text *name = &l->nsp->room_type[i].name;

			suggest_offer(&s, name->p, name->n);
		}
		mistake(&l->mistakes, t->at, "`%s`: `%s` is no target%s", key, mistake_show(&l->mistakes, t->text),
		    s.best.p != NULL ? suggest_text(l, &s)
				     : ": write room, others, self, all, rooms:TYPE or a room's name");
		return false;
	}
	out->kind = TARGET_TEMPLATE;
	type = room_template(l, t, key, scope, &out->room);
	out->type = type != NULL && type->builtin ? NULL : type;
	return type != NULL;
}

bool target_list(struct load *l, cfg_t *block, const char *key, unsigned scope, unsigned *n, struct target **out)
{
	bool good = true;

	*n = tree_values(block, key);
	*out = conf_arena_alloc(l->keep, *n * sizeof **out);
	for (unsigned i = 0; i < *n; i++)
		good &= target(l, tree_value(block, key, i), key, scope, &(*out)[i]);
	return good;
}
