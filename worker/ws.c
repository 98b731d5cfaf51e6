#include "proto/error.h"
#include "proto/ws.h"
#include "shm/op.h"
#include "worker/worker.h"
#include "worker/ws.h"

static size_t ws_input(struct conn *c, const uint8_t *p, size_t n);
static size_t ws_hold(const struct conn *c);
static void ws_gone(struct conn *c, enum close_reason reason);

static const struct conn_ops ws_ops = {ws_input, ws_hold, ws_gone};

static void ws_send(struct session *s, const uint8_t *p, size_t n)
{
	conn_send(s->conn, p, n);
}

static bool ws_writable(const struct session *s)
{
	return conn_is_writable(s->conn);
}

/* Sends a close frame and finishes the connection. */
static void ws_goodbye(struct session *s, unsigned code)
{
	struct conn *c = s->conn;
	uint8_t frame[2 + 125];
	size_t n = ws_close_frame(frame, code, slice_make("", 0));

	conn_send_copy(c, frame, n);
	s->conn = NULL;
	conn_finish(c);
}

/* The reference closes without a code, but for a message that was too big. */
static void ws_close(struct session *s, enum close_reason reason)
{
	ws_goodbye(s, reason == CLOSE_TOO_BIG ? 1009 : 0);
}

const struct transport ws_transport = {
	.name = "websocket",
	.encoding = ENCODING_WEBSOCKET,
	.op = OP_TRANSPORT_WEBSOCKET,
	.send = ws_send,
	.writable = ws_writable,
	.close = ws_close,
};

void ws_start(struct session *s, struct conn *c)
{
	s->tr = &ws_transport;
	s->conn = c;
	conn_set_ops(c, &ws_ops, s);
}

static size_t ws_hold(const struct conn *c)
{
	return c->w->ws_limits.max_message + 14;
}

static void ws_gone(struct conn *c, enum close_reason reason)
{
	struct session *s = c->owner;

	s->conn = NULL;
	session_lost(s, reason);
}

static int ws_on_event(void *ctx, const struct ws_message *m)
{
	struct conn *c = ctx;
	struct session *s = c->owner;

	switch (m->event) {
	case WS_EVENT_PING: {
		uint8_t head[WS_HEADER_MAX];

		conn_send_copy(c, head, ws_header(head, true, WS_PONG, m->len));
		conn_send_copy(c, m->data, m->len);
		break;
	}
	case WS_EVENT_CLOSE:
		/* Echo the code; 1005 means that there was none.  The session ends as when the peer just goes. */
		ws_goodbye(s, m->close_code == 1005 ? 0 : m->close_code);
		session_lost(s, CLOSE_TRANSPORT_CLOSE);
		break;
	case WS_EVENT_MESSAGE:
		if (m->opcode == WS_TEXT)
			session_on_text(s, slice_make(m->data, m->len));
		else
			session_on_binary(s, slice_make(m->data, m->len));
		break;
	}
	return c->state != CONN_OPEN;
}

static void ws_fail(struct conn *c, int err)
{
	struct session *s = c->owner;
	enum close_reason why = err == PROTO_EFRAME_SIZE ? CLOSE_TOO_BIG : CLOSE_TRANSPORT_ERROR;

	ws_goodbye(s, ws_error_code(err));
	session_lost(s, why);
}

/* The decoder for this connection: its own inside a fragmented message, else the worker's idle one. */
static struct ws_lease *lease_take(struct worker *w, struct session *s)
{
	struct ws_lease *l = s->lease != NULL ? s->lease : w->lease;

	if (l == NULL)
		l = ws_lease_new(&w->ws_limits);
	else if (l == w->lease)
		w->lease = NULL;
	s->lease = NULL;
	return l;
}

/* Gives it back at a frame boundary; S is NULL when the session went meanwhile. */
static void lease_give(struct worker *w, struct session *s, struct ws_lease *l, bool broken)
{
	if (!broken && s != NULL && !ws_lease_idle(l))
		s->lease = l;
	else if (!broken && w->lease == NULL && ws_lease_idle(l))
		w->lease = l;
	else
		ws_lease_free(l);
}

static size_t ws_input(struct conn *c, const uint8_t *p, size_t n)
{
	struct worker *w = c->w;
	size_t off = 0;

	while (off < n && c->state == CONN_OPEN) {
		ssize_t len = ws_peek(p + off, n - off, &w->ws_limits, false);
		struct ws_lease *l;
		int err;

		if (len == 0 || (len > 0 && (size_t)len > n - off))
			break;
		if (len < 0) {
			ws_fail(c, (int)len);
			break;
		}
		l = lease_take(w, c->owner);
		if (l == NULL) {
			conn_close(c, CLOSE_TRANSPORT_ERROR);
			break;
		}
		err = ws_feed(l, NULL, p + off, (size_t)len, ws_on_event, c);
		lease_give(w, c->state == CONN_OPEN ? c->owner : NULL, l, err != 0);
		if (err != 0 && c->state == CONN_OPEN)
			ws_fail(c, err);
		off += (size_t)len;
	}
	return off;
}
