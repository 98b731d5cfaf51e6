/*
 * public.h - requests on a public listener: the Engine.IO handshake, by the reference's table of refusals.
 */
#ifndef FORKCAST_WORKER_PUBLIC_H
#define FORKCAST_WORKER_PUBLIC_H

#include "proto/http.h"

struct conn;

/*
 * The head of a request is whole.  True when it is for a session of another worker, to which the connection goes with
 * all its unread bytes.
 */
bool public_elsewhere(struct conn *c, const struct http_request *req);
void public_handle(struct conn *c, const struct http_request *req, struct slice body);

#endif
