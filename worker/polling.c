#include <stdlib.h>
#include <strings.h>

#include "proto/eio_payload.h"
#include "proto/engineio.h"
#include "proto/http_coding.h"
#include "shm/op.h"
#include "worker/cookie.h"
#include "worker/polling.h"
#include "worker/request.h"
#include "worker/upgrade.h"
#include "worker/worker.h"

#define NO_STORE     "cache-control: no-store\r\n"
#define COMPRESS_MIN 1024u /* the reference's threshold for HTTP */
#define KEEP_MAX     4096u /* what the buffer of an idle client may keep */
#define POST_STEP    16u   /* packets of a payload between two looks at the clock */

static void polling_ready(struct polling *p)
{
	struct worker *w = p->s->w;

	if (p->ready != NULL)
		return;
	p->next_ready = w->polls;
	p->ready = &w->polls;
	if (p->next_ready != NULL)
		p->next_ready->ready = &p->next_ready;
	w->polls = p;
}

static void polling_unready(struct polling *p)
{
	if (p->ready == NULL)
		return;
	*p->ready = p->next_ready;
	if (p->next_ready != NULL)
		p->next_ready->ready = p->ready;
	p->ready = NULL;
	p->next_ready = NULL;
}

static void polling_put(struct polling *p, const void *bytes, size_t n)
{
	if (p->out.n > 0)
		buf_char(&p->out, EIO_SEPARATOR);
	buf_put(&p->out, bytes, n);
}

/* Others may be walking over the members of a room: what goes too far is closed by polling_flush(). */
static void polling_send(struct session *s, struct span bytes)
{
	struct polling *p = s->polling;

	if (bytes.n == 0 || p->over)
		return;
	if (p->out.n + bytes.n > s->w->conf->max_backlog)
		p->over = true;
	else
		polling_put(p, bytes.p, bytes.n);
	if (p->get != NULL || p->over)
		polling_ready(p);
}

static bool polling_writable(const struct session *s)
{
	return s->polling->get != NULL && s->polling->out.n == 0;
}

/* The body in the coding that the client takes, when it is long enough to matter. */
static struct slice compressed(struct worker *w, const struct request *r, struct slice body, const char **headers)
{
	static const char *const lines[] = {
		[HTTP_CODING_GZIP] = NO_STORE "Content-Encoding: gzip\r\n",
		[HTTP_CODING_DEFLATE] = NO_STORE "Content-Encoding: deflate\r\n",
	};
	struct buf *b = &w->json;
	ssize_t n;

	*headers = NO_STORE;
	if (!w->conf->engine.http_compression || body.n < COMPRESS_MIN || r->coding == HTTP_CODING_IDENTITY)
		return body;
	buf_reset(b);
	buf_reserve(b, http_code_bound(body.n));
	n = http_code(r->coding, body.p, body.n, (uint8_t *)b->p, b->cap);
	if (n < 0)
		return body;
	*headers = lines[r->coding];
	return slice_make(b->p, (size_t)n);
}

static void reply_payload(struct conn *c, struct slice payload)
{
	const char *headers;
	struct slice body = compressed(c->w, c->owner, payload, &headers);

	request_reply(c, 200, "text/plain; charset=UTF-8", headers, body);
}

/* Answers C with all that waits. */
static void polling_deliver(struct polling *p, struct conn *c)
{
	struct buf out = p->out;

	/* what is read behind the reply may come back here */
	p->out = (struct buf){.p = NULL};
	p->get = NULL;
	polling_unready(p);
	reply_payload(c, buf_as_slice(&out));
	if (out.cap <= KEEP_MAX && p->out.p == NULL) {
		out.n = 0;
		p->out = out;
	} else {
		buf_fini(&out);
	}
}

/* The connection of the waiting GET went. */
static void get_gone(void *session, enum request_end how)
{
	struct session *s = session;

	(void)how;
	s->polling->get = NULL;
	session_close(s, CLOSE_TRANSPORT_ERROR);
}

/* So did that of a POST; or HTTP itself refused its body, which the session survives. */
static void post_gone(void *session, enum request_end how)
{
	struct session *s = session;

	s->polling->post = NULL;
	if (how == REQUEST_GONE)
		session_close(s, CLOSE_TRANSPORT_ERROR);
}

static void farewell_due(void *session)
{
	upgrade_abandon(session);
	session_drop(session);
}

/* The session ends before its POST: one that has all come is answered as if it had been taken. */
static void end_post(struct polling *p)
{
	struct conn *c = p->post;

	if (c == NULL)
		return;
	p->post = NULL;
	if (((struct request *)c->owner)->put_off)
		request_reply(c, 200, "text/html", NO_STORE, SLICE("ok"));
	else
		request_abandon(c);
}

/* Reasons after which the reference forgets the session at once. */
static bool is_abrupt(enum close_reason reason)
{
	return reason == CLOSE_PING_TIMEOUT || reason == CLOSE_PARSE_ERROR || reason == CLOSE_TRANSPORT_ERROR;
}

static bool polling_close(struct session *s, enum close_reason reason)
{
	struct polling *p = s->polling;
	bool by_client = reason == CLOSE_TRANSPORT_CLOSE;

	polling_unready(p);
	end_post(p);
	if (is_abrupt(reason) || by_client)
		upgrade_abandon(s);
	if (p->get != NULL && p->out.n == 0) {
		upgrade_abandon(s);
		polling_put(p, by_client ? "6" : "1", 1);
		polling_deliver(p, p->get);
		return true;
	}
	if (p->get != NULL)
		polling_deliver(p, p->get); /* the reference had answered before it heard of the end */
	if (is_abrupt(reason))
		return true;
	p->farewell = by_client ? "6" : "6\x1e" "1";
	if (by_client)
		buf_reset(&p->out);
	alarm_set(&s->w->alarms, &s->deadline, farewell_due, s, s->w->now_ns + POLLING_FAREWELL_NS);
	return false;
}

const struct transport transport_polling = {
	.name = "polling",
	.op = OP_TRANSPORT_POLLING,
	.send = polling_send,
	.writable = polling_writable,
	.close = polling_close,
};

static enum http_coding coding_of(const struct http_request *req)
{
	struct slice accept;

	return http_field(req, "accept-encoding", &accept) ? http_accept_coding(accept) : HTTP_CODING_IDENTITY;
}

/* These take text for a page, and filter it. */
static void guard_old_browser(struct conn *c, const struct http_request *req)
{
	struct slice agent;

	if (http_field(req, "user-agent", &agent) && (memmem(agent.p, agent.n, ";MSIE", 5) != NULL ||
							 memmem(agent.p, agent.n, "Trident/", 8) != NULL))
		request_add_header(c, "X-XSS-Protection: 0\r\n");
}

void polling_open(struct conn *c, const struct http_request *req, const struct conf_echo *echo)
{
	struct session *s = session_new(c, req, echo);
	struct polling *p;

	if (s == NULL)
		return;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		worker_die(c->w, "out of memory");
	p->s = s;
	s->polling = p;
	s->tr = &transport_polling;
	s->encoding = CARRIER_POLLING;
	session_start(s);
	cookie_set(c, s);
	guard_old_browser(c, req);
	((struct request *)c->owner)->coding = coding_of(req);
	polling_deliver(p, c);
}

/* A session that has closed: the last thing it has to say. */
static void polling_farewell(struct session *s, struct conn *c)
{
	struct polling *p = s->polling;

	if (p->out.n > 0) {
		polling_deliver(p, c); /* what was sent before comes first, by itself */
		return;
	}
	upgrade_abandon(s);
	polling_put(p, p->farewell, strlen(p->farewell));
	polling_deliver(p, c);
	session_drop(s);
}

void polling_get(struct session *s, struct conn *c, const struct http_request *req)
{
	struct polling *p = s->polling;

	((struct request *)c->owner)->coding = coding_of(req);
	guard_old_browser(c, req);
	if (s->closed) {
		polling_farewell(s, c);
	} else if (p->get != NULL) {
		/* overlap */
		session_close(s, CLOSE_TRANSPORT_ERROR);
		request_reply(c, 400, NULL, NULL, slice_make("", 0));
	} else if (p->out.n > 0) {
		polling_deliver(p, c);
	} else {
		p->get = c;
		request_defer(c, s, get_gone);
	}
}

bool polling_post_begin(struct session *s, struct conn *c, const struct http_request *req)
{
	struct polling *p = s->polling;
	struct slice type;

	if (s->closed) {
		/* the news is for a GET; who is still sending will come for it */
		request_reply(c, 200, "text/html", NO_STORE, SLICE("ok"));
		return false;
	}
	if (p->post != NULL || (http_field(req, "content-type", &type) && slice_is_nocase(type, "application/octet-stream"))) {
		session_close(s, CLOSE_TRANSPORT_ERROR);
		request_reply(c, 400, NULL, NULL, slice_make("", 0));
		return false;
	}
	guard_old_browser(c, req);
	p->post = c;
	request_expect(c, s, post_gone);
	return true;
}

static void take_packet(struct session *s, const struct eio_packet *packet)
{
	if (packet->type < 0)
		session_close(s, CLOSE_PARSE_ERROR);
	else if (packet->binary)
		session_on_base64(s, packet->data);
	else if (packet->type == EIO_CLOSE)
		session_close(s, CLOSE_TRANSPORT_CLOSE);
	else
		session_on_text(s, packet->data);
}

void polling_post(struct session *s, struct conn *c, struct slice body)
{
	struct eio_payload_iter it;
	struct eio_packet packet;
	unsigned n = 0;

	s->polling->post = NULL;
	eio_payload_begin(&it, body);
	while (!s->closed && eio_payload_next(&it, &packet)) {
		take_packet(s, &packet);
		/* a payload may hold a hundred thousand, and many clients may post one at a time */
		if (++n % POST_STEP == 0 && it.more && !s->closed && worker_is_late(s->w)) {
			s->polling->post = c;
			request_put_off(c, slice_make(it.p, (size_t)(it.end - it.p)), s, post_gone);
			return;
		}
	}
	request_reply(c, 200, "text/html", NO_STORE, SLICE("ok"));
}

void polling_flush(struct worker *w)
{
	while (w->polls != NULL) {
		struct polling *p = w->polls;

		polling_unready(p);
		if (p->over)
			session_close(p->s, CLOSE_SLOW);
		else if (p->get != NULL && p->out.n > 0)
			polling_deliver(p, p->get);
	}
}

void polling_nudge(struct session *s)
{
	if (polling_writable(s))
		polling_send(s, (struct span){(const uint8_t *)"6", 1});
}

void polling_leave(struct session *s, struct buf *rest)
{
	struct polling *p = s->polling;

	polling_unready(p);
	*rest = p->out;
	p->out = (struct buf){.p = NULL};
	if (p->post != NULL) {
		struct conn *c = p->post;

		p->post = NULL;
		request_abandon(c);
	}
	if (p->get != NULL) {
		polling_put(p, "6", 1);
		polling_deliver(p, p->get);
	}
	s->polling = NULL;
	polling_free(p);
}

void polling_free(struct polling *p)
{
	if (p == NULL)
		return;
	polling_unready(p);
	buf_fini(&p->out);
	free(p);
}
