/*
 * keeper_batch.c - operation rings in, one transaction out.
 *
 * Operations of all slots are applied in the order in which they entered the rings, until these are empty or a budget
 * is used up; then some sockets of a generation that is over are purged, and all of it is committed with the positions
 * reached.  Only after the commit do the writers see their space freed, the askers their answer, and the outbox its
 * records.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "shm/store_wait.h"
#include "worker/clock.h"
#include "worker/keeper.h"

#define LOOK_AT_CLOCK 16u /* operations */

/* A batch as it fills. */
struct filling {
	uint64_t deadline_ns;
	uint64_t ops, refused, malformed;
	bool any; /* a position moved */
};

static int attach_new(struct keeper *k)
{
	struct slot_mask reserved = segment_reserved(k->seg);

	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		for (uint64_t left = reserved.w[w] & ~k->attached.w[w]; left != 0; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);
			int rc = ring_attach(&k->ring[slot], segment_opring(k->seg, slot));

			if (rc)
				return rc;
			slot_mask_set(&k->attached, slot);
		}
	}
	return 0;
}

int keeper_rings_init(struct keeper *k)
{
	_Atomic uint64_t *committed = segment_committed(k->seg);
	int rc = attach_new(k);

	if (rc)
		return rc;
	k->limit = KEEPER_BATCH_OPS;
	k->buf_cap = k->seg->spec.opring_size / 8;
	k->buf = malloc(k->buf_cap);
	if (!k->buf)
		return -ENOMEM;
	/* A predecessor may have died between a commit and this. */
	for (unsigned i = 0; i < SLOT_MAX; i++)
		atomic_store_explicit(&committed[i], store_applied(k->st, i), memory_order_release);
	store_wait_answer(k->seg, &k->h->bells);
	return 0;
}

void keeper_rings_fini(struct keeper *k)
{
	free(k->buf);
	k->buf = NULL;
}

bool keeper_pending(struct keeper *k)
{
	if (keeper_clock_next(k) <= clock_mono_ns() || keeper_durable_pending(k, false))
		return true;
	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		for (uint64_t left = k->attached.w[w]; left != 0; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);

			if (ring_tail(&k->ring[slot]) > store_applied(k->st, slot))
				return true;
		}
	}
	return k->expiring || store_has_over(k->st);
}

/* The first record of a ring that waits is the oldest.  Padding is none: that of a repair has the stamp of one taken long ago. */
static bool missed_in(const struct ring *r, uint64_t pos, uint64_t armed_ns, uint64_t woke_ns)
{
	uint64_t tail = ring_tail(r);
	struct ring_head head;

	while (pos < tail && ring_peek(r, pos, &head) == 1) {
		if (head.type != RING_PAD)
			return doorbell_missed(head.stamp, armed_ns, woke_ns);
		pos = ring_next(pos, &head);
	}
	return false;
}

bool keeper_missed(struct keeper *k, uint64_t armed_ns, uint64_t woke_ns)
{
	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		for (uint64_t left = k->attached.w[w]; left != 0; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);

			if (missed_in(&k->ring[slot], store_applied(k->st, slot), armed_ns, woke_ns))
				return true;
		}
	}
	return false;
}

/* A ring that breaks its own rules: its process scribbles.  What lies before its tail cannot be told apart any more. */
static uint64_t skip_bad(struct keeper *k, unsigned slot, uint64_t pos, uint64_t tail)
{
	counter_add(k->ct, COUNTER_RING_BAD, 1);
	log_error("operations_lost", "slot_of=%u pos=%llu bytes=%llu", slot, (unsigned long long)pos,
	    (unsigned long long)(tail - pos));
	return tail;
}

/* Applies the record at *POS and moves *POS behind it.  0 or -errno: the batch must be aborted. */
static int apply_one(struct keeper *k, struct filling *f, unsigned slot, uint64_t *pos, uint64_t tail)
{
	const struct ring *r = &k->ring[slot];
	struct ring_head head;
	size_t len;
	int rc;

	if (ring_peek(r, *pos, &head) != 1) {
		*pos = skip_bad(k, slot, *pos, tail);
		return 0;
	}
	len = head.len - sizeof head;
	switch (head.type) {
	case RING_GEN_OVER:
		k->died = true;
		rc = store_mark_over(k->st, slot, head.gen);
		log_debug("generation_over", "slot_of=%u gen=%u", slot, head.gen);
		break;
	case RING_DATA:
		if (len > k->buf_cap || ring_copy(r, *pos, &head, k->buf) != 0) {
			*pos = skip_bad(k, slot, *pos, tail);
			return 0;
		}
		rc = store_apply(k->st, slot, head.gen, k->buf, len);
		f->ops++;
		if (rc == -EPROTO || rc == -ENOENT)
			f->malformed++;
		else if (rc == -ENOSPC)
			f->refused++;
		else
			break;
		log_debug("operation_passed_over", "slot_of=%u error=%s", slot, strerror(-rc));
		rc = 0;
		break;
	default: rc = 0; break;
	}
	*pos = ring_next(*pos, &head);
	return rc;
}

/* A ring with something in it. */
struct lane {
	unsigned slot;
	uint64_t pos, tail;
	uint64_t stamp; /* of what is at POS; 0 where nothing whole is, which is passed over at once */
};

static void lane_look(const struct keeper *k, struct lane *l)
{
	struct ring_head head;

	l->stamp = ring_peek(&k->ring[l->slot], l->pos, &head) == 1 ? head.stamp : 0;
}

static unsigned lanes_open(const struct keeper *k, struct lane lane[SLOT_MAX])
{
	unsigned n = 0;

	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		for (uint64_t left = k->attached.w[w]; left != 0; left &= left - 1) {
			struct lane l = {.slot = w * 64 + (unsigned)__builtin_ctzll(left)};

			l.pos = store_applied(k->st, l.slot);
			l.tail = ring_tail(&k->ring[l.slot]);
			if (l.pos >= l.tail)
				continue;
			lane_look(k, &l);
			lane[n++] = l;
		}
	}
	return n;
}

static struct lane *oldest(struct lane *lane, unsigned n)
{
	struct lane *first = lane;

	for (unsigned i = 1; i < n; i++)
		if (lane[i].stamp < first->stamp)
			first = &lane[i];
	return first;
}

/*
 * Applies what entered the rings up to NOW_NS, in the order in which it did, whichever process it is from: a client that was
 * told of its join by one worker before it left on another was in both rooms meanwhile, and nobody hears that its user had
 * gone.  The tails are looked at after NOW_NS was taken, so nothing older appears behind them, but from a process that
 * was stopped between stamp and tail.
 */
static int apply_rings(struct keeper *k, struct filling *f, uint64_t now_ns)
{
	struct lane lane[SLOT_MAX];
	unsigned n = lanes_open(k, lane);
	int rc = 0;

	while (n > 0 && rc == 0 && f->ops < k->limit) {
		struct lane *l = oldest(lane, n);

		if (l->stamp > now_ns || (f->ops % LOOK_AT_CLOCK == LOOK_AT_CLOCK - 1 && clock_mono_ns() >= f->deadline_ns))
			break;
		rc = apply_one(k, f, l->slot, &l->pos, l->tail);
		if (rc != 0)
			break;
		store_advance(k->st, l->slot, l->pos);
		f->any = true;
		if (l->pos < l->tail)
			lane_look(k, l);
		else
			*l = lane[--n];
	}
	return rc;
}

static int purge(struct keeper *k)
{
	unsigned slot, budget = k->limit < KEEPER_PURGE ? k->limit : KEEPER_PURGE;
	uint32_t gen;
	int rc = store_over_next(k->st, &slot, &gen);

	if (rc <= 0)
		return rc;
	rc = store_purge(k->st, slot, gen, budget);
	if (rc == 0)
		log_debug("generation_purged", "slot_of=%u gen=%u", slot, gen);
	return rc < 0 ? rc : 0;
}

/* Keys and the like whose time is over. */
static int expire(struct keeper *k)
{
	unsigned budget = k->limit < KEEPER_EXPIRE ? k->limit : KEEPER_EXPIRE;
	int rc = store_expire(k->st, budget), more = rc < 0 ? rc : store_grace_expire(k->st, budget);

	if (more < 0)
		return more;
	k->expiring = rc > 0 || more > 0;
	return 0;
}

/* After the commit: what others wait for. */
static void tell(struct keeper *k)
{
	_Atomic uint64_t *committed = segment_committed(k->seg);

	for (unsigned w = 0; w < SLOT_WORDS; w++) {
		for (uint64_t left = k->attached.w[w]; left != 0; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);

			/* Release: our reading of the ring comes before its owner's overwriting. */
			atomic_store_explicit(&committed[slot], store_applied(k->st, slot), memory_order_release);
		}
	}
	counter_add(k->ct, COUNTER_WAKEUPS, store_wait_answer(k->seg, &k->h->bells));
	keeper_gauge(k);
	keeper_durable_tell(k);
	if (k->died && store_reader_check(k->st) == 0)
		k->died = false;
}

int keeper_batch(struct keeper *k, bool tidy)
{
	uint64_t now = clock_mono_ns();
	struct filling f = {.deadline_ns = now + KEEPER_BATCH_NS};
	uint64_t settled = keeper_settled(k), started;
	struct slot_mask live = keeper_workers(k);
	bool forget = settled > store_outbox_forgotten(k->st);
	int rc = attach_new(k);

	if (rc)
		return rc;
	store_set_clock(k->st, now, clock_wall_ms());
	if (tidy && store_has_expired(k->st))
		k->expiring = true;
	if (!keeper_pending(k) && !(tidy && (forget || keeper_durable_pending(k, true))))
		return 0;
	keeper_durable_begin(k);
	store_set_workers(k->st, &live);
	rc = store_begin(k->st);
	if (rc)
		return rc;
	rc = apply_rings(k, &f, now);
	if (!rc)
		rc = purge(k);
	if (!rc)
		rc = expire(k);
	if (!rc)
		rc = keeper_clock_apply(k, now);
	if (!rc)
		rc = keeper_durable_apply(k);
	if (!rc && forget)
		rc = store_outbox_forget(k->st, settled);
	if (rc) {
		store_abort(k->st);
	} else {
		started = clock_mono_ns();
		rc = store_commit(k->st);
		histogram_observe(k->ct, HISTOGRAM_STORE_COMMIT, clock_mono_ns() - started, 1);
	}
	keeper_clock_end(k, rc == 0);
	if (rc) {
		/* The map has no page left: with less to do at once, and readers gone, it will. */
		if (rc == -ENOMEM) {
			k->limit = k->limit > 1 ? k->limit / 2 : 1;
			counter_add(k->ct, COUNTER_STORE_RETRIES, 1);
		}
		return rc;
	}
	if (k->limit < KEEPER_BATCH_OPS)
		k->limit *= 2;
	counter_add(k->ct, COUNTER_STORE_OPS, f.ops);
	counter_add(k->ct, COUNTER_STORE_COMMITS, 1);
	counter_add(k->ct, COUNTER_STORE_REFUSED, f.refused);
	counter_add(k->ct, COUNTER_STORE_MALFORMED, f.malformed);
	tell(k);
	return 1;
}
