/*
 * store_fixture.h - a store of its own for a test, and its end.
 */
#ifndef FORKCAST_TESTS_STORE_FIXTURE_H
#define FORKCAST_TESTS_STORE_FIXTURE_H

#include <stdio.h>
#include <unistd.h>

#define STORE_NONCE UINT64_C(0xfeed5eed)

static char store_path[128];

static inline void store_fixture_end(void)
{
	char other[160];

	unlink(store_path);
	snprintf(other, sizeof other, "%s-lock", store_path);
	unlink(other);
	snprintf(other, sizeof other, "%s-new", store_path);
	unlink(other);
}

static inline void store_fixture(void)
{
	static int serial;

	snprintf(store_path, sizeof store_path, "/dev/shm/forkcast-test-store-%ld-%d", (long)getpid(), serial++);
	store_fixture_end();
}

#endif
