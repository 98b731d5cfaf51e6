/*
 * trigger.h - reactions to what the server sees, `on "disconnect"`, `on "join chat"` and their like (CATALOGUE section 8).
 *
 * What happened in the middle of something, a rule, a drain, the end of a connection, waits in a queue until the turn
 * comes to it, so a reaction never runs inside of what it reacts to, and never makes it wait.  The queue is bounded:
 * what does not fit is counted (forkcast_triggers_dropped_total) and not run.  It rests while the worker is congested.
 * Reactions may lead to others, but not for ever: rules that make one another run in a circle are stopped, and counted too.
 *
 * Once per host: the keeper tells of online, offline, enter, exit, occupied, vacated, and names one worker (see
 * shm/store_writer.h), which runs the rule.
 */
#ifndef FORKCAST_WORKER_TRIGGER_H
#define FORKCAST_WORKER_TRIGGER_H

#include "proto/socketio.h"
#include "shm/record.h"
#include "worker/socket.h"

struct trigger_entry;

struct trigger_queue {
	struct trigger_entry *head, **tail;
	unsigned n;
	unsigned depth; /* of what is pushed now: 0, and more while a reaction runs */
};

void trigger_init(struct trigger_queue *q);
/* The client joined or left a room, and is still there.  Not for rooms that the server chose. */
void trigger_joined(struct socket *so, struct slice room);
void trigger_left(struct socket *so, struct slice room);
/* It goes, with all its rooms; SO is whole yet. */
void trigger_gone(const struct socket *so, enum close_reason reason);
/* The keeper's word. */
void trigger_edge(struct worker *w, const struct record *rec);
/* Turn: runs what waits, within a budget.  True when more is left that could be run. */
bool trigger_turn(struct worker *w);

/* These run on the spot.  A limit refused an event NAME (JSON string body), as the texts say. */
void trigger_limited(struct socket *so, struct slice name, struct slice text, struct slice code, int64_t retry_after);
/* Its token will end soon. */
void trigger_expiring(struct socket *so);

#endif
