#include <stdlib.h>

#include "conf/log.h"
#include "shm/doorbell.h"
#include "shm/interest.h"
#include "shm/record.h"
#include "worker/ack.h"
#include "worker/answers.h"
#include "worker/ban.h"
#include "worker/control.h"
#include "worker/encode.h"
#include "worker/every.h"
#include "worker/fanout.h"
#include "worker/room.h"
#include "worker/session.h"
#include "worker/worker.h"

static void run_start(struct run *run, struct room *room, const struct record *rec)
{
	run->room = room;
	run->is_volatile = rec->head.flags & RECORD_VOLATILE;
	run->n = 0;
	run->bytes = 0;
}

static struct attachments attached_to(struct worker *w, const struct record *rec)
{
	struct slice *v;
	const char *val;
	size_t len, off = 0;
	unsigned n = 0;

	if (rec->nattached == 0)
		return (struct attachments){0, NULL};
	v = arena_alloc(&w->arena, rec->nattached * sizeof(*v));
	while (n < rec->nattached && record_next_attached(rec, &off, &val, &len))
		v[n++] = slice_make(val, len);
	return (struct attachments){n, v};
}

static void run_add(struct worker *w, struct run *run, const struct record *rec, struct slice packet)
{
	struct message *m = &run->message[run->n++];

	*m = (struct message){packet, attached_to(w, rec)};
	run->bytes += message_bytes(m);
}

void fanout_one(struct worker *w, const struct record *rec, struct slice packet)
{
	w->fan.one.enc.have = 0;
	run_start(&w->fan.one.run, NULL, rec);
	run_add(w, &w->fan.one.run, rec, packet);
}

bool fanout_deliver(struct worker *w, struct socket *so, struct run *run, struct encoded *enc)
{
	struct session *s = so->session;

	if (run->is_volatile && !s->tr->writable(s)) {
		counter_add(w->ct, COUNTER_VOLATILE_DROPPED, run->n);
		return false;
	}
	s->tr->send(s, *encoded_for(enc, s->encoding, run, w));
	w->fan.deliveries += run->n;
	return true;
}

/* Serves everybody in the run's room. */
static void run_finish(struct worker *w)
{
	struct run *run = &w->fan.run;
	struct encoded enc = {.have = 0};
	struct socket **m;

	if (run->n == 0)
		return;
	m = room_members(run->room);
	for (uint32_t i = 0; i < run->room->n; i++)
		fanout_deliver(w, m[i], run, &enc);
	run->n = 0;
}

/* Marks everybody that a target names.  Calls FN for those not marked yet when FN is given. */
static void each_target(struct worker *w, const struct record *rec, uint16_t type, const struct nsp *nsp,
    fanout_fn fn, void *arg)
{
	uint64_t hash;
	const char *name;
	size_t len, off = 0;
	uint16_t sub;

	while (record_next_room(rec, type, &off, &hash, &name, &len, &sub)) {
		struct slice text = slice_make(name, len);
		struct socket *one, **m = &one;
		uint32_t n = 0;

		if (sub == RECORD_ROOM_SID) {
			one = socket_find(w, text);
			n = one != NULL && one->nsp == nsp;
		} else {
			struct room *r = room_find(w, nsp, hash, text);

			if (r != NULL) {
				m = room_members(r);
				n = r->n;
			}
		}
		for (uint32_t i = 0; i < n; i++) {
			if (m[i]->mark == w->mark)
				continue;
			m[i]->mark = w->mark;
			if (fn != NULL)
				fn(w, m[i], arg);
		}
	}
}

void fanout_each(struct worker *w, const struct record *rec, const struct nsp *nsp, fanout_fn fn, void *arg)
{
	/* A socket counts once: marked when excepted, or when it had its turn.  Fresh sockets carry 0. */
	if (++w->mark == 0) {
		socket_unmark_all(w);
		w->mark = 1;
	}
	if (rec->nexcepts > 0)
		each_target(w, rec, RECORD_TLV_EXCEPT, nsp, NULL, NULL);
	if (rec->nrooms > 0) {
		each_target(w, rec, RECORD_TLV_ROOM, nsp, fn, arg);
	} else {
		struct room *all = room_find(w, nsp, room_hash(w, nsp_name(nsp), slice_make("", 0)), slice_make("", 0));

		for (uint32_t i = 0; all != NULL && i < all->n; i++) {
			struct socket *so = room_members(all)[i];

			if (so->mark != w->mark)
				fn(w, so, arg);
		}
	}
}

static void deliver_one(struct worker *w, struct socket *so, void *arg)
{
	(void)arg;
	fanout_deliver(w, so, &w->fan.one.run, &w->fan.one.enc);
}

/* The room that a record is for, when it is for exactly one and nobody is excepted. */
static struct room *single_room(struct worker *w, const struct record *rec, const struct nsp *nsp)
{
	uint64_t hash = rec->room_hash;
	struct slice name = slice_make(rec->room, rec->room_len);

	if (rec->nrooms == 0) {
		name = slice_make("", 0);
		hash = room_hash(w, nsp_name(nsp), name);
	}
	return room_find(w, nsp, hash, name);
}

static void on_broadcast(struct worker *w, const struct record *rec)
{
	struct nsp *nsp = nsp_find(w, slice_make(rec->nsp, rec->nsp_len));
	struct run *run = &w->fan.run;

	if (rec->has_ack) {
		run_finish(w);
		ack_deliver(w, rec, nsp);
		return;
	}
	if (nsp == NULL)
		return;
	if (rec->nexcepts == 0 && rec->nrooms <= 1 && rec->room_sub == RECORD_ROOM_PLAIN) {
		struct room *room = single_room(w, rec, nsp);

		if (room == NULL)
			return;
		if (run->n > 0 && (run->room != room || run->n == RUN_MAX ||
				      run->is_volatile != !!(rec->head.flags & RECORD_VOLATILE)))
			run_finish(w);
		if (run->n == 0)
			run_start(run, room, rec);
		run_add(w, run, rec, slice_make(rec->packet, rec->packet_len));
		return;
	}
	run_finish(w);
	fanout_one(w, rec, slice_make(rec->packet, rec->packet_len));
	fanout_each(w, rec, nsp, deliver_one, NULL);
}

static void on_record(struct worker *w, const struct inlet_item *item, const void *payload)
{
	struct record rec;

	if (record_parse(&rec, payload, item->payload) != 0) {
		counter_add(w->ct, COUNTER_RING_BAD, 1);
		return;
	}
	if (rec.head.sequence != 0) {
		/* from the keeper's outbox: a successor repeats what its predecessor may have published */
		if (rec.head.sequence <= w->keeper_seq)
			return;
		w->keeper_seq = rec.head.sequence;
	}
	switch (rec.head.kind) {
	case RECORD_BROADCAST:
		w->fan.stamp[w->fan.nstamp++] = item->head.stamp;
		on_broadcast(w, &rec);
		break;
	case RECORD_CONTROL:
		run_finish(w);
		if (rec.head.act == RECORD_ACT_BAN)
			ban_act(w, &rec);
		else
			control_act(w, &rec);
		break;
	case RECORD_EDGE:
		if (rec.head.act == RECORD_EDGE_TICK)
			every_due(w, &rec);
		else
			control_edge(w, &rec);
		break;
	case RECORD_ANSWER:
		if (rec.head.act == RECORD_ANSWER_KEEPER)
			ask_take(w, &rec);
		else
			answers_take(w, item->slot, &rec);
		break;
	default:
		break; /* a kind of a newer binary */
	}
}

/* What the log says: rings in the order they were taken, one run for records of one ring in a row. */
static void log_position(struct worker *w, unsigned slot)
{
	struct fanout *f = &w->fan;

	if (f->log_open && f->log_slot != slot)
		dlog_run(&w->log, f->log_slot, f->log_end);
	f->log_open = true;
	f->log_slot = slot;
	f->log_end = w->in.pos[slot];
}

static void log_close(struct worker *w)
{
	if (w->fan.log_open)
		dlog_run(&w->log, w->fan.log_slot, w->fan.log_end);
	w->fan.log_open = false;
}

/* Takes one record.  False when it was overwritten under our eyes: the next call says how much was lost. */
static bool take(struct worker *w, const struct inlet_item *item)
{
	struct record_head head;
	void *payload;

	if (item->payload < sizeof(head)) {
		inlet_skip(&w->in, item);
		counter_add(w->ct, COUNTER_RING_BAD, 1);
		return true;
	}
	if (inlet_look(&w->in, item, &head, sizeof(head)) != 0)
		return false;
	if (!slot_mask_has(&head.mask, w->h->slot)) {
		inlet_skip(&w->in, item);
		return true;
	}
	payload = arena_alloc(&w->arena, item->payload);
	if (inlet_copy(&w->in, item, payload) != 0)
		return false;
	if (doorbell_missed(item->head.stamp, w->armed_ns, w->unrung_ns))
		w->fan.late = true;
	on_record(w, item, payload);
	return true;
}

bool fanout_drain(struct worker *w, uint64_t t0_ns)
{
	struct fanout *f = &w->fan;
	struct inlet_item item;
	struct inlet_lap lap;
	size_t start = w->arena.used;
	enum inlet_event ev;
	bool more = false;

	f->nstamp = 0;
	f->deliveries = 0;
	f->late = false;
	f->run.n = 0;
	inlet_begin(&w->in, t0_ns);
	while ((ev = inlet_next(&w->in, &item, &lap)) != INLET_NONE) {
		if (ev == INLET_LAPPED) {
			run_finish(w);
			log_close(w);
			dlog_gap(&w->log, item.slot, lap.to);
			control_lapped(w, item.slot, &lap);
			continue;
		}
		if (ev == INLET_RECORD && !take(w, &item))
			continue;
		log_position(w, item.slot);
		if (ev == INLET_RECORD && item.slot == w->h->slot)
			behind_passed(w, f->run.n == 0);
		if (f->nstamp == FANOUT_RECORDS || w->arena.used - start > FANOUT_BYTES) {
			more = true;
			break;
		}
	}
	run_finish(w);
	log_close(w);
	counter_add(w->ct, COUNTER_DELIVERIES, f->deliveries);
	counter_set(w->ct, COUNTER_RING_LAG, inlet_end(&w->in));
	return more;
}

void fanout_observe(struct worker *w, uint64_t flushed_ns)
{
	const struct fanout *f = &w->fan;

	for (unsigned i = 0; i < f->nstamp; i++)
		histogram_observe(w->ct, HISTOGRAM_PUBLISH_TO_FLUSH, flushed_ns - f->stamp[i], 1);
}

bool fanout_found_late(const struct worker *w)
{
	return w->fan.late;
}
