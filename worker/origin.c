#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "worker/origin.h"
#include "worker/request.h"
#include "worker/worker.h"

/* scheme://host[:port], in parts of one header's value. */
struct parts {
	struct slice scheme, host, port; /* port empty: the scheme's own */
};

static bool same_text(struct slice a, struct slice b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

static void split_host(struct slice s, struct parts *out)
{
	const char *bracket = s.n > 0 && s.p[0] == '[' ? memchr(s.p, ']', s.n) : NULL;
	size_t at = bracket != NULL ? (size_t)(bracket - s.p) : 0;
	const char *colon = memchr(s.p + at, ':', s.n - at);

	out->host = slice_make(s.p, colon != NULL ? (size_t)(colon - s.p) : s.n);
	out->port = colon != NULL ? slice_make(colon + 1, (size_t)(s.p + s.n - colon - 1)) : slice_make("", 0);
}

/* False for "null" and whatever else is no origin. */
static bool split_origin(struct slice s, struct parts *out)
{
	const char *sep = memmem(s.p, s.n, "://", 3);

	if (sep == NULL)
		return false;
	out->scheme = slice_make(s.p, (size_t)(sep - s.p));
	split_host(slice_make(sep + 3, (size_t)(s.p + s.n - sep - 3)), out);
	return out->host.n > 0;
}

/* By name or by address: 127.example.com is anybody's. */
static bool is_loopback(struct slice host)
{
	if (same_text(host, SLICE("localhost")) || same_text(host, SLICE("[::1]")))
		return true;
	for (size_t i = 0; i < host.n; i++) {
		if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
			return false;
	}
	return host.n >= 4 && memcmp(host.p, "127.", 4) == 0;
}

static bool is_here(const struct http_request *req, const struct parts *origin)
{
	struct parts own;
	struct slice host;

	if (!http_field(req, "host", &host))
		return false;
	split_host(host, &own);
	return same_text(own.host, origin->host) && same_text(own.port, origin->port);
}

/* The console: a page from one of our admin ports, on the name that this request came by, or both on the loopback. */
static bool is_console(const struct worker *w, const struct http_request *req, const struct parts *origin)
{
	struct parts own = {.host = {"", 0}};
	struct slice host;
	char port[8];

	if (http_field(req, "host", &host))
		split_host(host, &own);
	for (unsigned i = 0; i < w->h->nlistener; i++) {
		const struct heritage_listener *l = &w->h->listener[i];

		if (l->kind != HERITAGE_ADMIN || l->shared)
			continue;
		snprintf(port, sizeof(port), "%u", l->port);
		if (slice_is(origin->port, port) && (same_text(own.host, origin->host) ||
						    (is_loopback(own.host) && is_loopback(origin->host))))
			return true;
	}
	return false;
}

/* A star in front of the host: any name below it. */
static bool is_below(struct text pattern, struct slice origin)
{
	const char *star = memchr(pattern.p, '*', pattern.n);
	size_t head, tail;

	if (star == NULL)
		return false;
	head = (size_t)(star - pattern.p);
	tail = pattern.n - head - 1;
	return origin.n > head + tail && strncasecmp(origin.p, pattern.p, head) == 0 &&
	       strncasecmp(origin.p + origin.n - tail, star + 1, tail) == 0 &&
	       memchr(origin.p + head, '/', origin.n - head - tail) == NULL;
}

static bool is_listed(const struct conf_engine *e, struct slice origin)
{
	for (unsigned i = 0; i < e->norigin; i++) {
		struct text t = e->origin[i];

		if (text_is(t, "*") || same_text(slice_make(t.p, t.n), origin) || is_below(t, origin))
			return true;
	}
	return false;
}

static bool is_anybody(const struct conf_engine *e)
{
	return e->norigin > 0 && text_is(e->origin[0], "*");
}

/* Only what is a list of header names may be given back. */
static bool is_names(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if (ch < 0x20 || ch >= 0x7f)
			return false;
	}
	return s.n > 0 && s.n <= 1024;
}

/* What a preflight asks; the rest of its answer is as for any request. */
static void add_preflight(struct conn *c, const struct http_request *req)
{
	struct slice names;
	char line[1200];

	request_add_header(c, "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n");
	if (!http_field(req, "access-control-request-headers", &names) || !is_names(names))
		return;
	snprintf(line, sizeof(line), "Access-Control-Allow-Headers: %.*s\r\n", (int)names.n, names.p);
	request_add_header(c, line);
}

/* ORIGIN: the one to be named; empty: none is. */
static void add_headers(struct conn *c, const struct http_request *req, struct slice origin)
{
	const struct conf_engine *e = &c->w->conf->engine;
	bool preflight = req->verb == HTTP_VERB_OPTIONS, anybody = is_anybody(e);
	char line[400];

	if (anybody || origin.n > 0) {
		snprintf(line, sizeof(line), "Access-Control-Allow-Origin: %.*s\r\n", anybody ? 1 : (int)origin.n,
		    anybody ? "*" : origin.p);
		request_add_header(c, line);
	}
	if (!anybody || preflight) {
		snprintf(line, sizeof(line), "Vary: %s%s%s\r\n", anybody ? "" : "Origin", !anybody && preflight ? ", " : "",
		    preflight ? "Access-Control-Request-Headers" : "");
		request_add_header(c, line);
	}
	if (e->credentials)
		request_add_header(c, "Access-Control-Allow-Credentials: true\r\n");
	if (preflight)
		add_preflight(c, req);
}

enum origin origin_check(struct conn *c, const struct http_request *req)
{
	struct worker *w = c->w;
	const struct conf_engine *e = &w->conf->engine;
	struct parts origin;
	struct slice text;

	if (!http_field(req, "origin", &text)) {
		/* caches must know that another answer is possible */
		if (e->norigin > 0)
			add_headers(c, req, slice_make("", 0));
		return ORIGIN_NONE;
	}
	if (is_anybody(e)) {
		add_headers(c, req, text);
		return ORIGIN_ALLOWED;
	}
	if (text.n > 300 || !split_origin(text, &origin))
		return ORIGIN_REFUSED;
	if (is_here(req, &origin) && !is_listed(e, text))
		return ORIGIN_NONE;
	if (!is_listed(e, text) && !is_console(w, req, &origin) &&
	    !(w->conf->dev && e->norigin == 0 && is_loopback(origin.host)))
		return ORIGIN_REFUSED;
	add_headers(c, req, text);
	return ORIGIN_ALLOWED;
}

bool origin_preflight(struct conn *c, const struct http_request *req)
{
	const struct request *r = c->owner;

	/* without CORS, OPTIONS is a method like any other */
	if (req->verb != HTTP_VERB_OPTIONS || r->headers == NULL)
		return false;
	request_reply(c, 204, NULL, NULL, slice_make("", 0));
	return true;
}
