/*
 * value_element.h - one value of a list option: claims, networks, places of tokens, transports, origins, rights, rooms.
 *
 * value.c reads lists with it; origin.c and rate.c are parts of it.
 */
#ifndef FORKCAST_CONF_VALUE_ELEMENT_H
#define FORKCAST_CONF_VALUE_ELEMENT_H

#include "conf/load.h"

/* One option being read. */
struct reading {
	struct load *l;
	const struct option *o;
	char *base;            /* the option's member is at base + o->offset */
	const struct token *t; /* the value at hand */
};

/* The value as it may stand in a message. */
const char *value_shown(const struct reading *r);
/* True when T has the option's length, and no control characters or line breaks. */
bool value_line(const struct reading *r, struct text t);
/* Bytes of an element of this option's array; 0 when it has none. */
size_t value_element_size(enum option_type type);
/* Reads the value into OUT, or into *BITS for transports and rights. */
bool value_element(const struct reading *r, void *out, unsigned *bits);

/* rate.c */

/* Reads "10/1s". */
bool rate_read(const struct reading *r, struct limit_rate *out);

/* origin.c */

/* Reads an origin, in the form that browsers send. */
bool origin_read(const struct reading *r, struct text *out);

#endif
