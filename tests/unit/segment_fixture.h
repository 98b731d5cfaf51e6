/*
 * segment_fixture.h - a small segment of its own for a test, gone from /dev/shm before the test uses it.
 */
#ifndef FORKCAST_TESTS_SEGMENT_FIXTURE_H
#define FORKCAST_TESTS_SEGMENT_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/dlog.h"
#include "shm/segment.h"

#define FIXTURE_RING   (UINT64_C(1) << 14)
#define FIXTURE_OPRING (UINT64_C(1) << 14)

static inline struct segment_spec fixture_spec(void)
{
	return (struct segment_spec){.ring_size = FIXTURE_RING,
	    .opring_size = FIXTURE_OPRING,
	    .dlog_size = DLOG_MIN,
	    .sessions = 64,
	    .nonce = 0x5eed};
}

static inline void fixture_name(char *name, size_t n)
{
	static int serial;

	snprintf(name, n, "/forkcast-test-%ld-%d", (long)getpid(), serial++);
}

/* A segment with the parts of slots 0 .. NSLOTS-1. */
static inline void fixture_open(struct segment *seg, unsigned nslots)
{
	struct segment_spec spec = fixture_spec();
	char name[64];
	size_t need = 0;
	int rc;

	fixture_name(name, sizeof name);
	rc = segment_create(seg, name, &spec, &need);
	if (rc == 0) {
		segment_unlink(name);
		for (unsigned i = 0; i < nslots && rc == 0; i++)
			rc = segment_reserve_slot(seg, i, &need);
	}
	if (rc) {
		fprintf(stderr, "segment: %s (%zu bytes)\n", strerror(-rc), need);
		abort();
	}
}

static inline uint64_t fixture_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

#endif
