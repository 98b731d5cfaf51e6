/*
 * store_once.c - keys that one asker gets: replay guards, ids of messages.
 *
 *	once	key			-> struct once_row, data
 *	due	'k', expires_ns, key	-> nothing
 *
 * A key is taken until its time is over; then it is as if it had never been, whether its row is gone already or not.
 * The taker's own question, asked again because its answer was lost, is told the same, and sends nothing again.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "shm/store_batch.h"
#include "shm/store_due.h"
#include "shm/store_schedule.h"
#include "shm/store_writer.h"

#define NS_PER_MS UINT64_C(1000000)
#define TTL_MAX_MS (INT64_C(7) * 24 * 3600 * 1000)

#define DUE_HEAD     STORE_DUE_HEAD
#define DUE_KEY_MAX  (DUE_HEAD + OP_KEY_MAX)

struct once_row {
	uint64_t expires_ns;
	uint64_t ask;
	uint32_t slot, gen;
};

_Static_assert(DUE_KEY_MAX <= 511, "LMDB's longest key");
_Static_assert(sizeof(struct once_row) == 24, "read by a successor");

struct once {
	struct op_ask ask;
	struct store_text key, data, id, body;
	int64_t at_ms; /* -1: now */
	bool asks;
	const uint8_t *tlvs;
	size_t len;
};

/* Nothing that a reader would stumble over leaves through the outbox. */
static bool record_ok(const struct tlv *t)
{
	struct record rec;

	return record_parse(&rec, t->val, t->len) == 0 &&
	       (rec.head.kind == RECORD_BROADCAST || rec.head.kind == RECORD_CONTROL);
}

static bool collect(struct once *o, const uint8_t *tlvs, size_t len)
{
	struct tlv t;
	size_t off = 0;

	*o = (struct once){.tlvs = tlvs, .len = len, .at_ms = -1};
	while (tlv_next(tlvs, len, &off, &t) > 0) {
		struct store_text text = {(const char *)t.val, t.len};

		switch (t.type) {
		case OP_TLV_ASK:
			if (t.len != sizeof o->ask)
				return false;
			memcpy(&o->ask, t.val, sizeof o->ask);
			o->asks = true;
			break;
		case OP_TLV_KEY:
			if (t.len == 0 || t.len > OP_KEY_MAX)
				return false;
			o->key = text;
			break;
		case OP_TLV_DATA:
			if (t.len > OP_DATA_MAX)
				return false;
			o->data = text;
			break;
		case OP_TLV_AT:
			if (t.len != sizeof o->at_ms)
				return false;
			memcpy(&o->at_ms, t.val, sizeof o->at_ms);
			if (o->at_ms < 0)
				return false;
			break;
		case OP_TLV_ID:
			if (t.len == 0 || t.len > STORE_SCHEDULE_ID_MAX)
				return false;
			o->id = text;
			break;
		case OP_TLV_BODY: o->body = text; break;
		case OP_TLV_RECORD:
			if (!record_ok(&t))
				return false;
			break;
		default: break;
		}
	}
	return o->asks && o->key.len > 0 && (o->at_ms < 0 || o->id.len > 0);
}

static size_t due_key(uint8_t key[DUE_KEY_MAX], uint64_t expires_ns, const void *name, size_t len)
{
	store_due_head(key, STORE_DUE_ONCE, expires_ns);
	memcpy(key + DUE_HEAD, name, len);
	return DUE_HEAD + len;
}

static int take(struct store_writer *w, const struct once *o, const struct once_row *row)
{
	uint8_t due[DUE_KEY_MAX];
	void *val;
	int rc = store_batch_reserve(
	    w, STORE_ONCE, o->key.p, o->key.len, sizeof *row + o->data.len, 0, &val);

	if (rc)
		return rc;
	memcpy(val, row, sizeof *row);
	if (o->data.len > 0)
		memcpy((uint8_t *)val + sizeof *row, o->data.p, o->data.len);
	return store_batch_put(w, STORE_DUE, due, due_key(due, row->expires_ns, o->key.p, o->key.len), NULL, 0, 0);
}

static int send_all(struct store_writer *w, const struct once *o)
{
	struct tlv t;
	size_t off = 0;
	int rc = 0;

	while (!rc && tlv_next(o->tlvs, o->len, &off, &t) > 0)
		if (t.type == OP_TLV_RECORD)
			rc = store_outbox_record(w, t.val, t.len);
	return rc;
}

/* All fields of the records, as they stand behind each other. */
static int schedule(struct store_writer *w, const struct once *o, const struct record_ack *to)
{
	struct store_schedule_new s = {.id = o->id, .at_ms = o->at_ms, .body = o->body};
	struct tlv t;
	size_t off = 0, at = 0;

	/* Workers put them last. */
	while (tlv_next(o->tlvs, o->len, &off, &t) > 0 && t.type != OP_TLV_RECORD)
		at = off;
	s.fields = (struct store_text){(const char *)o->tlvs + at, o->len - at};
	return store_schedule_put(w, &s, w->synced ? to : NULL);
}

/* Does what the key was taken for.  Not 0: the answer is another, or comes later. */
static int act(struct store_writer *w, const struct once *o, const struct record_ack *to, bool *answered)
{
	struct op_told told;
	int rc;

	if (o->at_ms < 0)
		return send_all(w, o);
	rc = schedule(w, o, to);
	*answered = !rc && w->synced;
	if (rc != -EEXIST)
		return rc;
	/* Its key is gone, with an instance before this one or with its time; what was asked for is not. */
	*answered = true;
	if (o->data.len != sizeof told)
		return store_outbox_answer(w, to, RECORD_ONCE_TAKEN, o->data.p, o->data.len);
	memcpy(&told, o->data.p, sizeof told);
	rc = store_schedule_at(w, &o->id, &told.at_ms);
	return rc ? rc : store_outbox_answer(w, to, RECORD_ONCE_TAKEN, &told, sizeof told);
}

int store_cancel_apply(struct store_writer *w, unsigned slot, uint32_t gen, const uint8_t *tlvs, size_t len)
{
	struct record_ack to = {.slot = slot, .gen = gen};
	uint8_t due[DUE_KEY_MAX];
	struct once_row row;
	struct once o;
	MDB_val v;
	int rc;

	if (!collect(&o, tlvs, len) || o.id.len == 0)
		return -EPROTO;
	if (o.ask.due_ns < w->clock_ns)
		return 0;
	to.id = o.ask.id;
	if (!w->journaling)
		return store_outbox_answer(w, &to, RECORD_ONCE_REFUSED, NULL, 0);
	rc = store_schedule_del(w, &o.id, w->synced ? &to : NULL);
	if (rc == -ENOENT)
		return store_outbox_answer(w, &to, RECORD_ONCE_TAKEN, NULL, 0);
	if (rc)
		return rc;
	rc = store_batch_get(w, STORE_ONCE, o.key.p, o.key.len, &v);
	if (!rc && v.mv_size < sizeof row)
		return -EIO;
	if (!rc) {
		memcpy(&row, v.mv_data, sizeof row);
		rc = store_batch_del(w, STORE_ONCE, o.key.p, o.key.len);
		if (!rc)
			rc = store_batch_del(w, STORE_DUE, due, due_key(due, row.expires_ns, o.key.p, o.key.len));
	}
	if (rc && rc != -ENOENT)
		return rc;
	return w->synced ? 0 : store_outbox_answer(w, &to, RECORD_ONCE_NEW, NULL, 0);
}

int store_once_apply(struct store_writer *w, unsigned slot, uint32_t gen, const struct op_head *head,
    const uint8_t *tlvs, size_t len)
{
	struct record_ack to = {.slot = slot, .gen = gen};
	struct once_row row, mine;
	uint8_t due[DUE_KEY_MAX], data[OP_DATA_MAX];
	bool answered = false;
	struct once o;
	MDB_val v;
	int rc;

	if (!collect(&o, tlvs, len) || head->time_ms <= 0 || head->time_ms > TTL_MAX_MS)
		return -EPROTO;
	if (o.ask.due_ns < w->clock_ns)
		return 0;
	to.id = o.ask.id;
	mine = (struct once_row){.expires_ns = w->clock_ns + (uint64_t)head->time_ms * NS_PER_MS,
	    .ask = o.ask.id,
	    .slot = slot,
	    .gen = gen};
	if (o.at_ms >= 0 && (!w->journaling || w->refusing))
		return store_outbox_answer(w, &to, RECORD_ONCE_REFUSED, NULL, 0);
	rc = store_batch_get(w, STORE_ONCE, o.key.p, o.key.len, &v);
	if (rc && rc != -ENOENT)
		return rc;
	if (!rc) {
		if (v.mv_size < sizeof row || v.mv_size > sizeof row + sizeof data)
			return -EIO;
		memcpy(&row, v.mv_data, sizeof row);
		if (row.expires_ns > w->clock_ns) {
			bool own = row.slot == slot && row.gen == gen && row.ask == o.ask.id;
			size_t n = v.mv_size - sizeof row;

			/* A copy: what the outbox writes may move the row. */
			memcpy(data, (const uint8_t *)v.mv_data + sizeof row, n);
			return store_outbox_answer(w, &to, own ? RECORD_ONCE_NEW : RECORD_ONCE_TAKEN, data, n);
		}
		rc = store_batch_del(w, STORE_DUE, due, due_key(due, row.expires_ns, o.key.p, o.key.len));
		if (rc)
			return rc == -ENOENT ? -EIO : rc;
	} else if (store_past(w, STORE_KEYS_PCT)) {
		return store_outbox_answer(w, &to, RECORD_ONCE_FULL, NULL, 0);
	}
	rc = take(w, &o, &mine);
	if (!rc)
		rc = act(w, &o, &to, &answered);
	return rc || answered ? rc : store_outbox_answer(w, &to, RECORD_ONCE_NEW, o.data.p, o.data.len);
}

int store_expire(struct store_writer *w, unsigned budget)
{
	const uint8_t kind = STORE_DUE_ONCE;
	uint8_t key[DUE_KEY_MAX];
	MDB_val k;
	int rc;

	assert(w->txn);
	for (; (rc = store_batch_range(w, STORE_DUE, &kind, 1, &k, NULL)) > 0; budget--) {
		if (k.mv_size <= DUE_HEAD || k.mv_size > sizeof key)
			return -EIO;
		memcpy(key, k.mv_data, k.mv_size);
		if (store_due_time(key) > w->clock_ns)
			return 0;
		if (budget == 0)
			return 1;
		rc = store_batch_del(w, STORE_ONCE, key + DUE_HEAD, k.mv_size - DUE_HEAD);
		if (!rc)
			rc = store_batch_del(w, STORE_DUE, key, k.mv_size);
		if (rc)
			return rc == -ENOENT ? -EIO : rc;
	}
	return rc;
}

bool store_has_expired(struct store_writer *w)
{
	return store_due_next(w, STORE_DUE_ONCE) <= w->clock_ns || store_due_next(w, STORE_DUE_GRACE) <= w->clock_ns;
}
