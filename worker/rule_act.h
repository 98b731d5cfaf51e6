/*
 * rule_act.h - a rule's actions: the first half joins and sends, the second, behind the ack, leaves and ends.
 */
#ifndef FORKCAST_WORKER_RULE_ACT_H
#define FORKCAST_WORKER_RULE_ACT_H

#include "worker/eval.h"
#include "worker/rule_target.h"

/* For which rooms an action ran: its own is a list of one, `each` makes more. */
struct rule_ran {
	unsigned n;
	struct slice *room;
};

/*
 * Runs the actions of R; RAN has an element for each, all in the turn's arena.  0, or what made it end: -EINVAL (a value
 * that cannot be used), -EDQUOT (too many rooms), -ENOBUFS, -EMSGSIZE.
 */
int rule_act(struct eval *e, const struct rule *r, struct rule_ran *ran);
/* The rooms among TO that somebody can be made to leave, in ROOMS: no socket's own, none that come with the user. */
unsigned rule_leavable(const struct eval *e, const struct targets *to, struct slice rooms[TARGETS_MAX]);
/* The room of the user that `evict` names: all the user's sockets, wherever they are.  False: a value cannot be used. */
bool rule_user_room(struct eval *e, const struct text_template *id, struct target_room *out);
/* The action A once, for ROOM (p NULL: none), with what comes last: for rules without a client.  As rule_act(). */
int rule_act_in(struct eval *e, const struct action *a, struct slice room);
/* What comes last, of the actions that ran. */
void rule_act_last(struct eval *e, const struct rule *r, const struct rule_ran *ran);

#endif
