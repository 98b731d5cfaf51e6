/*
 * crew.h - the processes of the generator and the memory they share.
 *
 * The parent forks them, moves them together from phase to phase, and samples the server between phases, when all
 *messages have arrived and none is on its way.  Part i is written by process i alone; the publishers all live in
 *process 0.
 *
 *	CONNECT	every process makes its connections	-> "ready" from each
 *	WARM	process 0 publishes, all receive	-> "done" from process 0 when everything has arrived
 *	MEASURE	the same, recorded			-> "done"
 *	END	every process writes its sums and exits
 */
#ifndef BENCH_LOAD_CREW_H
#define BENCH_LOAD_CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/load/hist.h"
#include "bench/load/plan.h"

#define CREW_PROCS_MAX 64
#define CREW_FLIGHTS   1024 /* closed loop: messages of one publisher that can be on their way; the largest window */

enum crew_phase { CREW_CONNECT, CREW_WARM, CREW_MEASURE, CREW_END };

struct crew_part {
	_Alignas(64) _Atomic uint64_t unique; /* stamps received for the first time, all phases */
	_Alignas(64) struct hist delivery;    /* intended time of sending to reception */
	struct hist reply;                    /* POST to reply */
	struct hist connect;                  /* TCP connect to the CONNECT reply */
	uint64_t requests;                    /* long polling: answered in the measured stretch */
	uint64_t measured, late, twice, malformed, disconnected;
	double cpu_s; /* own, in the measured stretch */
	char error[240];
};

struct crew {
	const struct plan *plan;
	pid_t pid[CREW_PROCS_MAX];
	int wake[CREW_PROCS_MAX]; /* eventfds: the phase or `completed` changed */
	int report[2];            /* pipe to the parent: one byte an event */
	_Atomic int phase;
	_Atomic uint64_t completed; /* closed loop: messages that all members have */
	_Atomic unsigned *left;     /* [publisher][CREW_FLIGHTS]: members that do not have it yet */
	struct hist *pair;          /* [room], by_worker only */
	struct {
		int publisher, member;
	} * pair_worker;
	uint64_t published, published_measured; /* process 0 */
	double measured_s;
	bool stalled; /* process 0: nothing arrived for seconds although messages were missing */
	struct crew_part part[];
};

struct crew *crew_new(const struct plan *plan);

/* Forks; in the child `body` runs, and its result is the exit status. */
void crew_start(struct crew *w, int (*body)(struct crew *w, unsigned me));

/* Waits for n bytes `what`; false when a process failed or none came for patience_s. */
bool crew_wait(struct crew *w, char what, unsigned n, double patience_s);

void crew_enter(struct crew *w, enum crew_phase phase);

/* Ends and reaps all; false when one had failed. */
bool crew_end(struct crew *w);

/* From a child to the parent. */
void crew_tell(struct crew *w, char what);

#endif
