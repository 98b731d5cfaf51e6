/*
 * reply.c - the answers to requests (request.h): status line, headers, body, and what becomes of the connection.
 */
#include <stdlib.h>
#include <time.h>

#include "worker/request.h"
#include "worker/worker.h"

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
	request_put_headers(c, b);
	buf_str(b, keep ? "Connection: keep-alive\r\nKeep-Alive: timeout=75\r\n" : "Connection: close\r\n");
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
	bool keep = r->keep_alive && !c->w->stopping, late = r->deferred;

	request_write(c, status, type, headers, body, keep, lasting);
	free(r->headers);
	r->headers = NULL;
	if (r->put_off)
		buf_fini(&r->data);
	r->owed = NULL;
	r->deferred = r->put_off = false;
	r->answered = true;
	if (!keep) {
		request_release(c);
		conn_finish(c);
		return;
	}
	/* what waits behind a late answer is for the turn: whoever gives one is in the middle of something else */
	conn_pause(c, late && c->unread != NULL);
	timeq_enter(c->paused ? &c->w->resumes : &c->w->keepalives, &c->timed, c->w->now_ns);
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

void request_add_header(struct conn *c, const char *line)
{
	struct request *r = c->owner;
	size_t have = r->headers != NULL ? strlen(r->headers) : 0, n = strlen(line);
	char *p = realloc(r->headers, have + n + 1);

	if (p == NULL)
		worker_die(c->w, "out of memory");
	memcpy(p + have, line, n + 1);
	r->headers = p;
}

void request_put_headers(const struct conn *c, struct buf *b)
{
	const struct request *r = c->owner;

	if (r->headers != NULL)
		buf_str(b, r->headers);
}
