/*
 * store_ban.c - see store_ban.h.  Rows of the table of what is due, 'b' + time + name, say which end when.
 */
#include "shm/store_ban.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "shm/store_batch.h"
#include "shm/store_read.h"
#include "shm/store_writer.h"

#define KIND     'b'
#define KEY_MAX  (1 + STORE_BAN_NAME_MAX)
#define DUE_HEAD 9u
#define DUE_MAX  (DUE_HEAD + STORE_BAN_NAME_MAX)

struct ban_row {
	int64_t since_ms, until_ms;
};

_Static_assert(sizeof(struct ban_row) == 16, "read after a restart, by another binary");

static size_t ban_key(uint8_t key[KEY_MAX], const struct store_text *name)
{
	key[0] = KIND;
	memcpy(key + 1, name->p, name->len);
	return 1 + name->len;
}

static size_t due_key(uint8_t key[DUE_MAX], int64_t until_ms, const struct store_text *name)
{
	key[0] = KIND;
	for (unsigned i = 0; i < 8; i++)
		key[1 + i] = (uint8_t)((uint64_t)until_ms >> 8 * (7 - i));
	memcpy(key + DUE_HEAD, name->p, name->len);
	return DUE_HEAD + name->len;
}

static bool row_of(const void *val, size_t len, struct ban_row *row)
{
	if (len < sizeof *row || len > sizeof *row + STORE_BAN_REASON_MAX)
		return false;
	memcpy(row, val, sizeof *row);
	return row->until_ms >= 0;
}

int store_ban_del(struct store_writer *w, const struct store_text *name, const struct record_ack *waits)
{
	uint8_t key[KEY_MAX], due[DUE_MAX];
	size_t len = ban_key(key, name);
	struct ban_row row;
	MDB_val v;
	int rc = store_batch_get(w, STORE_KEPT, key, len, &v);

	if (rc)
		return rc;
	if (!row_of(v.mv_data, v.mv_size, &row))
		return -EIO;
	rc = store_kept_del(w, key, len, waits);
	if (!rc && row.until_ms > 0)
		rc = store_batch_del(w, STORE_DUE, due, due_key(due, row.until_ms, name));
	return rc == -ENOENT ? -EIO : rc;
}

static int put_row(struct store_writer *w, const struct store_text *name, const void *val, size_t len,
    const struct record_ack *waits)
{
	uint8_t key[KEY_MAX], due[DUE_MAX];
	struct ban_row row;
	int rc = store_ban_del(w, name, NULL);

	if (rc && rc != -ENOENT)
		return rc;
	memcpy(&row, val, sizeof row);
	rc = store_kept_put(w, key, ban_key(key, name), val, len, waits);
	if (!rc && row.until_ms > 0)
		rc = store_batch_put(w, STORE_DUE, due, due_key(due, row.until_ms, name), NULL, 0, 0);
	return rc;
}

int store_ban_put(struct store_writer *w, const struct store_text *name, int64_t until_ms, const struct store_text *reason,
    const struct record_ack *waits)
{
	struct ban_row row = {.since_ms = (int64_t)w->wall_ms, .until_ms = until_ms};
	uint8_t val[sizeof row + STORE_BAN_REASON_MAX];

	assert(name->len >= 2 && name->len <= STORE_BAN_NAME_MAX && reason->len <= STORE_BAN_REASON_MAX);
	memcpy(val, &row, sizeof row);
	if (reason->len > 0)
		memcpy(val + sizeof row, reason->p, reason->len);
	return put_row(w, name, val, sizeof row + reason->len, waits);
}

int store_ban_load(struct store_writer *w, const void *key, size_t key_len, const void *val, size_t len)
{
	struct store_text name = {(const char *)key + 1, key_len - 1};
	struct ban_row row;

	if (key_len < 3 || key_len > KEY_MAX || !row_of(val, len, &row))
		return -EPROTO;
	return put_row(w, &name, val, len, NULL);
}

int store_ban_expire(struct store_writer *w, int64_t wall_ms, unsigned budget)
{
	const uint8_t kind = KIND;
	uint8_t due[DUE_MAX], last[DUE_MAX];
	MDB_val k;
	int rc;

	(void)due_key(last, wall_ms, &(struct store_text){"", 0});
	while ((rc = store_batch_range(w, STORE_DUE, &kind, 1, &k, NULL)) > 0) {
		struct store_text name;

		if (k.mv_size <= DUE_HEAD || k.mv_size > sizeof due)
			return -EIO;
		memcpy(due, k.mv_data, k.mv_size);
		if (memcmp(due, last, DUE_HEAD) > 0)
			return 0;
		if (budget-- == 0)
			return 1;
		name = (struct store_text){(const char *)due + DUE_HEAD, k.mv_size - DUE_HEAD};
		rc = store_ban_del(w, &name, NULL);
		if (rc)
			return rc == -ENOENT ? -EIO : rc;
	}
	return rc;
}

struct asked {
	struct op_ask ask;
	struct store_text name, reason;
	int64_t until_ms;
	bool asks;
};

static bool collect(struct asked *a, const uint8_t *tlvs, size_t len)
{
	struct tlv t;
	size_t off = 0;

	*a = (struct asked){.reason = {"", 0}};
	while (tlv_next(tlvs, len, &off, &t) > 0) {
		struct store_text text = {(const char *)t.val, t.len};

		if (t.type == OP_TLV_ASK && t.len == sizeof a->ask) {
			memcpy(&a->ask, t.val, sizeof a->ask);
			a->asks = true;
		} else if (t.type == OP_TLV_KEY) {
			a->name = text;
		} else if (t.type == OP_TLV_DATA) {
			a->reason = text;
		} else if (t.type == OP_TLV_AT && t.len == sizeof a->until_ms) {
			memcpy(&a->until_ms, t.val, sizeof a->until_ms);
		}
	}
	return a->asks && a->name.len >= 2 && a->name.len <= STORE_BAN_NAME_MAX && a->reason.len <= STORE_BAN_REASON_MAX &&
	       a->until_ms >= 0 && (a->name.p[0] == STORE_BAN_USER || a->name.p[0] == STORE_BAN_IP);
}

int store_ban_apply(struct store_writer *w, unsigned slot, uint32_t gen, bool banned, const uint8_t *tlvs, size_t len)
{
	struct record_ack to = {.slot = slot, .gen = gen};
	const struct record_ack *waits;
	struct asked a;
	int rc;

	if (!collect(&a, tlvs, len))
		return -EPROTO;
	if (a.ask.due_ns < w->clock_ns)
		return 0;
	to.id = a.ask.id;
	waits = w->journaling && w->synced ? &to : NULL;
	if (banned && w->journaling && w->refusing)
		return store_outbox_answer(w, &to, RECORD_ONCE_REFUSED, NULL, 0);
	if (banned && store_past(w, STORE_KEYS_PCT))
		return store_outbox_answer(w, &to, RECORD_ONCE_FULL, NULL, 0);
	rc = banned ? store_ban_put(w, &a.name, a.until_ms, &a.reason, waits) : store_ban_del(w, &a.name, waits);
	if (rc == -ENOENT)
		return store_outbox_answer(w, &to, RECORD_ONCE_TAKEN, NULL, 0);
	if (!rc && banned)
		rc = store_outbox_ban(w, &a.name);
	return rc || waits ? rc : store_outbox_answer(w, &to, RECORD_ONCE_NEW, NULL, 0);
}

static void copy_out(const void *name, size_t name_len, const MDB_val *v, const struct ban_row *row, struct store_ban *out)
{
	size_t n = v->mv_size - sizeof *row;

	memcpy(out->name, name, name_len);
	out->name[name_len] = '\0';
	out->since_ms = row->since_ms;
	out->until_ms = row->until_ms;
	memcpy(out->reason, (const uint8_t *)v->mv_data + sizeof *row, n);
	out->reason[n] = '\0';
}

static bool holds(const struct ban_row *row, int64_t wall_ms)
{
	return row->until_ms == 0 || row->until_ms > wall_ms;
}

int store_get_ban(struct store *st, const struct store_text *name, int64_t wall_ms, struct store_ban *out)
{
	uint8_t key[KEY_MAX];
	struct ban_row row;
	MDB_val v;
	int rc;

	if (name->len < 2 || name->len > STORE_BAN_NAME_MAX)
		return 0;
	rc = store_read_begin(st);
	if (rc)
		return rc;
	rc = store_env_get(&st->e, st->txn, STORE_KEPT, key, ban_key(key, name), &v);
	if (!rc && !row_of(v.mv_data, v.mv_size, &row))
		rc = -EPROTO;
	if (!rc && out)
		copy_out(name->p, name->len, &v, &row, out);
	store_read_end(st);
	return rc == -ENOENT ? 0 : rc ? rc : holds(&row, wall_ms);
}

int store_list_bans(struct store *st, const char *after, int64_t wall_ms, unsigned limit, struct store_ban *out, bool *more)
{
	struct store_text last = {after, after ? strlen(after) : 0};
	const uint8_t kind = KIND;
	uint8_t from[KEY_MAX];
	struct store_walk wk;
	size_t from_len = 0;
	unsigned n = 0;
	MDB_val k, v;
	int rc;

	*more = false;
	if (last.len > STORE_BAN_NAME_MAX)
		return -EINVAL;
	if (after)
		from_len = ban_key(from, &last);
	rc = store_read_begin(st);
	if (rc)
		return rc;
	rc = store_walk_begin(&wk, st, STORE_KEPT, &kind, 1, after ? from : NULL, from_len);
	if (rc) {
		store_read_end(st);
		return rc;
	}
	while ((rc = store_walk_next(&wk, &k, &v)) > 0) {
		struct ban_row row;

		if (k.mv_size > KEY_MAX || !row_of(v.mv_data, v.mv_size, &row)) {
			rc = -EPROTO;
			break;
		}
		if (!holds(&row, wall_ms))
			continue;
		if (n == limit) {
			*more = true;
			rc = 0;
			break;
		}
		copy_out((const uint8_t *)k.mv_data + 1, k.mv_size - 1, &v, &row, &out[n++]);
	}
	store_walk_end(&wk);
	store_read_end(st);
	return rc < 0 ? rc : (int)n;
}
