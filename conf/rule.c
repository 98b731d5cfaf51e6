#include <stdlib.h>
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

/* An event's name, coming in or going out. */
static bool event_name(struct load *l, const struct token *t, const char *what)
{
	const char *shown = mistake_show(&l->mistakes, t->text);

	if (t->bad)
		return false;
	if (t->text.n > 250) {
		mistake(&l->mistakes, t->at, "%s: a name of %zu bytes: at most 250", what, t->text.n);
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

static void conditions(struct load *l, cfg_t *block, unsigned scope, unsigned *n, struct condition **out)
{
	*n = tree_values(block, "if");
	*out = conf_arena_alloc(l->keep, *n * sizeof **out);
	for (unsigned i = 0; i < *n; i++) {
		struct cursor c = cursor_of(l, tree_value(block, "if", i), "if", scope);

		if (condition_parse(&c, &(*out)[i]) && c.p < c.end)
			cursor_fail(&c, "%s behind the condition", cursor_show(&c));
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
			return cursor_fail(&c, "a member's name has no line breaks or control characters");
	out->key_plain = conf_arena_text(l->keep, c.p, (size_t)(end - c.p));
	out->key = template_string_body(l->keep, out->key_plain);
	c.p = colon + 1;
	cursor_space(&c);
	if (!source_parse(&c, &out->source))
		return false;
	cursor_space(&c);
	return c.p == c.end || cursor_fail(&c, "%s behind the source", cursor_show(&c));
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

static void json_value(
    struct load *l, const struct token *t, const char *key, unsigned scope, struct json_node *out, struct text *written)
{
	struct cursor c = cursor_of(l, t, key, scope);

	*written = conf_arena_text(l->keep, t->text.p, t->text.n);
	template_json(&c, out);
}

static void arguments(struct load *l, const struct token *t, unsigned scope, struct action *a)
{
	a->body = BODY_ARGS;
	json_value(l, t, "args", scope, &a->json, &a->json_written);
	if (t->bad || a->json.kind == JSON_NODE_ARRAY ||
	    (a->json.kind == JSON_NODE_LITERAL && a->json.literal.p == NULL) ||
	    (a->json.kind == JSON_NODE_LITERAL && a->json.literal.p[0] == '['))
		return;
	if (a->json.kind == JSON_NODE_HOLE && !a->json.hole.is_condition && !a->json.hole.has_default &&
	    a->json.hole.source.kind == SOURCE_ARGS)
		return;
	mistake(&l->mistakes, t->at,
	    "`args` is a JSON array of all arguments, or '{@args}': for one argument write `data`");
}

/* The action keys of BLOCK; the inline action's `if` is its rule's, so it is not read here. */
static void action(struct load *l, cfg_t *block, unsigned scope, struct action *a)
{
	static const char *const bodies[] = {"data", "args", "add"};
	const struct token *emit = tree_value(block, "emit", 0);
	const struct token *body = NULL;

	if (event_name(l, emit, "emit"))
		a->emit = template_string_body(l->keep, emit->text);
	a->emit_plain = conf_arena_text(l->keep, emit->text.p, emit->text.n);
	a->has_emit = true;
	target_list(l, block, "to", scope, &a->nto, &a->to);
	target_list(l, block, "except", scope, &a->nexcept, &a->except);
	if (a->nto == 0) {
		a->nto = 1;
		a->to = conf_arena_alloc(l->keep, sizeof *a->to);
		if ((scope & SCOPE_ROOM) == 0)
			mistake(&l->mistakes, emit->at,
			    "`emit` without `room` needs `to`: write self, all, others or a room's name");
	}
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
			json_value(l, t, "data", scope, &a->json, &a->json_written);
		} else if (i == 1) {
			arguments(l, t, scope, a);
		} else {
			members(l, block, scope, a);
		}
	}
}

/* Without `emit` the other action keys say nothing. */
static bool has_action(struct load *l, cfg_t *block, bool payload)
{
	static const char *const keys[] = {"to", "except", "data", "args", "add"};

	if (tree_values(block, "emit") > 0)
		return true;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const struct token *t = i < 4 || payload ? tree_value(block, keys[i], 0) : NULL;

		if (t != NULL)
			mistake(&l->mistakes, t->at, "`%s` without `emit`: name the event to send", keys[i]);
	}
	return false;
}

static void actions(struct load *l, cfg_t *block, unsigned scope, struct rule *r)
{
	bool payload = (scope & SCOPE_PAYLOAD) != 0;
	unsigned nalso = tree_blocks(block, "also");

	conditions(l, block, scope, &r->nif, &r->ifs);
	r->action = conf_arena_alloc(l->keep, (nalso + 1) * sizeof *r->action);
	if (has_action(l, block, payload))
		action(l, block, scope, &r->action[r->naction++]);
	for (unsigned i = 0; i < nalso; i++) {
		cfg_t *also = tree_block(block, "also", i);
		struct action *a = &r->action[r->naction++];

		a->also = true;
		conditions(l, also, scope, &a->nif, &a->ifs);
		if (has_action(l, also, payload))
			action(l, also, scope, a);
		else
			mistake(&l->mistakes, tree_place(l, also),
			    "`also` without `emit` does nothing: name the event to send");
	}
}

static void requirements(struct load *l, cfg_t *block, struct rule *r)
{
	unsigned n = tree_values(block, "require");

	r->nrequire = n > 0 ? n : 1;
	r->require = conf_arena_alloc(l->keep, r->nrequire * sizeof *r->require);
	if (n == 0)
		r->require[0].kind = r->has_room ? WHO_MEMBER : WHO_ANY;
	for (unsigned i = 0; i < n; i++) {
		const struct token *t = tree_value(block, "require", i);

		if (room_who(l, t, "require", "member any authenticated", &r->require[i]) &&
		    r->require[i].kind == WHO_MEMBER && !r->has_room)
			mistake(&l->mistakes, t->at, "`require = member` needs `room`: member of what?");
	}
}

static void acknowledgement(struct load *l, cfg_t *block, unsigned scope, struct rule *r)
{
	const struct token *t = tree_value(block, "ack", 0);

	if (t == NULL || t->bad || text_is(t->text, "yes"))
		return;
	if (text_is(t->text, "no")) {
		r->ack = ACK_NONE;
		return;
	}
	if (t->kind == TOKEN_WORD) {
		mistake(&l->mistakes, t->at, "`ack = %s`: write yes, no, or a JSON template in quotes",
		    mistake_show(&l->mistakes, t->text));
		return;
	}
	r->ack = ACK_TEMPLATE;
	json_value(l, t, "ack", scope, &r->ack_json, &r->ack_written);
}

static bool dev_only(struct load *l, cfg_t *block)
{
	const struct token *t = tree_value(block, "dev", 0);

	if (t == NULL || t->bad || text_is(t->text, "no"))
		return false;
	if (!text_is(t->text, "yes"))
		mistake(&l->mistakes, t->at, "`dev = %s`: write yes or no", mistake_show(&l->mistakes, t->text));
	return true;
}

static void where(struct load *l, cfg_t *block, struct rule *r)
{
	struct place at = tree_place(l, block);

	r->file = at.file->path;
	r->line = at.line;
}

static void event(struct load *l, cfg_t *block, struct rule *r)
{
	const struct token *title = tree_title(l, block);
	const struct token *room = tree_value(block, "room", 0);
	unsigned scope = SCOPE_USER | SCOPE_RULE | SCOPE_PAYLOAD;

	where(l, block, r);
	if (event_name(l, title, "event") && memchr(title->text.p, '*', title->text.n) != NULL)
		mistake(&l->mistakes, title->at,
		    "event `%s`: patterns are not in this build of forkcast: name each event",
		    mistake_show(&l->mistakes, title->text));
	r->name = conf_arena_text(l->keep, title->text.p, title->text.n);
	r->name_json = template_string_body(l->keep, r->name);
	r->dev = dev_only(l, block);
	if (room != NULL) {
		r->room_type = room_template(l, room, "room", scope, &r->room);
		r->has_room = true;
		scope |= SCOPE_ROOM;
	}
	requirements(l, block, r);
	actions(l, block, scope, r);
	acknowledgement(l, block, scope, r);
}

static int by_name(const void *a, const void *b)
{
	const struct rule *x = a;
	const struct rule *y = b;

	return text_compare(x->name.p, x->name.n, y->name.p, y->name.n);
}

void rule_events(struct load *l, cfg_t *tree, struct catalogue *cat, struct catalogue_nsp *nsp)
{
	unsigned n = tree_blocks(tree, "event");

	nsp->event = conf_arena_alloc(l->keep, n * sizeof *nsp->event);
	for (unsigned i = 0; i < n; i++) {
		struct rule *r = &nsp->event[nsp->nevent];

		/* A rule for --dev is judged in any case, so that it cannot rot. */
		*r = (struct rule){0};
		event(l, tree_block(tree, "event", i), r);
		nsp->nevent += !r->dev || l->dev;
	}
	if (nsp->nevent > 0)
		qsort(nsp->event, nsp->nevent, sizeof *nsp->event, by_name);
	for (unsigned i = 0; i < nsp->nevent; i++)
		nsp->event[i].index = cat->nevents++;
	catalogue_index_build(l->keep, nsp);
}

void rule_on(struct load *l, cfg_t *tree, struct catalogue *cat, struct catalogue_nsp *nsp)
{
	for (unsigned i = 0; i < tree_blocks(tree, "on"); i++) {
		cfg_t *block = tree_block(tree, "on", i);
		const struct token *title = tree_title(l, block);
		const char *shown = mistake_show(&l->mistakes, title->text);
		struct rule *r;

		if (title->bad)
			continue;
		if (!text_is(title->text, "connect")) {
			if (later_trigger(title->text))
				mistake(&l->mistakes, title->at, "on `%s` is not in this build of forkcast: remove it",
				    shown);
			else
				mistake(&l->mistakes, title->at,
				    "on `%s`: no such trigger: this build knows on \"connect\"", shown);
			continue;
		}
		r = conf_arena_alloc(l->keep, sizeof *r);
		where(l, block, r);
		r->name = conf_arena_text(l->keep, title->text.p, title->text.n);
		r->name_json = template_string_body(l->keep, r->name);
		r->index = cat->nevents++;
		r->nrequire = 1;
		r->require = conf_arena_alloc(l->keep, sizeof *r->require);
		r->ack = ACK_NONE;
		actions(l, block, SCOPE_USER | SCOPE_RULE, r);
		if (r->naction == 0)
			mistake(
			    &l->mistakes, title->at, "on `%s` does nothing: name an event to send with `emit`", shown);
		nsp->on_connect = r;
	}
}
