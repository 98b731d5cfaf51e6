#include <string.h>

#include "conf/compile.h"

/* Names that Socket.IO's own clients and servers give a meaning. */
static bool reserved_event(struct text t)
{
	static const char *const names[] = {
	    "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (text_is(t, names[i]))
			return true;
	return false;
}

bool action_event_name(struct load *l, const struct token *t, const char *what)
{
	const char *shown = mistake_show(&l->mistakes, t->text);

	if (t->bad)
		return false;
	if (t->text.n > CATALOGUE_EVENT_MAX) {
		mistake(
		    &l->mistakes, t->at, "%s: a name of %zu bytes: at most %d", what, t->text.n, CATALOGUE_EVENT_MAX);
		return false;
	}
	for (size_t i = 0; i < t->text.n; i++) {
		if ((unsigned char)t->text.p[i] >= 0x20)
			continue;
		mistake(&l->mistakes, t->at, "%s `%s` has a line break or control character: remove it", what, shown);
		return false;
	}
	if (reserved_event(t->text)) {
		mistake(&l->mistakes, t->at, "%s `%s` is reserved by Socket.IO: take another name", what, shown);
		return false;
	}
	return true;
}

void action_conditions(struct load *l, cfg_t *block, unsigned scope, unsigned *n, struct condition **out)
{
	*n = tree_values(block, "if");
	*out = conf_arena_alloc(l->keep, *n * sizeof **out);
	for (unsigned i = 0; i < *n; i++) {
		struct cursor c = cursor_of(l, tree_value(block, "if", i), "if", scope);

		if (condition_parse(&c, &(*out)[i]) && c.p < c.end)
			cursor_fail(&c, "%s behind the condition: remove it, or write a list, all of which must hold", cursor_show(&c));
	}
}

/* "key: SOURCE" */
static bool member(struct load *l, const struct token *t, unsigned scope, struct add_member *out)
{
	struct cursor c = cursor_of(l, t, "add", scope);
	const char *colon = memchr(t->text.p, ':', t->text.n);
	const char *end = colon;

	if (c.failed)
		return false;
	cursor_space(&c);
	while (end != NULL && end > c.p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (colon == NULL || end == c.p)
		return cursor_fail(&c, "write \"key: SOURCE\", such as \"sender: @user.id\"");
	for (const char *p = c.p; p < end; p++)
		if ((unsigned char)*p < 0x20)
			return cursor_fail(&c, "a member's name has no line breaks or control characters: remove them");
	out->key_plain = conf_arena_text(l->keep, c.p, (size_t)(end - c.p));
	out->key = template_string_body(l->keep, out->key_plain);
	c.p = colon + 1;
	cursor_space(&c);
	if (!source_parse(&c, &out->source))
		return false;
	cursor_space(&c);
	return c.p == c.end || cursor_fail(&c, "%s behind the source: a member has one source", cursor_show(&c));
}

static void members(struct load *l, cfg_t *block, unsigned scope, struct action *a)
{
	a->body = BODY_ADD;
	a->nadd = tree_values(block, "add");
	a->add = conf_arena_alloc(l->keep, a->nadd * sizeof *a->add);
	for (unsigned i = 0; i < a->nadd; i++) {
		const struct token *t = tree_value(block, "add", i);

		if (!member(l, t, scope, &a->add[i]))
			continue;
		for (unsigned j = 0; j < i; j++)
			if (a->add[j].key_plain.p != NULL && text_equal(a->add[j].key_plain, a->add[i].key_plain))
				mistake(&l->mistakes, t->at, "`add` sets `%s` twice: keep one",
				    mistake_show(&l->mistakes, a->add[i].key_plain));
	}
}

void action_json(
    struct load *l, const struct token *t, const char *key, unsigned scope, struct json_node *out, struct text *written)
{
	struct cursor c = cursor_of(l, t, key, scope);

	*written = conf_arena_text(l->keep, t->text.p, t->text.n);
	template_json(&c, out);
}

void action_json_array(
    struct load *l, const struct token *t, const char *key, unsigned scope, struct json_node *out, struct text *written)
{
	const char *one = text_is((struct text){key, strlen(key)}, "args") ? "data" : "ack";

	action_json(l, t, key, scope, out, written);
	if (t->bad || out->kind == JSON_NODE_ARRAY ||
	    (out->kind == JSON_NODE_LITERAL && (out->literal.p == NULL || out->literal.p[0] == '[')))
		return;
	if (out->kind == JSON_NODE_HOLE && !out->hole.is_condition && !out->hole.has_default &&
	    out->hole.source.kind == SOURCE_ARGS)
		return;
	mistake(&l->mistakes, t->at, "`%s` is a JSON array of all arguments, or '{@args}': for one argument write `%s`",
	    key, one);
}

bool action_switch(struct load *l, cfg_t *block, const char *key)
{
	const struct token *t = tree_value(block, key, 0);

	if (t == NULL || t->bad || text_is(t->text, "no"))
		return false;
	if (!text_is(t->text, "yes"))
		mistake(&l->mistakes, t->at, "`%s = %s`: write yes or no", key, mistake_show(&l->mistakes, t->text));
	return true;
}

/* Where `to` says nothing it is the room of the rule, so there must be one. */
static void default_target(struct load *l, cfg_t *block, unsigned scope, struct action *a)
{
	const char *key = a->has_emit ? "emit" : a->has_evict ? "evict" : "close";

	if (a->nto > 0 || (!a->has_emit && !a->has_evict && !a->close))
		return;
	a->nto = 1;
	a->to = conf_arena_alloc(l->keep, sizeof *a->to);
	if ((scope & (SCOPE_ROOM | SCOPE_ROUTE)) == SCOPE_ROUTE)
		mistake(&l->mistakes, tree_place(l, block),
		    "a route without `room` needs `to`: write all, or a room's name such as \"user:{@vars.userId}\"");
	else if ((scope & SCOPE_ROOM) == 0)
		mistake(&l->mistakes, tree_value(block, key, 0)->at,
		    "`%s` without `room` needs `to`: write self, all, others or a room's name", key);
}

/* What is put around an argument may speak of the client only where there is one. */
static void judge_envelope(struct load *l, const struct token *t, unsigned scope, const struct action *a)
{
	if (a->envelope != NULL && a->envelope->client != NULL && (scope & SCOPE_ROUTE) != 0)
		mistake(&l->mistakes, t->at, "envelope `%s` has `%s`, and a backend publishes a route, so there is no client: "
					     "take an envelope without it", a->envelope->name.p, a->envelope->client);
}

/*
 * The action keys of BLOCK; the inline action's `if` is its rule's, so it is not read here.  OWN: the rule whose event it
 * sends when it names none; NULL: then it sends none.
 */
static void action(struct load *l, cfg_t *block, unsigned scope, const struct rule *own, struct action *a)
{
	const unsigned sent = scope & ~(unsigned)SCOPE_VARS;
	static const char *const bodies[] = {"data", "args", "add"};
	const struct token *emit = tree_value(block, "emit", 0);
	const struct token *envelope = tree_value(block, "envelope", 0);
	const struct token *body = NULL;

	a->has_emit = emit != NULL;
	if (emit != NULL) {
		if (action_event_name(l, emit, "emit"))
			a->emit = template_string_body(l->keep, emit->text);
		a->emit_plain = conf_arena_text(l->keep, emit->text.p, emit->text.n);
	} else if (own != NULL) {
		a->has_emit = true;
		a->emit = own->name_json;
		a->emit_plain = own->name;
	}
	a->is_volatile = action_switch(l, block, "volatile");
	if (envelope != NULL)
		a->envelope = envelope_named(l, envelope);
	judge_envelope(l, envelope, scope, a);
	target_list(l, block, "to", scope, &a->nto, &a->to);
	target_list(l, block, "except", scope, &a->nexcept, &a->except);
	action_rooms(l, block, scope, a);
	default_target(l, block, scope, a);
	for (unsigned i = 0; i < 3; i++) {
		/* `on` has no payload to add to */
		const struct token *t = i < 2 || (scope & SCOPE_PAYLOAD) != 0 ? tree_value(block, bodies[i], 0) : NULL;

		if (t == NULL)
			continue;
		if (body != NULL)
			mistake(&l->mistakes, t->at, "`%s` beside another of data, args and add: keep one", bodies[i]);
		body = t;
		if (i == 0) {
			a->body = BODY_DATA;
			action_json(l, t, "data", sent, &a->json, &a->json_written);
		} else if (i == 1) {
			a->body = BODY_ARGS;
			action_json_array(l, t, "args", sent, &a->json, &a->json_written);
			if (envelope != NULL)
				mistake(&l->mistakes, t->at,
				    "`args` beside `envelope`, which is around one argument: write `data`");
		} else {
			members(l, block, sent, a);
		}
	}
}

/* Without `emit` the keys about what is sent say nothing. */
static bool has_action(struct load *l, cfg_t *block, bool payload)
{
	static const char *const keys[] = {"to", "except", "volatile", "envelope", "data", "args", "add"};
	bool rooms = tree_values(block, "evict") > 0 || tree_values(block, "close") > 0;

	if (tree_values(block, "emit") > 0)
		return true;
	for (size_t i = rooms ? 1 : 0; i < sizeof keys / sizeof keys[0]; i++) {
		const struct token *t = i < 6 || payload ? tree_value(block, keys[i], 0) : NULL;

		if (t != NULL)
			mistake(&l->mistakes, t->at, "`%s` without `emit`: name the event to send", keys[i]);
	}
	return action_moves(block);
}

/* An action with `each` knows the room it is done for. */
static unsigned scope_of(struct load *l, cfg_t *block, unsigned scope, struct action *a)
{
	a->each = action_each(l, block);
	return a->each != NULL ? scope | SCOPE_ROOM : scope;
}

static unsigned room_of_if(cfg_t *block, unsigned scope)
{
	return (scope & SCOPE_TIME) != 0 && tree_values(block, "each") > 0 ? SCOPE_ROOM : 0;
}

void action_list(struct load *l, cfg_t *block, unsigned scope, struct rule *r)
{
	bool payload = (scope & SCOPE_PAYLOAD) != 0;
	const struct rule *own = (scope & SCOPE_ROUTE) != 0 ? r : NULL;
	unsigned nalso = tree_blocks(block, "also");

	/* judged before a hook is asked, and in a reaction to time for each room */
	action_conditions(l, block, (scope & ~(unsigned)SCOPE_HOOK) | room_of_if(block, scope), &r->nif, &r->ifs);
	r->action = conf_arena_alloc(l->keep, (nalso + 1) * sizeof *r->action);
	if (own != NULL || has_action(l, block, payload)) {
		struct action *a = &r->action[r->naction++];

		action(l, block, scope_of(l, block, scope, a), own, a);
	}
	for (unsigned i = 0; i < nalso; i++) {
		cfg_t *also = tree_block(block, "also", i);
		struct action *a = &r->action[r->naction++];

		unsigned known = scope_of(l, also, scope, a);

		a->also = true;
		action_conditions(l, also, known, &a->nif, &a->ifs);
		if (has_action(l, also, payload))
			action(l, also, known, NULL, a);
		else
			mistake(&l->mistakes, tree_place(l, also),
			    "`also` without `emit` does nothing: name the event to send");
	}
}
