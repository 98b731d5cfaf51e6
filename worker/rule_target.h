/*
 * rule_target.h - whom an action is for: `to` and `except` as rooms.
 */
#ifndef FORKCAST_WORKER_RULE_TARGET_H
#define FORKCAST_WORKER_RULE_TARGET_H

#include "worker/eval.h"
#include "worker/publish.h"

#define TARGETS_MAX 128

struct targets {
	struct target_room room[TARGETS_MAX];
	unsigned n;
	bool all, overflow;
};

/* A room that a template names, in the turn's arena.  False: a value is absent or not fit for a name. */
bool target_room_name(struct eval *e, const struct text_template *t, struct slice *name);
/* Fills both.  False as above, or for more than TARGETS_MAX. */
bool targets_resolve(struct eval *e, const struct action *a, struct targets *to, struct targets *except);
/* As the audience of a record, which points to both.  False: there is nobody. */
bool targets_audience(
    const struct eval *e, const struct targets *to, const struct targets *except, struct audience *out);

#endif
