#include <string.h>

#include "proto/error.h"
#include "worker/request.h"
#include "worker/worker.h"
#include "worker/ws.h"

static size_t ws_input(struct conn *c, const uint8_t *p, size_t n);
static size_t ws_hold(const struct conn *c);
static void ws_gone(struct conn *c, enum close_reason reason);
static void ws_resume(struct conn *c);

static const struct conn_ops ws_ops = {ws_input, ws_hold, ws_gone, ws_resume};

static void refuse(struct conn *c, unsigned status, const char *headers)
{
	counter_add_to(&c->w->ct->refused[REFUSED_UPGRADE], 1);
	request_reply_close(c, status, NULL, headers, slice_make("", 0));
}

/*
 * The first subprotocol that the client offers: it means nothing here, but a browser that offered some fails when none
 * was chosen.  False when the header is no list of tokens.
 */
static bool choose_protocol(const struct http_request *req, struct slice *out)
{
	struct slice list;
	size_t n = 0;

	*out = slice_make("", 0);
	if (!http_field(req, "sec-websocket-protocol", &list))
		return true;
	while (n < list.n && list.p[n] > ' ' && list.p[n] < 0x7f && strchr("()<>@,;:\\\"/[]?={}", list.p[n]) == NULL)
		n++;
	*out = slice_make(list.p, n);
	return n > 0 && (n == list.n || list.p[n] == ',' || list.p[n] == ' ' || list.p[n] == '\t');
}

/* False when a line of offers is not by the grammar. */
static bool choose_extension(const struct http_request *req, struct ws_handshake *out)
{
	struct slice offers;
	unsigned at = 0;

	while (http_field_next(req, "sec-websocket-extensions", &at, &offers)) {
		if (ws_deflate_negotiate(offers, &out->deflate, out->extensions) != 0)
			return false;
	}
	return true;
}

bool ws_handshake(struct conn *c, const struct http_request *req, bool compress, struct ws_handshake *out)
{
	struct slice key, version;

	if (req->verb != HTTP_VERB_GET) {
		refuse(c, 405, "Allow: GET\r\n");
		return false;
	}
	if (!http_field(req, "sec-websocket-version", &version) || !slice_is(version, "13")) {
		refuse(c, 426, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
		return false;
	}
	out->extensions[0] = '\0';
	out->deflate = (struct ws_deflate){.on = false};
	if (!http_field(req, "sec-websocket-key", &key) || ws_accept(key, out->accept) != 0 ||
	    !choose_protocol(req, &out->protocol) || (compress && !choose_extension(req, out))) {
		refuse(c, 400, NULL);
		return false;
	}
	return true;
}

void ws_open(struct ws_end *e, struct conn *c, const struct ws_handshake *hs, const struct ws_user *user,
    const struct ws_limits *limits)
{
	struct buf *b = &c->w->reply;

	buf_reset(b);
	buf_str(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		   "Sec-WebSocket-Accept: ");
	buf_put(b, hs->accept, WS_ACCEPT_LEN);
	buf_str(b, "\r\n");
	if (hs->protocol.n > 0) {
		buf_str(b, "Sec-WebSocket-Protocol: ");
		buf_slice(b, hs->protocol);
		buf_str(b, "\r\n");
	}
	if (hs->extensions[0] != '\0') {
		buf_str(b, "Sec-WebSocket-Extensions: ");
		buf_str(b, hs->extensions);
		buf_str(b, "\r\n");
	}
	request_put_headers(c, b);
	buf_str(b, "\r\n");
	conn_send_copy(c, b->p, b->n);
	request_release(c);
	*e = (struct ws_end){.conn = c, .user = user, .limits = limits, .deflate = hs->deflate};
	conn_set_ops(c, &ws_ops, e);
}

void ws_goodbye(struct ws_end *e, unsigned code, struct slice reason)
{
	struct conn *c = e->conn;
	uint8_t frame[2 + 125];

	if (c == NULL)
		return;
	e->conn = NULL;
	conn_send_copy(c, frame, ws_close_frame(frame, code, reason));
	conn_finish(c);
}

void ws_move(struct ws_end *e, struct ws_end *from, const struct ws_user *user)
{
	*e = *from;
	e->user = user;
	*from = (struct ws_end){.conn = NULL};
	e->conn->owner = e;
}

void ws_fini(struct ws_end *e)
{
	if (e->lease != NULL)
		ws_lease_free(e->lease);
	e->lease = NULL;
}

static size_t ws_hold(const struct conn *c)
{
	const struct ws_end *e = c->owner;

	return e->limits->max_message + 14;
}

/* The end of the connection C, which may have been taken over meanwhile; NULL when it is finished. */
static struct ws_end *end_of(const struct conn *c)
{
	return c->state == CONN_OPEN ? c->owner : NULL;
}

static void ws_gone(struct conn *c, enum close_reason reason)
{
	struct ws_end *e = c->owner;

	e->conn = NULL;
	e->user->gone(e, reason);
}

/* Says goodbye and tells the user. */
static void ws_end_with(struct ws_end *e, unsigned code, struct slice text, enum close_reason reason)
{
	ws_goodbye(e, code, text);
	e->user->gone(e, reason);
}

static int ws_on_event(void *ctx, const struct ws_message *m)
{
	struct conn *c = ctx;
	struct ws_end *e = c->owner;

	switch (m->event) {
	case WS_EVENT_PING: {
		uint8_t head[WS_HEADER_MAX];

		conn_send_copy(c, head, ws_header(head, true, WS_PONG, m->len));
		conn_send_copy(c, m->data, m->len);
		break;
	}
	case WS_EVENT_CLOSE:
		/* Echoed as it came; 1005 means without a code.  For the user it is as when the peer just goes. */
		ws_end_with(e, m->close_code == 1005 ? 0 : m->close_code, slice_make(m->data, m->len), CLOSE_TRANSPORT_CLOSE);
		break;
	case WS_EVENT_MESSAGE:
		if (m->opcode == WS_TEXT)
			e->user->text(e, slice_make(m->data, m->len));
		else
			e->user->binary(e, slice_make(m->data, m->len));
		break;
	}
	return c->state != CONN_OPEN;
}

static void ws_fail(struct ws_end *e, int err)
{
	ws_end_with(e, ws_error_code(err), slice_make("", 0),
	    err == PROTO_EFRAME_SIZE ? CLOSE_TOO_BIG : CLOSE_TRANSPORT_ERROR);
}

/* The decoder for this end: its own inside a fragmented message, else the worker's idle one, if its limits are the same. */
static struct ws_lease *lease_take(struct worker *w, struct ws_end *e)
{
	struct ws_lease *l = e->lease;

	e->lease = NULL;
	if (l != NULL)
		return l;
	if (e->limits == &w->ws_limits && w->lease != NULL) {
		l = w->lease;
		w->lease = NULL;
		return l;
	}
	return ws_lease_new(e->limits);
}

/* Gives it back at a frame boundary; E is NULL when the connection ended meanwhile. */
static void lease_give(struct worker *w, struct ws_end *e, const struct ws_limits *limits, struct ws_lease *l, bool broken)
{
	if (!broken && e != NULL && !ws_lease_idle(l))
		e->lease = l;
	else if (!broken && limits == &w->ws_limits && w->lease == NULL && ws_lease_idle(l))
		w->lease = l;
	else
		ws_lease_free(l);
}

/* One for all connections: nothing is carried over from message to message. */
static struct inflater *inflater_for(struct worker *w, const struct ws_end *e)
{
	if (!e->deflate.on)
		return NULL;
	if (w->inflater == NULL)
		w->inflater = inflater_new();
	if (w->inflater == NULL)
		worker_die(w, "out of memory");
	return w->inflater;
}

/* Bad text is refused when it comes, not when its frame is complete. */
static bool text_goes_on(struct ws_end *e, const uint8_t *p, size_t n)
{
	uint8_t *scratch;

	if ((p[0] & 0x0f) != WS_TEXT || n <= e->seen)
		return true;
	scratch = arena_alloc(&e->conn->w->arena, n - e->seen);
	return ws_text_may_be_valid(p, n, &e->seen, scratch);
}

/* What the next frame may have: less inside a fragmented message, so that too much is refused by its header. */
static struct ws_limits room_left(const struct ws_end *e)
{
	struct ws_limits left = *e->limits;

	if (e->lease != NULL && ws_lease_size(e->lease) < left.max_message)
		left.max_message -= ws_lease_size(e->lease);
	return left;
}

/*
 * A read of compressed messages may be a thousand times what it seems.  In a turn that is late the rest of it waits, not
 * read any further, for its turn among others like it.
 */
static void ws_yield(struct conn *c)
{
	conn_pause(c, true);
	timeq_enter(&c->w->resumes, &c->timed, c->w->now_ns);
}

static void ws_resume(struct conn *c)
{
	conn_pause(c, false);
	conn_reoffer(c);
}

static size_t ws_input(struct conn *c, const uint8_t *p, size_t n)
{
	struct worker *w = c->w;
	struct ws_end *e;
	size_t off = 0;

	while (off < n && (e = end_of(c)) != NULL && !c->paused) {
		const struct ws_limits *limits = e->limits, left = room_left(e);
		ssize_t len = ws_peek(p + off, n - off, &left, e->deflate.on);
		struct ws_lease *l;
		int err;

		if (len == 0)
			break;
		if (len > 0 && (size_t)len > n - off) {
			if (!text_goes_on(e, p + off, n - off))
				ws_fail(e, PROTO_EFRAME_UTF8);
			break;
		}
		e->seen = 0;
		if (len < 0) {
			ws_fail(e, (int)len);
			break;
		}
		l = lease_take(w, e);
		if (l == NULL) {
			conn_close(c, CLOSE_TRANSPORT_ERROR);
			break;
		}
		err = ws_feed(l, inflater_for(w, e), p + off, (size_t)len, ws_on_event, c);
		e = end_of(c);
		lease_give(w, e, limits, l, err != 0);
		if (err != 0 && e != NULL)
			ws_fail(e, err);
		off += (size_t)len;
		if (off < n && (e = end_of(c)) != NULL && e->deflate.on && worker_is_late(w))
			ws_yield(c);
	}
	if (w->inflater != NULL)
		inflater_trim(w->inflater);
	return off;
}
