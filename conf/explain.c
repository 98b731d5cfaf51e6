#include <string.h>

#include "conf/load.h"
#include "conf/say.h"
#include "conf/tools.h"
#include "conf/walk.h"

/* What happens to an event, step by step, and who may be in a room: the order is that of worker/rule.c. */

struct explain {
	const struct conf *conf;
	const struct catalogue_nsp *nsp;
	const struct tools_question *q;
	unsigned step;
	FILE *out;
};

enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_DEPENDS };

static struct text text_of(const char *s)
{
	return (struct text){s, strlen(s)};
}

static void quoted(const struct explain *x, const char *s)
{
	say_code(x->out, text_of(s));
}

static void step(struct explain *x, const char *key)
{
	fprintf(x->out, "  %2u. %-8s ", ++x->step, key);
}

/* True when the question is about somebody. */
static bool asked(const struct explain *x)
{
	return x->q->user != NULL || x->q->role != NULL;
}

/* What stands behind the colon of the room's name; p NULL: nothing. */
static struct text room_id(const char *room)
{
	const char *colon = room != NULL ? strchr(room, ':') : NULL;

	return colon != NULL ? text_of(colon + 1) : (struct text){NULL, 0};
}

/* A role is a user's: who asks about a role asks about one who has a token. */
static enum verdict one_of(const struct explain *x, unsigned n, const struct who *who)
{
	enum verdict best = VERDICT_NO;
	const struct text id = room_id(x->q->room);

	for (unsigned i = 0; i < n; i++) {
		switch (who[i].kind) {
		case WHO_ANY:
		case WHO_AUTHENTICATED: return VERDICT_YES;
		case WHO_ROLE:
			if (x->q->role != NULL && text_is(who[i].role, x->q->role))
				return VERDICT_YES;
			break;
		case WHO_OWN:
			if (id.p != NULL && x->q->user != NULL && text_is(id, x->q->user))
				return VERDICT_YES;
			if (id.p == NULL || x->q->user == NULL)
				best = VERDICT_DEPENDS;
			break;
		case WHO_CLAIM:
		case WHO_HOOK:
		case WHO_MEMBER: best = VERDICT_DEPENDS; break;
		}
	}
	return best;
}

static void somebody(const struct explain *x)
{
	if (x->q->user != NULL) {
		fputs("user ", x->out);
		quoted(x, x->q->user);
	} else {
		fputs("a user", x->out);
	}
	if (x->q->role != NULL) {
		fputs(" with the role ", x->out);
		quoted(x, x->q->role);
	} else {
		fputs(" without a role", x->out);
	}
}

/* Says whether whom the question is about is one of them. */
static void judge(const struct explain *x, unsigned n, const struct who *who, const char *depends)
{
	static const char *const words[] = {[VERDICT_NO] = "no", [VERDICT_YES] = "yes", [VERDICT_DEPENDS] = "only "};
	enum verdict v;

	if (!asked(x)) {
		fputc('\n', x->out);
		return;
	}
	v = one_of(x, n, who);
	fputs("; ", x->out);
	somebody(x);
	fprintf(x->out, ": %s%s\n", words[v], v == VERDICT_DEPENDS ? depends : "");
}

static void limit(struct explain *x, const struct limit *l)
{
	step(x, "limit");
	say_code(x->out, l->name);
	fputs(": ", x->out);
	say_limit(x->out, l);
	for (unsigned j = 0; x->q->role != NULL && j < l->nrole; j++) {
		if (!text_is(l->role[j].role, x->q->role))
			continue;
		fprintf(x->out, "; so here %u in ", (unsigned)l->role[j].rate.most);
		value_print_duration(l->role[j].rate.period_ms, x->out);
	}
	fputc('\n', x->out);
}

/* Those that the rule names are asked first. */
static void limits(struct explain *x, const struct rule *r)
{
	const char *name = x->q->event;
	unsigned named = r != NULL ? r->nlimit_named : 0;

	for (unsigned i = 0; i < named; i++)
		limit(x, r->limit[i]);
	for (unsigned i = 0; i < x->nsp->nlimit; i++) {
		const struct limit *l = &x->nsp->limit[i];
		bool told = false;

		for (unsigned j = 0; j < named; j++)
			told |= r->limit[j] == l;
		if (!told && l->on == LIMIT_ON_EVENTS && catalogue_limit_covers(l, name, strlen(name)))
			limit(x, l);
	}
}

static void demands(struct explain *x, const struct rule *r)
{
	const struct fields *f = r->fields;

	if (f != NULL) {
		step(x, f->params ? "params" : "fields");
		for (unsigned i = 0; i < f->nwritten; i++) {
			fputs(i > 0 ? ", " : "", x->out);
			say_code(x->out, f->written[i]);
		}
		fputs(f->both ? ", as one object or by position" : "", x->out);
		fprintf(x->out, "; others are %s\n",
		    f->unknown == UNKNOWN_DROP ? "dropped" : f->unknown == UNKNOWN_REJECT ? "refused" : "passed on");
	}
	if (r->has_room) {
		step(x, "room");
		say_code(x->out, r->room.written);
		fputc('\n', x->out);
	}
	if (r->nif > 0) {
		step(x, "if");
		say_conditions(x->out, r->nif, r->ifs);
		fputs(", else nothing happens and nobody is told\n", x->out);
	}
	if (r->nrequire > 0) {
		step(x, "require");
		say_who(x->out, r->nrequire, r->require);
		judge(x, r->nrequire, r->require, "as a member of that room");
	}
	for (unsigned i = 0; i < r->ncheck; i++) {
		step(x, "check");
		say_conditions(x->out, r->check[i].nif, r->check[i].ifs);
		if (r->silent) {
			fputs(", else silence", x->out);
		} else {
			fputs(", else the error ", x->out);
			say_code(x->out, r->check[i].error_plain);
		}
		if (r->check[i].code.p != NULL) {
			fputs(" with the code ", x->out);
			say_code(x->out, r->check[i].code);
		}
		fputc('\n', x->out);
	}
	if (r->hook.hook != NULL) {
		step(x, "hook");
		say_hook(x->out, &r->hook);
		fputc('\n', x->out);
	}
	if (r->silent) {
		step(x, "deny");
		fputs("silent: a sender who is refused by one of these is told nothing\n", x->out);
	}
}

static void acts(struct explain *x, const struct rule *r)
{
	for (unsigned i = 0; i < r->naction; i++) {
		step(x, r->action[i].also ? "also" : "do");
		say_action(x->out, &r->action[i]);
		fputc('\n', x->out);
	}
}

/* PATTERN: no exact name brought R. */
static void heading(const struct explain *x, const struct rule *r, bool pattern)
{
	fputs("event ", x->out);
	quoted(x, x->q->event);
	fputs(" in namespace ", x->out);
	say_code(x->out, x->nsp->name);
	fprintf(x->out, ": the rule at %s:%d, ", r->file, r->line);
	if (pattern) {
		fputs("whose pattern ", x->out);
		say_code(x->out, r->name);
		fputs(" is the longest that covers it", x->out);
	} else {
		fputs("of this very name", x->out);
	}
	fputs(r->dev ? "; only under --dev\n" : "\n", x->out);
}

static unsigned builtin_of(const struct explain *x)
{
	unsigned i = 0;

	while (i < BUILTIN_MAX &&
	    (x->nsp->builtins.name[i].p == NULL || !text_is(x->nsp->builtins.name[i], x->q->event)))
		i++;
	return i;
}

static void explain_builtin(struct explain *x, unsigned which)
{
	static const char *const does[] = {
	    [BUILTIN_SUBSCRIBE] = "{room, id}: joins the room when the room's own `join` allows it (ask with --room)",
	    [BUILTIN_UNSUBSCRIBE] = "{room, id}: leaves the room",
	    [BUILTIN_ROOMS] = "answers with the names of the rooms that the client is in",
	    [BUILTIN_PING] = "answers \"pong\", or emits `pong` when no ack was asked for",
	};

	fputs("event ", x->out);
	quoted(x, x->q->event);
	fputs(" in namespace ", x->out);
	say_code(x->out, x->nsp->name);
	fputs(": built in, no rule has this name\n", x->out);
	limits(x, NULL);
	step(x, "do");
	fprintf(x->out, "%s\n", does[which]);
}

static bool explain_event(struct explain *x)
{
	const char *name = x->q->event;
	size_t n = strlen(name);
	const struct conf_in_band *band = &x->conf->auth.in_band;
	const struct rule *r = catalogue_event(x->nsp, name, n);
	bool pattern = false;

	if (band->on && text_is(band->event, name)) {
		fputs("event ", x->out);
		quoted(x, name);
		fprintf(x->out, ": what auth { in_band { } } takes: `%s` logs the client in, in every namespace; no limit counts it\n",
		    band->factors == CONF_FACTORS_BOTH ? "{token, signature, message}" : "{token}");
		return true;
	}
	if (r == NULL && builtin_of(x) < BUILTIN_MAX) {
		explain_builtin(x, builtin_of(x));
		return true;
	}
	if (r == NULL) {
		r = catalogue_event_pattern(x->nsp, name, n);
		pattern = true;
	}
	if (r != NULL) {
		heading(x, r, pattern);
		limits(x, r);
		demands(x, r);
		acts(x, r);
		step(x, "ack");
		say_ack(x->out, r);
		fputc('\n', x->out);
		return true;
	}
	fputs("event ", x->out);
	quoted(x, name);
	fputs(" in namespace ", x->out);
	say_code(x->out, x->nsp->name);
	fputs(": nothing declares it; who asks for an ack gets the code `unknown_event`, others hear nothing\n", x->out);
	limits(x, NULL);
	return false;
}

/* What backends publish has names of its own. */
static bool explain_route(struct explain *x)
{
	const struct rule *r = catalogue_route(x->nsp, x->q->event, strlen(x->q->event));

	if (r == NULL)
		return false;
	x->step = 0;
	fputs("route ", x->out);
	quoted(x, x->q->event);
	fputs(" in namespace ", x->out);
	say_code(x->out, x->nsp->name);
	fprintf(x->out, ": what backends publish by this name, at %s:%d\n", r->file, r->line);
	for (unsigned i = 0; i < r->nlimit; i++)
		limit(x, r->limit[i]);
	demands(x, r);
	acts(x, r);
	return true;
}

/* True when the template names rooms of the type. */
static bool names_type(struct text written, const struct room_type *type)
{
	size_t n = type->name.n;

	return written.n >= n && memcmp(written.p, type->name.p, n) == 0 && (written.n == n || written.p[n] == ':');
}

struct joined {
	const struct explain *x;
	const struct room_type *type;
};

/* A rule that lets clients into rooms of the type, whatever its own `join` says; ABOUT: the room type of the rule. */
static void joined_by(const struct joined *j, const struct rule *r, const char *what, const struct room_type *about)
{
	for (unsigned i = 0; i < r->naction; i++) {
		for (unsigned k = 0; k < r->action[i].njoin; k++) {
			const struct target *t = &r->action[i].join[k];

			if (t->kind == TARGET_ROOM ? about != j->type : !names_type(t->room.written, j->type))
				continue;
			fprintf(j->x->out, "  %s ", what);
			say_code(j->x->out, r->name);
			fprintf(j->x->out, " (%s:%d) lets its client join ", r->file, r->line);
			say_rooms(j->x->out, 1, t);
			fputc('\n', j->x->out);
		}
	}
}

static void joined_on(void *arg, const struct rule *r, const struct room_type *type)
{
	joined_by(arg, r, "on", type);
}

/* Templates of rooms that clients are in from the start. */
static void automatic(const struct explain *x, const struct room_type *type, unsigned n, const struct text_template *t,
    const struct text *role)
{
	for (unsigned i = 0; i < n; i++) {
		if (!names_type(t[i].written, type))
			continue;
		fputs("  from the start: ", x->out);
		say_code(x->out, t[i].written);
		if (role != NULL) {
			fputs(", with the role ", x->out);
			say_code(x->out, *role);
		}
		fputc('\n', x->out);
	}
}

static bool explain_room(struct explain *x)
{
	const char *name = x->q->room;
	const struct text id = room_id(name);
	const struct room_type *type = catalogue_type_of_room(x->nsp, name, strlen(name));

	fputs("room ", x->out);
	quoted(x, name);
	fputs(" in namespace ", x->out);
	say_code(x->out, x->nsp->name);
	if (type == NULL || type->single != (id.p == NULL)) {
		fputs(type == NULL ? ": no such type is declared\n"
			  : type->single ? ": its type is a single room, named without an id\n"
					 : ": rooms of this type have an id, TYPE:ID\n",
		    x->out);
		return false;
	}
	fputs(type->builtin ? ": a built-in type\n" : ": declared\n", x->out);
	fputs("  subscribe: ", x->out);
	say_who(x->out, type->njoin, type->join);
	judge(x, type->njoin, type->join, "as the user of that id, or with that claim");
	automatic(x, type, x->conf->auth.nroom, x->conf->auth.room, NULL);
	for (unsigned i = 0; i < x->nsp->nrole; i++)
		automatic(x, type, x->nsp->role[i].nroom, x->nsp->role[i].room, &x->nsp->role[i].name);
	walk_reactions(x->nsp, joined_on, &(struct joined){x, type});
	for (unsigned i = 0; i < x->nsp->nevent; i++)
		joined_by(&(struct joined){x, type}, &x->nsp->event[i], "event", x->nsp->event[i].room_type);
	return true;
}

bool tools_explain(const struct conf *c, const struct tools_question *q, FILE *out)
{
	const char *nsp = q->nsp != NULL ? q->nsp : "/";
	struct explain x = {.conf = c, .nsp = catalogue_nsp_find(&c->catalogue, nsp, strlen(nsp)), .q = q, .out = out};
	bool found = true;

	if (x.nsp == NULL) {
		fprintf(out, "namespace `%s`: nothing declares it; clients that ask for it are refused\n", nsp);
		return false;
	}
	if (q->event != NULL) {
		found = explain_event(&x);
		found |= explain_route(&x);
	}
	if (q->room != NULL)
		found &= explain_room(&x);
	return found;
}
