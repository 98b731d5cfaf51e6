/*
 * identity.h - a socket and who it is: the user, the claims, the automatic rooms and the end that follow from its
 * token.
 *
 * A socket that is pending came without a token and may present one in band (in_band.h).  It is in no room, not even
 * its namespace, so only what is meant for its sid reaches it.
 */
#ifndef FORKCAST_WORKER_IDENTITY_H
#define FORKCAST_WORKER_IDENTITY_H

#include "worker/auth.h"
#include "worker/reason.h"
#include "worker/socket.h"

/* Takes user and claims from ID, whose slices are copied; what SO had of them is let go. */
void identity_take(struct socket *so, const struct identity *id);
/*
 * Puts the socket into its namespace and the rooms that `auth { rooms }` and its role give it, and out of those that it no longer
 * does.  The keeper is told by the caller.
 */
void identity_rooms(struct socket *so);
/* From now on the socket ends when its token does, as `expiry` has it. */
void identity_watch(struct socket *so, int64_t ends_ms);
/* Sends the event `error` with text and code, and lets every socket of the session go. */
void identity_end(struct socket *so, enum refusal code, enum close_reason reason);

#endif
