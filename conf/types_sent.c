#include <string.h>

#include "conf/types.h"

/* True when a limit may refuse the event, whose ack is a Refusal then. */
static bool limited(const struct catalogue_nsp *nsp, struct text name)
{
	for (unsigned i = 0; i < nsp->nlimit; i++)
		if (nsp->limit[i].on == LIMIT_ON_EVENTS && catalogue_limit_covers(&nsp->limit[i], name.p, name.n))
			return true;
	return false;
}

/* What the ack hands to the client's function, as a tuple. */
static const char *answer(struct types *t, const struct rule *r)
{
	const struct types_at at = {.t = t, .rule = r};
	const char *elements, *name;
	struct types_text to;

	if (r->ack != ACK_ARGS) {
		name = types_name(t, "", r->name, "Ack");
		fprintf(t->out, "%sexport type %s = %s | Refusal;\n", t->indent, name,
		    r->ack == ACK_DEFAULT ? "{ success: true }" : types_json(&at, &r->ack_json));
		return conf_arena_format(t->arena, "[answer: %s]", name).p;
	}
	elements = types_elements(&at, &r->ack_json);
	if (elements == NULL)
		return "any[]";
	if (elements[0] == '\0')
		return "[answer?: Refusal]";
	if (r->ack_json.n == 1)
		return conf_arena_format(t->arena, "[answer: %s | Refusal]", elements).p;
	/* A refusal is one argument: the others are not there then. */
	types_begin(&to);
	for (unsigned i = 0; i < r->ack_json.n; i++)
		fprintf(to.f, "%sargument%u%s: %s%s", i > 0 ? ", " : "[", i + 1, i > 0 ? "?" : "",
		    types_json(&at, &r->ack_json.child[i]), i > 0 ? "" : " | Refusal");
	fputc(']', to.f);
	return types_end(t, &to);
}

/* The forms of the arguments, without the ack; NULL: anything. */
static const char *forms(struct types *t, const struct rule *r)
{
	const struct fields *f = r->fields;
	const char *object = NULL, *name;

	if (f == NULL && (types_reads(t, r)->n == 0 || types_reads(t, r)->list))
		return NULL;
	if (f == NULL || !f->params || f->both) {
		name = types_name(t, "Send", r->name, "");
		if (f != NULL) {
			fprintf(t->out, "%s/** %s", t->indent, types_comment(t, r->name.p));
			for (unsigned i = 0; i < f->nwritten; i++)
				fprintf(t->out, "%s%s", i > 0 ? ", " : ": ", types_comment(t, f->written[i].p));
			fputs(" */\n", t->out);
		}
		fprintf(t->out, "%sexport type %s = { %s };\n", t->indent, name, types_members(t, r, TYPES_SENT, NULL));
		object = conf_arena_format(t->arena, "[payload: %s]%s", name, types_may_miss(t, r) ? " | []" : "").p;
	}
	if (f == NULL || (!f->params && !f->both))
		return object;
	if (object == NULL)
		return types_positions_sent(t, r);
	return conf_arena_format(t->arena, "%s | %s", object, types_positions_sent(t, r)).p;
}

/* True when a name has both this rule and another one that is more exact: a member of the interface must fit both. */
static bool overlaps(const struct types *t, const struct rule *r)
{
	const struct catalogue_nsp *nsp = t->nsp;
	size_t n = r->name.n - 1;

	for (unsigned i = 0; i < nsp->nevent; i++)
		if (&nsp->event[i] != r && nsp->event[i].name.n > n && memcmp(nsp->event[i].name.p, r->name.p, n) == 0)
			return true;
	for (unsigned i = 0; i < BUILTIN_MAX; i++)
		if (nsp->builtins.name[i].p != NULL && nsp->builtins.name[i].n > n &&
		    memcmp(nsp->builtins.name[i].p, r->name.p, n) == 0)
			return true;
	return t->conf->auth.in_band.on && t->conf->auth.in_band.event.n > n &&
	    memcmp(t->conf->auth.in_band.event.p, r->name.p, n) == 0;
}

struct sent {
	const char *key, *forms, *answer;
};

static void print_one(const struct types *t, const struct sent *s)
{
	fprintf(t->out, "%s\t%s: (...args: ", t->indent, s->key);
	if (s->forms == NULL)
		fputs("any[]", t->out);
	else if (s->answer == NULL)
		fputs(s->forms, t->out);
	else
		fprintf(t->out, "Acked<%s, %s>", s->forms, s->answer);
	fputs(") => void;\n", t->out);
}

static const char *string_key(struct types *t, struct text name)
{
	/* A name that is no event of the conf: it has no JSON form, and few need one. */
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '"' || name.p[i] == '\\')
			return NULL;
	return conf_arena_format(t->arena, "\"%s\"", name.p).p;
}

/* Which rooms a subscribe may name, as a union; NULL: none.  ALL: to unsubscribe, those that rules join too. */
static const char *asked(struct types *t, bool all)
{
	const char *out = NULL;

	for (unsigned i = 0; i < t->nsp->nroom_type; i++) {
		const struct room_type *r = &t->nsp->room_type[i];

		if (r->builtin || (r->njoin == 0 && !all))
			continue;
		out = conf_arena_format(t->arena, "%s%s{ room: \"%s\"; id%s }", out != NULL ? out : "",
		    out != NULL ? " | " : "", r->name.p, r->single ? "?: null" : ": string | number")
			  .p;
	}
	return out;
}

static void builtins(struct types *t)
{
	static const char *const names[] = {"Subscription", "Unsubscription"};

	for (unsigned i = 0; i < BUILTIN_MAX; i++) {
		struct text name = t->nsp->builtins.name[i];
		const char *refused = name.p != NULL && limited(t->nsp, name) ? " | Refusal" : "";
		struct sent s = {.forms = "[]"};

		if (name.p == NULL || catalogue_event(t->nsp, name.p, name.n) != NULL || (s.key = string_key(t, name)) == NULL)
			continue;
		if (i == BUILTIN_SUBSCRIBE || i == BUILTIN_UNSUBSCRIBE) {
			if (asked(t, i == BUILTIN_UNSUBSCRIBE) == NULL)
				continue;
			s.forms = conf_arena_format(t->arena, "[room: %s]", names[i]).p;
			s.answer = "[answer: { success: true; room: Room; message: string } | Refusal]";
		} else if (i == BUILTIN_ROOMS) {
			s.answer = conf_arena_format(t->arena, "[rooms: Room[]%s]", refused).p;
		} else {
			s.answer = conf_arena_format(t->arena, "[answer: \"pong\"%s]", refused).p;
		}
		print_one(t, &s);
	}
}

static void in_band(struct types *t)
{
	const struct conf_in_band *b = &t->conf->auth.in_band;
	struct sent s = {.forms = "[credentials: { token: string }] | [token: string]",
	    .answer = "[answer: { success: true; user: User } | Refusal]"};

	if (!b->on || (s.key = string_key(t, b->event)) == NULL)
		return;
	if (b->factors == CONF_FACTORS_BOTH)
		s.forms = "[credentials: { token: string; signature: string; message: string }] | "
			  "[token: string, signature: string, message: string]";
	print_one(t, &s);
}

void types_sent(struct types *t)
{
	const struct catalogue_nsp *nsp = t->nsp;
	struct sent *list = conf_arena_alloc(t->arena, nsp->nevent * sizeof *list);

	if (asked(t, false) != NULL)
		fprintf(t->out, "%sexport type Subscription = %s;\n", t->indent, asked(t, false));
	if (asked(t, true) != NULL)
		fprintf(t->out, "%sexport type Unsubscription = %s;\n", t->indent, asked(t, true));
	for (unsigned i = 0; i < nsp->nevent; i++) {
		const struct rule *r = &nsp->event[i];

		list[i].key = r->pattern ? conf_arena_format(t->arena, "[event: %s]", types_pattern(t, r->name)).p
					 : conf_arena_format(t->arena, "\"%s\"", r->name_json.p).p;
		if (r->pattern && overlaps(t, r))
			continue;
		list[i].forms = forms(t, r);
		/* Where anything may be sent the function cannot be told from what is sent, but what it gets has a name. */
		if (r->ack != ACK_NONE)
			list[i].answer = answer(t, r);
	}
	fprintf(t->out, "\n%s/** What a client may emit. */\n%sexport interface ClientToServerEvents {\n", t->indent, t->indent);
	for (unsigned i = 0; i < nsp->nevent; i++) {
		const struct rule *r = &nsp->event[i];
		const char *slash = strrchr(r->file, '/');

		fprintf(t->out, "%s\t/** %s:%d */\n", t->indent, types_comment(t, slash != NULL ? slash + 1 : r->file), r->line);
		print_one(t, &list[i]);
	}
	builtins(t);
	in_band(t);
	fprintf(t->out, "%s}\n", t->indent);
}
