/*
 * session.h - an Engine.IO session: heartbeats, packets in and out, the sockets of its namespaces.
 *
 * Session, transport and descriptor are three things.  The session lives from the open packet to its close reason; the
 * transport says how messages reach the client (struct transport); the connection is the descriptor that happens to
 * carry it now.
 *
 *	OPEN --session_close--> gone
 *
 * The session owns its sockets; it is owned by whoever keeps it reachable (for WebSocket, the connection).
 */
#ifndef FORKCAST_WORKER_SESSION_H
#define FORKCAST_WORKER_SESSION_H

#include "proto/http.h"
#include "proto/sid.h"
#include "worker/conn.h"
#include "worker/peer.h"
#include "worker/socket.h"

struct auth_token;
struct session;
struct ws_lease;

/* How a message's bytes are laid out; a broadcast is built once a turn for each that its receivers need. */
enum encoding { ENCODING_WEBSOCKET, ENCODINGS };

struct transport {
	const char *name;
	enum encoding encoding;
	unsigned op; /* enum op_transport */
	/* Queues bytes already in this transport's encoding that live until the turn's end. */
	void (*send)(struct session *s, const uint8_t *p, size_t n);
	/* Whether a volatile message would go out at once. */
	bool (*writable)(const struct session *s);
	/* The session is over: lets the client know as its transport does, and lets go of the descriptor. */
	void (*close)(struct session *s, enum close_reason reason);
};

struct session {
	const struct transport *tr;
	struct conn *conn;
	struct worker *w;
	struct socket *sockets; /* joined namespaces */
	struct timed beat;	/* on w->pings or w->pongs */
	struct ws_lease *lease; /* held only inside a fragmented message */
	struct auth_token *token; /* from the handshake's headers or query, when conf has such a source; else NULL */
	uint64_t active_ns;	/* last event from the client, for idle_timeout */
	uint32_t deadline;	/* alarm: CONNECT must have come by then */
	bool closing;
	bool pinged;	/* waits for a pong, on w->pongs */
	bool prolonged; /* and was given more time once */
	struct peer peer; /* the client's address, behind trusted proxies */
	char sid[SID_LEN + 1];
};

/*
 * Answers the upgrade with 101 and the open packet and starts the session.  ACCEPT is Sec-WebSocket-Accept, PROTOCOL the
 * subprotocol (none when empty).
 */
void session_open_websocket(struct conn *c, const struct http_request *req, const char *accept, struct slice protocol);
/* One Engine.IO packet as text. */
void session_on_text(struct session *s, struct slice packet);
/* One binary message. */
void session_on_binary(struct session *s, struct slice data);
/* Sends one text packet (type digit included), encoded for the session's transport. */
void session_send_packet(struct session *s, struct slice packet);
/* Ends the session: its sockets leave, its transport says goodbye as REASON demands.  Idempotent. */
void session_close(struct session *s, enum close_reason reason);
/* The transport is already gone: the same without a goodbye. */
void session_lost(struct session *s, enum close_reason reason);
/* Heartbeat queues: time for a ping; the pong did not come. */
void session_ping_due(struct session *s);
void session_pong_due(struct session *s);
/* Alarm of a struct session: no CONNECT in time. */
void session_deadline_due(void *session);

#endif
