#include <stdlib.h>

#include "proto/eio_payload.h"
#include "proto/engineio.h"
#include "worker/ops.h"
#include "worker/polling.h"
#include "worker/socket.h"
#include "worker/transport_ws.h"
#include "worker/upgrade.h"
#include "worker/worker.h"

#define NUDGE_NS (100 * NS_PER_MS)

struct probe {
	struct ws_end ws;
	struct session *s;
	uint32_t nudge, timeout; /* alarms */
};

static void probe_free(struct probe *p)
{
	struct worker *w = p->s->w;

	alarm_clear(&w->alarms, &p->nudge);
	alarm_clear(&w->alarms, &p->timeout);
	p->s->polling->probe = NULL;
	ws_fini(&p->ws);
	free(p);
}

static void probe_end(struct probe *p)
{
	ws_goodbye(&p->ws, 0, slice_make("", 0));
	probe_free(p);
}

void upgrade_abandon(struct session *s)
{
	if (s->polling->probe != NULL)
		probe_end(s->polling->probe);
}

static void nudge_due(void *probe)
{
	struct probe *p = probe;
	struct worker *w = p->s->w;

	polling_nudge(p->s);
	alarm_set(&w->alarms, &p->nudge, nudge_due, p, w->now_ns + NUDGE_NS);
}

static void timeout_due(void *probe)
{
	probe_end(probe);
}

static void send_text(struct ws_end *e, struct slice packet)
{
	struct span sp = encode_frame(e->conn->w, CARRIER_WS, false, packet);

	conn_send(e->conn, sp.p, sp.n);
}

/* What waited for a GET goes ahead of all else. */
static void send_rest(struct session *s, struct slice payload)
{
	enum carrier carrier = encoding_carrier(s->encoding);
	struct eio_payload_iter it;
	struct eio_packet packet;

	if (payload.n == 0)
		return;
	eio_payload_begin(&it, payload);
	while (eio_payload_next(&it, &packet)) {
		uint8_t *data;
		ssize_t n;

		if (!packet.binary) {
			s->tr->send(s, encode_frame(s->w, carrier, false, packet.data));
			continue;
		}
		data = arena_alloc(&s->w->arena, EIO_BINARY_DECODED_MAX(packet.data.n) + 1);
		n = eio_payload_binary(packet.data, data, EIO_BINARY_DECODED_MAX(packet.data.n));
		if (n >= 0)
			s->tr->send(s, encode_frame(s->w, carrier, true, slice_make(data, (size_t)n)));
	}
}

/* "5" */
static void probe_complete(struct probe *p)
{
	struct session *s = p->s;
	struct buf rest;

	transport_ws_take(s, &p->ws);
	probe_free(p);
	polling_leave(s, &rest);
	send_rest(s, buf_as_slice(&rest));
	buf_fini(&rest);
	if (s->closed) {
		/* it closed meanwhile, and its client comes for the news here */
		ws_goodbye(&s->ws, 0, slice_make("", 0));
		session_drop(s);
		return;
	}
	counter_add(s->w->ct, COUNTER_UPGRADES, 1);
	for (const struct socket *so = s->sockets; so != NULL; so = so->next) {
		if (!so->connecting)
			ops_socket_transport(s->w, so);
	}
}

static void probe_text(struct ws_end *e, struct slice text)
{
	struct probe *p = OWNER_OF(e, struct probe, ws);
	struct worker *w = p->s->w;

	if (slice_is(text, "2probe")) {
		send_text(e, SLICE("3probe"));
		alarm_set(&w->alarms, &p->nudge, nudge_due, p, w->now_ns + NUDGE_NS);
	} else if (eio_packet_type(text) == EIO_UPGRADE) {
		probe_complete(p);
	} else {
		probe_end(p);
	}
}

static void probe_binary(struct ws_end *e, struct slice data)
{
	(void)data;
	probe_end(OWNER_OF(e, struct probe, ws));
}

static void probe_gone(struct ws_end *e, enum close_reason reason)
{
	(void)reason;
	probe_free(OWNER_OF(e, struct probe, ws));
}

static const struct ws_user probe_user = {probe_text, probe_binary, probe_gone};

void upgrade_begin(struct conn *c, const struct http_request *req, struct session *s)
{
	struct worker *w = c->w;
	struct ws_handshake hs;
	struct probe *p;

	if (!ws_handshake(c, req, transport_ws_compresses(w), &hs))
		return;
	if (s->closed || s->polling == NULL || s->polling->probe != NULL) {
		struct ws_end refused;

		ws_open(&refused, c, &hs, &probe_user, &w->ws_limits);
		ws_goodbye(&refused, 0, slice_make("", 0));
		return;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		worker_die(w, "out of memory");
	p->s = s;
	s->polling->probe = p;
	ws_open(&p->ws, c, &hs, &probe_user, &w->ws_limits);
	alarm_set(&w->alarms, &p->timeout, timeout_due, p,
	    w->now_ns + (uint64_t)w->conf->engine.upgrade_timeout * NS_PER_MS);
}
