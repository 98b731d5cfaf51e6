/*
 * ws.h - a connection that speaks WebSocket: frames in, messages to whoever has the other end.
 *
 * struct ws_end is embedded in its owner (a session, an upgrade that is being probed, an echo) and holds what a
 * connection needs beyond its descriptor: a decoder inside a fragmented message, and what was negotiated.  The owner
 * lets go of the connection by ws_goodbye(), or hears gone() when the peer or the descriptor went first; after either
 * its conn is NULL and nothing here points to the owner any more.
 */
#ifndef FORKCAST_WORKER_WS_H
#define FORKCAST_WORKER_WS_H

#include "proto/http.h"
#include "proto/ws.h"
#include "proto/ws_deflate.h"
#include "worker/conn.h"

struct ws_end;

struct ws_user {
	/* Valid UTF-8, during the call.  May say goodbye, and may free the end's owner then. */
	void (*text)(struct ws_end *e, struct slice text);
	void (*binary)(struct ws_end *e, struct slice data);
	/* No more messages, either way. */
	void (*gone)(struct ws_end *e, enum close_reason reason);
};

struct ws_end {
	struct conn *conn; /* NULL: none */
	const struct ws_user *user;
	const struct ws_limits *limits;
	struct ws_lease *lease; /* held only inside a fragmented message */
	uint32_t seen;		/* of a text frame that has not all come: bytes of it known to be UTF-8 */
	struct ws_deflate deflate;
};

/* What a handshake asked for; made by ws_handshake(). */
struct ws_handshake {
	char accept[WS_ACCEPT_LEN + 1];
	struct slice protocol;	   /* the subprotocol, empty: none */
	char extensions[WS_DEFLATE_ANSWER_MAX]; /* "": none */
	struct ws_deflate deflate;
};

/*
 * Checks the handshake's headers (RFC 6455, section 4.2.1).  COMPRESS: permessage-deflate may be agreed on.  False when
 * the request was refused and answered.
 */
bool ws_handshake(struct conn *c, const struct http_request *req, bool compress, struct ws_handshake *out);
/*
 * Answers 101 and takes the connection over: it speaks frames from here on, to USER, within LIMITS, which outlive it.
 * E is zeroed memory.
 */
void ws_open(struct ws_end *e, struct conn *c, const struct ws_handshake *hs, const struct ws_user *user,
    const struct ws_limits *limits);
/* A close frame (CODE 0: without a code) behind what is queued; lets go of the connection. */
void ws_goodbye(struct ws_end *e, unsigned code, struct slice reason);
/* Takes the connection of FROM, between two of its messages, for another user. */
void ws_move(struct ws_end *e, struct ws_end *from, const struct ws_user *user);
/* Gives back what the owner's end holds; the connection must be gone. */
void ws_fini(struct ws_end *e);

#endif
