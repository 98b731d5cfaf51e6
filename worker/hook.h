/*
 * hook.h - asks the backends of `hook` blocks: signed POST requests, their replies, retries, circuit breakers.
 *
 * Every worker has connections of its own.  Nothing here waits: a request is written at once when there is a connection,
 * and whoever asked hears of the reply from the loop.
 */
#ifndef FORKCAST_WORKER_HOOK_H
#define FORKCAST_WORKER_HOOK_H

#include "conf/hook.h"
#include "proto/slice.h"
#include "worker/hook_reply.h"

struct hook_call;
struct worker;

#define HOOK_BYTES_MAX (64u << 20) /* of the requests of a worker that are under way or wait */

/* Why there is no reply; in the order of hook_failure_name(). */
enum hook_failure {
	HOOK_FAILED_BUSY,    /* the queue is full */
	HOOK_FAILED_OPEN,    /* the breaker is */
	HOOK_FAILED_LOOKUP,  /* the host has no address */
	HOOK_FAILED_CONNECT,
	HOOK_FAILED_TLS,     /* no handshake, or a certificate that is not trusted */
	HOOK_FAILED_CLOSED,  /* the connection ended before the reply was whole */
	HOOK_FAILED_TIMEOUT,
	HOOK_FAILED_HTTP,    /* what came is no HTTP, or above 1 MiB */
	HOOK_FAILED_STATUS,  /* neither 200 nor 204 */
	HOOK_FAILED_REPLY,   /* no list of verbs */
	HOOK_FAILURES
};

/* REPLY: what the backend said, in the turn's arena; NULL: it failed, because of WHY. */
typedef void (*hook_fn)(void *arg, const struct hook_reply *reply, enum hook_failure why);

/* 0 or -errno. */
int hooks_open(struct worker *w);
/*
 * Sends BODY (JSON, copied) to the hook of USE.  FN(ARG) is called once, later; FN may be NULL.  CONNECTING: the reply
 * may have the verb `user`.  NULL with *WHY (BUSY or OPEN) when it is not asked, and FN is not called.
 */
struct hook_call *hook_ask(struct worker *w, const struct hook_use *use, struct slice body, bool connecting, hook_fn fn,
    void *arg, enum hook_failure *why);
/* Nobody waits for it any more; the request takes its course. */
void hook_forget(struct hook_call *call);
/* True when no request is under way. */
bool hooks_idle(const struct worker *w);
/* "busy", "timeout" ...: metric label and log field. */
const char *hook_failure_name(enum hook_failure why);

#endif
