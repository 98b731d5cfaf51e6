#include <stdlib.h>
#include <string.h>

#include "conf/compile.h"

/* Events that backends publish by name: route "NAME". */

/* A backend writes the whole name, so a star would never be one. */
static void judge_name(struct load *l, const struct token *title)
{
	if (action_event_name(l, title, "route") && memchr(title->text.p, '*', title->text.n) != NULL)
		mistake(&l->mistakes, title->at, "route `%s`: a route has no pattern: a backend writes its whole name",
		    mistake_show(&l->mistakes, title->text));
}

static void route(struct load *l, cfg_t *block, struct rule *r)
{
	const struct token *title = tree_title(l, block);
	const struct token *room = tree_value(block, "room", 0);
	unsigned scope = SCOPE_SERVER | SCOPE_PAYLOAD | SCOPE_ROUTE;

	rule_place(l, block, r);
	l->fields = NULL;
	judge_name(l, title);
	r->name = conf_arena_text(l->keep, title->text.p, title->text.n);
	r->name_json = template_string_body(l->keep, r->name);
	r->dev = action_switch(l, block, "dev");
	field_list(l, block, scope, r);
	scope |= SCOPE_VARS;
	if (room != NULL) {
		r->room_type = room_template(l, room, "room", scope, &r->room);
		r->has_room = true;
		scope |= SCOPE_ROOM;
	}
	limit_reaction(l, block, scope, r);
	check_list(l, block, option_block("route/check"), scope, r);
	hook_rule(l, block, r);
	action_list(l, block, scope | hook_scope(r), r);
	r->ack = ACK_NONE;
	l->fields = NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct rule *x = a;
	const struct rule *y = b;

	return text_compare(x->name.p, x->name.n, y->name.p, y->name.n);
}

void route_list(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	unsigned n = tree_blocks(tree, "route");

	nsp->route = conf_arena_alloc(l->keep, n * sizeof *nsp->route);
	for (unsigned i = 0; i < n; i++) {
		struct rule *r = &nsp->route[nsp->nroute];

		/* One for --dev is judged in any case, so that it cannot rot. */
		*r = (struct rule){0};
		route(l, tree_block(tree, "route", i), r);
		nsp->nroute += !r->dev || l->dev;
	}
	if (nsp->nroute > 0)
		qsort(nsp->route, nsp->nroute, sizeof *nsp->route, by_name);
}
