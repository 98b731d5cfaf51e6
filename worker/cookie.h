/*
 * cookie.h - the cookie that a polling handshake sets, for balancers that want one.  Nothing here reads it.
 */
#ifndef FORKCAST_WORKER_COOKIE_H
#define FORKCAST_WORKER_COOKIE_H

struct conn;
struct session;

/* Adds Set-Cookie (RFC 6265, section 4.1) to the answer in hand, when the conf asks for it. */
void cookie_set(struct conn *c, const struct session *s);

#endif
