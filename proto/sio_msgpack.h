/*
 * sio_msgpack.h - Socket.IO packets of clients that use socket.io-msgpack-parser: one binary message, a MessagePack map
 * {type, data, nsp[, id]} with types 0 to 4.
 *
 * Everything behind this file speaks the text form, so packets are transcoded, without a tree in between: what comes in
 * becomes JSON with placeholders and the attachments beside it (a packet with any is BINARY_EVENT or BINARY_ACK), and
 * goes out the other way round.  The dialect is that of notepack.io 2 and 3.
 *
 * msgpack-c is not used: its unpacker allocates on the peer's word, before any element has come (4.0.0: 512 MiB of
 * address space for an array of 2^24, announced in five bytes).  Nothing here allocates.
 */
#ifndef FORKCAST_PROTO_SIO_MSGPACK_H
#define FORKCAST_PROTO_SIO_MSGPACK_H

#include <sys/types.h>

#include "proto/socketio.h"

/* No more text than this comes out of N bytes. */
#define SIO_MSGPACK_TEXT_MAX(n) (6 * (n) + SIO_ATTACHMENTS_MAX * 32)

struct sio_msgpack {
	struct sio_packet packet; /* as from sio_decode(): nsp lies in the message, payload, name and args in TEXT */
	struct slice attachment[SIO_ATTACHMENTS_MAX]; /* packet.attachments of them, in the message */
};

/*
 * Decodes one message.  Returns the length of text it needs; when that is above CAP *OUT is undefined, and it can be
 * called again with more.  PROTO_E* otherwise: every error closes the connection.
 *
 * The rules are those of sio_decode() (reserved names, depth and number of values; a namespace starts with a slash, an
 * id is at most 2^53 - 1); data that must be there may not be missing.  Integers keep all their digits, other numbers
 * are written as JSON.stringify does, dates as it writes them; undefined is left out of objects and null in arrays.
 * Refused: keys that are no strings, text that is not UTF-8, unknown extensions, more than SIO_ATTACHMENTS_MAX binary
 * values, binary outside EVENT and ACK, and beside binary an object that looks like a placeholder (PROTO_EATTACH).
 * Other members of the packet are skipped.
 */
ssize_t sio_msgpack_decode(
    const uint8_t *p, size_t n, const struct json_limits *lim, struct sio_msgpack *out, char *text, size_t cap);

/*
 * Encodes a packet.  PAYLOAD is scanned JSON, empty for none.  BINARY_EVENT and BINARY_ACK are written as EVENT and
 * ACK, their placeholders as the ATTACHMENTS they name.  Returns the length, or when CAP does not suffice a greater
 * number that does; or PROTO_EATTACH for a placeholder that names no attachment.
 *
 * Integers of 64 bits are written as such, other integral numbers too when they fit, the rest as doubles; a number of
 * more than 1000 characters is written as null.
 */
ssize_t sio_msgpack_encode(enum sio_type type, struct slice nsp, bool has_id, uint64_t id, struct slice payload,
    const struct slice *attachments, unsigned nattachments, uint8_t *out, size_t cap);

#endif
