/*
 * upgrade.h - a polling session that changes over to a WebSocket.
 *
 *	client		"2probe" ->	"5" ->
 *	server		<- "3probe"	<- what was not fetched yet, and all that follows
 *
 * Until the "5" the session goes on over polling; the WebSocket is only probed, and whatever is wrong with it (another
 * packet, its end, upgrade_timeout) closes it alone.  While it is probed, a waiting GET gets a "6" every 100 ms, so
 * that the client has none on its way when it changes over.
 */
#ifndef FORKCAST_WORKER_UPGRADE_H
#define FORKCAST_WORKER_UPGRADE_H

#include "worker/session.h"

/*
 * A WebSocket handshake for an existing session.  One whose session has upgraded, is upgrading or has closed is
 * answered 101 and closed, as the reference does.
 */
void upgrade_begin(struct conn *c, const struct http_request *req, struct session *s);
/* The session is over for its client: so is the WebSocket that was to take over, if there is one. */
void upgrade_abandon(struct session *s);

#endif
