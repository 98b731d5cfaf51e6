/*
 * request.h - HTTP on a connection: one request at a time, whole, under one total deadline; then its reply.
 *
 * A request that fits the first read is handled straight from the read buffer; only one that arrives in pieces is
 * copied.  Handlers (api.c, public.c) see the whole request and answer with request_reply(), now or later: while an
 * answer is owed the connection is not read, so pipelined requests wait their turn.
 */
#ifndef FORKCAST_WORKER_REQUEST_H
#define FORKCAST_WORKER_REQUEST_H

#include "proto/http.h"
#include "worker/buf.h"
#include "worker/conn.h"
#include "worker/peer.h"

#define REQUEST_HEAD_MAX      (16u * 1024)
#define REQUEST_URI_MAX	      (8u * 1024)
#define REQUEST_BODY_MAX      (1u << 20) /* admin API */
#define REQUEST_BODY_NS	      (30 * NS_PER_S)
#define REQUEST_KEEPALIVE_NS  (75 * NS_PER_S)

/* Called when the connection goes while an answer is owed. */
typedef void (*request_cancel_fn)(void *owed);

struct request {
	struct conn *c;
	struct peer from;
	struct buf head; /* a copy, while the body is still coming */
	struct buf data; /* the body so far */
	struct http_body body;
	bool keep_alive, head_only;
	bool old;      /* HTTP/1.0: has to be told that the connection is kept */
	bool answered; /* the request being dispatched has its reply */
	void *owed;    /* an answer comes later: what to cancel, and how */
	request_cancel_fn cancel;
	unsigned to; /* handover.c: where its session lives, while it waits to go there */
	uint32_t to_gen16;
};

/* A fresh connection, from that address, begins with HTTP. */
void request_start(struct conn *c, const struct peer *from);
/*
 * Answers the request in hand.  HEADERS: more header lines, each with CRLF, or NULL.  TYPE may be NULL when BODY is
 * empty.  Finishes the connection when it is not to be kept alive.
 */
void request_reply(struct conn *c, unsigned status, const char *type, const char *headers, struct slice body);
/* As request_reply() with a BODY that stays where it is for good: it is sent from there. */
void request_reply_lasting(struct conn *c, unsigned status, const char *type, const char *headers, struct slice body);
/* As request_reply(), and the connection ends with it. */
void request_reply_close(struct conn *c, unsigned status, const char *type, const char *headers, struct slice body);
/* The handler will answer later: not read until then; CANCEL(OWED) if the connection goes first. */
void request_defer(struct conn *c, void *owed, request_cancel_fn cancel);
/* A request that was put off whole (handover.h) is taken up again. */
void request_resume(struct conn *c);
/* The connection leaves HTTP for another protocol: frees the request's state, keeps the connection. */
void request_release(struct conn *c);
/* A deadline of the request or keep-alive queues is over. */
void request_due(struct conn *c, bool idle);

#endif
