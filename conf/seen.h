/*
 * seen.h - which names stood where: a set of keys, blocks and titles, so that a repeat is told with its first place.
 */
#ifndef FORKCAST_CONF_SEEN_H
#define FORKCAST_CONF_SEEN_H

#include "conf/mistake.h"

/* A key or an untitled block has no title. */
struct seen_name {
	unsigned scope; /* number of the block it stands in */
	struct text name, title;
	struct place at;
};

struct seen {
	size_t n, size;
	struct seen_name *slot;
};

/* The place where it stood before, or NULL, and it is remembered. */
const struct place *seen_before(
    struct conf_arena *a, struct seen *set, unsigned scope, struct text name, struct text title, struct place at);

#endif
