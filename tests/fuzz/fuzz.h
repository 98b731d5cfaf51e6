/*
 * fuzz.h - what the fuzzers share.  Their oracles fail by abort(), which libFuzzer reports with the input.
 */
#ifndef FORKCAST_TESTS_FUZZ_H
#define FORKCAST_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool holds)
{
	if (!holds)
		abort();
}

/* INNER lies within OUTER, or is empty. */
static inline void must_be_within(struct slice inner, struct slice outer)
{
	must(inner.n == 0 || (inner.p >= outer.p && inner.p + inner.n <= outer.p + outer.n));
}

#endif
