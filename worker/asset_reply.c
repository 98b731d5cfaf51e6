#include "proto/http_coding.h"
#include "worker/asset_reply.h"
#include "worker/origin.h"
#include "worker/request.h"
#include "worker/worker.h"

/*
 * A file is the largest answer for the smallest request.  What the kernel does not take is kept for each reader, up to
 * max_backlog; beyond this sum of all backlogs files wait, so that readers of files cannot push out clients.
 */
#define KEPT_MAX (64u << 20)

#define CLIENT_CACHE "Cache-Control: public, max-age=0\r\n"

/* True when the list of entity tags has TAG, compared weakly (RFC 9110, section 8.8.3.2), or is "*". */
static bool has_tag(struct slice list, const char *tag)
{
	if (slice_is(list, "*"))
		return true;
	while (list.n > 0) {
		const char *end;
		size_t n;

		while (list.n > 0 && (*list.p == ' ' || *list.p == '\t' || *list.p == ','))
			list = slice_make(list.p + 1, list.n - 1);
		if (list.n > 2 && memcmp(list.p, "W/", 2) == 0)
			list = slice_make(list.p + 2, list.n - 2);
		if (list.n < 2 || *list.p != '"' || (end = memchr(list.p + 1, '"', list.n - 1)) == NULL)
			return false;
		n = (size_t)(end + 1 - list.p);
		if (slice_is(slice_make(list.p, n), tag))
			return true;
		list = slice_make(list.p + n, list.n - n);
	}
	return false;
}

void asset_reply(struct conn *c, const struct http_request *req, const struct asset *a, const char *headers)
{
	struct buf *b = &c->w->packet;
	struct slice list;
	bool same = http_field(req, "if-none-match", &list) && has_tag(list, a->etag);
	bool packed = a->gzip.p != NULL && http_field(req, "accept-encoding", &list) &&
	    http_accept_coding(list) == HTTP_CODING_GZIP;

	if (!same && c->w->kept_bytes > KEPT_MAX) {
		counter_add_to(&c->w->ct->refused[REFUSED_BACKLOG], 1);
		request_reply(c, 503, NULL, "Retry-After: 1\r\n", slice_make("", 0));
		return;
	}
	buf_reset(b);
	buf_printf(b, "ETag: %s\r\n%s", a->etag, headers);
	if (a->gzip.p != NULL)
		buf_str(b, "Vary: Accept-Encoding\r\n");
	if (packed && !same)
		buf_str(b, "Content-Encoding: gzip\r\n");
	buf_char(b, '\0');
	if (same)
		request_reply(c, 304, NULL, b->p, slice_make("", 0));
	else
		request_reply_lasting(c, 200, a->type, b->p, packed ? a->gzip : a->body);
}

/* What follows the engine's path, with or without a slash at its end; empty when the path is another. */
static struct slice name_below(const struct text *engine, struct slice path)
{
	size_t n = engine->n;

	if (path.n < n || memcmp(path.p, engine->p, n) != 0)
		return slice_make("", 0);
	if (n == 0 || engine->p[n - 1] != '/') {
		if (path.n == n || path.p[n] != '/')
			return slice_make("", 0);
		n++;
	}
	return slice_make(path.p + n, path.n - n);
}

bool assets_handle(struct conn *c, const struct http_request *req)
{
	const struct request *r = c->owner;
	const struct worker *w = c->w;
	const struct asset *a;

	if (!w->conf->engine.serve_client || req->upgrade_websocket ||
	    (req->verb != HTTP_VERB_GET && req->verb != HTTP_VERB_HEAD))
		return false;
	a = assets_client(w->h->assets, name_below(&w->conf->engine.path, req->path));
	if (a == NULL)
		return false;
	/*
	 * Any page may run a script; CORS tells the browser who may import it or read it, which a cache must keep apart
	 * even when nothing is said of it.
	 */
	origin_check(c, req);
	asset_reply(c, req, a, r->headers != NULL ? CLIENT_CACHE : CLIENT_CACHE "Vary: Origin\r\n");
	return true;
}
