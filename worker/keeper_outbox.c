/*
 * keeper_outbox.c - from the outbox to the keeper's broadcast ring.
 *
 * Every record of the ring comes from the outbox, in its order, so tickets of the outlet and sequences differ by a
 * constant, and what is settled in the ring can be forgotten by the next transaction.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "conf/log.h"
#include "proto/sid.h"
#include "shm/interest.h"
#include "shm/record.h"
#include "worker/clock.h"
#include "worker/keeper.h"
#include "worker/room.h"


int keeper_outbox_init(struct keeper *k)
{
	k->published = k->base = store_outbox_forgotten(k->st);
	return outlet_init(
	    &k->out, k->seg, &k->h->bells, k->h->slot, k->h->gen, OUTLET_BROADCAST, k->h->conf->shm.overflow);
}

void keeper_outbox_fini(struct keeper *k)
{
	outlet_fini(&k->out);
}

static void log_edge(const struct record_head *head, const void *record, size_t len)
{
	struct record rec;
	struct tlv t;
	size_t off = 0;

	if (!log_enabled(LOG_DEBUG) || record_parse(&rec, record, len) != 0)
		return;
	while (tlv_next(rec.tlvs, rec.tlvs_len, &off, &t) > 0) {
		char user[OP_USER_MAX + 1], sid[OP_SID_LEN + 1] = "";

		if (t.type != RECORD_TLV_USER || t.len > OP_USER_MAX)
			continue;
		memcpy(user, t.val, t.len);
		user[t.len] = '\0';
		if (rec.room_len == OP_SID_LEN)
			memcpy(sid, rec.room, OP_SID_LEN);
		log_debug(head->act == RECORD_EDGE_ONLINE ? "online" : "offline", "user=%s sid=%s sequence=%llu", user,
		    sid, (unsigned long long)head->sequence);
	}
}

/* One target: its slots and its bucket, as of now and not as of when the record was made. */
static void aim_at(struct keeper *k, struct record_head *head, struct outlet_msg *msg, uint64_t hash, struct slice sid)
{
	unsigned slot;
	uint32_t gen;

	if (sid_parse(sid, &slot, &gen))
		slot_mask_set(&head->mask, slot);
	interest_collect(k->seg, hash, &head->mask);
	if (msg->ntouch < PUBLISH_TARGETS_MAX)
		k->touch[msg->ntouch++] = hash;
}

/* What a worker gave the keeper to publish.  Whose targets are not known by hash, is aimed already. */
static void aim(struct keeper *k, struct record_head *head, struct outlet_msg *msg, const void *record, size_t len)
{
	const char *name;
	struct record rec;
	size_t n, off = 0;
	uint64_t hash;
	uint16_t sub;

	if ((head->kind != RECORD_BROADCAST && head->kind != RECORD_CONTROL) || head->flags & RECORD_LOCAL ||
	    record_parse(&rec, record, len) != 0)
		return;
	while (record_next_room(&rec, RECORD_TLV_ROOM, &off, &hash, &name, &n, &sub))
		if (hash != 0)
			aim_at(k, head, msg, hash, slice_make(name, sub == RECORD_ROOM_SID ? n : 0));
	if (rec.nrooms == 0)
		aim_at(k, head, msg, room_hash_in(k->h->nonce, slice_make(rec.nsp, rec.nsp_len), SLICE("")), SLICE(""));
}

/* One record of the outbox; not 0: no more for now. */
static int on_record(void *ctx, uint64_t sequence, const void *record, size_t len)
{
	struct keeper *k = ctx;
	struct record_head head;
	struct iovec iov[2] = {
	    {&head, sizeof head}, {(uint8_t *)(uintptr_t)record + sizeof head, len - sizeof head}};
	struct outlet_msg msg = {.iov = iov, .niov = 2, .mask = &head.mask, .touch = k->touch};
	uint64_t now = clock_mono_ns();
	int64_t ticket;

	memcpy(&head, record, sizeof head);
	aim(k, &head, &msg, record, len);
	ticket = outlet_put(&k->out, &msg, now);
	/* Larger than any worker may make one; its place in the sequence is kept by a record that nobody looks at. */
	if (ticket == -EMSGSIZE) {
		counter_add(k->ct, COUNTER_RING_BAD, 1);
		log_error("record_too_large", "sequence=%llu bytes=%zu", (unsigned long long)sequence, len);
		memset(&head.mask, 0, sizeof head.mask);
		msg.niov = 1;
		msg.ntouch = 0;
		ticket = outlet_put(&k->out, &msg, now);
	}
	/* Nobody makes the keeper wait. */
	if (ticket == -ENOBUFS) {
		outlet_overtake(&k->out, now);
		ticket = outlet_put(&k->out, &msg, now);
	}
	if (ticket < 0)
		return (int)ticket;
	assert((uint64_t)ticket == sequence - k->base);
	k->published = sequence;
	counter_add(k->ct, COUNTER_OUTBOX_SENT, 1);
	if (head.kind == RECORD_BROADCAST)
		counter_add(k->ct, COUNTER_PUBLISHED, 1);
	if (head.kind == RECORD_EDGE) {
		counter_add(k->ct, COUNTER_EDGES, 1);
		log_edge(&head, record, len);
	}
	return 0;
}

int keeper_publish(struct keeper *k)
{
	uint64_t wakeups = k->out.wakeups;
	int rc;

	outlet_pump(&k->out, clock_mono_ns());
	rc = store_outbox_each(k->st, k->published + 1, KEEPER_PUBLISH_MAX, on_record, k);
	counter_add(k->ct, COUNTER_WAKEUPS, k->out.wakeups - wakeups);
	counter_set(k->ct, COUNTER_OVERFLOW_BYTES, k->out.waiting);
	if (rc < 0)
		return rc;
	return rc > 0 && k->published + 1 < store_outbox_next(k->st);
}

uint64_t keeper_settled(const struct keeper *k)
{
	return k->base + k->out.settled;
}
