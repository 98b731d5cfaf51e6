/*
 * rule_emit.h - one action: whom it is for, and the packet.
 */
#ifndef FORKCAST_WORKER_RULE_EMIT_H
#define FORKCAST_WORKER_RULE_EMIT_H

#include "worker/eval.h"

/*
 * Runs an action.  The record's ticket, 0 when nothing was sent (a condition does not hold, no target), or -EINVAL (a
 * name or payload that the action cannot use), -EMSGSIZE, -ENOBUFS.
 */
int64_t rule_emit(struct eval *e, const struct action *a);

#endif
