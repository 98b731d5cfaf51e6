/*
 * condition.h - compiled conditions (CATALOGUE section 5): no arithmetic, no calls, no loops.
 *
 *	or := term { "or" term }	term := [ "not" ] ( X | X op Y | X "in" Y )
 */
#ifndef FORKCAST_CONF_CONDITION_H
#define FORKCAST_CONF_CONDITION_H

#include "conf/source.h"

enum condition_op { COND_TRUTHY, COND_EQ, COND_NE, COND_LT, COND_LE, COND_GT, COND_GE, COND_IN };

struct condition_term {
	bool negate;
	enum condition_op op;
	struct source x, y; /* y unused for TRUTHY */
};

/* True when any term is. */
struct condition {
	unsigned n;
	struct condition_term *term;
	struct text written;
};

#endif
