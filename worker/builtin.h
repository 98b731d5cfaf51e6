/*
 * builtin.h - the events every application has: subscribe, unsubscribe, getRooms, ping, or what `builtins` calls them.
 */
#ifndef FORKCAST_WORKER_BUILTIN_H
#define FORKCAST_WORKER_BUILTIN_H

#include "proto/socketio.h"
#include "worker/socket.h"

/* False when NAME is none of them. */
bool builtin_event(struct socket *so, struct slice name, const struct sio_packet *p);

#endif
