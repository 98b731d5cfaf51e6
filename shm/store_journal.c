/*
 * store_journal.c - rows that are to survive the instance, and what has changed of them.
 *
 *	kept	key			-> value
 *	journal	sequence		-> struct entry, key, value: a resolved put or removal
 *
 * A change of a kept row and its entry are one transaction.  A thread of the keeper copies entries to the durable
 * environment (durable.h) and says how far it is; a later transaction forgets those, and sends the answers that waited
 * for it.  What must be readable is in the volatile store whole, so nobody reads the journal but that thread.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "shm/store_batch.h"
#include "shm/store_writer.h"

#define SEQUENCE_KEY 8u

enum entry_kind { ENTRY_PUT = 1, ENTRY_DEL };

struct entry {
	uint8_t kind, answers; /* ANSWERS: somebody waits for it */
	uint16_t key_len;
	uint32_t val_len;
	struct record_ack ack;
};

static void sequence_key(uint8_t key[SEQUENCE_KEY], uint64_t sequence)
{
	for (unsigned i = 0; i < SEQUENCE_KEY; i++)
		key[i] = (uint8_t)(sequence >> 8 * (SEQUENCE_KEY - 1 - i));
}

static uint64_t key_sequence(const uint8_t *key)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < SEQUENCE_KEY; i++)
		v = v << 8 | key[i];
	return v;
}

void store_set_journal(struct store_writer *w, bool on, bool synced)
{
	w->journaling = on;
	w->synced = synced;
}

void store_refuse_kept(struct store_writer *w, bool refuse)
{
	w->refusing = refuse;
}

static int note(struct store_writer *w, enum entry_kind kind, const void *key, size_t key_len, const void *val,
    size_t len, const struct record_ack *waits)
{
	struct entry e = {
	    .kind = (uint8_t)kind, .answers = waits != NULL, .key_len = (uint16_t)key_len, .val_len = (uint32_t)len};
	uint8_t seq[SEQUENCE_KEY];
	uint8_t *p;
	void *row;
	int rc;

	if (!w->journaling)
		return 0;
	if (waits)
		e.ack = *waits;
	sequence_key(seq, w->now.journal_next);
	rc = store_batch_reserve(w, STORE_JOURNAL, seq, sizeof seq, sizeof e + key_len + len, MDB_APPEND, &row);
	if (rc)
		return rc;
	p = row;
	memcpy(p, &e, sizeof e);
	memcpy(p + sizeof e, key, key_len);
	if (len > 0)
		memcpy(p + sizeof e + key_len, val, len);
	w->now.journal_next++;
	return 0;
}

int store_kept_put(
    struct store_writer *w, const void *key, size_t key_len, const void *val, size_t len, const struct record_ack *waits)
{
	int rc = store_batch_put(w, STORE_KEPT, key, key_len, val, len, 0);

	return rc ? rc : note(w, ENTRY_PUT, key, key_len, val, len, waits);
}

int store_kept_del(struct store_writer *w, const void *key, size_t key_len, const struct record_ack *waits)
{
	int rc = store_batch_del(w, STORE_KEPT, key, key_len);

	return rc ? rc : note(w, ENTRY_DEL, key, key_len, NULL, 0, waits);
}

static bool entry_of(const MDB_val *v, struct entry *e)
{
	if (v->mv_size < sizeof *e)
		return false;
	memcpy(e, v->mv_data, sizeof *e);
	return v->mv_size == sizeof *e + e->key_len + e->val_len;
}

uint64_t store_journal_next(const struct store_writer *w)
{
	return w->kept.journal_next;
}

uint64_t store_journal_forgotten(const struct store_writer *w)
{
	return w->kept.journal_gone;
}

int store_journal_each(struct store_writer *w, uint64_t from, size_t max_bytes, store_journal_fn fn, void *ctx)
{
	uint8_t key[SEQUENCE_KEY];
	MDB_val k = {.mv_size = sizeof key, .mv_data = key}, v;
	MDB_cursor *c = NULL;
	MDB_txn *txn;
	size_t bytes = 0;
	int rc = mdb_txn_begin(w->e.env, NULL, MDB_RDONLY, &txn), n = 0;

	if (rc)
		return store_env_errno(rc);
	sequence_key(key, from);
	rc = mdb_cursor_open(txn, w->e.dbi[STORE_JOURNAL], &c);
	if (!rc)
		rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	while (!rc && bytes < max_bytes) {
		const uint8_t *p = v.mv_data;
		struct entry e;
		int told;

		if (k.mv_size != SEQUENCE_KEY || !entry_of(&v, &e)) {
			rc = MDB_INVALID;
			break;
		}
		told = fn(ctx, key_sequence(k.mv_data), e.kind == ENTRY_DEL, p + sizeof e, e.key_len,
		    p + sizeof e + e.key_len, e.val_len);
		if (told) {
			mdb_cursor_close(c);
			mdb_txn_abort(txn);
			return told;
		}
		n++;
		bytes += v.mv_size;
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	}
	if (c)
		mdb_cursor_close(c);
	mdb_txn_abort(txn);
	return rc && rc != MDB_NOTFOUND ? store_env_errno(rc) : n;
}

int store_journal_forget(struct store_writer *w, uint64_t sequence, unsigned budget)
{
	MDB_val k, v;
	int rc;

	assert(w->txn && sequence < w->now.journal_next);
	while ((rc = store_batch_range(w, STORE_JOURNAL, NULL, 0, &k, &v)) > 0) {
		uint8_t key[SEQUENCE_KEY];
		struct entry e;

		if (k.mv_size != SEQUENCE_KEY || !entry_of(&v, &e))
			return -EIO;
		memcpy(key, k.mv_data, sizeof key);
		if (key_sequence(key) > sequence)
			break;
		if (budget-- == 0)
			return 1;
		rc = store_batch_del(w, STORE_JOURNAL, key, sizeof key);
		if (!rc && e.answers)
			rc = store_outbox_answer(w, &e.ack, RECORD_ONCE_NEW, NULL, 0);
		if (rc)
			return rc == -ENOENT ? -EIO : rc;
	}
	if (rc >= 0 && sequence > w->now.journal_gone)
		w->now.journal_gone = sequence;
	return rc < 0 ? rc : 0;
}

static const char loaded_key[] = "loaded";

int store_is_loaded(struct store_writer *w)
{
	MDB_val v;
	int rc = store_batch_get(w, STORE_META, loaded_key, strlen(loaded_key), &v);

	return rc == 0 ? 1 : rc == -ENOENT ? 0 : rc;
}

int store_set_loaded(struct store_writer *w)
{
	return store_batch_put(w, STORE_META, loaded_key, strlen(loaded_key), NULL, 0, 0);
}
