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

/* Before acceptance there is nobody to send to: it may only refuse. */
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
	action_conditions(l, block, SCOPE_USER | SCOPE_CONNECTING, &r->nif, &r->ifs);
	check_list(l, block, option_block("on/check"), SCOPE_USER | SCOPE_CONNECTING, r);
	if (r->ncheck == 0)
		mistake(&l->mistakes, at, "on `connecting` does nothing: add check { if = \"...\"  error = \"...\" }");
}

static void on_connect(struct load *l, cfg_t *block, struct rule *r)
{
	if (tree_blocks(block, "check") > 0)
		mistake(&l->mistakes, tree_place(l, tree_block(block, "check", 0)),
		    "`check` in on `connect`: the client is admitted already: write `if`, or refuse it in on "
		    "\"connecting\"");
	action_list(l, block, SCOPE_USER | SCOPE_CONNECTING | SCOPE_RULE, r);
	if (r->naction == 0)
		mistake(
		    &l->mistakes, tree_place(l, block), "on `connect` does nothing: name an event to send with `emit`");
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
			on_connect(l, block, nsp->on_connect);
		} else if (later_trigger(title->text)) {
			mistake(&l->mistakes, title->at, "on `%s` is not in this build of forkcast: remove it", shown);
		} else {
			mistake(&l->mistakes, title->at,
			    "on `%s`: no such trigger: this build knows on \"connecting\" and on \"connect\"", shown);
		}
	}
}
