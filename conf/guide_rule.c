#include <string.h>

#include "conf/guide.h"
#include "conf/load.h"
#include "conf/say.h"
#include "conf/walk.h"

void guide_cell(struct guide *g, struct text t)
{
	char *out = conf_arena_alloc(g->arena, t.n * 2 + 1);
	size_t n = 0;

	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == '|')
			out[n++] = '\\';
		out[n++] = t.p[i];
	}
	say_code(g->out, (struct text){out, n});
}

static void guide_place(struct guide *g, const struct rule *r)
{
	const char *slash = strrchr(r->file, '/');

	fprintf(g->out, "%s:%d", slash != NULL ? slash + 1 : r->file, r->line);
}

/* "name?: TYPE = default", apart again. */
static void field(struct guide *g, struct text written)
{
	const char *colon = memchr(written.p, ':', written.n);
	const char *end = written.p + written.n;
	const char *equal = colon != NULL ? memchr(colon, '=', (size_t)(end - colon)) : NULL;
	const char *type = colon != NULL ? colon + 1 : end;
	const char *name_end = colon != NULL ? colon : end;
	const char *type_end = equal != NULL ? equal : end;
	const char *dflt = equal != NULL ? equal + 1 : NULL;
	bool optional = false;

	while (name_end > written.p && (name_end[-1] == ' ' || name_end[-1] == '?'))
		optional |= *--name_end == '?';
	while (type < type_end && *type == ' ')
		type++;
	while (type_end > type && type_end[-1] == ' ')
		type_end--;
	fputs("| ", g->out);
	guide_cell(g, (struct text){written.p, (size_t)(name_end - written.p)});
	fputs(" | ", g->out);
	guide_cell(g, (struct text){type, (size_t)(type_end - type)});
	fprintf(g->out, " | %s | ", optional || dflt != NULL ? "no" : "yes");
	if (dflt != NULL) {
		while (*dflt == ' ')
			dflt++;
		guide_cell(g, (struct text){dflt, (size_t)(end - dflt)});
	}
	fputs(" |\n", g->out);
}

static void declared(struct guide *g, const struct rule *r)
{
	const struct fields *f = r->fields;

	fputs(f->both && f->params ? "Arguments by position, or one object with these members:\n"
		  : f->both	   ? "One object, or its members as arguments by position:\n"
		  : f->params	   ? "Arguments by position:\n"
				   : "One object:\n",
	    g->out);
	fprintf(g->out, "\n| %s | type | needed | default |\n|---|---|---|---|\n", f->params ? "argument" : "member");
	for (unsigned i = 0; i < f->nwritten; i++)
		field(g, f->written[i]);
	fprintf(g->out, "\nOthers are %s.\n",
	    f->unknown == UNKNOWN_DROP	   ? "dropped"
		: f->unknown == UNKNOWN_REJECT ? "refused with the code `invalid`"
					       : "passed on");
}

static void undeclared(struct guide *g, const struct rule *r)
{
	const struct walk_reads reads = walk_reads(g->arena, r);

	if (reads.n == 0 || reads.list) {
		fputs("Any arguments.\n", g->out);
		return;
	}
	fputs("One object; nothing is checked, but these members are read:", g->out);
	for (unsigned i = 0; i < reads.n; i++) {
		fputs(i > 0 ? ", " : " ", g->out);
		say_code(g->out, reads.member[i].name);
		fputs(reads.member[i].room ? " (a text or an integer, needed)" : "", g->out);
	}
	fputs(".\n", g->out);
}

static void limits(struct guide *g, const struct rule *r)
{
	if (r->nlimit == 0)
		return;
	fputs("- Limits:", g->out);
	for (unsigned i = 0; i < r->nlimit; i++) {
		fputs(i > 0 ? "; " : " ", g->out);
		say_code(g->out, r->limit[i]->name);
		fputs(", ", g->out);
		say_limit(g->out, r->limit[i]);
	}
	fputc('\n', g->out);
}

static void checks(struct guide *g, const struct rule *r)
{
	for (unsigned i = 0; i < r->ncheck; i++) {
		if (r->silent) {
			fputs("- Refused in silence", g->out);
		} else {
			fputs("- Refused with ", g->out);
			say_code(g->out, r->check[i].error_plain);
		}
		if (r->check[i].code.p != NULL) {
			fputs(", code ", g->out);
			say_code(g->out, r->check[i].code);
		}
		fputs(" unless ", g->out);
		say_conditions(g->out, r->check[i].nif, r->check[i].ifs);
		fputc('\n', g->out);
	}
	if (r->hook.hook != NULL) {
		fputs("- Then: ", g->out);
		say_hook(g->out, &r->hook);
		fputc('\n', g->out);
	}
}

static void steps(struct guide *g, const struct rule *r)
{
	if (r->nif > 0) {
		fputs("- Nothing happens, and nobody is told, unless ", g->out);
		say_conditions(g->out, r->nif, r->ifs);
		fputc('\n', g->out);
	}
	if (r->nrequire > 0) {
		fputs("- Who may: ", g->out);
		say_who(g->out, r->nrequire, r->require);
		fputc('\n', g->out);
	}
	checks(g, r);
	if (r->silent)
		fputs("- Who is refused is told nothing\n", g->out);
	for (unsigned i = 0; i < r->naction; i++) {
		fputs("- Then: ", g->out);
		say_action(g->out, &r->action[i]);
		fputc('\n', g->out);
	}
}

static void title(struct guide *g, const struct rule *r)
{
	fputs("\n#### ", g->out);
	say_code(g->out, r->name);
	fputs("\n\n", g->out);
	if (r->dev)
		fputs("Only under --dev. ", g->out);
}

static void arguments(struct guide *g, const struct rule *r)
{
	if (r->fields != NULL)
		declared(g, r);
	else
		undeclared(g, r);
	fputc('\n', g->out);
	if (r->has_room) {
		fputs("- Room: ", g->out);
		say_code(g->out, r->room.written);
		fputc('\n', g->out);
	}
}

static void place(struct guide *g, const struct rule *r)
{
	fputs("- Declared in ", g->out);
	guide_place(g, r);
	fputc('\n', g->out);
}

void guide_event(struct guide *g, const struct rule *r)
{
	title(g, r);
	if (r->pattern)
		fputs("Every event whose name begins so and that has no rule of its own. ", g->out);
	arguments(g, r);
	limits(g, r);
	steps(g, r);
	fputs("- Ack: ", g->out);
	say_ack(g->out, r);
	fputc('\n', g->out);
	place(g, r);
}

struct vars {
	struct guide *g;
	unsigned n;
};

static void var(void *arg, const struct source *s, enum walk_use use)
{
	struct vars *v = arg;

	(void)use;
	if (s->kind != SOURCE_VARS)
		return;
	fputs(v->n++ == 0 ? "- It is told where by: " : ", ", v->g->out);
	say_code(v->g->out, s->written);
}

void guide_route(struct guide *g, const struct rule *r)
{
	struct vars v = {g, 0};

	title(g, r);
	fputs("Of `data`: ", g->out);
	arguments(g, r);
	walk_rule(r, var, &v);
	fputs(v.n > 0 ? "\n" : "", g->out);
	limits(g, r);
	steps(g, r);
	place(g, r);
}

void guide_on(struct guide *g, const struct rule *r, int64_t interval)
{
	fputs(interval > 0 ? "\n#### Every " : "\n#### On ", g->out);
	if (interval > 0) {
		value_print_duration(interval, g->out);
		fputs(": ", g->out);
	}
	say_code(g->out, r->name);
	fputs("\n\n", g->out);
	limits(g, r);
	if (r->nif > 0) {
		fputs("- Only if ", g->out);
		say_conditions(g->out, r->nif, r->ifs);
		fputc('\n', g->out);
	}
	checks(g, r);
	for (unsigned i = 0; i < r->naction; i++) {
		fputs("- Then: ", g->out);
		say_action(g->out, &r->action[i]);
		fputc('\n', g->out);
	}
	place(g, r);
}

static void heard(struct guide *g, struct text event, const char *when, struct text name, const char *body, struct text json)
{
	fputs("| ", g->out);
	guide_cell(g, event);
	fprintf(g->out, " | %s", when);
	if (name.n > 0) {
		fputc(' ', g->out);
		guide_cell(g, name);
	}
	fprintf(g->out, " | %s", body);
	if (json.n > 0)
		guide_cell(g, json);
	fputs(" |\n", g->out);
}

static void heard_action(struct guide *g, const struct rule *r, const struct action *a, const char *when)
{
	static const struct text none = {"", 0};

	if (!a->has_emit)
		return;
	if (a->body == BODY_DATA)
		heard(g, a->emit_plain, when, r->name, "", a->json_written);
	else if (a->body == BODY_ARGS)
		heard(g, a->emit_plain, when, r->name, "the arguments ", a->json_written);
	else if (a->body == BODY_ADD)
		heard(g, a->emit_plain, when, r->name, "the payload, with members set by the server", none);
	else
		heard(g, a->emit_plain, when, r->name, when[0] == 'o' ? "none" : "the arguments as they were sent", none);
}

static void heard_rule(struct guide *g, const struct rule *r, const char *when)
{
	for (unsigned i = 0; i < r->naction; i++)
		heard_action(g, r, &r->action[i], when);
}

static void heard_reaction(void *arg, const struct rule *r, const struct room_type *type)
{
	(void)type;
	heard_rule(arg, r, "on");
}

void guide_heard(struct guide *g)
{
	const struct catalogue_nsp *nsp = g->nsp;
	static const struct text none = {"", 0};

	fputs("\n### What clients hear\n\n| event | when | argument |\n|---|---|---|\n", g->out);
	walk_reactions(nsp, heard_reaction, g);
	for (unsigned i = 0; i < nsp->nevery; i++)
		heard_rule(g, &nsp->every[i].rule, "on time, by");
	for (unsigned i = 0; i < nsp->nevent; i++)
		heard_rule(g, &nsp->event[i], "somebody sends");
	for (unsigned i = 0; i < nsp->nroute; i++)
		heard_rule(g, &nsp->route[i], "a backend publishes");
	for (unsigned i = 0; i < nsp->nlimit; i++)
		if (nsp->limit[i].emit.p != NULL)
			heard(g, nsp->limit[i].emit_plain, "refused by the limit", nsp->limit[i].name, "",
			    nsp->limit[i].has_data ? nsp->limit[i].data_written : nsp->errors.data_written);
	heard(g, nsp->errors.emit_plain, "something was refused and no ack was asked for", none, "", nsp->errors.data_written);
}
