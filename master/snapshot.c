#include "master/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/version.h"
#include "shm/counter.h"

#define BOUND_MAX 128 /* an address, or a path of 107 bytes */

/* What the master knows of one process, read once. */
struct row {
	const struct child *child;
	const struct slot *slot;
	const struct counter_block *counters;
	uint32_t state;
	uint64_t uptime_ms, beat_ms, rss;
	unsigned restarts, adopted;
};

static const char *phase_name(enum supervise_phase p)
{
	static const char *const names[] = {"starting", "up", "stopping", "closing", "over"};

	return names[p];
}

/* Resident bytes, shared pages included; 0 when the process is gone. */
static uint64_t resident(pid_t pid)
{
	unsigned long long size, rss = 0;
	char path[64];
	FILE *fp;

	if (pid <= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%ld/statm", (long)pid);
	fp = fopen(path, "re");
	if (!fp)
		return 0;
	if (fscanf(fp, "%llu %llu", &size, &rss) != 2)
		rss = 0;
	fclose(fp);
	return rss * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void fill(struct row *r, const struct supervisor *s, const struct child *c, uint64_t now)
{
	struct segment *seg = s->spawn.heritage->seg;
	bool running = c->state == CHILD_RUNNING;

	*r = (struct row){.child = c, .slot = segment_slot(seg, c->slot), .counters = segment_counters(seg, c->slot)};
	r->state = atomic_load_explicit(&r->slot->state, memory_order_acquire);
	r->restarts = atomic_load_explicit(&r->slot->restarts, memory_order_relaxed);
	if (!running)
		return;
	r->uptime_ms = (now - c->forked_ns) / TICK_MS;
	r->beat_ms = watchdog_age(r->slot, c->forked_ns, now) / TICK_MS;
	r->adopted = atomic_load_explicit(&r->slot->adopted, memory_order_relaxed);
	r->rss = resident(c->pid);
}

static void put_string(FILE *out, const char *s)
{
	putc('"', out);
	for (; *s; s++) {
		unsigned char ch = (unsigned char)*s;

		if (ch == '"' || ch == '\\')
			fprintf(out, "\\%c", ch);
		else if (ch < 0x20)
			fprintf(out, "\\u%04x", ch);
		else
			putc(ch, out);
	}
	putc('"', out);
}

static void put_ports(FILE *out, const struct bindings *b)
{
	char bound[BOUND_MAX];

	for (unsigned i = 0; i < b->n; i++) {
		const struct conf_address *a = bind_address(b, i);

		fprintf(out, "%s{\"kind\":\"%s\",\"listen\":", i ? "," : "",
		    b->listener[i].kind == HERITAGE_PUBLIC ? "public" : "admin");
		put_string(out, a->title.p);
		bind_bound(b, i, bound, sizeof(bound));
		fputs(",\"bound\":", out);
		put_string(out, bound);
		if (!a->is_unix)
			fprintf(out, ",\"port\":%u", b->listener[i].port);
		fputc('}', out);
	}
}

static void put_process(FILE *out, const struct row *r)
{
	const struct child *c = r->child;

	fprintf(out,
	    "{\"role\":\"%s\",\"index\":%u,\"slot\":%u,\"generation\":%" PRIu32 ",\"pid\":%ld,\"state\":\"%s\","
	    "\"uptime_ms\":%" PRIu64 ",\"heartbeat_age_ms\":%" PRIu64 ",\"restarts\":%u,\"watchdog_kills\":%u,"
	    "\"adopted\":%u,\"rss_bytes\":%" PRIu64 ",\"last_exit\":",
	    slot_role_name(c->role), c->index, c->slot, c->gen, (long)c->pid, slot_state_name(r->state), r->uptime_ms,
	    r->beat_ms, r->restarts, c->watchdog_kills, r->adopted, r->rss);
	if (c->last_exit[0])
		put_string(out, c->last_exit);
	else
		fputs("null", out);
	fputs(",\"counters\":{", out);
	for (int i = 0; i < COUNTER_MAX; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "", counter_name((enum counter)i),
		    counter_get(r->counters, (enum counter)i));
	fputs("}}", out);
}

void snapshot_json(FILE *out, const struct supervisor *s)
{
	const struct heritage *h = s->spawn.heritage;
	const struct instance *in = s->spawn.instance;
	uint64_t now = tick_now();
	struct row r;

	fputs("{\"name\":", out);
	put_string(out, in->name);
	fputs(",\"conf\":", out);
	put_string(out, h->conf->path.p);
	fprintf(out,
	    ",\"nonce\":\"%016" PRIx64 "\",\"pid\":%ld,\"version\":\"%s\",\"phase\":\"%s\",\"uptime_ms\":%" PRIu64
	    ",\"deaths\":%" PRIu64 ",\"respawns\":%" PRIu64 ",\"rss_bytes\":%" PRIu64 ",",
	    in->nonce, (long)getpid(), FORKCAST_VERSION, phase_name(s->phase), (now - h->started_ns) / TICK_MS,
	    s->deaths, s->respawns, resident(getpid()));
	fprintf(out, "\"segment\":{\"name\":\"%s\",\"bytes\":%zu,\"store\":\"%s\"},\"ports\":[", in->segment_name,
	    segment_need(&h->seg->spec, s->crew.n), in->store_path);
	put_ports(out, s->bindings);
	fputs("],\"processes\":[", out);
	for (unsigned i = 0; i < s->crew.n; i++) {
		if (i)
			fputc(',', out);
		fill(&r, s, &s->crew.child[i], now);
		put_process(out, &r);
	}
	fputs("]}\n", out);
}

/* 90061000 -> "1d01h", 61000 -> "1m01s". */
static void put_age(FILE *out, uint64_t ms)
{
	uint64_t sec = ms / 1000;
	char text[32];

	if (sec < 60)
		snprintf(text, sizeof(text), "%" PRIu64 "s", sec);
	else if (sec < 3600)
		snprintf(text, sizeof(text), "%" PRIu64 "m%02" PRIu64 "s", sec / 60, sec % 60);
	else if (sec < 86400)
		snprintf(text, sizeof(text), "%" PRIu64 "h%02" PRIu64 "m", sec / 3600, sec / 60 % 60);
	else
		snprintf(text, sizeof(text), "%" PRIu64 "d%02" PRIu64 "h", sec / 86400, sec / 3600 % 24);
	fprintf(out, "%8s", text);
}

static void put_line(FILE *out, const struct row *r)
{
	const struct child *c = r->child;
	char who[32];

	if (c->role == SLOT_ROLE_WORKER)
		snprintf(who, sizeof(who), "worker %u", c->index);
	else
		snprintf(who, sizeof(who), "%s", slot_role_name(c->role));
	fprintf(out, "%-11s %4u %4" PRIu32 " %8ld %-9s", who, c->slot, c->gen, (long)c->pid, slot_state_name(r->state));
	put_age(out, r->uptime_ms);
	fprintf(out, " %6" PRIu64 " %8u %7u %7" PRIu64 " %9" PRIu64 " %9" PRIu64 " %11" PRIu64 " %12" PRIu64,
	    r->beat_ms, r->restarts, r->adopted, r->rss >> 20, counter_get(r->counters, COUNTER_CONNECTIONS),
	    counter_get(r->counters, COUNTER_SESSIONS), counter_get(r->counters, COUNTER_PUBLISHED),
	    counter_get(r->counters, COUNTER_DELIVERIES));
	if (c->last_exit[0])
		fprintf(out, "  (last: %s)", c->last_exit);
	fputc('\n', out);
}

void snapshot_table(FILE *out, const struct supervisor *s)
{
	const struct heritage *h = s->spawn.heritage;
	const struct instance *in = s->spawn.instance;
	uint64_t now = tick_now(), sum[COUNTER_MAX] = {0};
	unsigned shown = 0;
	char bound[BOUND_MAX];
	struct row r;

	fprintf(out, "forkcast %s  %s  master %ld  %s for", FORKCAST_VERSION, in->name, (long)getpid(),
	    phase_name(s->phase));
	put_age(out, (now - h->started_ns) / TICK_MS);
	fprintf(out, "  deaths %" PRIu64 "\n", s->deaths);
	for (unsigned i = 0; i < s->bindings->n; i++) {
		bind_bound(s->bindings, i, bound, sizeof(bound));
		fprintf(out, "%-7s %s\n", s->bindings->listener[i].kind == HERITAGE_PUBLIC ? "listen" : "admin", bound);
	}
	fprintf(out, "\n%-11s %4s %4s %8s %-9s%8s %6s %8s %7s %7s %9s %9s %11s %12s\n", "process", "slot", "gen", "pid",
	    "state", "up", "beat", "restarts", "adopted", "rss MiB", "conns", "sessions", "published", "deliveries");
	for (unsigned i = 0; i < s->crew.n; i++) {
		fill(&r, s, &s->crew.child[i], now);
		put_line(out, &r);
		for (int k = 0; k < COUNTER_MAX; k++)
			sum[k] += counter_get(r.counters, (enum counter)k);
	}
	fputs("\nall processes:", out);
	for (int k = 0; k < COUNTER_MAX; k++)
		if (sum[k])
			fprintf(
			    out, "%s%s %" PRIu64, shown++ % 6 ? "  " : "\n  ", counter_name((enum counter)k), sum[k]);
	fputs(shown ? "\n" : " nothing counted yet\n", out);
}

char *snapshot_answer(void *supervisor, const char *request, size_t *len)
{
	const struct supervisor *s = supervisor;
	char *text = NULL;
	FILE *out;

	if (strcmp(request, "status json") != 0 && strcmp(request, "status table") != 0)
		return NULL;
	out = open_memstream(&text, len);
	if (!out)
		return NULL;
	if (strcmp(request, "status json") == 0)
		snapshot_json(out, s);
	else
		snapshot_table(out, s);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
