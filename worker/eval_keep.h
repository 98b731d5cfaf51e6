/*
 * eval_keep.h - an evaluation that goes on in a later turn: all that it points to, copied, so that the rule sees behind its
 * hook what the hook was told.
 */
#ifndef FORKCAST_WORKER_EVAL_KEEP_H
#define FORKCAST_WORKER_EVAL_KEEP_H

#include "worker/eval.h"

/* One block of memory. */
struct eval_kept {
	struct eval e;
	size_t bytes; /* of the block */
};

/* NSTATE: how many e->state has.  The caller ends it with eval_kept_free(). */
struct eval_kept *eval_keep(const struct eval *e, unsigned nstate);
/* It goes on: about SO as it is now, or NULL where none was.  *OUT points into K. */
void eval_again(const struct eval_kept *k, const struct socket *so, struct eval *out);
void eval_kept_free(struct eval_kept *k);

#endif
