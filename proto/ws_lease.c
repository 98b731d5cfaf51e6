/*
 * ws_lease.c - the decoder of ws.h: wslay, fed from memory one whole frame at a time.
 *
 * Data frames go through wslay, which unmasks them, follows fragmented messages and checks UTF-8 across their frames.
 * It runs unbuffered: a message in one small frame is reported from wslay's own buffer, others are gathered here,
 * under our limits.  A compressed message is gathered as it is and inflated once it is whole, so what has to wait for
 * the rest of it is small, and no connection owns a window of zlib.  Control frames are complete at this point and at
 * most 125 bytes; they are answered by the caller and never reach wslay, which would queue a pong for each ping and
 * knows no close codes above 1011.
 */
#include <stdlib.h>
#include <wslay/wslay.h>

#include "proto/error.h"
#include "proto/utf8.h"
#include "proto/ws.h"

#define GATHER_KEEP 65536u /* what an idle lease may keep */

struct ws_lease {
	wslay_event_context_ptr ctx;
	struct ws_limits lim;
	bool broken;
	/* The message being received. */
	bool open;     /* its last frame has not come */
	bool deflated; /* RSV1 of its first frame */
	unsigned fragments;
	uint64_t size;       /* of all its frames so far */
	const uint8_t *view; /* the whole message, inside wslay */
	uint8_t *gather;     /* or here */
	size_t len, cap;
	uint64_t frame_len;
	/* Only during ws_feed(). */
	const uint8_t *src;
	size_t left;
	struct inflater *inflater; /* NULL: permessage-deflate is off */
	ws_on_message fn;
	void *fn_ctx;
	int stop;
	int err;
	uint8_t verdict[4]; /* wslay's Close frame, once it has refused something */
	size_t verdict_len;
};

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *user)
{
	struct ws_lease *l = user;
	size_t n = l->left < len ? l->left : len;

	(void)flags;
	if (n == 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(buf, l->src, n);
	l->src += n;
	l->left -= n;
	return (ssize_t)n;
}

/* The first four bytes are all we want: FIN and opcode, length, code. */
static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags, void *user)
{
	struct ws_lease *l = user;
	size_t n = sizeof l->verdict - l->verdict_len;

	(void)ctx;
	(void)flags;
	if (n > len)
		n = len;
	if (n > 0)
		memcpy(l->verdict + l->verdict_len, data, n);
	l->verdict_len += n;
	return (ssize_t)len;
}

static void on_frame_start(
    wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_start_arg *arg, void *user)
{
	struct ws_lease *l = user;

	(void)ctx;
	l->frame_len = arg->payload_length;
}

/* Room for N more bytes.  The frame they are in has arrived, so nobody gets memory for a promise. */
static int gather_reserve(struct ws_lease *l, size_t n)
{
	size_t cap = l->cap > 0 ? l->cap : 4096;
	uint8_t *p;

	while (cap < l->len + n)
		cap *= 2;
	/* Never more than a message may have; l->len + n is within that already. */
	if (cap > l->lim.max_message && l->lim.max_message >= 4096)
		cap = l->lim.max_message;
	if (cap == l->cap)
		return 0;
	p = realloc(l->gather, cap);
	if (p == NULL)
		return PROTO_EFRAME_MEM;
	l->gather = p;
	l->cap = cap;
	return 0;
}

static void on_frame_chunk(
    wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_chunk_arg *arg, void *user)
{
	struct ws_lease *l = user;

	(void)ctx;
	if (arg->data_length == 0 || l->err != 0)
		return;
	if (!l->open && arg->data_length == l->frame_len && l->fragments == 1) {
		l->view = arg->data;
		l->len = arg->data_length;
		return;
	}
	l->err = gather_reserve(l, arg->data_length);
	if (l->err != 0)
		return;
	memcpy(l->gather + l->len, arg->data, arg->data_length);
	l->len += arg->data_length;
}

static void message_reset(struct ws_lease *l)
{
	l->open = false;
	l->deflated = false;
	l->fragments = 0;
	l->size = 0;
	l->view = NULL;
	l->len = 0;
	if (l->cap > GATHER_KEEP) {
		free(l->gather);
		l->gather = NULL;
		l->cap = 0;
	}
}

/* What was gathered, as it was before it was compressed.  wslay has not looked at its UTF-8. */
static int inflate_message(struct ws_lease *l, struct ws_message *m)
{
	ssize_t n = inflater_message(l->inflater, m->data, m->len, l->lim.max_message, &m->data);

	if (n < 0)
		return (int)n;
	m->len = (size_t)n;
	return m->opcode == WS_TEXT && !utf8_valid((const char *)m->data, m->len) ? PROTO_EFRAME_UTF8 : 0;
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg, void *user)
{
	struct ws_lease *l = user;
	struct ws_message msg = {
	    .event = WS_EVENT_MESSAGE,
	    .opcode = arg->opcode == WSLAY_TEXT_FRAME ? WS_TEXT : WS_BINARY,
	    .data = l->len == 0   ? (const uint8_t *)""
		: l->view != NULL ? l->view
				  : l->gather,
	    .len = l->len,
	};

	(void)ctx;
	if (l->err == 0 && l->deflated)
		l->err = inflate_message(l, &msg);
	if (l->err == 0)
		l->stop = l->fn(l->fn_ctx, &msg);
	if (l->deflated)
		inflater_trim(l->inflater);
	message_reset(l);
}

struct ws_lease *ws_lease_new(const struct ws_limits *lim)
{
	static const struct wslay_event_callbacks callbacks = {
	    .recv_callback = on_recv,
	    .send_callback = on_send,
	    .on_frame_recv_start_callback = on_frame_start,
	    .on_frame_recv_chunk_callback = on_frame_chunk,
	    .on_msg_recv_callback = on_message,
	};
	struct ws_lease *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->lim = *lim;
	if (wslay_event_context_server_init(&l->ctx, &callbacks, l) != 0) {
		free(l);
		return NULL;
	}
	wslay_event_config_set_no_buffering(l->ctx, 1);
	wslay_event_config_set_max_recv_msg_length(l->ctx, lim->max_message);
	wslay_event_config_set_allowed_rsv_bits(l->ctx, WSLAY_RSV1_BIT); /* ws_peek() knows better when */
	return l;
}

void ws_lease_free(struct ws_lease *l)
{
	if (l == NULL)
		return;
	wslay_event_context_free(l->ctx);
	free(l->gather);
	free(l);
}

size_t ws_lease_size(const struct ws_lease *l)
{
	return (size_t)l->size;
}

bool ws_lease_idle(const struct ws_lease *l)
{
	return !l->open && !l->broken;
}

/* RFC 6455, section 7.4, with the codes registered since. */
static bool is_close_code(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/* FRAME is whole, masked, and has a header of 2 bytes. */
static int feed_control(struct ws_lease *l, const uint8_t *frame)
{
	size_t n = frame[1] & 0x7fu;
	uint8_t payload[125];
	struct ws_message msg = {.opcode = (enum ws_opcode)(frame[0] & 15u), .data = payload, .len = n};

	for (size_t i = 0; i < n; i++)
		payload[i] = frame[6 + i] ^ frame[2 + i % 4];
	if (msg.opcode == WS_PONG)
		return 0;
	msg.event = WS_EVENT_PING;
	if (msg.opcode == WS_CLOSE) {
		msg.event = WS_EVENT_CLOSE;
		msg.close_code = 1005;
		if (n == 1)
			return PROTO_EFRAME;
		if (n >= 2) {
			msg.close_code = (unsigned)payload[0] << 8 | payload[1];
			msg.data += 2;
			msg.len -= 2;
			if (!is_close_code(msg.close_code))
				return PROTO_EFRAME;
			if (!utf8_valid((const char *)msg.data, msg.len))
				return PROTO_EFRAME_UTF8;
		}
	}
	l->stop = l->fn(l->fn_ctx, &msg);
	/* RFC 6455, section 5.5.1: what follows a Close is not looked at. */
	if (msg.opcode == WS_CLOSE)
		l->stop = 1;
	return 0;
}

/* Why wslay stopped reading: the code of the Close it would send. */
static int verdict(struct ws_lease *l)
{
	(void)wslay_event_send(l->ctx);
	if (l->verdict_len < sizeof l->verdict)
		return PROTO_EFRAME;
	switch ((unsigned)l->verdict[2] << 8 | l->verdict[3]) {
	case WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA: return PROTO_EFRAME_UTF8;
	case WSLAY_CODE_MESSAGE_TOO_BIG: return PROTO_EFRAME_SIZE;
	default: return PROTO_EFRAME;
	}
}

static int feed_data(struct ws_lease *l, const uint8_t *frame, size_t frame_len)
{
	size_t header = 2 + 4 + ((frame[1] & 0x7f) < 126 ? 0 : (frame[1] & 0x7f) == 126 ? 2u : 8u);
	int rc;

	if (++l->fragments > l->lim.max_fragments)
		return PROTO_EFRAGMENTS;
	l->size += frame_len - header;
	if (l->size > l->lim.max_message)
		return PROTO_EFRAME_SIZE;
	l->open = (frame[0] & 0x80) == 0;
	if ((frame[0] & 15) != WS_CONT)
		l->deflated = (frame[0] & 0x40) != 0;
	if (l->deflated && l->inflater == NULL)
		return PROTO_EFRAME; /* not the connection whose message this is: the caller's mistake */
	l->src = frame;
	l->left = frame_len;
	rc = wslay_event_recv(l->ctx);
	if (l->err != 0)
		return l->err;
	if (rc != 0)
		return rc == WSLAY_ERR_NOMEM ? PROTO_EFRAME_MEM : PROTO_EFRAME;
	if (!wslay_event_get_read_enabled(l->ctx))
		return verdict(l);
	return l->left == 0 ? 0 : PROTO_EFRAME;
}

int ws_feed(struct ws_lease *l, struct inflater *i, const uint8_t *p, size_t n, ws_on_message fn, void *ctx)
{
	int rc = 0;

	if (l->broken)
		return PROTO_EFRAME;
	l->inflater = i;
	l->fn = fn;
	l->fn_ctx = ctx;
	l->stop = 0;
	while (n > 0 && rc == 0 && l->stop == 0) {
		ssize_t len = ws_peek(p, n, &l->lim, i != NULL);

		if (len < 0)
			rc = (int)len;
		else if (len == 0 || (size_t)len > n)
			rc = PROTO_EFRAME; /* not a whole frame: the caller's mistake, but no reason to die */
		else if ((p[0] & 8) != 0)
			rc = feed_control(l, p);
		else
			rc = feed_data(l, p, (size_t)len);
		if (rc == 0) {
			p += len;
			n -= (size_t)len;
		}
	}
	l->broken = rc != 0;
	return rc;
}
