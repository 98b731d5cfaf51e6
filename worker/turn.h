/*
 * turn.h - the loop: read, drain, timers, log, flush; then sleep until something happens.
 */
#ifndef FORKCAST_WORKER_TURN_H
#define FORKCAST_WORKER_TURN_H

struct worker;

/* Arms the loop's own events (doorbell, sweep).  0 or -errno. */
int turn_open(struct worker *w);
/* Runs until the worker is told to stop and has let its clients go. */
void turn_loop(struct worker *w);

#endif
