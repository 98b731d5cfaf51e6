#include "conf/print.h"

#include <stdlib.h>
#include <string.h>

void print_key(FILE *out, int depth, const char *name)
{
	fprintf(out, "%.*s%s = ", depth, "\t\t\t", name);
}

void print_block(const char *path, const void *base, int depth, FILE *out)
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
			print_key(out, depth, o->name);
			fprintf(out, "%s\n", value);
		}
		free(value);
	}
}

void print_title(FILE *out, int depth, const char *name, struct text t)
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
	print_title(out, 0, name, (struct text){whole, (size_t)n});
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
				print_title(out, 1, "client", a->client[j].name);
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
		print_title(out, 0, "echo", c->echo[i].path);
		print_block("echo", &c->echo[i], 1, out);
		fputs("}\n", out);
	}
	fputs("auth {\n", out);
	print_block("auth", &c->auth, 1, out);
	for (unsigned i = 0; i < c->auth.njwt; i++) {
		print_title(out, 1, "jwt", c->auth.jwt[i].kid);
		print_block("auth/jwt", &c->auth.jwt[i], 2, out);
		fputs("\t}\n", out);
	}
	if (c->auth.in_band.on) {
		fputs("\tin_band {\n", out);
		print_block("auth/in_band", &c->auth.in_band, 2, out);
		fputs("\t}\n", out);
	}
	fputs("\tclaims {\n", out);
	print_block("auth/claims", &c->auth, 2, out);
	fputs("\t}\n}\n", out);
	if (c->wallet.on) {
		fputs("wallet {\n", out);
		print_block("wallet", &c->wallet, 1, out);
		fputs("}\n", out);
	}
	fputs("shm {\n", out);
	print_block("shm", &c->shm, 1, out);
	fputs("}\nlog {\n", out);
	print_block("log", &c->log, 1, out);
	fputs("}\ntexts {\n", out);
	print_block("texts", c->catalogue.texts, 1, out);
	fputs("}\n", out);
}

void conf_print(const struct conf *c, FILE *out)
{
	print_server(c, out);
	print_catalogue(&c->catalogue, out);
}
