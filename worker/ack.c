#include <stdlib.h>
#include <string.h>

#include "worker/ack.h"
#include "worker/fanout.h"
#include "worker/publish.h"
#include "worker/session.h"
#include "worker/worker.h"

/* One answer that a socket owes. */
struct ack {
	struct ack *next; /* older ones */
	uint64_t id;	  /* on the wire */
	struct record_ack to;
};

void ack_forget(struct socket *so)
{
	while (so->acks != NULL) {
		struct ack *a = so->acks;

		so->acks = a->next;
		free(a);
	}
}

/* Drops what is behind **PP. */
static void forget_rest(struct ack **pp)
{
	while (*pp != NULL) {
		struct ack *a = *pp;

		*pp = a->next;
		free(a);
	}
}

/* Remembers a new one, and forgets what is too old or too much. */
static void owe(struct socket *so, uint64_t id, const struct record_ack *to)
{
	struct ack *a = malloc(sizeof(*a)), **pp = &so->acks;
	unsigned n = 0;

	if (a == NULL)
		worker_die(so->session->w, "out of memory");
	*a = (struct ack){.next = so->acks, .id = id, .to = *to};
	so->acks = a;
	while (*pp != NULL && ++n < ACK_OWED_MAX) {
		struct ack *old = *pp;

		if (old->to.due_ns > so->session->w->now_ns) {
			pp = &old->next;
			continue;
		}
		*pp = old->next;
		free(old);
	}
	if (*pp != NULL)
		forget_rest(&(*pp)->next);
}

/* 42/nsp,["event",...] with the ack's id in front of the bracket. */
static struct slice with_id(struct worker *w, const struct record *rec, uint64_t id)
{
	struct slice packet = slice_make(rec->packet, rec->packet_len);
	const char *bracket = memchr(packet.p, '[', packet.n);
	size_t head = bracket != NULL ? (size_t)(bracket - packet.p) : packet.n;
	struct buf *b = &w->packet;

	/* a namespace may have a bracket in its name */
	if (rec->nsp_len > 1) {
		const char *comma = memchr(packet.p, ',', packet.n);

		head = comma != NULL ? (size_t)(comma + 1 - packet.p) : packet.n;
	}
	buf_reset(b);
	buf_put(b, packet.p, head);
	buf_uint(b, id);
	buf_put(b, packet.p + head, packet.n - head);
	return slice_make(arena_copy(&w->arena, b->p, b->n), b->n);
}

struct delivery {
	struct record_ack to;
	uint64_t id; /* on the wire */
	uint32_t n;
};

static void deliver_one(struct worker *w, struct socket *so, void *arg)
{
	struct delivery *d = arg;

	if (!fanout_deliver(w, so, &w->fan.one.run, &w->fan.one.enc))
		return;
	owe(so, d->id, &d->to);
	d->n++;
}

void ack_deliver(struct worker *w, const struct record *rec, struct nsp *nsp)
{
	struct delivery d = {.to = rec->ack};

	if (nsp != NULL) {
		d.id = nsp->next_ack++;
		fanout_one(w, rec, with_id(w, rec, d.id));
		fanout_each(w, rec, nsp, deliver_one, &d);
	}
	publish_answer_count(w, &d.to, d.n);
}

void ack_from_client(struct socket *so, const struct sio_packet *p, struct attachments attached)
{
	struct worker *w = so->session->w;
	struct ack **pp = &so->acks, *a;

	while (*pp != NULL && (*pp)->id != p->id)
		pp = &(*pp)->next;
	a = *pp;
	if (a == NULL)
		return;
	*pp = a->next;
	if (a->to.due_ns > w->now_ns)
		publish_answer(w, &a->to, p->payload, attached);
	free(a);
}
