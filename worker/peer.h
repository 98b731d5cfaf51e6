/*
 * peer.h - whose address a request has: the descriptor's peer, or behind trusted proxies the one they name.
 */
#ifndef FORKCAST_WORKER_PEER_H
#define FORKCAST_WORKER_PEER_H

#include <stdint.h>

#include "proto/http.h"

struct conf;
struct sockaddr;

struct peer {
	uint8_t family;	  /* 4, 6, or 0 when unknown (unix sockets) */
	uint8_t addr[16]; /* network order; IPv4 in the first four */
};

/* An IPv4 peer of a dual-stack listener is an IPv4 peer: networks and logs know it by that address. */
void peer_from_sockaddr(struct peer *out, const struct sockaddr *sa);

/*
 * The last address of X-Forwarded-For that no trusted proxy has, as long as each hop behind it is trusted; the
 * descriptor's peer when it is not trusted itself.
 */
void peer_of(const struct conf *conf, const struct peer *descriptor, const struct http_request *req, struct peer *out);
/* As text; at least INET6_ADDRSTRLEN bytes; "" when unknown. */
const char *peer_text(const struct peer *p, char *out, size_t cap);

#endif
