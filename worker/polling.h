/*
 * polling.h - a session over HTTP long polling: packets wait here until a GET fetches them, and come in by POST.
 *
 * At most one GET and one POST at a time, each on any connection; a second of its kind ends the session, as in the
 * reference.  A session that closes while no GET waits stays known for POLLING_FAREWELL_NS, so that the client's next
 * GET hears the reason instead of an error.
 */
#ifndef FORKCAST_WORKER_POLLING_H
#define FORKCAST_WORKER_POLLING_H

#include "worker/buf.h"
#include "worker/clock.h"
#include "worker/session.h"

#define POLLING_FAREWELL_NS (30 * NS_PER_S)

struct probe;

struct polling {
	struct session *s;
	struct conn *get;    /* waits for packets; its reply is owed by S */
	struct conn *post;   /* its body has not all come, or not all been taken */
	struct probe *probe; /* a WebSocket that may take over (upgrade.h) */
	struct buf out;	     /* a payload of packets that were not fetched yet */
	bool over;	     /* more than max_backlog: to be closed */
	const char *farewell; /* CLOSED: what is still to be told */
	struct polling *next_ready, **ready; /* on the worker's list; NULL: not there */
};

extern const struct transport transport_polling;

/* A handshake: makes the session and answers with the open packet. */
void polling_open(struct conn *c, const struct http_request *req, const struct conf_echo *echo);
/* A GET: answered now when there is something, else when there will be. */
void polling_get(struct session *s, struct conn *c, const struct http_request *req);
/* The head of a POST has come.  False: refused and answered.  Else polling_post() follows, or the connection goes. */
bool polling_post_begin(struct session *s, struct conn *c, const struct http_request *req);
/* Its body has come, or what is left of it after a long turn. */
void polling_post(struct session *s, struct conn *c, struct slice body);
/* Turn: answers the GETs for which there is something now. */
void polling_flush(struct worker *w);
/* A "6", so that a GET does not wait while the client changes over. */
void polling_nudge(struct session *s);
/* The WebSocket has taken over: answers what is pending, and frees the state.  What was not fetched goes to *REST. */
void polling_leave(struct session *s, struct buf *rest);
/* Of a session that is gone; P may be NULL. */
void polling_free(struct polling *p);

#endif
