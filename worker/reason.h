/*
 * reason.h - why a connection ended, and why something was refused: enums that are metric label and log field at once.
 */
#ifndef FORKCAST_WORKER_REASON_H
#define FORKCAST_WORKER_REASON_H

#include "conf/catalogue.h"

enum close_reason {
	/* the reference's own reasons */
	CLOSE_TRANSPORT_CLOSE,	/* the peer went */
	CLOSE_TRANSPORT_ERROR,	/* the descriptor failed, or the peer broke WebSocket */
	CLOSE_PING_TIMEOUT,
	CLOSE_PARSE_ERROR,	/* an Engine.IO packet that is none */
	CLOSE_FORCED,		/* a Socket.IO packet against the rules, or no CONNECT in time */
	CLOSE_SERVER_SHUTDOWN,
	CLOSE_SERVER_DISCONNECT, /* disconnect(true): the API */
	CLOSE_CLIENT_NSP,	 /* sockets only: the client left the namespace */
	CLOSE_SERVER_NSP,	 /* sockets only: the server took it out of the namespace */
	/* ours */
	CLOSE_SLOW,	   /* backlog over max_backlog */
	CLOSE_LAPPED,	   /* this worker was overtaken and a room of the session was published to meanwhile */
	CLOSE_TOO_BIG,	   /* message over max_payload */
	CLOSE_IDLE,	   /* idle_timeout */
	CLOSE_CONNECT_TIMEOUT,
	CLOSE_AUTH_EXPIRED,
	CLOSE_AUTH_DEADLINE, /* no token in band in time */
	CLOSE_AUTH_FAILED,   /* too many that were refused */
	CLOSE_RATE_LIMITED, /* a limit whose action is to disconnect */
	CLOSE_REASONS
};

/* What a peer was told "no" to; the first REFUSAL_MAX are the refusals of events and connects. */
enum refused {
	REFUSED_HTTP_SYNTAX = REFUSAL_MAX,
	REFUSED_HTTP_TOO_LARGE,
	REFUSED_HTTP_TIMEOUT,
	REFUSED_HTTP_NOT_FOUND,
	REFUSED_HANDSHAKE,	 /* Engine.IO's table of codes */
	REFUSED_UPGRADE,	 /* WebSocket handshake headers */
	REFUSED_MAX_CONNECTIONS,
	REFUSED_DESCRIPTORS,	 /* EMFILE */
	REFUSED_STORE_FULL,
	REFUSED_NAMESPACE,
	REFUSED_CHECK, /* a `check` of the conf */
	REFUSED_HOOK, /* the `error` of a hook */
	REFUSED_REPLAYED, /* a wallet's signature that was used */
	REFUSED_API_KEY,
	REFUSED_API_FORBIDDEN,
	REFUSED_API_SYNTAX,
	REFUSED_API_FIELD,
	REFUSED_API_UNAVAILABLE, /* the store cannot be read */
	REFUSED_BUSY, /* rings and overflow full */
	REFUSED_TOO_LONG, /* a record above ring/8 */
	REFUSED_HANDOVER, /* could not be given to the session's worker, or what came was none */
	REFUSED_BACKLOG, /* files, while slow readers hold too much */
	REFUSED_REASONS
};

const char *close_reason_name(enum close_reason r);
const char *refused_name(unsigned r);

#endif
