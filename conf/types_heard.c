#include <string.h>

#include "conf/types.h"

enum form_kind {
	FORM_ONE,   /* one argument: its type */
	FORM_TUPLE, /* several, or none: "[a: string]" */
	FORM_ANY,
};

struct form {
	enum form_kind kind;
	const char *type;
	unsigned n; /* TUPLE: elements */
};

/* An event that the server sends, and with which arguments: one form for each place that sends it. */
struct heard {
	struct text name, json;
	unsigned n;
	struct form *form;
};

struct list {
	unsigned n;
	struct heard *heard;
};

static void add(struct types *t, struct list *l, struct text name, struct text json, struct form f)
{
	struct heard *h;
	unsigned i = 0;

	while (i < l->n && !text_equal(l->heard[i].name, name))
		i++;
	if (i == l->n) {
		l->heard = conf_arena_push(t->arena, l->heard, l->n, sizeof *l->heard);
		l->heard[l->n++] = (struct heard){.name = name, .json = json};
	}
	h = &l->heard[i];
	for (i = 0; i < h->n; i++)
		if (h->form[i].kind == f.kind && strcmp(h->form[i].type, f.type) == 0)
			return;
	h->form = conf_arena_push(t->arena, h->form, h->n, sizeof *h->form);
	h->form[h->n++] = f;
}

static const char *object(struct types *t, const char *members)
{
	return conf_arena_format(t->arena, "{ %s }", members).p;
}

/* The payload with the action's members set. */
static const char *with_added(const struct types_at *at, const struct action *a)
{
	const char *out = "";

	for (unsigned i = 0; i < a->nadd; i++) {
		bool absent;
		const char *type = types_source(at, &a->add[i].source, &absent);

		out = conf_arena_format(at->t->arena, "%s%s%s: %s; ", out, types_key(at->t, a->add[i].key), absent ? "?" : "", type).p;
	}
	return object(at->t, conf_arena_format(at->t->arena, "%s%s", out, types_members(at->t, at->rule, TYPES_HEARD, a)).p);
}

/* The arguments as they came. */
static struct form passed(struct types *t, const struct rule *r, bool event)
{
	const char *type;

	if (!event)
		return (struct form){FORM_TUPLE, "[]"};
	if (r->fields != NULL && r->fields->params)
		return (struct form){FORM_TUPLE, types_positions_heard(t, r), r->fields->top.n};
	if (r->fields == NULL && (types_reads(t, r)->n == 0 || types_reads(t, r)->list))
		return (struct form){FORM_ANY, "any[]"};
	type = object(t, types_members(t, r, TYPES_HEARD, NULL));
	if (!types_may_miss(t, r))
		return (struct form){FORM_ONE, type};
	return (struct form){FORM_TUPLE, conf_arena_format(t->arena, "[payload?: %s]", type).p, 1};
}

static struct form unframed(const struct types_at *at, const struct action *a, bool event)
{
	struct types_text to;

	switch (a->body) {
	case BODY_PASS: return passed(at->t, at->rule, event);
	case BODY_DATA: return (struct form){FORM_ONE, types_json(at, &a->json)};
	case BODY_ADD: return (struct form){FORM_ONE, with_added(at, a)};
	case BODY_ARGS: break;
	}
	if (a->json.kind == JSON_NODE_HOLE)
		return passed(at->t, at->rule, event);
	if (types_elements(at, &a->json) == NULL)
		return (struct form){FORM_ANY, "any[]"};
	types_begin(&to);
	fputc('[', to.f);
	for (unsigned i = 0; i < a->json.n; i++)
		fprintf(to.f, "%sargument%u: %s", i > 0 ? ", " : "", i + 1, types_json(at, &a->json.child[i]));
	fputc(']', to.f);
	return (struct form){FORM_TUPLE, types_end(at->t, &to), a->json.n};
}

static void action(struct types *t, struct list *l, const struct rule *r, const struct room_type *type,
    const struct action *a, bool event)
{
	struct types_at at = {.t = t, .rule = r, .each = a->each != NULL ? a->each : type};
	struct form f;

	if (!a->has_emit)
		return;
	f = unframed(&at, a, event);
	if (a->envelope != NULL) {
		at.payload = f.kind == FORM_ONE ? f.type : "unknown";
		at.event = a->emit;
		f = (struct form){FORM_ONE, types_json(&at, &a->envelope->json)};
	}
	add(t, l, a->emit_plain, a->emit, f);
}

struct reactions {
	struct types *t;
	struct list *list;
};

static void reaction(void *arg, const struct rule *r, const struct room_type *type)
{
	const struct reactions *to = arg;

	for (unsigned i = 0; i < r->naction; i++)
		action(to->t, to->list, r, type, &r->action[i], false);
}

static void collect(struct types *t, struct list *l)
{
	const struct catalogue_nsp *nsp = t->nsp;
	const struct types_at refusal = {.t = t};
	const struct text ping = nsp->builtins.name[BUILTIN_PING];

	walk_reactions(nsp, reaction, &(struct reactions){t, l});
	for (unsigned i = 0; i < nsp->nevery; i++)
		reaction(&(struct reactions){t, l}, &nsp->every[i].rule, NULL);
	for (unsigned i = 0; i < nsp->nevent; i++)
		for (unsigned j = 0; j < nsp->event[i].naction; j++)
			action(t, l, &nsp->event[i], NULL, &nsp->event[i].action[j], true);
	for (unsigned i = 0; i < nsp->nroute; i++)
		for (unsigned j = 0; j < nsp->route[i].naction; j++)
			action(t, l, &nsp->route[i], NULL, &nsp->route[i].action[j], true);
	add(t, l, nsp->errors.emit_plain, nsp->errors.emit,
	    (struct form){FORM_ONE, types_json(&refusal, &nsp->errors.data)});
	for (unsigned i = 0; i < nsp->nlimit; i++) {
		const struct limit *m = &nsp->limit[i];

		if (m->emit.p != NULL)
			add(t, l, m->emit_plain, m->emit,
			    (struct form){FORM_ONE, types_json(&refusal, m->has_data ? &m->data : &nsp->errors.data)});
	}
	if (ping.p != NULL && catalogue_event(nsp, ping.p, ping.n) == NULL)
		add(t, l, (struct text){"pong", 4}, (struct text){"pong", 4}, (struct form){FORM_TUPLE, "[]"});
}

/* The form as one of several tuples, which have MOST elements: a function may name all of them. */
static const char *padded(struct types *t, const struct form *f, unsigned most)
{
	unsigned n = f->kind == FORM_ONE ? 1 : f->n;
	const char *out = f->kind == FORM_ONE ? conf_arena_format(t->arena, "[payload: %s", f->type).p
					      : conf_arena_text(t->arena, f->type, strlen(f->type) - 1).p;

	for (; n < most; n++)
		out = conf_arena_format(t->arena, "%s%sargument%u: undefined", out, n > 0 ? ", " : "", n + 1).p;
	return conf_arena_format(t->arena, "%s]", out).p;
}

/* What the function for the event takes. */
static const char *parameters(struct types *t, const struct heard *h)
{
	const char *name, *out = "";
	unsigned most = 1;
	bool one = true;

	for (unsigned i = 0; i < h->n; i++) {
		if (h->form[i].kind == FORM_ANY)
			return "...args: any[]";
		one &= h->form[i].kind == FORM_ONE;
		most = h->form[i].n > most ? h->form[i].n : most;
	}
	if (h->n == 1 && strcmp(h->form[0].type, "[]") == 0)
		return "";
	name = types_name(t, "On", h->name, "");
	for (unsigned i = 0; i < h->n; i++)
		out = conf_arena_format(t->arena, "%s%s%s", out, i > 0 ? " | " : "",
		    one ? h->form[i].type : padded(t, &h->form[i], most))
			  .p;
	fprintf(t->out, "%sexport type %s = %s;\n", t->indent, name, out);
	return conf_arena_format(t->arena, one ? "payload: %s" : "...args: %s", name).p;
}

void types_heard(struct types *t)
{
	struct list l = {0};
	const char **takes;

	collect(t, &l);
	takes = conf_arena_alloc(t->arena, l.n * sizeof *takes);
	for (unsigned i = 0; i < l.n; i++)
		takes[i] = parameters(t, &l.heard[i]);
	fprintf(t->out, "\n%s/** What a client may hear. */\n%sexport interface ServerToClientEvents {\n", t->indent, t->indent);
	for (unsigned i = 0; i < l.n; i++)
		fprintf(t->out, "%s\t\"%s\": (%s) => void;\n", t->indent, l.heard[i].json.p, takes[i]);
	fprintf(t->out, "%s}\n", t->indent);
}
