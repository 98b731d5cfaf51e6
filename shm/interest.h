/*
 * interest.h - which slots have members of a room, and when it was last published to.
 *
 * A fixed table of buckets indexed by hash(namespace, room).  Each slot sets and clears only its own bit, so the words
 * need no lock; a bucket shared by two rooms wakes a worker once too often, never once too little.  The caller keeps
 * its bit while any local room of the bucket has a member (worker/room.c keys its own table by the same hash bits).
 *
 *	joiner					publisher
 *	J1 fetch_or(mask, bit)	(seq_cst)	P1 touch time	(atomic maximum, release)
 *	J2 ack the join				P2 read mask	(seq_cst), store tail (ring W4)
 *
 * A publish that starts after the ack sees the bit.  The time is raised before the tail is stored, so a reader that
 * was overtaken and asks "was this bucket touched since T" never misses a record it did not see.
 */
#ifndef FORKCAST_SHM_INTEREST_H
#define FORKCAST_SHM_INTEREST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/segment.h"

struct interest_bucket {
	_Atomic uint64_t mask[SLOT_WORDS];
	_Atomic uint64_t touched_ns; /* CLOCK_MONOTONIC of the newest publish */
};

/* Buckets for a table meant for SESSIONS sessions: power of two, at least 8 a session. */
uint64_t interest_buckets(uint64_t sessions);

uint64_t interest_index(const struct segment *seg, uint64_t hash);
void interest_add(const struct segment *seg, uint64_t hash, unsigned slot);
void interest_del(const struct segment *seg, uint64_t hash, unsigned slot);
/* ORs the bucket's mask into *OUT. */
void interest_collect(const struct segment *seg, uint64_t hash, struct slot_mask *out);
/* Raises the bucket's time to at least NOW_NS. */
void interest_touch(const struct segment *seg, uint64_t hash, uint64_t now_ns);
/* True when the bucket was published to at or after SINCE_NS. */
bool interest_touched_since(const struct segment *seg, uint64_t hash, uint64_t since_ns);
/* Master, slot DEAD: takes the slot's bit out of every bucket. */
void interest_clear_slot(const struct segment *seg, unsigned slot);

#endif
