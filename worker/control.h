/*
 * control.h - acts on sockets that come through the rings: join, leave, disconnect, the keeper's edges; and what a
 * worker owes its clients when it was overtaken.
 */
#ifndef FORKCAST_WORKER_CONTROL_H
#define FORKCAST_WORKER_CONTROL_H

#include "shm/inlet.h"
#include "shm/record.h"

struct worker;

void control_act(struct worker *w, const struct record *rec);
void control_edge(struct worker *w, const struct record *rec);
/* Ends the sessions that may have missed something in SLOT's ring, so that they come back and know. */
void control_lapped(struct worker *w, unsigned slot, const struct inlet_lap *lap);

#endif
