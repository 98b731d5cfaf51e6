#include "bench/load/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/client.h"
#include "bench/load/http.h"
#include "bench/load/pace.h"
#include "bench/load/stamp.h"

#define EVENTS_MAX 512
#define FOREVER    60000000000u

struct fleet {
	struct endpoint wake;
	struct crew *crew;
	struct crew_part *part;
	const struct plan *plan;
	unsigned me;
	struct client_world world;
	struct client *client; /* members first, then (process 0) the publishers */
	unsigned nclients, dialed, ready;
	struct http *http;
	struct publisher *publisher; /* process 0 */
	struct pace pace;
	bool publishing, failed;
	enum crew_phase phase;
	double cpu_start;
	uint64_t requests_start;
};

static void fail(struct fleet *f, const char *why)
{
	if (!f->failed && !f->part->error[0])
		snprintf(f->part->error, sizeof f->part->error, "%s", why);
	f->failed = true;
}

static double own_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Connecting */

static void dial_next(struct fleet *f)
{
	int error = f->dialed < f->nclients ? client_dial(&f->client[f->dialed++]) : 0;

	if (error)
		fail(f, strerror(-error));
}

static void on_ready(struct client *c, uint64_t now)
{
	struct fleet *f = c->world->owner;

	hist_add(&f->part->connect, now - c->dialed_at);
	f->ready++;
	dial_next(f);
}

static void on_posted(struct client *c, uint64_t took_ns)
{
	struct fleet *f = c->world->owner;

	if (f->phase == CREW_MEASURE)
		hist_add(&f->part->reply, took_ns);
}

static void on_lost(struct client *c, const char *why)
{
	struct fleet *f = c->world->owner;
	char text[200];

	if (f->phase == CREW_CONNECT) {
		snprintf(text, sizeof text, "client %u: %s", c->id, why);
		fail(f, text);
	} else {
		f->part->disconnected++;
	}
}

/* Receiving */

static void account(struct fleet *f, const struct stamp *s, uint64_t now)
{
	uint64_t unique = atomic_load_explicit(&f->part->unique, memory_order_relaxed), one = 1;
	_Atomic unsigned *left;

	atomic_store_explicit(&f->part->unique, unique + 1, memory_order_relaxed);
	if (f->phase == CREW_MEASURE) {
		f->part->measured++;
		hist_add(&f->part->delivery, now - s->at);
		if (f->crew->pair)
			hist_add(&f->crew->pair[s->room], now - s->at);
	}
	if (!f->plan->window)
		return;
	left = &f->crew->left[(size_t)s->from * CREW_FLIGHTS + s->seq % CREW_FLIGHTS];
	if (atomic_fetch_sub(left, 1) != 1)
		return;
	atomic_fetch_add(&f->crew->completed, 1);
	if (f->me != 0 && write(f->crew->wake[0], &one, sizeof one) < 0)
		fail(f, "eventfd");
}

static void on_argument(struct client *c, const char *text, size_t len, uint64_t now)
{
	struct fleet *f = c->world->owner;
	struct stamp s;
	unsigned nth;

	nth = 0;
	if (!stamp_read(text, len, f->plan->size, &s) || !c->member || s.room != c->room ||
	    (nth = s.from - c->room * f->plan->publishers) >= f->plan->publishers) {
		if (f->part->malformed++ == 0)
			snprintf(f->part->error, sizeof f->part->error, "client %u got %.*s", c->id,
			    (int)(len < 120 ? len : 120), text);
		return;
	}
	switch (seen_mark(&c->seen[nth], s.seq)) {
	case SEEN_TWICE: f->part->twice++; return;
	case SEEN_LATE: f->part->late++; break;
	case SEEN_NEW: break;
	}
	if (f->plan->echo)
		f->publisher[s.from].waiting = false;
	account(f, &s, now);
}

static void on_reply(struct http *h, int status, const char *body, size_t len, uint64_t now)
{
	struct fleet *f = h->owner;
	char text[64];

	if (status != (f->plan->batch ? 200 : 202) || (f->plan->batch && memmem(body, len, "\"error\"", 7))) {
		snprintf(text, sizeof text, "POST answered %d %.40s", status, len ? body : "");
		fail(f, text);
	} else if (f->phase == CREW_MEASURE) {
		hist_add(&f->part->reply, now - h->asked_at);
	}
}

/* Set-up */

static struct client *add_client(struct fleet *f, unsigned id, unsigned room)
{
	struct client *c = &f->client[f->nclients++];

	c->world = &f->world;
	c->id = id;
	c->room = room;
	return c;
}

static bool add_members(struct fleet *f)
{
	unsigned id;

	for (id = f->me; id < f->plan->clients; id += f->plan->procs) {
		struct client *c = add_client(f, id, id < f->plan->rooms * f->plan->members ? id / f->plan->members : 0);

		if (id >= f->plan->rooms * f->plan->members)
			continue; /* it only connects */
		c->member = true;
		c->seen = calloc(f->plan->publishers, sizeof *c->seen);
		if (!c->seen)
			return false;
	}
	return true;
}

static bool add_publishers(struct fleet *f)
{
	unsigned n = plan_npublishers(f->plan), i;

	f->publisher = calloc(n + 1, sizeof *f->publisher);
	f->http = calloc(plan_nhttp(f->plan) + 1, sizeof *f->http);
	if (!f->publisher || !f->http)
		return false;
	for (i = 0; i < n; i++) {
		f->publisher[i].id = i;
		f->publisher[i].room = i / f->plan->publishers;
		if (f->plan->http && i >= plan_nhttp(f->plan))
			continue; /* a feed carries its messages */
		if (f->plan->http) {
			f->publisher[i].http = &f->http[i];
			f->http[i] = (struct http){.plan = f->plan, .owner = f, .on_reply = on_reply};
			if (http_open(&f->http[i], f->world.epoll, i) < 0) {
				fail(f, "the admin API cannot be reached");
				return false;
			}
		} else if (f->plan->echo) {
			f->publisher[i].client = &f->client[i];
		} else {
			f->publisher[i].client = add_client(f, f->plan->clients + i, f->publisher[i].room);
			f->publisher[i].client->publisher = true;
		}
	}
	return pace_init(&f->pace, f->crew, f->publisher, n) == 0;
}

/* CONTRACTS: GET /v1/sockets/SID tells the worker that serves it; -1 when it does not say. */
static int worker_of(struct fleet *f, const struct client *c)
{
	char path[80], reply[HTTP_REPLY_MAX];
	const char *at;

	snprintf(path, sizeof path, "/v1/sockets/%s", c->sid);
	if (http_get(f->plan, path, reply, sizeof reply) != 200)
		return -1;
	at = strstr(reply, "\"worker\":");
	return at ? atoi(at + 9) : -1;
}

static void find_workers(struct fleet *f)
{
	unsigned room;

	for (room = 0; f->plan->by_worker && room < f->plan->rooms; room++) {
		f->crew->pair_worker[room].member = worker_of(f, &f->client[room * f->plan->members]);
		f->crew->pair_worker[room].publisher = worker_of(f, f->publisher[room * f->plan->publishers].client);
	}
}

/* The loop */

static void on_wake(struct endpoint *e, uint32_t events)
{
	struct fleet *f = (struct fleet *)e;
	uint64_t n, now = client_now();
	enum crew_phase phase;

	(void)events;
	if (read(e->fd, &n, sizeof n) < 0 && errno != EAGAIN)
		fail(f, "eventfd");
	phase = (enum crew_phase)atomic_load(&f->crew->phase);
	if (phase == f->phase)
		return;
	if (phase == CREW_MEASURE) {
		f->cpu_start = own_cpu();
		f->requests_start = f->world.requests;
	}
	if (f->phase == CREW_MEASURE) {
		f->part->cpu_s = own_cpu() - f->cpu_start;
		f->part->requests = f->world.requests - f->requests_start;
	}
	f->phase = phase;
	f->publishing = f->me == 0 && (phase == CREW_WARM || phase == CREW_MEASURE);
	if (f->publishing)
		pace_begin(&f->pace, now, phase == CREW_WARM ? f->plan->warmup : f->plan->seconds);
}

static void phase_over(struct fleet *f, uint64_t now)
{
	f->publishing = false;
	f->crew->published = f->pace.total;
	f->crew->published_measured = f->pace.sent;
	f->crew->measured_s = (double)(now - f->pace.start) / 1e9;
	crew_tell(f->crew, 'D');
}

/* In a closed loop the next message leaves as soon as the last member has this one, not at the end of the turn. */
static void turn(struct fleet *f, uint64_t wait)
{
	struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};
	struct epoll_event events[EVENTS_MAX];
	uint64_t completed = atomic_load(&f->crew->completed), c;
	int n = epoll_pwait2(f->world.epoll, events, EVENTS_MAX, &timeout, NULL), i;

	for (i = 0; i < n; i++) {
		struct endpoint *e = events[i].data.ptr;

		e->on_event(e, events[i].events);
		c = f->publishing ? atomic_load(&f->crew->completed) : completed;
		if (c != completed) {
			completed = c;
			pace_step(&f->pace, client_now());
		}
	}
}

static void loop(struct fleet *f)
{
	bool told = false;
	uint64_t wait, now;

	while (!f->failed && f->phase != CREW_END) {
		wait = FOREVER;
		if (f->publishing) {
			now = client_now();
			wait = pace_step(&f->pace, now);
			if (pace_over(&f->pace, now)) {
				phase_over(f, now);
				wait = FOREVER;
			}
		}
		turn(f, wait);
		if (!told && f->ready == f->nclients) {
			told = true;
			find_workers(f);
			crew_tell(f->crew, 'R');
		}
	}
}

int fleet_run(struct crew *crew, unsigned me)
{
	struct fleet f = {.crew = crew, .part = &crew->part[me], .plan = crew->plan, .me = me};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &f.wake};
	unsigned n = f.plan->clients / f.plan->procs + 1 + plan_npublishers(f.plan), i, at_once;
	uint64_t one = 1;

	f.world = (struct client_world){.plan = f.plan,
	    .owner = &f,
	    .on_ready = on_ready,
	    .on_argument = on_argument,
	    .on_posted = on_posted,
	    .on_lost = on_lost};
	f.world.pool = poll_pool_new();
	f.world.epoll = epoll_create1(EPOLL_CLOEXEC);
	f.wake = (struct endpoint){.on_event = on_wake, .fd = crew->wake[me]};
	f.client = calloc(n, sizeof *f.client);
	if (f.world.epoll < 0 || !f.world.pool || !f.client ||
	    epoll_ctl(f.world.epoll, EPOLL_CTL_ADD, f.wake.fd, &ev) < 0)
		fail(&f, strerror(errno));
	else if (!add_members(&f) || (me == 0 && !add_publishers(&f)))
		fail(&f, "out of memory");
	at_once = f.plan->concurrency / f.plan->procs;
	for (i = 0; !f.failed && i < (at_once ? at_once : 1); i++)
		dial_next(&f);
	if (f.nclients == 0 && write(f.wake.fd, &one, sizeof one) < 0)
		fail(&f, strerror(errno));
	loop(&f);
	return f.failed;
}
