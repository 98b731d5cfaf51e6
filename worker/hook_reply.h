/*
 * hook_reply.h - what a backend may reply: a list of verbs (CATALOGUE section 9), judged as a whole before any is run.
 *
 * `data`, `ack`, `error` and `user` are the hook's own.
 */
#ifndef FORKCAST_WORKER_HOOK_REPLY_H
#define FORKCAST_WORKER_HOOK_REPLY_H

#include <stdbool.h>

#include "proto/slice.h"

struct verb;
struct worker;

#define HOOK_REPLY_MAX	(1u << 20)
#define HOOK_VERBS_MAX	1000u
#define HOOK_ROOMS_MAX	100u /* of `user` */

/* JSON values; p NULL: the verb, or the member, was not there.  Of a verb that came twice the last counts. */
struct hook_reply {
	struct slice data, ack;
	bool refused; /* `error`: with it the list, and the rule, end */
	struct slice message, code, error_data; /* the first two are strings */
	struct slice name, role, user_data, rooms; /* of `user`; strings, any, a list of strings */
	unsigned nact;
	const struct verb **act; /* of the API, in order, up to an `error` */
};

/*
 * Judges BODY, which nothing has looked at.  False: no JSON, no list of objects with one member each, a verb that is
 * not known, or known with a body that is not its own; CONNECTING: `user` is allowed.
 */
bool hook_reply_read(struct worker *w, struct slice body, bool connecting, struct hook_reply *out);
/* Runs the verbs of the API.  The ticket of the last record that they published; 0: none. */
int64_t hook_reply_run(struct worker *w, const struct hook_reply *reply);

#endif
