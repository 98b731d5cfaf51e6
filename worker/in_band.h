/*
 * in_band.h - clients that connect first and present their token in an event: `auth { in_band { } }`.
 */
#ifndef FORKCAST_WORKER_IN_BAND_H
#define FORKCAST_WORKER_IN_BAND_H

#include "proto/socketio.h"
#include "worker/socket.h"

/* The socket came without a token and must present one within the deadline. */
void in_band_await(struct socket *so);
/*
 * Handles the event NAME if it is the one that brings tokens; false when it is not.  The session may be gone
 * afterwards.
 */
bool in_band_event(struct socket *so, struct slice name, const struct sio_packet *p);

#endif
