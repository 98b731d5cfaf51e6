#include <stdlib.h>
#include <string.h>

#include "conf/load.h"

/* One key of a block, at DEPTH tabs. */
static void key(FILE *out, int depth, const char *name)
{
	fprintf(out, "%.*s%s = ", depth, "\t\t\t", name);
}

static void print_block(const char *path, const void *base, int depth, FILE *out)
{
	const struct option_block *block = option_block(path);

	for (unsigned i = 0; i < block->n; i++) {
		const struct option *o = &block->option[i];
		char *value = NULL;
		size_t n;
		FILE *f = open_memstream(&value, &n);
		bool there = f != NULL && value_print(o, base, f);

		if (f != NULL)
			fclose(f);
		if (there) {
			key(out, depth, o->name);
			fprintf(out, "%s\n", value);
		}
		free(value);
	}
}

static void title(FILE *out, int depth, const char *name, struct text t)
{
	fprintf(out, "%.*s%s ", depth, "\t\t\t", name);
	/* Quotes even where none are needed: a title looks like one. */
	if (scan_bare(t)) {
		fprintf(out, "\"%s\"", t.p);
	} else {
		value_print_text(t, out);
	}
	fputs(" {\n", out);
}

static void print_address(FILE *out, const char *name, const struct conf_address *a)
{
	char whole[256];
	int n;

	if (a->is_unix)
		n = snprintf(whole, sizeof whole, "unix:%s", a->path.p);
	else if (memchr(a->host.p, ':', a->host.n) != NULL)
		n = snprintf(whole, sizeof whole, "[%s]:%u", a->host.p, a->port);
	else
		n = snprintf(whole, sizeof whole, "%s:%u", a->host.p, a->port);
	title(out, 0, name, (struct text){whole, (size_t)n});
}

static void print_server(const struct conf *c, FILE *out)
{
	print_block("", c, 0, out);
	for (unsigned i = 0; i < c->nlisten; i++) {
		print_address(out, "listen", &c->listen[i].addr);
		print_block("listen", &c->listen[i], 1, out);
		fputs("}\n", out);
	}
	for (unsigned i = 0; i < c->nadmin; i++) {
		const struct conf_admin *a = &c->admin[i];

		print_address(out, "admin", &a->addr);
		for (unsigned j = 0; j < a->nclient; j++) {
			bool own = a->client[j].name.n == 0;

			if (!own)
				title(out, 1, "client", a->client[j].name);
			print_block(own ? "admin" : "admin/client", &a->client[j], own ? 1 : 2, out);
			fputs(own ? "" : "\t}\n", out);
		}
		fputs("}\n", out);
	}
	fputs("engine {\n", out);
	print_block("engine", &c->engine, 1, out);
	if (c->engine.cookie.on) {
		fputs("\tcookie {\n", out);
		print_block("engine/cookie", &c->engine.cookie, 2, out);
		fputs("\t}\n", out);
	}
	fputs("}\n", out);
	for (unsigned i = 0; i < c->necho; i++) {
		title(out, 0, "echo", c->echo[i].path);
		print_block("echo", &c->echo[i], 1, out);
		fputs("}\n", out);
	}
	fputs("auth {\n", out);
	print_block("auth", &c->auth, 1, out);
	for (unsigned i = 0; i < c->auth.njwt; i++) {
		title(out, 1, "jwt", c->auth.jwt[i].kid);
		print_block("auth/jwt", &c->auth.jwt[i], 2, out);
		fputs("\t}\n", out);
	}
	fputs("\tclaims {\n", out);
	print_block("auth/claims", &c->auth, 2, out);
	fputs("\t}\n}\nshm {\n", out);
	print_block("shm", &c->shm, 1, out);
	fputs("}\nlog {\n", out);
	print_block("log", &c->log, 1, out);
	fputs("}\ntexts {\n", out);
	print_block("texts", c->catalogue.texts, 1, out);
	fputs("}\n", out);
}

static void print_text(FILE *out, int depth, const char *name, struct text t)
{
	key(out, depth, name);
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
	key(out, depth, "if");
	for (unsigned i = 0; i < n; i++) {
		apart(out, i, n);
		value_print_text(c[i].written, out);
	}
	apart(out, n, n);
}

static void print_who(FILE *out, int depth, const char *name, unsigned n, const struct who *w)
{
	static const char *const words[] = {
	    [WHO_ANY] = "any", [WHO_AUTHENTICATED] = "authenticated", [WHO_MEMBER] = "member", [WHO_OWN] = "own"};
	char role[256];

	key(out, depth, name);
	for (unsigned i = 0; i < n; i++) {
		apart(out, i, n);
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
	key(out, depth, name);
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

static void print_action(FILE *out, int depth, const struct action *a)
{
	char *member = NULL;
	size_t n;
	FILE *f;

	print_text(out, depth, "emit", a->emit_plain);
	print_targets(out, depth, "to", a->nto, a->to);
	print_targets(out, depth, "except", a->nexcept, a->except);
	if (a->body == BODY_DATA)
		print_text(out, depth, "data", a->json_written);
	if (a->body == BODY_ARGS)
		print_text(out, depth, "args", a->json_written);
	if (a->body != BODY_ADD)
		return;
	key(out, depth, "add");
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

static void print_actions(FILE *out, const struct rule *r)
{
	print_conditions(out, 1, r->nif, r->ifs);
	for (unsigned i = 0; i < r->naction; i++) {
		const struct action *a = &r->action[i];

		if (!a->also) {
			print_action(out, 1, a);
			continue;
		}
		fputs("\talso {\n", out);
		print_conditions(out, 2, a->nif, a->ifs);
		print_action(out, 2, a);
		fputs("\t}\n", out);
	}
}

static void print_event(FILE *out, const struct rule *r)
{
	title(out, 0, "event", r->name);
	if (r->has_room)
		print_text(out, 1, "room", r->room.written);
	print_who(out, 1, "require", r->nrequire, r->require);
	print_actions(out, r);
	if (r->ack == ACK_TEMPLATE && scan_bare(r->ack_written)) {
		/* Bare it would be a word. */
		key(out, 1, "ack");
		fprintf(out, "'%s'\n", r->ack_written.p);
	} else if (r->ack == ACK_TEMPLATE) {
		print_text(out, 1, "ack", r->ack_written);
	} else {
		key(out, 1, "ack");
		fputs(r->ack == ACK_NONE ? "no\n" : "yes\n", out);
	}
	if (r->dev) {
		key(out, 1, "dev");
		fputs("yes\n", out);
	}
	fputs("}\n", out);
}

static void print_rooms(FILE *out, const struct catalogue_nsp *nsp)
{
	for (unsigned i = 0; i < nsp->nroom_type; i++) {
		const struct room_type *t = &nsp->room_type[i];

		if (t->builtin)
			continue;
		title(out, 0, "room", t->name);
		if (t->njoin > 0) {
			print_who(out, 1, "join", t->njoin, t->join);
		} else {
			key(out, 1, "join");
			fputs("none\n", out);
		}
		key(out, 1, "single");
		fprintf(out, "%s\n}\n", t->single ? "yes" : "no");
	}
}

void conf_print(const struct conf *c, FILE *out)
{
	print_server(c, out);
	for (unsigned i = 0; i < c->catalogue.nnsp; i++) {
		const struct catalogue_nsp *nsp = &c->catalogue.nsp[i];

		print_rooms(out, nsp);
		if (nsp->on_connect != NULL) {
			title(out, 0, "on", nsp->on_connect->name);
			print_actions(out, nsp->on_connect);
			fputs("}\n", out);
		}
		for (unsigned j = 0; j < nsp->nevent; j++)
			print_event(out, &nsp->event[j]);
	}
}
