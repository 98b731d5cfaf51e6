/*
 * decimal.h - whole numbers as digits, without the cost of snprintf().
 */
#ifndef FORKCAST_PROTO_DECIMAL_H
#define FORKCAST_PROTO_DECIMAL_H

#include <stdint.h>

#include "proto/slice.h"

#define DECIMAL_MAX 20 /* digits of UINT64_MAX */

/* The digits of V, which lie at the end of OUT. */
static inline struct slice decimal(uint64_t v, char out[DECIMAL_MAX])
{
	size_t i = DECIMAL_MAX;

	do {
		out[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	return slice_make(out + i, DECIMAL_MAX - i);
}

#endif
