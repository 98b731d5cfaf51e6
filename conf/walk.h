/*
 * walk.h - all sources of a compiled rule, all reactions of a namespace: for those who describe them.
 */
#ifndef FORKCAST_CONF_WALK_H
#define FORKCAST_CONF_WALK_H

#include "conf/catalogue.h"
#include "conf/conf_arena.h"

enum walk_use {
	WALK_ROOM,  /* in the name of the rule's room, without a default: without it the event is refused */
	WALK_VALUE, /* anywhere else */
};

typedef void (*walk_fn)(void *arg, const struct source *s, enum walk_use use);

/* Calls FN for each source of R, in the order of the steps. */
void walk_rule(const struct rule *r, walk_fn fn, void *arg);

typedef void (*walk_on_fn)(void *arg, const struct rule *r, const struct room_type *type);

/* Calls FN for each reaction of NSP; TYPE: of the rooms that it is about; NULL: all, or none. */
void walk_reactions(const struct catalogue_nsp *nsp, walk_on_fn fn, void *arg);

/* What a rule without `fields` reads of the payload: first parts of bare paths, each once. */
struct walk_member {
	struct text name;
	bool room;  /* the room's name needs it, as a text or an integer */
	bool inner; /* something in it is read, so it is an object or a list */
};

struct walk_reads {
	unsigned n;
	struct walk_member *member;
	bool list; /* the payload itself is read as a list */
};

struct walk_reads walk_reads(struct conf_arena *a, const struct rule *r);

#endif
