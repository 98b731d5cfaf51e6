#include "worker/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/log.h"
#include "proto/sid.h"
#include "shm/mailbox.h"
#include "worker/accept.h"
#include "worker/conn.h"
#include "worker/request.h"
#include "worker/worker.h"

#define HANDOVER_MAGIC     0x68616f01u                           /* the last byte is the layout */
#define HANDOVER_BYTES_MAX (WORKER_READ_SIZE + REQUEST_HEAD_MAX) /* a connection never has more unread */

/* In front of the bytes.  Sender and receiver may be two versions of this program. */
struct handover_head {
	uint32_t magic;
	uint32_t length; /* of the bytes that follow */
	uint16_t listener;
	uint8_t family; /* of struct peer */
	uint8_t zero;
	uint8_t addr[16];
};

_Static_assert(sizeof(struct handover_head) == 28, "handover layout");
_Static_assert(sizeof(struct handover_head) + HANDOVER_BYTES_MAX < MAILBOX_BYTES / 2, "the longest message fits");

/* A mailbox that this worker may take from. */
struct letterbox {
	struct worker *w;
	unsigned slot;
	bool wanted; /* ours, or a neighbour's without a process */
	bool served; /* in the event loop now */
	struct event ev;
};

struct handover_state {
	bool full;   /* a mailbox was, at the last look: look again soon */
	bool paused; /* nothing is taken: the worker is congested */
	struct letterbox box[SLOT_MAX];
	uint8_t bytes[HANDOVER_BYTES_MAX];
};

/* ---- taking ---- */

static void refuse(struct worker *w, enum refused why)
{
	counter_add_to(&w->ct->refused[why], 1);
}

static bool head_is_good(const struct worker *w, const struct handover_head *head, size_t n)
{
	return n >= sizeof(*head) && head->magic == HANDOVER_MAGIC && head->length == n - sizeof(*head) &&
	    head->zero == 0 && (head->family == 0 || head->family == 4 || head->family == 6) &&
	    head->listener < w->h->nlistener && w->h->listener[head->listener].kind == HERITAGE_PUBLIC;
}

static void take(struct worker *w, int fd, const struct handover_head *head)
{
	struct peer from = {.family = head->family};
	struct conn *c;

	memcpy(from.addr, head->addr, sizeof(from.addr));
	c = accept_begin(w, fd, head->listener, &from);
	if (c == NULL)
		return;
	counter_add(w->ct, COUNTER_HANDOVERS, 1);
	conn_feed(c, w->handover->bytes, head->length);
}

/* False when the mailbox is empty. */
static bool take_one(struct worker *w, unsigned slot)
{
	struct handover_head head;
	const struct iovec iov[] = {{&head, sizeof(head)}, {w->handover->bytes, HANDOVER_BYTES_MAX}};
	ssize_t n;
	int fd;

	n = mailbox_take(&w->h->mail, slot, &fd, iov, 2);
	if (n == -EAGAIN)
		return false;
	if (n < 0) {
		refuse(w, n == -EMFILE ? REFUSED_DESCRIPTORS : REFUSED_HANDOVER);
		log_warn("handover_lost", "box=%u error=%s", slot, strerror((int)-n));
	} else if (!head_is_good(w, &head, (size_t)n)) {
		close(fd);
		refuse(w, REFUSED_HANDOVER);
		log_warn("handover_refused", "box=%u bytes=%zd", slot, n);
	} else {
		take(w, fd, &head);
	}
	return true;
}

static void serve(struct letterbox *b, bool yes);

/* A neighbour's box is left alone from the moment somebody lives there: what we took would only go back into it. */
static bool still_ours(struct letterbox *b)
{
	if (b->slot != b->w->h->slot && slot_is_alive(segment_slot(b->w->h->seg, b->slot))) {
		b->wanted = false;
		serve(b, false);
	}
	return b->wanted;
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct letterbox *b = arg;

	(void)fd;
	(void)what;
	worker_wake_clock(b->w);
	for (unsigned i = 0; i < HANDOVER_BUDGET && still_ours(b) && take_one(b->w, b->slot); i++)
		;
}

static void serve(struct letterbox *b, bool yes)
{
	if (b->served == yes)
		return;
	if (yes) {
		event_assign(&b->ev, b->w->base, b->w->h->mail.in[b->slot], EV_READ | EV_PERSIST, on_mail, b);
		if (event_add(&b->ev, NULL) != 0)
			return; /* out of memory; tried again by the next sweep */
	} else {
		event_del(&b->ev);
	}
	b->served = yes;
}

static void serve_boxes(struct worker *w)
{
	for (unsigned i = 0; i < SLOT_MAX; i++)
		serve(&w->handover->box[i], w->handover->box[i].wanted && !w->handover->paused);
}

int handover_open(struct worker *w)
{
	w->handover = calloc(1, sizeof(*w->handover));
	if (w->handover == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < SLOT_MAX; i++)
		w->handover->box[i] = (struct letterbox){.w = w, .slot = i};
	w->handover->box[w->h->slot].wanted = w->h->mail.in[w->h->slot] >= 0;
	serve_boxes(w);
	return 0;
}

/* The first worker behind SLOT that is seen to turn is the one who takes that slot's mail while nobody lives there. */
static bool is_ours(const struct worker *w, unsigned slot)
{
	if (slot_is_alive(segment_slot(w->h->seg, slot)))
		return false;
	for (unsigned i = (slot + 1) % SLOT_MAX; i != slot; i = (i + 1) % SLOT_MAX) {
		const struct slot *s = segment_slot(w->h->seg, i);

		if (i == w->h->slot)
			return true;
		if (w->h->mail.in[i] >= 0 && slot_is_alive(s) &&
		    atomic_load_explicit(&s->heartbeat_ns, memory_order_relaxed) + ACCEPT_SILENT_NS >= w->now_ns)
			return false;
	}
	return false;
}

void handover_neighbours(struct worker *w)
{
	if (w->handover == NULL)
		return;
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		if (i != w->h->slot && w->h->mail.in[i] >= 0)
			w->handover->box[i].wanted = is_ours(w, i);
	}
	serve_boxes(w);
}

/* ---- sending ---- */

/* True when a worker lives in SLOT whose generation has the low bits GEN16. */
static bool has_owner(const struct worker *w, unsigned slot, uint32_t gen16)
{
	const struct slot *s = segment_slot(w->h->seg, slot);

	return w->h->mail.out[slot] >= 0 && slot_is_alive(s) &&
	    (atomic_load_explicit(&s->gen, memory_order_relaxed) & 0xffff) == gen16;
}

bool handover_request(struct conn *c, struct slice sid)
{
	struct worker *w = c->w;
	struct request *r = c->owner;

	if (w->handover == NULL || !sid_parse(sid, &r->to, &r->to_gen16) || r->to == w->h->slot ||
	    !has_owner(w, r->to, r->to_gen16))
		return false;
	conn_pause(c, true);
	timeq_enter(&w->handovers, &c->timed, w->now_ns);
	return true;
}

int handover_send(struct worker *w, unsigned slot, const struct handover *h)
{
	struct handover_head head = {
	    .magic = HANDOVER_MAGIC,
	    .length = (uint32_t)h->n,
	    .listener = (uint16_t)h->listener,
	    .family = h->from->family,
	};
	const struct iovec iov[] = {{&head, sizeof(head)}, {(void *)(uintptr_t)h->p, h->n}};

	if (h->n > HANDOVER_BYTES_MAX)
		return -EMSGSIZE;
	memcpy(head.addr, h->from->addr, sizeof(head.addr));
	return mailbox_put(&w->h->mail, slot, h->fd, iov, 2);
}

static void give_up(struct conn *c)
{
	refuse(c->w, REFUSED_HANDOVER);
	request_reply_close(c, 503, NULL, "Retry-After: 1\r\n", slice_make("", 0));
}

/* What is queued is written by the flush of this turn, what the kernel did not take wakes us when it can be. */
static bool output_is_out(struct conn *c)
{
	if (!out_is_empty(&c->out))
		c->w->more = true;
	return out_is_empty(&c->out) && out_backlog_bytes(&c->out) == 0;
}

static void send_or_wait(struct conn *c, struct slot_mask *full)
{
	struct worker *w = c->w;
	const struct request *r = c->owner;
	const struct handover h = {
	    .fd = conn_fd(c),
	    .listener = c->listener,
	    .from = &r->from,
	    .p = c->unread->data,
	    .n = c->unread->len,
	};
	int err;

	if (slot_mask_has(full, r->to))
		return;
	err = handover_send(w, r->to, &h);
	if (err == -EAGAIN) {
		slot_mask_set(full, r->to);
		w->handover->full = true;
	} else if (err != 0) {
		log_warn("handover_failed", "box=%u bytes=%zu error=%s", r->to, h.n, strerror(-err));
		give_up(c);
	} else {
		request_release(c);
		conn_detach(c);
	}
}

void handover_turn(struct worker *w)
{
	struct slot_mask full = {{0}};
	struct timed *t, *next;

	if (w->handover == NULL)
		return;
	if (w->handover->paused != w->congested) {
		/* while clients are not read, neither is what others have read from theirs */
		w->handover->paused = w->congested;
		serve_boxes(w);
	}
	w->handover->full = false;
	while ((t = timeq_due(&w->handovers, w->now_ns)) != NULL)
		give_up(OWNER_OF(t, struct conn, timed));
	for (t = w->handovers.head.next; t != &w->handovers.head; t = next) {
		struct conn *c = OWNER_OF(t, struct conn, timed);
		const struct request *r = c->owner;

		next = t->next;
		if (!has_owner(w, r->to, r->to_gen16))
			request_resume(c);
		else if (output_is_out(c))
			send_or_wait(c, &full);
	}
}

bool handover_waits(const struct worker *w)
{
	return w->handover != NULL && w->handover->full;
}
