#include "conf/compile.h"

#define NAME_LONGEST 128

/* Reactions to time: every "NAME", once per host. */

static void every(struct load *l, cfg_t *block, struct catalogue_nsp *nsp, struct every *e)
{
	const struct token *title = tree_title(l, block);
	const char *shown = mistake_show(&l->mistakes, title->text);
	const struct token *interval = tree_value(block, "interval", 0);
	struct rule *r = &e->rule;

	value_store_option(l, option_block("every"), "interval", block, e);
	if (interval == NULL)
		mistake(&l->mistakes, tree_place(l, block), "every `%s` without `interval`: add interval = 30s", shown);
	/* Each name that a pattern covers is a namespace: which of them would it be for? */
	if (nsp->pattern)
		mistake(&l->mistakes, tree_place(l, block),
		    "every `%s` in a pattern of namespaces: it belongs in a namespace of one name", shown);
	rule_place(l, block, r);
	r->name = conf_arena_text(l->keep, title->text.p, title->text.n);
	r->name_json = template_string_body(l->keep, r->name);
	r->index = l->conf->catalogue.nevents++;
	r->ack = ACK_NONE;
	if (title->text.n > NAME_LONGEST)
		mistake(&l->mistakes, title->at, "every: a name of %zu bytes: at most %d", title->text.n, NAME_LONGEST);
	limit_reaction(l, block, SCOPE_SERVER | SCOPE_TIME, r);
	hook_rule(l, block, r);
	action_list(l, block, SCOPE_SERVER | SCOPE_TIME | hook_scope(r), r);
	e->each = r->naction > 0 && !r->action[0].also ? r->action[0].each : action_each(l, block);
	if (r->naction == 0 && tree_value(block, "hook", 0) == NULL)
		mistake(&l->mistakes, tree_place(l, block), "every `%s` does nothing: name an event to send with `emit`",
		    shown);
}

void every_blocks(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	nsp->nevery = tree_blocks(tree, "every");
	nsp->every = conf_arena_alloc(l->keep, nsp->nevery * sizeof *nsp->every);
	for (unsigned i = 0; i < nsp->nevery; i++)
		every(l, tree_block(tree, "every", i), nsp, &nsp->every[i]);
}
