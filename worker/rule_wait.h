/*
 * rule_wait.h - runs that wait for a hook's reply, and the events of the same socket that wait behind them.
 *
 *	rule_wait() --> asked --reply--> FN, and then what waits behind, one event after the other, until one of them waits again
 *
 * Other sockets never wait.  A socket that goes takes what waits with it: its requests take their course, and nobody
 * hears of the replies.  A run about no socket waits for itself alone.
 */
#ifndef FORKCAST_WORKER_RULE_WAIT_H
#define FORKCAST_WORKER_RULE_WAIT_H

#include "proto/socketio.h"
#include "worker/eval_keep.h"
#include "worker/hook.h"
#include "worker/socket.h"

#define RULE_WAIT_MAX	    100u	/* events behind a run of one socket */
#define RULE_WAIT_SOCKET_MAX (1u << 20) /* bytes of these events that are passed by one of them at most */
#define RULE_WAIT_BYTES_MAX (64u << 20) /* of all events and runs that wait on a worker */

struct rule_run;

/* SO: NULL only for a run about no socket.  It may be gone afterwards.  WHY counts when REPLY is NULL. */
typedef void (*rule_run_fn)(
    struct rule_run *run, struct socket *so, const struct hook_reply *reply, enum hook_failure why);

struct rule_run {
	struct rule_run *next; /* of the same socket's */
	struct waiting *of;    /* NULL: of no socket */
	struct worker *w;
	struct hook_call *call;
	struct eval_kept *kept;
	rule_run_fn fn;
	const void *what;	/* the rule or room type */
	struct sio_packet asked; /* has_id, id and name: who is answered */
	int64_t ends_ms;	/* for in_band.c */
};

/*
 * Asks the hook of USE about E, whose state has NSTATE, and whose event is named NAME (JSON string body).  P: the packet
 * that is answered, or NULL.  The run, and FN is called later; NULL: it is not asked, because of *WHY.
 */
struct rule_run *rule_wait(struct eval *e, struct slice name, const struct hook_use *use, unsigned nstate,
    const struct sio_packet *p, const void *what, bool connecting, rule_run_fn fn, enum hook_failure *why);
/* Tells the hook of USE about E; nobody waits. */
void rule_notify(struct eval *e, struct slice name, const struct hook_use *use);

/* Later events of the socket wait until rule_wait_end(), as they do for a hook. */
void rule_wait_hold(struct socket *so);
/* Calls FN, and then what waits behind goes on.  SO may be gone afterwards. */
void rule_wait_end(struct socket *so, void (*fn)(struct socket *so, void *arg), void *arg);
/*
 * True when the event has to wait for a run of its socket: it was kept, copied, or refused with `busy`.
 */
bool rule_wait_behind(struct socket *so, const struct sio_packet *p, struct attachments attached);
/* The socket goes. */
void rule_wait_forget(struct socket *so);

#endif
