/*
 * verb_hook.c - an `event` whose route has a hook: the reply decides what is sent, and the caller hears of it behind that.
 *
 *	verb_run_asking() -> asked -> replied() -> in the ring -> FN
 */
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "worker/rule_wait.h"
#include "worker/verb_body.h"
#include "worker/worker.h"

/* A call that waits. */
struct asking {
	verb_done_fn fn;
	void *arg;
	struct verb v; /* only its route counts: the rest was of a turn that is over */
	struct verb_result result;
};

static const struct rule *route_of(const struct verb *v)
{
	return slice_is(slice_make(verb_name(v), strlen(verb_name(v))), "event") && v->u.event.hook != NULL ? v->u.event.route : NULL;
}

bool verb_asks(const struct verb *v)
{
	const struct rule *r = route_of(v);

	return r != NULL && !r->hook.notify;
}

static void tell(struct eval *e, const struct rule *r)
{
	rule_notify(e, slice_make(r->name_json.p, r->name_json.n), &r->hook);
}

void verb_hook_tell(const struct verb *v)
{
	const struct rule *r = route_of(v);

	if (r != NULL && r->hook.notify)
		tell(v->u.event.hook, r);
}

struct eval_kept *verb_hook_keep(const struct verb *v)
{
	const struct rule *r = route_of(v);

	return r != NULL ? eval_keep(v->u.event.hook, r->fields != NULL ? r->fields->nnode : 0) : NULL;
}

void verb_hook_tell_kept(const struct rule *route, struct eval_kept *kept, bool to_tell)
{
	struct eval e;

	if (kept == NULL)
		return;
	if (to_tell) {
		eval_again(kept, NULL, &e);
		tell(&e, route);
	}
	eval_kept_free(kept);
}

static const char *arena_text(struct worker *w, struct slice s)
{
	char *p = arena_alloc(&w->arena, s.n + 1);

	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

/* The text of a JSON string. */
static const char *decoded(struct worker *w, struct slice json)
{
	char *p = arena_alloc(&w->arena, json.n + 1);
	ssize_t n = json_string_decode(json, p, json.n);

	p[n > 0 ? n : 0] = '\0';
	return p;
}

/* There is no reply. */
static bool failed(struct eval *e, const struct rule *r, enum hook_failure why, struct verb_error *err)
{
	static const char head[] = "the hook of this route failed: ";
	struct worker *w = e->w;
	struct buf *b = &w->name;

	if (why == HOOK_FAILED_BUSY)
		return verb_wrong(err, 503, "busy", "too many calls wait for the hook of this route: try again", NULL);
	buf_reset(b);
	if (why != HOOK_FAILED_OPEN || eval_text(e, &r->hook.hook->text, b) != 0) {
		buf_reset(b);
		buf_str(b, head);
		buf_str(b, hook_failure_name(why));
	}
	return verb_wrong(err, 503, "hook_failed", arena_text(w, buf_as_slice(b)), NULL);
}

/* The hook said no. */
static bool refused(struct worker *w, const struct hook_reply *reply, struct verb_error *err)
{
	return verb_wrong(err, 422, reply->code.p != NULL ? arena_text(w, json_string_raw(reply->code)) : "refused",
	    decoded(w, reply->message), NULL);
}

/* The steps of the route behind its hook. */
static bool finish(struct eval *e, struct verb *v, int64_t acts, struct verb_result *out, struct verb_error *err)
{
	struct verb_event *ev = &v->u.event;

	ev->nsp = e->nsp;
	ev->hook = NULL; /* it was asked */
	*out = (struct verb_result){.status = 200};
	if (!verb_event_shots(e, ev, err) || !verb_do(e->w, v, out, err))
		return false;
	if (out->ticket == 0)
		out->ticket = acts;
	return true;
}

static void settled(struct worker *w, void *arg)
{
	struct asking *a = arg;

	a->fn(w, a->arg, &a->result, NULL);
	free(a);
}

static void replied(struct rule_run *run, struct socket *so, const struct hook_reply *reply, enum hook_failure why)
{
	struct asking *a = (struct asking *)(uintptr_t)run->what;
	const struct rule *r = a->v.u.event.route;
	struct worker *w = run->w;
	struct verb_error err;
	int64_t acts = 0;
	bool good = true;
	struct eval e;

	(void)so;
	eval_again(run->kept, NULL, &e);
	if (reply == NULL && !r->hook.hook->goes_on)
		good = failed(&e, r, why, &err);
	if (reply != NULL) {
		acts = hook_reply_run(w, reply);
		if (reply->refused)
			good = refused(w, reply, &err);
		e.hook = reply->data;
	}
	if (!good || !finish(&e, &a->v, acts, &a->result, &err)) {
		a->fn(w, a->arg, NULL, &err);
		free(a);
	} else if (a->result.ticket > 0 && !outlet_settled(&w->bcast, (uint64_t)a->result.ticket)) {
		publish_when_settled(w, a->result.ticket, settled, a);
	} else {
		settled(w, a);
	}
}

int verb_run_asking(struct worker *w, const struct verb *v, struct verb_result *out, verb_done_fn fn, void *arg,
    struct verb_error *err)
{
	const struct rule *r = v->u.event.route;
	struct eval *e = v->u.event.hook;
	enum hook_failure why;
	struct asking *a;

	if (!verb_admit(w, v, err))
		return -1;
	a = malloc(sizeof(*a));
	if (a == NULL)
		worker_die(w, "out of memory");
	*a = (struct asking){.fn = fn, .arg = arg, .v = *v};
	if (rule_wait(e, e->event, &r->hook, r->fields != NULL ? r->fields->nnode : 0, NULL, a, false, replied, &why) != NULL)
		return 0;
	free(a);
	if (!r->hook.hook->goes_on)
		return failed(e, r, why, err) ? 0 : -1;
	return finish(e, &(struct verb){.kind = v->kind, .u = v->u}, 0, out, err) ? 1 : -1;
}
