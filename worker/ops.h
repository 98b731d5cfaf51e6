/*
 * ops.h - what this worker tells the keeper: sockets that come and go, rooms they join and leave.
 */
#ifndef FORKCAST_WORKER_OPS_H
#define FORKCAST_WORKER_OPS_H

#include <stdbool.h>

#include "proto/slice.h"
#include "shm/tlv.h"

struct socket;
struct worker;

/* A new socket with the rooms it is in already.  False: ring and overflow are full, nothing was told. */
bool ops_socket_add(struct worker *w, const struct socket *so);
/* The same of a socket that the keeper knows, and that has another user or other automatic rooms now. */
bool ops_socket_set(struct worker *w, const struct socket *so);
/* Rooms joined or left.  Joins may be refused as above; leaving has a reserve. */
bool ops_join(struct worker *w, const struct socket *so, const struct slice *rooms, unsigned n);
void ops_leave(struct worker *w, const struct socket *so, const struct slice *rooms, unsigned n);
/* Its session has another transport now. */
void ops_socket_transport(struct worker *w, const struct socket *so);
void ops_socket_del(struct worker *w, const struct socket *so);
/* A question, whole (ask.h).  0, -EMSGSIZE (longer than an eighth of the ring) or -ENOBUFS. */
int ops_ask(struct worker *w, const struct tlv_writer *op);
/* Turn: moves the overflow on. */
void ops_pump(struct worker *w);

#endif
