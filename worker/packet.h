/*
 * packet.h - Socket.IO packets from a client: the reference's rules for what each kind may do, and what closes.
 */
#ifndef FORKCAST_WORKER_PACKET_H
#define FORKCAST_WORKER_PACKET_H

#include "worker/session.h"

/* The session may be gone afterwards. */
void packet_on_text(struct session *s, struct slice text);
void packet_on_binary(struct session *s, struct slice data);

#endif
