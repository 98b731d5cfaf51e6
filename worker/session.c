#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "proto/engineio.h"
#include "proto/ws.h"
#include "worker/auth.h"
#include "worker/packet.h"
#include "worker/peer.h"
#include "worker/request.h"
#include "worker/session.h"
#include "worker/worker.h"
#include "worker/ws.h"

static void session_count(struct worker *w, int by)
{
	counter_set(w->ct, COUNTER_SESSIONS, counter_get(w->ct, COUNTER_SESSIONS) + (uint64_t)by);
}

static struct session *session_new(struct worker *w)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->w = w;
	s->active_ns = w->now_ns;
	sid_make(s->sid, w->h->slot, w->h->gen);
	timeq_enter(&w->pings, &s->beat, w->now_ns);
	alarm_set(&w->alarms, &s->deadline, session_deadline_due, s,
	    w->now_ns + (uint64_t)w->conf->engine.connect_timeout * NS_PER_MS);
	session_count(w, 1);
	return s;
}

static void session_free(struct session *s)
{
	struct worker *w = s->w;

	timed_leave(&s->beat);
	alarm_clear(&w->alarms, &s->deadline);
	if (s->lease != NULL)
		ws_lease_free(s->lease);
	free(s->token);
	session_count(w, -1);
	free(s);
}

void session_open_websocket(struct conn *c, const struct http_request *req, const char *accept, struct slice protocol)
{
	struct worker *w = c->w;
	const struct conf_engine *e = &w->conf->engine;
	struct session *s = session_new(w);
	struct eio_open open;
	char packet[512];

	if (s == NULL) {
		request_reply_close(c, 503, NULL, NULL, slice_make("", 0));
		return;
	}
	peer_of(w->conf, &((struct request *)c->owner)->from, req, &s->peer);
	s->token = auth_keep_token(w, req);
	buf_reset(&w->reply);
	buf_str(&w->reply, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			   "Sec-WebSocket-Accept: ");
	buf_put(&w->reply, accept, WS_ACCEPT_LEN);
	if (protocol.n > 0) {
		buf_str(&w->reply, "\r\nSec-WebSocket-Protocol: ");
		buf_slice(&w->reply, protocol);
	}
	buf_str(&w->reply, "\r\n\r\n");
	conn_send_copy(c, w->reply.p, w->reply.n);
	request_release(c);
	ws_start(s, c);
	open = (struct eio_open){s->sid, false, e->ping_interval, e->ping_timeout, e->max_payload};
	session_send_packet(s, slice_make(packet, eio_open_write(&open, packet, sizeof(packet))));
}

void session_send_packet(struct session *s, struct slice packet)
{
	uint8_t head[WS_HEADER_MAX], *p;
	size_t n;

	if (s->closing)
		return;
	n = ws_header(head, true, WS_TEXT, packet.n);
	p = arena_take(&s->w->arena, n + packet.n);
	memcpy(p, head, n);
	memcpy(p + n, packet.p, packet.n);
	s->tr->send(s, p, n + packet.n);
}

/* Takes every socket out of its rooms; after this the session is nobody's. */
static void session_end(struct session *s, enum close_reason reason)
{
	struct worker *w = s->w;

	s->closing = true;
	log_debug("session_closed", "sid=%s reason=%s", s->sid, close_reason_name(reason));
	counter_add_to(&w->ct->disconnects[reason], 1);
	while (s->sockets != NULL)
		socket_leave(s->sockets, reason);
	if (s->conn == NULL)
		session_free(s);
}

void session_close(struct session *s, enum close_reason reason)
{
	struct conn *c = s->conn;

	if (s->closing)
		return;
	session_end(s, reason);
	if (c != NULL) {
		s->tr->close(s, reason);
		session_free(s);
	}
}

void session_lost(struct session *s, enum close_reason reason)
{
	if (!s->closing)
		session_end(s, reason);
}

void session_ping_due(struct session *s)
{
	struct worker *w = s->w;
	uint64_t idle_ns = (uint64_t)w->conf->engine.idle_timeout * NS_PER_MS;

	if (idle_ns != 0 && s->active_ns + idle_ns <= w->now_ns) {
		session_close(s, CLOSE_IDLE);
		return;
	}
	session_send_packet(s, SLICE("2"));
	s->pinged = true;
	s->prolonged = false;
	timeq_enter(&w->pongs, &s->beat, w->now_ns);
}

void session_pong_due(struct session *s)
{
	session_close(s, CLOSE_PING_TIMEOUT);
}

void session_deadline_due(void *session)
{
	struct session *s = session;

	if (s->sockets == NULL)
		session_close(s, CLOSE_CONNECT_TIMEOUT);
}

/* Something else came before the pong, which is perhaps behind it: once a ping, the time begins again. */
static void session_prolong(struct session *s)
{
	if (!s->pinged || s->prolonged)
		return;
	s->prolonged = true;
	timeq_enter(&s->w->pongs, &s->beat, s->w->now_ns);
}

void session_on_text(struct session *s, struct slice packet)
{
	switch (eio_packet_type(packet)) {
	case EIO_MESSAGE:
		session_prolong(s);
		packet_on_text(s, slice_make(packet.p + 1, packet.n - 1));
		break;
	case EIO_PONG:
		s->pinged = false;
		timeq_enter(&s->w->pings, &s->beat, s->w->now_ns);
		break;
	case EIO_PING:
		/* invalid heartbeat direction */
		session_close(s, CLOSE_TRANSPORT_ERROR);
		break;
	case EIO_OPEN:
	case EIO_CLOSE:
	case EIO_UPGRADE:
	case EIO_NOOP:
		break;
	default:
		session_close(s, CLOSE_PARSE_ERROR);
		break;
	}
}

void session_on_binary(struct session *s, struct slice data)
{
	session_prolong(s);
	packet_on_binary(s, data);
}
