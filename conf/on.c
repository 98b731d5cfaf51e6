#include <string.h>

#include "conf/compile.h"

/* Reactions to what the server sees: on "TRIGGER". */

static struct rule *reaction(struct load *l, cfg_t *block, const struct token *title)
{
	struct rule *r = conf_arena_alloc(l->keep, sizeof *r);

	rule_place(l, block, r);
	r->name = conf_arena_text(l->keep, title->text.p, title->text.n);
	r->name_json = template_string_body(l->keep, r->name);
	r->index = l->conf->catalogue.nevents++;
	r->nrequire = 1;
	r->require = conf_arena_alloc(l->keep, sizeof *r->require);
	r->ack = ACK_NONE;
	return r;
}

/* Before acceptance there is nobody to send to: it may only refuse, or ask a hook. */
static void on_connecting(struct load *l, cfg_t *block, struct rule *r)
{
	static const char *const keys[] = {"emit", "to", "except", "data", "args", "volatile", "envelope",
	    "each", "join", "leave", "evict", "close", "disconnect"};
	const struct place at = tree_place(l, block);

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const struct token *t = tree_value(block, keys[i], 0);

		if (t == NULL)
			continue;
		mistake(&l->mistakes, t->at,
		    "`%s` in on `connecting`: there is no socket yet: send it in on \"connect\"", keys[i]);
		break;
	}
	if (tree_blocks(block, "also") > 0)
		mistake(&l->mistakes, tree_place(l, tree_block(block, "also", 0)),
		    "`also` in on `connecting`: there is no socket yet: send it in on \"connect\"");
	limit_reaction(l, block, SCOPE_CLIENT_NEW, r);
	action_conditions(l, block, SCOPE_CLIENT_NEW, &r->nif, &r->ifs);
	check_list(l, block, option_block("on/check"), SCOPE_CLIENT_NEW, r);
	hook_rule(l, block, r);
	if (r->ncheck == 0 && tree_value(block, "hook", 0) == NULL)
		mistake(&l->mistakes, at,
		    "on `connecting` does nothing: add check { if = \"...\"  error = \"...\" }, or a hook");
}

/* What happens after something was decided: it may only act, or ask a hook. */
static void on_decided(struct load *l, cfg_t *block, unsigned scope, struct rule *r)
{
	if (tree_blocks(block, "check") > 0)
		mistake(&l->mistakes, tree_place(l, tree_block(block, "check", 0)),
		    "`check` in on `%s`: it is decided already: write `if`, or refuse clients in on \"connecting\"",
		    r->name.p);
	limit_reaction(l, block, scope, r);
	hook_rule(l, block, r);
	action_list(l, block, scope | hook_scope(r), r);
	if (r->naction == 0 && tree_value(block, "hook", 0) == NULL)
		mistake(&l->mistakes, tree_place(l, block), "on `%s` does nothing: name an event to send with `emit`",
		    r->name.p);
}

static void told_unknown(struct load *l, const struct token *title, struct text name)
{
	const char *shown = mistake_show(&l->mistakes, title->text);

	if (later_trigger(name))
		mistake(&l->mistakes, title->at, "on `%s` is not in this build of forkcast: remove it", shown);
	else
		mistake(&l->mistakes, title->at, "on `%s`: no such trigger%s", shown, trigger_suggest(l, name));
}

/* Where the rule of `on "NAME TYPE"` belongs; TYPE with n 0: of all types.  NULL after a mistake. */
static struct rule **place_of_room(
    struct load *l, const struct token *title, struct text type, unsigned index, struct catalogue_nsp *nsp)
{
	struct suggest s;

	if (type.n == 0)
		return &nsp->on_room[index];
	suggest_init(&s, type);
	for (unsigned i = 0; i < nsp->nroom_type; i++) {
		if (text_equal(nsp->room_type[i].name, type))
			return &nsp->room_type[i].on[index];
		suggest_offer(&s, nsp->room_type[i].name.p, nsp->room_type[i].name.n);
	}
	mistake(&l->mistakes, title->at, "on `%s`: room type `%s` is not declared%s",
	    mistake_show(&l->mistakes, title->text), mistake_show(&l->mistakes, type), suggest_text(l, &s));
	return NULL;
}

static void on_block(struct load *l, cfg_t *block, const struct token *title, struct catalogue_nsp *nsp)
{
	const char *space = memchr(title->text.p, ' ', title->text.n);
	size_t n = space != NULL ? (size_t)(space - title->text.p) : title->text.n;
	struct text name = {title->text.p, n};
	struct text type = {title->text.p + n + 1, space != NULL ? title->text.n - n - 1 : 0};
	const struct trigger *t = trigger_find(name);
	struct rule **at;

	if (t == NULL) {
		told_unknown(l, title, name);
		return;
	}
	if (!t->of_room && space != NULL) {
		mistake(&l->mistakes, title->at, "on `%s` is about no room: write on \"%s\"",
		    mistake_show(&l->mistakes, title->text), t->name);
		return;
	}
	if (t->in_band && !l->conf->auth.in_band.on)
		mistake(&l->mistakes, title->at, "on `%s` needs auth { in_band { } }: without it nobody authenticates later",
		    t->name);
	at = t->of_room ? place_of_room(l, title, type, t->index, nsp) : &nsp->on[t->index];
	if (at == NULL)
		return;
	*at = reaction(l, block, title);
	if (!t->of_room && t->index == TRIGGER_CONNECTING)
		on_connecting(l, block, *at);
	else
		on_decided(l, block, t->scope, *at);
	l->conf->catalogue.uses_room_edges |= t->of_room && t->index >= ROOM_TRIGGER_ENTER;
	nsp->uses_membership |= t->of_room && t->index <= ROOM_TRIGGER_LEAVE;
}

void on_blocks(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	for (unsigned i = 0; i < tree_blocks(tree, "on"); i++) {
		cfg_t *block = tree_block(tree, "on", i);
		const struct token *title = tree_title(l, block);

		if (!title->bad)
			on_block(l, block, title, nsp);
	}
}
