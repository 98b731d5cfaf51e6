#include <stdlib.h>

#include "proto/socketio.h"
#include "worker/behind.h"
#include "worker/session.h"
#include "worker/worker.h"

struct behind_entry {
	struct behind_entry *next;
	uint64_t ticket;
	char sid[SID_LEN + 1]; /* of the session, which may go first */
	struct message m;      /* its bytes lie behind this struct */
	struct slice attached[SIO_ATTACHMENTS_MAX];
};

void behind_init(struct behind *b)
{
	*b = (struct behind){.tail = &b->head};
}

void behind_published(struct session *s, int64_t ticket)
{
	if (ticket > 0)
		s->published = (uint64_t)ticket;
}

static char *keep_slice(char *at, struct slice from, struct slice *to)
{
	if (from.n > 0)
		memcpy(at, from.p, from.n);
	*to = slice_make(at, from.n);
	return at + from.n;
}

bool behind_keep(struct session *s, const struct message *m)
{
	struct behind *b = &s->w->behind;
	struct behind_entry *e;
	char *at;

	if (s->published <= b->drained)
		return false;
	e = malloc(sizeof(*e) + message_bytes(m));
	if (e == NULL)
		worker_die(s->w, "out of memory");
	at = (char *)(e + 1);
	e->next = NULL;
	e->ticket = s->published;
	memcpy(e->sid, s->id.text, sizeof(e->sid));
	at = keep_slice(at, m->packet, &e->m.packet);
	e->m.attached = (struct attachments){m->attached.n, e->attached};
	for (unsigned i = 0; i < m->attached.n; i++)
		at = keep_slice(at, m->attached.v[i], &e->attached[i]);
	*b->tail = e;
	b->tail = &e->next;
	return true;
}

void behind_mark(struct worker *w)
{
	struct behind *b = &w->behind;

	if (b->ticket > b->drained)
		return; /* the mark before is not reached yet */
	b->ticket = w->bcast.settled;
	b->pos = ring_tail(&w->bcast.ring);
}

/* Takes the entry at *PP off the list. */
static struct behind_entry *take(struct behind *b, struct behind_entry **pp)
{
	struct behind_entry *e = *pp;

	*pp = e->next;
	if (b->tail == &e->next)
		b->tail = pp;
	return e;
}

static void release(struct worker *w)
{
	struct behind *b = &w->behind;

	while (b->head != NULL && b->head->ticket <= b->drained) {
		struct behind_entry *e = take(b, &b->head);
		struct session *s = session_find(w, slice_make(e->sid, SID_LEN));

		if (s != NULL)
			session_send_now(s, &e->m);
		free(e);
	}
}

/* Tickets are given one by one, so counting tells which one it was, unless the own reader was overtaken. */
void behind_passed(struct worker *w, bool delivered)
{
	struct behind *b = &w->behind;

	b->taken++;
	if (!delivered)
		return;
	if (b->drained < b->taken)
		b->drained = b->taken;
	release(w);
}

/* The mark puts right what was counted wrong. */
void behind_release(struct worker *w)
{
	struct behind *b = &w->behind;

	if (b->ticket > b->drained && w->in.pos[w->h->slot] >= b->pos)
		b->drained = b->ticket;
	if (b->taken < b->drained)
		b->taken = b->drained;
	release(w);
}

void behind_flush(struct session *s)
{
	struct behind *b = &s->w->behind;
	struct behind_entry **pp = &b->head;

	if (s->published <= b->drained)
		return;
	while (*pp != NULL) {
		struct behind_entry *e;

		if (memcmp((*pp)->sid, s->id.text, SID_LEN) != 0) {
			pp = &(*pp)->next;
			continue;
		}
		e = take(b, pp);
		session_send_now(s, &e->m);
		free(e);
	}
}
