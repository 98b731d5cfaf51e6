#include <stdlib.h>
#include <string.h>

#include "conf/print.h"

static void print_text(FILE *out, int depth, const char *name, struct text t)
{
	print_key(out, depth, name);
	value_print_text(t, out);
	fputc('\n', out);
}

/* Between the values of a list of N: its braces and commas. */
static void apart(FILE *out, unsigned i, unsigned n)
{
	fputs(i == 0 ? (n > 1 ? "{" : "") : i < n ? ", " : n > 1 ? "}\n" : "\n", out);
}

static void print_conditions(FILE *out, int depth, unsigned n, const struct condition *c)
{
	if (n == 0)
		return;
	print_key(out, depth, "if");
	for (unsigned i = 0; i < n; i++) {
		apart(out, i, n);
		value_print_text(c[i].written, out);
	}
	apart(out, n, n);
}

static void print_who(FILE *out, int depth, const char *name, unsigned n, const struct who *w)
{
	static const char *const words[] = {
	    [WHO_ANY] = "any", [WHO_AUTHENTICATED] = "authenticated", [WHO_MEMBER] = "member", [WHO_OWN] = "own", [WHO_HOOK] = "hook"};
	char role[256];

	print_key(out, depth, name);
	for (unsigned i = 0; i < n; i++) {
		apart(out, i, n);
		if (w[i].kind == WHO_CLAIM) {
			snprintf(role, sizeof role, "claim:%s", w[i].claim.written.p + strlen("@user.claims."));
			value_print_text((struct text){role, strlen(role)}, out);
			continue;
		}
		if (w[i].kind != WHO_ROLE) {
			fputs(words[w[i].kind], out);
			continue;
		}
		snprintf(role, sizeof role, "role:%s", w[i].role.p);
		value_print_text((struct text){role, strlen(role)}, out);
	}
	apart(out, n, n);
}

static void print_targets(FILE *out, int depth, const char *name, unsigned n, const struct target *t)
{
	static const char *const words[] = {
	    [TARGET_ROOM] = "room", [TARGET_OTHERS] = "others", [TARGET_SELF] = "self", [TARGET_ALL] = "all"};

	if (n == 0)
		return;
	print_key(out, depth, name);
	for (unsigned i = 0; i < n; i++) {
		apart(out, i, n);
		if (t[i].kind == TARGET_TEMPLATE)
			value_print_text(t[i].room.written, out);
		else if (t[i].kind == TARGET_ROOMS_OF)
			fprintf(out, "rooms:%s", t[i].type->name.p);
		else
			fputs(words[t[i].kind], out);
	}
	apart(out, n, n);
}

/* `join` or `leave` */
static void print_rooms(FILE *out, int depth, const char *name, unsigned n, const struct target *t)
{
	char all[128];

	if (n == 0)
		return;
	print_key(out, depth, name);
	for (unsigned i = 0; i < n; i++) {
		apart(out, i, n);
		if (t[i].kind == TARGET_TEMPLATE) {
			value_print_text(t[i].room.written, out);
		} else if (t[i].kind == TARGET_ROOMS_OF) {
			snprintf(all, sizeof all, "%s:*", t[i].type->name.p);
			value_print_text((struct text){all, strlen(all)}, out);
		} else {
			fputs("room", out);
		}
	}
	apart(out, n, n);
}

static void print_moves(FILE *out, int depth, const struct action *a)
{
	if (a->each != NULL)
		print_text(out, depth, "each", a->each->name);
	print_rooms(out, depth, "join", a->njoin, a->join);
	print_rooms(out, depth, "leave", a->nleave, a->leave);
	if (a->has_evict)
		print_text(out, depth, "evict", a->evict.written);
	if (a->close) {
		print_key(out, depth, "close");
		fputs("yes\n", out);
	}
	if (a->disconnect != DISCONNECT_NO) {
		print_key(out, depth, "disconnect");
		fputs(a->disconnect == DISCONNECT_NAMESPACE ? "namespace\n" : "transport\n", out);
	}
}

static void print_action(FILE *out, int depth, const struct action *a)
{
	char *member = NULL;
	size_t n;
	FILE *f;

	print_moves(out, depth, a);
	if (a->has_emit)
		print_text(out, depth, "emit", a->emit_plain);
	print_targets(out, depth, "to", a->nto, a->to);
	print_targets(out, depth, "except", a->nexcept, a->except);
	if (a->envelope != NULL)
		print_text(out, depth, "envelope", a->envelope->name);
	if (a->is_volatile) {
		print_key(out, depth, "volatile");
		fputs("yes\n", out);
	}
	if (a->body == BODY_DATA)
		print_text(out, depth, "data", a->json_written);
	if (a->body == BODY_ARGS)
		print_text(out, depth, "args", a->json_written);
	if (a->body != BODY_ADD)
		return;
	print_key(out, depth, "add");
	for (unsigned i = 0; i < a->nadd; i++) {
		apart(out, i, a->nadd);
		f = open_memstream(&member, &n);
		if (f == NULL)
			continue;
		fprintf(f, "%s: %s", a->add[i].key_plain.p, a->add[i].source.written.p);
		fclose(f);
		value_print_text((struct text){member, n}, out);
		free(member);
	}
	apart(out, a->nadd, a->nadd);
}

static void print_switch(FILE *out, int depth, const char *name, bool on)
{
	print_key(out, depth, name);
	fputs(on ? "yes\n" : "no\n", out);
}

static void print_checks(FILE *out, int depth, const struct rule *r)
{
	for (unsigned i = 0; i < r->ncheck; i++) {
		const struct check *c = &r->check[i];

		fprintf(out, "%.*scheck {\n", depth, "\t\t\t");
		print_conditions(out, depth + 1, c->nif, c->ifs);
		if (c->error_plain.p != NULL)
			print_text(out, depth + 1, "error", c->error_plain);
		if (c->code.p != NULL)
			print_text(out, depth + 1, "code", c->code);
		fprintf(out, "%.*s}\n", depth, "\t\t\t");
	}
}

static void print_hook_use(FILE *out, int depth, const struct hook_use *use)
{
	if (use->hook != NULL)
		print_text(out, depth, "hook", use->hook->name);
	if (use->notify)
		print_switch(out, depth, "notify", true);
}

/* The order is that of the steps: conditions, checks, hook, actions. */
static void print_steps(FILE *out, int depth, const struct rule *r)
{
	print_conditions(out, depth, r->nif, r->ifs);
	print_checks(out, depth, r);
	print_hook_use(out, depth, &r->hook);
	for (unsigned i = 0; i < r->naction; i++) {
		const struct action *a = &r->action[i];

		if (!a->also) {
			print_action(out, depth, a);
			continue;
		}
		fprintf(out, "%.*salso {\n", depth, "\t\t\t");
		print_conditions(out, depth + 1, a->nif, a->ifs);
		print_action(out, depth + 1, a);
		fprintf(out, "%.*s}\n", depth, "\t\t\t");
	}
}

static void print_ack(FILE *out, int depth, const struct rule *r)
{
	if (r->ack == ACK_ARGS) {
		print_text(out, depth, "ack_args", r->ack_written);
	} else if (r->ack == ACK_TEMPLATE && scan_bare(r->ack_written)) {
		/* Bare it would be a word. */
		print_key(out, depth, "ack");
		fprintf(out, "'%s'\n", r->ack_written.p);
	} else if (r->ack == ACK_TEMPLATE) {
		print_text(out, depth, "ack", r->ack_written);
	} else {
		print_switch(out, depth, "ack", r->ack == ACK_DEFAULT);
	}
}

static void print_option(FILE *out, int depth, const char *name, const struct rule *r)
{
	print_key(out, depth, name);
	value_print(option_find(option_block("event"), (struct text){name, strlen(name)}), r, out);
	fputc('\n', out);
}

static void print_fields(FILE *out, int depth, const struct rule *r)
{
	const struct fields *f = r->fields;

	if (f == NULL)
		return;
	print_key(out, depth, f->params ? "params" : "fields");
	for (unsigned i = 0; i < f->nwritten; i++) {
		apart(out, i, f->nwritten);
		value_print_text(f->written[i], out);
	}
	apart(out, f->nwritten, f->nwritten);
	if (f->both)
		print_option(out, depth, "shape", r);
	print_option(out, depth, "unknown", r);
}

static void print_limit(FILE *out, int depth, const struct limit *l)
{
	print_title(out, depth, "limit", l->name);
	print_block("limit", l, depth + 1, out);
	for (unsigned i = 0; i < l->nevent; i++) {
		if (i == 0)
			print_key(out, depth + 1, "events");
		apart(out, i, l->nevent);
		value_print_text(l->event[i], out);
	}
	if (l->nevent > 0)
		apart(out, l->nevent, l->nevent);
	if (l->emit_plain.p != NULL)
		print_text(out, depth + 1, "emit", l->emit_plain);
	if (l->has_data)
		print_text(out, depth + 1, "data", l->data_written);
	for (unsigned i = 0; i < l->nrole; i++) {
		print_title(out, depth + 1, "role", l->role[i].role);
		print_block("limit/role", &l->role[i], depth + 2, out);
		fprintf(out, "%.*s}\n", depth + 1, "\t\t\t");
	}
	fprintf(out, "%.*s}\n", depth, "\t\t\t");
}

static void print_hook(FILE *out, int depth, const struct hook *h)
{
	print_title(out, depth, "hook", h->name);
	print_block("hook", h, depth + 1, out);
	fprintf(out, "%.*sbreaker {\n", depth + 1, "\t\t\t");
	print_block("hook/breaker", h, depth + 2, out);
	fprintf(out, "%.*s}\n", depth + 1, "\t\t\t");
	fprintf(out, "%.*s}\n", depth, "\t\t\t");
}

/* The limits that the rule names; those that cover it by `events` are found again. */
static void print_limits(FILE *out, int depth, const struct rule *r)
{
	if (r->nlimit_named == 0)
		return;
	print_key(out, depth, "limit");
	for (unsigned i = 0; i < r->nlimit_named; i++) {
		apart(out, i, r->nlimit_named);
		value_print_text(r->limit[i]->name, out);
	}
	apart(out, r->nlimit_named, r->nlimit_named);
}

static void print_event(FILE *out, int depth, const struct rule *r)
{
	print_title(out, depth, "event", r->name);
	print_fields(out, depth + 1, r);
	if (r->silent)
		print_option(out, depth + 1, "deny", r);
	if (r->has_room)
		print_text(out, depth + 1, "room", r->room.written);
	print_limits(out, depth + 1, r);
	print_who(out, depth + 1, "require", r->nrequire, r->require);
	print_steps(out, depth + 1, r);
	print_ack(out, depth + 1, r);
	if (r->dev)
		print_switch(out, depth + 1, "dev", true);
	fprintf(out, "%.*s}\n", depth, "\t\t\t");
}

static void print_route(FILE *out, int depth, const struct rule *r)
{
	print_title(out, depth, "route", r->name);
	print_fields(out, depth + 1, r);
	if (r->has_room)
		print_text(out, depth + 1, "room", r->room.written);
	print_limits(out, depth + 1, r);
	print_steps(out, depth + 1, r);
	if (r->dev)
		print_switch(out, depth + 1, "dev", true);
	fprintf(out, "%.*s}\n", depth, "\t\t\t");
}

static void print_on(FILE *out, int depth, const struct rule *r)
{
	if (r == NULL)
		return;
	print_title(out, depth, "on", r->name);
	print_limits(out, depth + 1, r);
	print_steps(out, depth + 1, r);
	fprintf(out, "%.*s}\n", depth, "\t\t\t");
}

static void print_reactions(FILE *out, int depth, const struct catalogue_nsp *nsp)
{
	for (unsigned k = 0; k < TRIGGER_MAX; k++)
		print_on(out, depth, nsp->on[k]);
	for (unsigned k = 0; k < ROOM_TRIGGER_MAX; k++) {
		print_on(out, depth, nsp->on_room[k]);
		for (unsigned i = 0; i < nsp->nroom_type; i++)
			print_on(out, depth, nsp->room_type[i].on[k]);
	}
}

static void print_room(FILE *out, int depth, const struct room_type *t)
{
	print_title(out, depth, "room", t->name);
	if (t->njoin > 0) {
		print_who(out, depth + 1, "join", t->njoin, t->join);
	} else {
		print_key(out, depth + 1, "join");
		fputs("none\n", out);
	}
	print_hook_use(out, depth + 1, &t->hook);
	print_switch(out, depth + 1, "single", t->single);
	print_key(out, depth + 1, "case");
	fputs(t->lower ? "lower\n" : "keep\n", out);
	if (t->max_users > 0) {
		print_key(out, depth + 1, "max_users");
		fprintf(out, "%u\n", t->max_users);
	}
	if (t->grace_ms > 0) {
		print_key(out, depth + 1, "grace");
		value_print_duration(t->grace_ms, out);
		fputc('\n', out);
	}
	print_switch(out, depth + 1, "persistent", t->persistent);
	fprintf(out, "%.*s}\n", depth, "\t\t\t");
}

/* The shapes of answers, where they are this namespace's own; those of the first always are. */
static void print_answers(FILE *out, int depth, const struct catalogue_nsp *nsp, bool first)
{
	const struct option_block *names = option_block("builtins");

	if (first || nsp->errors.own) {
		fprintf(out, "%.*serrors {\n", depth, "\t\t\t");
		print_text(out, depth + 1, "emit", nsp->errors.emit_plain);
		print_text(out, depth + 1, "data", nsp->errors.data_written);
		print_text(out, depth + 1, "ack", nsp->errors.ack_written);
		fprintf(out, "%.*s}\n", depth, "\t\t\t");
	}
	if (first || nsp->builtins.own) {
		fprintf(out, "%.*sbuiltins {\n", depth, "\t\t\t");
		for (unsigned i = 0; i < BUILTIN_MAX; i++)
			print_text(out, depth + 1, names->option[i].name,
			    nsp->builtins.name[i].p != NULL ? nsp->builtins.name[i] : (struct text){"none", 4});
		fprintf(out, "%.*s}\n", depth, "\t\t\t");
	}
	for (unsigned i = 0; i < nsp->nenvelope; i++) {
		print_title(out, depth, "envelope", nsp->envelope[i].name);
		print_text(out, depth + 1, "data", nsp->envelope[i].written);
		fprintf(out, "%.*s}\n", depth, "\t\t\t");
	}
}

static void print_role(FILE *out, int depth, const struct role *r)
{
	print_title(out, depth, "role", r->name);
	if (r->nfeature > 0) {
		print_key(out, depth + 1, "features");
		for (unsigned i = 0; i < r->nfeature; i++) {
			apart(out, i, r->nfeature);
			value_print_text(r->feature[i], out);
		}
		apart(out, r->nfeature, r->nfeature);
	}
	if (r->nroom > 0) {
		print_key(out, depth + 1, "rooms");
		for (unsigned i = 0; i < r->nroom; i++) {
			apart(out, i, r->nroom);
			value_print_text(r->room[i].written, out);
		}
		apart(out, r->nroom, r->nroom);
	}
	fprintf(out, "%.*s}\n", depth, "\t\t\t");
}

static void print_blocks(FILE *out, int depth, const struct catalogue_nsp *nsp)
{
	print_answers(out, depth, nsp, depth == 0);
	for (unsigned i = 0; i < nsp->nrole; i++)
		print_role(out, depth, &nsp->role[i]);
	for (unsigned i = 0; i < nsp->nhook; i++)
		print_hook(out, depth, &nsp->hook[i]);
	for (unsigned i = 0; i < nsp->nroom_type; i++)
		if (!nsp->room_type[i].builtin)
			print_room(out, depth, &nsp->room_type[i]);
	for (unsigned i = 0; i < nsp->nlimit; i++)
		print_limit(out, depth, &nsp->limit[i]);
	print_reactions(out, depth, nsp);
	for (unsigned i = 0; i < nsp->nevery; i++) {
		print_title(out, depth, "every", nsp->every[i].rule.name);
		print_key(out, depth + 1, "interval");
		value_print(option_find(option_block("every"), (struct text){"interval", 8}), &nsp->every[i], out);
		fputc('\n', out);
		print_limits(out, depth + 1, &nsp->every[i].rule);
		print_steps(out, depth + 1, &nsp->every[i].rule);
		fprintf(out, "%.*s}\n", depth, "\t\t\t");
	}
	for (unsigned i = 0; i < nsp->nevent; i++)
		print_event(out, depth, &nsp->event[i]);
	for (unsigned i = 0; i < nsp->nroute; i++)
		print_route(out, depth, &nsp->route[i]);
}

void print_catalogue(const struct catalogue *cat, FILE *out)
{
	print_blocks(out, 0, &cat->nsp[0]);
	for (unsigned i = 1; i < cat->nnsp; i++) {
		print_title(out, 0, "namespace", cat->nsp[i].name);
		print_blocks(out, 1, &cat->nsp[i]);
		fputs("}\n", out);
	}
}
