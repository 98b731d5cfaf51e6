/*
 * join.h - rooms that a socket joins and leaves by what it says: bounded by max_rooms, and in the operations that restore
 * a session elsewhere.
 */
#ifndef FORKCAST_WORKER_JOIN_H
#define FORKCAST_WORKER_JOIN_H

#include "proto/slice.h"
#include "worker/room.h"

/* The room NAME of the socket's namespace that it is a member of, or NULL. */
struct room *joined_room(const struct socket *so, struct slice name);
/* Of one that is no member.  -EDQUOT: it is in max_rooms of them; -ENOBUFS: there is no place for the operation. */
int join_room(struct socket *so, struct slice name);
/* The same because a backend says so, which max_rooms does not bind.  0 for a member, too. */
int join_room_unbound(struct socket *so, struct slice name);
/* The same when the keeper has put it in: 0, or -EDQUOT, and then it was taken out again. */
int join_room_decided(struct socket *so, struct slice name);
void leave_room(struct socket *so, struct room *r, struct slice name);

#endif
