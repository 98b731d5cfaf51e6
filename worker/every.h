/*
 * every.h - `every "NAME"`: the keeper says when, and names the worker that does it.
 *
 * A run that is for each room of a type takes them page by page, some in a turn, and ends before its next begins: what
 * is due meanwhile is skipped, and counted by a warning.
 */
#ifndef FORKCAST_WORKER_EVERY_H
#define FORKCAST_WORKER_EVERY_H

#include "shm/record.h"

struct worker;

/* A record RECORD_EDGE_TICK. */
void every_due(struct worker *w, const struct record *rec);
/* Turn: does what is due, or goes on with it. */
void every_turn(struct worker *w);

#endif
