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
	action_conditions(l, block, SCOPE_CLIENT_NEW, &r->nif, &r->ifs);
	check_list(l, block, option_block("on/check"), SCOPE_CLIENT_NEW, r);
	hook_rule(l, block, r);
	if (r->ncheck == 0 && tree_value(block, "hook", 0) == NULL)
		mistake(&l->mistakes, at,
		    "on `connecting` does nothing: add check { if = \"...\"  error = \"...\" }, or a hook");
}

/* What happens after something was decided: it may only send, or ask a hook.  MORE: what it knows beside the client. */
static void on_decided(struct load *l, cfg_t *block, unsigned more, struct rule *r)
{
	if (tree_blocks(block, "check") > 0)
		mistake(&l->mistakes, tree_place(l, tree_block(block, "check", 0)),
		    "`check` in on `%s`: it is decided already: write `if`, or refuse clients in on \"connecting\"",
		    r->name.p);
	hook_rule(l, block, r);
	action_list(l, block, SCOPE_CLIENT | more | hook_scope(r), r);
	if (r->naction == 0 && tree_value(block, "hook", 0) == NULL)
		mistake(&l->mistakes, tree_place(l, block), "on `%s` does nothing: name an event to send with `emit`",
		    r->name.p);
}

/* Nobody would ever run it. */
static void wants_in_band(struct load *l, const struct token *title)
{
	if (!l->conf->auth.in_band.on)
		mistake(&l->mistakes, title->at, "on `%s` needs auth { in_band { } }: without it nobody authenticates later",
		    mistake_show(&l->mistakes, title->text));
}

void on_blocks(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	for (unsigned i = 0; i < tree_blocks(tree, "on"); i++) {
		cfg_t *block = tree_block(tree, "on", i);
		const struct token *title = tree_title(l, block);
		const char *shown = mistake_show(&l->mistakes, title->text);

		if (title->bad)
			continue;
		if (text_is(title->text, "connecting")) {
			nsp->on_connecting = reaction(l, block, title);
			on_connecting(l, block, nsp->on_connecting);
		} else if (text_is(title->text, "connect")) {
			nsp->on_connect = reaction(l, block, title);
			on_decided(l, block, 0, nsp->on_connect);
		} else if (text_is(title->text, "authenticated")) {
			wants_in_band(l, title);
			nsp->on_authenticated = reaction(l, block, title);
			on_decided(l, block, 0, nsp->on_authenticated);
		} else if (text_is(title->text, "auth_failed")) {
			wants_in_band(l, title);
			nsp->on_auth_failed = reaction(l, block, title);
			on_decided(l, block, SCOPE_ERROR, nsp->on_auth_failed);
		} else if (later_trigger(title->text)) {
			mistake(&l->mistakes, title->at, "on `%s` is not in this build of forkcast: remove it", shown);
		} else {
			mistake(&l->mistakes, title->at,
			    "on `%s`: no such trigger: this build knows on \"connecting\", \"connect\", \"authenticated\" and "
			    "\"auth_failed\"", shown);
		}
	}
}
