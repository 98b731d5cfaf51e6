#include "proto/engineio.h"
#include "worker/asset_reply.h"
#include "worker/public.h"
#include "worker/request.h"
#include "worker/session.h"
#include "worker/worker.h"

/* Refusals of plain requests are JSON with the code; those of upgrades plain text on a closed connection. */
static void refuse_handshake(struct conn *c, const struct http_request *req, enum eio_error e)
{
	counter_add_to(&c->w->ct->refused[REFUSED_HANDSHAKE], 1);
	if (req->upgrade_websocket)
		request_reply_close(c, 400, "text/html", NULL, eio_error_message(e));
	else
		request_reply(c, e == EIO_FORBIDDEN ? 403 : 400, "application/json", NULL, eio_error_body(e));
}

/* PROTOCOL.md section 1, in the reference's order of checks. */
static enum eio_error check_handshake(const struct http_request *req, const struct eio_query *q)
{
	if (q->kind != EIO_TRANSPORT_WEBSOCKET)
		return EIO_UNKNOWN_TRANSPORT;
	if (q->sid.n > 0)
		return EIO_UNKNOWN_SID; /* only a polling session can be asked for by sid */
	if (req->verb != HTTP_VERB_GET)
		return EIO_BAD_HANDSHAKE_METHOD;
	if (!req->upgrade_websocket)
		return EIO_BAD_REQUEST;
	if (!slice_is(q->eio, "4"))
		return EIO_UNSUPPORTED_VERSION;
	return EIO_OK;
}

static void refuse_upgrade(struct conn *c, unsigned status, const char *headers)
{
	counter_add_to(&c->w->ct->refused[REFUSED_UPGRADE], 1);
	request_reply_close(c, status, NULL, headers, slice_make("", 0));
}

/*
 * The first subprotocol that the client offers: it means nothing here, but a browser that offered some fails when none
 * was chosen.  False when the header is no list of tokens.
 */
static bool choose_protocol(const struct http_request *req, struct slice *out)
{
	struct slice list;
	size_t n = 0;

	*out = slice_make("", 0);
	if (!http_field(req, "sec-websocket-protocol", &list))
		return true;
	while (n < list.n && list.p[n] > ' ' && list.p[n] < 0x7f && strchr("()<>@,;:\\\"/[]?={}", list.p[n]) == NULL)
		n++;
	*out = slice_make(list.p, n);
	return n > 0 && (n == list.n || list.p[n] == ',' || list.p[n] == ' ' || list.p[n] == '\t');
}

static void upgrade(struct conn *c, const struct http_request *req)
{
	struct worker *w = c->w;
	char accept[WS_ACCEPT_LEN + 1];
	struct slice key, version, protocol;

	if (!http_field(req, "sec-websocket-version", &version) || !slice_is(version, "13")) {
		refuse_upgrade(c, 426, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
		return;
	}
	if (!http_field(req, "sec-websocket-key", &key) || ws_accept(key, accept) != 0 ||
	    !choose_protocol(req, &protocol)) {
		refuse_upgrade(c, 400, NULL);
		return;
	}
	if (atomic_load_explicit(segment_store_full(w->h->seg), memory_order_relaxed) != 0) {
		counter_add_to(&w->ct->refused[REFUSED_STORE_FULL], 1);
		request_reply_close(c, 503, NULL, "Retry-After: 5\r\n", slice_make("", 0));
		return;
	}
	session_open_websocket(c, req, accept, protocol);
}

static bool is_engine_path(const struct worker *w, struct slice path)
{
	const struct text *p = &w->conf->engine.path;

	return path.n >= p->n && memcmp(path.p, p->p, p->n) == 0;
}

void public_handle(struct conn *c, const struct http_request *req, struct slice body)
{
	struct worker *w = c->w;
	struct eio_query q;
	enum eio_error e;

	(void)body;
	if (!is_engine_path(w, req->path)) {
		counter_add_to(&w->ct->refused[REFUSED_HTTP_NOT_FOUND], 1);
		if (req->upgrade_websocket)
			request_reply_close(c, 404, NULL, NULL, slice_make("", 0));
		else
			request_reply(c, 404, NULL, NULL, slice_make("", 0));
		return;
	}
	if (assets_handle(c, req))
		return;
	eio_query_parse(req->query, &q);
	e = check_handshake(req, &q);
	if (e != EIO_OK)
		refuse_handshake(c, req, e);
	else
		upgrade(c, req);
}
