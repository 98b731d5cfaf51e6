#include <stdlib.h>
#include <string.h>

#include "conf/compile.h"

static void requirements(struct load *l, cfg_t *block, struct rule *r)
{
	unsigned n = tree_values(block, "require");

	r->nrequire = n > 0 ? n : 1;
	r->require = conf_arena_alloc(l->keep, r->nrequire * sizeof *r->require);
	if (n == 0)
		r->require[0].kind = r->has_room ? WHO_MEMBER : WHO_ANY;
	for (unsigned i = 0; i < n; i++) {
		const struct token *t = tree_value(block, "require", i);

		if (room_who(l, t, "require", "member any authenticated", &r->require[i]) &&
		    r->require[i].kind == WHO_MEMBER && !r->has_room)
			mistake(&l->mistakes, t->at, "`require = member` needs `room`: member of what? Add room = \"TYPE:{id}\"");
	}
}

static void acknowledgement(struct load *l, cfg_t *block, unsigned scope, struct rule *r)
{
	const struct token *t = tree_value(block, "ack", 0);
	const struct token *args = tree_value(block, "ack_args", 0);

	if (args != NULL) {
		if (t != NULL)
			mistake(&l->mistakes, args->at, "`ack_args` beside `ack`: keep one");
		r->ack = ACK_ARGS;
		action_json_array(l, args, "ack_args", scope, &r->ack_json, &r->ack_written);
		return;
	}
	if (t == NULL || t->bad || text_is(t->text, "yes"))
		return;
	if (text_is(t->text, "no")) {
		r->ack = ACK_NONE;
		return;
	}
	if (t->kind == TOKEN_WORD) {
		mistake(&l->mistakes, t->at, "`ack = %s`: write yes, no, or a JSON template in quotes",
		    mistake_show(&l->mistakes, t->text));
		return;
	}
	r->ack = ACK_TEMPLATE;
	action_json(l, t, "ack", scope, &r->ack_json, &r->ack_written);
}

void rule_place(struct load *l, cfg_t *block, struct rule *r)
{
	struct place at = tree_place(l, block);

	r->file = at.file->path;
	r->line = at.line;
}

/* True when the name ends with a star. */
static bool pattern(struct load *l, const struct token *title)
{
	const char *star = memchr(title->text.p, '*', title->text.n);

	if (star == NULL)
		return false;
	if (star + 1 == title->text.p + title->text.n)
		return true;
	mistake(&l->mistakes, title->at, "event `%s`: the `*` of a pattern stands at its end: \"game:*\"",
	    mistake_show(&l->mistakes, title->text));
	return false;
}

static void event(struct load *l, cfg_t *block, struct rule *r)
{
	const struct token *title = tree_title(l, block);
	const struct token *room = tree_value(block, "room", 0);
	const struct token *deny = tree_value(block, "deny", 0);
	unsigned scope = SCOPE_CLIENT | SCOPE_PAYLOAD | SCOPE_SENDER;

	rule_place(l, block, r);
	l->fields = NULL;
	if (action_event_name(l, title, "event"))
		r->pattern = pattern(l, title);
	if (l->conf->auth.in_band.on && text_equal(title->text, l->conf->auth.in_band.event))
		mistake(&l->mistakes, title->at, "event `%s` is what auth { in_band { } } takes: name one of them otherwise",
		    mistake_show(&l->mistakes, title->text));
	r->name = conf_arena_text(l->keep, title->text.p, title->text.n);
	r->name_json = template_string_body(l->keep, r->name);
	r->dev = action_switch(l, block, "dev");
	if (deny != NULL)
		value_store(l, option_find(option_block("event"), (struct text){"deny", 4}), &deny, 1, r);
	field_list(l, block, scope, r);
	if (room != NULL) {
		r->room_type = room_template(l, room, "room", scope, &r->room);
		r->has_room = true;
		scope |= SCOPE_ROOM;
	}
	limit_rule(l, block, r);
	requirements(l, block, r);
	check_list(l, block, option_block("event/check"), scope, r);
	hook_rule(l, block, r);
	scope |= hook_scope(r);
	action_list(l, block, scope, r);
	acknowledgement(l, block, scope, r);
	l->fields = NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct rule *x = a;
	const struct rule *y = b;

	return text_compare(x->name.p, x->name.n, y->name.p, y->name.n);
}

void rule_events(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	struct catalogue *cat = &l->conf->catalogue;
	unsigned n = tree_blocks(tree, "event");

	nsp->event = conf_arena_alloc(l->keep, n * sizeof *nsp->event);
	for (unsigned i = 0; i < n; i++) {
		struct rule *r = &nsp->event[nsp->nevent];

		/* A rule for --dev is judged in any case, so that it cannot rot. */
		*r = (struct rule){0};
		event(l, tree_block(tree, "event", i), r);
		nsp->nevent += !r->dev || l->dev;
	}
	if (nsp->nevent > 0)
		qsort(nsp->event, nsp->nevent, sizeof *nsp->event, by_name);
	for (unsigned i = 0; i < nsp->nevent; i++)
		nsp->event[i].index = cat->nevents++;
	catalogue_index_build(l->keep, nsp);
}
