/*
 * ask.h - questions to the keeper: what must be decided once on the whole host.
 *
 *	ask -> operation ring -> keeper's transaction -> outbox -> keeper's ring -> answer
 *
 * The keeper answers in the transaction that applies the question, so an answer is as true as what it is about, whoever
 * dies meanwhile.  A worker that was lapped on the keeper's ring asks again, with the same number: whoever got
 * something is told so again (store_once.c).  No answer within ASK_WAIT_NS is -ETIMEDOUT; the keeper passes over
 * questions that come to it later than that.
 */
#ifndef FORKCAST_WORKER_ASK_H
#define FORKCAST_WORKER_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"
#include "shm/op.h"
#include "shm/record.h"
#include "worker/buf.h"
#include "worker/clock.h"
#include "worker/timeq.h"

struct worker;

#define ASK_WAIT_NS (2 * NS_PER_S)
#define ASK_MAX     4096u /* questions of a worker that have no answer yet */

/*
 * The answer, in a later turn: RESULT is what the keeper decided (>= 0), or -ETIMEDOUT.  DATA: what it says with it,
 * good for the call.
 */
typedef void (*ask_fn)(struct worker *w, void *arg, int result, struct slice data);

struct question;

struct asks {
	struct timeq waiting;    /* in the order of their numbers */
	struct question *answered, **answered_tail;
	unsigned n;
	uint64_t last; /* number */
};

/*
 * A question of this KIND with room for MORE bytes of fields, which the caller adds to ask_fields() and then asks it or
 * frees it.  NULL: ASK_MAX reached.
 */
struct question *ask_new(struct worker *w, const struct op_head *head, size_t more);
struct tlv_writer *ask_fields(struct question *q);
void ask_free(struct worker *w, struct question *q);
/* 0, or -EMSGSIZE, -ENOBUFS: nothing was asked, and Q is freed. */
int ask_send(struct worker *w, struct question *q, ask_fn fn, void *arg);

/*
 * FN is called in a later turn: 0 the key is new and is now taken until TTL_MS passes, 1 it was taken, -ENOSPC the
 * store takes no more keys, -ETIMEDOUT no answer came.  Keys of different uses shall begin with different words; any
 * length.  0, or -ENOBUFS: too much waits, FN is not called.
 */
typedef void (*ask_once_fn)(struct worker *w, void *arg, int result);
int ask_once(struct worker *w, struct slice key, int64_t ttl_ms, ask_once_fn fn, void *arg);
/* KEY as the store takes it: as it is, or when it is too long its hash.  Into OUT. */
struct slice ask_key(struct slice key, char out[OP_KEY_MAX]);

/* A record of kind RECORD_ANSWER_KEEPER. */
void ask_take(struct worker *w, const struct record *rec);
/* Answers may have been lost: asks all again. */
void ask_again(struct worker *w);
/* Turn: hands out what came, and tells those whose time is over. */
void ask_poll(struct worker *w);

void ask_open(struct worker *w);

#endif
