/*
 * request.h - HTTP on a connection: one request at a time, whole, under one total deadline; then its reply.
 *
 * A request that fits the first read is handled straight from the read buffer; only one that arrives in pieces is
 * copied.  The admin API (api.c) sees whole requests; the public port (public.c) decides when the head is there, so that
 * a body is only read for who may send one.  Both answer with request_reply(), now or later: while an answer is owed,
 * pipelined requests wait, and the turn after it takes them up.
 */
#ifndef FORKCAST_WORKER_REQUEST_H
#define FORKCAST_WORKER_REQUEST_H

#include "proto/http.h"
#include "proto/http_coding.h"
#include "worker/buf.h"
#include "worker/conn.h"
#include "worker/peer.h"

#define REQUEST_HEAD_MAX      (16u * 1024)
#define REQUEST_URI_MAX	      (8u * 1024)
#define REQUEST_BODY_MAX      (1u << 20) /* admin API */
#define REQUEST_BODY_NS	      (30 * NS_PER_S)
#define REQUEST_KEEPALIVE_NS  (75 * NS_PER_S)

enum request_end {
	REQUEST_GONE,	 /* the connection went */
	REQUEST_REFUSED, /* HTTP itself refused the body, and was answered */
};

/* Called when the request ends while something is owed to it. */
typedef void (*request_cancel_fn)(void *owed, enum request_end how);

struct request {
	struct conn *c;
	struct peer from;
	struct buf head; /* a copy, while the body is still coming */
	struct buf data; /* the body so far */
	struct http_body body;
	bool keep_alive, head_only;
	bool api;      /* what HTTP itself refuses of it has the API's shape of errors, on a public listener too */
	bool answered; /* the request being dispatched has its reply */
	bool deferred; /* its answer comes later */
	bool put_off;  /* and what is left of its body is in DATA */
	void *owed;    /* who waits for its body, or will answer it, and how to tell that it went; NULL: nobody */
	request_cancel_fn cancel;
	enum http_coding coding; /* that the answer may have */
	char *headers;		 /* more lines for the answer, NULL: none */
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
/* The handler will answer later; CANCEL(OWED) if the connection goes first. */
void request_defer(struct conn *c, void *owed, request_cancel_fn cancel);
/* The same; public_body() is called with REST of the body by the next turn, which goes on with it. */
void request_put_off(struct conn *c, struct slice rest, void *owed, request_cancel_fn cancel);
/* The body is still to come; CANCEL(OWED) if it does not. */
void request_expect(struct conn *c, void *owed, request_cancel_fn cancel);
/* Ends the connection without an answer; nothing is cancelled. */
void request_abandon(struct conn *c);
/* A header line, with its CRLF, for the answer of the request in hand. */
void request_add_header(struct conn *c, const char *line);
/* Appends those lines: for answers written by others (101). */
void request_put_headers(const struct conn *c, struct buf *b);
/*
 * What waits is taken up: a body that was put off, the bytes behind an answer that came late (both on w->resumes), or a
 * request that waited to be handed over (handover.h).  Never from within another request: it may end anything.
 */
void request_resume(struct conn *c);
/* The connection leaves HTTP for another protocol: frees the request's state, keeps the connection. */
void request_release(struct conn *c);
/* A deadline of the request or keep-alive queues is over. */
void request_due(struct conn *c, bool idle);

#endif
