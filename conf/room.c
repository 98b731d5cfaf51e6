#include <stdlib.h>
#include <string.h>

#include "conf/compile.h"

#define TYPE_LONGEST 64
#define ROLE_LONGEST 128

static int by_name(const void *a, const void *b)
{
	const struct room_type *x = a;
	const struct room_type *y = b;

	return text_compare(x->name.p, x->name.n, y->name.p, y->name.n);
}

/* True when T is one of the words of `to`, which a room type would hide. */
/* `room:5` is no word of `to`, so rooms of this type have ids. */
static bool target_word(struct text t, bool single)
{
	static const char *const words[] = {"room", "rooms", "others", "self", "all"};

	for (size_t i = single ? 0 : 1; i < sizeof words / sizeof words[0]; i++)
		if (text_is(t, words[i]))
			return true;
	return false;
}

static bool builtin_type(struct text t)
{
	return text_is(t, "user") || text_is(t, "role") || text_is(t, "global");
}

static bool type_name(struct load *l, const struct token *title, bool single)
{
	struct text t = title->text;
	const char *shown = mistake_show(&l->mistakes, t);

	if (title->bad)
		return false;
	if (t.n > TYPE_LONGEST) {
		mistake(&l->mistakes, title->at, "room type of %zu bytes: at most %d", t.n, TYPE_LONGEST);
		return false;
	}
	for (size_t i = 0; i < t.n; i++) {
		if (cursor_letter(t.p[i]) || (t.p[i] >= '0' && t.p[i] <= '9') || strchr("_-.", t.p[i]) != NULL)
			continue;
		mistake(&l->mistakes, title->at,
		    "room type `%s`: letters, digits, _ - and . only; the id behind the colon is not declared", shown);
		return false;
	}
	if (builtin_type(t)) {
		mistake(&l->mistakes, title->at, "room type `%s` is built in and needs no block: remove it", shown);
		return false;
	}
	if (target_word(t, single)) {
		mistake(&l->mistakes, title->at, "room type `%s` is a word of `to`: take another name", shown);
		return false;
	}
	return true;
}

/* claim:X: a path into the token. */
static bool claim(struct load *l, const struct token *t, const char *key, struct who *out)
{
	struct token source = *t;
	struct cursor c;

	source.text = conf_arena_format(l->keep, "@user.claims.%s", t->text.p + strlen("claim:"));
	c = cursor_of(l, &source, key, SCOPE_TOKEN);
	out->kind = WHO_CLAIM;
	if (!source_parse(&c, &out->claim))
		return false;
	return c.p == c.end || cursor_fail(&c, "`%s`: a claim's name ends here: %s", key, cursor_show(&c));
}

bool room_who(struct load *l, const struct token *t, const char *key, const char *allowed, struct who *out)
{
	static const struct {
		const char *word;
		enum who_kind kind;
	} words[] = {
	    {"any", WHO_ANY},
	    {"authenticated", WHO_AUTHENTICATED},
	    {"member", WHO_MEMBER},
	    {"own", WHO_OWN},
	    {"hook", WHO_HOOK},
	};
	struct suggest s;

	if (t->bad)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!text_is(t->text, words[i].word) || strstr(allowed, words[i].word) == NULL)
			continue;
		out->kind = words[i].kind;
		return true;
	}
	if (strncmp(t->text.p, "role:", 5) == 0 && t->text.n > 5 && t->text.n <= 5 + ROLE_LONGEST) {
		out->kind = WHO_ROLE;
		out->role = conf_arena_text(l->keep, t->text.p + 5, t->text.n - 5);
		return true;
	}
	if (strncmp(t->text.p, "claim:", 6) == 0 && t->text.n > 6 && strstr(allowed, "claim:X") != NULL)
		return claim(l, t, key, out);
	suggest_init(&s, t->text);
	suggest_offer_words(&s, allowed);
	mistake(&l->mistakes, t->at, "`%s`: `%s` is none of %s role:NAME%s", key, mistake_show(&l->mistakes, t->text),
	    allowed, suggest_text(l, &s));
	return false;
}

/* `hook` and the word of that name belong together. */
static void join_hook(struct load *l, cfg_t *block, const struct catalogue_nsp *nsp, bool asks, struct room_type *type)
{
	const struct token *t = tree_value(block, "hook", 0);

	hook_use(l, block, nsp, &type->hook);
	if (asks && t == NULL)
		mistake(&l->mistakes, tree_value(block, "join", 0)->at,
		    "`join = hook` without `hook`: name the hook block that is asked");
	if (!asks && t != NULL)
		mistake(&l->mistakes, t->at, "`hook` without `join = hook`: nobody asks it: add the one or remove the other");
}

static void join_policy(struct load *l, cfg_t *block, const struct catalogue_nsp *nsp, struct room_type *type)
{
	unsigned n = tree_values(block, "join");
	bool asks = false;

	type->join = conf_arena_alloc(l->keep, n * sizeof *type->join);
	for (unsigned i = 0; i < n; i++) {
		const struct token *t = tree_value(block, "join", i);
		struct who *who = &type->join[type->njoin];

		if (text_is(t->text, "none")) {
			if (n > 1)
				mistake(&l->mistakes, t->at, "`join`: none beside others: remove one or the other");
			continue;
		}
		if (!room_who(l, t, "join", "any authenticated own claim:X hook none", who))
			continue;
		asks |= who->kind == WHO_HOOK;
		if ((who->kind == WHO_OWN || who->kind == WHO_CLAIM) && type->single)
			mistake(&l->mistakes, t->at, "`join`: %s compares the room's id with the user's, and a single room has none",
			    mistake_show(&l->mistakes, t->text));
		else
			type->njoin++;
	}
	join_hook(l, block, nsp, asks, type);
}

static bool folds(struct load *l, cfg_t *block)
{
	const struct token *t = tree_value(block, "case", 0);

	if (t == NULL || t->bad || text_is(t->text, "keep"))
		return false;
	if (!text_is(t->text, "lower"))
		mistake(&l->mistakes, t->at, "`case = %s`: write keep or lower", mistake_show(&l->mistakes, t->text));
	return true;
}

void room_types(struct load *l, cfg_t *tree, struct catalogue_nsp *nsp)
{
	static const char *const builtin[] = {"user", "role", "global"};
	const struct option_block *known = option_block("room");
	unsigned n = tree_blocks(tree, "room");

	nsp->room_type = conf_arena_alloc(l->keep, (n + 3) * sizeof *nsp->room_type);
	for (unsigned i = 0; i < 3; i++) {
		nsp->room_type[i].name = (struct text){builtin[i], strlen(builtin[i])};
		nsp->room_type[i].builtin = true;
	}
	nsp->nroom_type = 3;
	for (unsigned i = 0; i < n; i++) {
		cfg_t *block = tree_block(tree, "room", i);
		const struct token *title = tree_title(l, block);
		struct room_type *type = &nsp->room_type[nsp->nroom_type];

		/* Its keys are judged even when its name is refused. */
		type->single = action_switch(l, block, "single");
		type->persistent = action_switch(l, block, "persistent");
		type->lower = folds(l, block);
		value_store_option(l, known, "max_users", block, type);
		value_store_option(l, known, "grace", block, type);
		join_policy(l, block, nsp, type);
		if (!type_name(l, title, type->single)) {
			*type = (struct room_type){0};
			continue;
		}
		type->name = conf_arena_text(l->keep, title->text.p, title->text.n);
		nsp->folds |= type->lower;
		l->conf->catalogue.keeps_rooms |= type->persistent;
		nsp->nroom_type++;
	}
	qsort(nsp->room_type, nsp->nroom_type, sizeof *nsp->room_type, by_name);
}

/* The type that TEMPLATE names, judged against the declared ones. */
static const struct room_type *type_of(struct cursor *c, const struct text_template *t)
{
	struct load *l = c->load;
	const struct catalogue_nsp *nsp = l->nsp;
	const struct text *first = t->n > 0 && !t->part[0].is_hole ? &t->part[0].literal : NULL;
	const char *colon = first != NULL ? memchr(first->p, ':', first->n) : NULL;
	const struct room_type *type;
	struct suggest s;
	struct text name;

	c->p = c->begin;
	if (first == NULL || (colon == NULL && t->n > 1) || colon == first->p) {
		cursor_fail(c, "a room's name begins with its type, written out: \"chat:{chatId}\"");
		return NULL;
	}
	name = (struct text){first->p, colon != NULL ? (size_t)(colon - first->p) : first->n};
	type = catalogue_room_type(nsp, name.p, name.n);
	if (type == NULL) {
		suggest_init(&s, name);
		for (unsigned i = 0; i < nsp->nroom_type; i++)
			suggest_offer(&s, nsp->room_type[i].name.p, nsp->room_type[i].name.n);
		cursor_fail(c, "room type `%s` is not declared%s", mistake_show(&l->mistakes, name),
		    s.best.p != NULL
			? suggest_text(l, &s)
			: conf_arena_format(l->scratch, ": add `room \"%s\" { }`", mistake_show(&l->mistakes, name)).p);
		return NULL;
	}
	if (type->single && colon != NULL) {
		cursor_fail(c, "`%s` is a single room: write its name without an id", type->name.p);
		return NULL;
	}
	if (!type->single && (colon == NULL || (t->n == 1 && colon + 1 == first->p + first->n))) {
		cursor_fail(c, "`%s` rooms have an id: write \"%s:{id}\"", type->name.p, type->name.p);
		return NULL;
	}
	return type;
}

const struct room_type *room_template(
    struct load *l, const struct token *t, const char *key, unsigned scope, struct text_template *out)
{
	struct cursor c = cursor_of(l, t, key, scope);

	if (!template_text(&c, out))
		return NULL;
	for (unsigned i = 0; i < out->n; i++) {
		const struct text *literal = &out->part[i].literal;

		for (size_t j = 0; j < literal->n; j++) {
			if ((unsigned char)literal->p[j] >= 0x20 && literal->p[j] != 0x7f)
				continue;
			cursor_fail(&c, "a room's name has no line breaks or control characters: remove them");
			return NULL;
		}
	}
	if (t->text.n > 1024) {
		cursor_fail(&c, "a room's name of %zu bytes: names have at most 250", t->text.n);
		return NULL;
	}
	return type_of(&c, out);
}
