/*
 * store_env.h - the LMDB environment behind the store, as reader and writer open it.
 *
 * Plain tables, none with duplicates, so that mdb_stat() counts every page in use.
 */
#ifndef FORKCAST_SHM_STORE_ENV_H
#define FORKCAST_SHM_STORE_ENV_H

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/store_key.h"
#include "shm/store_row.h"

#define STORE_LAYOUT 2u

enum store_table {
	STORE_SOCKETS,
	STORE_ROOMS,
	STORE_USERS,
	STORE_MEMBERS,
	STORE_META,
	STORE_OUTBOX,
	STORE_ONCE,
	STORE_DUE,
	STORE_KEPT,
	STORE_JOURNAL,
	STORE_TABLES,
};

struct store_env {
	MDB_env *env;
	MDB_dbi dbi[STORE_TABLES];
};

/* The row "head" of STORE_META: whose store this is.  Written once. */
struct store_head {
	uint32_t layout;
	uint32_t reserved;
	uint64_t nonce;
};

/* The row "now" of STORE_META: written by every transaction. */
struct store_now {
	uint64_t txn; /* number of the transaction that wrote this row */
	uint64_t sockets, users, rooms;
	uint64_t next_room, next_user;
	uint64_t outbox_next; /* sequence of the next record */
	uint64_t outbox_sent; /* records up to this one are in the ring and forgotten */
	uint64_t journal_next; /* sequence of the next entry */
	uint64_t journal_gone; /* entries up to this one are on disk and forgotten */
	uint64_t nover;       /* generations over whose rows are not all gone */
};

/* Turns LMDB's results into -errno; MDB_MAP_FULL, the one that callers act on, becomes -STORE_EFULL. */
#define STORE_EFULL ENOMEM
int store_env_errno(int rc);

/* MAP_SIZE in whole pages. */
size_t store_env_size(size_t map_size);
/* Opens PATH with FLAGS (MDB_RDONLY or not) beside MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD; 0 or -errno. */
int store_env_open(struct store_env *e, const char *path, size_t map_size, unsigned flags);
/* Opens the tables in TXN, which must then be committed.  0, -ENOENT: not there, or -errno. */
int store_env_tables(struct store_env *e, MDB_txn *txn, bool create);
void store_env_close(struct store_env *e);

/* 0 or -EPROTO: not the store of NONCE, or of another layout. */
int store_env_check(const struct store_env *e, MDB_txn *txn, uint64_t nonce);
int store_env_put_head(const struct store_env *e, MDB_txn *txn, uint64_t nonce);
int store_env_get_now(const struct store_env *e, MDB_txn *txn, struct store_now *now);
int store_env_put_now(const struct store_env *e, MDB_txn *txn, const struct store_now *now);

/* 0, or LMDB's result as -errno; *V points into the map.  -ENOENT: no such row. */
int store_env_get(const struct store_env *e, MDB_txn *txn, enum store_table t, const void *key, size_t len, MDB_val *v);
/* Pages in use by rows and LMDB's own trees: what is not free again. */
uint64_t store_env_pages(const struct store_env *e, MDB_txn *txn);

#endif
