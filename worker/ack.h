/*
 * ack.h - acks that clients owe: an event that asked for one was sent to a socket here, and the answer goes back to the
 * slot whose process asked (answer.h).
 *
 * All sockets of one worker and namespace get one broadcast under one id, so its packet is built once.  What a client
 * owes is kept with its socket, and forgotten when the time is over or the socket leaves.
 */
#ifndef FORKCAST_WORKER_ACK_H
#define FORKCAST_WORKER_ACK_H

#include "proto/socketio.h"
#include "shm/record.h"
#include "worker/socket.h"

#define ACK_OWED_MAX 1000u /* by one socket; beyond it the oldest is forgotten */

/*
 * A broadcast that asks for acks has come: delivers it to the local sockets it is for, and tells the asker how many
 * there are, even when there are none.
 */
void ack_deliver(struct worker *w, const struct record *rec, struct nsp *nsp);
/* An ACK packet.  One that nothing asked for, or that comes too late, is ignored. */
void ack_from_client(struct socket *so, const struct sio_packet *p, struct attachments attached);
/* The socket leaves: it owes nothing any more. */
void ack_forget(struct socket *so);

#endif
