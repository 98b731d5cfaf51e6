#include "conf/types.h"

#include <string.h>

#include "conf/tools.h"

static const char head[] =
    "// Written by `forkcast types`: edit the conf, not this file.\n"
    "//\n"
    "//\timport { io, type Socket } from \"socket.io-client\";\n"
    "//\tconst socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(URL);\n"
    "//\n"
    "// Binary is a Uint8Array: Node hears a Buffer, which is one; a browser hears an ArrayBuffer, and new Uint8Array()\n"
    "// of either is one. emitWithAck() cannot know types of its own: say `const answer: SomethingAck = await ...`.\n\n";

static const char common[] =
    "/** Arguments of an event, and the function that gets its answer or is left out. */\n"
    "export type Acked<Args extends unknown[], Answer extends unknown[]> =\n"
    "\t| [...args: Args, ack: (...answer: Answer) => void]\n"
    "\t| [...args: Args, ack?: undefined];\n\n"
    "export type User = { id: string; name: string | null; role: string | null };\n\n";

static void code(struct types *t, struct text *seen, unsigned *n, struct text name)
{
	for (unsigned i = 0; i < *n; i++)
		if (text_equal(seen[i], name))
			return;
	seen[(*n)++] = name;
	fprintf(t->out, "%s\"%s\"", *n > 1 ? " | " : "", name.p);
}

static unsigned checks_of(const struct rule *r)
{
	return r != NULL ? r->ncheck : 0;
}

static void codes_of(struct types *t, struct text *seen, unsigned *n, const struct rule *r)
{
	for (unsigned i = 0; i < checks_of(r); i++)
		if (r->check[i].code.p != NULL)
			code(t, seen, n, r->check[i].code);
}

/* What @error.code may be. */
static void codes(struct types *t)
{
	const struct catalogue *cat = &t->conf->catalogue;
	unsigned most = REFUSAL_MAX, n = 0;
	struct text *seen;

	for (unsigned i = 0; i < cat->nnsp; i++)
		for (unsigned j = 0; j < cat->nsp[i].nevent; j++)
			most += checks_of(&cat->nsp[i].event[j]);
	seen = conf_arena_alloc(t->arena, most * sizeof *seen);
	fputs("export type ErrorCode = ", t->out);
	for (unsigned i = 0; i < REFUSAL_MAX; i++) {
		const char *name = catalogue_code_name((enum refusal)i);

		code(t, seen, &n, (struct text){name, strlen(name)});
	}
	for (unsigned i = 0; i < cat->nnsp; i++)
		for (unsigned j = 0; j < cat->nsp[i].nevent; j++)
			codes_of(t, seen, &n, &cat->nsp[i].event[j]);
	fputs(";\n\n", t->out);
}

static void rooms(struct types *t)
{
	const char *all = "";

	for (unsigned i = 0; i < t->nsp->nroom_type; i++) {
		const struct room_type *r = &t->nsp->room_type[i];
		const char *name = types_room(t, r);

		if (r->single)
			fprintf(t->out, "%sexport type %s = \"%s\";\n", t->indent, name, r->name.p);
		else
			fprintf(t->out, "%sexport type %s = `%s:${string}`;\n", t->indent, name, r->name.p);
		all = conf_arena_format(t->arena, "%s%s%s", all, i > 0 ? " | " : "", name).p;
	}
	fprintf(t->out, "%sexport type Room = %s;\n", t->indent, all);
}

static void space(struct types *t)
{
	const struct types_at at = {.t = t};

	rooms(t);
	fprintf(t->out, "%sexport type Refusal = %s;\n", t->indent, types_json(&at, &t->nsp->errors.ack));
	types_sent(t);
	types_heard(t);
}

/* Identifiers that are in use already, so that no name of the conf gets them. */
static void reserve(struct types *t)
{
	static const char *const names[] = {"Acked", "User", "ErrorCode", "Room", "Refusal", "Subscription", "Unsubscription",
	    "ClientToServerEvents", "ServerToClientEvents"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		t->name = conf_arena_push(t->arena, t->name, t->nname, sizeof *t->name);
		t->name[t->nname++] = (struct types_name){"", "", {names[i], strlen(names[i])}, names[i]};
	}
}

void tools_types(const struct conf *c, FILE *out)
{
	struct types t = {.conf = c, .arena = conf_arena_new(), .indent = "", .out = out};

	fputs(head, out);
	fputs(common, out);
	codes(&t);
	reserve(&t);
	for (unsigned i = 0; i < c->catalogue.nnsp; i++) {
		struct types inner = t;

		t.nsp = inner.nsp = &c->catalogue.nsp[i];
		if (i == 0) {
			space(&t);
			continue;
		}
		/* Its own names are apart from those of the others; its own one is not. */
		fprintf(out, "\n/** Namespace %s */\nexport namespace %s {\n", types_comment(&t, t.nsp->name.p),
		    types_name(&t, "", t.nsp->name, ""));
		inner.indent = "\t";
		inner.nname = 0;
		inner.name = NULL;
		inner.reader = NULL;
		reserve(&inner);
		space(&inner);
		fputs("}\n", out);
	}
	conf_arena_free(t.arena);
}
