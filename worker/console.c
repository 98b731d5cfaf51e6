/*
 * console.c - the page at "/" of an admin listener.  It needs no key: it asks for one, and uses it from the browser.
 *
 * The page's clients connect to the public listeners.  Where these are is all that the server tells without a key:
 * addresses, ports and the path, which anybody who can reach them knows.
 */
#include "worker/api.h"
#include "worker/asset_reply.h"
#include "worker/worker.h"

#define CLIENT "socket.io.esm.min.js"

static void missing(struct conn *c)
{
	api_error(c, 404, "not_found", "this file is not there: it comes with make, and the client needs npm", NULL);
}

/*
 * The name by which the browser reached this listener, without its port: hosts that are "all addresses" have it too.
 * Only what cannot end a policy or a string; else the loopback.
 */
static struct slice own_name(const struct http_request *req)
{
	struct slice host;
	size_t n = 0;
	bool six;

	if (!http_field(req, "host", &host) || host.n == 0)
		return SLICE("127.0.0.1");
	six = host.p[0] == '[';
	for (; n < host.n; n++) {
		char ch = host.p[n];

		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '.' ||
		    ch == '-')
			continue;
		if (six && (ch == ':' || (ch == '[' && n == 0)))
			continue;
		break;
	}
	if (six && n < host.n && host.p[n] == ']')
		return slice_make(host.p, n + 1);
	if (six || n == 0 || (n < host.n && host.p[n] != ':'))
		return SLICE("127.0.0.1");
	return slice_make(host.p, n);
}

/* "127.0.0.1:3000" of a public listener as this browser may reach it; false for one it cannot. */
static bool put_place(struct buf *b, const struct heritage_listener *l, const struct http_request *req)
{
	const struct conf_address *a;

	if (l->kind != HERITAGE_PUBLIC || l->listen->addr.is_unix)
		return false;
	a = &l->listen->addr;
	if (a->host.n == 0 || text_is(a->host, "0.0.0.0") || text_is(a->host, "::"))
		buf_slice(b, own_name(req));
	else
		buf_printf(b, memchr(a->host.p, ':', a->host.n) != NULL ? "[%s]" : "%s", a->host.p);
	buf_printf(b, ":%u", l->port);
	return true;
}

/* {"urls": ["http://127.0.0.1:3000"], "path": "/socket.io/"} */
void api_console_places(struct conn *c, const struct http_request *req, struct slice body)
{
	const struct worker *w = c->w;
	struct buf *b = &c->w->json, *place = &c->w->name;
	bool first = true;

	(void)body;
	buf_reset(b);
	buf_str(b, "{\"urls\":[");
	for (unsigned i = 0; i < w->h->nlistener; i++) {
		buf_reset(place);
		if (!put_place(place, &w->h->listener[i], req))
			continue;
		buf_printf(b, "%s\"http://", first ? "" : ",");
		buf_json_escaped(b, buf_as_slice(place));
		buf_char(b, '"');
		first = false;
	}
	buf_str(b, "],\"path\":");
	buf_json_string(b, slice_make(w->conf->engine.path.p, w->conf->engine.path.n));
	buf_char(b, '}');
	api_reply(c, 200, buf_as_slice(b));
}

/* Nothing but our own files, and connections to this listener and to the public ones. */
static void put_policy(struct worker *w, struct buf *b, const struct http_request *req)
{
	struct buf *place = &w->name;

	buf_str(b,
	    "Referrer-Policy: no-referrer\r\n"
	    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'");
	for (unsigned i = 0; i < w->h->nlistener; i++) {
		buf_reset(place);
		if (put_place(place, &w->h->listener[i], req))
			buf_printf(b, " http://%.*s ws://%.*s", (int)place->n, place->p, (int)place->n, place->p);
	}
	buf_str(b, "\r\n");
}

void api_console(struct conn *c, const struct http_request *req, struct slice body)
{
	static const char common[] = "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n";
	struct worker *w = c->w;
	struct slice name = slice_make(req->path.p + 1, req->path.n - 1);
	const struct asset *a = assets_console(w->h->assets, name.n > 0 ? name : SLICE("index.html"));
	struct buf *b = &w->json;

	(void)body;
	if (a == NULL) {
		missing(c);
		return;
	}
	buf_reset(b);
	buf_str(b, common);
	if (name.n == 0)
		put_policy(w, b, req);
	buf_char(b, '\0');
	asset_reply(c, req, a, b->p);
}

void api_console_client(struct conn *c, const struct http_request *req, struct slice body)
{
	const struct asset *a = assets_client(c->w->h->assets, SLICE(CLIENT));

	(void)body;
	if (a == NULL)
		missing(c);
	else
		asset_reply(c, req, a, "Cache-Control: public, max-age=0\r\nX-Content-Type-Options: nosniff\r\n");
}
