#include <string.h>

#include "conf/compile.h"

/* Why the name is none; NULL when it is one. */
static const char *refusal(struct text t)
{
	const char *star = memchr(t.p, '*', t.n);

	if (t.p[0] != '/')
		return "a name begins with /";
	if (t.n == 1)
		return "the blocks of / stand at the top level: move them there";
	if (t.n > CATALOGUE_NSP_MAX)
		return "a name has at most 128 bytes";
	/* A comma ends the name on the wire; clients take what follows a question mark for a query. */
	for (size_t i = 0; i < t.n; i++)
		if ((unsigned char)t.p[i] <= 0x20 || t.p[i] == 0x7f || t.p[i] == ',' || t.p[i] == '?')
			return "a name has no comma, question mark, space or control character";
	if (star != NULL && strchr(star + 1, '*') != NULL)
		return "a pattern has one `*`";
	return NULL;
}

static void name(struct load *l, const struct token *title, struct catalogue_nsp *nsp)
{
	const char *why = title->bad ? NULL : refusal(title->text);
	const char *star;

	if (why != NULL)
		mistake(&l->mistakes, title->at, "namespace `%s`: %s", mistake_show(&l->mistakes, title->text), why);
	nsp->name = conf_arena_text(l->keep, title->text.p, title->text.n);
	star = memchr(nsp->name.p, '*', nsp->name.n);
	if (star == NULL)
		return;
	nsp->pattern = true;
	nsp->prefix = conf_arena_text(l->keep, nsp->name.p, (size_t)(star - nsp->name.p));
	nsp->suffix = conf_arena_text(l->keep, star + 1, nsp->name.n - nsp->prefix.n - 1);
}

/* The block of namespace I; the top level is that of the first. */
static cfg_t *block_of(cfg_t *tree, unsigned i)
{
	return i == 0 ? tree : tree_block(tree, "namespace", i - 1);
}

void namespace_types(struct load *l, cfg_t *tree)
{
	struct catalogue *cat = &l->conf->catalogue;

	cat->nnsp = tree_blocks(tree, "namespace") + 1;
	cat->nsp = conf_arena_alloc(l->keep, cat->nnsp * sizeof *cat->nsp);
	for (unsigned i = 0; i < cat->nnsp; i++) {
		if (i == 0)
			cat->nsp[i].name = (struct text){"/", 1};
		else
			name(l, tree_title(l, block_of(tree, i)), &cat->nsp[i]);
		hook_blocks(l, block_of(tree, i), &cat->nsp[i]);
		room_types(l, block_of(tree, i), &cat->nsp[i]);
		limit_blocks(l, block_of(tree, i), &cat->nsp[i]);
	}
	l->nsp = &cat->nsp[0];
}

void namespace_rules(struct load *l, cfg_t *tree)
{
	struct catalogue *cat = &l->conf->catalogue;

	for (unsigned i = 0; i < cat->nnsp; i++) {
		l->nsp = &cat->nsp[i];
		answer_shapes(l, block_of(tree, i), &cat->nsp[i]);
		role_list(l, block_of(tree, i), &cat->nsp[i]);
		envelope_list(l, block_of(tree, i), &cat->nsp[i]);
		rule_events(l, block_of(tree, i), &cat->nsp[i]);
		route_list(l, block_of(tree, i), &cat->nsp[i]);
		on_blocks(l, block_of(tree, i), &cat->nsp[i]);
		every_blocks(l, block_of(tree, i), &cat->nsp[i]);
	}
}
