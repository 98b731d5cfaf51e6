/*
 * oracle_pipe.h - records from a program that knows better (tests/oracle), little-endian.
 */
#ifndef FORKCAST_TESTS_ORACLE_PIPE_H
#define FORKCAST_TESTS_ORACLE_PIPE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/slice.h"

static inline FILE *oracle_open(const char *script, unsigned count, unsigned seed)
{
	char cmd[256];
	FILE *f;

	(void)snprintf(cmd, sizeof cmd, "node tests/oracle/%s %u %u", script, count, seed);
	f = popen(cmd, "r"); /* NOLINT(cert-env33-c): a fixed command */
	assert_non_null(f);
	return f;
}

static inline void oracle_close(FILE *f)
{
	assert_int_equal(getc(f), EOF);
	assert_int_equal(pclose(f), 0);
}

static inline uint64_t oracle_integer(FILE *f, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++) {
		int c = getc(f);

		assert_int_not_equal(c, EOF);
		v |= (uint64_t)(unsigned)c << 8 * i;
	}
	return v;
}

/* A length and that many bytes, in memory of exactly their size, so that the sanitizers see a byte read too many. */
static inline struct slice oracle_text(FILE *f, unsigned length_bytes)
{
	size_t n = (size_t)oracle_integer(f, length_bytes);
	char *p = malloc(n ? n : 1);

	assert_non_null(p);
	assert_int_equal(fread(p, 1, n, f), n);
	return slice_make(p, n);
}

#endif
