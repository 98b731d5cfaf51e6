#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "proto/eio_payload.h"
#include "proto/engineio.h"
#include "worker/auth.h"
#include "worker/behind.h"
#include "worker/echo.h"
#include "worker/packet.h"
#include "worker/polling.h"
#include "worker/request.h"
#include "worker/facts.h"
#include "worker/session.h"
#include "worker/socket.h"
#include "worker/worker.h"

#define LATE_NS (10 * NS_PER_MS) /* a timer that is later than that was held up */

static void deadline_due(void *session);

static void session_count(struct worker *w, int by)
{
	counter_set(w->ct, COUNTER_SESSIONS, counter_get(w->ct, COUNTER_SESSIONS) + (uint64_t)by);
}

struct session *session_find(const struct worker *w, struct slice sid)
{
	struct sid_entry *e = sid_table_find(&w->sessions, sid);

	return e != NULL ? OWNER_OF(e, struct session, id) : NULL;
}

/*
 * A client that polls has no connection between two polls: max_connections bounds sessions as well, and twice that those
 * which have closed and whose clients have not heard of it.
 */
static bool session_has_room(const struct worker *w)
{
	return counter_get(w->ct, COUNTER_SESSIONS) < w->max_conn && w->sessions.n < 2 * w->max_conn;
}

struct session *session_new(struct conn *c, const struct http_request *req, const struct conf_echo *echo)
{
	struct worker *w = c->w;
	struct session *s = NULL;

	if (!session_has_room(w))
		counter_add_to(&w->ct->refused[REFUSED_MAX_CONNECTIONS], 1);
	else if (atomic_load_explicit(segment_store_full(w->h->seg), memory_order_relaxed) != 0)
		counter_add_to(&w->ct->refused[REFUSED_STORE_FULL], 1);
	else
		s = calloc(1, sizeof(*s));
	if (s == NULL) {
		request_reply_close(c, 503, NULL, "Retry-After: 5\r\n", slice_make("", 0));
		return NULL;
	}
	s->w = w;
	s->echo = echo;
	s->app = echo != NULL ? &echo_app : &packet_app;
	s->active_ns = w->now_ns;
	peer_of(w->conf, &((struct request *)c->owner)->from, req, &s->peer);
	s->token = auth_keep_token(w, req);
	s->facts = facts_new(&w->conf->catalogue, req);
	sid_make(s->id.text, w->h->slot, w->h->gen);
	sid_table_add(&w->sessions, &s->id);
	timeq_enter(&w->pings, &s->beat, w->now_ns);
	if (echo == NULL)
		alarm_set(&w->alarms, &s->deadline, deadline_due, s,
		    w->now_ns + (uint64_t)w->conf->engine.connect_timeout * NS_PER_MS);
	session_count(w, 1);
	return s;
}

void session_start(struct session *s)
{
	const struct conf_engine *e = &s->w->conf->engine;
	bool upgrade = s->polling != NULL && e->allow_upgrades && (e->transports & CONF_TRANSPORT_WEBSOCKET) != 0;
	struct eio_open open = {s->id.text, upgrade, e->ping_interval, e->ping_timeout, e->max_payload};
	char packet[512];

	session_send_packet(s, slice_make(packet, eio_open_write(&open, packet, sizeof(packet))));
}

void session_send_packet(struct session *s, struct slice packet)
{
	if (!s->closed)
		s->tr->send(s, encode_frame(s->w, encoding_carrier(s->encoding), false, packet));
}

void session_send_now(struct session *s, const struct message *m)
{
	if (!s->closed)
		s->tr->send(s, encode_message(s->w, s->encoding, m));
}

void session_send_message(struct session *s, const struct message *m)
{
	if (!s->closed && !behind_keep(s, m))
		session_send_now(s, m);
}

void session_send_text(struct session *s, struct slice packet)
{
	struct message m = message_text(packet);

	session_send_message(s, &m);
}

/* Takes it out of everything but the table; after this no packet is sent or taken. */
static void session_end(struct session *s, enum close_reason reason)
{
	struct worker *w = s->w;

	s->closed = true;
	log_debug("session_closed", "sid=%s reason=%s", s->id.text, close_reason_name(reason));
	/* sockets that were sent away were counted one by one */
	if (reason != CLOSE_SERVER_DISCONNECT)
		counter_add_to(&w->ct->disconnects[reason], 1);
	s->app->closed(s, reason);
	timed_leave(&s->beat);
	alarm_clear(&w->alarms, &s->deadline);
	session_count(w, -1);
}

void session_close(struct session *s, enum close_reason reason)
{
	if (s->closed)
		return;
	behind_flush(s);
	session_end(s, reason);
	if (s->tr->close(s, reason))
		session_drop(s);
}

void session_lost(struct session *s, enum close_reason reason)
{
	if (s->closed)
		return;
	session_end(s, reason);
	session_drop(s);
}

void session_drop(struct session *s)
{
	struct worker *w = s->w;

	alarm_clear(&w->alarms, &s->deadline);
	sid_table_del(&w->sessions, &s->id);
	s->next_dead = w->dead_sessions;
	w->dead_sessions = s;
}

void session_reap(struct worker *w)
{
	while (w->dead_sessions != NULL) {
		struct session *s = w->dead_sessions;

		w->dead_sessions = s->next_dead;
		ws_fini(&s->ws);
		polling_free(s->polling);
		facts_put(s->facts);
		free(s->token);
		free(s);
	}
}

void session_ping_due(struct session *s)
{
	struct worker *w = s->w;
	uint64_t idle_ns = (uint64_t)w->conf->engine.idle_timeout * NS_PER_MS, due = s->beat.due_ns;

	if (idle_ns != 0 && s->active_ns + idle_ns <= w->now_ns) {
		session_close(s, CLOSE_IDLE);
		return;
	}
	session_send_packet(s, SLICE("2"));
	s->pinged = true;
	s->prolonged = false;
	/* From when the ping was due, not from when the loop came to it; but what we were late by is not held against him. */
	timeq_enter(&w->pongs, &s->beat, w->now_ns - due < LATE_NS ? due : w->now_ns);
}

void session_pong_due(struct session *s)
{
	session_close(s, CLOSE_PING_TIMEOUT);
}

bool session_check_deadlines(struct session *s)
{
	if (!s->closed && s->pinged && s->beat.due_ns <= s->w->now_ns)
		session_pong_due(s);
	return !s->closed;
}

/* Alarm: no CONNECT in time. */
static void deadline_due(void *session)
{
	struct session *s = session;

	for (const struct socket *so = s->sockets; so != NULL; so = so->next) {
		if (!so->connecting)
			return;
	}
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
		s->app->text(s, slice_make(packet.p + 1, packet.n - 1));
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
	case EIO_CLOSE: /* means something on polling alone, which takes it before it comes here */
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
	s->app->binary(s, data);
}

void session_on_base64(struct session *s, struct slice text)
{
	size_t cap = EIO_BINARY_DECODED_MAX(text.n);
	uint8_t *data = arena_alloc(&s->w->arena, cap + 1);
	ssize_t n = eio_payload_binary(text, data, cap);

	if (n < 0)
		session_close(s, CLOSE_PARSE_ERROR);
	else
		session_on_binary(s, slice_make(data, (size_t)n));
}
