/*
 * asset_reply.h - serving assets over HTTP: the client below the engine's path, as the reference serves it.
 */
#ifndef FORKCAST_WORKER_ASSET_REPLY_H
#define FORKCAST_WORKER_ASSET_REPLY_H

#include "proto/http.h"
#include "worker/assets.h"
#include "worker/conn.h"

/*
 * Answers a request that asks for a file of the client on a public listener, with CORS headers for a page of an origin
 * that may connect; another gets the file without them, as from the reference.  False when the request does not: GET
 * and HEAD of the names that exist are taken, nothing else.
 */
bool assets_handle(struct conn *c, const struct http_request *req);

/*
 * Answers with A: 200, or 304 when the request has its tag (RFC 9110, section 13.1.2), or 503 while the worker holds
 * too much for slow readers already.  Compressed for who accepts gzip, when the file has a compressed twin.  HEADERS:
 * more lines, Cache-Control among them.
 */
void asset_reply(struct conn *c, const struct http_request *req, const struct asset *a, const char *headers);

#endif
