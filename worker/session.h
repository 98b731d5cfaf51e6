/*
 * session.h - an Engine.IO session: heartbeats, packets in and out, and the application on it.
 *
 * Session, transport and descriptor are three things.  The session lives from the open packet to its close reason; the
 * transport says how messages reach the client (struct transport); connections are descriptors that happen to carry it
 * now: one WebSocket, or by turns the requests of a polling client, or for a moment both.
 *
 *	OPEN --session_close, session_lost--> CLOSED --session_drop--> gone
 *
 * OPEN: in the table, heartbeats run.  CLOSED: its sockets have left; it stays in the table only while a polling client
 * has yet to be told (polling.h).  Gone: off the table, freed at the turn's end, so a pointer taken earlier in the turn
 * stays valid and `closed` can be asked.
 */
#ifndef FORKCAST_WORKER_SESSION_H
#define FORKCAST_WORKER_SESSION_H

#include "proto/http.h"
#include "worker/encode.h"
#include "worker/message.h"
#include "worker/peer.h"
#include "worker/sid_table.h"
#include "worker/timeq.h"
#include "worker/ws.h"

struct assembly;
struct auth_token;
struct conf_echo;
struct polling;
struct session;
struct socket;

struct transport {
	const char *name;
	unsigned op; /* enum op_transport */
	/* Queues bytes already in the session's encoding that live until the turn's end. */
	void (*send)(struct session *s, struct span bytes);
	/* Whether a volatile message would go out at once. */
	bool (*writable)(const struct session *s);
	/*
	 * The session has closed: lets the client know as this transport does, and lets go of all connections.  False
	 * when the client has yet to come for the news: then it calls session_drop() later.
	 */
	bool (*close)(struct session *s, enum close_reason reason);
};

/* What is on the session: Socket.IO (packet.h), or an echo.  Called for messages, without Engine.IO's type. */
struct session_app {
	void (*text)(struct session *s, struct slice message);
	void (*binary)(struct session *s, struct slice data);
	/* The session has closed: forget what the application keeps of it. */
	void (*closed)(struct session *s, enum close_reason reason);
};

struct session {
	struct sid_entry id;
	struct worker *w;
	const struct transport *tr;
	const struct session_app *app;
	const struct conf_echo *echo; /* the probe whose path it came by; NULL: Socket.IO */
	struct ws_end ws;
	struct polling *polling;   /* NULL: never, or not any more */
	struct socket *sockets;	   /* joined namespaces, */
	unsigned nsockets;	   /* and how many */
	struct assembly *assembly; /* a binary packet whose attachments have not all come */
	struct timed beat;	   /* on w->pings or w->pongs */
	struct facts *facts;	   /* of the handshake, that rules name; NULL: none */
	struct auth_token *token;  /* from the handshake's headers or query, when conf has such a source; else NULL */
	struct session *next_dead;
	uint64_t published; /* ticket of the last record that its rules published (behind.h) */
	uint64_t active_ns; /* last event from the client, for idle_timeout */
	uint32_t deadline;  /* alarm: CONNECT must have come by then; when CLOSED: the news must have been fetched */
	encoding_t encoding;
	bool spoken; /* its format is known: by the first packet */
	bool closed;
	bool pinged;	/* waits for a pong, on w->pongs */
	bool prolonged; /* and was given more time once */
	struct peer peer; /* the client's address, behind trusted proxies */
};

/* The session with this id; NULL when there is none. */
struct session *session_find(const struct worker *w, struct slice sid);
/*
 * A session for the client whose handshake REQ is, on connection C; it has no transport yet.  ECHO: by whose path it
 * came.  NULL when the request was refused and answered (max_connections, no memory, no room in the store).
 */
struct session *session_new(struct conn *c, const struct http_request *req, const struct conf_echo *echo);
/* The transport is there: sends the open packet. */
void session_start(struct session *s);
/* One Engine.IO packet as text, type digit included. */
void session_on_text(struct session *s, struct slice packet);
/* One binary message, and one in base64: what is none is a parse error. */
void session_on_binary(struct session *s, struct slice data);
void session_on_base64(struct session *s, struct slice text);
/* Sends one Engine.IO text packet (type digit included). */
void session_send_packet(struct session *s, struct slice packet);
/* Sends one packet of Socket.IO, in the client's format, behind what the client has published. */
void session_send_message(struct session *s, const struct message *m);
/* The same, ahead of it. */
void session_send_now(struct session *s, const struct message *m);
/* The same for one without attachments. */
void session_send_text(struct session *s, struct slice packet);
/* Ends the session: its sockets leave, its transport says goodbye as REASON demands.  Idempotent. */
void session_close(struct session *s, enum close_reason reason);
/* The transport is already gone: the same without a goodbye.  The transport lets go of what is left. */
void session_lost(struct session *s, enum close_reason reason);
/* CLOSED: nobody will ask for it any more. */
void session_drop(struct session *s);
/* Heartbeat queues: time for a ping; the pong did not come. */
void session_ping_due(struct session *s);
void session_pong_due(struct session *s);
/* Runs what became due before this moment, so that a late timer does not decide for the client.  False: closed by it. */
bool session_check_deadlines(struct session *s);
/* Turn: frees the dead. */
void session_reap(struct worker *w);

#endif
