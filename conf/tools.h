/*
 * tools.h - the catalogue for people and programs: what `forkcast doc`, `types` and `explain` print.
 */
#ifndef FORKCAST_CONF_TOOLS_H
#define FORKCAST_CONF_TOOLS_H

#include <stdio.h>

#include "conf/conf.h"

/* TypeScript declarations, as socket.io-client's Socket takes them. */
void tools_types(const struct conf *c, FILE *out);

/* The application in Markdown: what clients may send and hear, rooms, roles, limits, texts. */
void tools_doc(const struct conf *c, FILE *out);

/* What is asked of tools_explain(); NULL: nothing is said of it. */
struct tools_question {
	const char *event, *room;
	const char *nsp; /* NULL: "/" */
	const char *user, *role;
};

/* False when the conf declares nothing of the kind, which is told too. */
bool tools_explain(const struct conf *c, const struct tools_question *q, FILE *out);

#endif
