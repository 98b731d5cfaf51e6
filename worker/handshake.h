/*
 * handshake.h - requests below the engine's path: which session they are for, or why they are refused (the
 * reference's table of errors, in its order of checks).
 */
#ifndef FORKCAST_WORKER_HANDSHAKE_H
#define FORKCAST_WORKER_HANDSHAKE_H

#include "worker/public.h"

struct conf_echo;

/* ECHO: the probe by whose path it came; NULL: Socket.IO. */
enum public_verdict handshake_head(struct conn *c, const struct http_request *req, const struct conf_echo *echo);

#endif
