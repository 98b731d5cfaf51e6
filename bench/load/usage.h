/*
 * usage.h - what the server's processes cost: CPU time and memory, by process, from outside.
 *
 * A sample walks /proc for the given roots and all their descendants, so workers forked after the last sample are
 * found.
 */
#ifndef BENCH_LOAD_USAGE_H
#define BENCH_LOAD_USAGE_H

#include <stdint.h>
#include <sys/types.h>

#define USAGE_PROCS_MAX 256

struct usage {
	unsigned n;
	struct usage_proc {
		pid_t pid;
		uint64_t cpu_ns; /* user + system of all threads, ended ones too */
		uint64_t user_ticks, system_ticks;
		uint64_t switches; /* times its threads went to sleep */
	} proc[USAGE_PROCS_MAX];   /* by pid */
};

/* Without roots the sample is empty.  0 or -errno; a process that ends meanwhile is left out. */
int usage_sample(struct usage *u, const pid_t *roots, unsigned nroots);

struct usage_cost {
	double cpu_s;        /* of processes in both samples, or new in the later one */
	double system_share; /* of cpu_s, as the kernel's ticks say */
	uint64_t switches;
	unsigned procs, ended; /* in the later sample; in the earlier one only: their last stretch is missing */
};

struct usage_cost usage_between(const struct usage *from, const struct usage *to);

struct usage_memory {
	uint64_t pss, pss_shared; /* bytes; pss_shared: the part in shared memory and tmpfs files mapped */
	unsigned procs, unread;   /* unread: smaps_rollup could not be read */
};

struct usage_memory usage_memory(const struct usage *u);

#endif
