/*
 * ws_deflate.h - negotiation of permessage-deflate (RFC 7692, section 7.1) in a client's Sec-WebSocket-Extensions.
 *
 * What is answered always has server_no_context_takeover and client_no_context_takeover (a server may ask for both
 * unasked); see deflate.h for the reason.  client_max_window_bits is understood and left out of the answer: it would
 * only limit the client, and what it sends is inflated with the largest window there is.
 */
#ifndef FORKCAST_PROTO_WS_DEFLATE_H
#define FORKCAST_PROTO_WS_DEFLATE_H

#include "proto/slice.h"

#define WS_DEFLATE_ANSWER_MAX 112

struct ws_deflate {
	bool on;
	int server_bits; /* for deflater_new(): 8 to 15 when on */
};

/*
 * Reads one value of Sec-WebSocket-Extensions.  The first offer of permessage-deflate that can be kept turns D on and
 * ANSWER becomes the value of the response's Sec-WebSocket-Extensions, with a zero behind it; offers with parameters
 * that are unknown, repeated or out of range are passed over, as are other extensions.  The header may come in several
 * lines (RFC 6455, section 9.1): start with *D zeroed and call for each in turn, http_field_next(); once D is on, the
 * rest is only checked.  0, or PROTO_EHTTP when it is not by the grammar: refuse the handshake with 400 (RFC 6455,
 * section 4.2.1).
 */
int ws_deflate_negotiate(struct slice value, struct ws_deflate *d, char answer[WS_DEFLATE_ANSWER_MAX]);

#endif
