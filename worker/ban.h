/*
 * ban.h - users and addresses that may not connect: looked up in the store, so on all workers at once.
 */
#ifndef FORKCAST_WORKER_BAN_H
#define FORKCAST_WORKER_BAN_H

#include <stdbool.h>

#include "proto/http.h"
#include "shm/record.h"
#include "worker/conn.h"

struct socket;
struct worker;

/* True when the socket's user or its address is banned. */
bool ban_is_on(const struct socket *so);
/* A request that would begin a session.  False: its address is banned, and it was answered. */
bool ban_admits(struct conn *c, const struct http_request *req);
/* RECORD_ACT_BAN: ends the sessions of whoever has that name. */
void ban_act(struct worker *w, const struct record *rec);

#endif
