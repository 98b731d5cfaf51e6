#include "proto/deflate.h"
#include "shm/op.h"
#include "worker/transport_ws.h"
#include "worker/worker.h"

static void end_text(struct ws_end *e, struct slice text)
{
	struct session *s = OWNER_OF(e, struct session, ws);

	if (text.n > 0 && text.p[0] == 'b')
		session_on_base64(s, slice_make(text.p + 1, text.n - 1)); /* as in a payload of polling */
	else
		session_on_text(s, text);
}

static void end_binary(struct ws_end *e, struct slice data)
{
	session_on_binary(OWNER_OF(e, struct session, ws), data);
}

static void end_gone(struct ws_end *e, enum close_reason reason)
{
	session_lost(OWNER_OF(e, struct session, ws), reason);
}

static const struct ws_user end_user = {end_text, end_binary, end_gone};

static void ws_send(struct session *s, struct span bytes)
{
	if (s->ws.conn != NULL)
		conn_send(s->ws.conn, bytes.p, bytes.n);
}

static bool ws_writable(const struct session *s)
{
	return s->ws.conn != NULL && conn_is_writable(s->ws.conn);
}

/* The reference closes without a code, but for a message that was too big. */
static bool ws_close(struct session *s, enum close_reason reason)
{
	ws_goodbye(&s->ws, reason == CLOSE_TOO_BIG ? 1009 : 0, slice_make("", 0));
	return true;
}

const struct transport transport_ws = {
	.name = "websocket",
	.op = OP_TRANSPORT_WEBSOCKET,
	.send = ws_send,
	.writable = ws_writable,
	.close = ws_close,
};

bool transport_ws_compresses(const struct worker *w)
{
	return w->conf->engine.compression;
}

enum carrier transport_ws_carrier(const struct ws_deflate *d)
{
	if (!d->on)
		return CARRIER_WS;
	return d->server_bits == DEFLATE_BITS_MAX ? CARRIER_WS_DEFLATE : CARRIER_WS_DEFLATE_SMALL;
}

void transport_ws_open(struct conn *c, const struct http_request *req, bool b64, const struct conf_echo *echo)
{
	struct worker *w = c->w;
	struct ws_handshake hs;
	struct session *s;

	if (!ws_handshake(c, req, transport_ws_compresses(w), &hs))
		return;
	s = session_new(c, req, echo);
	if (s == NULL)
		return;
	ws_open(&s->ws, c, &hs, &end_user, &w->ws_limits);
	s->tr = &transport_ws;
	s->encoding = b64 ? CARRIER_WS_BASE64 : (encoding_t)transport_ws_carrier(&hs.deflate);
	session_start(s);
}

void transport_ws_take(struct session *s, struct ws_end *from)
{
	ws_move(&s->ws, from, &end_user);
	s->tr = &transport_ws;
	s->encoding = (encoding_t)((s->encoding & ENCODING_MSGPACK) | transport_ws_carrier(&s->ws.deflate));
}
