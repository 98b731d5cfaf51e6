/*
 * store_outbox.c - what a batch wants said, kept in the store until it is in the keeper's ring.
 *
 * Records are numbered in the order of their causes.  A row holds as many as fit: {u32 length, u32 0, record, padded to
 * 8}, under the sequence of its first; the records carry their own.  One that is larger than such a row has its own.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "shm/record.h"
#include "shm/store_batch.h"
#include "shm/store_writer.h"

#define KEY_LEN    8u
#define ENTRY_HEAD 8u
#define RECORD_CAP 1088 /* any record made here: head, namespace, room, user, name, role, sid or kept data, and heads */

static void sequence_key(uint8_t key[KEY_LEN], uint64_t sequence)
{
	for (unsigned i = 0; i < KEY_LEN; i++)
		key[i] = (uint8_t)(sequence >> 8 * (KEY_LEN - 1 - i));
}

static bool key_sequence(const MDB_val *k, uint64_t *sequence)
{
	const uint8_t *p = k->mv_data;
	uint64_t v = 0;

	if (k->mv_size != KEY_LEN)
		return false;
	for (unsigned i = 0; i < KEY_LEN; i++)
		v = v << 8 | p[i];
	*sequence = v;
	return true;
}

int store_outbox_flush(struct store_writer *w)
{
	uint8_t key[KEY_LEN];
	int rc;

	if (w->out_len == 0)
		return 0;
	sequence_key(key, w->out_first);
	/* Sequences only grow, so the row is the last one; MDB_APPEND also packs the pages. */
	rc = store_batch_put(w, STORE_OUTBOX, key, sizeof key, w->out, w->out_len, MDB_APPEND);
	w->out_len = 0;
	return rc;
}

/* A row of its own. */
static int append_large(struct store_writer *w, const uint8_t *record, size_t len)
{
	uint32_t head[2] = {(uint32_t)len, 0};
	size_t padded = (len + 7) & ~(size_t)7;
	uint8_t key[KEY_LEN];
	void *row;
	int rc = store_outbox_flush(w);

	if (rc)
		return rc;
	sequence_key(key, w->now.outbox_next);
	rc = store_batch_reserve(w, STORE_OUTBOX, key, sizeof key, ENTRY_HEAD + padded, MDB_APPEND, &row);
	if (rc)
		return rc;
	memcpy(row, head, ENTRY_HEAD);
	memcpy((uint8_t *)row + ENTRY_HEAD, record, len);
	memset((uint8_t *)row + ENTRY_HEAD + len, 0, padded - len);
	memcpy((uint8_t *)row + ENTRY_HEAD + offsetof(struct record_head, sequence), &w->now.outbox_next,
	    sizeof w->now.outbox_next);
	w->now.outbox_next++;
	return 0;
}

static int append(struct store_writer *w, const uint8_t *record, size_t len)
{
	uint32_t head[2] = {(uint32_t)len, 0};
	size_t padded = (len + 7) & ~(size_t)7;
	int rc;

	if (ENTRY_HEAD + padded > sizeof w->out)
		return append_large(w, record, len);
	if (ENTRY_HEAD + padded > sizeof w->out - w->out_len) {
		rc = store_outbox_flush(w);
		if (rc)
			return rc;
	}
	if (w->out_len == 0)
		w->out_first = w->now.outbox_next;
	memcpy(w->out + w->out_len, head, ENTRY_HEAD);
	memcpy(w->out + w->out_len + ENTRY_HEAD, record, len);
	memcpy(w->out + w->out_len + ENTRY_HEAD + offsetof(struct record_head, sequence), &w->now.outbox_next,
	    sizeof w->now.outbox_next);
	memset(w->out + w->out_len + ENTRY_HEAD + len, 0, padded - len);
	w->out_len += ENTRY_HEAD + padded;
	w->now.outbox_next++;
	return 0;
}

/* The head and the fields that all records from here have. */
static struct record_head *begin(struct tlv_writer *t, uint8_t *buf, enum record_kind kind, uint8_t act,
    const struct store_text *nsp, const uint8_t raw[STORE_SID_RAW])
{
	struct record_head *h = record_begin(t, buf, RECORD_CAP, kind);
	char sid[OP_SID_LEN + 1];

	h->act = act;
	if (nsp->len != 1 || nsp->p[0] != '/')
		tlv_put(t, RECORD_TLV_NSP, 0, nsp->p, nsp->len);
	store_sid_unpack(sid, raw);
	tlv_put_hashed(t, RECORD_TLV_ROOM, RECORD_ROOM_SID, 0, sid, OP_SID_LEN);
	return h;
}

/* Who runs a reaction to what RAW caused: its own worker, or when that is gone, the first that lives. */
static void designate(const struct store_writer *w, unsigned slot, struct slot_mask *mask)
{
	if (slot_mask_has(&w->workers, slot)) {
		slot_mask_set(mask, slot);
		return;
	}
	for (unsigned i = 0; i < SLOT_WORDS; i++) {
		if (w->workers.w[i] != 0) {
			slot_mask_set(mask, i * 64 + (unsigned)__builtin_ctzll(w->workers.w[i]));
			return;
		}
	}
}

static void put_known(struct tlv_writer *t, uint16_t type, const struct store_text *text)
{
	if (text->len > 0)
		tlv_put(t, type, 0, text->p, text->len);
}

int store_outbox_edge(
    struct store_writer *w, unsigned edge, const struct store_cause *cause, const struct store_text *room)
{
	_Alignas(8) uint8_t buf[RECORD_CAP];
	struct tlv_writer t;
	struct record_head *h = begin(&t, buf, RECORD_EDGE, (uint8_t)edge, &cause->nsp, cause->raw);

	put_known(&t, RECORD_TLV_USER, &cause->user);
	put_known(&t, RECORD_TLV_USER_NAME, &cause->name);
	put_known(&t, RECORD_TLV_USER_ROLE, &cause->role);
	if (room != NULL)
		tlv_put_hashed(&t, RECORD_TLV_ARG_ROOM, RECORD_ROOM_PLAIN, 0, room->p, room->len);
	assert(!t.over);
	designate(w, store_sid_slot(cause->raw), &h->mask);
	return append(w, buf, t.len);
}

int store_outbox_refused(struct store_writer *w, const struct store_text *nsp, const uint8_t raw[STORE_SID_RAW])
{
	_Alignas(8) uint8_t buf[RECORD_CAP];
	struct tlv_writer t;
	struct record_head *h = begin(&t, buf, RECORD_CONTROL, RECORD_ACT_CLOSE, nsp, raw);

	assert(!t.over);
	slot_mask_set(&h->mask, store_sid_slot(raw));
	return append(w, buf, t.len);
}

int store_outbox_record(struct store_writer *w, const void *record, size_t len)
{
	assert(len >= sizeof(struct record_head));
	return append(w, record, len);
}

int store_outbox_answer(struct store_writer *w, const struct record_ack *to, uint32_t result, const void *data, size_t len)
{
	_Alignas(8) uint8_t buf[RECORD_CAP];
	struct tlv_writer t;
	struct record_head *h = record_begin(&t, buf, sizeof buf, RECORD_ANSWER);

	h->act = RECORD_ANSWER_KEEPER;
	slot_mask_set(&h->mask, to->slot);
	tlv_put(&t, RECORD_TLV_ACK, 0, to, sizeof *to);
	tlv_put(&t, RECORD_TLV_COUNT, 0, &result, sizeof result);
	if (len > 0)
		tlv_put(&t, RECORD_TLV_PACKET, 0, data, len);
	assert(!t.over);
	return append(w, buf, t.len);
}

int store_outbox_ban(struct store_writer *w, const struct store_text *name)
{
	_Alignas(8) uint8_t buf[RECORD_CAP];
	struct tlv_writer t;
	struct record_head *h = record_begin(&t, buf, sizeof buf, RECORD_CONTROL);

	h->act = RECORD_ACT_BAN;
	h->mask = w->workers;
	tlv_put(&t, RECORD_TLV_USER, 0, name->p, name->len);
	assert(!t.over);
	return append(w, buf, t.len);
}

/* Calls FN for the records of one row.  Rows taken, or -errno; *STOP when FN wants no more. */
static int each_in_row(const MDB_val *v, uint64_t from, unsigned max, store_outbox_fn fn, void *ctx, bool *stop)
{
	const uint8_t *p = v->mv_data;
	size_t off = 0;
	unsigned n = 0;

	while (off < v->mv_size && n < max && !*stop) {
		uint64_t sequence;
		uint32_t len;

		if (v->mv_size - off < ENTRY_HEAD)
			return -EPROTO;
		memcpy(&len, p + off, sizeof len);
		off += ENTRY_HEAD;
		if (len > v->mv_size - off || len < sizeof(struct record_head))
			return -EPROTO;
		memcpy(&sequence, p + off + offsetof(struct record_head, sequence), sizeof sequence);
		if (sequence >= from) {
			*stop = fn(ctx, sequence, p + off, len) != 0;
			n += !*stop;
		}
		off += (len + 7u) & ~7u;
	}
	return (int)n;
}

int store_outbox_each(struct store_writer *w, uint64_t from, unsigned max, store_outbox_fn fn, void *ctx)
{
	uint8_t key[KEY_LEN];
	MDB_val k = {.mv_size = sizeof key, .mv_data = key}, v;
	MDB_cursor *c = NULL;
	unsigned n = 0;
	bool stop = false;
	int rc;

	if (from <= w->kept.outbox_sent)
		from = w->kept.outbox_sent + 1;
	if (from >= w->kept.outbox_next)
		return 0;
	rc = mdb_txn_renew(w->rtxn);
	if (rc)
		return store_env_errno(rc);
	rc = mdb_cursor_open(w->rtxn, w->e.dbi[STORE_OUTBOX], &c);
	if (rc)
		goto out;
	/* The row that starts at FROM, or else the one before the next, which FROM may be inside. */
	sequence_key(key, from);
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(c, &k, &v, MDB_LAST);
	else if (!rc && memcmp(k.mv_data, key, sizeof key) != 0 && mdb_cursor_get(c, &k, &v, MDB_PREV) != 0)
		rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
	while (!rc && n < max && !stop) {
		int got = each_in_row(&v, from, max - n, fn, ctx, &stop);

		if (got < 0) {
			mdb_cursor_close(c);
			mdb_txn_reset(w->rtxn);
			return got;
		}
		n += (unsigned)got;
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	}
	if (rc == MDB_NOTFOUND)
		rc = 0;
out:
	if (c)
		mdb_cursor_close(c);
	mdb_txn_reset(w->rtxn);
	return rc ? store_env_errno(rc) : (int)n;
}

int store_outbox_forget(struct store_writer *w, uint64_t sequence)
{
	MDB_val k, v;
	int rc;

	assert(w->txn && sequence < w->now.outbox_next);
	if (sequence <= w->now.outbox_sent)
		return 0;
	w->now.outbox_sent = sequence;
	for (;;) {
		MDB_cursor *c;
		uint64_t next;

		rc = store_batch_range(w, STORE_OUTBOX, NULL, 0, &k, &v);
		if (rc <= 0)
			return rc;
		c = w->cur[STORE_OUTBOX];
		/* A row goes when all of it is sent: when the next one starts at most one behind SEQUENCE. */
		next = w->out_len > 0 ? w->out_first : w->now.outbox_next;
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
		if (!rc && !key_sequence(&k, &next))
			return -EPROTO;
		if (rc && rc != MDB_NOTFOUND)
			return store_env_errno(rc);
		if (next > sequence + 1)
			return 0;
		rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
		if (!rc)
			rc = mdb_cursor_del(c, 0);
		if (rc)
			return store_env_errno(rc);
	}
}
