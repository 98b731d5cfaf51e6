/*
 * link.h - a connection that carries one request of a polling client at a time.
 *
 *	unconnected --link_ask--> waiting --answer--> idle --link_ask--> waiting ...
 *	idle, waiting --link_drop or the server's end--> unconnected
 *
 * A link is never freed: an event that epoll has already told may still come for it.
 */
#ifndef BENCH_LOAD_LINK_H
#define BENCH_LOAD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load/client.h"

struct link {
	struct endpoint end; /* fd -1: unconnected */
	const struct plan *plan;
	int epoll;
	void *user; /* while waiting */
	/* The whole body of an answer; or status -1: the connection broke before it, and the body says why. */
	void (*on_answer)(struct link *l, int status, const char *body, size_t len, uint64_t now);
	bool waiting;
	int where; /* the worker that it served last, by the pool's count; -1: not known */
	uint64_t asked_at;
	char *request; /* what the kernel did not take yet */
	size_t request_len;
	char *rest; /* of an unfinished answer */
	size_t rest_len;
	struct link *next; /* while in a pool */
};

/* NULL: out of memory. */
struct link *link_new(const struct plan *plan, int epoll);

/* Sends a request, from a source address chosen by id when it has to connect first.  0 or -errno. */
int link_ask(struct link *l, unsigned id, const char *request, size_t len);

void link_drop(struct link *l);

#endif
