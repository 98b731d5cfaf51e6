#include <stdlib.h>
#include <time.h>

#include "proto/error.h"
#include "worker/api.h"
#include "worker/public.h"
#include "worker/request.h"
#include "worker/worker.h"

static size_t request_input(struct conn *c, const uint8_t *p, size_t n);
static size_t request_hold(const struct conn *c);
static void request_gone(struct conn *c, enum close_reason reason);

static const struct conn_ops request_ops = {request_input, request_hold, request_gone};

static const struct http_limits limits = {REQUEST_HEAD_MAX, REQUEST_URI_MAX, REQUEST_BODY_MAX};

void request_start(struct conn *c, const struct peer *from)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		conn_close(c, CLOSE_TRANSPORT_ERROR);
		return;
	}
	r->c = c;
	r->from = *from;
	conn_set_ops(c, &request_ops, r);
	timeq_enter(&c->w->requests, &c->timed, c->w->now_ns);
}

static void request_free(struct request *r)
{
	buf_fini(&r->head);
	buf_fini(&r->data);
	free(r);
}

void request_release(struct conn *c)
{
	timed_leave(&c->timed);
	request_free(c->owner);
	c->owner = NULL;
	c->ops = NULL;
}

static void request_gone(struct conn *c, enum close_reason reason)
{
	struct request *r = c->owner;

	(void)reason;
	if (r->owed != NULL)
		r->cancel(r->owed);
	request_free(r);
}

static size_t request_hold(const struct conn *c)
{
	const struct request *r = c->owner;

	return r->owed != NULL ? WORKER_READ_SIZE + REQUEST_HEAD_MAX : REQUEST_HEAD_MAX;
}

/* Callers of the API get the shape of all its errors, clients of the public port the status alone. */
static void request_reply_refused(struct conn *c, unsigned status)
{
	struct request *r = c->owner;

	r->head_only = false; /* of the request before */
	if (c->admin)
		request_reply_close(c, status, "application/json", NULL, api_http_error(c->w, status));
	else
		request_reply_close(c, status, NULL, NULL, slice_make("", 0));
}

/* A request that HTTP itself refuses: status, and no further trust in what follows on the connection. */
static void request_refuse(struct conn *c, int err)
{
	unsigned status = http_status_of(err);
	enum refused why = status == 413 || status == 414 || status == 431 ? REFUSED_HTTP_TOO_LARGE : REFUSED_HTTP_SYNTAX;

	counter_add_to(&c->w->ct->refused[why], 1);
	request_reply_refused(c, status);
}

static void request_dispatch(struct conn *c, const struct http_request *req, struct slice body)
{
	struct request *r = c->owner;

	r->keep_alive = req->keep_alive;
	r->old = req->minor == 0;
	r->head_only = req->verb == HTTP_VERB_HEAD;
	r->answered = false;
	if (c->admin)
		api_handle(c, req, body);
	else
		public_handle(c, req, body);
}

/* The head is whole and the body is not: copies the head, so that the bytes can be taken as they come. */
static size_t request_await_body(struct conn *c, const struct http_request *req, const uint8_t *p, size_t head)
{
	struct request *r = c->owner;

	buf_put(&r->head, p, head);
	buf_reset(&r->data);
	timed_leave(&c->timed);
	timeq_enter(&c->w->bodies, &c->timed, c->w->now_ns);
	if (req->expect_continue) {
		static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";

		conn_send_copy(c, go, sizeof(go) - 1);
	}
	return head;
}

static size_t request_take_body(struct conn *c, const uint8_t *p, size_t n)
{
	struct request *r = c->owner;
	struct http_request *req = c->w->req;
	size_t taken = 0;
	bool done = false;

	while (taken < n && !done) {
		struct slice data = {NULL, 0};
		ssize_t k = http_body_feed(&r->body, (const char *)p + taken, n - taken, &data, &done);

		if (k < 0) {
			request_refuse(c, (int)k);
			return n;
		}
		buf_slice(&r->data, data);
		taken += (size_t)k;
		if (k == 0 && !done)
			break;
	}
	if (!done)
		return taken;
	/* The head was parsed before: it cannot fail now. */
	if (http_parse_request(r->head.p, r->head.n, &limits, req) <= 0) {
		conn_close(c, CLOSE_TRANSPORT_ERROR);
		return n;
	}
	{
		struct buf head = r->head, data = r->data;

		/* The handler may release the request; its slices must outlive that. */
		memset(&r->head, 0, sizeof(r->head));
		memset(&r->data, 0, sizeof(r->data));
		request_dispatch(c, req, buf_as_slice(&data));
		buf_fini(&head);
		buf_fini(&data);
	}
	return taken;
}

static size_t request_input(struct conn *c, const uint8_t *p, size_t n)
{
	struct request *r = c->owner;
	struct http_request *req = c->w->req;
	ssize_t head;

	if (r->head.n > 0)
		return request_take_body(c, p, n);
	if (r->answered) {
		/* first bytes of the next request on a kept connection */
		r->answered = false;
		timeq_enter(&c->w->requests, &c->timed, c->w->now_ns);
	}
	head = http_parse_request((const char *)p, n, &limits, req);
	if (head == 0)
		return 0;
	if (head < 0) {
		request_refuse(c, (int)head);
		return n;
	}
	/* Before a byte of the body is asked for: it goes along with the head, or is read by who gets the connection. */
	if (!c->admin && public_elsewhere(c, req))
		return 0;
	http_body_init(&r->body, req, &limits);
	if (!req->chunked && (!req->has_length || req->length <= n - (size_t)head)) {
		size_t len = req->has_length ? (size_t)req->length : 0;

		request_dispatch(c, req, slice_make(p + head, len));
		return (size_t)head + len;
	}
	if (req->has_length && req->length > REQUEST_BODY_MAX) {
		request_refuse(c, PROTO_EHTTP_BODY);
		return n;
	}
	return request_await_body(c, req, p, (size_t)head);
}

/* RFC 9110 6.6.1; formatted once a second. */
static const char *request_date(struct worker *w)
{
	time_t now = (time_t)(w->now_ms / 1000);
	struct tm tm;

	if (w->date_s != (int64_t)now && gmtime_r(&now, &tm) != NULL) {
		strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		w->date_s = (int64_t)now;
	}
	return w->date;
}

/* LASTING: BODY outlives the connection's output, and is sent from where it lies. */
static void request_write(struct conn *c, unsigned status, const char *type, const char *headers, struct slice body,
    bool keep, bool lasting)
{
	struct worker *w = c->w;
	const struct request *r = c->owner;
	struct buf *b = &w->reply;

	buf_reset(b);
	buf_str(b, "HTTP/1.1 ");
	buf_uint(b, status);
	buf_char(b, ' ');
	buf_str(b, http_reason(status));
	buf_str(b, "\r\nDate: ");
	buf_str(b, request_date(w));
	if (type != NULL) {
		buf_str(b, "\r\nContent-Type: ");
		buf_str(b, type);
	}
	buf_str(b, "\r\n");
	if (headers != NULL)
		buf_str(b, headers);
	if (!keep)
		buf_str(b, "Connection: close\r\n");
	else if (r->old)
		buf_str(b, "Connection: keep-alive\r\n");
	/* RFC 9110, section 8.6: the length of a 304 would be that of the 200 it stands for. */
	if (status != 304) {
		buf_str(b, "Content-Length: ");
		buf_uint(b, body.n);
		buf_str(b, "\r\n");
	}
	buf_str(b, "\r\n");
	if (!r->head_only && !lasting)
		buf_slice(b, body);
	conn_send_copy(c, b->p, b->n);
	if (!r->head_only && lasting)
		conn_send(c, (const uint8_t *)body.p, body.n);
}

static void request_answer(struct conn *c, unsigned status, const char *type, const char *headers, struct slice body,
    bool lasting)
{
	struct request *r = c->owner;
	bool keep = r->keep_alive && !c->w->stopping, late = r->owed != NULL;

	request_write(c, status, type, headers, body, keep, lasting);
	r->owed = NULL;
	r->answered = true;
	if (!keep) {
		request_release(c);
		conn_finish(c);
		return;
	}
	timeq_enter(&c->w->keepalives, &c->timed, c->w->now_ns);
	if (late) {
		conn_pause(c, false);
		conn_reoffer(c);
	}
}

void request_reply(struct conn *c, unsigned status, const char *type, const char *headers, struct slice body)
{
	request_answer(c, status, type, headers, body, false);
}

void request_reply_lasting(struct conn *c, unsigned status, const char *type, const char *headers, struct slice body)
{
	request_answer(c, status, type, headers, body, true);
}

void request_reply_close(struct conn *c, unsigned status, const char *type, const char *headers, struct slice body)
{
	request_write(c, status, type, headers, body, false, false);
	request_release(c);
	conn_finish(c);
}

void request_defer(struct conn *c, void *owed, request_cancel_fn cancel)
{
	struct request *r = c->owner;

	r->owed = owed;
	r->cancel = cancel;
	timed_leave(&c->timed);
	conn_pause(c, true);
}

void request_resume(struct conn *c)
{
	timeq_enter(&c->w->requests, &c->timed, c->w->now_ns);
	conn_pause(c, false);
	conn_reoffer(c);
}

void request_due(struct conn *c, bool idle)
{
	if (idle) {
		conn_close(c, CLOSE_IDLE);
		return;
	}
	counter_add_to(&c->w->ct->refused[REFUSED_HTTP_TIMEOUT], 1);
	request_reply_refused(c, 408);
}
