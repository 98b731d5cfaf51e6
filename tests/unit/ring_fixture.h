/*
 * ring_fixture.h - a ring in private memory, and payloads that tell where they belong: every byte follows from the
 * record's serial number, so a reader recognises a torn, stale or misplaced copy without knowing what was published.
 */
#ifndef FORKCAST_TESTS_RING_FIXTURE_H
#define FORKCAST_TESTS_RING_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shm/ring.h"

static inline struct ring_shm *fixture_ring(size_t size)
{
	struct ring_shm *shm = aligned_alloc(64, ring_footprint(size));

	if (!shm)
		abort();
	/* Not zero: fresh bytes must not look like a record, and nothing may depend on them. */
	memset((void *)shm, 0xa5, ring_footprint(size));
	ring_format(shm, size);
	return shm;
}

static inline uint64_t payload_word(uint64_t serial, uint64_t i)
{
	uint64_t x = (serial + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (i + 1) * UINT64_C(0xc2b2ae3d27d4eb4f);

	return x ^ x >> 29;
}

/* The serial first, when there is room for it, then bytes made from it. */
static inline void payload_fill(uint8_t *p, size_t n, uint64_t serial)
{
	uint64_t w = serial;

	for (size_t i = 0; i * 8 < n; i++) {
		memcpy(p + i * 8, &w, n - i * 8 < 8 ? n - i * 8 : 8);
		w = payload_word(serial, i);
	}
}

static inline bool payload_is(const uint8_t *p, size_t n, uint64_t serial)
{
	uint64_t w = serial;

	for (size_t i = 0; i * 8 < n; i++) {
		if (memcmp(p + i * 8, &w, n - i * 8 < 8 ? n - i * 8 : 8) != 0)
			return false;
		w = payload_word(serial, i);
	}
	return true;
}

static inline uint64_t payload_serial(const uint8_t *p)
{
	uint64_t serial;

	memcpy(&serial, p, 8);
	return serial;
}

/* Publishes a record of N bytes for SERIAL; its position. */
static inline int64_t publish_serial(struct ring *r, uint64_t serial, size_t n)
{
	uint8_t *p = malloc(n > 0 ? n : 1);
	struct iovec iov = {.iov_base = p, .iov_len = n};
	int64_t pos;

	if (!p)
		abort();
	payload_fill(p, n, serial);
	pos = ring_publish(r, RING_DATA, 0, &iov, 1, serial);
	free(p);
	return pos;
}

#endif
