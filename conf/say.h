/*
 * say.h - parts of the catalogue in words: for the guide and for explanations.  Names and values stand in backticks.
 */
#ifndef FORKCAST_CONF_SAY_H
#define FORKCAST_CONF_SAY_H

#include <stdio.h>

#include "conf/catalogue.h"

/* On one line, in backticks. */
void say_code(FILE *out, struct text t);
/* "`a` and `b`" */
void say_conditions(FILE *out, unsigned n, const struct condition *c);
/* "members of the room, or users with the role `x`"; "nobody" when N is 0 */
void say_who(FILE *out, unsigned n, const struct who *who);
/* What the hook of a rule is asked for. */
void say_hook(FILE *out, const struct hook_use *use);
/* "everyone in the room and `user:{x}`" */
void say_targets(FILE *out, unsigned n, const struct target *t);
/* The same where rooms are joined and left: "the room and `user:{x}`". */
void say_rooms(FILE *out, unsigned n, const struct target *t);
/* "at most 10 in 1s, counted together by user and event; with the role `x` 20 in 1s" */
void say_limit(FILE *out, const struct limit *l);
/* "emit `x` to everyone in the room with `{...}`, ..." */
void say_action(FILE *out, const struct action *a);
/* What the client's ack is given. */
void say_ack(FILE *out, const struct rule *r);

#endif
