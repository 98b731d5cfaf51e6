/*
 * ws.h - WebSocket (RFC 6455), server side, over wslay: whole frames in, messages out.
 *
 * The connection owns its unread bytes.  ws_peek() tells how long the first frame is before its payload has arrived,
 * so that nothing is allocated on a peer's word; a whole frame is then fed to a leased wslay context.  The lease goes
 * back at any frame boundary outside a fragmented message, so an idle connection has none.  Frames to the client need
 * no state at all: ws_header() and the payload.
 *
 * Whether permessage-deflate (RFC 7692) was negotiated is the connection's to know, and is told with each call: leases
 * serve connections with it and without.  Messages come out inflated.
 */
#ifndef FORKCAST_PROTO_WS_H
#define FORKCAST_PROTO_WS_H

#include <sys/types.h>

#include "proto/deflate.h"
#include "proto/slice.h"

#define WS_ACCEPT_LEN 28
#define WS_HEADER_MAX 10

enum ws_opcode { WS_CONT = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

struct ws_limits {
	size_t max_message;     /* bytes of a message, compressed and inflated; 1009 above */
	unsigned max_fragments; /* of a message; 1008 above */
};

/*
 * Sec-WebSocket-Accept for a Sec-WebSocket-Key (24 characters).  0, -EINVAL when KEY is not base64 of 16 bytes, or
 * -ENOMEM.
 */
int ws_accept(struct slice key, char out[WS_ACCEPT_LEN + 1]);

/* Header of an unmasked frame; returns its length (2, 4 or 10). */
size_t ws_header(uint8_t out[WS_HEADER_MAX], bool fin, enum ws_opcode op, uint64_t len);
/* The same for a whole message whose payload deflater_message() made: RSV1 says so. */
size_t ws_header_deflated(uint8_t out[WS_HEADER_MAX], enum ws_opcode op, uint64_t len);
/* Whole close frame (code 0: empty payload); returns its length.  REASON is cut to 123 bytes. */
size_t ws_close_frame(uint8_t out[2 + 125], unsigned code, struct slice reason);

/*
 * Looks at the first frame of P.  Returns its whole length (header, mask, payload) even when fewer bytes are there
 * yet, 0 when the header is not complete, or PROTO_EFRAME / PROTO_EFRAME_SIZE (unmasked, reserved bits, control frame
 * too long, payload above the limit).  DEFLATE allows RSV1 on the first frame of a message.
 */
ssize_t ws_peek(const uint8_t *p, size_t n, const struct ws_limits *lim, bool deflate);

/*
 * Of a frame of which only N bytes have come: false when it is text (the first frame of a message, not compressed) and
 * can not be valid UTF-8 any more.  *SEEN, 0 for a new frame, keeps how far it was looked at; SCRATCH holds N bytes.
 */
bool ws_text_may_be_valid(const uint8_t *p, size_t n, uint32_t *seen, uint8_t *scratch);

enum ws_event { WS_EVENT_MESSAGE, WS_EVENT_PING, WS_EVENT_CLOSE };

/* What ws_feed() reports; DATA is valid during the call, never NULL. */
struct ws_message {
	enum ws_event event;
	enum ws_opcode opcode; /* MESSAGE: WS_TEXT (valid UTF-8) or WS_BINARY */
	const uint8_t *data;   /* CLOSE: the reason */
	size_t len;
	unsigned close_code; /* CLOSE: 1005 when empty */
};

/* Return nonzero to stop: the rest of the bytes is dropped.  It must not free the lease. */
typedef int (*ws_on_message)(void *ctx, const struct ws_message *msg);

struct ws_lease;

/*
 * A decoder; one serves any number of connections in turn, as long as it is idle between them.  What it remembers of a
 * message without end is at most max_message bytes and twice that in memory.  NULL when memory is short.
 */
struct ws_lease *ws_lease_new(const struct ws_limits *lim);
void ws_lease_free(struct ws_lease *l);
/* Bytes of the fragmented message so far, as they came. */
size_t ws_lease_size(const struct ws_lease *l);
/* True outside a fragmented message: it may serve another connection. */
bool ws_lease_idle(const struct ws_lease *l);
/*
 * Feeds exactly whole frames; calls FN for each message, ping and close, in their order; frames behind a Close are
 * dropped.  Pongs and the closing handshake are the caller's to answer, and nothing is queued here.  I inflates, NULL
 * when permessage-deflate is off for this connection; it is used only during the call, and FN must not use it.  0, or
 * PROTO_EFRAME*: answer with ws_error_code() and close; the lease is then broken and must be freed.
 */
int ws_feed(struct ws_lease *l, struct inflater *i, const uint8_t *p, size_t n, ws_on_message fn, void *ctx);
/* Close code for a PROTO_EFRAME* error. */
unsigned ws_error_code(int err);

#endif
