/*
 * socket.h - a client in one namespace: identity, rooms, its own room.
 */
#ifndef FORKCAST_WORKER_SOCKET_H
#define FORKCAST_WORKER_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"
#include "worker/message.h"
#include "worker/nsp.h"
#include "worker/reason.h"
#include "worker/sid_table.h"

struct ack;
struct membership;
struct room;
struct session;
struct user;
struct waiting;
struct worker;

#define SOCKETS_MAX 1024u /* namespaces that one session may be in: each packet looks its own up among them */

struct socket {
	struct sid_entry id;
	struct session *session;
	struct nsp *nsp;
	struct user *user; /* NULL: anonymous */
	struct socket *next;	 /* of the same session */
	struct membership *rooms; /* rooms[0] is the namespace itself; none while it is pending */
	uint32_t nrooms;
	uint32_t njoined; /* of them joined by the client: these count for max_rooms */
	uint32_t mark;	  /* last union this socket was counted in */
	uint32_t alarm;	  /* its token ends, or while it is pending: the deadline */
	uint8_t failures; /* tokens that were refused in band since the last good one */
	bool connecting;  /* not admitted yet: a hook is asked, see connecting.h */
	bool pending;	  /* may do nothing but present its token, see identity.h */
	int64_t connected_ms;
	int64_t ends_ms; /* wall clock when its token stops counting; 0: never */
	char *auth;   /* CONNECT payload, kept only when the catalogue uses @socket.auth; else NULL */
	char *claims; /* token payload, kept only when the catalogue uses @user.claims; else NULL */
	char *data;   /* JSON, what the hook of on "connecting" said of the user; else NULL */
	char *granted; /* rooms that this hook joined it to: names, each with a NUL, and one more; else NULL */
	struct ack *acks; /* that it owes; NULL: none */
	struct waiting *waiting; /* runs that wait for a hook, and events behind them (rule_wait.h); NULL: none */
};

/* The socket of this worker with that id. */
struct socket *socket_find(const struct worker *w, struct slice sid);
/* Forgets all marks, when w->mark wraps. */
void socket_unmark_all(struct worker *w);
/* Calls FN for every socket; FN may not free any. */
void socket_each(const struct worker *w, void (*fn)(struct socket *so, void *arg), void *arg);

/*
 * Handles a CONNECT packet: authenticates, makes the socket, joins the automatic rooms, tells the keeper, answers, and
 * runs `on "connect"`.  A refusal is answered with CONNECT_ERROR; breaking the protocol ends the session.
 */
void socket_connect(struct session *s, struct slice nsp, struct slice auth);
/* The session's socket in that namespace; NULL when it has none. */
struct socket *socket_of(const struct session *s, struct slice nsp);
/* The user's id for the log, "-" of one without. */
const char *socket_user_text(const struct socket *so);
/* Takes the socket out of everything and frees it; sends nothing. */
void socket_leave(struct socket *so, enum close_reason reason);
/* Server side: tells the client (41), then socket_leave(); CLOSE: also ends the session. */
void socket_disconnect(struct socket *so, bool close);
/* Every socket of the session hears 41, then the session ends. */
void socket_disconnect_all(struct session *s, enum close_reason reason);
/* Sends an EVENT to this client alone, outside the rings (acks' siblings: errors, pong). */
void socket_emit(struct socket *so, const char *event, struct slice json);
/* Answers the client's ack; ARGS: JSON values separated by commas, with placeholders for ATTACHED. */
void socket_ack(struct socket *so, uint64_t id, struct slice args, struct attachments attached);

#endif
