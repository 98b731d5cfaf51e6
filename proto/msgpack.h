/*
 * msgpack.h - MessagePack (the specification of msgpack.org, with timestamps): one token at a time.
 *
 * A container is its head alone; its elements follow as tokens.  So nothing is built, and a count is only a number
 * until as many elements have been read.
 */
#ifndef FORKCAST_PROTO_MSGPACK_H
#define FORKCAST_PROTO_MSGPACK_H

#include <sys/types.h>

#include "proto/slice.h"

enum msgpack_type {
	MSGPACK_NIL,
	MSGPACK_FALSE,
	MSGPACK_TRUE,
	MSGPACK_UINT, /* zero or more, whatever the width and sign it came with */
	MSGPACK_INT,  /* below zero */
	MSGPACK_FLOAT,
	MSGPACK_STR,
	MSGPACK_BIN,
	MSGPACK_ARRAY,
	MSGPACK_MAP,
	MSGPACK_EXT,
};

struct msgpack_token {
	enum msgpack_type type;
	uint64_t u;
	int64_t i;
	double d;          /* FLOAT; of 32 bits: widened */
	uint32_t count;    /* ARRAY: elements; MAP: pairs */
	int8_t ext;        /* EXT: its type */
	struct slice data; /* STR (not checked), BIN, EXT */
};

/* Reads one token.  Returns bytes consumed; 0 when P ends inside it; PROTO_EMSGPACK for 0xc1, which is no token. */
ssize_t msgpack_read(const uint8_t *p, size_t n, struct msgpack_token *out);
/* Length of one value with all that is in it; 0 and errors as above. */
ssize_t msgpack_skip(const uint8_t *p, size_t n);

#define MSGPACK_HEAD_MAX   5
#define MSGPACK_NUMBER_MAX 9

/* Writers, the shortest form that holds the value; each returns the bytes written. */
size_t msgpack_write_uint(uint64_t v, uint8_t out[MSGPACK_NUMBER_MAX]);
size_t msgpack_write_int(int64_t v, uint8_t out[MSGPACK_NUMBER_MAX]);
size_t msgpack_write_double(double v, uint8_t out[MSGPACK_NUMBER_MAX]);
/* Head of a STR, BIN, ARRAY or MAP: N is its length or count. */
size_t msgpack_write_head(enum msgpack_type type, uint32_t n, uint8_t out[MSGPACK_HEAD_MAX]);

/* Big-endian, BYTES of them. */
uint64_t msgpack_get_be(const uint8_t *p, unsigned bytes);
void msgpack_put_be(uint8_t *out, uint64_t v, unsigned bytes);

#endif
