/*
 * store_schedule.c - messages that are to be sent later.
 *
 *	kept	's', id				-> struct schedule_row, body (for who asks), fields OP_TLV_RECORD
 *	due	's', at_ms, order, id		-> nothing
 *
 * What is due goes to the outbox and is forgotten in one transaction: once, whoever dies in that moment.  Of equal times
 * the one that was made first goes first.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shm/store_batch.h"
#include "shm/store_due.h"
#include "shm/store_read.h"
#include "shm/store_schedule.h"
#include "shm/store_writer.h"

#define KIND     's'
#define DUE_HEAD 17u

struct schedule_row {
	int64_t at_ms;
	uint64_t order;
	uint32_t body_len, reserved;
};

_Static_assert(sizeof(struct schedule_row) == 24, "read after a restart, by another binary");
_Static_assert(OP_TLV_RECORD == 14, "read after a restart, by another binary");

static void put_be64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * (7 - i));
}

static size_t kept_key(uint8_t key[STORE_SCHEDULE_KEY_MAX], const struct store_text *id)
{
	key[0] = KIND;
	memcpy(key + 1, id->p, id->len);
	return 1 + id->len;
}

static size_t due_key(uint8_t key[STORE_SCHEDULE_KEY_MAX], const struct schedule_row *row, const struct store_text *id)
{
	key[0] = KIND;
	put_be64(key + 1, (uint64_t)row->at_ms);
	put_be64(key + 9, row->order);
	memcpy(key + DUE_HEAD, id->p, id->len);
	return DUE_HEAD + id->len;
}

/* The row's head; false: it is none. */
static bool row_of(const void *val, size_t len, struct schedule_row *row)
{
	if (len < sizeof *row)
		return false;
	memcpy(row, val, sizeof *row);
	return row->at_ms >= 0 && row->body_len <= len - sizeof *row;
}

int store_schedule_put(struct store_writer *w, const struct store_schedule_new *s, const struct record_ack *waits)
{
	uint8_t key[STORE_SCHEDULE_KEY_MAX], due[STORE_SCHEDULE_KEY_MAX];
	struct schedule_row row = {.at_ms = s->at_ms,
	    .order = w->wall_ms << 16 | (w->now.journal_next & 0xffff),
	    .body_len = (uint32_t)s->body.len};
	size_t len = kept_key(key, &s->id), total = sizeof row + s->body.len + s->fields.len;
	uint8_t *val;
	MDB_val v;
	int rc = store_batch_get(w, STORE_KEPT, key, len, &v);

	if (rc != -ENOENT)
		return rc ? rc : -EEXIST;
	val = malloc(total);
	if (!val)
		return -ENOMEM;
	memcpy(val, &row, sizeof row);
	if (s->body.len > 0)
		memcpy(val + sizeof row, s->body.p, s->body.len);
	if (s->fields.len > 0)
		memcpy(val + sizeof row + s->body.len, s->fields.p, s->fields.len);
	rc = store_kept_put(w, key, len, val, total, waits);
	free(val);
	return rc ? rc : store_batch_put(w, STORE_DUE, due, due_key(due, &row, &s->id), NULL, 0, 0);
}

int store_schedule_at(struct store_writer *w, const struct store_text *id, int64_t *at_ms)
{
	uint8_t key[STORE_SCHEDULE_KEY_MAX];
	struct schedule_row row;
	MDB_val v;
	int rc = store_batch_get(w, STORE_KEPT, key, kept_key(key, id), &v);

	if (rc)
		return rc;
	if (!row_of(v.mv_data, v.mv_size, &row))
		return -EIO;
	*at_ms = row.at_ms;
	return 0;
}

int store_schedule_load(struct store_writer *w, const void *key, size_t key_len, const void *val, size_t len)
{
	struct store_text id = {(const char *)key + 1, key_len - 1};
	uint8_t due[STORE_SCHEDULE_KEY_MAX];
	struct schedule_row row;
	int rc;

	if (key_len < 2 || key_len > 1 + STORE_SCHEDULE_ID_MAX || !row_of(val, len, &row))
		return -EPROTO;
	rc = store_kept_put(w, key, key_len, val, len, NULL);
	return rc ? rc : store_batch_put(w, STORE_DUE, due, due_key(due, &row, &id), NULL, 0, 0);
}

bool store_schedule_fields(void *val, size_t len, uint8_t **fields, size_t *fields_len)
{
	struct schedule_row row;

	if (!row_of(val, len, &row))
		return false;
	*fields = (uint8_t *)val + sizeof row + row.body_len;
	*fields_len = len - sizeof row - row.body_len;
	return true;
}

int store_schedule_del(struct store_writer *w, const struct store_text *id, const struct record_ack *waits)
{
	uint8_t key[STORE_SCHEDULE_KEY_MAX], due[STORE_SCHEDULE_KEY_MAX];
	size_t len = kept_key(key, id);
	struct schedule_row row;
	MDB_val v;
	int rc = store_batch_get(w, STORE_KEPT, key, len, &v);

	if (rc)
		return rc;
	if (!row_of(v.mv_data, v.mv_size, &row))
		return -EIO;
	rc = store_kept_del(w, key, len, waits);
	if (!rc)
		rc = store_batch_del(w, STORE_DUE, due, due_key(due, &row, id));
	return rc == -ENOENT ? -EIO : rc;
}

static int send(struct store_writer *w, const MDB_val *v)
{
	struct schedule_row row;
	struct tlv t;
	size_t off = 0, n;
	uint8_t *copy;
	int rc = 0;

	if (!row_of(v->mv_data, v->mv_size, &row))
		return -EIO;
	/* A copy: what the outbox writes may move the row. */
	n = v->mv_size - sizeof row - row.body_len;
	copy = malloc(n > 0 ? n : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, (const uint8_t *)v->mv_data + sizeof row + row.body_len, n);
	while (!rc && tlv_next(copy, n, &off, &t) > 0) {
		struct record rec;

		/* After a restart it comes from a file. */
		if (t.type == OP_TLV_RECORD && record_parse(&rec, t.val, t.len) == 0)
			rc = store_outbox_record(w, t.val, t.len);
	}
	free(copy);
	return rc;
}

int store_schedule_fire(struct store_writer *w, int64_t wall_ms, unsigned budget)
{
	const uint8_t kind = KIND;
	uint8_t due[STORE_SCHEDULE_KEY_MAX], key[STORE_SCHEDULE_KEY_MAX];
	MDB_val k, v;
	int rc;

	while ((rc = store_batch_range(w, STORE_DUE, &kind, 1, &k, NULL)) > 0) {
		struct store_text id;
		uint8_t last[8];
		size_t len = k.mv_size;

		if (len <= DUE_HEAD || len > sizeof due)
			return -EIO;
		memcpy(due, k.mv_data, len);
		put_be64(last, (uint64_t)wall_ms);
		if (memcmp(due + 1, last, sizeof last) > 0)
			return 0;
		if (budget-- == 0)
			return 1;
		id = (struct store_text){(const char *)due + DUE_HEAD, len - DUE_HEAD};
		rc = store_batch_get(w, STORE_KEPT, key, kept_key(key, &id), &v);
		if (!rc)
			rc = send(w, &v);
		if (!rc)
			rc = store_schedule_del(w, &id, NULL);
		if (rc)
			return rc == -ENOENT ? -EIO : rc;
	}
	return rc;
}

int64_t store_schedule_next(struct store_writer *w)
{
	uint64_t at = store_due_next(w, KIND);

	return at > INT64_MAX ? INT64_MAX : (int64_t)at;
}

static int copy_out(const MDB_val *k, const MDB_val *v, struct store_schedule *out)
{
	struct schedule_row row;
	char *p;

	if (k->mv_size < 2 || !row_of(v->mv_data, v->mv_size, &row))
		return -EPROTO;
	p = malloc(k->mv_size + row.body_len + 1);
	if (!p)
		return -ENOMEM;
	out->at_ms = row.at_ms;
	out->id = memcpy(p, (const char *)k->mv_data + 1, k->mv_size - 1);
	p[k->mv_size - 1] = '\0';
	out->body = memcpy(p + k->mv_size, (const uint8_t *)v->mv_data + sizeof row, row.body_len);
	out->body_len = row.body_len;
	return 1;
}

int store_get_schedule(struct store *st, const char *id, struct store_schedule *out)
{
	struct store_text text = {id, strlen(id)};
	uint8_t key[STORE_SCHEDULE_KEY_MAX];
	MDB_val k = {.mv_data = key}, v;
	int rc;

	if (text.len == 0 || text.len > STORE_SCHEDULE_ID_MAX)
		return 0;
	k.mv_size = kept_key(key, &text);
	rc = store_read_begin(st);
	if (rc)
		return rc;
	rc = store_env_get(&st->e, st->txn, STORE_KEPT, key, k.mv_size, &v);
	rc = rc == -ENOENT ? 0 : rc ? rc : copy_out(&k, &v, out);
	store_read_end(st);
	return rc;
}

int store_list_schedules(
    struct store *st, const char *after, unsigned limit, struct store_schedule *out, bool *more)
{
	const uint8_t kind = KIND;
	struct store_text last = {after, after ? strlen(after) : 0};
	uint8_t from[STORE_SCHEDULE_KEY_MAX];
	struct store_walk wk;
	size_t from_len = 0;
	unsigned n = 0;
	MDB_val k, v;
	int rc;

	*more = false;
	if (last.len > STORE_SCHEDULE_ID_MAX)
		return -EINVAL;
	if (after)
		from_len = kept_key(from, &last);
	rc = store_read_begin(st);
	if (rc)
		return rc;
	rc = store_walk_begin(&wk, st, STORE_KEPT, &kind, 1, after ? from : NULL, from_len);
	if (rc)
		goto out;
	while ((rc = store_walk_next(&wk, &k, &v)) > 0) {
		if (n == limit) {
			*more = true;
			rc = 0;
			break;
		}
		rc = copy_out(&k, &v, &out[n]);
		if (rc < 0)
			break;
		n++;
	}
	store_walk_end(&wk);
out:
	store_read_end(st);
	while (rc < 0 && n > 0)
		store_schedule_fini(&out[--n]);
	return rc < 0 ? rc : (int)n;
}

void store_schedule_fini(struct store_schedule *s)
{
	free((char *)(uintptr_t)s->id);
	s->id = NULL;
}
