/*
 * echo.h - probes: paths that send back what they get, through the same codecs as everything else.
 *
 * One of WebSocket alone, for conformance suites and for measuring the way; one of Engine.IO with both transports.
 */
#ifndef FORKCAST_WORKER_ECHO_H
#define FORKCAST_WORKER_ECHO_H

#include "worker/session.h"

#define ECHO_FRAGMENTS_MAX 65536u /* of one WebSocket message */

/* On a session: each message comes back as it is, in order. */
extern const struct session_app echo_app;

/* A request for a WebSocket echo; refused and answered when it is no handshake. */
void echo_open(struct conn *c, const struct http_request *req, const struct conf_echo *conf);

#endif
