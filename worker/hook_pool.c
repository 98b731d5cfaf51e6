#include "worker/hook_pool.h"

#include <errno.h>
#include <stdlib.h>

#include "conf/log.h"
#include "worker/worker.h"

#define FRESH_NS   (30 * NS_PER_S) /* addresses are looked up again after so long */
#define RELOOK_NS  NS_PER_S	     /* and after one that found none */
#define SWEEP_NS   (10 * NS_PER_S)
#define OLD_NS	   (30 * NS_PER_S) /* an idle connection */

/* Everybody that waits hears that there is no address. */
static void fail_all(struct hook_pool *p)
{
	while (p->queue != NULL) {
		struct hook_call *call = p->queue;

		hook_pool_drop(p, call);
		hook_call_fail_soon(call, HOOK_FAILED_LOOKUP);
	}
}

static void on_addresses(void *arg, const struct hook_addresses *found)
{
	struct hook_pool *p = arg;

	worker_wake_clock(p->w);
	p->looking = false;
	p->looked_ns = p->w->now_ns;
	if (found->n > 0) {
		p->to = *found;
		p->good = 0;
	} else {
		log_warn("hook_lookup_failed", "hook=%s host=%s", p->hook->name.p, p->hook->host.p);
	}
	if (p->to.n == 0)
		fail_all(p);
	else
		hook_pool_run(p);
}

/* Looks the name up when that is due; what is known of it stays good meanwhile. */
static void look(struct hook_pool *p)
{
	uint64_t wait_ns = p->to.n > 0 ? FRESH_NS : RELOOK_NS;
	int err;

	if (p->looking || (p->looked_ns != 0 && p->w->now_ns - p->looked_ns < wait_ns))
		return;
	err = hook_lookup_start(&p->w->hooks->lookups, p->hook, on_addresses, p);
	p->looking = err == 0;
	if (err == 0)
		return;
	p->looked_ns = p->w->now_ns;
	log_warn("hook_lookup_failed", "hook=%s error=%s", p->hook->name.p, strerror(-err));
}

int hook_pool_init(struct hook_pool *p, struct worker *w, const struct hook *h)
{
	p->w = w;
	p->hook = h;
	p->queue_tail = &p->queue;
	hook_signer_init(&p->signer, h);
	if (h->scheme == HOOK_HTTPS) {
		p->tls = hook_tls_new(h);
		if (p->tls == NULL)
			return -EPROTO;
	}
	if (hook_lookup_now(h, &p->to))
		p->looked_ns = UINT64_MAX; /* never again */
	else
		look(p);
	return 0;
}

static void sweep_due(void *pool)
{
	struct hook_pool *p = pool;
	struct worker *w = p->w;

	if (hook_conn_sweep(p, w->now_ns > OLD_NS ? w->now_ns - OLD_NS : 0))
		alarm_set(&w->alarms, &p->sweep, sweep_due, p, w->now_ns + SWEEP_NS);
}

static void enqueue(struct hook_pool *p, struct hook_call *call, bool first)
{
	call->state = CALL_QUEUED;
	p->nqueue++;
	if (first) {
		call->next = p->queue;
		p->queue = call;
		if (call->next == NULL)
			p->queue_tail = &call->next;
		return;
	}
	call->next = NULL;
	*p->queue_tail = call;
	p->queue_tail = &call->next;
}

/* Connects for CALL, over any address that does not refuse at once. */
static void connect_for(struct hook_pool *p, struct hook_call *call)
{
	int err = -EHOSTUNREACH;

	call->state = CALL_SENT;
	for (; call->addresses < p->to.n; call->addresses++) {
		err = hook_conn_open(p, call);
		if (err == 0)
			return;
	}
	log_debug("hook_connect_failed", "hook=%s error=%s", p->hook->name.p, strerror(-err));
	hook_call_fail_soon(call, p->tls == NULL && p->hook->scheme == HOOK_HTTPS ? HOOK_FAILED_TLS : HOOK_FAILED_CONNECT);
}

/* True when CALL has a connection now, or has failed to get one. */
static bool start(struct hook_pool *p, struct hook_call *call)
{
	struct worker *w = p->w;

	if (call->stale && p->idle != NULL && p->nconn >= p->hook->concurrency)
		hook_conn_close(p->idle); /* it is as old as the one that was closed */
	if (p->idle != NULL && !call->stale) {
		call->state = CALL_SENT;
		hook_conn_send(p->idle, call);
		return true;
	}
	if (p->nconn >= p->hook->concurrency)
		return false;
	if (p->looked_ns != UINT64_MAX)
		look(p);
	if (p->to.n == 0 && p->looking)
		return false;
	if (p->to.n == 0) {
		hook_call_fail_soon(call, HOOK_FAILED_LOOKUP);
		return true;
	}
	connect_for(p, call);
	if (p->sweep == 0)
		alarm_set(&w->alarms, &p->sweep, sweep_due, p, w->now_ns + SWEEP_NS);
	return true;
}

bool hook_pool_take(struct hook_pool *p, struct hook_call *call)
{
	if (p->queue == NULL && start(p, call))
		return true;
	if (p->nqueue >= p->hook->queue)
		return false;
	enqueue(p, call, false);
	return true;
}

void hook_pool_retake(struct hook_pool *p, struct hook_call *call)
{
	enqueue(p, call, true);
}

static void unqueue(struct hook_pool *p, struct hook_call *call)
{
	struct hook_call **pp = &p->queue;

	while (*pp != call)
		pp = &(*pp)->next;
	*pp = call->next;
	if (p->queue_tail == &call->next)
		p->queue_tail = pp;
	p->nqueue--;
}

void hook_pool_drop(struct hook_pool *p, struct hook_call *call)
{
	if (call->state == CALL_QUEUED)
		unqueue(p, call);
	else if (call->conn != NULL)
		hook_conn_close(call->conn);
}

void hook_pool_run(struct hook_pool *p)
{
	while (p->queue != NULL) {
		struct hook_call *call = p->queue;

		unqueue(p, call);
		if (start(p, call))
			continue;
		enqueue(p, call, true);
		return;
	}
}
