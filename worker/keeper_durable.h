/*
 * keeper_durable.h - what is to survive the instance: loaded when it starts, copied to disk by a thread.
 *
 *	main loop	journal entries with the change ------+		forgets entries <= copied
 *	thread		waits for `want` > `copied` and `sync`, reads them, commits them, raises `copied`
 *
 * The thread alone touches the environment on disk once it runs; what the two share are the numbers below.  While
 * copying fails, nothing new that is to survive is taken; what was taken stays in the journal and is tried again.
 */
#ifndef FORKCAST_WORKER_KEEPER_DURABLE_H
#define FORKCAST_WORKER_KEEPER_DURABLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct durable;
struct keeper;

struct keeper_durable {
	bool on, running;
	char dir[4096];
	struct durable *d; /* the thread's while it runs */
	pthread_t thread;
	pthread_mutex_t lock; /* of the two conditions to wake up for */
	pthread_cond_t wake;
	uint64_t want; /* under the lock: the last entry committed */
	bool stop;     /* under the lock: copy what is wanted, and end */
	_Atomic uint64_t copied;
	_Atomic bool failing;
};

/* Loads what is on disk into a fresh store, and starts the thread.  0 or -errno. */
int keeper_durable_init(struct keeper *k);
/* Copies what is left, once, and ends the thread. */
void keeper_durable_fini(struct keeper *k);
/* Before a batch. */
void keeper_durable_begin(struct keeper *k);
/* Inside a batch: forgets what was copied.  0 or -errno. */
int keeper_durable_apply(struct keeper *k);
/* After a commit. */
void keeper_durable_tell(struct keeper *k);
/* True when entries can be forgotten, which somebody waits for, or, TIDY, nobody. */
bool keeper_durable_pending(const struct keeper *k, bool tidy);
/* True while entries are not on disk. */
bool keeper_durable_behind(const struct keeper *k);

#endif
