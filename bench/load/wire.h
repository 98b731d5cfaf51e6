/*
 * wire.h - the client's side of the WebSocket wire (RFC 6455) as text in and out; owns no socket.
 */
#ifndef BENCH_LOAD_WIRE_H
#define BENCH_LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WIRE_FRAME_EXTRA 14 /* most that a masked frame is longer than its payload */

enum wire_opcode { WIRE_TEXT = 1, WIRE_BINARY = 2, WIRE_CLOSE = 8, WIRE_PING = 9, WIRE_PONG = 10 };

/* The upgrade request for target, without the leading slash.  Its length. */
size_t wire_upgrade(char *buf, size_t size, const char *target, unsigned port);

/* The reply to it: bytes consumed, 0 = need more, -1 = refused or a wrong Sec-WebSocket-Accept. */
ssize_t wire_upgraded(const char *buf, size_t len);

/* A masked frame of any opcode into buf (len + WIRE_FRAME_EXTRA bytes).  Its length. */
size_t wire_frame(uint8_t *buf, enum wire_opcode opcode, const char *payload, size_t len);

struct wire_message {
	enum wire_opcode opcode;
	const char *data;
	size_t len;
};

/* One whole unmasked server frame: bytes consumed, 0 = need more, -1 = not what a server may send to this client. */
ssize_t wire_read(const uint8_t *buf, size_t len, struct wire_message *m);

#endif
