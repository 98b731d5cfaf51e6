/*
 * message.h - one Socket.IO packet on its way: the text of an Engine.IO message ("42/chat,[...]"), and the attachments
 * that its placeholders name.
 */
#ifndef FORKCAST_WORKER_MESSAGE_H
#define FORKCAST_WORKER_MESSAGE_H

#include "proto/slice.h"

/* In the order of their numbers.  Whoever makes one says how long the bytes live. */
struct attachments {
	unsigned n;
	const struct slice *v;
};

struct message {
	struct slice packet;
	struct attachments attached;
};

static inline struct message message_text(struct slice packet)
{
	return (struct message){packet, {0, NULL}};
}

/* Bytes of all parts. */
static inline size_t message_bytes(const struct message *m)
{
	size_t n = m->packet.n;

	for (unsigned i = 0; i < m->attached.n; i++)
		n += m->attached.v[i].n;
	return n;
}

#endif
