/*
 * supervise.h - the master's loop: forks what is due, reaps what died, watches what is silent, answers signals.
 *
 *	STARTING --all LIVE--> UP --SIGTERM, SIGINT--> STOPPING --workers gone--> CLOSING --keeper gone--> (return)
 *	   |                    |                         ^
 *	   +--a process cannot start, segment or store lost+
 *
 * STARTING forks the keeper, and the workers once it is LIVE.  STOPPING asks the workers to drain (SIGTERM) or to stop
 * (SIGINT), CLOSING then the keeper, so that it sees everything the workers still had to say; each has a deadline,
 * after which it is killed.
 */
#ifndef FORKCAST_MASTER_SUPERVISE_H
#define FORKCAST_MASTER_SUPERVISE_H

#include "master/bind.h"
#include "master/answer.h"
#include "master/crew.h"
#include "master/spawn.h"
#include "master/watchdog.h"

#define SUPERVISE_DRAIN_NS     (10 * TICK_SEC) /* SIGTERM: what the workers get to drain */
#define SUPERVISE_STOP_NS      (2 * TICK_SEC)  /* SIGINT, SIGQUIT; also the keeper's, each time */
#define SUPERVISE_START_TRIES  3               /* lives of a process that never gets LIVE, at the first start */
#define SUPERVISE_KEEPER_TRIES 6               /* the same of a keeper, later */

enum supervise_phase { SUPERVISE_STARTING, SUPERVISE_UP, SUPERVISE_STOPPING, SUPERVISE_CLOSING, SUPERVISE_OVER };

enum supervise_end {
	SUPERVISE_DONE,    /* stopped on request */
	SUPERVISE_FAILED,  /* could not start */
	SUPERVISE_RESTART, /* segment or store are gone: everything has to be made anew */
};

struct supervisor {
	/* filled in by the caller */
	struct spawn spawn;
	struct bindings *bindings;
	struct answerer *control;
	void (*on_up)(void *ctx); /* once, when every process is LIVE */
	void *ctx;
	unsigned former; /* instances of our name whose processes still drained when we started */

	/* the loop's */
	struct crew crew;
	struct watchdog watchdog;
	enum supervise_phase phase;
	enum supervise_end end;
	int stop_signal; /* what children are told: SIGTERM, SIGINT, then SIGKILL */
	uint64_t deadline_ns;
	uint64_t sweep_ns; /* next look at the former instances */
	uint64_t deaths, respawns;
};

/* Blocks the signals that the loop reads, keeping the old mask for children.  The descriptor, or -errno. */
int supervise_signals(sigset_t *old_mask);
/* Runs until all processes have ended. */
enum supervise_end supervise_run(struct supervisor *s);

#endif
