#include <string.h>

#include "conf/compile.h"

/* What an action does to memberships and connections. */

static const char *const moves[] = {"join", "leave", "evict", "close", "disconnect"};

bool action_moves(cfg_t *block)
{
	for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++)
		if (tree_values(block, moves[i]) > 0)
			return true;
	return false;
}

static const struct room_type *declared(struct load *l, const struct token *t, const char *key, struct text name)
{
	const struct room_type *type = catalogue_room_type(l->nsp, name.p, name.n);
	struct suggest s;

	if (type != NULL)
		return type;
	suggest_init(&s, name);
	for (unsigned i = 0; i < l->nsp->nroom_type; i++)
		suggest_offer(&s, l->nsp->room_type[i].name.p, l->nsp->room_type[i].name.n);
	mistake(&l->mistakes, t->at, "`%s`: room type `%s` is not declared%s", key, mistake_show(&l->mistakes, name),
	    suggest_text(l, &s));
	return NULL;
}

const struct room_type *action_each(struct load *l, cfg_t *block)
{
	const struct token *t = tree_value(block, "each", 0);

	return t != NULL && !t->bad ? declared(l, t, "each", t->text) : NULL;
}

/* room, a template, or for `leave` TYPE:* */
static void room(struct load *l, const struct token *t, const char *key, unsigned scope, struct target *out)
{
	bool all = t->text.n > 2 && strcmp(t->text.p + t->text.n - 2, ":*") == 0;

	if (t->bad)
		return;
	if (text_is(t->text, "room")) {
		out->kind = TARGET_ROOM;
		if ((scope & SCOPE_ROOM) == 0)
			mistake(&l->mistakes, t->at, "`%s = room`: this rule has no `room`: write a room's name", key);
	} else if (all && strcmp(key, "leave") == 0) {
		out->kind = TARGET_ROOMS_OF;
		out->type = declared(l, t, key, (struct text){t->text.p, t->text.n - 2});
	} else if (all) {
		mistake(&l->mistakes, t->at, "`%s = %s`: write the room's name; only `leave` takes all of a type", key,
		    mistake_show(&l->mistakes, t->text));
	} else {
		out->kind = TARGET_TEMPLATE;
		room_template(l, t, key, scope, &out->room);
	}
}

static void rooms(struct load *l, cfg_t *block, const char *key, unsigned scope, unsigned *n, struct target **out)
{
	*n = tree_values(block, key);
	*out = conf_arena_alloc(l->keep, *n * sizeof **out);
	for (unsigned i = 0; i < *n; i++)
		room(l, tree_value(block, key, i), key, scope, &(*out)[i]);
}

static void disconnect(struct load *l, const struct token *t, struct action *a)
{
	if (text_is(t->text, "namespace"))
		a->disconnect = DISCONNECT_NAMESPACE;
	else if (text_is(t->text, "transport"))
		a->disconnect = DISCONNECT_TRANSPORT;
	else if (!t->bad)
		mistake(&l->mistakes, t->at, "`disconnect = %s`: write namespace or transport",
		    mistake_show(&l->mistakes, t->text));
}

static void needs_client(struct load *l, cfg_t *block, unsigned scope)
{
	static const char *const keys[] = {"join", "leave", "disconnect"};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0] && (scope & SCOPE_SELF) == 0; i++) {
		const struct token *t = tree_value(block, keys[i], 0);

		if (t != NULL)
			mistake(&l->mistakes, t->at, "`%s`: no client is behind this rule: empty rooms with `evict` or `close`", keys[i]);
	}
}

void action_rooms(struct load *l, cfg_t *block, unsigned scope, struct action *a)
{
	const struct token *evict = tree_value(block, "evict", 0);
	const struct token *ends = tree_value(block, "disconnect", 0);
	struct cursor c;

	needs_client(l, block, scope);
	rooms(l, block, "join", scope, &a->njoin, &a->join);
	rooms(l, block, "leave", scope, &a->nleave, &a->leave);
	a->close = action_switch(l, block, "close");
	if (evict != NULL) {
		c = cursor_of(l, evict, "evict", scope);
		a->has_evict = true;
		template_text(&c, &a->evict);
	}
	if (ends != NULL)
		disconnect(l, ends, a);
}
