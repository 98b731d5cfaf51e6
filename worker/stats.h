/*
 * stats.h - numbers about the whole host, summed from every slot's counters.
 */
#ifndef FORKCAST_WORKER_STATS_H
#define FORKCAST_WORKER_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/counter.h"

struct rule;
struct worker;

struct stats_host {
	uint64_t connections, sessions, sockets, users, rooms;
	uint64_t memory; /* bytes resident, all processes */
	int64_t uptime_s;
};

/* At most a second old. */
const struct stats_host *stats_host(struct worker *w);
/* Sum of a counter over all slots. */
uint64_t stats_sum(const struct worker *w, enum counter c);
/*
 * Declared events, by name: namespaces that declare the same one share its number.  R is of namespace NSP; true in the
 * first of them, whose number stands for all.
 */
bool stats_event_is_first(const struct worker *w, unsigned nsp, const struct rule *r);
/* Events of R's name that this slot received, in all namespaces. */
uint64_t stats_event_in(const struct worker *w, unsigned slot, const struct rule *r);
/* Resident bytes of a process; 0 when it is gone. */
uint64_t stats_resident(int pid);

#endif
