/*
 * engineio.h - Engine.IO v4 (PROTOCOL.md section 1): packet types, the open packet, the handshake query.
 */
#ifndef FORKCAST_PROTO_ENGINEIO_H
#define FORKCAST_PROTO_ENGINEIO_H

#include <sys/types.h>

#include "proto/slice.h"

enum eio_type {
	EIO_OPEN = '0',
	EIO_CLOSE = '1',
	EIO_PING = '2',
	EIO_PONG = '3',
	EIO_MESSAGE = '4',
	EIO_UPGRADE = '5',
	EIO_NOOP = '6',
};

enum eio_transport { EIO_TRANSPORT_NONE = 0, EIO_TRANSPORT_POLLING = 1, EIO_TRANSPORT_WEBSOCKET = 2 };

/* The handshake error codes that travel as {"code":N,"message":...}. */
enum eio_error {
	EIO_OK = -1,
	EIO_UNKNOWN_TRANSPORT = 0,
	EIO_UNKNOWN_SID = 1,
	EIO_BAD_HANDSHAKE_METHOD = 2,
	EIO_BAD_REQUEST = 3,
	EIO_FORBIDDEN = 4,
	EIO_UNSUPPORTED_VERSION = 5,
};

#define EIO_DECODED_MAX 32u

/* Points into itself: not to be copied. */
struct eio_query {
	struct slice eio; /* value of EIO, empty when missing; like the others without escapes, unless it is too long */
	struct slice transport;
	struct slice sid; /* empty means none */
	bool b64;
	enum eio_transport kind; /* of `transport`; NONE when unknown */
	char decoded[3][EIO_DECODED_MAX];
};

struct eio_open {
	const char *sid; /* 20 characters */
	bool upgrade_websocket;
	int64_t ping_interval_ms, ping_timeout_ms;
	size_t max_payload;
};

/* Parses the query of a request target (without '?'); the last of repeated names counts, as in the reference. */
void eio_query_parse(struct slice query, struct eio_query *out);
/* Value of NAME in a query, still percent-encoded.  False when absent. */
bool eio_query_get(struct slice query, const char *name, struct slice *value);
/* Percent-decodes (and '+' to space).  Length or -1 when malformed or CAP is too small. */
ssize_t eio_percent_decode(struct slice in, char *out, size_t cap);
/* Writes the open packet, compact, in the reference's key order.  Length, never above CAP >= 256. */
size_t eio_open_write(const struct eio_open *o, char *out, size_t cap);
/* JSON body of a refusal: {"code":1,"message":"Session ID unknown"}. */
struct slice eio_error_body(enum eio_error e);
/* Message text alone, as it travels on a refused upgrade. */
struct slice eio_error_message(enum eio_error e);
/* Type of a text packet; -1 when empty or unknown (PROTOCOL.md: parse error). */
int eio_packet_type(struct slice packet);

#endif
