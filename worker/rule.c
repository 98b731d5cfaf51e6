#include <errno.h>
#include <stdlib.h>

#include "conf/log.h"
#include "proto/json.h"
#include "shm/op.h"
#include "worker/builtin.h"
#include "worker/claim.h"
#include "worker/eval.h"
#include "worker/in_band.h"
#include "worker/join.h"
#include "worker/limit.h"
#include "worker/publish.h"
#include "worker/room.h"
#include "worker/rule.h"
#include "worker/rule_act.h"
#include "worker/rule_emit.h"
#include "worker/rule_hook.h"
#include "worker/session.h"
#include "worker/user.h"
#include "worker/worker.h"

/* A rule's steps, in the catalogue's order: limits, if, require, checks, hook, the inline emit and each `also`, ack. */

static struct slice text_slice(struct text t)
{
	return slice_make(t.p, t.n);
}

/* What a refused sender is told. */
struct telling {
	struct slice text, code;   /* JSON string bodies; code n 0: none */
	int64_t retry_after;	   /* s; 0: it does not apply */
	const struct limit *limit; /* that refuses; NULL: none */
};

static void tell_event(struct socket *so, struct eval *e, struct text name, const struct json_node *data)
{
	struct buf *b = &e->w->json;

	buf_reset(b);
	eval_json(e, data, b);
	socket_emit(so, name.p, buf_as_slice(b));
}

/* Says no: the ack if one was asked for, else an event; and the event of a limit that has one.  SO may be gone then. */
static void refuse_with(struct socket *so, const struct sio_packet *p, const struct telling *t)
{
	const struct error_shape *shape = &so->nsp->rules->errors;
	const struct limit *limit = t->limit != NULL && t->limit->emit.p != NULL ? t->limit : NULL;
	const struct session *s = so->session;
	struct worker *w = s->w;
	struct eval e;

	log_debug("event_refused", "sid=%s code=%.*s user=%s text=%.*s", so->id.text, (int)t->code.n, t->code.p,
	    socket_user_text(so), (int)t->text.n, t->text.p);
	eval_init(&e, w, so);
	e.error = slice_make(arena_copy(&w->arena, t->text.p, t->text.n), t->text.n); /* may lie where sources are written */
	e.code = t->code.n > 0 ? t->code : slice_make(NULL, 0);
	e.retry_after = t->retry_after;
	if (p != NULL && p->has_id) {
		buf_reset(&w->json);
		eval_json(&e, &shape->ack, &w->json);
		socket_ack(so, p->id, buf_as_slice(&w->json), (struct attachments){0, NULL});
	} else if (limit == NULL) {
		tell_event(so, &e, shape->emit, &shape->data);
	}
	if (limit != NULL && !s->closed)
		tell_event(so, &e, limit->emit, limit->has_data ? &limit->data : &shape->data);
}

/* The same with a code of ours; TEXT p NULL: the one that the conf has for it. */
static void refuse_code(struct socket *so, const struct sio_packet *p, enum refusal code, struct text text, struct telling t)
{
	struct worker *w = so->session->w;
	const char *name = catalogue_code_name(code);
	struct buf *b = &w->text;

	counter_add_to(&w->ct->refused[code], 1);
	if (code == REFUSAL_UNKNOWN_EVENT && (p == NULL || !p->has_id))
		return; /* only counted */
	buf_reset(b);
	if (text.p != NULL)
		buf_slice(b, text_slice(text));
	else
		buf_json_escaped(b, text_slice(w->conf->catalogue.texts[code]));
	t.text = buf_as_slice(b);
	t.code = slice_make(name, strlen(name));
	refuse_with(so, p, &t);
}

void rule_refuse(struct socket *so, const struct sio_packet *p, enum refusal code)
{
	refuse_code(so, p, code, (struct text){NULL, 0}, (struct telling){.limit = NULL});
}

void rule_refuse_text(struct socket *so, const struct sio_packet *p, enum refusal code, struct text text)
{
	refuse_code(so, p, code, text, (struct telling){.limit = NULL});
}

void rule_refuse_by_hook(struct socket *so, const struct sio_packet *p, struct slice text, struct slice code)
{
	counter_add_to(&so->session->w->ct->refused[REFUSED_HOOK], 1);
	refuse_with(so, p, &(struct telling){.text = text, .code = code});
}

void rule_refuse_limited(struct socket *so, const struct sio_packet *p, const struct limit *l, int64_t retry_after)
{
	refuse_code(so, p, REFUSAL_RATE_LIMITED, l->text, (struct telling){.limit = l, .retry_after = retry_after});
}

/* A field, `require` or room of R says no. */
static void deny(struct socket *so, const struct rule *r, const struct sio_packet *p, enum refusal code)
{
	struct worker *w = so->session->w;

	if (r->silent)
		counter_add_to(&w->ct->refused[code], 1);
	else
		rule_refuse(so, p, code);
}

void rule_refuse_by_check(struct socket *so, const struct sio_packet *p, const struct check *check)
{
	counter_add_to(&so->session->w->ct->refused[rule_check_reason(check)], 1);
	refuse_with(so, p, &(struct telling){.text = text_slice(check->error), .code = text_slice(check->code)});
}

bool rule_admits(const struct socket *so, const struct who *who, unsigned n, struct slice room)
{
	for (unsigned i = 0; i < n; i++) {
		switch (who[i].kind) {
		case WHO_ANY: return true;
		case WHO_AUTHENTICATED:
			if (so->user != NULL)
				return true;
			break;
		case WHO_MEMBER:
			if (room.p != NULL && joined_room(so, room) != NULL)
				return true;
			break;
		case WHO_CLAIM:
			if (claim_names(so, &who[i].claim, eval_room_id(room)))
				return true;
			break;
		case WHO_OWN:
			if (so->user != NULL && slice_eq(eval_room_id(room), user_id(so->user)))
				return true;
			break;
		case WHO_HOOK: break; /* it answers later, see builtin.c */
		case WHO_ROLE:
			if (so->user != NULL && user_role(so->user).p != NULL &&
			    slice_eq(user_role(so->user), text_slice(who[i].role)))
				return true;
			break;
		}
	}
	return false;
}

/* Why `require` was not met: the first that would have helped names the code. */
static enum refusal require_code(const struct rule *r)
{
	return r->nrequire > 0 && r->require[0].kind == WHO_MEMBER ? REFUSAL_NOT_MEMBER : REFUSAL_FORBIDDEN;
}

/* What the ack says: its arguments, separated by commas, with placeholders for attachments.  False: it cannot be said. */
static bool ack_arguments(struct eval *e, const struct rule *r, struct message *out)
{
	struct buf *b = &e->w->json;

	*out = message_text(SLICE("{\"success\":true}"));
	if (r->ack == ACK_DEFAULT)
		return true;
	buf_reset(b);
	if (r->ack == ACK_ARGS ? rule_args(e, &r->ack_json, b) != 0 : (eval_json(e, &r->ack_json, b), false))
		return false;
	return rule_attach(e, buf_as_slice(b), out) == 0;
}

/* HOOK: what the hook answers, p NULL: nothing. */
static void rule_ack(
    struct eval *e, struct socket *so, const struct rule *r, const struct sio_packet *p, struct slice hook)
{
	struct message m;

	if (!p->has_id || (r->ack == ACK_NONE && hook.p == NULL))
		return;
	if (hook.p != NULL)
		socket_ack(so, p->id, hook, (struct attachments){0, NULL});
	else if (!ack_arguments(e, r, &m))
		rule_refuse(so, p, REFUSAL_INVALID);
	else
		socket_ack(so, p->id, m.packet, m.attached);
}

/* The first check that does not hold; NULL when all do. */
static const struct check *failed_check(struct eval *e, const struct rule *r)
{
	for (unsigned i = 0; i < r->ncheck; i++) {
		if (!eval_all(e, r->check[i].ifs, r->check[i].nif))
			return &r->check[i];
	}
	return NULL;
}

/* First argument of an event; p NULL when it has none. */
static struct slice first_argument(const struct sio_packet *p)
{
	struct json_iter it = json_iter(p->payload);
	struct slice v = {NULL, 0};

	if (!json_next_element(&it, &v) || !json_next_element(&it, &v))
		return slice_make(NULL, 0);
	return v;
}

/* Names the rule's room.  Its text stays in the arena for the run. */
static int rule_room(struct eval *e, const struct rule *r)
{
	struct buf *b = &e->w->name;

	buf_reset(b);
	if (eval_text(e, &r->room, b) != 0 || b->n + e->nsp.n > OP_NAME_MAX)
		return -1;
	catalogue_room_fold(e->rules, b->p, b->n);
	e->room = slice_make(arena_copy(&e->w->arena, b->p, b->n), b->n);
	return 0;
}

static bool default_source(void *eval, const struct source *src, struct slice *json)
{
	return eval_source(eval, src, json);
}

/* Takes the arguments as the rule wants them.  False: they are not what it demands. */
static bool take_arguments(struct eval *e, const struct rule *r, const struct sio_packet *p)
{
	struct slice args = sio_bare_args(p);
	struct fields_result got;

	if (r->fields == NULL) {
		e->args = args;
		e->payload = first_argument(p);
		if (args.n > 0)
			e->rest = slice_make(e->payload.p + e->payload.n,
			    (size_t)(args.p + args.n - (e->payload.p + e->payload.n)));
		return true;
	}
	if (!fields_check(r->fields, &e->w->arena, args, &e->attached, default_source, e, &got))
		return false;
	e->args = got.args;
	e->payload = got.payload;
	e->rest = got.rest;
	e->state = got.state;
	return true;
}

static void run_event(struct socket *so, const struct rule *r, const struct sio_packet *p, struct attachments attached)
{
	struct worker *w = so->session->w;
	const struct check *failed;
	struct eval e;

	eval_init(&e, w, so);
	e.event = p->name;
	e.name = text_slice(r->name);
	e.attached = attached;
	counter_add_to(&w->ct->event_in[r->index < COUNTER_EVENTS ? r->index : COUNTER_EVENTS - 1], 1);
	if (!take_arguments(&e, r, p) || (r->has_room && rule_room(&e, r) != 0)) {
		deny(so, r, p, REFUSAL_INVALID);
		return;
	}
	if (!eval_all(&e, r->ifs, r->nif))
		return;
	if (r->nrequire > 0 && !rule_admits(so, r->require, r->nrequire, e.room)) {
		deny(so, r, p, require_code(r));
		return;
	}
	failed = failed_check(&e, r);
	if (failed != NULL) {
		if (r->silent)
			counter_add_to(&w->ct->refused[REFUSED_CHECK], 1);
		else
			rule_refuse_by_check(so, p, failed);
		return;
	}
	if (rule_hook_event(&e, so, r, p))
		rule_finish(&e, so, r, p, slice_make(NULL, 0));
}

void rule_finish(
    struct eval *e, struct socket *so, const struct rule *r, const struct sio_packet *p, struct slice ack)
{
	const struct session *s = so->session;
	struct rule_ran *ran = arena_alloc(&e->w->arena, r->naction * sizeof(*ran));
	int err = rule_act(e, r, ran);

	if (err != 0) {
		rule_refuse(so, p,
		    err == -ENOBUFS	 ? REFUSAL_BUSY
			: err == -EDQUOT ? REFUSAL_TOO_MANY_ROOMS
					 : REFUSAL_INVALID);
		return;
	}
	/* it leaves behind what was published, which is in the ring then and outlives this process */
	rule_ack(e, so, r, p, ack);
	/* a client too slow for its ack is gone, and the socket with it */
	if (!s->closed)
		rule_act_last(e, r, ran);
}

void rule_on_event(struct socket *so, const struct sio_packet *p, struct attachments attached)
{
	const struct worker *w = so->session->w;
	char name[CATALOGUE_EVENT_MAX];
	const struct rule *r;
	struct slice plain = p->name;
	bool builtin;

	if (rule_wait_behind(so, p, attached))
		return;
	/* Names without escapes, which is all of them in practice, are looked up as they came. */
	if (memchr(p->name.p, '\\', p->name.n) != NULL) {
		ssize_t n = json_string_decode(slice_make(p->name.p - 1, p->name.n + 2), name, sizeof(name));

		plain = n < 0 ? slice_make("", 0) : slice_make(name, (size_t)n);
	}
	if (in_band_event(so, plain, p))
		return;
	if (so->pending) {
		rule_refuse(so, p, REFUSAL_AUTH_MISSING);
		return;
	}
	if (so->ends_ms != 0 && w->now_ms > so->ends_ms && w->conf->auth.expiry == CONF_EXPIRY_REFUSE) {
		rule_refuse(so, p, REFUSAL_AUTH_EXPIRED);
		return;
	}
	r = catalogue_event(so->nsp->rules, plain.p, plain.n);
	log_debug("event", "sid=%s name=%.*s user=%s", so->id.text, (int)(plain.n > 64 ? 64 : plain.n), plain.p,
	    socket_user_text(so));
	builtin = r == NULL && builtin_knows(so, plain);
	if (r == NULL && !builtin)
		r = catalogue_event_pattern(so->nsp->rules, plain.p, plain.n);
	if (!limit_event(so, p, r, plain))
		return;
	if (builtin)
		builtin_event(so, plain, p);
	else if (r != NULL)
		run_event(so, r, p, attached);
	else
		rule_refuse(so, p, REFUSAL_UNKNOWN_EVENT);
}

/* One that has no room for a connection, as the check that refuses it. */
static const struct check *limit_as_check(struct worker *w, const struct limit *l)
{
	struct check *c = arena_alloc(&w->arena, sizeof(*c));
	struct slice plain = limit_words(w, l);
	struct buf *b = &w->text;

	buf_reset(b);
	buf_json_escaped(b, plain);
	*c = (struct check){.error = {arena_copy(&w->arena, b->p, b->n), b->n}, .error_plain = {plain.p, plain.n}, .code = {"rate_limited", 12}};
	return c;
}

enum refused rule_check_reason(const struct check *c)
{
	return c->nif > 0 ? REFUSED_CHECK : (enum refused)REFUSAL_RATE_LIMITED;
}

bool rule_on_connecting(struct socket *so, const struct check **failed)
{
	const struct rule *r = so->nsp->rules->on[TRIGGER_CONNECTING];
	const struct limit *full;
	int64_t retry_after;
	struct eval e;

	*failed = NULL;
	if (r == NULL)
		return false;
	eval_init(&e, so->session->w, so);
	full = limit_rule_run(&e, r, &retry_after);
	if (full != NULL) {
		*failed = limit_as_check(e.w, full);
		return false;
	}
	if (!eval_all(&e, r->ifs, r->nif))
		return false;
	*failed = failed_check(&e, r);
	return *failed == NULL && r->hook.hook != NULL;
}

bool rule_has_room(const struct eval *e, const struct rule *r)
{
	int64_t retry_after;

	if (limit_rule_run(e, r, &retry_after) == NULL)
		return true;
	counter_add_to(&e->w->ct->refused[REFUSAL_RATE_LIMITED], 1);
	return false;
}

void rule_react(struct eval *e, const struct rule *r)
{
	if (r != NULL && rule_has_room(e, r) && eval_all(e, r->ifs, r->nif) && rule_hook_react(e, r))
		rule_reacted(e, r);
}

void rule_reacted(struct eval *e, const struct rule *r)
{
	struct rule_ran *ran = arena_alloc(&e->w->arena, r->naction * sizeof(*ran));

	if (rule_act(e, r, ran) == 0)
		rule_act_last(e, r, ran);
	else
		log_debug("rule_ended", "nsp=%s on=%s", e->nsp.p, r->name.p);
}

void rule_on_connect(struct socket *so)
{
	struct eval e;

	eval_init(&e, so->session->w, so);
	rule_react(&e, so->nsp->rules->on[TRIGGER_CONNECT]);
}

void rule_on_authenticated(struct socket *so)
{
	struct eval e;

	eval_init(&e, so->session->w, so);
	rule_react(&e, so->nsp->rules->on[TRIGGER_AUTHENTICATED]);
}

void rule_on_auth_failed(struct socket *so, struct slice text, struct slice code)
{
	struct eval e;

	eval_init(&e, so->session->w, so);
	e.error = text;
	e.code = code;
	rule_react(&e, so->nsp->rules->on[TRIGGER_AUTH_FAILED]);
}
