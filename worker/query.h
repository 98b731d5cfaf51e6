/*
 * query.h - reads of the store that see everything that happened before them.
 *
 * A query notes the operation tails of all slots when it arrives and runs when the keeper has committed up to them
 * (DESIGN section 5): usually at once, at most a millisecond later.  A keeper that is away does not hang its askers:
 * after QUERY_WAIT_NS they read what is there.
 */
#ifndef FORKCAST_WORKER_QUERY_H
#define FORKCAST_WORKER_QUERY_H

#include "worker/clock.h"
#include "worker/conn.h"

struct http_request;
struct worker;

#define QUERY_WAIT_NS NS_PER_S

/* Answers the request on C from the store; PATH and QUERY are copies of the request's. */
typedef void (*query_fn)(struct conn *c, struct slice path, struct slice query);

/* Opens the store for reading.  0 or -errno. */
int query_open(struct worker *w);
void query_close(struct worker *w);
/* Calls FN for the request now, or when the keeper has caught up. */
void query_run(struct conn *c, const struct http_request *req, query_fn fn);
/* Turn: runs what has become ready. */
void query_poll(struct worker *w);

#endif
