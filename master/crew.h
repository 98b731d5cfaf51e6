/*
 * crew.h - the processes that the master looks after, one row each: what it knows beyond the slot table.
 *
 *	DUE --fork--> RUNNING --waitpid--> BURIAL --mark in both rings--> DUE (at due_ns), or GONE when stopping
 *
 * The shared slot tells whether a RUNNING process is STARTING, LIVE or DRAINING.
 */
#ifndef FORKCAST_MASTER_CREW_H
#define FORKCAST_MASTER_CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "master/backoff.h"
#include "shm/slot.h"

enum child_state { CHILD_DUE, CHILD_RUNNING, CHILD_BURIAL, CHILD_GONE };

struct child {
	enum child_state state;
	enum slot_role role;
	unsigned index; /* worker number; 0 for the keeper */
	unsigned slot;
	pid_t pid;        /* RUNNING */
	uint32_t gen;     /* of the present or last life */
	bool was_live;    /* in any life */
	bool killed;      /* the watchdog ended this life */
	bool excused;     /* the watchdog said why it does not: once a life */
	unsigned unready; /* lives in a row that ended before they were LIVE */
	unsigned watchdog_kills;
	uint64_t forked_ns;
	uint64_t due_ns; /* DUE */
	struct backoff backoff;
	char last_exit[48]; /* "signal SEGV, core dumped"; empty: never died */
};

struct crew {
	unsigned n; /* workers 0 .. n-2, then the keeper */
	struct child child[SLOT_MAX];
};

/* NWORKER workers in slots 0 .. NWORKER-1 and the keeper in slot NWORKER, all due now. */
void crew_init(struct crew *c, unsigned nworker, uint64_t now_ns);
struct child *crew_keeper(struct crew *c);
struct child *crew_by_pid(struct crew *c, pid_t pid);
/* All slots of the crew. */
struct slot_mask crew_mask(const struct crew *c);
/* Fills child->last_exit from what waitpid gave. */
void crew_note_exit(struct child *c, int status);

#endif
