/*
 * hook_pool.h - a worker's connections to one hook's backend, and the requests that wait for one.  For hook*.c alone.
 *
 *	call:	hook_ask --> QUEUED --a connection--> SENT --> replied --> gone
 *			       ^  |		       |
 *			       |  +----- failed -------+--> gone
 *			       +---BACKOFF <---retries-+
 *
 *	connection (hook_conn.c):	CONNECTING --> HANDSHAKE --> SENDING --> RECEIVING --> IDLE --> SENDING ...
 *
 * A call owns its request's bytes and has an alarm in every state.  A connection exists for a call, or is idle; the list
 * of the idle has the last one used first, so that in quiet times the others grow old together and are closed.
 */
#ifndef FORKCAST_WORKER_HOOK_POOL_H
#define FORKCAST_WORKER_HOOK_POOL_H

#include "worker/hook.h"
#include "worker/hook_breaker.h"
#include "worker/hook_io.h"
#include "worker/hook_lookup.h"
#include "worker/hook_request.h"

struct hook_conn;

enum hook_call_state { CALL_QUEUED, CALL_SENT, CALL_BACKOFF, CALL_FAILING };

struct hook_call {
	struct hook_call *next; /* of the pool's queue */
	struct hook_pool *pool;
	struct hook_conn *conn; /* SENT */
	hook_fn fn;		/* NULL: nobody waits for the reply */
	void *arg;
	struct hook_breaker *breaker;
	uint64_t began_ns;
	uint32_t round; /* of the breaker */
	uint32_t alarm;
	unsigned tries;	    /* that failed */
	unsigned addresses; /* that did not take a connection in this try */
	enum hook_call_state state;
	enum hook_failure why; /* FAILING: in the next turn, so that nobody hears of it while asking */
	bool connecting;       /* for on "connecting": the reply may say who the user is */
	bool stale;	       /* it met a connection that had been closed, once; from then on only new ones */
	size_t n;
	char request[];
};

struct hook_pool {
	struct worker *w;
	const struct hook *hook;
	struct hook_signer signer;
	SSL_CTX *tls;
	struct hook_addresses to;
	unsigned good;	    /* which of them took the last connection */
	bool looking;	    /* for addresses */
	uint64_t looked_ns; /* when that ended; 0: never */
	struct hook_call *queue, **queue_tail;
	unsigned nqueue, nconn;
	struct hook_conn *idle;
	uint32_t sweep; /* alarm: the old among them */
};

struct hooks {
	struct hook_lookups lookups;
	struct hook_pool *pool;	      /* for each hook of the conf */
	struct hook_breaker *breaker; /* for each use of one */
	unsigned pending;	      /* calls */
	size_t bytes;		      /* of their requests */
	uint64_t late_ns;	      /* the turn that was late and served one nevertheless */
};

/* hook_pool.c */

int hook_pool_init(struct hook_pool *p, struct worker *w, const struct hook *h);
/* Gives the call a connection, or a place in the queue; false when there is neither. */
bool hook_pool_take(struct hook_pool *p, struct hook_call *call);
/* The same for one that is taken already: ahead of the others. */
void hook_pool_retake(struct hook_pool *p, struct hook_call *call);
/* Takes the call out of the queue, or off its connection, which is closed then. */
void hook_pool_drop(struct hook_pool *p, struct hook_call *call);
/* Gives free connections to those that wait. */
void hook_pool_run(struct hook_pool *p);

/* hook_conn.c */

/* Connects for CALL.  0 or -errno, and the call has no connection. */
int hook_conn_open(struct hook_pool *p, struct hook_call *call);
/* Sends CALL on an idle one. */
void hook_conn_send(struct hook_conn *c, struct hook_call *call);
/* Closes the connection and forgets it; its call, if there is one, is SENT no more. */
void hook_conn_close(struct hook_conn *c);
/* Closes idle ones that have not been used since SINCE_NS; true when some are left. */
bool hook_conn_sweep(struct hook_pool *p, uint64_t since_ns);

/* hook.c: what became of a call that was SENT; its connection is closed or idle already. */

void hook_call_replied(struct hook_call *call, unsigned status, struct slice body);
void hook_call_lost(struct hook_call *call, enum hook_failure why);
/* It failed while it was asked for, or in the queue: it hears of it in the next turn. */
void hook_call_fail_soon(struct hook_call *call, enum hook_failure why);

#endif
