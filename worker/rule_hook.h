/*
 * rule_hook.h - the step of a rule that asks a hook, and what comes of the reply.
 */
#ifndef FORKCAST_WORKER_RULE_HOOK_H
#define FORKCAST_WORKER_RULE_HOOK_H

#include "worker/rule_wait.h"

/*
 * The step of a rule for the event P of SO.  True: the rule goes on now.  False: later, with rule_finish(), or it has
 * ended and the sender was told.  SO may be gone.
 */
bool rule_hook_event(struct eval *e, struct socket *so, const struct rule *r, const struct sio_packet *p);
/* The step of a reaction.  True: it goes on now; false: later, with rule_reacted(), or not at all. */
bool rule_hook_react(struct eval *e, const struct rule *r);

/* What a failed hook is called by its code, and the text for it: the breaker's own, of the event NAME, or p NULL. */
enum refusal rule_hook_refusal(
    struct eval *e, struct slice name, const struct hook *h, enum hook_failure why, struct text *text);
/* Runs what the reply asks for of the API's verbs; what SO hears for itself comes behind it. */
void rule_hook_acts(struct worker *w, struct socket *so, const struct hook_reply *reply);

#endif
