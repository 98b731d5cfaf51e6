/*
 * api_stats.c - GET /v1/stats, /health, /ready: the host in one JSON snapshot, and two words for load balancers.
 */
#include "shm/store.h"
#include "worker/api.h"
#include "worker/request.h"
#include "worker/stats.h"
#include "worker/worker.h"

/* Upper bound of the bucket that holds quantile Q of the histogram over all slots, in ns; 0 when it is empty. */
static uint64_t quantile(const struct worker *w, enum histogram h, double q)
{
	uint64_t sum[HISTOGRAM_BUCKETS + 1] = {0}, count = 0, seen = 0;

	for (unsigned i = 0; i < SLOT_MAX; i++) {
		if (!segment_slot_reserved(w->h->seg, i))
			continue;
		for (unsigned k = 0; k <= HISTOGRAM_BUCKETS; k++) {
			uint64_t n = atomic_load_explicit(&segment_counters(w->h->seg, i)->hist[h].bucket[k], memory_order_relaxed);

			sum[k] += n;
			count += n;
		}
	}
	for (unsigned k = 0; k <= HISTOGRAM_BUCKETS && count > 0; k++) {
		seen += sum[k];
		if ((double)seen >= q * (double)count)
			return UINT64_C(1024) << k;
	}
	return 0;
}

static void put_events(struct worker *w, struct buf *b)
{
	const struct catalogue *cat = &w->conf->catalogue;
	bool first = true;

	for (unsigned n = 0; n < cat->nnsp; n++) {
		for (unsigned i = 0; i < cat->nsp[n].nevent; i++) {
			const struct rule *r = &cat->nsp[n].event[i];
			uint64_t sum = 0;

			if (!stats_event_is_first(w, n, r))
				continue;
			for (unsigned s = 0; s < SLOT_MAX; s++) {
				if (segment_slot_reserved(w->h->seg, s))
					sum += stats_event_in(w, s, r);
			}
			buf_printf(b, "%s\"%s\":%llu", first ? "" : ",", r->name_json.p, (unsigned long long)sum);
			first = false;
		}
	}
}

static void put_process(const struct worker *w, struct buf *b, unsigned i)
{
	const struct slot *s = segment_slot(w->h->seg, i);
	const struct counter_block *ct = segment_counters(w->h->seg, i);
	int pid = atomic_load_explicit(&s->pid, memory_order_relaxed);

	buf_printf(b, "{\"slot\":%u,\"role\":\"%s\",\"index\":%u,\"generation\":%u,\"pid\":%d,\"state\":\"%s\",\"resident\":%llu",
	    i, slot_role_name(atomic_load_explicit(&s->role, memory_order_relaxed)),
	    atomic_load_explicit(&s->index, memory_order_relaxed), atomic_load_explicit(&s->gen, memory_order_relaxed), pid,
	    slot_state_name(atomic_load_explicit(&s->state, memory_order_relaxed)), (unsigned long long)stats_resident(pid));
	for (int k = 0; k < COUNTER_MAX; k++)
		buf_printf(b, ",\"%s\":%llu", counter_name((enum counter)k), (unsigned long long)counter_get(ct, (enum counter)k));
	buf_char(b, '}');
}

void api_stats(struct conn *c, const struct http_request *req, struct slice body)
{
	struct worker *w = c->w;
	const struct stats_host *h = stats_host(w);
	struct buf *b = &w->json;
	bool first = true;

	(void)req;
	(void)body;
	buf_reset(b);
	buf_printf(b,
	    "{\"connections\":%llu,\"sessions\":%llu,\"sockets\":%llu,\"users\":%llu,\"rooms\":%llu,\"memory\":%llu,"
	    "\"uptime\":%lld,\"published\":%llu,\"deliveries\":%llu",
	    (unsigned long long)h->connections, (unsigned long long)h->sessions, (unsigned long long)h->sockets,
	    (unsigned long long)h->users, (unsigned long long)h->rooms, (unsigned long long)h->memory, (long long)h->uptime_s,
	    (unsigned long long)stats_sum(w, COUNTER_PUBLISHED), (unsigned long long)stats_sum(w, COUNTER_DELIVERIES));
	buf_str(b, ",\"events\":{");
	put_events(w, b);
	buf_printf(b, "},\"latency\":{\"publish_to_flush_p50_us\":%llu,\"publish_to_flush_p99_us\":%llu}",
	    (unsigned long long)quantile(w, HISTOGRAM_PUBLISH_TO_FLUSH, 0.5) / 1000,
	    (unsigned long long)quantile(w, HISTOGRAM_PUBLISH_TO_FLUSH, 0.99) / 1000);
	buf_str(b, ",\"processes\":[");
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		if (!segment_slot_reserved(w->h->seg, i) || !slot_is_alive(segment_slot(w->h->seg, i)))
			continue;
		if (!first)
			buf_char(b, ',');
		first = false;
		put_process(w, b, i);
	}
	buf_str(b, "]}");
	api_reply(c, 200, buf_as_slice(b));
}

void api_health(struct conn *c, const struct http_request *req, struct slice body)
{
	(void)req;
	(void)body;
	api_reply(c, 200, SLICE("{\"status\":\"ok\"}"));
}

/* True when a process of that role (and worker number) is there and beats. */
static bool serves(const struct worker *w, enum slot_role role, unsigned index)
{
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		const struct slot *s = segment_slot(w->h->seg, i);

		if (atomic_load_explicit(&s->state, memory_order_acquire) == SLOT_LIVE &&
		    atomic_load_explicit(&s->role, memory_order_relaxed) == (uint32_t)role &&
		    atomic_load_explicit(&s->index, memory_order_relaxed) == index &&
		    atomic_load_explicit(&s->heartbeat_ns, memory_order_relaxed) + NS_PER_S > w->now_ns)
			return true;
	}
	return false;
}

void api_ready(struct conn *c, const struct http_request *req, struct slice body)
{
	struct worker *w = c->w;
	struct buf *b = &w->json;
	unsigned why = 0;

	(void)req;
	(void)body;
	buf_reset(b);
	buf_str(b, "{\"ready\":false,\"reasons\":[");
	if (!serves(w, SLOT_ROLE_KEEPER, 0))
		buf_printf(b, "%s\"keeper is away\"", why++ > 0 ? "," : "");
	for (unsigned i = 0; i < w->h->nworker; i++) {
		if (!serves(w, SLOT_ROLE_WORKER, i))
			buf_printf(b, "%s\"worker %u is away\"", why++ > 0 ? "," : "", i);
	}
	if (atomic_load_explicit(segment_store_full(w->h->seg), memory_order_relaxed) != 0)
		buf_printf(b, "%s\"store is full\"", why++ > 0 ? "," : "");
	if (w->stopping)
		buf_printf(b, "%s\"draining\"", why++ > 0 ? "," : "");
	buf_str(b, "]}");
	if (why == 0)
		api_reply(c, 200, SLICE("{\"ready\":true}"));
	else
		api_reply(c, 503, buf_as_slice(b));
}
