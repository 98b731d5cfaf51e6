#include "bench/load/usage.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TABLE_MAX 4096

struct entry {
	pid_t pid, parent;
	uint64_t user_ticks, system_ticks;
	bool ours;
};

/* proc(5): fields 4, 14 and 15 of stat; the name in parentheses may hold anything. */
static bool read_stat(struct entry *e)
{
	unsigned long long user, system;
	char path[64], line[1024], *after;
	int parent;
	FILE *f;
	bool ok;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)e->pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(line, sizeof line, f) != NULL;
	fclose(f);
	after = ok ? strrchr(line, ')') : NULL;
	if (!after ||
	    sscanf(after + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &parent, &user, &system) != 3)
		return false;
	e->parent = parent;
	e->user_ticks = user;
	e->system_ticks = system;
	return true;
}

static uint64_t switches_of(pid_t pid)
{
	char path[320], line[256];
	unsigned long long n, sum = 0;
	struct dirent *d;
	DIR *tasks;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	while (tasks && (d = readdir(tasks)) != NULL) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)pid, d->d_name);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof line, f))
			if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1)
				sum += n;
		if (f)
			fclose(f);
	}
	if (tasks)
		closedir(tasks);
	return sum;
}

/*
 * The process's CPU clock is the same sum of user and system time that stat shows, but in nanoseconds instead of ticks.
 */
static uint64_t cpu_of(const struct entry *e)
{
	uint64_t tick_ns = 10000000;
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(e->pid, &clock) == 0 && clock_gettime(clock, &t) == 0)
		return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	return (e->user_ticks + e->system_ticks) * tick_ns;
}

static int by_pid(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Children are marked until nothing changes: a child's pid may be below its parent's. */
static void mark_ours(struct entry *table, unsigned n, const pid_t *roots, unsigned nroots)
{
	struct entry key, *parent;
	bool changed;
	unsigned i, r;

	for (i = 0; i < n; i++)
		for (r = 0; r < nroots; r++)
			table[i].ours |= table[i].pid == roots[r];
	do {
		changed = false;
		for (i = 0; i < n; i++) {
			key.pid = table[i].parent;
			parent = table[i].ours ? NULL : bsearch(&key, table, n, sizeof *table, by_pid);
			if (parent && parent->ours)
				changed = table[i].ours = true;
		}
	} while (changed);
}

int usage_sample(struct usage *u, const pid_t *roots, unsigned nroots)
{
	static struct entry table[TABLE_MAX];
	struct dirent *d;
	unsigned n = 0, i;
	DIR *proc;

	u->n = 0;
	if (nroots == 0)
		return 0;
	proc = opendir("/proc");
	if (!proc)
		return -errno;
	while ((d = readdir(proc)) != NULL && n < TABLE_MAX) {
		table[n] = (struct entry){.pid = atoi(d->d_name)};
		if (table[n].pid > 0 && read_stat(&table[n]))
			n++;
	}
	closedir(proc);
	qsort(table, n, sizeof *table, by_pid);
	mark_ours(table, n, roots, nroots);
	for (i = 0; i < n && u->n < USAGE_PROCS_MAX; i++)
		if (table[i].ours)
			u->proc[u->n++] = (struct usage_proc){.pid = table[i].pid,
			    .cpu_ns = cpu_of(&table[i]),
			    .user_ticks = table[i].user_ticks,
			    .system_ticks = table[i].system_ticks,
			    .switches = switches_of(table[i].pid)};
	return 0;
}

static const struct usage_proc *find(const struct usage *u, pid_t pid)
{
	unsigned i;

	for (i = 0; i < u->n; i++)
		if (u->proc[i].pid == pid)
			return &u->proc[i];
	return NULL;
}

struct usage_cost usage_between(const struct usage *from, const struct usage *to)
{
	static const struct usage_proc none;
	struct usage_cost cost = {.procs = to->n};
	uint64_t ns = 0, user = 0, system = 0;
	const struct usage_proc *old;
	unsigned i;

	for (i = 0; i < to->n; i++) {
		old = find(from, to->proc[i].pid);
		if (!old)
			old = &none;
		ns += to->proc[i].cpu_ns - old->cpu_ns;
		user += to->proc[i].user_ticks - old->user_ticks;
		system += to->proc[i].system_ticks - old->system_ticks;
		cost.switches += to->proc[i].switches - old->switches;
	}
	for (i = 0; i < from->n; i++)
		cost.ended += !find(to, from->proc[i].pid);
	cost.cpu_s = (double)ns / 1e9;
	cost.system_share = user + system ? (double)system / (double)(user + system) : 0;
	return cost;
}

struct usage_memory usage_memory(const struct usage *u)
{
	struct usage_memory m = {.procs = u->n};
	unsigned long long kib;
	char path[64], line[256];
	unsigned i;
	bool any;
	FILE *f;

	for (i = 0; i < u->n; i++) {
		snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)u->proc[i].pid);
		f = fopen(path, "re");
		any = false;
		while (f && fgets(line, sizeof line, f)) {
			if (sscanf(line, "Pss: %llu", &kib) == 1) {
				m.pss += kib * 1024;
				any = true;
			} else if (sscanf(line, "Pss_Shmem: %llu", &kib) == 1) {
				m.pss_shared += kib * 1024;
			}
		}
		if (f)
			fclose(f);
		m.unread += !any;
	}
	return m;
}
