#include "master/watchdog.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"

void watchdog_init(struct watchdog *w, uint64_t limit_ns, uint64_t now_ns)
{
	*w = (struct watchdog){.limit_ns = limit_ns, .last_ns = now_ns};
}

uint64_t watchdog_interval(const struct watchdog *w)
{
	uint64_t part = w->limit_ns / 8;

	if (w->limit_ns == 0 || part > 250 * TICK_MS)
		return 250 * TICK_MS;
	return part < 10 * TICK_MS ? 10 * TICK_MS : part;
}

void watchdog_round(struct watchdog *w, uint64_t now_ns)
{
	if (now_ns - w->last_ns > w->limit_ns / 2)
		w->trust_ns = now_ns + w->limit_ns;
	w->last_ns = now_ns;
}

uint64_t watchdog_age(const struct slot *slot, uint64_t forked_ns, uint64_t now_ns)
{
	uint64_t beat = atomic_load_explicit(&slot->heartbeat_ns, memory_order_relaxed);

	if (beat < forked_ns) /* of an earlier life */
		beat = forked_ns;
	return now_ns > beat ? now_ns - beat : 0;
}

bool watchdog_silent(const struct watchdog *w, const struct slot *slot, uint64_t forked_ns, uint64_t now_ns)
{
	uint64_t limit = w->limit_ns;

	if (limit == 0 || now_ns < w->trust_ns)
		return false;
	if (!slot_is_alive(slot) && limit < WATCHDOG_START_NS)
		limit = WATCHDOG_START_NS;
	return watchdog_age(slot, forked_ns, now_ns) > limit;
}

static bool is_traced(pid_t pid)
{
	char path[64], line[256];
	bool traced = false;
	FILE *fp;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	fp = fopen(path, "re");
	if (!fp)
		return false;
	while (fgets(line, sizeof(line), fp))
		if (strncmp(line, "TracerPid:", 10) == 0)
			traced = strtol(line + 10, NULL, 10) != 0;
	fclose(fp);
	return traced;
}

void watchdog_act(struct child *c, uint64_t age_ns)
{
	if (c->killed)
		return;
	if (is_traced(c->pid)) {
		if (!c->excused)
			log_warn("watchdog_excuse", "slot_watched=%u pid=%ld silent_ms=%llu why=%s", c->slot,
			    (long)c->pid, (unsigned long long)(age_ns / TICK_MS), "a debugger is attached");
		c->excused = true;
		return;
	}
	log_error("watchdog_kill", "kind=%s slot_watched=%u pid=%ld silent_ms=%llu", slot_role_name(c->role), c->slot,
	    (long)c->pid, (unsigned long long)(age_ns / TICK_MS));
	c->killed = true;
	c->watchdog_kills++;
	kill(c->pid, SIGKILL);
}
