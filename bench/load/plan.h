/*
 * plan.h - what one run of the generator does, from its command line.
 */
#ifndef BENCH_LOAD_PLAN_H
#define BENCH_LOAD_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/load/poll.h"

#define PLAN_PIDS_MAX 16

struct plan {
	/* the server */
	uint16_t port, admin_port;
	const char *admin_key, *secret;
	bool raw;  /* WebSocket only: rawsend */
	bool poll; /* long polling */
	enum poll_links links;
	pid_t pids[PLAN_PIDS_MAX];
	unsigned npids;

	/* its clients: rooms * members subscribers, or without rooms so many that only connect */
	unsigned rooms, members, clients;
	unsigned beside; /* more clients that only connect */
	unsigned concurrency; /* connections being made at a time, all processes together */
	double settle;        /* seconds of rest before memory is read */
	unsigned procs, sources;

	/* the messages */
	unsigned publishers; /* connections per room */
	bool http;           /* they are keep-alive connections to the admin API */
	unsigned batch;      /* with http: messages of a POST /v1/batch, of rooms in turn; 0: POST /v1/emit */
	unsigned feeds;      /* and its connections, among which the rooms are dealt out */
	unsigned window;     /* closed loop: messages in flight, all rooms together; 0: open loop */
	double rate;         /* open loop: messages per second, all rooms together */
	bool checked;        /* to the event whose rule checks four fields and makes the argument anew */
	bool echo;           /* instead of publishing to its room, each member asks, one at a time, and is answered */
	double warmup, seconds;
	unsigned size;
	bool by_worker; /* latency of each room apart, with the workers of its publisher and member */
};

/* Exits with 2 and a line on stderr when the command line makes no sense. */
void plan_parse(struct plan *p, int argc, char **argv);

static inline unsigned plan_npublishers(const struct plan *p)
{
	return p->rooms * p->publishers;
}

/* Connections to the admin API. */
static inline unsigned plan_nhttp(const struct plan *p)
{
	return !p->http ? 0 : p->batch ? p->feeds : plan_npublishers(p);
}

/* Most connections a client may have at a time. */
static inline unsigned plan_links_a_client(const struct plan *p)
{
	return !p->poll ? 1 : p->links >= LINKS_HOME ? 4 : 2;
}

#endif
