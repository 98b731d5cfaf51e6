#include "conf/compile.h"

void envelope_list(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	const unsigned scope = SCOPE_CLIENT | SCOPE_ENVELOPE;

	nsp->nenvelope = tree_blocks(tree, "envelope");
	nsp->envelope = conf_arena_alloc(l->keep, nsp->nenvelope * sizeof *nsp->envelope);
	for (unsigned i = 0; i < nsp->nenvelope; i++) {
		cfg_t *block = tree_block(tree, "envelope", i);
		const struct token *title = tree_title(l, block);
		const struct token *data = tree_value(block, "data", 0);
		struct envelope *e = &nsp->envelope[i];

		l->client = NULL;
		e->name = conf_arena_text(l->keep, title->text.p, title->text.n);
		if (data != NULL)
			action_json(l, data, "data", scope, &e->json, &e->written);
		else
			mistake(&l->mistakes, tree_place(l, block),
			    "envelope `%s` without `data`: write what it is, such as '{\"data\": {@payload}}'",
			    mistake_show(&l->mistakes, title->text));
		e->client = l->client;
	}
}

const struct envelope *envelope_named(struct load *l, const struct token *t)
{
	const struct catalogue_nsp *nsp = l->nsp;
	struct suggest s;

	if (t->bad)
		return NULL;
	suggest_init(&s, t->text);
	for (unsigned i = 0; i < nsp->nenvelope; i++) {
		if (text_equal(nsp->envelope[i].name, t->text))
			return &nsp->envelope[i];
		suggest_offer(&s, nsp->envelope[i].name.p, nsp->envelope[i].name.n);
	}
	mistake(&l->mistakes, t->at, "envelope `%s` is not declared%s", mistake_show(&l->mistakes, t->text),
	    s.best.p != NULL ? suggest_text(l, &s) : ": add envelope \"NAME\" { data = '...' }");
	return NULL;
}
