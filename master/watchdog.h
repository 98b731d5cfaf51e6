/*
 * watchdog.h - a process whose loop has stopped turning is killed, so that a successor can serve its clients.
 *
 * Heartbeats and judgement use CLOCK_MONOTONIC, which stands still while the machine sleeps.  A master that was itself
 * not running (stopped, frozen, starved) acquits everybody for one term, and a process under a debugger is left alone.
 */
#ifndef FORKCAST_MASTER_WATCHDOG_H
#define FORKCAST_MASTER_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "master/crew.h"
#include "shm/slot.h"

#define WATCHDOG_START_NS (10 * TICK_SEC) /* what a STARTING process is given at least */

struct watchdog {
	uint64_t limit_ns; /* conf `watchdog`; 0: off */
	uint64_t last_ns;  /* previous round */
	uint64_t trust_ns; /* nobody is judged before */
};

void watchdog_init(struct watchdog *w, uint64_t limit_ns, uint64_t now_ns);
/* How long the master may sleep between two rounds. */
uint64_t watchdog_interval(const struct watchdog *w);
/* Once a round, before any watchdog_silent(). */
void watchdog_round(struct watchdog *w, uint64_t now_ns);
/* True when the process in SLOT has been silent for too long. */
bool watchdog_silent(const struct watchdog *w, const struct slot *slot, uint64_t forked_ns, uint64_t now_ns);
/* Nanoseconds since the last heartbeat; since the fork when there was none. */
uint64_t watchdog_age(const struct slot *slot, uint64_t forked_ns, uint64_t now_ns);
/* Kills the silent process of C, unless it is being debugged. */
void watchdog_act(struct child *c, uint64_t age_ns);

#endif
