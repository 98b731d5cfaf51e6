/*
 * spawn.h - a child from fork to its entry point: what it keeps, what it loses, whom it becomes.
 *
 * Fork without exec: the configuration, the segment's mapping, the listeners, doorbells and mailboxes are simply there.
 */
#ifndef FORKCAST_MASTER_SPAWN_H
#define FORKCAST_MASTER_SPAWN_H

#include <sched.h>
#include <signal.h>
#include <stdint.h>

#include "master/answer.h"
#include "master/crew.h"
#include "master/identity.h"
#include "master/instance.h"
#include "worker/entry.h"

/* What spawning needs to know; borrowed. */
struct spawn {
	struct heritage *heritage;
	struct instance *instance;
	struct answerer *control;
	const struct identity *identity;
	int signal_fd;     /* the master's, closed in the child */
	sigset_t old_mask; /* to give back to the child */
	cpu_set_t cpus;    /* usable by the master at its start */
};

/*
 * Opens the next generation in C's slot and forks it.  0 with c->pid and c->gen set, or -errno (the slot is open all
 * the same and has to be buried).
 */
int spawn_child(struct spawn *s, struct child *c, uint64_t now_ns);

#endif
