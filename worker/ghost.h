/*
 * ghost.h - what is still known of a client that is gone: for rules that run when its socket has been freed.
 */
#ifndef FORKCAST_WORKER_GHOST_H
#define FORKCAST_WORKER_GHOST_H

#include "shm/op.h"
#include "worker/eval.h"

struct facts;
struct socket;
struct worker;

struct ghost_room {
	struct slice name;
	bool automatic;
};

/* One block of memory; the slices lie behind the struct. */
struct ghost {
	struct slice nsp; /* with a NUL behind it */
	const struct catalogue_nsp *rules;
	struct eval_user user;
	struct facts *facts;
	struct slice auth; /* CONNECT payload; p NULL: not kept, or none */
	char sid[OP_SID_LEN + 1];
	char ip[46]; /* INET6_ADDRSTRLEN */
	const char *transport, *reason;
	unsigned refs; /* rules that wait have one */
	int64_t connected_ms, ended_ms; /* wall clock */
	unsigned nrooms;
	struct ghost_room *room; /* without the namespace and its own */
};

/* Taken while the socket is whole, with one reference; NULL when there is no memory. */
struct ghost *ghost_of(const struct socket *so, const char *reason);
/* G may be NULL. */
void ghost_put(struct ghost *g);

#endif
