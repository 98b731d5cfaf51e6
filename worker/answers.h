/*
 * answers.h - what clients answered to an event of the API that asked for acks: collected, and given to its caller.
 *
 *	POST /v1/emit with timeout -> record with an ack request -> each slot: COUNT, then ARGS from each of its sockets
 *
 * The caller hears when every slot that was asked has counted and every socket has answered, or when the time is over:
 * then with what there is.
 */
#ifndef FORKCAST_WORKER_ANSWERS_H
#define FORKCAST_WORKER_ANSWERS_H

#include "shm/record.h"
#include "worker/conn.h"
#include "worker/uuid.h"

#define ANSWERS_MAX	  1000u	     /* collections of a worker at a time */
#define ANSWERS_BYTES_MAX (8u << 20) /* of one: what more comes is only counted */

struct answers;

/* Begins to collect for the request on C; *OUT goes into the record.  NULL: ANSWERS_MAX reached. */
struct answers *answers_new(struct conn *c, uint64_t timeout_ms, struct record_ack *out);
/* The record is published: these slots were asked.  The request is answered later, under the name ID. */
void answers_wait(struct answers *a, const struct slot_mask *asked, const char id[UUID_LEN + 1]);
/* Nothing was published. */
void answers_free(struct answers *a);
/* A record of kind RECORD_ANSWER from FROM. */
void answers_take(struct worker *w, unsigned from, const struct record *rec);

#endif
