#include <string.h>

#include "conf/compile.h"

/* limit "NAME": how often something may happen, and whose events count together. */

/* A name, or a pattern whose one star stands at its end. */
static void pattern(struct load *l, const struct token *t, struct text *out)
{
	const char *star;

	*out = conf_arena_text(l->keep, t->text.p, t->text.n);
	if (!action_event_name(l, t, "events"))
		return;
	star = memchr(t->text.p, '*', t->text.n);
	if (star != NULL && star != t->text.p + t->text.n - 1)
		mistake(&l->mistakes, t->at, "`events`: the one `*` of `%s` stands at its end: \"game:*\"",
		    mistake_show(&l->mistakes, t->text));
}

static void patterns(struct load *l, cfg_t *block, struct limit *limit)
{
	limit->nevent = tree_values(block, "events");
	limit->event = conf_arena_alloc(l->keep, limit->nevent * sizeof *limit->event);
	for (unsigned i = 0; i < limit->nevent; i++) {
		const struct token *t = tree_value(block, "events", i);

		pattern(l, t, &limit->event[i]);
		for (unsigned j = 0; j < i && !t->bad; j++)
			if (text_equal(limit->event[j], limit->event[i]))
				mistake(&l->mistakes, t->at, "`events` has `%s` twice: keep one",
				    mistake_show(&l->mistakes, t->text));
	}
}

static void roles(struct load *l, cfg_t *block, struct limit *limit)
{
	limit->nrole = tree_blocks(block, "role");
	limit->role = conf_arena_alloc(l->keep, limit->nrole * sizeof *limit->role);
	for (unsigned i = 0; i < limit->nrole; i++) {
		cfg_t *role = tree_block(block, "role", i);
		const struct token *title = tree_title(l, role);

		limit->role[i].role = conf_arena_text(l->keep, title->text.p, title->text.n);
		value_store_block(l, option_block("limit/role"), role, &limit->role[i]);
		if (tree_values(role, "rate") == 0)
			mistake(&l->mistakes, tree_place(l, role), "role `%s` without `rate`: add rate = 100/1m",
			    mistake_show(&l->mistakes, title->text));
	}
}

/* The event that tells of it. */
static void event(struct load *l, cfg_t *block, struct limit *limit)
{
	const unsigned scope = SCOPE_CLIENT | SCOPE_ERROR;
	const struct token *emit = tree_value(block, "emit", 0);
	const struct token *data = tree_value(block, "data", 0);

	if (data != NULL) {
		limit->has_data = true;
		action_json(l, data, "data", scope, &limit->data, &limit->data_written);
		if (emit == NULL)
			mistake(&l->mistakes, data->at, "`data` without `emit`: name the event to send");
	}
	if (emit == NULL)
		return;
	if (action_event_name(l, emit, "emit"))
		limit->emit = template_string_body(l->keep, emit->text);
	limit->emit_plain = conf_arena_text(l->keep, emit->text.p, emit->text.n);
	if (limit->action == LIMIT_DROP)
		mistake(&l->mistakes, emit->at, "`emit` beside `action = drop`, which tells nobody: keep one");
}

/* Of a client that connects nothing is known but its address, and nothing is there to be disconnected. */
static void connects(struct load *l, cfg_t *block, const struct limit *limit, bool top)
{
	struct mistakes *m = &l->mistakes;
	const struct token *on = tree_value(block, "on", 0);

	if (!top)
		mistake(m, on->at,
		    "`on = connect` in a namespace: clients connect before they name one: move the limit to "
		    "the top level");
	if (limit->by != LIMIT_BY_IP)
		mistake(m, tree_value(block, "by", 0)->at,
		    "`on = connect`: only the address of a client that connects is known: write by = ip");
	if (limit->nevent > 0)
		mistake(m, tree_value(block, "events", 0)->at,
		    "`events` beside `on = connect`: a limit counts one or the other: make two of it");
	if (limit->nrole > 0)
		mistake(m, tree_place(l, tree_block(block, "role", 0)),
		    "`role` in a limit with `on = connect`: a client that connects has no role yet: remove it");
	if (limit->emit_plain.p != NULL)
		mistake(m, tree_value(block, "emit", 0)->at,
		    "`emit` with `on = connect`: there is no socket yet: it is answered with 429 and `text`");
	if (limit->action == LIMIT_DISCONNECT)
		mistake(m, tree_value(block, "action", 0)->at,
		    "`action = disconnect` with `on = connect`: there is no socket yet: write reply, or drop");
}

void limit_blocks(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	nsp->nlimit = tree_blocks(tree, "limit");
	nsp->limit = conf_arena_alloc(l->keep, nsp->nlimit * sizeof *nsp->limit);
	for (unsigned i = 0; i < nsp->nlimit; i++) {
		cfg_t *block = tree_block(tree, "limit", i);
		struct limit *limit = &nsp->limit[i];
		bool good = value_store_block(l, option_block("limit"), block, limit);

		limit->index = l->conf->catalogue.nlimits++;
		limit->name = name_title(l, block, "limit");
		if (tree_values(block, "rate") == 0)
			mistake(&l->mistakes, tree_place(l, block), "limit `%s` without `rate`: add rate = 10/1s",
			    mistake_show(&l->mistakes, limit->name));
		if (tree_values(block, "by") == 0)
			limit->by = limit->on == LIMIT_ON_CONNECT ? LIMIT_BY_IP : LIMIT_BY_USER;
		if (limit->text_plain.p != NULL)
			limit->text = template_string_body(l->keep, limit->text_plain);
		patterns(l, block, limit);
		roles(l, block, limit);
		event(l, block, limit);
		if (good && limit->on == LIMIT_ON_CONNECT)
			connects(l, block, limit, nsp == &l->conf->catalogue.nsp[0]);
	}
}

const struct limit *limit_named(const struct catalogue_nsp *nsp, struct text name_)
{
	for (unsigned i = 0; i < nsp->nlimit; i++)
		if (text_equal(nsp->limit[i].name, name_))
			return &nsp->limit[i];
	return NULL;
}

const char *limit_suggest(struct load *l, struct text given)
{
	const struct catalogue_nsp *nsp = l->nsp;
	struct suggest s;

	suggest_init(&s, given);
	for (unsigned i = 0; i < nsp->nlimit; i++)
		suggest_offer(&s, nsp->limit[i].name.p, nsp->limit[i].name.n);
	if (s.best.p != NULL)
		return suggest_text(l, &s);
	return conf_arena_format(l->scratch, ": add `limit \"%s\" { rate = 10/1s }`", mistake_show(&l->mistakes, given))
	    .p;
}

/* The limit that T names; NULL after a mistake. */
static const struct limit *reference(struct load *l, const struct token *t)
{
	const struct limit *limit = t->bad ? NULL : limit_named(l->nsp, t->text);
	const char *shown = mistake_show(&l->mistakes, t->text);

	if (t->bad)
		return NULL;
	if (limit == NULL) {
		mistake(&l->mistakes, t->at, "limit `%s` is not declared%s", shown, limit_suggest(l, t->text));
		return NULL;
	}
	if (limit->on == LIMIT_ON_CONNECT) {
		mistake(&l->mistakes, t->at, "limit `%s` counts connections, not events: name another", shown);
		return NULL;
	}
	return limit;
}

static bool has(const struct rule *r, const struct limit *limit)
{
	for (unsigned i = 0; i < r->nlimit; i++)
		if (r->limit[i] == limit)
			return true;
	return false;
}

/* A limit of a reaction or a route must count by what is known there, bits of KNOWN. */
static void judge_by(struct load *l, const struct token *t, const struct limit *limit, unsigned known)
{
	static const char *const words[] = {"socket", "user", "ip", "role", "event"};
	unsigned i = 0;

	if ((limit->by & ~known) == 0)
		return;
	while ((limit->by & ~known & 1U << i) == 0)
		i++;
	mistake(&l->mistakes, t->at, "limit `%s` counts by %s, and no client is behind this rule: write by = event in it%s",
	    limit->name.p, words[i], (known & LIMIT_BY_USER) != 0 ? ", or user" : "");
}

/* The limits that BLOCK names; there is room for those of the namespace behind them. */
static void named_limits(struct load *l, cfg_t *block, unsigned known, struct rule *r)
{
	unsigned n = tree_values(block, "limit");

	r->limit = conf_arena_alloc(l->keep, (n + l->nsp->nlimit) * sizeof *r->limit);
	for (unsigned i = 0; i < n; i++) {
		const struct token *t = tree_value(block, "limit", i);
		const struct limit *limit = reference(l, t);

		if (limit == NULL)
			continue;
		judge_by(l, t, limit, known);
		if (has(r, limit))
			mistake(&l->mistakes, t->at, "`limit` has `%s` twice: keep one", limit->name.p);
		else
			r->limit[r->nlimit++] = limit;
	}
	r->nlimit_named = r->nlimit;
}

void limit_reaction(struct load *l, cfg_t *block, unsigned scope, struct rule *r)
{
	unsigned known = LIMIT_BY_EVENT;

	if ((scope & SCOPE_USER) != 0)
		known |= LIMIT_BY_USER;
	if ((scope & SCOPE_CLIENT_NEW) == SCOPE_CLIENT_NEW)
		known |= LIMIT_BY_SOCKET | LIMIT_BY_USER | LIMIT_BY_IP | LIMIT_BY_ROLE;
	named_limits(l, block, known, r);
}

void limit_rule(struct load *l, cfg_t *block, struct rule *r)
{
	const struct catalogue_nsp *nsp = l->nsp;

	named_limits(l, block, ~0U, r);
	/* of a pattern only the name that comes tells which cover it */
	for (unsigned i = 0; i < nsp->nlimit && !r->pattern; i++)
		if (catalogue_limit_covers(&nsp->limit[i], r->name.p, r->name.n) && !has(r, &nsp->limit[i]))
			r->limit[r->nlimit++] = &nsp->limit[i];
}
