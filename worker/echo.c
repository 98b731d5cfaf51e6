#include <stdlib.h>

#include "worker/echo.h"
#include "worker/origin.h"
#include "worker/request.h"
#include "worker/transport_ws.h"
#include "worker/worker.h"

static void session_text(struct session *s, struct slice message)
{
	struct buf *b = &s->w->packet;

	buf_reset(b);
	buf_char(b, '4');
	buf_slice(b, message);
	session_send_packet(s, buf_as_slice(b));
}

static void session_binary(struct session *s, struct slice data)
{
	if (!s->closed)
		s->tr->send(s, encode_frame(s->w, encoding_carrier(s->encoding), true, data));
}

static void session_closed(struct session *s, enum close_reason reason)
{
	(void)s;
	(void)reason;
}

const struct session_app echo_app = {session_text, session_binary, session_closed};

/* A WebSocket that echoes. */
struct echo {
	struct ws_end ws;
	struct ws_limits limits;
};

static void echo_send(struct ws_end *e, enum ws_opcode op, struct slice data)
{
	uint8_t head[WS_HEADER_MAX];

	if (e->deflate.on) {
		struct span sp = encode_frame(e->conn->w, transport_ws_carrier(&e->deflate), op == WS_BINARY, data);

		conn_send(e->conn, sp.p, sp.n);
		return;
	}
	conn_send_copy(e->conn, head, ws_header(head, true, op, data.n));
	conn_send_copy(e->conn, data.p, data.n);
}

static void echo_text(struct ws_end *e, struct slice text)
{
	echo_send(e, WS_TEXT, text);
}

static void echo_binary(struct ws_end *e, struct slice data)
{
	echo_send(e, WS_BINARY, data);
}

static void echo_gone(struct ws_end *e, enum close_reason reason)
{
	struct echo *echo = OWNER_OF(e, struct echo, ws);

	(void)reason;
	ws_fini(e);
	free(echo);
}

static const struct ws_user echo_user = {echo_text, echo_binary, echo_gone};

void echo_open(struct conn *c, const struct http_request *req, const struct conf_echo *conf)
{
	struct ws_handshake hs;
	struct echo *echo;

	if (!req->upgrade_websocket || req->verb != HTTP_VERB_GET) {
		request_reply(c, 426, NULL, "Upgrade: websocket\r\n", slice_make("", 0));
		return;
	}
	if (origin_check(c, req) == ORIGIN_REFUSED) {
		request_reply_close(c, 403, NULL, NULL, slice_make("", 0));
		return;
	}
	if (!ws_handshake(c, req, transport_ws_compresses(c->w), &hs))
		return;
	echo = calloc(1, sizeof(*echo));
	if (echo == NULL) {
		request_reply_close(c, 503, NULL, "Retry-After: 5\r\n", slice_make("", 0));
		return;
	}
	echo->limits = (struct ws_limits){conf->max_message, ECHO_FRAGMENTS_MAX};
	ws_open(&echo->ws, c, &hs, &echo_user, &echo->limits);
	/* a whole message more than others may have, since all of it comes back at once */
	c->max_backlog += conf->max_message + WS_HEADER_MAX;
}
