/*
 * flush.h - the end of a turn: every touched connection gets its one write.
 *
 * On loopback and on fast networks most of a small message's price is the system call and what stands around it in the
 * kernel, so when a turn touched many connections their sends go to the kernel through io_uring, many to one call.
 * Each is a non-blocking send of one span, complete when the call returns: nothing stays armed, the arena may be reset
 * right after.  Where the kernel or a container's policy has no io_uring, each is a send(2) of its own.
 */
#ifndef FORKCAST_WORKER_FLUSH_H
#define FORKCAST_WORKER_FLUSH_H

struct worker;
struct flush;

/* NULL only when out of memory; no io_uring is not an error. */
struct flush *flush_new(void);
/* Writes what the turn queued, and empties the list. */
void flush_turn(struct worker *w);

#endif
