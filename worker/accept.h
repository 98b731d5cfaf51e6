/*
 * accept.h - the listening sockets of this worker, and of silent neighbours.
 *
 * Every configured address has one SO_REUSEPORT socket per worker, all made and kept by the master.  A worker accepts
 * on its own; while another worker's slot is empty, or has not beaten for ACCEPT_SILENT_NS, the next live worker in
 * number adopts its sockets, so connections queued there never wait for a respawn.  Two workers may serve one socket
 * for a moment: accept(2) gives each connection to one of them.
 */
#ifndef FORKCAST_WORKER_ACCEPT_H
#define FORKCAST_WORKER_ACCEPT_H

#include <stdbool.h>

struct conn;
struct peer;
struct worker;

#define ACCEPT_SILENT_NS UINT64_C(200000000)
#define ACCEPT_BUDGET	 64 /* connections taken from one socket a turn */

/* 0 or -errno. */
int accept_open(struct worker *w);
/* Looks at the slot table and adopts or gives back neighbours' sockets; by the sweep and when the master rings. */
void accept_neighbours(struct worker *w);
/*
 * FD, which came in on LISTENER from that peer, becomes a connection that begins with HTTP.  NULL when it was refused, or
 * there is no memory; FD is closed then.
 */
struct conn *accept_begin(struct worker *w, int fd, unsigned listener, const struct peer *from);
/* Stops accepting for good and closes every listener. */
void accept_close(struct worker *w);

#endif
