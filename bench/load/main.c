/*
 * load - load generator for Socket.IO servers and for rawsend.
 *
 * It speaks Engine.IO v4 over WebSocket and Socket.IO v5 as a client, publishes through a connection or the admin API,
 * checks every delivery (lost, twice, out of order, damaged), and reads what the server's processes cost from /proc.
 */
#include <err.h>
#include <stdio.h>
#include <time.h>

#include "bench/load/crew.h"
#include "bench/load/fleet.h"
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

int main(int argc, char **argv)
{
	static struct usage start, connected, warm, end;
	struct report report = {0};
	struct plan plan;
	struct crew *w;
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
		usage_sample(&warm, plan.pids, plan.npids);
		ok = ok && run_phase(w, CREW_MEASURE, plan.seconds);
		usage_sample(&end, plan.pids, plan.npids);
		report.measured = usage_between(&warm, &end);
	}
	if (!crew_end(w) || !ok)
		errx(1, "the run failed");
	if (w->part[0].error[0])
		warnx("%s", w->part[0].error);
	return report_print(&report) ? 0 : 3;
}
