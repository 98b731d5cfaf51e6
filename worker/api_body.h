/*
 * api_body.h - reading the JSON bodies of the API: members, target words, and what is wrong with them.
 */
#ifndef FORKCAST_WORKER_API_BODY_H
#define FORKCAST_WORKER_API_BODY_H

#include "worker/conn.h"
#include "worker/publish.h"

#define API_TARGETS_MAX 200

/* A list of target words, resolved. */
struct api_targets {
	struct target_room room[API_TARGETS_MAX];
	unsigned n;
	bool all; /* the whole namespace */
};

/* Scans BODY.  False when it is no JSON object; the error was answered. */
bool api_body_object(struct conn *c, struct slice body);
/* False when BODY has a member that is not in KNOWN (NULL-terminated); the error was answered. */
bool api_body_only(struct conn *c, struct slice body, const char *const *known);
/*
 * Reads member FIELD as a target word or a list of them: a room, user:ID, role:R, socket:SID, all.  REQUIRED: its
 * absence is an error.  False when the error was answered.
 */
bool api_body_targets(struct conn *c, struct slice body, const char *field, bool required, struct api_targets *out);
/* The targets as the store wants them (NULL: the whole namespace), in the turn's arena.  Returns how many. */
unsigned api_target_names(struct worker *w, const struct api_targets *t, const char *names[API_TARGETS_MAX]);
/* Member FIELD as true or false, absent: false.  False when the error was answered. */
bool api_body_bool(struct conn *c, struct slice body, const char *field, bool *out);
/* Member `namespace`, absent: "/".  Must be declared. */
bool api_body_namespace(struct conn *c, struct slice body, struct slice *out);
/* A room name that a socket may be put into: 1 to OP_NAME_MAX bytes of text, decoded into the turn's arena. */
bool api_room_text(struct worker *w, struct slice value, struct slice *out);

#endif
