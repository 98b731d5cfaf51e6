/*
 * sid.h - session and socket ids: 20 characters base64url, 96 random bits and the slot and generation they were made
 * in, so that any process knows the owner without asking.  Slot and generation come first: the ids of one process
 * lifetime share their first SID_PREFIX characters.
 */
#ifndef FORKCAST_PROTO_SID_H
#define FORKCAST_PROTO_SID_H

#include "proto/slice.h"

#define SID_LEN    20
#define SID_PREFIX 4

/* Fills OUT with SID_LEN characters and a NUL.  GEN travels modulo 2^16. */
void sid_make(char out[SID_LEN + 1], unsigned slot, uint32_t gen);
/* False when S has not the form of a sid. */
bool sid_parse(struct slice s, unsigned *slot, uint32_t *gen16);

#endif
