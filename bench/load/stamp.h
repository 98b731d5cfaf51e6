/*
 * stamp.h - the argument of every published event, and what a receiver concludes from the ones it got.
 *
 * The argument is one JSON object of exactly `size` bytes:
 *
 *	{"room":"0007","m":"FFFFSSSSSSSSTTTTTTTTTTTTTTTT...."}
 *
 * FFFF the publisher, SSSSSSSS its sequence number from 0, T.. the intended time of sending (CLOCK_MONOTONIC, ns), all
 *in hexadecimal; dots fill up.  Servers hand it on as it came or parse and print it again: the bytes stay the same.
 */
#ifndef BENCH_LOAD_STAMP_H
#define BENCH_LOAD_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAMP_MIN      50
#define STAMP_ROOM_MAX 9999
#define STAMP_FROM_MAX 0xffff

struct stamp {
	unsigned room, from;
	uint32_t seq;
	uint64_t at;
};

/* Writes size (>= STAMP_MIN) bytes. */
void stamp_write(char *buf, size_t size, const struct stamp *s);

/* False unless text starts with a stamp of exactly size bytes. */
bool stamp_read(const char *text, size_t len, size_t size, struct stamp *s);

/* What one receiver had from one publisher.  mask: bit i is set when next - 1 - i came. */
struct seen {
	uint64_t mask;
	uint32_t next, unique;
};

enum seen_verdict {
	SEEN_NEW,   /* in order */
	SEEN_LATE,  /* first time, but after a later one: reordered */
	SEEN_TWICE, /* had it; also one that comes more than 64 messages late */
};

enum seen_verdict seen_mark(struct seen *s, uint32_t seq);

#endif
