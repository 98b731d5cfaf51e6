#include "conf/compile.h"

void check_list(struct load *l, cfg_t *block, const struct option_block *known, unsigned scope, struct rule *r)
{
	r->ncheck = tree_blocks(block, "check");
	r->check = conf_arena_alloc(l->keep, r->ncheck * sizeof *r->check);
	for (unsigned i = 0; i < r->ncheck; i++) {
		cfg_t *one = tree_block(block, "check", i);
		struct check *c = &r->check[i];

		value_store_block(l, known, one, c);
		action_conditions(l, one, scope, &c->nif, &c->ifs);
		if (c->nif == 0)
			mistake(
			    &l->mistakes, tree_place(l, one), "`check` without `if` refuses nothing: add a condition");
		if (tree_values(one, "error") == 0 && !r->silent)
			mistake(&l->mistakes, tree_place(l, one),
			    "`check` without `error`: add the text that the sender is told");
		c->error = template_string_body(l->keep, c->error_plain);
	}
}
