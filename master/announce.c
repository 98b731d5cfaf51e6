#include "master/announce.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/token.h"

#define DEV_TOKEN_TTL_S 86400

void announce_ports(FILE *out, const struct bindings *b)
{
	fputs("ports:", out);
	for (unsigned i = 0; i < b->n; i++) {
		const struct conf_address *a = bind_address(b, i);

		if (a->is_unix)
			fprintf(out, " %s=%s", a->path.p, a->path.p);
		else
			fprintf(out, " %u=%u", a->port, b->listener[i].port);
	}
	fputc('\n', out);
	fflush(out);
}

/* "http://127.0.0.1:3000" as something on this host reaches it. */
static void url(char *buf, size_t n, const struct bindings *b, unsigned i)
{
	const struct conf_address *a = bind_address(b, i);

	if (a->is_unix)
		snprintf(buf, n, "unix:%s", a->path.p);
	else if (a->host.n == 0 || strcmp(a->host.p, "0.0.0.0") == 0)
		snprintf(buf, n, "http://127.0.0.1:%u", b->listener[i].port);
	else if (strchr(a->host.p, ':'))
		snprintf(
		    buf, n, "http://[%s]:%u", strcmp(a->host.p, "::") == 0 ? "::1" : a->host.p, b->listener[i].port);
	else
		snprintf(buf, n, "http://%s:%u", a->host.p, b->listener[i].port);
}

static void public_lines(FILE *out, const struct conf *c, const char *base, bool is_unix)
{
	fprintf(out, "  socket.io  %s%s\n", base, is_unix ? "" : c->engine.path.p);
	if (c->wallet.path.p != NULL && !is_unix)
		fprintf(out, "  wallets    %s%s  (POST publicKey, signature, message)\n", base, c->wallet.path.p);
}

/* The line that publishes, by whatever key may. */
static void publish_line(FILE *out, const struct bindings *b, unsigned i, const char *base)
{
	const struct conf_admin *admin = b->listener[i].admin;
	const struct conf_address *a = &admin->addr;

	for (unsigned k = 0; k < admin->nclient; k++) {
		if (!(admin->client[k].may & CONF_MAY_PUBLISH))
			continue;
		fprintf(out, "    curl%s%s -H 'Authorization: Bearer %s' \\\n", a->is_unix ? " --unix-socket " : "",
		    a->is_unix ? a->path.p : "", admin->client[k].key.p);
		fprintf(out, "      -d '{\"to\":\"all\",\"event\":\"hello\",\"data\":{\"text\":\"hi\"}}' %s/v1/emit\n",
		    a->is_unix ? "http://localhost" : base);
		return;
	}
}

/* The console's page, with the key behind #, where it stays in the browser. */
static void console_line(FILE *out, const struct bindings *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct conf_admin *admin = b->listener[i].admin;
		char base[300];

		if (b->listener[i].kind != HERITAGE_ADMIN || admin->addr.is_unix)
			continue;
		url(base, sizeof(base), b, i);
		for (unsigned k = 0; k < admin->nclient; k++) {
			if (!(admin->client[k].may & CONF_MAY_READ))
				continue;
			fprintf(out, "\n  open in a browser: two clients side by side\n    %s/#key=%s\n", base,
			    admin->client[k].key.p);
			return;
		}
	}
}

static void client_lines(FILE *out, const struct conf *c, const char *base, const char *token)
{
	const char *path = c->engine.path.p;

	fputs("  a client (npm install socket.io-client):\n", out);
	fprintf(out, "    node -e \"require('socket.io-client')('%s', {", base);
	if (strcmp(path, "/socket.io/") != 0)
		fprintf(out, "path: '%s', ", path);
	if (!(c->engine.transports & CONF_TRANSPORT_POLLING))
		fputs("transports: ['websocket'], ", out); /* a client begins with polling unless it is told not to */
	fprintf(out, "auth: {\n      token: '%s'\n      }}).on('connect', () => console.log('connected'))", token);
	fputs(".on('connect_error', console.log).onAny(console.log)\"\n", out);
}

void announce_dev(FILE *out, const struct conf *c, const struct bindings *b, bool console)
{
	struct token_spec spec = {.user = "dev", .name = "Developer", .now_s = time(NULL), .ttl_s = DEV_TOKEN_TTL_S};
	char base[300], why[256], *token = token_mint(c, &spec, why, sizeof(why));
	unsigned first = 0;

	fputs("\n================================ forkcast --dev ================================\n"
	      "  Development mode: loopback only, anonymous clients allowed, keys generated where\n"
	      "  the conf has none.  Never give it to the internet.\n\n",
	    out);
	for (unsigned i = 0; i < b->n; i++) {
		url(base, sizeof(base), b, i);
		if (b->listener[i].kind == HERITAGE_PUBLIC)
			public_lines(out, c, base, bind_address(b, i)->is_unix);
		else
			fprintf(
			    out, "  admin      %s  (/health /ready /metrics /v1/stats /v1/sockets /v1/rooms)\n", base);
	}
	if (console)
		console_line(out, b);
	if (token)
		fprintf(out, "\n  token (user dev, 24 h):\n    %s\n\n", token);
	else
		fprintf(out, "\n  no token: %s\n\n", why);
	while (first < b->n && (b->listener[first].kind != HERITAGE_PUBLIC || bind_address(b, first)->is_unix))
		first++;
	if (first < b->n) {
		url(base, sizeof(base), b, first);
		client_lines(out, c, base, token ? token : "");
	}
	for (unsigned i = 0; i < b->n; i++) {
		if (b->listener[i].kind != HERITAGE_ADMIN)
			continue;
		url(base, sizeof(base), b, i);
		fputs("  publish to everybody:\n", out);
		publish_line(out, b, i, base);
		break;
	}
	fputs("================================================================================\n\n", out);
	fflush(out);
	free(token);
}
