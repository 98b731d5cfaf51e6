/*
 * encode.h - a run of packets in the bytes of a transport, built at most once for all receivers that want it.
 */
#ifndef FORKCAST_WORKER_ENCODE_H
#define FORKCAST_WORKER_ENCODE_H

#include "proto/slice.h"
#include "worker/arena.h"
#include "worker/out.h"
#include "worker/session.h"

#define RUN_MAX 512u

struct room;

/* Consecutive messages for the same receivers. */
struct run {
	struct room *room;
	bool is_volatile;
	unsigned n;
	size_t bytes; /* of all packets */
	struct slice packet[RUN_MAX];
};

struct encoded {
	unsigned have; /* bit per enum encoding */
	struct span span[ENCODINGS];
};

/* Builds what is missing; the span lives until the turn's end. */
const struct span *encoded_build(struct encoded *e, enum encoding enc, const struct run *run, struct arena *a);

static inline const struct span *encoded_for(struct encoded *e, enum encoding enc, const struct run *run,
    struct arena *a)
{
	return e->have >> enc & 1 ? &e->span[enc] : encoded_build(e, enc, run, a);
}

#endif
