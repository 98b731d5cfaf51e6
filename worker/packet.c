#include "conf/log.h"
#include "proto/error.h"
#include "proto/socketio.h"
#include "worker/packet.h"
#include "worker/rule.h"
#include "worker/worker.h"

/* Nesting that no application needs and JSON.parse of the receivers would still take. */
static const struct json_limits packet_limits = {.depth = 128, .values = 0, .utf8 = false};

/* The reference's word for a client that breaks Socket.IO's own rules. */
static void packet_refuse(struct session *s, const char *why)
{
	log_debug("packet_refused", "sid=%s why=%s", s->sid, why);
	session_close(s, CLOSE_FORCED);
}

static void on_connect(struct session *s, const struct sio_packet *p)
{
	if (socket_of(s, p->nsp) != NULL)
		packet_refuse(s, "second CONNECT");
	else
		socket_connect(s, p->nsp, p->payload);
}

static void on_event(struct session *s, struct socket *so, const struct sio_packet *p)
{
	if (p->payload.n == 0)
		return; /* "42": ignored, as by the reference */
	s->active_ns = s->w->now_ns;
	rule_on_event(so, p);
}

static void on_joined(struct session *s, struct socket *so, const struct sio_packet *p)
{
	switch (p->type) {
	case SIO_EVENT:
		on_event(s, so, p);
		break;
	case SIO_DISCONNECT:
		socket_leave(so, CLOSE_CLIENT_NSP);
		break;
	case SIO_ACK:
		break; /* no event asked for one: unknown id, ignored */
	case SIO_BINARY_EVENT:
	case SIO_BINARY_ACK:
		packet_refuse(s, "attachments");
		break;
	case SIO_CONNECT:
	case SIO_CONNECT_ERROR:
		packet_refuse(s, "CONNECT_ERROR from a client");
		break;
	}
}

void packet_on_text(struct session *s, struct slice text)
{
	struct sio_packet p;
	struct socket *so;
	int err = sio_decode(text, &packet_limits, &p);

	if (err != 0) {
		packet_refuse(s, proto_strerror(err));
		return;
	}
	if (p.type == SIO_CONNECT) {
		on_connect(s, &p);
		return;
	}
	so = socket_of(s, p.nsp);
	if (so == NULL)
		packet_refuse(s, "namespace not joined");
	else
		on_joined(s, so, &p);
}

void packet_on_binary(struct session *s, struct slice data)
{
	(void)data;
	packet_refuse(s, "unexpected binary");
}
