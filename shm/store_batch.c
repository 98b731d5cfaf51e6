/*
 * store_batch.c - row access inside a batch.
 *
 * One cursor a table for the whole transaction: LMDB looks at the page a cursor stands on before it descends from the
 * root, and neighbouring keys are what a batch touches.
 */
#include "shm/store_batch.h"

#include <assert.h>
#include <string.h>

static int cursor(struct store_writer *w, enum store_table t, MDB_cursor **c)
{
	int rc = 0;

	assert(w->txn);
	if (!w->cur[t])
		rc = mdb_cursor_open(w->txn, w->e.dbi[t], &w->cur[t]);
	*c = w->cur[t];
	return rc;
}

int store_batch_get(struct store_writer *w, enum store_table t, const void *key, size_t len, MDB_val *v)
{
	MDB_val k = {.mv_size = len, .mv_data = (void *)key};
	MDB_cursor *c;
	int rc = cursor(w, t, &c);

	if (!rc)
		rc = mdb_cursor_get(c, &k, v, MDB_SET_KEY);
	return store_env_errno(rc);
}

int store_batch_put(struct store_writer *w, enum store_table t, const void *key, size_t len, const void *val,
    size_t val_len, unsigned flags)
{
	MDB_val k = {.mv_size = len, .mv_data = (void *)key}, v = {.mv_size = val_len, .mv_data = (void *)val};
	MDB_cursor *c;
	int rc = cursor(w, t, &c);

	if (!rc)
		rc = mdb_cursor_put(c, &k, &v, flags);
	return store_env_errno(rc);
}

int store_batch_reserve(struct store_writer *w, enum store_table t, const void *key, size_t key_len, size_t len,
    unsigned flags, void **val)
{
	MDB_val k = {.mv_size = key_len, .mv_data = (void *)key}, v = {.mv_size = len};
	MDB_cursor *c;
	int rc = cursor(w, t, &c);

	if (!rc)
		rc = mdb_cursor_put(c, &k, &v, flags | MDB_RESERVE);
	*val = v.mv_data;
	return store_env_errno(rc);
}

int store_batch_del(struct store_writer *w, enum store_table t, const void *key, size_t len)
{
	MDB_val k = {.mv_size = len, .mv_data = (void *)key}, v;
	MDB_cursor *c;
	int rc = cursor(w, t, &c);

	if (!rc)
		rc = mdb_cursor_get(c, &k, &v, MDB_SET_KEY);
	if (!rc)
		rc = mdb_cursor_del(c, 0);
	return store_env_errno(rc);
}

int store_batch_range(
    struct store_writer *w, enum store_table t, const void *prefix, size_t len, MDB_val *k, MDB_val *v)
{
	MDB_val key = {.mv_size = len, .mv_data = (void *)prefix}, val;
	MDB_cursor *c;
	int rc = cursor(w, t, &c);

	if (!rc)
		rc = mdb_cursor_get(c, &key, &val, len > 0 ? MDB_SET_RANGE : MDB_FIRST);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return store_env_errno(rc);
	if (len > 0 && (key.mv_size < len || memcmp(key.mv_data, prefix, len) != 0))
		return 0;
	if (k)
		*k = key;
	if (v)
		*v = val;
	return 1;
}
