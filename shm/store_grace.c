/*
 * store_grace.c - exits of users from rooms that wait for `grace`: who is back before it is over was never away.
 *
 *	once	1, namespace, room, user		-> struct grace_row, name, role
 *	due	'x', due_ns, the same without the 1	-> nothing
 *
 * Keys of OP_ONCE never begin with the byte 1: they begin with a word.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "shm/record.h"
#include "shm/store_batch.h"
#include "shm/store_due.h"

#define MARK	 1u
#define NAME_MAX_LEN (2 + OP_NAME_MAX + OP_USER_MAX) /* two lengths in front */
#define NS_PER_MS UINT64_C(1000000)

struct grace_row {
	uint64_t due_ns;
	uint8_t raw[STORE_SID_RAW]; /* the socket that went last */
	uint8_t name_len;	    /* of the user; the role is the rest */
};

_Static_assert(STORE_DUE_HEAD + NAME_MAX_LEN <= 511, "LMDB's longest key");
_Static_assert(STORE_TEXT_MAX <= UINT8_MAX, "name_len");

/* What the keys have in common, from AT on.  Its length. */
static size_t put_name(uint8_t *at, const struct store_cause *c, const struct store_text *room)
{
	size_t n = 0;

	at[n++] = (uint8_t)c->nsp.len;
	at[n++] = (uint8_t)room->len;
	memcpy(at + n, c->nsp.p, c->nsp.len);
	n += c->nsp.len;
	memcpy(at + n, room->p, room->len);
	n += room->len;
	memcpy(at + n, c->user.p, c->user.len);
	return n + c->user.len;
}

/* Takes both rows away.  0 or -errno. */
static int forget(struct store_writer *w, const uint8_t *name, size_t n, uint64_t due_ns)
{
	uint8_t key[1 + NAME_MAX_LEN], due[STORE_DUE_HEAD + NAME_MAX_LEN];
	int rc;

	key[0] = MARK;
	memcpy(key + 1, name, n);
	store_due_head(due, STORE_DUE_GRACE, due_ns);
	memcpy(due + STORE_DUE_HEAD, name, n);
	rc = store_batch_del(w, STORE_ONCE, key, 1 + n);
	if (!rc)
		rc = store_batch_del(w, STORE_DUE, due, STORE_DUE_HEAD + n);
	return rc == -ENOENT ? -EIO : rc;
}

int store_grace_end(struct store_writer *w, const struct store_cause *c, const struct store_text *room)
{
	uint8_t key[1 + NAME_MAX_LEN];
	size_t n = put_name(key + 1, c, room);
	struct grace_row row;
	MDB_val v;
	int rc;

	key[0] = MARK;
	rc = store_batch_get(w, STORE_ONCE, key, 1 + n, &v);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (v.mv_size < sizeof row)
		return -EIO;
	memcpy(&row, v.mv_data, sizeof row);
	rc = forget(w, key + 1, n, row.due_ns);
	return rc ? rc : 1;
}

int store_grace_begin(struct store_writer *w, const struct store_cause *c, const struct store_text *room, uint32_t ms)
{
	struct grace_row row = {.due_ns = w->clock_ns + ms * NS_PER_MS, .name_len = (uint8_t)c->name.len};
	uint8_t key[1 + NAME_MAX_LEN], due[STORE_DUE_HEAD + NAME_MAX_LEN];
	size_t n = put_name(key + 1, c, room);
	uint8_t *val;
	void *p;
	/* one that a conf without edges did not end: its time counts no more */
	int rc = store_grace_end(w, c, room);

	if (rc < 0)
		return rc;
	/* rows that removals add, which must never be in the way of removals: with no place to wait in it is told at once */
	if (store_past(w, STORE_KEYS_PCT))
		return store_outbox_edge(w, RECORD_EDGE_EXIT, c, room);
	key[0] = MARK;
	memcpy(row.raw, c->raw, sizeof row.raw);
	rc = store_batch_reserve(w, STORE_ONCE, key, 1 + n, sizeof row + c->name.len + c->role.len, 0, &p);
	if (rc)
		return rc;
	val = p;
	memcpy(val, &row, sizeof row);
	if (c->name.len > 0)
		memcpy(val + sizeof row, c->name.p, c->name.len);
	if (c->role.len > 0)
		memcpy(val + sizeof row + c->name.len, c->role.p, c->role.len);
	store_due_head(due, STORE_DUE_GRACE, row.due_ns);
	memcpy(due + STORE_DUE_HEAD, key + 1, n);
	return store_batch_put(w, STORE_DUE, due, STORE_DUE_HEAD + n, NULL, 0, 0);
}

/* Tells of the exit whose keys share NAME. */
static int tell(struct store_writer *w, const uint8_t *name, size_t n)
{
	uint8_t key[1 + NAME_MAX_LEN], val[sizeof(struct grace_row) + 2 * STORE_TEXT_MAX];
	size_t nsp = name[0], room_len = name[1], len;
	struct store_cause c = {.user_no = 0};
	struct store_text room;
	struct grace_row row;
	MDB_val v;
	int rc;

	key[0] = MARK;
	memcpy(key + 1, name, n);
	rc = store_batch_get(w, STORE_ONCE, key, 1 + n, &v);
	if (rc)
		return rc == -ENOENT ? -EIO : rc;
	len = v.mv_size;
	if (n < 2 + nsp + room_len || len < sizeof row || len > sizeof val)
		return -EIO;
	/* A copy: what the outbox writes may move the row. */
	memcpy(val, v.mv_data, len);
	memcpy(&row, val, sizeof row);
	if (sizeof row + row.name_len > len)
		return -EIO;
	c.nsp = (struct store_text){(const char *)name + 2, nsp};
	room = (struct store_text){(const char *)name + 2 + nsp, room_len};
	c.user = (struct store_text){(const char *)name + 2 + nsp + room_len, n - 2 - nsp - room_len};
	c.name = (struct store_text){(const char *)val + sizeof row, row.name_len};
	c.role = (struct store_text){(const char *)val + sizeof row + row.name_len, len - sizeof row - row.name_len};
	c.raw = row.raw;
	return store_outbox_edge(w, RECORD_EDGE_EXIT, &c, &room);
}

int store_grace_expire(struct store_writer *w, unsigned budget)
{
	const uint8_t kind = STORE_DUE_GRACE;
	uint8_t due[STORE_DUE_HEAD + NAME_MAX_LEN];
	MDB_val k;
	int rc;

	assert(w->txn);
	for (; (rc = store_batch_range(w, STORE_DUE, &kind, 1, &k, NULL)) > 0; budget--) {
		size_t n = k.mv_size - STORE_DUE_HEAD;

		if (k.mv_size < STORE_DUE_HEAD + 2 || k.mv_size > sizeof due)
			return -EIO;
		memcpy(due, k.mv_data, k.mv_size);
		if (store_due_time(due) > w->clock_ns)
			return 0;
		if (budget == 0)
			return 1;
		rc = tell(w, due + STORE_DUE_HEAD, n);
		if (!rc)
			rc = forget(w, due + STORE_DUE_HEAD, n, store_due_time(due));
		if (rc)
			return rc;
	}
	return rc;
}
