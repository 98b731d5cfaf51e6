#include <stdio.h>
#include <unistd.h>

#include "worker/stats.h"
#include "worker/worker.h"

uint64_t stats_sum(const struct worker *w, enum counter c)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SLOT_MAX; i++) {
		/* a gauge of a dead process is not there any more; a counter stays */
		if (segment_slot_reserved(w->h->seg, i) &&
		    (c >= COUNTER_GAUGES || slot_is_alive(segment_slot(w->h->seg, i))))
			sum += counter_get(segment_counters(w->h->seg, i), c);
	}
	return sum;
}

bool stats_event_is_first(const struct worker *w, unsigned nsp, const struct rule *r)
{
	const struct catalogue *cat = &w->conf->catalogue;

	for (unsigned n = 0; n < nsp; n++) {
		if (catalogue_event_written(&cat->nsp[n], r->name.p, r->name.n) != NULL)
			return false;
	}
	return true;
}

uint64_t stats_event_in(const struct worker *w, unsigned slot, const struct rule *r)
{
	const struct catalogue *cat = &w->conf->catalogue;
	const struct counter_block *ct = segment_counters(w->h->seg, slot);
	uint64_t sum = 0;
	bool shared = false; /* the last counter, which many may share, counts once */

	for (unsigned n = 0; n < cat->nnsp; n++) {
		const struct rule *same = catalogue_event_written(&cat->nsp[n], r->name.p, r->name.n);
		bool last = same != NULL && same->index >= COUNTER_EVENTS - 1;

		if (same == NULL || (last && shared))
			continue;
		shared |= last;
		sum +=
		    atomic_load_explicit(&ct->event_in[last ? COUNTER_EVENTS - 1 : same->index], memory_order_relaxed);
	}
	return sum;
}

uint64_t stats_resident(int pid)
{
	unsigned long total, resident = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

const struct stats_host *stats_host(struct worker *w)
{
	struct stats_host *host = &w->host;

	if (w->host_ns != 0 && w->now_ns - w->host_ns < NS_PER_S)
		return host;
	w->host_ns = w->now_ns;
	*host = (struct stats_host){
	    .connections = stats_sum(w, COUNTER_CONNECTIONS),
	    .sessions = stats_sum(w, COUNTER_SESSIONS),
	    .sockets = stats_sum(w, COUNTER_SOCKETS),
	    .users = stats_sum(w, COUNTER_STORE_USERS),
	    .rooms = stats_sum(w, COUNTER_STORE_ROOMS),
	    .memory = stats_resident(w->h->master_pid),
	    .uptime_s = (int64_t)((w->now_ns - w->h->started_ns) / NS_PER_S),
	};
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		const struct slot *s = segment_slot(w->h->seg, i);

		if (slot_is_alive(s))
			host->memory += stats_resident(atomic_load_explicit(&s->pid, memory_order_relaxed));
	}
	return host;
}
