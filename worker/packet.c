#include "conf/log.h"
#include "proto/error.h"
#include "proto/sio_msgpack.h"
#include "proto/socketio.h"
#include "worker/ack.h"
#include "worker/assembly.h"
#include "worker/packet.h"
#include "worker/rule.h"
#include "worker/socket.h"
#include "worker/worker.h"

#define UNPACKED_KEEP 65536u

/* Nesting that no application needs and JSON.parse of the receivers would still take. */
static const struct json_limits packet_limits = {.depth = 128, .values = 0, .utf8 = false};

/* The reference's word for a client that breaks Socket.IO's own rules. */
static void packet_refuse(struct session *s, const char *why)
{
	log_debug("packet_refused", "sid=%s why=%s", s->id.text, why);
	session_close(s, CLOSE_FORCED);
}

static void on_connect(struct session *s, const struct sio_packet *p)
{
	if (socket_of(s, p->nsp) != NULL)
		packet_refuse(s, "second CONNECT");
	else
		socket_connect(s, p->nsp, p->payload);
}

static void on_event(struct session *s, struct socket *so, const struct sio_packet *p, struct attachments attached)
{
	if (p->payload.n == 0)
		return; /* "42": ignored, as by the reference */
	s->active_ns = s->w->now_ns;
	rule_on_event(so, p, attached);
}

static void on_joined(struct session *s, struct socket *so, const struct sio_packet *p, struct attachments attached)
{
	switch (p->type) {
	case SIO_EVENT:
	case SIO_BINARY_EVENT:
		on_event(s, so, p, attached);
		break;
	case SIO_DISCONNECT:
		socket_leave(so, CLOSE_CLIENT_NSP);
		break;
	case SIO_ACK:
	case SIO_BINARY_ACK:
		if (p->has_id)
			ack_from_client(so, p, attached);
		break;
	case SIO_CONNECT:
	case SIO_CONNECT_ERROR:
		packet_refuse(s, "CONNECT_ERROR from a client");
		break;
	}
}

/* A packet with all that belongs to it. */
static void on_whole(struct session *s, const struct sio_packet *p, struct attachments attached)
{
	struct socket *so;

	if (p->type == SIO_CONNECT) {
		on_connect(s, p);
		return;
	}
	so = socket_of(s, p->nsp);
	if (so == NULL)
		packet_refuse(s, "namespace not joined");
	else
		on_joined(s, so, p, attached);
}

static void on_text(struct session *s, struct slice text)
{
	struct sio_packet p;
	int err;

	if (s->assembly != NULL || (s->encoding & ENCODING_MSGPACK) != 0) {
		packet_refuse(s, "text instead of binary");
		return;
	}
	s->spoken = true;
	err = sio_decode(text, &packet_limits, &p);
	if (err != 0) {
		packet_refuse(s, proto_strerror(err));
		return;
	}
	if (p.type != SIO_BINARY_EVENT && p.type != SIO_BINARY_ACK) {
		on_whole(s, &p, (struct attachments){0, NULL});
		return;
	}
	/* nobody keeps attachments for a namespace that was never joined */
	if (socket_of(s, p.nsp) == NULL) {
		packet_refuse(s, "namespace not joined");
		return;
	}
	s->assembly = assembly_new(text, &p);
	if (s->assembly == NULL)
		packet_refuse(s, "attachments");
}

static void on_attachment(struct session *s, struct slice data)
{
	struct assembly *a = s->assembly;

	if (!assembly_add(a, data))
		return;
	s->assembly = NULL;
	on_whole(s, assembly_packet(a), assembly_attached(a));
	assembly_free(a);
}

static void on_msgpack(struct session *s, struct slice data)
{
	struct sio_msgpack m;
	size_t cap = SIO_MSGPACK_TEXT_MAX(data.n);
	struct buf *b = &s->w->unpacked;
	ssize_t n = sio_msgpack_decode((const uint8_t *)data.p, data.n, &packet_limits, &m, buf_reserve(b, cap), cap);

	if (n < 0 || (size_t)n > cap)
		packet_refuse(s, proto_strerror((int)n));
	else
		on_whole(s, &m.packet, (struct attachments){m.packet.attachments, m.attachment});
	/* six bytes for each that came: not for each message of a turn, and not for ever */
	if (b->cap > UNPACKED_KEEP)
		buf_fini(b);
}

static void on_binary(struct session *s, struct slice data)
{
	if (!s->spoken) {
		s->spoken = true;
		s->encoding |= ENCODING_MSGPACK;
	}
	if (s->encoding & ENCODING_MSGPACK)
		on_msgpack(s, data);
	else if (s->assembly != NULL)
		on_attachment(s, data);
	else
		packet_refuse(s, "unexpected binary");
}

static void on_closed(struct session *s, enum close_reason reason)
{
	assembly_free(s->assembly);
	s->assembly = NULL;
	while (s->sockets != NULL)
		socket_leave(s->sockets, reason);
}

const struct session_app packet_app = {on_text, on_binary, on_closed};
