/*
 * ws.h - the WebSocket transport: frames of a connection to packets of a session, and back.
 */
#ifndef FORKCAST_WORKER_WS_H
#define FORKCAST_WORKER_WS_H

#include "worker/session.h"

extern const struct transport ws_transport;

/* The connection speaks frames from here on. */
void ws_start(struct session *s, struct conn *c);

#endif
