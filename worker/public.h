/*
 * public.h - requests on a public listener: whose they are, by their path.
 */
#ifndef FORKCAST_WORKER_PUBLIC_H
#define FORKCAST_WORKER_PUBLIC_H

#include "proto/http.h"

struct conn;

enum public_verdict {
	PUBLIC_ANSWERED,   /* or taken over, or to be answered later; if its body has not all come, the connection ends */
	PUBLIC_WANTS_BODY, /* public_body() follows when it is there */
	PUBLIC_ELSEWHERE,  /* goes to another worker, with all its bytes (handover.h) */
};

/* The head of a request is there. */
enum public_verdict public_head(struct conn *c, const struct http_request *req);
/* So is the body that it was wanted for; OWED: of request_expect(), NULL: a login's. */
void public_body(struct conn *c, void *owed, struct slice body);

#endif
