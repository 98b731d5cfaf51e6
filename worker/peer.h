/*
 * peer.h - whose address a request has: the descriptor's peer, or behind trusted proxies the one they name.
 */
#ifndef FORKCAST_WORKER_PEER_H
#define FORKCAST_WORKER_PEER_H

#include <stdint.h>

#include "proto/http.h"

struct conn;

struct peer {
	uint8_t family; /* 4, 6, or 0 when unknown (unix sockets) */
	uint8_t addr[16];
};

/*
 * The last address of X-Forwarded-For that no trusted proxy has, as long as each hop behind it is trusted; the
 * descriptor's peer when it is not trusted itself.
 */
void peer_of(const struct conn *c, const struct http_request *req, struct peer *out);

#endif
