/*
 * uuid.h - random ids, RFC 9562 version 4.
 */
#ifndef FORKCAST_WORKER_UUID_H
#define FORKCAST_WORKER_UUID_H

#define UUID_LEN 36

void uuid_make(char out[UUID_LEN + 1]);

#endif
