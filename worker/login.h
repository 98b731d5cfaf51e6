/*
 * login.h - POST {publicKey, signature, message} on a client listener: a wallet's signature for a token.
 */
#ifndef FORKCAST_WORKER_LOGIN_H
#define FORKCAST_WORKER_LOGIN_H

#include "proto/http.h"
#include "worker/public.h"

struct conn;

/* True when the request is for the path of `wallet`; *VERDICT says what became of it. */
bool login_head(struct conn *c, const struct http_request *req, enum public_verdict *verdict);
/* Its body. */
void login_body(struct conn *c, struct slice body);

#endif
