/*
 * packet.h - Socket.IO on a session: packets from a client, the reference's rules for what each kind may do, and what
 * closes.
 *
 * A client's first packet tells its format: text, or MessagePack (socket.io-msgpack-parser), which is one binary message
 * a packet.  In the text format the binary messages are attachments of the packet before them.
 */
#ifndef FORKCAST_WORKER_PACKET_H
#define FORKCAST_WORKER_PACKET_H

#include "worker/session.h"

extern const struct session_app packet_app;

#endif
