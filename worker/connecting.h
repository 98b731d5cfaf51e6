/*
 * connecting.h - clients that a hook judges: `on "connecting" { hook = NAME }`, when they connect and when they present a
 * token in band.
 *
 * While the hook is asked a socket that connects is `connecting`: it belongs to its session and waits (rule_wait.h), but is
 * in no room and no table, the keeper does not know it, and nothing reaches it.
 */
#ifndef FORKCAST_WORKER_CONNECTING_H
#define FORKCAST_WORKER_CONNECTING_H

#include "worker/rule_wait.h"

/* Why it is not admitted; JSON string bodies and JSON, in the turn's arena or the conf; p NULL: absent. */
struct connecting_no {
	enum refused counted;
	struct slice text, code, data;
};

enum connecting_step { CONNECTING_ADMIT, CONNECTING_WAIT, CONNECTING_REFUSE };

/*
 * The hook's step of `on "connecting"` for SO: ADMIT at once, REFUSE with *NO filled, or WAIT: FN is called later with the
 * run, whose ends_ms is ENDS_MS.  P: the packet that is answered then, or NULL.
 */
enum connecting_step connecting_ask(
    struct socket *so, const struct sio_packet *p, int64_t ends_ms, rule_run_fn fn, struct connecting_no *no);
/* What became of it.  True: refused, *NO is filled. */
bool connecting_refused(const struct rule_run *run, struct socket *so, const struct hook_reply *reply, enum hook_failure why,
    struct connecting_no *no);
/* Takes what the hook said of the user; its rooms are joined by identity_rooms(). */
void connecting_user(struct socket *so, const struct hook_reply *reply);

#endif
