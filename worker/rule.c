#include <errno.h>
#include <stdlib.h>

#include "conf/log.h"
#include "proto/json.h"
#include "shm/op.h"
#include "worker/builtin.h"
#include "worker/eval.h"
#include "worker/publish.h"
#include "worker/room.h"
#include "worker/rule.h"
#include "worker/rule_emit.h"
#include "worker/session.h"
#include "worker/user.h"
#include "worker/worker.h"

/* Rule, in the order of CATALOGUE section 3: if, require, the inline emit and each `also`, ack. */

static struct slice text_slice(struct text t)
{
	return slice_make(t.p, t.n);
}

void rule_refuse(struct socket *so, const struct sio_packet *p, enum refusal code)
{
	struct worker *w = so->session->w;
	struct slice text = text_slice(w->conf->catalogue.texts[code]);
	const char *name = catalogue_code_name(code);
	struct buf *b = &w->json;

	counter_add_to(&w->ct->refused[code], 1);
	log_debug("event_refused", "sid=%s code=%s", so->sid, name);
	buf_reset(b);
	if (p != NULL && p->has_id) {
		buf_str(b, "{\"success\":false,\"error\":");
		buf_json_string(b, text);
		buf_printf(b, ",\"code\":\"%s\"}", name);
		socket_ack(so, p->id, buf_as_slice(b));
		return;
	}
	if (code == REFUSAL_UNKNOWN_EVENT)
		return; /* only counted */
	buf_str(b, "{\"message\":");
	buf_json_string(b, text);
	buf_char(b, '}');
	socket_emit(so, "error", buf_as_slice(b));
}

static bool is_member(const struct socket *so, struct slice room)
{
	const struct worker *w = so->session->w;
	struct slice nsp = text_slice(so->nsp->name);
	struct room *r = room_find(w, so->nsp, room_hash(w, nsp, room), room);

	return r != NULL && room_has(r, so);
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
			if (room.p != NULL && is_member(so, room))
				return true;
			break;
		case WHO_OWN:
			if (so->user != NULL && slice_eq(eval_room_id(room), user_id(so->user)))
				return true;
			break;
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

/* What the ack waits for: the last record of the rule must be in the ring. */
struct late_ack {
	char sid[SID_LEN + 1];
	uint64_t id;
	size_t len;
	char args[];
};

static void ack_now(struct worker *w, void *arg)
{
	struct late_ack *a = arg;
	struct socket *so = socket_find(w, slice_make(a->sid, SID_LEN));

	if (so != NULL)
		socket_ack(so, a->id, slice_make(a->args, a->len));
	free(a);
}

static void rule_ack(struct eval *e, struct socket *so, const struct rule *r, const struct sio_packet *p, int64_t ticket)
{
	struct worker *w = so->session->w;
	struct slice args = SLICE("{\"success\":true}");
	struct late_ack *a;

	if (r->ack == ACK_NONE || !p->has_id)
		return;
	if (r->ack == ACK_TEMPLATE) {
		buf_reset(&w->json);
		eval_json(e, &r->ack_json, &w->json);
		args = buf_as_slice(&w->json);
	}
	if (ticket == 0 || outlet_settled(&w->bcast, (uint64_t)ticket)) {
		socket_ack(so, p->id, args);
		return;
	}
	a = malloc(sizeof(*a) + args.n);
	if (a == NULL)
		worker_die(w, "out of memory");
	memcpy(a->sid, so->sid, sizeof(a->sid));
	a->id = p->id;
	a->len = args.n;
	memcpy(a->args, args.p, args.n);
	publish_when_settled(w, ticket, ack_now, a);
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

/* Arguments without the comma that separates them from the name. */
static struct slice bare_args(const struct sio_packet *p)
{
	struct slice a = json_trim(p->args);

	if (a.n == 0)
		return slice_make(NULL, 0);
	return json_trim(slice_make(a.p + 1, a.n - 1));
}

/* Names the rule's room.  Its text stays in the arena for the run. */
static int rule_room(struct eval *e, const struct rule *r)
{
	struct buf *b = &e->w->name;

	buf_reset(b);
	if (eval_text(e, &r->room, b) != 0 || b->n + e->so->nsp->name.n > OP_NAME_MAX)
		return -1;
	e->room = slice_make(arena_copy(&e->w->arena, b->p, b->n), b->n);
	return 0;
}

static void run_event(struct socket *so, const struct rule *r, const struct sio_packet *p)
{
	struct worker *w = so->session->w;
	struct eval e;
	int64_t ticket = 0;

	eval_init(&e, w, so);
	e.event = p->name;
	e.args = bare_args(p);
	e.payload = first_argument(p);
	counter_add_to(&w->ct->event_in[r->index < COUNTER_EVENTS ? r->index : COUNTER_EVENTS - 1], 1);
	if (r->has_room && rule_room(&e, r) != 0) {
		rule_refuse(so, p, REFUSAL_INVALID);
		return;
	}
	if (!eval_all(&e, r->ifs, r->nif))
		return;
	if (r->nrequire > 0 && !rule_admits(so, r->require, r->nrequire, e.room)) {
		rule_refuse(so, p, require_code(r));
		return;
	}
	for (unsigned i = 0; i < r->naction; i++) {
		int64_t t = rule_emit(&e, &r->action[i]);

		if (t < 0) {
			rule_refuse(so, p, t == -ENOBUFS ? REFUSAL_BUSY : REFUSAL_INVALID);
			return;
		}
		if (t > 0)
			ticket = t;
	}
	rule_ack(&e, so, r, p, ticket);
}

void rule_on_event(struct socket *so, const struct sio_packet *p)
{
	const struct worker *w = so->session->w;
	char name[256];
	const struct rule *r;
	struct slice plain = p->name;

	if (so->ends_ms != 0 && w->now_ms > so->ends_ms && w->conf->auth.expiry == CONF_EXPIRY_REFUSE) {
		rule_refuse(so, p, REFUSAL_AUTH_EXPIRED);
		return;
	}
	/* Names without escapes, which is all of them in practice, are looked up as they came. */
	if (memchr(p->name.p, '\\', p->name.n) != NULL) {
		ssize_t n = p->name.n > sizeof(name)
				? -1
				: json_string_decode(slice_make(p->name.p - 1, p->name.n + 2), name, sizeof(name));

		plain = n < 0 ? slice_make("", 0) : slice_make(name, (size_t)n);
	}
	r = catalogue_event(so->nsp, plain.p, plain.n);
	log_debug("event", "sid=%s name=%.*s", so->sid, (int)(plain.n > 64 ? 64 : plain.n), plain.p);
	if (r != NULL)
		run_event(so, r, p);
	else if (!builtin_event(so, plain, p))
		rule_refuse(so, p, REFUSAL_UNKNOWN_EVENT);
}

void rule_on_connect(struct socket *so)
{
	const struct rule *r = so->nsp->on_connect;
	struct eval e;

	if (r == NULL)
		return;
	eval_init(&e, so->session->w, so);
	if (!eval_all(&e, r->ifs, r->nif))
		return;
	for (unsigned i = 0; i < r->naction; i++)
		rule_emit(&e, &r->action[i]);
}
