/*
 * builtin.h - the events every application has: subscribe, unsubscribe, getRooms, ping, or what `builtins` calls them.
 */
#ifndef FORKCAST_WORKER_BUILTIN_H
#define FORKCAST_WORKER_BUILTIN_H

#include "proto/socketio.h"
#include "worker/socket.h"

/* True when NAME is one of them, in the socket's namespace. */
bool builtin_knows(const struct socket *so, struct slice name);
/* False when it is none of them. */
bool builtin_event(struct socket *so, struct slice name, const struct sio_packet *p);

#endif
