/*
 * store_env.c - see store_env.h.
 */
#include "shm/store_env.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shm/store.h"

#define FREE_DBI   0u /* LMDB's own trees */
#define MAIN_DBI   1u
#define META_PAGES 2u

static const char *const table_name[STORE_TABLES] = {"sockets", "rooms", "users", "members", "meta", "outbox",
    "once", "due", "kept", "journal"};
static const char head_key[] = "head", now_key[] = "now";

int store_env_errno(int rc)
{
	if (rc == 0)
		return 0;
	if (rc > 0)
		return -rc;
	switch (rc) {
	case MDB_NOTFOUND: return -ENOENT;
	case MDB_KEYEXIST: return -EEXIST;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL: return -STORE_EFULL;
	case MDB_READERS_FULL: return -EAGAIN;
	case MDB_VERSION_MISMATCH:
	case MDB_INVALID: return -EPROTO;
	default: return -EIO;
	}
}

size_t store_env_size(size_t map_size)
{
	return map_size & ~((size_t)sysconf(_SC_PAGESIZE) - 1);
}

int store_env_open(struct store_env *e, const char *path, size_t map_size, unsigned flags)
{
	int rc;

	rc = mdb_env_create(&e->env);
	if (rc)
		return store_env_errno(rc);
	rc = mdb_env_set_mapsize(e->env, store_env_size(map_size));
	if (!rc)
		rc = mdb_env_set_maxdbs(e->env, STORE_TABLES);
	if (!rc)
		rc = mdb_env_set_maxreaders(e->env, STORE_MAXREADERS);
	if (!rc)
		rc = mdb_env_open(e->env, path, flags | MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD, 0600);
	if (rc)
		store_env_close(e);
	return store_env_errno(rc);
}

int store_env_tables(struct store_env *e, MDB_txn *txn, bool create)
{
	int rc = 0;

	for (unsigned i = 0; i < STORE_TABLES && !rc; i++)
		rc = mdb_dbi_open(txn, table_name[i], create ? MDB_CREATE : 0, &e->dbi[i]);
	return store_env_errno(rc);
}

void store_env_close(struct store_env *e)
{
	if (e->env)
		mdb_env_close(e->env);
	e->env = NULL;
}

int store_env_get(const struct store_env *e, MDB_txn *txn, enum store_table t, const void *key, size_t len, MDB_val *v)
{
	MDB_val k = {.mv_size = len, .mv_data = (void *)key};

	return store_env_errno(mdb_get(txn, e->dbi[t], &k, v));
}

static int put_meta(const struct store_env *e, MDB_txn *txn, const char *key, const void *val, size_t len)
{
	MDB_val k = {.mv_size = strlen(key), .mv_data = (void *)key}, v = {.mv_size = len, .mv_data = (void *)val};

	return store_env_errno(mdb_put(txn, e->dbi[STORE_META], &k, &v, 0));
}

int store_env_check(const struct store_env *e, MDB_txn *txn, uint64_t nonce)
{
	struct store_head h;
	MDB_val v;
	int rc = store_env_get(e, txn, STORE_META, head_key, strlen(head_key), &v);

	if (rc == -ENOENT || (!rc && v.mv_size != sizeof h))
		return -EPROTO;
	if (rc)
		return rc;
	memcpy(&h, v.mv_data, sizeof h);
	return h.layout == STORE_LAYOUT && h.nonce == nonce ? 0 : -EPROTO;
}

int store_env_put_head(const struct store_env *e, MDB_txn *txn, uint64_t nonce)
{
	struct store_head h = {.layout = STORE_LAYOUT, .nonce = nonce};

	return put_meta(e, txn, head_key, &h, sizeof h);
}

int store_env_get_now(const struct store_env *e, MDB_txn *txn, struct store_now *now)
{
	MDB_val v;
	int rc = store_env_get(e, txn, STORE_META, now_key, strlen(now_key), &v);

	if (rc)
		return rc;
	if (v.mv_size != sizeof *now)
		return -EPROTO;
	memcpy(now, v.mv_data, sizeof *now);
	return 0;
}

int store_env_put_now(const struct store_env *e, MDB_txn *txn, const struct store_now *now)
{
	return put_meta(e, txn, now_key, now, sizeof *now);
}

uint64_t store_env_pages(const struct store_env *e, MDB_txn *txn)
{
	uint64_t n = META_PAGES;
	MDB_stat st;

	for (unsigned i = 0; i < STORE_TABLES + 2; i++) {
		MDB_dbi dbi = i < STORE_TABLES ? e->dbi[i] : i == STORE_TABLES ? FREE_DBI : MAIN_DBI;

		if (mdb_stat(txn, dbi, &st) == 0)
			n += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
	}
	return n;
}
