/*
 * store_tick.c - when what is done again and again is due.
 *
 * A row "e" + name in STORE_META: CLOCK_MONOTONIC of the next time.  It moves in the transaction that sends the record,
 * so that no time comes twice, whoever dies.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "shm/store_batch.h"
#include "shm/store_writer.h"

#define TICK_KEY_MAX (1 + STORE_TICK_NAME_MAX)

static size_t tick_key(uint8_t key[TICK_KEY_MAX], const struct store_tick *t)
{
	size_t n = 1;

	assert(t->nsp.len + t->name.len + 2 <= TICK_KEY_MAX);
	key[0] = 'e';
	memcpy(key + n, t->nsp.p, t->nsp.len);
	n += t->nsp.len;
	key[n++] = '\0';
	memcpy(key + n, t->name.p, t->name.len);
	return n + t->name.len;
}

int store_tick_get(struct store_writer *w, const struct store_tick *t, uint64_t *due_ns)
{
	uint8_t key[TICK_KEY_MAX];
	MDB_val v;
	int rc = store_batch_get(w, STORE_META, key, tick_key(key, t), &v);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (v.mv_size != sizeof *due_ns)
		return -EIO;
	memcpy(due_ns, v.mv_data, sizeof *due_ns);
	return 1;
}

int store_tick_set(struct store_writer *w, const struct store_tick *t, uint64_t due_ns)
{
	uint8_t key[TICK_KEY_MAX];

	return store_batch_put(w, STORE_META, key, tick_key(key, t), &due_ns, sizeof due_ns, 0);
}

/* The live workers in turn. */
static void designate(const struct store_writer *w, struct slot_mask *mask)
{
	unsigned n = 0, nth;

	for (unsigned i = 0; i < SLOT_WORDS; i++)
		n += (unsigned)__builtin_popcountll(w->workers.w[i]);
	if (n == 0)
		return;
	nth = (unsigned)(w->now.outbox_next % n);
	for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
		if (slot_mask_has(&w->workers, slot) && nth-- == 0) {
			slot_mask_set(mask, slot);
			return;
		}
	}
}

int store_tick_send(struct store_writer *w, const struct store_tick *t)
{
	_Alignas(8) uint8_t buf[sizeof(struct record_head) + STORE_TICK_NAME_MAX + 64];
	struct tlv_writer tlv;
	struct record_head *h = record_begin(&tlv, buf, sizeof buf, RECORD_EDGE);

	h->act = RECORD_EDGE_TICK;
	designate(w, &h->mask);
	tlv_put(&tlv, RECORD_TLV_NSP, 0, t->nsp.p, t->nsp.len);
	tlv_put(&tlv, RECORD_TLV_PACKET, 0, t->name.p, t->name.len);
	assert(!tlv.over);
	return store_outbox_record(w, buf, tlv.len);
}
