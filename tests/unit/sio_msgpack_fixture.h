/*
 * sio_msgpack_fixture.h - pieces of packets in MessagePack.
 */
#ifndef FORKCAST_TESTS_SIO_MSGPACK_FIXTURE_H
#define FORKCAST_TESTS_SIO_MSGPACK_FIXTURE_H

#include "proto/slice.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
/* Initializers of a slice. */
/* clang-format off */
#define BYTES(lit) {(lit), sizeof(lit) - 1}
/* clang-format on */
#define EVENT(arg) BYTES("\x83" TYPE("\x02") DATA "\x92\241e" arg NSP)
/* Members of a packet. */
#define TYPE(n) "\xa4type" n
#define DATA    "\244data"
#define NSP     "\xa3nsp\xa1/"

static inline struct slice str(const char *s)
{
	return slice_make(s, strlen(s));
}

#endif
