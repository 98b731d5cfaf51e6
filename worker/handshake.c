#include "proto/engineio.h"
#include "worker/ban.h"
#include "worker/handover.h"
#include "worker/handshake.h"
#include "worker/limit.h"
#include "worker/origin.h"
#include "worker/polling.h"
#include "worker/request.h"
#include "worker/transport_ws.h"
#include "worker/upgrade.h"
#include "worker/worker.h"

/* What a request below the path asks for. */
struct asked {
	const struct http_request *req;
	const struct conf_echo *echo;
	struct eio_query q;
	struct session *session; /* NULL: none is named, or nobody knows it */
};

/* Refusals of plain requests are JSON with the code; those of upgrades plain text on a closed connection. */
static void refuse(struct conn *c, const struct asked *a, enum eio_error e)
{
	counter_add_to(&c->w->ct->refused[REFUSED_HANDSHAKE], 1);
	if (a->req->upgrade_websocket)
		request_reply_close(c, 400, NULL, "Content-type: text/html\r\n", eio_error_message(e));
	else
		request_reply(c, e == EIO_FORBIDDEN ? 403 : 400, "application/json", NULL, eio_error_body(e));
}

static bool transport_is_offered(const struct conf_engine *e, enum eio_transport kind)
{
	return (kind == EIO_TRANSPORT_POLLING && (e->transports & CONF_TRANSPORT_POLLING) != 0) ||
	       (kind == EIO_TRANSPORT_WEBSOCKET && (e->transports & CONF_TRANSPORT_WEBSOCKET) != 0);
}

/* A session of the path that the request came by, with what was due before now done. */
static struct session *find_session(struct worker *w, const struct asked *a)
{
	struct session *s = session_find(w, a->q.sid);

	if (s == NULL || s->echo != a->echo)
		return NULL;
	session_check_deadlines(s);
	/* that may have ended it */
	return session_find(w, a->q.sid);
}

static enum eio_error check_session(struct worker *w, struct asked *a)
{
	bool upgrade = a->req->upgrade_websocket;

	a->session = find_session(w, a);
	if (a->session == NULL)
		return EIO_UNKNOWN_SID;
	/* without an upgrade, it can only be for a session that polls */
	if (!upgrade && (a->q.kind != EIO_TRANSPORT_POLLING || a->session->tr != &transport_polling))
		return EIO_BAD_REQUEST;
	return EIO_OK;
}

static enum eio_error check_new(const struct asked *a)
{
	if (a->req->verb != HTTP_VERB_GET)
		return EIO_BAD_HANDSHAKE_METHOD;
	if (a->q.kind == EIO_TRANSPORT_WEBSOCKET && !a->req->upgrade_websocket)
		return EIO_BAD_REQUEST;
	return EIO_OK;
}

static enum eio_error check(struct conn *c, struct asked *a, enum origin origin)
{
	enum eio_error e;

	if (!transport_is_offered(&c->w->conf->engine, a->q.kind))
		return EIO_UNKNOWN_TRANSPORT;
	e = a->q.sid.n > 0 ? check_session(c->w, a) : check_new(a);
	if (e != EIO_OK)
		return e;
	/* an upgrade to WebSocket that asks for polling is none */
	if (a->req->upgrade_websocket && a->q.kind != EIO_TRANSPORT_WEBSOCKET)
		return EIO_BAD_REQUEST;
	if (origin == ORIGIN_REFUSED)
		return EIO_FORBIDDEN;
	if (a->q.sid.n == 0 && !slice_is(a->q.eio, "4"))
		return EIO_UNSUPPORTED_VERSION;
	/* the version is the session's as well */
	if (a->q.sid.n > 0 && !slice_is(a->q.eio, "4"))
		return EIO_BAD_REQUEST;
	return EIO_OK;
}

static enum public_verdict polling_request(struct conn *c, const struct asked *a)
{
	switch (a->req->verb) {
	case HTTP_VERB_GET:
		polling_get(a->session, c, a->req);
		return PUBLIC_ANSWERED;
	case HTTP_VERB_POST:
		return polling_post_begin(a->session, c, a->req) ? PUBLIC_WANTS_BODY : PUBLIC_ANSWERED;
	default:
		request_reply(c, 500, NULL, NULL, slice_make("", 0));
		return PUBLIC_ANSWERED;
	}
}

enum public_verdict handshake_head(struct conn *c, const struct http_request *req, const struct conf_echo *echo)
{
	struct asked a = {.req = req, .echo = echo};
	enum origin origin;
	enum eio_error e;

	eio_query_parse(req->query, &a.q);
	/* before a byte of the body is asked for: whoever gets the connection reads it */
	if (a.q.sid.n > 0 && handover_request(c, a.q.sid))
		return PUBLIC_ELSEWHERE;
	origin = origin_check(c, req);
	if (origin != ORIGIN_REFUSED && origin_preflight(c, req))
		return PUBLIC_ANSWERED;
	if (a.q.sid.n == 0 && (!ban_admits(c, req) || !limit_connect(c, req)))
		return PUBLIC_ANSWERED;
	e = check(c, &a, origin);
	if (e != EIO_OK)
		refuse(c, &a, e);
	else if (a.session != NULL && req->upgrade_websocket)
		upgrade_begin(c, req, a.session);
	else if (a.session != NULL)
		return polling_request(c, &a);
	else if (a.q.kind == EIO_TRANSPORT_WEBSOCKET)
		transport_ws_open(c, req, a.q.b64, echo);
	else
		polling_open(c, req, echo);
	return PUBLIC_ANSWERED;
}
