/*
 * api_verb.c - calls that are one verb: POST /v1/emit, /v1/events, /v1/sockets/...
 */
#include <stdlib.h>

#include "proto/json.h"
#include "worker/answers.h"
#include "worker/api.h"
#include "worker/request.h"
#include "worker/verb_body.h"
#include "worker/worker.h"

static const struct json_limits body_limits = {.depth = 128, .values = 0, .utf8 = true};

/* The answer waits until the record is in the ring. */
struct late_reply {
	struct conn *c; /* NULL: it went */
	struct verb_result result;
};

static void forget(void *owed, enum request_end how)
{
	struct late_reply *late = owed;

	(void)how;
	late->c = NULL;
}

static void confirm(struct conn *c, const struct verb_result *r)
{
	struct buf *b = &c->w->json;

	buf_reset(b);
	buf_char(b, '{');
	verb_put_result(b, r);
	buf_char(b, '}');
	api_reply(c, r->status, buf_as_slice(b));
}

static void confirm_late(struct worker *w, void *arg)
{
	struct late_reply *late = arg;

	(void)w;
	if (late->c != NULL)
		confirm(late->c, &late->result);
	free(late);
}

/* With acks: the reply waits for the clients. */
static void ask(struct conn *c, const struct verb_emit *e)
{
	struct worker *w = c->w;
	struct audience who = verb_audience(e->nsp, &e->to, &e->except);
	struct message m = verb_emit_packet(w, e);
	struct verb_error err;
	struct record_ack ack;
	struct slot_mask asked;
	char id[UUID_LEN + 1];
	struct answers *a = answers_new(c, (uint64_t)e->timeout_ms, &ack);
	int64_t ticket;

	if (a == NULL) {
		api_error(c, 429, "busy", "too many calls wait for acks: try again", NULL);
		return;
	}
	ticket = publish_asking(w, &who, &m, verb_emit_flags(e), &ack, &asked);
	if (ticket < 0) {
		answers_free(a);
		verb_unpublished(&err, ticket);
		api_refuse(c, &err);
		return;
	}
	uuid_make(id);
	answers_wait(a, &asked, id);
}

static struct late_reply *late_new(struct conn *c, const struct verb_result *r)
{
	struct late_reply *late = malloc(sizeof(*late));

	if (late == NULL)
		worker_die(c->w, "out of memory");
	*late = (struct late_reply){c, *r};
	return late;
}

static void decided(struct worker *w, void *arg, const struct verb_result *r, const struct verb_error *err)
{
	struct late_reply *late = arg;

	(void)w;
	if (late->c != NULL && err != NULL)
		api_refuse(late->c, err);
	else if (late->c != NULL)
		confirm(late->c, r);
	free(late);
}

/* With an id: the reply waits for the keeper. */
static void run_once(struct conn *c, const struct verb *v)
{
	struct late_reply *late = late_new(c, &(struct verb_result){.status = 0});
	struct verb_error err;

	if (verb_run_once(c->w, v, decided, late, &err) == 0) {
		request_defer(c, late, forget);
		return;
	}
	api_refuse(c, &err);
	free(late);
}

/* It was done, and is on its way. */
static void confirm_when_settled(struct conn *c, struct verb_result result)
{
	struct worker *w = c->w;
	struct late_reply *late;

	if (!result.joins && (result.ticket == 0 || outlet_settled(&w->bcast, (uint64_t)result.ticket))) {
		confirm(c, &result);
		return;
	}
	late = late_new(c, &result);
	request_defer(c, late, forget);
	if (result.joins)
		moves_wait(w, result.ticket, confirm_late, late);
	else
		publish_when_settled(w, result.ticket, confirm_late, late);
}

/* By a hook: the reply waits for it. */
static void run_asking(struct conn *c, const struct verb *v)
{
	struct late_reply *late = late_new(c, &(struct verb_result){.status = 0});
	struct verb_result result;
	struct verb_error err;
	int rc = verb_run_asking(c->w, v, &result, decided, late, &err);

	if (rc == 0) {
		request_defer(c, late, forget);
		return;
	}
	free(late);
	if (rc > 0)
		confirm_when_settled(c, result);
	else
		api_refuse(c, &err);
}

static void run(struct conn *c, const struct verb *v)
{
	struct verb_result result;
	struct verb_error err;

	if (verb_has_id(v))
		run_once(c, v);
	else if (verb_asks(v))
		run_asking(c, v);
	else if (verb_run(c->w, v, &result, &err) != 0)
		api_refuse(c, &err);
	else
		confirm_when_settled(c, result);
}

static const struct verb *read_verb(struct conn *c, const char *name, struct slice body)
{
	const struct verb *v;
	struct verb_error err;

	if (!json_valid(body, &body_limits)) {
		api_error(c, 400, "syntax", "the body is not JSON", NULL);
		return NULL;
	}
	v = verb_read(c->w, verb_find(slice_make(name, strlen(name))), body, VERB_ALONE, &err);
	if (v == NULL)
		api_refuse(c, &err);
	return v;
}

void api_emit(struct conn *c, const struct http_request *req, struct slice body)
{
	const struct verb *v = read_verb(c, "emit", body);

	(void)req;
	if (v == NULL)
		return;
	if (v->u.emit.timeout_ms > 0)
		ask(c, &v->u.emit);
	else
		run(c, v);
}

void api_call(struct conn *c, const char *name, struct slice body)
{
	const struct verb *v = read_verb(c, name, body);

	if (v != NULL)
		run(c, v);
}

void api_events(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)req;
	api_call(c, "event", body);
}

void api_sockets_join(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)req;
	api_call(c, "join", body);
}

void api_sockets_leave(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)req;
	api_call(c, "leave", body);
}

void api_sockets_disconnect(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)req;
	api_call(c, "disconnect", body);
}

void api_schedules(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)req;
	api_call(c, "schedule", body);
}
