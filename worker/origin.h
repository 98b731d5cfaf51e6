/*
 * origin.h - which web pages may talk to us: the Origin of a request against the conf, and what CORS answers (the Fetch
 * standard, "CORS protocol").
 *
 * Checked before the 101 as well, since browsers let any page open a WebSocket.  Always let in: the page of the same host
 * and port, and the console of this instance's admin listener.  Besides, those of `origins` in the conf; without any,
 * under --dev, every page of the loopback.  A request without Origin is no page's, and passes.
 */
#ifndef FORKCAST_WORKER_ORIGIN_H
#define FORKCAST_WORKER_ORIGIN_H

#include "proto/http.h"

struct conn;

enum origin {
	ORIGIN_NONE,	/* not a page, or one from here: no word of CORS */
	ORIGIN_ALLOWED, /* the answer has CORS headers */
	ORIGIN_REFUSED,
};

/* Decides, and adds the headers to the answer of the request in hand. */
enum origin origin_check(struct conn *c, const struct http_request *req);
/* Answers a preflight of an origin that is allowed.  False when the request is none. */
bool origin_preflight(struct conn *c, const struct http_request *req);

#endif
