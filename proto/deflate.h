/*
 * deflate.h - messages of permessage-deflate (RFC 7692, section 7.2) over zlib.
 *
 * Nothing is carried from one message to the next ("no context takeover", both ways), so one deflater and one inflater
 * serve all connections of a process, a message that goes to many is compressed once, and a connection costs nothing.
 */
#ifndef FORKCAST_PROTO_DEFLATE_H
#define FORKCAST_PROTO_DEFLATE_H

#include <sys/types.h>

#include "proto/slice.h"

#define DEFLATE_BITS_MIN 8
#define DEFLATE_BITS_MAX 15

struct deflater;
struct inflater;

/* WINDOW_BITS: 8 to 15, what the receiver's window holds.  NULL when memory is short. */
struct deflater *deflater_new(int window_bits);
void deflater_free(struct deflater *d);
/* Room with which deflater_message() always succeeds for N bytes. */
size_t deflater_bound(size_t n);
/*
 * Writes the payload of a compressed message to OUT; returns its length (at least 1), or -ENOSPC when CAP is too small.
 * CAP has to hold 5 bytes more than what is returned.
 */
ssize_t deflater_message(struct deflater *d, const void *p, size_t n, uint8_t *out, size_t cap);

/* NULL when memory is short. */
struct inflater *inflater_new(void);
void inflater_free(struct inflater *i);
/*
 * Inflates the payload of a whole message and sets *OUT to it, never NULL, valid until the next call with I.  Returns
 * its length, PROTO_EFRAME_SIZE when it would be more than MAX bytes, PROTO_EFRAME_DEFLATE when P is no whole deflate
 * data, PROTO_EFRAME_MEM.  It never writes more than MAX + 1 bytes, whatever P promises.
 */
ssize_t inflater_message(struct inflater *i, const uint8_t *p, size_t n, size_t max, const uint8_t **out);
/* Gives the memory of a large message back; what OUT pointed to is gone. */
void inflater_trim(struct inflater *i);

#endif
