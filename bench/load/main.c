/*
 * load - load generator for Socket.IO servers and for rawsend.
 *
 * It speaks Engine.IO v4 over WebSocket and Socket.IO v5 as a client, publishes through a connection or the admin API,
 * checks every delivery (lost, twice, out of order, damaged), and reads what the server's processes cost from /proc.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/load/crew.h"
#include "bench/load/fleet.h"
#include "bench/load/http.h"
#include "bench/load/plan.h"
#include "bench/load/report.h"
#include "bench/load/usage.h"

#define CONNECT_PATIENCE_S 120
#define AFTER_CONNECT_S    0.1 /* what a server does behind its last reply still counts as the cost of connecting */

static void rest(double s)
{
	struct timespec t = {.tv_sec = (time_t)s, .tv_nsec = (long)((s - (double)(time_t)s) * 1e9)};

	nanosleep(&t, NULL);
}

/* Lets process 0 publish until the phase is over. */
static bool run_phase(struct crew *w, enum crew_phase phase, double seconds)
{
	crew_enter(w, phase);
	return crew_wait(w, 'D', 1, seconds + 30);
}

/* forkcast: connections that workers took over from others, so far; -1 when the server does not say. */
static double handovers(const struct plan *plan)
{
	static const char name[] = "\nforkcast_handover_total{";
	static char text[HTTP_GET_MAX];
	double sum = -1;
	const char *at;

	if (!plan->poll || !plan->admin_port || http_get(plan, "/metrics", text, sizeof text) != 200)
		return -1;
	for (at = strstr(text, name); at; at = strstr(at + 1, name)) {
		const char *value = strstr(at, "} ");

		sum = (sum < 0 ? 0 : sum) + (value ? strtod(value + 2, NULL) : 0);
	}
	return sum;
}

int main(int argc, char **argv)
{
	static struct usage start, connected, warm, end;
	struct report report = {.handovers = -1};
	struct plan plan;
	struct crew *w;
	double moved;
	int error;
	bool ok;

	plan_parse(&plan, argc, argv);
	error = usage_sample(&start, plan.pids, plan.npids);
	if (error || (plan.npids && !start.n))
		errx(1, "the server's processes cannot be read");
	report.before = usage_memory(&start);
	report.crew = w = crew_new(&plan);
	usage_sample(&start, plan.pids, plan.npids);
	crew_start(w, fleet_run);
	ok = crew_wait(w, 'R', plan.procs, CONNECT_PATIENCE_S);
	if (ok) {
		rest(AFTER_CONNECT_S);
		usage_sample(&connected, plan.pids, plan.npids);
		report.connecting = usage_between(&start, &connected);
		rest(plan.settle);
		report.after = usage_memory(&connected);
	}
	if (ok && plan.rooms) {
		ok = run_phase(w, CREW_WARM, plan.warmup);
		moved = handovers(&plan);
		usage_sample(&warm, plan.pids, plan.npids);
		ok = ok && run_phase(w, CREW_MEASURE, plan.seconds);
		usage_sample(&end, plan.pids, plan.npids);
		if (moved >= 0)
			report.handovers = handovers(&plan) - moved;
		report.measured = usage_between(&warm, &end);
	}
	if (!crew_end(w) || !ok)
		errx(1, "the run failed");
	if (w->part[0].error[0])
		warnx("%s", w->part[0].error);
	return report_print(&report) ? 0 : 3;
}
