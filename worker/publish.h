/*
 * publish.h - into the own ring: broadcasts, control acts, and what waits until they are there.
 *
 * Nothing is delivered here: local members are served by the drain like everybody else's.
 */
#ifndef FORKCAST_WORKER_PUBLISH_H
#define FORKCAST_WORKER_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"
#include "shm/record.h"
#include "worker/buf.h"
#include "worker/message.h"

struct worker;

#define PUBLISH_TARGETS_MAX 256 /* of one record */

/* A room as a target; a sid when it has the form of one and OWN is set. */
struct target_room {
	struct slice name;
	bool own; /* a socket's own room: NAME is its sid */
};

/* Who hears it. */
struct audience {
	struct slice nsp;
	const struct target_room *in; /* none: the whole namespace */
	unsigned nin;
	const struct target_room *except;
	unsigned nexcept;
};

/*
 * Publishes M to AUDIENCE.  FLAGS: enum record_flag.  Returns the ticket of the
 * record (> 0), or -EMSGSIZE (above ring/8), -ENOBUFS (ring and overflow full).  0: it is held, see publish_hold().
 */
int64_t publish_message(struct worker *w, const struct audience *a, const struct message *m, uint32_t flags);
/* The same for an event that asks for acks; *ASKED: the slots that will say how many sockets they asked. */
int64_t publish_asking(struct worker *w, const struct audience *a, const struct message *m, uint32_t flags,
    const struct record_ack *ack, struct slot_mask *asked);
/* To the process that asked: N sockets here were; and what one of them answered (ARGS: a JSON array, empty: none). */
void publish_answer_count(struct worker *w, const struct record_ack *to, uint32_t n);
void publish_answer(struct worker *w, const struct record_ack *to, struct slice args, struct attachments attached);
/* Publishes an act on the audience's sockets; ROOMS: what to join or leave. */
int64_t publish_control(struct worker *w, const struct audience *a, enum record_act act, const struct slice *rooms,
    unsigned nrooms);

/* Bytes that a record for that audience takes at most, with CONTENT bytes of packet, attachments or rooms and NCONTENT of these. */
size_t publish_size(const struct audience *a, size_t content, unsigned ncontent);
/* 0 when N records of these sizes would all be taken now, else -EMSGSIZE or -ENOBUFS. */
int publish_would_take(struct worker *w, const size_t *size, unsigned n);

/*
 * Between these two calls whatever is published is added to *HOLD instead, as fields OP_TLV_RECORD: to travel inside an
 * operation, so that it is sent when the keeper says so, and with what it decides.  Never across a callback.
 */
struct publish_held {
	struct buf fields;
};
void publish_hold(struct worker *w, struct publish_held *hold);
void publish_go(struct worker *w);

/* Calls FN(ARG) once the record with TICKET is in the ring: now, or by a later turn. */
typedef void (*publish_settled_fn)(struct worker *w, void *arg);
void publish_when_settled(struct worker *w, int64_t ticket, publish_settled_fn fn, void *arg);
/* Turn: moves the overflow on and calls what has settled. */
void publish_pump(struct worker *w);

#endif
