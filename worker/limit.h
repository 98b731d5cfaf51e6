/*
 * limit.h - the `limit` blocks of the conf, applied: events before their rules run, connections before anything is done
 * for them.  Whose events count together becomes a key of the shared table (shm/window.h).
 *
 * A user is the same in all namespaces and on all workers.  A socket without a user counts as a user of its own.  An
 * IPv6 address counts by its first 64 bits, which is what one client has to choose from; clients whose address is not
 * known (a unix listener, and no trusted header) count as one.  Events count by the
 * names of the conf: those that a pattern covers are one, and so are those that nothing declares, so that nobody gets a
 * window of his own for each name that he makes up.
 */
#ifndef FORKCAST_WORKER_LIMIT_H
#define FORKCAST_WORKER_LIMIT_H

#include "proto/http.h"
#include "proto/socketio.h"
#include "worker/conn.h"
#include "worker/eval.h"
#include "worker/socket.h"

/*
 * Counts the event NAME (decoded), whose rule is R (NULL: none), in all its limits, in order.  False: one of them has no
 * room, and the sender was told, or disconnected; SO may be gone.  What was counted before stays counted.
 */
bool limit_event(struct socket *so, const struct sio_packet *p, const struct rule *r, struct slice name);
/*
 * Counts a run of R, a reaction or a route, about E, in all its limits, in order.  NULL: all have room; else the limit that
 * has none, and in how many seconds it has.  Nobody is told, and nothing reacts to it; the caller counts the refusal.
 */
const struct limit *limit_rule_run(const struct eval *e, const struct rule *r, int64_t *retry_after);
/* How many more events of the sender L takes now; NAME as given to limit_event(), of an event that has a rule. */
uint32_t limit_left(const struct socket *so, const struct limit *l, struct slice name);
/*
 * Counts the client whose request REQ is.  The limit that has no room for it, and in how many seconds it has; NULL: all
 * have.  A refusal is counted, but not answered.
 */
const struct limit *limit_client(struct conn *c, const struct http_request *req, int64_t *retry_after);
/* What L, or the conf, tells whom it refuses; NUL-terminated. */
struct slice limit_words(const struct worker *w, const struct limit *l);
/* Counts the client whose handshake REQ is.  False: there was no room, and it was answered. */
bool limit_connect(struct conn *c, const struct http_request *req);

#endif
