#include "worker/rule_wait.h"

#include <stdlib.h>

#include "conf/log.h"
#include "worker/hook_body.h"
#include "worker/rule.h"
#include "worker/session.h"
#include "worker/worker.h"

/* An event that came while its socket had a run that waits. */
struct kept_event {
	struct kept_event *next;
	struct sio_packet p;
	struct attachments attached;
	size_t bytes;
};

/* What waits of one socket: there is one while anything does. */
struct waiting {
	struct socket *so; /* NULL: it went while one of its events was being run */
	struct worker *w;
	struct rule_run *runs;
	struct kept_event *first, **last;
	unsigned n;
	size_t bytes; /* of these events */
	uint32_t alarm; /* the turn was late: the rest in the next one */
	bool held;	/* by rule_wait_hold() */
	bool running;	/* events of the socket are run, not kept, and this is not freed */
};

static struct waiting *waiting_of(struct socket *so)
{
	struct waiting *x = so->waiting;

	if (x != NULL)
		return x;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		worker_die(so->session->w, "out of memory");
	x->so = so;
	x->w = so->session->w;
	x->last = &x->first;
	so->waiting = x;
	return x;
}

static void run_free(struct rule_run *run)
{
	run->w->waiting_bytes -= run->kept->bytes;
	eval_kept_free(run->kept);
	free(run);
}

static void run_leave(struct rule_run *run)
{
	struct rule_run **pp = &run->of->runs;

	while (*pp != run)
		pp = &(*pp)->next;
	*pp = run->next;
}

static void kept_free(struct worker *w, struct kept_event *k)
{
	w->waiting_bytes -= k->bytes;
	free(k);
}

/* One event may be as long as a message may; those behind it share what is left, so that nobody takes what others need. */
static bool may_keep(const struct waiting *x)
{
	return x->n < RULE_WAIT_MAX && x->bytes < RULE_WAIT_SOCKET_MAX && x->w->waiting_bytes < RULE_WAIT_BYTES_MAX;
}

static void waiting_free(struct waiting *x)
{
	alarm_clear(&x->w->alarms, &x->alarm);
	if (x->so != NULL)
		x->so->waiting = NULL;
	free(x);
}

static void go_on(struct waiting *x);

/* Alarm */
static void go_on_due(void *waiting)
{
	go_on(waiting);
}

/* Runs what waits behind, and ends with X when nothing is left. */
static void go_on(struct waiting *x)
{
	struct worker *w = x->w;

	x->running = true;
	while (x->so != NULL && x->runs == NULL && !x->held && x->first != NULL) {
		struct kept_event *k = x->first;

		if (worker_is_late(w)) {
			alarm_set(&w->alarms, &x->alarm, go_on_due, x, w->now_ns + 1);
			break;
		}
		x->first = k->next;
		if (x->first == NULL)
			x->last = &x->first;
		x->n--;
		x->bytes -= k->bytes;
		rule_on_event(x->so, &k->p, k->attached);
		kept_free(w, k);
	}
	x->running = false;
	if (x->so == NULL || (x->runs == NULL && !x->held && x->first == NULL))
		waiting_free(x);
}

static void on_reply(void *arg, const struct hook_reply *reply, enum hook_failure why)
{
	struct rule_run *run = arg;
	struct waiting *x = run->of;

	run->call = NULL;
	if (x == NULL) {
		run->fn(run, NULL, reply, why);
		run_free(run);
		return;
	}
	run_leave(run);
	x->running = true;
	run->fn(run, x->so, reply, why);
	run_free(run);
	go_on(x);
}

void rule_wait_hold(struct socket *so)
{
	waiting_of(so)->held = true;
}

void rule_wait_end(struct socket *so, void (*fn)(struct socket *so, void *arg), void *arg)
{
	struct waiting *x = so->waiting;

	x->held = false;
	x->running = true;
	fn(so, arg);
	go_on(x);
}

/* What the backend is told, about an event or trigger NAME. */
static struct slice body_of(struct eval *e, struct slice name)
{
	struct eval about = *e;

	about.event = name;
	buf_reset(&e->w->hook_body);
	hook_body(&about, &e->w->hook_body);
	return buf_as_slice(&e->w->hook_body);
}

struct rule_run *rule_wait(struct eval *e, struct slice name, const struct hook_use *use, unsigned nstate,
    const struct sio_packet *p, const void *what, bool connecting, rule_run_fn fn, enum hook_failure *why)
{
	struct worker *w = e->w;
	struct slice body = body_of(e, name);
	struct rule_run *run;

	*why = HOOK_FAILED_BUSY;
	if (w->waiting_bytes + body.n > RULE_WAIT_BYTES_MAX)
		return NULL;
	run = calloc(1, sizeof(*run));
	if (run == NULL)
		worker_die(w, "out of memory");
	*run = (struct rule_run){.w = w, .fn = fn, .what = what, .kept = eval_keep(e, nstate)};
	w->waiting_bytes += run->kept->bytes;
	if (p != NULL)
		run->asked = (struct sio_packet){.type = p->type, .has_id = p->has_id, .id = p->id, .name = run->kept->e.event};
	run->call = hook_ask(w, use, body, connecting, on_reply, run, why);
	if (run->call == NULL) {
		run_free(run);
		return NULL;
	}
	if (e->so != NULL) {
		run->of = waiting_of((struct socket *)(uintptr_t)e->so); /* evaluating changes no socket, waiting does */
		run->next = run->of->runs;
		run->of->runs = run;
	}
	return run;
}

void rule_notify(struct eval *e, struct slice name, const struct hook_use *use)
{
	enum hook_failure why; /* it was counted */

	(void)hook_ask(e->w, use, body_of(e, name), false, NULL, NULL, &why);
}

/* A slice of OLD as one of NEW, which is its copy. */
static struct slice moved(struct slice s, struct slice old, const char *new)
{
	return s.p == NULL ? s : slice_make(new + (s.p - old.p), s.n);
}

/* Name and arguments lie in the payload. */
static struct kept_event *kept_new(const struct sio_packet *p, struct attachments attached)
{
	size_t bytes = sizeof(struct kept_event) + attached.n * sizeof(struct slice) + p->payload.n + 1;
	struct kept_event *k;
	struct slice *v;
	char *at;

	for (unsigned i = 0; i < attached.n; i++)
		bytes += attached.v[i].n;
	k = malloc(bytes);
	if (k == NULL)
		return NULL;
	*k = (struct kept_event){.p = *p, .attached = {attached.n, (struct slice *)(k + 1)}, .bytes = bytes};
	v = (struct slice *)(k + 1);
	at = (char *)(v + attached.n);
	memcpy(at, p->payload.p, p->payload.n);
	k->p.payload = slice_make(at, p->payload.n);
	k->p.name = moved(p->name, p->payload, at);
	k->p.args = moved(p->args, p->payload, at);
	k->p.nsp = slice_make("", 0); /* the socket knows it */
	at += p->payload.n;
	for (unsigned i = 0; i < attached.n; i++) {
		memcpy(at, attached.v[i].p, attached.v[i].n);
		v[i] = slice_make(at, attached.v[i].n);
		at += attached.v[i].n;
	}
	return k;
}

bool rule_wait_behind(struct socket *so, const struct sio_packet *p, struct attachments attached)
{
	struct waiting *x = so->waiting;
	struct worker *w = so->session->w;
	struct kept_event *k = NULL;

	if (x == NULL || x->running)
		return false;
	if (may_keep(x))
		k = kept_new(p, attached);
	if (k == NULL) {
		rule_refuse(so, p, REFUSAL_BUSY);
		return true;
	}
	w->waiting_bytes += k->bytes;
	x->bytes += k->bytes;
	*x->last = k;
	x->last = &k->next;
	x->n++;
	return true;
}

void rule_wait_forget(struct socket *so)
{
	struct waiting *x = so->waiting;

	if (x == NULL)
		return;
	so->waiting = NULL;
	x->so = NULL;
	while (x->runs != NULL) {
		struct rule_run *run = x->runs;

		x->runs = run->next;
		hook_forget(run->call);
		run_free(run);
	}
	while (x->first != NULL) {
		struct kept_event *k = x->first;

		x->first = k->next;
		kept_free(x->w, k);
	}
	x->last = &x->first;
	x->n = 0;
	x->bytes = 0;
	if (!x->running)
		waiting_free(x);
}
