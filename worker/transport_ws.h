/*
 * transport_ws.h - a session over one WebSocket.
 */
#ifndef FORKCAST_WORKER_TRANSPORT_WS_H
#define FORKCAST_WORKER_TRANSPORT_WS_H

#include "worker/session.h"

extern const struct transport transport_ws;

/*
 * A WebSocket handshake without a session: makes the session and opens it on C.  B64: the client wants binary as text.
 * ECHO: by whose path it came, or NULL.
 */
void transport_ws_open(struct conn *c, const struct http_request *req, bool b64, const struct conf_echo *echo);
/* The upgrade of S is complete: its messages go and come over FROM's connection from here on. */
void transport_ws_take(struct session *s, struct ws_end *from);
/* What carries messages where D was agreed on. */
enum carrier transport_ws_carrier(const struct ws_deflate *d);
/* May permessage-deflate be agreed on? */
bool transport_ws_compresses(const struct worker *w);

#endif
