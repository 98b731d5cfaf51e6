/*
 * rule_emit.h - one action: whom it is for, and the packet.
 */
#ifndef FORKCAST_WORKER_RULE_EMIT_H
#define FORKCAST_WORKER_RULE_EMIT_H

#include "worker/eval.h"

/*
 * Sends what an action with `emit` says.  The record's ticket, 0 when there is no target, or -EINVAL (a name or payload
 * that the action cannot use), -EMSGSIZE, -ENOBUFS.
 */
int64_t rule_emit(struct eval *e, const struct action *a);
/* The packet that it sends, in w->packet.  0, or -EINVAL: a payload that the action cannot use. */
int rule_packet(struct eval *e, const struct action *a, struct message *out);

/*
 * Appends the arguments that a list template gives, separated by commas.  0, or -EINVAL: it gave no list.
 */
int rule_args(struct eval *e, const struct json_node *json, struct buf *out);
/*
 * The attachments of the event that ARGS still name, with the placeholders renumbered; both live until the turn's end.
 * 0, or -EINVAL: more than a packet may have.
 */
int rule_attach(struct eval *e, struct slice args, struct message *out);

#endif
