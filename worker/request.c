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

static const struct conn_ops request_ops = {request_input, request_hold, request_gone, request_resume};

/* What a request may be: the body of a client's POST is a payload of Engine.IO. */
static struct http_limits limits_of(const struct conn *c)
{
	return (struct http_limits){REQUEST_HEAD_MAX, REQUEST_URI_MAX,
	    c->admin ? REQUEST_BODY_MAX : c->w->conf->engine.max_payload};
}

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
	free(r->headers);
	free(r);
}

void request_release(struct conn *c)
{
	timed_leave(&c->timed);
	request_free(c->owner);
	c->owner = NULL;
	c->ops = NULL;
}

/* Whoever owes the answer hears that none is wanted. */
static void request_cancel(struct request *r, enum request_end how)
{
	if (r->owed != NULL)
		r->cancel(r->owed, how);
	r->owed = NULL;
}

static void request_gone(struct conn *c, enum close_reason reason)
{
	struct request *r = c->owner;

	(void)reason;
	request_cancel(r, REQUEST_GONE);
	request_free(r);
}

void request_abandon(struct conn *c)
{
	struct request *r = c->owner;

	r->owed = NULL;
	conn_close(c, CLOSE_TRANSPORT_CLOSE);
}

static size_t request_hold(const struct conn *c)
{
	const struct request *r = c->owner;

	return r->deferred ? WORKER_READ_SIZE + REQUEST_HEAD_MAX : REQUEST_HEAD_MAX;
}

/* Callers of the API, and who logs in, get the shape of all its errors, clients of the public port the status alone. */
static struct slice request_refusal(struct conn *c, unsigned status, const char **type)
{
	const struct request *r = c->owner;
	bool api = c->admin || r->api;

	*type = api ? "application/json" : NULL;
	return api ? api_http_error(c->w, status) : slice_make("", 0);
}

static void request_reply_refused(struct conn *c, unsigned status)
{
	struct request *r = c->owner;
	const char *type;
	struct slice body = request_refusal(c, status, &type);

	r->head_only = false; /* of the request before */
	request_reply_close(c, status, type, NULL, body);
}

/* A request that HTTP itself refuses: status, and no further trust in what follows on the connection. */
static void request_refuse(struct conn *c, int err)
{
	struct request *r = c->owner;
	unsigned status = http_status_of(err);
	enum refused why = status == 413 || status == 414 || status == 431 ? REFUSED_HTTP_TOO_LARGE : REFUSED_HTTP_SYNTAX;

	counter_add_to(&c->w->ct->refused[why], 1);
	request_cancel(r, REQUEST_REFUSED);
	request_reply_refused(c, status);
}

/* A request begins to be handled; WHOLE: nothing of its body is to come. */
static void request_begin(struct request *r, const struct http_request *req, bool whole)
{
	r->keep_alive = req->keep_alive && whole;
	r->head_only = req->verb == HTTP_VERB_HEAD;
	r->answered = false;
	r->api = false;
	r->coding = HTTP_CODING_IDENTITY;
	free(r->headers);
	r->headers = NULL;
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

/* The body that was awaited is all there. */
static void request_whole(struct conn *c)
{
	struct request *r = c->owner;
	struct http_request *req = c->w->req;
	const struct http_limits limits = limits_of(c);
	struct buf head = r->head, data = r->data;

	/* The handler may release the request; its slices must outlive that. */
	memset(&r->head, 0, sizeof(r->head));
	memset(&r->data, 0, sizeof(r->data));
	if (!c->admin) {
		void *owed = r->owed;

		r->owed = NULL;
		public_body(c, owed, buf_as_slice(&data));
	} else if (http_parse_request(head.p, head.n, &limits, req) > 0) {
		request_begin(r, req, true);
		api_handle(c, req, buf_as_slice(&data));
	} else {
		conn_close(c, CLOSE_TRANSPORT_ERROR); /* never: it was parsed before */
	}
	buf_fini(&head);
	buf_fini(&data);
}

static size_t request_take_body(struct conn *c, const uint8_t *p, size_t n)
{
	struct request *r = c->owner;
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
	if (done)
		request_whole(c);
	return taken;
}

/* Takes what the reader of the public port did with a head.  Returns the bytes taken. */
static size_t request_public(struct conn *c, const struct http_request *req, const uint8_t *p, size_t head, size_t body,
    bool whole)
{
	struct request *r = c->owner;
	const char *type;
	void *owed;

	request_begin(r, req, whole);
	switch (public_head(c, req)) {
	case PUBLIC_ELSEWHERE:
		return 0; /* kept as it is: it goes along with the descriptor */
	case PUBLIC_ANSWERED:
		return head + body;
	case PUBLIC_WANTS_BODY:
		break;
	}
	r->keep_alive = req->keep_alive;
	if (whole && body > r->body.max) {
		struct slice text = request_refusal(c, 413, &type);

		/* it is all there, so what follows on the connection can be trusted */
		counter_add_to(&c->w->ct->refused[REFUSED_HTTP_TOO_LARGE], 1);
		request_cancel(r, REQUEST_REFUSED);
		request_reply(c, 413, type, NULL, text);
		return head + body;
	}
	if (req->has_length && req->length > r->body.max) {
		request_refuse(c, PROTO_EHTTP_BODY);
		return head;
	}
	if (!whole)
		return request_await_body(c, req, p, head);
	owed = r->owed;
	r->owed = NULL;
	public_body(c, owed, slice_make(p + head, body));
	return head + body;
}

static size_t request_input(struct conn *c, const uint8_t *p, size_t n)
{
	struct request *r = c->owner;
	struct http_request *req = c->w->req;
	const struct http_limits limits = limits_of(c);
	size_t body;
	ssize_t head;
	bool whole;

	if (r->deferred) {
		/* who still waits for an answer may say more; reading goes on for a while so that his end is seen */
		if (n > REQUEST_HEAD_MAX)
			conn_pause(c, true);
		return 0;
	}
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
	http_body_init(&r->body, req, &limits);
	whole = !req->chunked && (!req->has_length || req->length <= n - (size_t)head);
	body = whole && req->has_length ? (size_t)req->length : 0;
	if (!c->admin)
		return request_public(c, req, p, (size_t)head, body, whole);
	if (req->has_length && req->length > limits.max_body) {
		request_refuse(c, PROTO_EHTTP_BODY);
		return n;
	}
	if (!whole)
		return request_await_body(c, req, p, (size_t)head);
	request_begin(r, req, true);
	api_handle(c, req, slice_make(p + head, body));
	return (size_t)head + body;
}

void request_defer(struct conn *c, void *owed, request_cancel_fn cancel)
{
	struct request *r = c->owner;

	r->owed = owed;
	r->cancel = cancel;
	r->deferred = true;
	timed_leave(&c->timed);
}

void request_put_off(struct conn *c, struct slice rest, void *owed, request_cancel_fn cancel)
{
	struct request *r = c->owner;

	request_defer(c, owed, cancel);
	r->put_off = true;
	buf_reset(&r->data);
	buf_slice(&r->data, rest);
	timeq_enter(&c->w->resumes, &c->timed, c->w->now_ns);
}

void request_expect(struct conn *c, void *owed, request_cancel_fn cancel)
{
	struct request *r = c->owner;

	r->owed = owed;
	r->cancel = cancel;
}

void request_resume(struct conn *c)
{
	struct request *r = c->owner;

	if (r->put_off) {
		struct buf data = r->data;
		void *owed = r->owed;

		memset(&r->data, 0, sizeof(r->data));
		r->owed = NULL;
		r->put_off = false;
		public_body(c, owed, buf_as_slice(&data));
		buf_fini(&data);
		return;
	}
	timeq_enter(r->answered ? &c->w->keepalives : &c->w->requests, &c->timed, c->w->now_ns);
	conn_pause(c, false);
	conn_reoffer(c);
}

void request_due(struct conn *c, bool idle)
{
	struct request *r = c->owner;

	if (idle && out_is_empty(&c->out)) {
		conn_close(c, CLOSE_IDLE);
		return;
	}
	if (idle) {
		/* an answer of this turn, which is the first of the drain */
		request_release(c);
		conn_finish(c);
		return;
	}
	counter_add_to(&c->w->ct->refused[REFUSED_HTTP_TIMEOUT], 1);
	request_cancel(r, REQUEST_GONE);
	request_reply_refused(c, 408);
}
