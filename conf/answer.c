#include <string.h>

#include "conf/compile.h"

/* How clients are answered: the shapes of refusals, and the names of the built-in events. */

/* What is written for the option, or its default as if it were. */
static const struct token *written(struct load *l, cfg_t *block, const struct option *o)
{
	const struct token *t = tree_value(block, o->name, 0);
	struct token *made;

	if (t != NULL)
		return t;
	made = conf_arena_alloc(l->scratch, sizeof *made);
	*made = (struct token){.kind = TOKEN_STRING, .at = tree_place(l, block), .text = {o->dflt, strlen(o->dflt)}};
	return made;
}

static const struct option *row(const char *block, const char *key)
{
	return option_find(option_block(block), (struct text){key, strlen(key)});
}

static void errors(struct load *l, cfg_t *block, struct error_shape *out)
{
	const unsigned scope = SCOPE_CLIENT | SCOPE_ERROR;
	const struct token *emit = written(l, block, row("errors", "emit"));

	if (action_event_name(l, emit, "emit"))
		out->emit = template_string_body(l->keep, emit->text);
	out->emit_plain = conf_arena_text(l->keep, emit->text.p, emit->text.n);
	action_json(l, written(l, block, row("errors", "data")), "data", scope, &out->data, &out->data_written);
	action_json(l, written(l, block, row("errors", "ack")), "ack", scope, &out->ack, &out->ack_written);
}

static void builtins(struct load *l, cfg_t *block, struct builtin_names *out)
{
	const struct option_block *known = option_block("builtins");

	for (unsigned i = 0; i < BUILTIN_MAX; i++) {
		const struct token *t = written(l, block, &known->option[i]);

		if (text_is(t->text, "none") || !action_event_name(l, t, known->option[i].name))
			continue;
		out->name[i] = conf_arena_text(l->keep, t->text.p, t->text.n);
		for (unsigned j = 0; j < i; j++)
			if (out->name[j].p != NULL && text_equal(out->name[j], out->name[i]))
				mistake(&l->mistakes, t->at, "`%s` and `%s` have the same name `%s`: give one of them another",
				    known->option[j].name, known->option[i].name, mistake_show(&l->mistakes, t->text));
	}
}

void answer_shapes(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	const struct catalogue_nsp *first = &l->conf->catalogue.nsp[0];
	cfg_t *shape = tree_block(tree, "errors", 0);
	cfg_t *names = tree_block(tree, "builtins", 0);

	nsp->errors.own = tree_written(l, shape);
	nsp->builtins.own = tree_written(l, names);
	/* What a namespace does not say for itself, the top level says for all. */
	if (nsp == first || nsp->errors.own) {
		errors(l, shape, &nsp->errors);
	} else {
		nsp->errors = first->errors;
		nsp->errors.own = false;
	}
	if (nsp == first || nsp->builtins.own) {
		builtins(l, names, &nsp->builtins);
	} else {
		nsp->builtins = first->builtins;
		nsp->builtins.own = false;
	}
}
