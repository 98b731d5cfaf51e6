#include "conf/guide.h"

#include <stdlib.h>
#include <string.h>

#include "conf/load.h"
#include "conf/say.h"
#include "conf/tools.h"
#include "conf/walk.h"

static void line(struct guide *g, const char *what, struct text t)
{
	fprintf(g->out, "%s", what);
	say_code(g->out, t);
	fputc('\n', g->out);
}

/* The options of a block that say something to a client, as they would be written. */
static void option(struct guide *g, const char *block, const char *key, const void *base, const char *what)
{
	char *value = NULL;
	size_t n;
	FILE *f = open_memstream(&value, &n);
	bool there =
	    f != NULL && value_print(option_find(option_block(block), (struct text){key, strlen(key)}), base, f);

	if (f != NULL)
		fclose(f);
	if (there)
		line(g, what, (struct text){value, n});
	free(value);
}

static void wallets(struct guide *g)
{
	const struct conf_wallet *w = &g->conf->wallet;

	option(g, "wallet", "message", w, "- A wallet signs, with the time in milliseconds for `{ms}`: ");
	option(g, "wallet", "max_age", w, "- That is good for: ");
	if (w->path.p == NULL)
		return;
	option(g, "wallet", "path", w, "- `POST {publicKey, signature, message}`, key and signature in base58, is answered `{token}` at: ");
	option(g, "wallet", "token_ttl", w, "- This token lives: ");
}

static void connecting(struct guide *g)
{
	const struct conf *c = g->conf;

	fputs("\n## Connecting\n\n", g->out);
	for (unsigned i = 0; i < c->nlisten; i++)
		line(g, "- Address: ", c->listen[i].addr.title);
	option(g, "engine", "path", &c->engine, "- Path: ");
	option(g, "engine", "transports", &c->engine, "- Transports: ");
	option(g, "engine", "max_payload", &c->engine, "- Largest message, in bytes: ");
	fprintf(g->out, "- A token is %s\n", c->auth.anonymous ? "not needed: clients without one are guests" : "needed");
	option(g, "auth", "sources", &c->auth, "- It may stand in: ");
	option(g, "auth/claims", "user", &c->auth, "- The user's id is the first of these claims: ");
	option(g, "auth/claims", "name", &c->auth, "- The name: ");
	option(g, "auth/claims", "role", &c->auth, "- The role: ");
	if (c->auth.in_band.on) {
		line(g,
		    c->auth.in_band.factors == CONF_FACTORS_BOTH
			? "- It may also be sent later, as `{token, signature, message}`, by the event "
			: "- It may also be sent later, as `{token}`, by the event ",
		    c->auth.in_band.event);
		option(g, "auth/in_band", "deadline", &c->auth.in_band, "- Within: ");
	}
	if (c->wallet.on)
		wallets(g);
	for (unsigned i = 0; i < c->auth.nroom; i++)
		line(g, "- Every client is, where its parts are known, in the room ", c->auth.room[i].written);
}

static void rooms(struct guide *g)
{
	const struct catalogue_nsp *nsp = g->nsp;
	bool any = false;

	for (unsigned i = 0; i < nsp->nroom_type; i++) {
		const struct room_type *t = &nsp->room_type[i];

		if (t->builtin)
			continue;
		if (!any)
			fputs("\n### Rooms\n\n| room | who may subscribe |\n|---|---|\n", g->out);
		any = true;
		fprintf(g->out, "| `%s%s` | ", t->name.p, t->single ? "" : ":ID");
		say_who(g->out, t->njoin, t->join);
		fputs(t->njoin == 0 ? "; rules and the API join clients" : "", g->out);
		fputs(t->lower ? "; the case of A-Z in its id does not count |\n" : " |\n", g->out);
	}
}

static void roles(struct guide *g)
{
	for (unsigned i = 0; i < g->nsp->nrole; i++) {
		const struct role *r = &g->nsp->role[i];

		fputs(i == 0 ? "\n### Roles\n\n| role | features | rooms from the start |\n|---|---|---|\n" : "", g->out);
		fputs("| ", g->out);
		guide_cell(g, r->name);
		fputs(" | ", g->out);
		for (unsigned j = 0; j < r->nfeature; j++) {
			fputs(j > 0 ? ", " : "", g->out);
			guide_cell(g, r->feature[j]);
		}
		fputs(" | ", g->out);
		for (unsigned j = 0; j < r->nroom; j++) {
			fputs(j > 0 ? ", " : "", g->out);
			guide_cell(g, r->room[j].written);
		}
		fputs(" |\n", g->out);
	}
}

static void limits(struct guide *g)
{
	for (unsigned i = 0; i < g->nsp->nlimit; i++) {
		const struct limit *l = &g->nsp->limit[i];

		fputs(i == 0 ? "\n### Limits\n\n" : "", g->out);
		fputs("- ", g->out);
		say_code(g->out, l->name);
		fputs(l->on == LIMIT_ON_CONNECT ? " (clients that connect): " : ": ", g->out);
		say_limit(g->out, l);
		for (unsigned j = 0; j < l->nevent; j++) {
			fputs(j == 0 ? "; counts the events " : ", ", g->out);
			say_code(g->out, l->event[j]);
		}
		fputs("; text: ", g->out);
		say_code(g->out, l->text.p != NULL ? l->text_plain : g->conf->catalogue.texts[REFUSAL_RATE_LIMITED]);
		fputc('\n', g->out);
	}
}

static void builtins(struct guide *g)
{
	static const char *const does[BUILTIN_MAX] = {
	    [BUILTIN_SUBSCRIBE] = "`{room, id}`: joins a room; a room without ids is named without `id` | "
				  "`{\"success\": true, \"room\": ROOM, \"message\": \"Subscribed to ROOM\"}`",
	    [BUILTIN_UNSUBSCRIBE] = "`{room, id}`: leaves it | the same, \"Unsubscribed from ROOM\"",
	    [BUILTIN_ROOMS] = "nothing | the names of the rooms that the client is in",
	    [BUILTIN_PING] = "nothing | `\"pong\"`; without an ack the event `pong`",
	};
	const struct text *name = g->nsp->builtins.name;
	bool any = false;

	for (unsigned i = 0; i < BUILTIN_MAX; i++) {
		if (name[i].p == NULL || catalogue_event(g->nsp, name[i].p, name[i].n) != NULL)
			continue;
		if (!any)
			fputs("\n#### Built in\n\n| event | argument | ack |\n|---|---|---|\n", g->out);
		any = true;
		fputs("| ", g->out);
		guide_cell(g, name[i]);
		fprintf(g->out, " | %s |\n", does[i]);
	}
}

static void by_itself(struct guide *g, const struct rule *r, int64_t interval)
{
	fputs(g->reacted ? "" : "\n### What the server does by itself\n", g->out);
	g->reacted = true;
	guide_on(g, r, interval);
}

static void reaction(void *arg, const struct rule *r, const struct room_type *type)
{
	(void)type;
	by_itself(arg, r, 0);
}

static void space(struct guide *g)
{
	const struct catalogue_nsp *nsp = g->nsp;

	fputs("\n## Namespace ", g->out);
	say_code(g->out, nsp->name);
	fputs("\n\n### What clients send\n", g->out);
	for (unsigned i = 0; i < nsp->nevent; i++)
		guide_event(g, &nsp->event[i]);
	builtins(g);
	for (unsigned i = 0; i < nsp->nroute; i++) {
		if (i == 0)
			fputs("\n### What backends publish\n\n`POST /v1/events` with `{\"type\": NAME, \"data\": ..., \"vars\": ...}`.\n",
			    g->out);
		guide_route(g, &nsp->route[i]);
	}
	guide_heard(g);
	g->reacted = false;
	walk_reactions(nsp, reaction, g);
	for (unsigned i = 0; i < nsp->nevery; i++)
		by_itself(g, &nsp->every[i].rule, nsp->every[i].interval);
	rooms(g);
	roles(g);
	limits(g);
	fputs("\n### Refusals\n\n", g->out);
	fputs("The ack of what is refused is ", g->out);
	say_code(g->out, nsp->errors.ack_written);
	fputs("; without an ack the event ", g->out);
	say_code(g->out, nsp->errors.emit_plain);
	fputs(" tells the sender, with ", g->out);
	say_code(g->out, nsp->errors.data_written);
	fputs(".\n", g->out);
}

static void texts(struct guide *g)
{
	fputs("\n## Codes and texts\n\n| code | text | when |\n|---|---|---|\n", g->out);
	for (unsigned i = 0; i < REFUSAL_MAX; i++) {
		const char *name = catalogue_code_name((enum refusal)i);
		const struct option *o = option_find(option_block("texts"), (struct text){name, strlen(name)});

		fprintf(g->out, "| `%s` | ", name);
		guide_cell(g, g->conf->catalogue.texts[i]);
		fprintf(g->out, " | %s |\n", o->help);
	}
}

void tools_doc(const struct conf *c, FILE *out)
{
	struct guide g = {.conf = c, .nsp = &c->catalogue.nsp[0], .arena = conf_arena_new(), .out = out};
	const char *slash = strrchr(c->path.p, '/');

	fputs("# The application of ", out);
	say_code(out, slash != NULL ? (struct text){slash + 1, strlen(slash + 1)} : c->path);
	fputs("\n\nWritten by `forkcast doc`: edit the conf, not this page. In conditions and templates a bare name is a member\n"
	      "of what the sender sent; what begins with `@` the server knows itself.\n",
	    out);
	connecting(&g);
	for (unsigned i = 0; i < c->catalogue.nnsp; i++) {
		g.nsp = &c->catalogue.nsp[i];
		space(&g);
	}
	texts(&g);
	conf_arena_free(g.arena);
}
