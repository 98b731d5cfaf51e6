#include "conf/compile.h"

static void rooms(struct load *l, cfg_t *block, struct role *r)
{
	r->nroom = tree_values(block, "rooms");
	r->room = conf_arena_alloc(l->keep, r->nroom * sizeof *r->room);
	for (unsigned i = 0; i < r->nroom; i++)
		room_template(l, tree_value(block, "rooms", i), "rooms", SCOPE_TOKEN, &r->room[i]);
}

static void features(struct load *l, cfg_t *block, struct role *r)
{
	struct text list = {"[", 1};

	r->nfeature = tree_values(block, "features");
	r->feature = conf_arena_alloc(l->keep, r->nfeature * sizeof *r->feature);
	for (unsigned i = 0; i < r->nfeature; i++) {
		const struct token *t = tree_value(block, "features", i);

		r->feature[i] = conf_arena_text(l->keep, t->text.p, t->text.n);
		for (unsigned j = 0; j < i; j++)
			if (text_equal(r->feature[j], t->text))
				mistake(&l->mistakes, t->at, "`features` has `%s` twice: keep one",
				    mistake_show(&l->mistakes, t->text));
		list = conf_arena_format(
		    l->keep, "%s%s\"%s\"", list.p, i > 0 ? "," : "", template_string_body(l->scratch, t->text).p);
	}
	r->features = conf_arena_format(l->keep, "%s]", list.p);
}

void role_list(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	nsp->nrole = tree_blocks(tree, "role");
	nsp->role = conf_arena_alloc(l->keep, nsp->nrole * sizeof *nsp->role);
	for (unsigned i = 0; i < nsp->nrole; i++) {
		cfg_t *block = tree_block(tree, "role", i);
		const struct token *title = tree_title(l, block);

		nsp->role[i].name = conf_arena_text(l->keep, title->text.p, title->text.n);
		rooms(l, block, &nsp->role[i]);
		features(l, block, &nsp->role[i]);
	}
}
