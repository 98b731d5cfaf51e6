/*
 * eio_payload.h - Engine.IO v4 long polling: several packets in one HTTP body, with 0x1E between them.
 *
 *	4hello␞b<base64>␞2
 *
 * Text packets are as on a WebSocket; a binary message is `b` and its base64, without a type digit.  To send text, put
 * the packets one after the other with EIO_SEPARATOR between them.
 */
#ifndef FORKCAST_PROTO_EIO_PAYLOAD_H
#define FORKCAST_PROTO_EIO_PAYLOAD_H

#include <sys/types.h>

#include "proto/slice.h"

#define EIO_SEPARATOR '\x1e'

struct eio_payload_iter {
	const char *p, *end;
	bool more;
};

struct eio_packet {
	int type;          /* enum eio_type; -1: parse error */
	bool binary;       /* then type is EIO_MESSAGE */
	struct slice data; /* text: the whole packet, type digit included; binary: base64, the b left out */
};

/* Starts at the first packet of BODY. */
void eio_payload_begin(struct eio_payload_iter *it, struct slice body);
/*
 * The next packet.  False behind the last.  Type -1 is a parse error, after which there is nothing more, as in the
 * reference, which closes the session: a packet that is empty (an empty body is one, and so is what stands behind a
 * last separator), of an unknown type, or not UTF-8.  The reference reads bytes that are not UTF-8 as U+FFFD.
 */
bool eio_payload_next(struct eio_payload_iter *it, struct eio_packet *out);

/* No more bytes than this come out of N characters. */
#define EIO_BINARY_DECODED_MAX(n) (((n) + 3) / 4 * 3)

/*
 * The bytes of a binary packet (its `data`); their number, or -1 when it is not base64 or needs more than CAP.  OUT may
 * be the text itself.  Takes both alphabets, padding that is missing, and trailing bits that are not zero.  The
 * reference skips whatever is not base64 and drops a last single character; here both are refused: that is a damaged
 * message, not one to guess at.
 */
ssize_t eio_payload_binary(struct slice b64, uint8_t *out, size_t cap);

/* Characters of a binary packet of N bytes: b and base64, with padding. */
size_t eio_payload_binary_size(size_t n);
/* Writes just these; returns their number. */
size_t eio_payload_put_binary(char *out, const uint8_t *p, size_t n);

#endif
