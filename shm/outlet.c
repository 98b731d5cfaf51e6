/*
 * outlet.c - see outlet.h.
 */
#include "shm/outlet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shm/interest.h"

/* Owned by the outlet; the touches and then the payload follow. */
struct outlet_entry {
	struct outlet_entry *next;
	size_t bytes; /* of all this: what it counts against the cap */
	size_t payload;
	struct slot_mask mask;
	unsigned ntouch;
	bool reserve;
	uint64_t touch[];
};

/* What is taken from an operation ring only by messages that may. */
static uint64_t ring_reserve(const struct outlet *o)
{
	return o->ring.size / 8;
}

/*
 * What even those leave free in an operation ring: the master's generation-over marks, which ask nobody.  512 marks in
 * a ring of 1M, against a process that crashes again and again while there is no keeper.
 */
static uint64_t ring_marks(const struct outlet *o)
{
	return o->ring.size / 64;
}

int outlet_init(struct outlet *o, struct segment *seg, const struct doorbells *bells, unsigned slot, uint32_t gen,
    enum outlet_use use, size_t overflow_cap)
{
	int rc;

	*o = (struct outlet){
	    .seg = seg, .bells = bells, .use = use, .slot = slot, .keeper = SLOT_NONE, .cap = overflow_cap};
	o->tailp = &o->head;
	rc = ring_attach(&o->ring, use == OUTLET_BROADCAST ? segment_ring(seg, slot) : segment_opring(seg, slot));
	if (rc)
		return rc;
	ring_own(&o->ring, gen);
	/* Full until looked at: readers may still be behind with what the life before published. */
	o->limit = o->ring.tail - o->ring.size;
	o->next_nudge = o->ring.tail + o->ring.size / 4;
	return 0;
}

void outlet_fini(struct outlet *o)
{
	struct outlet_entry *e, *next;

	for (e = o->head; e; e = next) {
		next = e->next;
		free(e);
	}
	o->head = NULL;
	o->tailp = &o->head;
	o->waiting = 0;
}

static bool is_reader(const struct outlet *o, unsigned slot)
{
	const struct slot *s = segment_slot(o->seg, slot);
	uint32_t role;

	if (!slot_is_alive(s))
		return false;
	role = atomic_load_explicit(&s->role, memory_order_relaxed);
	return role == SLOT_ROLE_WORKER || role == SLOT_ROLE_BRIDGE;
}

/* Wakes every sleeping reader, so that those whose masks were never set do not fall behind. */
static void nudge(struct outlet *o)
{
	struct slot_mask reserved = segment_reserved(o->seg), readers = {{0}};

	for (unsigned i = 0; i < SLOT_MAX; i++)
		if (slot_mask_has(&reserved, i) && is_reader(o, i))
			slot_mask_set(&readers, i);
	o->wakeups += doorbell_ring_mask(o->bells, o->seg, &readers, o->slot);
	o->next_nudge = o->ring.tail + o->ring.size / 4;
}

/* A keeper that is not up yet needs no bell: it looks at all rings before its first sleep. */
static void wake_keeper(struct outlet *o)
{
	struct slot_mask reserved;

	if (o->keeper == SLOT_NONE ||
	    atomic_load_explicit(&segment_slot(o->seg, o->keeper)->role, memory_order_relaxed) != SLOT_ROLE_KEEPER) {
		reserved = segment_reserved(o->seg);
		o->keeper = SLOT_NONE;
		for (unsigned i = 0; i < SLOT_MAX && o->keeper == SLOT_NONE; i++)
			if (slot_mask_has(&reserved, i) &&
			    atomic_load_explicit(&segment_slot(o->seg, i)->role, memory_order_relaxed) ==
				SLOT_ROLE_KEEPER)
				o->keeper = i;
	}
	if (o->keeper != SLOT_NONE && doorbell_ring(o->bells, o->seg, o->keeper))
		o->wakeups++;
}

/*
 * The rule of the slow reader for one that is LAG bytes behind at POS.  SLEPT: time since the last look that does not
 * count.  True when it is overtaken.
 */
static bool overtaken(struct outlet *o, unsigned slot, uint64_t pos, uint64_t now_ns, uint64_t slept, bool pumping)
{
	struct outlet_watch *w = &o->watch[slot];

	if (o->ring.tail - pos < o->ring.size - o->ring.size / 4) {
		w->behind_ns = 0;
		return false;
	}
	/* What it had not read is gone already (or it stands beyond our tail, where no inlet of ours does). */
	if (o->ring.tail - pos > o->ring.size)
		return true;
	/* Its clock is that of pumps: see outlet.h. */
	if (slot == o->slot && !pumping)
		return false;
	/* It may be asleep with its mask bit down. */
	if (slot != o->slot && doorbell_ring(o->bells, o->seg, slot))
		o->wakeups++;
	if (w->behind_ns == 0) {
		*w = (struct outlet_watch){.pos = pos, .moved_ns = now_ns, .behind_ns = now_ns};
		return false;
	}
	w->behind_ns += slept;
	w->moved_ns += slept;
	if (pos != w->pos) {
		w->pos = pos;
		w->moved_ns = now_ns;
	}
	if (now_ns - w->moved_ns >= OUTLET_STALL_NS)
		return true;
	return slot != o->slot && now_ns - w->behind_ns >= OUTLET_BEHIND_NS;
}

/* Looks at all readers; returns the position a lap behind which the ring may be filled now. */
static uint64_t look_at_readers(struct outlet *o, uint64_t now_ns, bool pumping)
{
	struct slot_mask reserved = segment_reserved(o->seg);
	uint64_t tail = o->ring.tail, limit = tail, slept = 0, pos;
	bool excluded = false;

	if (now_ns < o->looked_ns)
		now_ns = o->looked_ns;
	if (o->looked_ns != 0 && now_ns - o->looked_ns > OUTLET_LOOK_NS)
		slept = now_ns - o->looked_ns - OUTLET_LOOK_NS;
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		if (!slot_mask_has(&reserved, i) || !is_reader(o, i)) {
			o->watch[i].behind_ns = 0;
			continue;
		}
		/* Acquire: the reader's loads of what we are about to overwrite come before its store of this. */
		pos = atomic_load_explicit(&segment_read_pos(o->seg, i)[o->slot], memory_order_acquire);
		if (overtaken(o, i, pos, now_ns, slept, pumping))
			excluded = true;
		else if (tail - pos > tail - limit)
			limit = pos;
	}
	o->looked_ns = now_ns;
	o->limit = limit;
	/* One that is overtaken and then catches up shall be seen again before it is a ring behind once more. */
	if (excluded && tail - limit < o->ring.size - o->ring.size / 8)
		o->limit = tail + o->ring.size / 8 - o->ring.size;
	return limit;
}

static uint64_t look(struct outlet *o, uint64_t now_ns, bool pumping)
{
	if (o->use == OUTLET_BROADCAST)
		return look_at_readers(o, now_ns, pumping);
	/*
	 * Acquire: what the keeper read from the ring, it read before it stored this.  A position beyond our tail is no
	 * keeper's, and leaves room for nothing.
	 */
	o->limit = atomic_load_explicit(&segment_committed(o->seg)[o->slot], memory_order_acquire);
	return o->limit;
}

/* Bytes that must be free before a message goes into the ring. */
static uint64_t room_for(const struct outlet *o, size_t payload, bool reserve)
{
	uint64_t cost = ring_cost(&o->ring, payload);

	if (o->use == OUTLET_BROADCAST)
		return cost;
	return cost + ring_marks(o) + (reserve ? 0 : ring_reserve(o));
}

/* Publishes one record that has room. */
static void enter(struct outlet *o, const struct outlet_msg *msg, uint64_t now_ns)
{
	uint64_t stamp = now_ns > o->ring.stamp ? now_ns : o->ring.stamp;
	int64_t pos;

	for (unsigned i = 0; i < msg->ntouch; i++)
		interest_touch(o->seg, msg->touch[i], stamp);
	pos = ring_publish(&o->ring, RING_DATA, 0, msg->iov, msg->niov, stamp);
	assert(pos >= 0); /* outlet_put() refused what is too long */
	o->settled++;
	if (o->use == OUTLET_OPERATION) {
		wake_keeper(o);
		return;
	}
	o->wakeups += doorbell_ring_mask(o->bells, o->seg, msg->mask, o->slot);
	if ((int64_t)(o->ring.tail - o->next_nudge) >= 0)
		nudge(o);
}

/* Publishes the oldest entry of the overflow and frees it. */
static void enter_oldest(struct outlet *o, uint64_t now_ns)
{
	struct outlet_entry *e = o->head;
	struct iovec iov = {.iov_base = e->touch + e->ntouch, .iov_len = e->payload};
	struct outlet_msg msg = {
	    .iov = &iov, .niov = 1, .mask = &e->mask, .touch = e->touch, .ntouch = e->ntouch, .reserve = e->reserve};

	enter(o, &msg, now_ns);
	o->head = e->next;
	if (!o->head) {
		o->tailp = &o->head;
		o->congested = false;
	}
	o->waiting -= e->bytes;
	free(e);
}

/* Moves what fits, seen by one look. */
static void move(struct outlet *o, uint64_t now_ns, bool pumping)
{
	uint64_t limit;

	if (!o->head)
		return;
	limit = look(o, now_ns, pumping);
	while (o->head && ring_room(&o->ring, room_for(o, o->head->payload, o->head->reserve), limit))
		enter_oldest(o, now_ns);
}

/* True when BYTES more may wait. */
static bool overflow_room(const struct outlet *o, size_t bytes, bool reserve)
{
	size_t cap = o->use == OUTLET_OPERATION && !reserve ? o->cap - o->cap / 8 : o->cap;

	return o->waiting <= cap && bytes <= cap - o->waiting;
}

static size_t entry_bytes(const struct outlet_msg *msg, size_t payload)
{
	return sizeof(struct outlet_entry) + msg->ntouch * sizeof(uint64_t) + payload;
}

static int64_t enqueue(struct outlet *o, const struct outlet_msg *msg, size_t payload)
{
	size_t bytes = entry_bytes(msg, payload);
	struct outlet_entry *e;
	uint8_t *p;

	if (!overflow_room(o, bytes, msg->reserve))
		return -ENOBUFS;
	e = malloc(bytes);
	if (!e)
		return -ENOBUFS;
	*e = (struct outlet_entry){.bytes = bytes, .payload = payload, .ntouch = msg->ntouch, .reserve = msg->reserve};
	if (msg->mask)
		e->mask = *msg->mask;
	if (msg->ntouch > 0)
		memcpy(e->touch, msg->touch, msg->ntouch * sizeof(uint64_t));
	p = (uint8_t *)(e->touch + msg->ntouch);
	for (int i = 0; i < msg->niov; i++) {
		if (msg->iov[i].iov_len > 0)
			memcpy(p, msg->iov[i].iov_base, msg->iov[i].iov_len);
		p += msg->iov[i].iov_len;
	}
	*o->tailp = e;
	o->tailp = &e->next;
	o->waiting += bytes;
	if (o->waiting > o->cap / 2)
		o->congested = true;
	return (int64_t)++o->accepted;
}

int64_t outlet_put(struct outlet *o, const struct outlet_msg *msg, uint64_t now_ns)
{
	size_t payload = 0, max = ring_payload_max(&o->ring);
	uint64_t room;

	assert(msg->mask || o->use == OUTLET_OPERATION);
	for (int i = 0; i < msg->niov; i++) {
		if (msg->iov[i].iov_len > max - payload)
			return -EMSGSIZE;
		payload += msg->iov[i].iov_len;
	}
	if (o->head && !overflow_room(o, entry_bytes(msg, payload), msg->reserve))
		move(o, now_ns, false);
	room = room_for(o, payload, msg->reserve);
	/* Who comes later waits behind who waits already, reserve or not: an operation follows from those before. */
	if (o->head || (!ring_room(&o->ring, room, o->limit) && !ring_room(&o->ring, room, look(o, now_ns, false))))
		return enqueue(o, msg, payload);
	enter(o, msg, now_ns);
	return (int64_t)++o->accepted;
}

int outlet_would_take(struct outlet *o, const size_t *payload, unsigned n, unsigned ntouch, uint64_t now_ns)
{
	const struct outlet_msg msg = {.ntouch = ntouch};
	uint64_t cost = 0;
	size_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		if (payload[i] > ring_payload_max(&o->ring))
			return -EMSGSIZE;
		bytes += entry_bytes(&msg, payload[i]);
		/* each may leave as much behind it where the ring begins anew */
		cost += 2 * ring_cost(&o->ring, payload[i]);
	}
	if (overflow_room(o, bytes, false) || (!o->head && ring_room(&o->ring, cost, look(o, now_ns, false))))
		return 0;
	return -ENOBUFS;
}

size_t outlet_pump(struct outlet *o, uint64_t now_ns)
{
	move(o, now_ns, true);
	return o->waiting;
}

void outlet_overtake(struct outlet *o, uint64_t now_ns)
{
	assert(o->use == OUTLET_BROADCAST);
	while (o->head)
		enter_oldest(o, now_ns);
}

bool outlet_settled(const struct outlet *o, uint64_t ticket)
{
	return ticket <= o->settled;
}

bool outlet_congested(const struct outlet *o)
{
	return o->congested;
}
