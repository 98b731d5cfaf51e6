/*
 * enter.h - rooms with `max_users`: whether one more user fits is decided by the keeper, once for the whole host.
 */
#ifndef FORKCAST_WORKER_ENTER_H
#define FORKCAST_WORKER_ENTER_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"

struct socket;

/* What the asker keeps until then; freed by enter.c behind its call. */
struct entering;

/* The answer: 0 SO is in the room; -EUSERS it is full; -EDQUOT, -ENOBUFS as join_room().  SO may be gone afterwards. */
typedef void (*enter_fn)(struct socket *so, int result, const struct entering *what);

struct entering {
	enter_fn fn;
	struct slice room; /* full name */
	struct slice data; /* the asker's, as it gave it; p NULL: none */
	uint64_t id;	   /* likewise: of an ack */
	bool has_id;
};

/*
 * Asks for a place among the MOST users of the room for SO, which is no member.  Later events of the socket wait for the
 * answer, which comes in a later turn.  0, or -EDQUOT, -ENOBUFS: nothing was asked, and WHAT's fn is not called.
 */
int enter_ask(struct socket *so, uint32_t most, const struct entering *what);

#endif
