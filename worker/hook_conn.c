/*
 * hook_conn.c - one connection of a pool, see hook_pool.h.
 *
 * It is read in every state but CONNECTING: a backend may answer before it has the whole request, and an idle one that
 * becomes readable has been closed.  A reply that lies whole in what one read brought is used where it lies; anything
 * else is collected.
 */
#include <errno.h>
#include <stdlib.h>

#include "conf/log.h"
#include "proto/error.h"
#include "proto/http_response.h"
#include "worker/buf.h"
#include "worker/hook_pool.h"
#include "worker/worker.h"

#define HEAD_MAX     16384u
#define INTERIMS_MAX 8u /* 1xx in front of a reply */
#define BODY_KEEP    16384u

enum conn_stage { STAGE_CONNECTING, STAGE_HANDSHAKE, STAGE_SENDING, STAGE_RECEIVING, STAGE_IDLE };

struct hook_conn {
	struct hook_pool *pool;
	struct hook_call *call; /* NULL: idle */
	struct hook_conn *prev, *next; /* IDLE */
	struct hook_io io;
	struct event read_ev, write_ev;
	enum conn_stage stage;
	bool used;  /* it has brought a reply */
	bool heard; /* something of this reply */
	size_t sent;
	uint64_t idle_ns; /* since when */
	unsigned interims;
	bool has_head;
	struct http_response head;
	struct http_body framing;
	struct buf in, body; /* the head while it is not whole; what came of the body */
};

static void on_event(evutil_socket_t fd, short what, void *arg);

static void idle_leave(struct hook_conn *c)
{
	struct hook_pool *p = c->pool;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		p->idle = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->prev = c->next = NULL;
}

static void idle_enter(struct hook_conn *c)
{
	struct hook_pool *p = c->pool;

	c->stage = STAGE_IDLE;
	c->idle_ns = p->w->now_ns;
	c->next = p->idle;
	if (c->next != NULL)
		c->next->prev = c;
	p->idle = c;
}

void hook_conn_close(struct hook_conn *c)
{
	if (c->stage == STAGE_IDLE)
		idle_leave(c);
	if (c->call != NULL)
		c->call->conn = NULL;
	event_del(&c->read_ev);
	event_del(&c->write_ev);
	hook_io_close(&c->io);
	c->pool->nconn--;
	buf_fini(&c->in);
	buf_fini(&c->body);
	free(c);
}

bool hook_conn_sweep(struct hook_pool *p, uint64_t since_ns)
{
	struct hook_conn *c = p->idle, *next;

	for (; c != NULL; c = next) {
		next = c->next;
		if (c->idle_ns < since_ns)
			hook_conn_close(c);
	}
	return p->idle != NULL;
}

/* The connection is of no use any more. */
static void conn_lost(struct hook_conn *c, enum hook_failure why)
{
	struct hook_call *call = c->call;
	struct hook_pool *p = c->pool;
	/* kept alive by us, and closed by the backend at the same time: it has not seen the request */
	bool stale = call != NULL && c->used && !c->heard && why == HOOK_FAILED_CLOSED && !call->stale;

	hook_conn_close(c);
	if (stale) {
		call->stale = true;
		hook_pool_retake(p, call);
	} else if (call != NULL) {
		hook_call_lost(call, why);
	}
	hook_pool_run(p);
}

static void want_write(struct hook_conn *c, bool on)
{
	if (on)
		event_add(&c->write_ev, NULL);
	else
		event_del(&c->write_ev);
}

/* The reply is whole: the connection first, so that it is free for whoever asks next. */
static void conn_replied(struct hook_conn *c, struct slice body, bool reusable)
{
	struct hook_call *call = c->call;
	struct hook_pool *p = c->pool;
	unsigned status = c->head.status;

	body = slice_make(arena_copy(&p->w->arena, body.p, body.n), body.n);
	call->conn = NULL;
	c->call = NULL;
	if (reusable && c->stage == STAGE_RECEIVING) {
		c->used = true;
		if (c->body.cap > BODY_KEEP)
			buf_fini(&c->body);
		idle_enter(c);
	} else {
		hook_conn_close(c);
	}
	hook_pool_run(p);
	hook_call_replied(call, status, body);
}

/* Takes what is of the body in P.  Bytes taken, negative when it is no body; *DONE with the body in *WHOLE. */
static ssize_t take_body(struct hook_conn *c, const char *p, size_t n, struct slice *whole, bool *done)
{
	size_t taken = 0;
	struct slice run;
	ssize_t got;

	do {
		got = http_body_feed(&c->framing, p + taken, n - taken, &run, done);
		if (got < 0)
			return got;
		taken += (size_t)got;
		if (*done && c->body.n == 0 && run.n > 0) {
			*whole = run;
			return (ssize_t)taken;
		}
		buf_put(&c->body, run.p, run.n);
	} while (!*done && taken < n);
	*whole = buf_as_slice(&c->body);
	return (ssize_t)taken;
}

/* The head, or some 1xx in front of it.  Bytes taken, 0: not whole, negative: none. */
static ssize_t take_head(struct hook_conn *c, const char *p, size_t n)
{
	size_t taken = 0;
	ssize_t got;

	do {
		got = http_parse_response(p + taken, n - taken, HEAD_MAX, &c->head);
		if (got <= 0)
			return got < 0 ? got : (ssize_t)taken;
		taken += (size_t)got;
		c->has_head = c->head.status >= 200;
	} while (!c->has_head && ++c->interims <= INTERIMS_MAX);
	if (!c->has_head)
		return PROTO_EHTTP;
	http_response_body(&c->framing, &c->head, HOOK_REPLY_MAX);
	return (ssize_t)taken;
}

/* N bytes at P have come.  False: the connection is not what it was, and is not to be read on. */
static bool take(struct hook_conn *c, const char *p, size_t n)
{
	struct slice whole;
	ssize_t got = 0;
	bool done = false;

	c->heard = true;
	if (!c->has_head) {
		if (c->in.n > 0) {
			buf_put(&c->in, p, n);
			p = c->in.p;
			n = c->in.n;
		}
		got = take_head(c, p, n);
		if (got < 0) {
			conn_lost(c, HOOK_FAILED_HTTP);
			return false;
		}
		if (!c->has_head) {
			struct buf rest = {NULL, 0, 0};

			buf_put(&rest, p + got, n - (size_t)got);
			buf_fini(&c->in);
			c->in = rest;
			return true;
		}
		p += got;
		n -= (size_t)got;
	}
	got = take_body(c, p, n, &whole, &done);
	/* a body without an end of its own must leave room for one more byte, or it is too long */
	if (got < 0 || (done && c->head.framing == HTTP_FRAMING_CLOSE)) {
		conn_lost(c, HOOK_FAILED_HTTP);
		return false;
	}
	if (!done)
		return true;
	conn_replied(c, whole, c->head.keep_alive && (size_t)got == n);
	return false;
}

/* The backend has closed: that ends a body that has no other end. */
static void ended(struct hook_conn *c)
{
	if (c->call != NULL && c->has_head && c->head.framing == HTTP_FRAMING_CLOSE)
		conn_replied(c, buf_as_slice(&c->body), false);
	else
		conn_lost(c, HOOK_FAILED_CLOSED);
}

static void receive(struct hook_conn *c)
{
	struct worker *w = c->pool->w;
	ssize_t n;

	do {
		n = hook_io_read(&c->io, w->rbuf, WORKER_READ_SIZE);
		if (n == -EAGAIN) {
			if (c->io.wants_write)
				want_write(c, true);
			return;
		}
		if (n == 0) {
			ended(c);
			return;
		}
		/* an idle one has nothing to say */
		if (n < 0 || c->call == NULL) {
			conn_lost(c, HOOK_FAILED_CLOSED);
			return;
		}
	} while (take(c, (const char *)w->rbuf, (size_t)n) && c->io.ssl != NULL);
}

/* Writes on; what the socket does not take now it takes when it is writable.  False: the connection is gone. */
static bool transmit(struct hook_conn *c)
{
	struct hook_call *call = c->call;

	while (c->sent < call->n) {
		ssize_t n = hook_io_write(&c->io, call->request + c->sent, call->n - c->sent);

		if (n == -EAGAIN) {
			want_write(c, c->io.wants_write);
			return true;
		}
		if (n < 0) {
			conn_lost(c, HOOK_FAILED_CLOSED);
			return false;
		}
		c->sent += (size_t)n;
	}
	want_write(c, false);
	c->stage = STAGE_RECEIVING;
	return true;
}

static void begin(struct hook_conn *c)
{
	c->stage = STAGE_SENDING;
	c->sent = 0;
	c->interims = 0;
	c->heard = c->has_head = false;
	buf_reset(&c->in);
	buf_reset(&c->body);
}

static void shake_hands(struct hook_conn *c)
{
	char why[160] = "";
	int rc = c->io.ssl != NULL ? hook_io_handshake(&c->io, why, sizeof(why)) : 0;

	if (rc == -EAGAIN) {
		want_write(c, c->io.wants_write);
		return;
	}
	if (rc != 0) {
		log_warn("hook_tls_failed", "hook=%s why=%s", c->pool->hook->name.p, why);
		conn_lost(c, HOOK_FAILED_TLS);
		return;
	}
	begin(c);
	(void)transmit(c);
}

/* The next address is another chance of the same attempt. */
static void not_connected(struct hook_conn *c, int err)
{
	struct hook_pool *p = c->pool;
	struct hook_call *call = c->call;

	log_debug("hook_connect_failed", "hook=%s error=%s", p->hook->name.p, strerror(-err));
	p->good++;
	call->addresses++;
	hook_conn_close(c);
	if (call->addresses < p->to.n)
		hook_pool_retake(p, call);
	else
		hook_call_lost(call, HOOK_FAILED_CONNECT);
	hook_pool_run(p);
}

static void on_connect(struct hook_conn *c)
{
	int rc = hook_io_connected(&c->io);

	if (rc == -EAGAIN)
		return;
	if (rc != 0) {
		not_connected(c, rc);
		return;
	}
	want_write(c, false);
	event_add(&c->read_ev, NULL);
	c->stage = STAGE_HANDSHAKE;
	shake_hands(c);
}

/* A reply may cost milliseconds: of a turn that is late only one is looked at, the others are still readable in the next. */
static bool has_its_turn(struct worker *w)
{
	if (!worker_is_late(w))
		return true;
	if (w->hooks->late_ns == w->now_ns)
		return false;
	w->hooks->late_ns = w->now_ns;
	return true;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct hook_conn *c = arg;

	(void)fd;
	worker_wake_clock(c->pool->w);
	if (!has_its_turn(c->pool->w))
		return;
	switch (c->stage) {
	case STAGE_CONNECTING: on_connect(c); break;
	case STAGE_HANDSHAKE: shake_hands(c); break;
	case STAGE_SENDING:
		/* early answers are read too, and first: the backend may have closed behind one */
		if ((what & EV_READ) != 0 && c->io.ssl == NULL)
			receive(c);
		else if (transmit(c) && (what & EV_READ) != 0)
			receive(c);
		break;
	case STAGE_RECEIVING:
	case STAGE_IDLE:
		want_write(c, false);
		receive(c);
		break;
	}
}

int hook_conn_open(struct hook_pool *p, struct hook_call *call)
{
	struct hook_conn *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL)
		return -ENOMEM;
	err = hook_io_open(&c->io, p->hook, p->tls, &p->to.at[p->good % p->to.n]);
	if (err != 0) {
		p->good++;
		free(c);
		return err;
	}
	c->pool = p;
	c->call = call;
	call->conn = c;
	p->nconn++;
	event_assign(&c->read_ev, p->w->base, c->io.fd, EV_READ | EV_PERSIST, on_event, c);
	event_assign(&c->write_ev, p->w->base, c->io.fd, EV_WRITE | EV_PERSIST, on_event, c);
	want_write(c, true);
	return 0;
}

/* What fails is told by the loop, not to whoever is asking: a closed one is readable, and on_event() tells. */
void hook_conn_send(struct hook_conn *c, struct hook_call *call)
{
	ssize_t n;

	idle_leave(c);
	c->call = call;
	call->conn = c;
	begin(c);
	n = hook_io_write(&c->io, call->request, call->n);
	if (n > 0)
		c->sent = (size_t)n;
	if (c->sent == call->n)
		c->stage = STAGE_RECEIVING;
	else
		want_write(c, true);
}
