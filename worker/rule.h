/*
 * rule.h - runs the compiled rules: an event's steps in the catalogue's order, and the reactions to a connect.
 */
#ifndef FORKCAST_WORKER_RULE_H
#define FORKCAST_WORKER_RULE_H

#include "proto/socketio.h"
#include "worker/eval.h"
#include "worker/socket.h"

/* An EVENT from a client: a rule of the catalogue, a built-in, or nobody's.  The session may be gone afterwards. */
void rule_on_event(struct socket *so, const struct sio_packet *p, struct attachments attached);
/* Counts a run of R in its limits, and a refusal when one has no room: then false. */
bool rule_has_room(const struct eval *e, const struct rule *r);
/* Runs R because of something that the server saw: its limits, `if`, the actions; R may be NULL. */
void rule_react(struct eval *e, const struct rule *r);
/* What a refusal by C, of rule_on_connecting() or of a rule, counts as. */
enum refused rule_check_reason(const struct check *c);
/*
 * `on "connecting"`: *FAILED is the check that refuses the connection, NULL when none does.  Then true when its hook is to
 * be asked too.
 */
bool rule_on_connecting(struct socket *so, const struct check **failed);
/* The steps of R behind its hook, for P, the packet that is answered; ACK: the hook's answer, p NULL: the rule's.  SO may be gone. */
void rule_finish(
    struct eval *e, struct socket *so, const struct rule *r, const struct sio_packet *p, struct slice ack);
/* The same of a reaction. */
void rule_reacted(struct eval *e, const struct rule *r);
/* `on "connect"`, after the CONNECT was answered. */
void rule_on_connect(struct socket *so);
/* `on "authenticated"` and `on "auth_failed"`: a token came in band and was taken, or refused with TEXT and CODE (JSON string bodies). */
void rule_on_authenticated(struct socket *so);
void rule_on_auth_failed(struct socket *so, struct slice text, struct slice code);
/* Tells the sender "no": the ack if one was asked for, else the event `error`; counts it. */
void rule_refuse(struct socket *so, const struct sio_packet *p, enum refusal code);
/* The same with TEXT (JSON string body); p NULL: the one of `texts`. */
void rule_refuse_text(struct socket *so, const struct sio_packet *p, enum refusal code, struct text text);
/* The same with a hook's words: JSON string bodies; CODE p NULL: none. */
void rule_refuse_by_hook(struct socket *so, const struct sio_packet *p, struct slice text, struct slice code);
/* The same with a check's own words. */
void rule_refuse_by_check(struct socket *so, const struct sio_packet *p, const struct check *check);
/* The same for an event that L has no room for during the next RETRY_AFTER seconds, with L's text and event.  SO may be gone. */
void rule_refuse_limited(struct socket *so, const struct sio_packet *p, const struct limit *l, int64_t retry_after);
/* True when SO meets one of WHO; ROOM is what `member` and `own` are about. */
bool rule_admits(const struct socket *so, const struct who *who, unsigned n, struct slice room);

#endif
