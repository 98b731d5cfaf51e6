/*
 * rule_act.h - a rule's actions: the first half joins and sends, the second, behind the ack, leaves and ends.
 */
#ifndef FORKCAST_WORKER_RULE_ACT_H
#define FORKCAST_WORKER_RULE_ACT_H

#include "worker/eval.h"

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
/* What comes last, of the actions that ran. */
void rule_act_last(struct eval *e, const struct rule *r, const struct rule_ran *ran);

#endif
