/*
 * pace.h - when the next message is published: a window of messages in flight, or so many a second.
 *
 * Open loop: message k is due at start + k / rate, and its latency counts from then, however late it leaves.  When the
 * server or the generator cannot follow, the figure says so instead of hiding it (no coordinated omission).
 */
#ifndef BENCH_LOAD_PACE_H
#define BENCH_LOAD_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/client.h"
#include "bench/load/crew.h"
#include "bench/load/http.h"

struct publisher {
	struct client *client; /* or */
	struct http *http;
	unsigned id, room;
	uint32_t seq;
	bool waiting; /* echo: its last message is not answered yet */
};

/* A connection that carries batches, and the publishers whose messages it carries, in turn. */
struct feed {
	struct http *http;
	struct publisher *publisher;
	unsigned n, next;
};

struct pace {
	struct crew *crew;
	struct publisher *publisher;
	unsigned n, next;            /* publishers take turns */
	char *text;                  /* the message, or the lines, being made */
	struct feed *feed;	     /* batches: plan->feeds of them */
	uint64_t start, until, sent; /* of the present phase; sent: messages in it */
	uint64_t total, total_start; /* messages in all phases */
	uint64_t completed_start;
	uint64_t progress_at, progress; /* when deliveries last grew, and to what */
};

/* 0 or -errno. */
int pace_init(struct pace *p, struct crew *crew, struct publisher *publisher, unsigned n);

void pace_begin(struct pace *p, uint64_t now, double seconds);

/* Publishes what may leave now.  Nanoseconds until it wants to be called again. */
uint64_t pace_step(struct pace *p, uint64_t now);

/* True once the phase's time is over and everything has arrived, or nothing has for seconds (crew->stalled). */
bool pace_over(struct pace *p, uint64_t now);

#endif
