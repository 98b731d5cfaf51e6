#include "worker/hook.h"

#include <errno.h>
#include <stdlib.h>

#include "conf/log.h"
#include "worker/hook_pool.h"
#include "worker/worker.h"

#define BACKOFF_NS     (50 * NS_PER_MS) /* before the first retry; then twice as long each time */
#define BACKOFF_MAX_NS NS_PER_S

static const char *const names[HOOK_FAILURES] = {
    [HOOK_FAILED_BUSY] = "busy",
    [HOOK_FAILED_OPEN] = "breaker_open",
    [HOOK_FAILED_LOOKUP] = "lookup",
    [HOOK_FAILED_CONNECT] = "connect",
    [HOOK_FAILED_TLS] = "tls",
    [HOOK_FAILED_CLOSED] = "closed",
    [HOOK_FAILED_TIMEOUT] = "timeout",
    [HOOK_FAILED_HTTP] = "http",
    [HOOK_FAILED_STATUS] = "status",
    [HOOK_FAILED_REPLY] = "reply",
};

_Static_assert(HOOK_FAILURES <= COUNTER_HOOK_FAILURES, "a counter for each");

const char *hook_failure_name(enum hook_failure why)
{
	return names[why];
}

/* Connections to backends take descriptors that were meant for clients. */
static void reserve_descriptors(struct worker *w)
{
	const struct catalogue *cat = &w->conf->catalogue;
	uint64_t n = 0;

	for (unsigned i = 0; i < cat->nnsp; i++)
		for (unsigned k = 0; k < cat->nsp[i].nhook; k++)
			n += cat->nsp[i].hook[k].concurrency;
	if (w->conf->max_connections == 0)
		w->max_conn -= n < w->max_conn / 2 ? n : w->max_conn / 2;
}

int hooks_open(struct worker *w)
{
	const struct catalogue *cat = &w->conf->catalogue;
	struct hooks *hs;
	int err;

	if (cat->nhooks == 0)
		return 0;
	hs = calloc(1, sizeof(*hs));
	if (hs == NULL)
		return -ENOMEM;
	w->hooks = hs;
	reserve_descriptors(w);
	hs->pool = calloc(cat->nhooks, sizeof(*hs->pool));
	hs->breaker = calloc(cat->nbreakers + 1, sizeof(*hs->breaker));
	if (hs->pool == NULL || hs->breaker == NULL)
		return -ENOMEM;
	err = hook_lookups_open(&hs->lookups, w->base);
	for (unsigned n = 0; n < cat->nnsp && err == 0; n++)
		for (unsigned i = 0; i < cat->nsp[n].nhook && err == 0; i++)
			err = hook_pool_init(&hs->pool[cat->nsp[n].hook[i].index], w, &cat->nsp[n].hook[i]);
	return err;
}

bool hooks_idle(const struct worker *w)
{
	return w->hooks == NULL || w->hooks->pending == 0;
}

static struct hook_counters *counters_of(struct worker *w, const struct hook *h)
{
	return &w->ct->hook[h->metric < COUNTER_HOOKS ? h->metric : COUNTER_HOOKS - 1];
}

static void count_failure(struct worker *w, const struct hook *h, enum hook_failure why)
{
	counter_add_to(&counters_of(w, h)->failed[why], 1);
}

/* The last of it.  The call is gone when FN hears. */
static void finish(struct hook_call *call, const struct hook_reply *reply, enum hook_failure why)
{
	struct worker *w = call->pool->w;
	const struct hook *h = call->pool->hook;
	hook_fn fn = call->fn;
	void *arg = call->arg;

	alarm_clear(&w->alarms, &call->alarm);
	w->hooks->pending--;
	w->hooks->bytes -= call->n;
	histogram_observe_in(&counters_of(w, h)->seconds, w->now_ns - call->began_ns, 1);
	if (reply != NULL) {
		hook_breaker_succeeded(call->breaker, call->round);
	} else {
		count_failure(w, h, why);
		log_warn("hook_failed", "hook=%s why=%s tries=%u", h->name.p, hook_failure_name(why), call->tries + 1);
		if (hook_breaker_failed(call->breaker, h, w->now_ns, call->round))
			log_warn("hook_breaker_open", "hook=%s reset_ms=%lld", h->name.p, (long long)h->reset);
	}
	free(call);
	if (fn != NULL)
		fn(arg, reply, why);
}

static void attempt_due(void *object);

static void begin_attempt(struct hook_call *call)
{
	struct worker *w = call->pool->w;

	call->addresses = 0;
	alarm_set(&w->alarms, &call->alarm, attempt_due, call,
	    w->now_ns + (uint64_t)call->pool->hook->timeout * NS_PER_MS);
}

static void backoff_due(void *object)
{
	struct hook_call *call = object;
	struct hook_pool *p = call->pool;

	begin_attempt(call);
	hook_pool_retake(p, call);
	hook_pool_run(p);
}

/* A reply that was whole is not asked for again, whatever it was. */
static bool may_retry(const struct hook_call *call, enum hook_failure why)
{
	return call->tries < call->pool->hook->retries &&
	       (why == HOOK_FAILED_LOOKUP || why == HOOK_FAILED_CONNECT || why == HOOK_FAILED_TLS ||
		   why == HOOK_FAILED_CLOSED || why == HOOK_FAILED_TIMEOUT);
}

void hook_call_lost(struct hook_call *call, enum hook_failure why)
{
	struct worker *w = call->pool->w;
	uint64_t wait_ns;

	if (!may_retry(call, why)) {
		finish(call, NULL, why);
		return;
	}
	wait_ns = BACKOFF_NS << call->tries;
	if (wait_ns > BACKOFF_MAX_NS)
		wait_ns = BACKOFF_MAX_NS;
	/* many that failed together do not come back together */
	wait_ns += randombytes_uniform((uint32_t)(wait_ns / 2));
	call->tries++;
	call->state = CALL_BACKOFF;
	log_debug("hook_retry", "hook=%s why=%s try=%u", call->pool->hook->name.p, hook_failure_name(why), call->tries);
	alarm_set(&w->alarms, &call->alarm, backoff_due, call, w->now_ns + wait_ns);
}

/* Alarm: the attempt has had its time. */
static void attempt_due(void *object)
{
	struct hook_call *call = object;
	struct hook_pool *p = call->pool;

	hook_pool_drop(p, call);
	hook_call_lost(call, HOOK_FAILED_TIMEOUT);
	hook_pool_run(p);
}

static void failing_due(void *object)
{
	struct hook_call *call = object;

	hook_call_lost(call, call->why);
}

void hook_call_fail_soon(struct hook_call *call, enum hook_failure why)
{
	struct worker *w = call->pool->w;

	call->state = CALL_FAILING;
	call->why = why;
	/* not in this turn, whose alarms may be running */
	alarm_set(&w->alarms, &call->alarm, failing_due, call, w->now_ns + 1);
}

void hook_call_replied(struct hook_call *call, unsigned status, struct slice body)
{
	struct worker *w = call->pool->w;
	struct hook_reply reply = {.refused = false};

	if (status != 200 && status != 204)
		finish(call, NULL, HOOK_FAILED_STATUS);
	else if (status == 200 && call->fn != NULL && !hook_reply_read(w, body, call->connecting, &reply))
		finish(call, NULL, HOOK_FAILED_REPLY);
	else
		finish(call, &reply, HOOK_FAILED_REPLY);
}

static struct hook_call *call_new(struct hook_pool *p, struct slice body)
{
	struct worker *w = p->w;
	char head[HOOK_HEAD_MAX], id[UUID_LEN + 1];
	struct hook_call *call;
	size_t n;

	uuid_make(id);
	n = hook_request_head(p->hook, &p->signer, id, w->now_ms / 1000, body, head);
	call = malloc(sizeof(*call) + n + body.n);
	if (call == NULL)
		worker_die(w, "out of memory");
	*call = (struct hook_call){.pool = p, .began_ns = w->now_ns, .n = n + body.n};
	memcpy(call->request, head, n);
	memcpy(call->request + n, body.p, body.n);
	return call;
}

struct hook_call *hook_ask(struct worker *w, const struct hook_use *use, struct slice body, bool connecting, hook_fn fn,
    void *arg, enum hook_failure *why)
{
	struct hooks *hs = w->hooks;
	struct hook_pool *p = &hs->pool[use->hook->index];
	struct hook_breaker *b = &hs->breaker[use->breaker];
	struct hook_call *call;
	uint32_t round;

	*why = HOOK_FAILED_OPEN;
	if (!hook_breaker_admits(b, use->hook, w->now_ns, &round)) {
		count_failure(w, use->hook, *why);
		return NULL;
	}
	call = call_new(p, body);
	call->fn = fn;
	call->arg = arg;
	call->connecting = connecting;
	call->breaker = b;
	call->round = round;
	begin_attempt(call);
	if (hs->bytes + call->n <= HOOK_BYTES_MAX && hook_pool_take(p, call)) {
		hs->pending++;
		hs->bytes += call->n;
		return call;
	}
	*why = HOOK_FAILED_BUSY;
	count_failure(w, use->hook, *why);
	log_warn("hook_failed", "hook=%s why=%s tries=0", use->hook->name.p, hook_failure_name(*why));
	hook_breaker_unasked(b, round);
	alarm_clear(&w->alarms, &call->alarm);
	free(call);
	return NULL;
}

void hook_forget(struct hook_call *call)
{
	call->fn = NULL;
}
