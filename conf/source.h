/*
 * source.h - where a value comes from: the compiled form of `gameId`, `move.to`, `@user.id` (CATALOGUE section 5).
 *
 * A bare name is the sender's payload, untrusted; `@` is what the server knows.  Compiled once at load: at run time a
 * source is a kind and path segments, never a name to look up.
 */
#ifndef FORKCAST_CONF_SOURCE_H
#define FORKCAST_CONF_SOURCE_H

#include <stdbool.h>

#include "conf/text.h"

enum source_kind {
	SOURCE_PATH,	/* into the first argument; seg[] is the path */
	SOURCE_PAYLOAD, /* @payload: the first argument, raw */
	SOURCE_ARGS,	/* @args: all arguments, as an array, raw */
	SOURCE_EVENT,
	SOURCE_NAMESPACE,
	SOURCE_ID,	/* @id: one UUID a rule run */
	SOURCE_NOW,	/* ISO 8601 with ms and Z */
	SOURCE_NOW_MS,
	SOURCE_NOW_S,
	SOURCE_USER,	/* {id,name,role} */
	SOURCE_USER_ID,
	SOURCE_USER_NAME,
	SOURCE_USER_ROLE,
	SOURCE_USER_CLAIMS, /* seg[]: path into the token's claims */
	SOURCE_USER_DATA, /* seg[]: path into what the hook of on "connecting" said */
	SOURCE_USER_SOCKETS,
	SOURCE_SOCKET_ID,
	SOURCE_SOCKET_IP,
	SOURCE_SOCKET_TRANSPORT,
	SOURCE_SOCKET_AUTH,    /* seg[]: path into the CONNECT payload; {} when none */
	SOURCE_SOCKET_QUERY,   /* kept */
	SOURCE_SOCKET_HEADERS, /* kept */
	SOURCE_SOCKET_ROOMS,
	SOURCE_SOCKET_ROOM_COUNT,
	SOURCE_SOCKET_CONNECTED_AT, /* ms */
	SOURCE_SOCKET_DURATION,	    /* ms */
	SOURCE_ROOM,
	SOURCE_ROOM_TYPE,
	SOURCE_ROOM_ID,
	SOURCE_ROOM_USERS, /* ids, at most 1000 */
	SOURCE_ROOM_USER_COUNT,
	SOURCE_ROOM_SOCKET_COUNT,
	SOURCE_SERVER_CONNECTIONS,
	SOURCE_SERVER_USERS,
	SOURCE_SERVER_ROOMS,
	SOURCE_SERVER_MEMORY, /* bytes */
	SOURCE_SERVER_UPTIME, /* s */
	SOURCE_SERVER_HOST,
	SOURCE_SERVER_WORKER,
	SOURCE_SERVER_VERSION,
	SOURCE_USER_FEATURES, /* of the role */
	SOURCE_ERROR_MESSAGE,
	SOURCE_ERROR_CODE,
	SOURCE_ERROR_RETRY_AFTER, /* s */
	SOURCE_VARS,   /* @vars.X: seg[] */
	SOURCE_REASON, /* @reason */
	SOURCE_HOOK, /* seg[]: path into the data of the rule's hook */
	SOURCE_LIMIT, /* limit: how many more events of this sender it takes now */
	SOURCE_LITERAL, /* a JSON literal, in conditions: seg[0] is its text */
};

struct limit;

struct source {
	enum source_kind kind;
	unsigned nseg;
	struct text *seg; /* "*" means: of every element */
	unsigned field;	 /* PATH: the declared field it begins with, its index + 1; 0: none */
	unsigned behind; /* segments that are the field's name */
	unsigned kept; /* SOCKET_QUERY, SOCKET_HEADERS: index of the catalogue's kept_fact */
	const struct limit *limit; /* SOURCE_LIMIT */
	struct text written; /* "gameId", "@user.claims.org": for messages */
};

#endif
