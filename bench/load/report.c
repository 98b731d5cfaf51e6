#include "bench/load/report.h"

#include <stdio.h>
#include <stdlib.h>

struct totals {
	struct hist delivery, reply, connect;
	uint64_t requests, unique, measured, late, twice, malformed, disconnected;
	double cpu_s;
};

static void sum_parts(struct totals *t, const struct crew *w)
{
	unsigned i;

	for (i = 0; i < w->plan->procs; i++) {
		const struct crew_part *p = &w->part[i];

		hist_sum(&t->delivery, &p->delivery);
		hist_sum(&t->reply, &p->reply);
		hist_sum(&t->connect, &p->connect);
		t->unique += atomic_load(&p->unique);
		t->requests += p->requests;
		t->measured += p->measured;
		t->late += p->late;
		t->twice += p->twice;
		t->malformed += p->malformed;
		t->disconnected += p->disconnected;
		t->cpu_s += p->cpu_s;
	}
}

static void print_hist(const char *name, const struct hist *h)
{
	printf(",\"%s\":{\"n\":%lu,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}", name, h->count,
	    (double)hist_quantile(h, 0.5) / 1e3, (double)hist_quantile(h, 0.9) / 1e3,
	    (double)hist_quantile(h, 0.99) / 1e3, (double)h->max / 1e3);
}

static double per(double sum, double n)
{
	return n > 0 ? sum / n : 0;
}

static void print_connecting(const struct report *r, const struct totals *t)
{
	double n = (double)t->connect.count, grown = (double)r->after.pss - (double)r->before.pss;
	double shared = (double)r->after.pss_shared - (double)r->before.pss_shared;

	printf("\"clients\":%.0f,\"connect_cpu_us\":%.3f", n, per(r->connecting.cpu_s * 1e6, n));
	print_hist("connect", &t->connect);
	printf(",\"pss_before_kib\":%lu,\"pss_shared_before_kib\":%lu,\"pss_after_kib\":%lu,\"pss_shared_after_kib\":%"
	       "lu,\"pss_unread\":%u",
	    r->before.pss / 1024, r->before.pss_shared / 1024, r->after.pss / 1024, r->after.pss_shared / 1024,
	    r->after.unread);
	printf(",\"session_bytes\":%.0f,\"session_shared_bytes\":%.0f", per(grown, n), per(shared, n));
}

static void print_pairs(const struct crew *w)
{
	unsigned i;

	printf(",\"pairs\":[");
	for (i = 0; i < w->plan->rooms; i++)
		printf("%s{\"publisher\":%d,\"member\":%d,\"n\":%lu,\"p50_us\":%.1f}", i ? "," : "",
		    w->pair_worker[i].publisher, w->pair_worker[i].member, w->pair[i].count,
		    (double)hist_quantile(&w->pair[i], 0.5) / 1e3);
	printf("]");
}

static void print_measured(const struct report *r, const struct totals *t, uint64_t lost)
{
	const struct crew *w = r->crew;
	double messages = (double)w->published_measured, deliveries = (double)t->measured;

	printf(",\"messages\":%.0f,\"deliveries\":%.0f,\"measured_s\":%.3f,\"messages_per_s\":%.1f", messages,
	    deliveries, w->measured_s, per(messages, w->measured_s));
	printf(",\"server_cpu_s\":%.3f,\"server_system_share\":%.2f,\"server_cpus\":%.2f,\"server_procs\":%u,\"server_"
	       "ended\":%u",
	    r->measured.cpu_s, r->measured.system_share, per(r->measured.cpu_s, w->measured_s), r->measured.procs,
	    r->measured.ended);
	printf(",\"cpu_us_per_delivery\":%.4f,\"cpu_us_per_message\":%.3f,\"server_sleeps_per_message\":%.2f",
	    per(r->measured.cpu_s * 1e6, deliveries), per(r->measured.cpu_s * 1e6, messages),
	    per((double)r->measured.switches, messages));
	print_hist("delivery", &t->delivery);
	if (w->plan->http || w->plan->poll)
		print_hist("reply", &t->reply);
	if (w->plan->poll)
		printf(",\"requests\":%lu,\"requests_per_s\":%.1f,\"cpu_us_per_request\":%.3f", t->requests,
		    per((double)t->requests, w->measured_s), per(r->measured.cpu_s * 1e6, (double)t->requests));
	if (r->handovers >= 0)
		printf(",\"handovers\":%.0f,\"handovers_per_request\":%.3f", r->handovers,
		    per(r->handovers, (double)t->requests));
	printf(
	    ",\"lost\":%lu,\"duplicated\":%lu,\"reordered\":%lu,\"malformed\":%lu,\"disconnected\":%lu,\"stalled\":%s",
	    lost, t->twice, t->late, t->malformed, t->disconnected, w->stalled ? "true" : "false");
	printf(",\"load_cpu_s\":%.3f,\"load_cpus\":%.2f", t->cpu_s, per(t->cpu_s, w->measured_s));
	if (w->pair)
		print_pairs(w);
}

bool report_print(const struct report *r)
{
	struct totals *t = calloc(1, sizeof *t);
	uint64_t expected = r->crew->published * r->crew->plan->members, lost;
	bool ok;

	if (!t)
		return false;
	sum_parts(t, r->crew);
	lost = expected > t->unique ? expected - t->unique : 0;
	printf("{");
	print_connecting(r, t);
	if (r->crew->plan->rooms)
		print_measured(r, t, lost);
	printf("}\n");
	ok = lost + t->twice + t->late + t->malformed + t->disconnected == 0 && !r->crew->stalled;
	free(t);
	return ok;
}
