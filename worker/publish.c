#include <errno.h>
#include <stdlib.h>

#include "proto/sid.h"
#include "shm/interest.h"
#include "shm/op.h"
#include "shm/tlv.h"
#include "worker/publish.h"
#include "worker/room.h"
#include "worker/worker.h"

/* Waits for a record to leave the overflow. */
struct settling {
	struct settling *next;
	int64_t ticket;
	publish_settled_fn fn;
	void *arg;
};

struct draft {
	struct tlv_writer tlv;
	struct record_head *head;
	uint64_t touch[PUBLISH_TARGETS_MAX];
	unsigned ntouch;
};

static size_t audience_size(const struct audience *a)
{
	size_t n = a->nsp.n + 32;

	for (unsigned i = 0; i < a->nin; i++)
		n += a->in[i].name.n + 32;
	for (unsigned i = 0; i < a->nexcept; i++)
		n += a->except[i].name.n + 32;
	return n;
}

size_t publish_size(const struct audience *a, size_t content, unsigned ncontent)
{
	return sizeof(struct record_head) + audience_size(a) + content + ncontent * 32u + 64;
}

int publish_would_take(struct worker *w, const size_t *size, unsigned n)
{
	return outlet_would_take(&w->bcast, size, n, PUBLISH_TARGETS_MAX, clock_mono_ns());
}

/* Adds one target: its slots to the mask, its bucket to those touched. */
static void draft_target(struct worker *w, struct draft *d, const struct audience *a, const struct target_room *t)
{
	uint64_t hash = room_hash(w, a->nsp, t->name);
	unsigned slot;
	uint32_t gen;

	if (t->own && sid_parse(t->name, &slot, &gen))
		slot_mask_set(&d->head->mask, slot);
	interest_collect(w->h->seg, hash, &d->head->mask);
	d->touch[d->ntouch++] = hash;
	tlv_put_hashed(&d->tlv, RECORD_TLV_ROOM, t->own ? RECORD_ROOM_SID : RECORD_ROOM_PLAIN, hash, t->name.p, t->name.n);
}

static int draft_begin(struct worker *w, struct draft *d, enum record_kind kind, const struct audience *a, size_t more)
{
	size_t cap = sizeof(struct record_head) + audience_size(a) + more + 64;

	if (a->nin > PUBLISH_TARGETS_MAX)
		return -EMSGSIZE;
	buf_reset(&w->record);
	buf_reserve(&w->record, cap);
	d->head = record_begin(&d->tlv, w->record.p, w->record.cap, kind);
	d->ntouch = 0;
	moves_collect(w, &d->head->mask);
	if (!slice_is(a->nsp, "/"))
		tlv_put(&d->tlv, RECORD_TLV_NSP, 0, a->nsp.p, a->nsp.n);
	for (unsigned i = 0; i < a->nin; i++)
		draft_target(w, d, a, &a->in[i]);
	if (a->nin == 0) {
		d->touch[d->ntouch] = room_hash(w, a->nsp, slice_make("", 0));
		interest_collect(w->h->seg, d->touch[d->ntouch++], &d->head->mask);
	}
	for (unsigned i = 0; i < a->nexcept; i++) {
		const struct target_room *t = &a->except[i];

		tlv_put_hashed(&d->tlv, RECORD_TLV_EXCEPT, t->own ? RECORD_ROOM_SID : RECORD_ROOM_PLAIN,
		    room_hash(w, a->nsp, t->name), t->name.p, t->name.n);
	}
	return 0;
}

/* An operation is an eighth of its ring at most; the keeper's record must fit its ring too. */
static int64_t hold(struct worker *w, const struct draft *d)
{
	struct buf *b = &w->hold->fields;
	size_t n = d->tlv.len + 16;
	struct tlv_writer t;

	if (b->n + n > ring_payload_max(&w->ops.ring) || d->tlv.len > ring_payload_max(&w->bcast.ring)) {
		counter_add_to(&w->ct->refused[REFUSED_TOO_LONG], 1);
		return -EMSGSIZE;
	}
	t = (struct tlv_writer){.buf = (uint8_t *)buf_reserve(b, n), .cap = n};
	tlv_put(&t, OP_TLV_RECORD, 0, d->tlv.buf, d->tlv.len);
	b->n += t.len;
	return 0;
}

void publish_hold(struct worker *w, struct publish_held *held)
{
	w->hold = held;
}

void publish_go(struct worker *w)
{
	w->hold = NULL;
}

static int64_t draft_put(struct worker *w, struct draft *d)
{
	struct slot_mask mask;
	struct iovec iov = {d->tlv.buf, d->tlv.len};
	struct outlet_msg msg = {&iov, 1, &mask, d->touch, d->ntouch, false};
	uint64_t rung = w->bcast.wakeups;
	int64_t ticket;

	if (d->tlv.over)
		return -EMSGSIZE;
	if (d->head->flags & RECORD_LOCAL) {
		memset(&d->head->mask, 0, sizeof(d->head->mask));
		slot_mask_set(&d->head->mask, w->h->slot);
	}
	if (w->hold != NULL)
		return hold(w, d);
	mask = d->head->mask;
	ticket = outlet_put(&w->bcast, &msg, clock_mono_ns());
	if (ticket > 0) {
		counter_add(w->ct, COUNTER_PUBLISHED, 1);
		counter_add(w->ct, COUNTER_PUBLISHED_BYTES, iov.iov_len);
		counter_add(w->ct, COUNTER_WAKEUPS, w->bcast.wakeups - rung);
		w->congested = outlet_congested(&w->bcast) || outlet_congested(&w->ops);
	} else {
		counter_add_to(&w->ct->refused[ticket == -EMSGSIZE ? REFUSED_TOO_LONG : REFUSED_BUSY], 1);
	}
	return ticket;
}

static size_t attached_size(struct attachments a)
{
	size_t n = 0;

	for (unsigned i = 0; i < a.n; i++)
		n += a.v[i].n + 32;
	return n;
}

static void draft_message(struct draft *d, const struct message *m)
{
	tlv_put(&d->tlv, RECORD_TLV_PACKET, 0, m->packet.p, m->packet.n);
	for (unsigned i = 0; i < m->attached.n; i++)
		tlv_put(&d->tlv, RECORD_TLV_ATTACH, 0, m->attached.v[i].p, m->attached.v[i].n);
}

int64_t publish_message(struct worker *w, const struct audience *a, const struct message *m, uint32_t flags)
{
	struct draft d;
	int err = draft_begin(w, &d, RECORD_BROADCAST, a, m->packet.n + attached_size(m->attached));

	if (err != 0)
		return err;
	d.head->flags = flags;
	d.head->splice = m->packet.n > 0 ? (uint32_t)m->packet.n - 1 : 0;
	draft_message(&d, m);
	return draft_put(w, &d);
}

int64_t publish_asking(struct worker *w, const struct audience *a, const struct message *m, uint32_t flags,
    const struct record_ack *ack, struct slot_mask *asked)
{
	struct draft d;
	int err = draft_begin(w, &d, RECORD_BROADCAST, a, m->packet.n + attached_size(m->attached) + sizeof(*ack) + 32);
	int64_t ticket;

	if (err != 0)
		return err;
	d.head->flags = flags;
	tlv_put(&d.tlv, RECORD_TLV_ACK, 0, ack, sizeof(*ack));
	draft_message(&d, m);
	ticket = draft_put(w, &d);
	*asked = d.head->mask;
	return ticket;
}

/* A record for one process alone. */
static void draft_answer(struct worker *w, struct draft *d, enum record_answer what, const struct record_ack *to,
    size_t more)
{
	size_t cap = sizeof(struct record_head) + sizeof(*to) + more + 128;

	buf_reset(&w->record);
	buf_reserve(&w->record, cap);
	d->head = record_begin(&d->tlv, w->record.p, w->record.cap, RECORD_ANSWER);
	d->head->act = (uint8_t)what;
	d->ntouch = 0;
	if (to->slot < SLOT_MAX)
		slot_mask_set(&d->head->mask, to->slot);
	tlv_put(&d->tlv, RECORD_TLV_ACK, 0, to, sizeof(*to));
}

void publish_answer_count(struct worker *w, const struct record_ack *to, uint32_t n)
{
	struct draft d;

	draft_answer(w, &d, RECORD_ANSWER_COUNT, to, 0);
	tlv_put(&d.tlv, RECORD_TLV_COUNT, 0, &n, sizeof(n));
	(void)draft_put(w, &d); /* what does not fit is missed, like an answer that comes too late */
}

void publish_answer(struct worker *w, const struct record_ack *to, struct slice args, struct attachments attached)
{
	const struct message m = {args.n > 0 ? args : SLICE("[]"), attached};
	struct draft d;

	draft_answer(w, &d, RECORD_ANSWER_ARGS, to, args.n + attached_size(attached));
	draft_message(&d, &m);
	(void)draft_put(w, &d);
}

int64_t publish_control(struct worker *w, const struct audience *a, enum record_act act, const struct slice *rooms,
    unsigned nrooms)
{
	struct draft d;
	size_t more = 0;
	int64_t ticket;
	int err;

	for (unsigned i = 0; i < nrooms; i++)
		more += rooms[i].n + 32;
	err = draft_begin(w, &d, RECORD_CONTROL, a, more);
	if (err != 0)
		return err;
	d.head->act = (uint8_t)act;
	for (unsigned i = 0; i < nrooms; i++)
		tlv_put_hashed(&d.tlv, RECORD_TLV_ARG_ROOM, 0, room_hash(w, a->nsp, rooms[i]), rooms[i].p, rooms[i].n);
	ticket = draft_put(w, &d);
	if (act == RECORD_ACT_JOIN && ticket > 0)
		moves_note(w, &d.head->mask, ticket);
	return ticket;
}

void publish_when_settled(struct worker *w, int64_t ticket, publish_settled_fn fn, void *arg)
{
	struct settling *p;

	if (w->acks == NULL && outlet_settled(&w->bcast, (uint64_t)ticket)) {
		fn(w, arg);
		return;
	}
	p = malloc(sizeof(*p));
	if (p == NULL)
		worker_die(w, "out of memory");
	*p = (struct settling){.ticket = ticket, .fn = fn, .arg = arg};
	*w->acks_tail = p;
	w->acks_tail = &p->next;
}

void publish_pump(struct worker *w)
{
	if (w->bcast.waiting > 0)
		outlet_pump(&w->bcast, clock_mono_ns());
	while (w->acks != NULL && outlet_settled(&w->bcast, (uint64_t)w->acks->ticket)) {
		struct settling *p = w->acks;

		w->acks = p->next;
		if (w->acks == NULL)
			w->acks_tail = &w->acks;
		p->fn(w, p->arg);
		free(p);
	}
}
