#include <stdlib.h>

#include "worker/moves.h"
#include "worker/worker.h"

/*
 * A position says that a record was taken, not that it was dealt with, which follows at once: so it is given this much
 * more, and the aiming much more, which costs nothing but a look.
 */
#define ACT_NS	    (50 * NS_PER_US)
#define AIM_NS	    (100 * NS_PER_MS)
#define AIM_MOST_NS (2 * NS_PER_S)

struct move {
	struct move *next;
	struct slot_mask to;
	int64_t ticket;
	bool in_ring;
	uint64_t pos;	    /* the ring's end when it was first seen there */
	uint64_t asked_ns, read_ns; /* READ_NS 0: not read by all */
	moves_fn fn;
	void *arg;
};

/* True when every living slot of TO has taken our records up to POS. */
static bool read_by_all(const struct worker *w, const struct slot_mask *to, uint64_t pos)
{
	for (unsigned word = 0; word < SLOT_WORDS; word++) {
		for (uint64_t left = to->w[word]; left != 0; left &= left - 1) {
			unsigned slot = word * 64 + (unsigned)__builtin_ctzll(left);
			uint64_t at = atomic_load_explicit(&segment_read_pos(w->h->seg, slot)[w->h->slot], memory_order_acquire);

			if ((int64_t)(at - pos) < 0 && slot_is_alive(segment_slot(w->h->seg, slot)))
				return false;
		}
	}
	return true;
}

void moves_note(struct worker *w, const struct slot_mask *to, int64_t ticket)
{
	slot_mask_or(&w->moves.mask, to);
	w->moves.ticket = ticket;
	w->moves.noted_ns = w->now_ns;
}

void moves_collect(struct worker *w, struct slot_mask *out)
{
	struct moves *m = &w->moves;

	if (m->noted_ns == 0)
		return;
	if (w->now_ns - m->noted_ns > AIM_MOST_NS ||
	    (w->now_ns - m->noted_ns > AIM_NS && outlet_settled(&w->bcast, (uint64_t)m->ticket) &&
		read_by_all(w, &m->mask, w->bcast.ring.tail)))
		*m = (struct moves){.waiting = m->waiting, .tail = m->tail};
	else
		slot_mask_or(out, &m->mask);
}

void moves_wait(struct worker *w, int64_t ticket, moves_fn fn, void *arg)
{
	struct moves *m = &w->moves;
	struct move *p = malloc(sizeof(*p));

	if (p == NULL)
		worker_die(w, "out of memory");
	*p = (struct move){.to = m->mask, .ticket = ticket, .asked_ns = w->now_ns, .fn = fn, .arg = arg};
	if (m->waiting == NULL)
		m->tail = &m->waiting;
	*m->tail = p;
	m->tail = &p->next;
}

static bool is_done(struct worker *w, struct move *p)
{
	if (!p->in_ring && outlet_settled(&w->bcast, (uint64_t)p->ticket)) {
		p->in_ring = true;
		p->pos = w->bcast.ring.tail;
	}
	if (!p->in_ring)
		return false; /* its time runs from when it is there */
	if (p->read_ns == 0 && read_by_all(w, &p->to, p->pos))
		p->read_ns = w->now_ns;
	return (p->read_ns != 0 && w->now_ns - p->read_ns >= ACT_NS) || w->now_ns - p->asked_ns > MOVES_WAIT_NS;
}

void moves_turn(struct worker *w)
{
	struct moves *m = &w->moves;

	while (m->waiting != NULL && is_done(w, m->waiting)) {
		struct move *p = m->waiting;

		m->waiting = p->next;
		p->fn(w, p->arg);
		free(p);
	}
}
