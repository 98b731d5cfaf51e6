/*
 * guide.h - the application in Markdown (`forkcast doc`): guide.c the whole, guide_rule.c what a rule does.
 */
#ifndef FORKCAST_CONF_GUIDE_H
#define FORKCAST_CONF_GUIDE_H

#include "conf/conf.h"
#include "conf/conf_arena.h"

struct guide {
	const struct conf *conf;
	const struct catalogue_nsp *nsp;
	struct conf_arena *arena;
	bool reacted; /* the chapter of reactions has begun */
	FILE *out;
};

/* A value in a cell of a table. */
void guide_cell(struct guide *g, struct text t);
/* Chapter of an event that clients send. */
void guide_event(struct guide *g, const struct rule *r);
/* Chapter of an event that backends publish. */
void guide_route(struct guide *g, const struct rule *r);
/* Chapter of a reaction; INTERVAL, in ms: to time; 0: to something that happens. */
void guide_on(struct guide *g, const struct rule *r, int64_t interval);
/* Table of what clients hear. */
void guide_heard(struct guide *g);

#endif
