/*
 * hook_body.h - what a backend is told (CATALOGUE section 9).
 */
#ifndef FORKCAST_WORKER_HOOK_BODY_H
#define FORKCAST_WORKER_HOOK_BODY_H

#include "worker/eval.h"

/*
 * Appends {event, namespace, args, socket: {id, ip, rooms}, user: {id, name, role, claims, data}, room, time} about E to
 * OUT; what is not known is null.  OUT must not be a buffer of eval's.
 */
void hook_body(struct eval *e, struct buf *out);

#endif
