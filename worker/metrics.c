/*
 * metrics.c - GET /metrics: every slot's counters as Prometheus text (exposition format 0.0.4).
 */
#include <stdio.h>

#include "worker/api.h"
#include "worker/hook.h"
#include "worker/request.h"
#include "worker/stats.h"
#include "worker/worker.h"

/* How a counter is shown: one line a slot, labelled with its worker number (or the role, for others). */
static const struct metric {
	enum counter counter;
	const char *name, *type, *help;
	bool keeper; /* the keeper's, shown once, without a label */
} metrics[] = {
	{COUNTER_CONNECTIONS, "connections", "gauge", "open connections", false},
	{COUNTER_SESSIONS, "sessions", "gauge", "Engine.IO sessions", false},
	{COUNTER_SOCKETS, "sockets", "gauge", "Socket.IO sockets", false},
	{COUNTER_LOCAL_ROOMS, "worker_rooms", "gauge", "rooms with members on this worker", false},
	{COUNTER_RING_LAG, "ring_lag_bytes", "gauge", "bytes of all rings not taken yet", false},
	{COUNTER_OVERFLOW_BYTES, "overflow_bytes", "gauge", "records waiting to enter the ring", false},
	{COUNTER_BACKLOG_BYTES, "backlog_bytes", "gauge", "output that clients have not taken yet", false},
	{COUNTER_STORE_ROOMS, "rooms", "gauge", "rooms with members on this host", true},
	{COUNTER_STORE_USERS, "users", "gauge", "users online on this host", true},
	{COUNTER_STORE_BYTES, "store_bytes", "gauge", "bytes used of the store", true},
	{COUNTER_ACCEPTED, "accepted_total", "counter", "connections accepted", false},
	{COUNTER_HANDOVERS, "handover_total", "counter", "connections taken over from other workers", false},
	{COUNTER_UPGRADES, "upgrades_total", "counter", "sessions that went from polling to WebSocket", false},
	{COUNTER_CONNECTS, "connects_total", "counter", "sockets connected", false},
	{COUNTER_PUBLISHED, "published_total", "counter", "records put into the ring", false},
	{COUNTER_DELIVERIES, "deliveries_total", "counter", "messages handed to members", false},
	{COUNTER_BYTES_IN, "bytes_in_total", "counter", "bytes read from clients", false},
	{COUNTER_BYTES_OUT, "bytes_out_total", "counter", "bytes written to clients", false},
	{COUNTER_WRITES, "writes_total", "counter", "write calls to clients", false},
	{COUNTER_TURNS, "turns_total", "counter", "turns of the loop", false},
	{COUNTER_WAKEUPS, "wakeups_total", "counter", "doorbells rung", false},
	{COUNTER_SWEEP_CATCHES, "sweep_catches_total", "counter", "records found that no doorbell told of", false},
	{COUNTER_RING_LAPPED, "ring_lapped_total", "counter", "times this reader was overtaken", false},
	{COUNTER_RING_BAD, "ring_bad_total", "counter", "records refused as malformed", false},
	{COUNTER_VOLATILE_DROPPED, "volatile_dropped_total", "counter", "volatile messages not sent", false},
	{COUNTER_TRIGGERS_DROPPED, "triggers_dropped_total", "counter", "reactions of `on` not run: too many waited, or they went round in a circle", false},
	{COUNTER_LIMIT_EVICTIONS, "limit_evictions_total", "counter", "limits forgotten early, because too many were counted", false},
	{COUNTER_STORE_OPS, "store_ops_total", "counter", "operations applied to the store", true},
	{COUNTER_STORE_COMMITS, "store_commits_total", "counter", "transactions committed", true},
	{COUNTER_OUTBOX_SENT, "outbox_sent_total", "counter", "records the keeper published", true},
	{COUNTER_API_CALLS, "api_calls_total", "counter", "requests on admin listeners", false},
};

static bool is_role(const struct slot *s, enum slot_role role)
{
	return atomic_load_explicit(&s->role, memory_order_relaxed) == (uint32_t)role;
}

static void put_head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP forkcast_%s %s\n# TYPE forkcast_%s %s\n", name, help, name, type);
}

static unsigned index_of(const struct slot *s)
{
	return atomic_load_explicit(&s->index, memory_order_relaxed);
}

/* Calls for each slot that has, or had, a worker. */
#define FOR_EACH_WORKER(w, i, s)                                                                                       \
	for (unsigned i = 0; i < SLOT_MAX; i++)                                                                        \
		for (const struct slot *s = segment_slot((w)->h->seg, i);                                              \
		     s != NULL && segment_slot_reserved((w)->h->seg, i) && is_role(s, SLOT_ROLE_WORKER); s = NULL)

static void put_metric(struct worker *w, struct buf *b, const struct metric *m)
{
	put_head(b, m->name, m->type, m->help);
	if (m->keeper) {
		buf_printf(b, "forkcast_%s %llu\n", m->name, (unsigned long long)stats_sum(w, m->counter));
		return;
	}
	FOR_EACH_WORKER (w, i, s) {
		uint64_t v = counter_get(segment_counters(w->h->seg, i), m->counter);

		if (m->counter < COUNTER_GAUGES && !slot_is_alive(s))
			v = 0;
		buf_printf(b, "forkcast_%s{worker=\"%u\"} %llu\n", m->name, index_of(s), (unsigned long long)v);
	}
}

static void put_reasons(struct worker *w, struct buf *b)
{
	put_head(b, "disconnects_total", "counter", "sessions ended, and sockets that left a namespace, by reason");
	FOR_EACH_WORKER (w, i, s) {
		for (unsigned r = 0; r < CLOSE_REASONS; r++)
			buf_printf(b, "forkcast_disconnects_total{worker=\"%u\",reason=\"%s\"} %llu\n", index_of(s),
			    close_reason_name((enum close_reason)r),
			    (unsigned long long)atomic_load_explicit(&segment_counters(w->h->seg, i)->disconnects[r],
				memory_order_relaxed));
	}
	put_head(b, "refused_total", "counter", "requests, connects and events refused, by reason");
	FOR_EACH_WORKER (w, i, s) {
		for (unsigned r = 0; r < REFUSED_REASONS; r++)
			buf_printf(b, "forkcast_refused_total{worker=\"%u\",reason=\"%s\"} %llu\n", index_of(s), refused_name(r),
			    (unsigned long long)atomic_load_explicit(&segment_counters(w->h->seg, i)->refused[r],
				memory_order_relaxed));
	}
}

static void put_events(struct worker *w, struct buf *b)
{
	const struct catalogue *cat = &w->conf->catalogue;

	put_head(b, "events_in_total", "counter", "events received, by declared name");
	for (unsigned n = 0; n < cat->nnsp; n++) {
		for (unsigned e = 0; e < cat->nsp[n].nevent; e++) {
			const struct rule *r = &cat->nsp[n].event[e];

			if (!stats_event_is_first(w, n, r))
				continue;
			FOR_EACH_WORKER (w, i, s)
				buf_printf(b, "forkcast_events_in_total{worker=\"%u\",event=\"%s\"} %llu\n", index_of(s),
				    r->name_json.p, (unsigned long long)stats_event_in(w, i, r));
		}
	}
}

/* LABELS: of the series, with a comma behind them. */
static void put_buckets(struct buf *b, const struct histogram_block *hb, const char *name, const char *labels, unsigned worker)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k <= HISTOGRAM_BUCKETS; k++) {
		sum += atomic_load_explicit(&hb->bucket[k], memory_order_relaxed);
		if (k < HISTOGRAM_BUCKETS)
			buf_printf(b, "forkcast_%s_bucket{%sworker=\"%u\",le=\"%.9g\"} %llu\n", name, labels, worker,
			    (double)(UINT64_C(1024) << k) / 1e9, (unsigned long long)sum);
	}
	buf_printf(b,
	    "forkcast_%s_bucket{%sworker=\"%u\",le=\"+Inf\"} %llu\nforkcast_%s_sum{%sworker=\"%u\"} %.9f\n"
	    "forkcast_%s_count{%sworker=\"%u\"} %llu\n",
	    name, labels, worker, (unsigned long long)sum, name, labels, worker,
	    (double)atomic_load_explicit(&hb->sum_ns, memory_order_relaxed) / 1e9, name, labels, worker,
	    (unsigned long long)sum);
}

static void put_histogram(struct worker *w, struct buf *b, enum histogram h, enum slot_role role, const char *name,
    const char *help)
{
	put_head(b, name, "histogram", help);
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		const struct slot *s = segment_slot(w->h->seg, i);

		if (segment_slot_reserved(w->h->seg, i) && is_role(s, role))
			put_buckets(b, &segment_counters(w->h->seg, i)->hist[h], name, "", index_of(s));
	}
}

typedef void (*hook_put_fn)(struct buf *b, const struct hook_counters *c, const char *name, unsigned worker);

static void put_hook_seconds(struct buf *b, const struct hook_counters *c, const char *name, unsigned worker)
{
	char labels[96];

	snprintf(labels, sizeof(labels), "hook=\"%s\",", name);
	put_buckets(b, &c->seconds, "hook_seconds", labels, worker);
}

static void put_hook_failures(struct buf *b, const struct hook_counters *c, const char *name, unsigned worker)
{
	for (unsigned k = 0; k < HOOK_FAILURES; k++)
		buf_printf(b, "forkcast_hook_failures_total{hook=\"%s\",worker=\"%u\",reason=\"%s\"} %llu\n", name, worker,
		    hook_failure_name((enum hook_failure)k),
		    (unsigned long long)atomic_load_explicit(&c->failed[k], memory_order_relaxed));
}

/* Hooks of one name are one; the last of those that have figures of their own stands for all behind it. */
static void each_hook(struct worker *w, struct buf *b, hook_put_fn put)
{
	const struct catalogue *cat = &w->conf->catalogue;
	unsigned next = 0;

	for (unsigned n = 0; n < cat->nnsp; n++) {
		for (unsigned k = 0; k < cat->nsp[n].nhook; k++) {
			const struct hook *h = &cat->nsp[n].hook[k];

			if (h->metric != next || next >= COUNTER_HOOKS)
				continue;
			next++;
			FOR_EACH_WORKER (w, i, s)
				put(b, &segment_counters(w->h->seg, i)->hook[h->metric], h->name.p, index_of(s));
		}
	}
}

static void put_hooks(struct worker *w, struct buf *b)
{
	if (w->conf->catalogue.nhooks == 0)
		return;
	put_head(b, "hook_seconds", "histogram", "from asking a hook to its reply or failure, retries included");
	each_hook(w, b, put_hook_seconds);
	put_head(b, "hook_failures_total", "counter", "hooks that were asked in vain, or not asked, by reason");
	each_hook(w, b, put_hook_failures);
}

static void put_memory(struct worker *w, struct buf *b)
{
	put_head(b, "process_resident_bytes", "gauge", "resident memory of each process");
	buf_printf(b, "forkcast_process_resident_bytes{role=\"master\"} %llu\n",
	    (unsigned long long)stats_resident(w->h->master_pid));
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		const struct slot *s = segment_slot(w->h->seg, i);

		if (slot_is_alive(s))
			buf_printf(b, "forkcast_process_resident_bytes{role=\"%s\",worker=\"%u\"} %llu\n",
			    slot_role_name(atomic_load_explicit(&s->role, memory_order_relaxed)), index_of(s),
			    (unsigned long long)stats_resident(atomic_load_explicit(&s->pid, memory_order_relaxed)));
	}
}

void api_metrics(struct conn *c, const struct http_request *req, struct slice body)
{
	struct worker *w = c->w;
	struct buf *b = &w->json;

	(void)req;
	(void)body;
	buf_reset(b);
	for (unsigned i = 0; i < sizeof(metrics) / sizeof(*metrics); i++)
		put_metric(w, b, &metrics[i]);
	put_reasons(w, b);
	put_events(w, b);
	put_hooks(w, b);
	put_histogram(w, b, HISTOGRAM_TURN, SLOT_ROLE_WORKER, "turn_seconds", "time of a loop turn");
	put_histogram(w, b, HISTOGRAM_PUBLISH_TO_FLUSH, SLOT_ROLE_WORKER, "publish_to_flush_seconds",
	    "from entry into a ring to the end of the flush that delivered it");
	put_histogram(w, b, HISTOGRAM_STORE_COMMIT, SLOT_ROLE_KEEPER, "store_commit_seconds", "time of a commit");
	put_memory(w, b);
	request_reply(c, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, buf_as_slice(b));
}
