/*
 * poll.h - a client's long polling: what client.c calls when the plan says so.
 *
 * One GET is always under way, and one POST while there is something to say; what is sent meanwhile goes into the next.
 * Which connection carries a request:
 *
 *	LINKS_OWN	each client has one for its GETs and one for its POSTs, kept alive, as a browser does.  A worker
 *that hands connections over does so once, and then all are where the session lives.
 *	LINKS_FRESH	a new one for every request, closed behind it
 *	LINKS_HOME	from a pool shared by all clients, as a proxy's: one whose last request was for the same worker
 *	LINKS_AWAY	from that pool: one whose last request was for another worker, so that each has to be handed
 *over
 *
 * For the last two the ids have to begin with where the session lives, as forkcast's do (proto/sid.h).
 */
#ifndef BENCH_LOAD_POLL_H
#define BENCH_LOAD_POLL_H

#include <stddef.h>

struct client;
struct poll_pool;

enum poll_links { LINKS_OWN, LINKS_FRESH, LINKS_HOME, LINKS_AWAY };

/* NULL: out of memory. */
struct poll_pool *poll_pool_new(void);

/* Sets out; packets come to client_packet().  0 or -errno. */
int poll_dial(struct client *c);
void poll_send(struct client *c, const char *text, size_t len);
void poll_close(struct client *c);

#endif
