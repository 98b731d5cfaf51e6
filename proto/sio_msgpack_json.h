/*
 * sio_msgpack_json.h - MessagePack values as JSON text, and JSON text as MessagePack; binary values stand beside the
 * text.  Private to sio_msgpack*.c, which says what becomes of what.
 */
#ifndef FORKCAST_PROTO_SIO_MSGPACK_JSON_H
#define FORKCAST_PROTO_SIO_MSGPACK_JSON_H

#include <sys/types.h>

#include "proto/socketio.h"

struct sio_msgpack_text {
	char *out;
	size_t cap, n; /* counts on when the output is full */
	struct slice bin[SIO_ATTACHMENTS_MAX];
	unsigned nbin;
};

/* notepack's undefined is at P. */
bool sio_msgpack_undefined(const uint8_t *p, size_t n);

/*
 * Appends the value at P to T, nested no deeper than DEPTH <= JSON_DEPTH_MAX.  Returns the bytes consumed or PROTO_E*.
 */
ssize_t sio_msgpack_to_json(const uint8_t *p, size_t n, unsigned depth, struct sio_msgpack_text *t);

struct sio_msgpack_bytes {
	uint8_t *out;
	size_t cap, n; /* counts on when the output is full */
};

void sio_msgpack_put(struct sio_msgpack_bytes *b, const void *p, size_t n);

/*
 * Appends scanned JSON to B.  With BINARY, placeholders become the attachments that they name.  0 or PROTO_E*.
 */
int sio_msgpack_from_json(struct slice json, bool binary, const struct slice *attachments, unsigned nattachments,
    struct sio_msgpack_bytes *b);

#endif
