/*
 * store_read.h - a reader's handle, as the reading files share it.
 */
#ifndef FORKCAST_SHM_STORE_READ_H
#define FORKCAST_SHM_STORE_READ_H

#include "shm/store.h"
#include "shm/store_env.h"

struct store {
	struct store_env e;
	MDB_txn *txn; /* begun once, reset between reads: keeps its place in the reader table */
	store_alive_fn alive;
	void *alive_ctx;
};

/* Around each read.  0 or -errno. */
int store_read_begin(struct store *st);
void store_read_end(struct store *st);

bool store_read_alive(const struct store *st, const uint8_t raw[STORE_SID_RAW]);
/* A room's row (LEN 0: the namespace's).  1, 0 or -errno; names that cannot be stored are not found. */
int store_read_count(
    const struct store *st, const struct store_text *nsp, const char *room, size_t len, struct store_count *out);
/* True while counters may include dead sockets. */
bool store_read_purging(const struct store *st);

/*
 * A walk over the rows of T whose key starts with PREFIX, behind the key AFTER (NULL: from the first), which stays the
 * caller's and stands until the first store_walk_next().  That returns 1 and the row, 0 at the end, or -errno.
 */
struct store_walk {
	MDB_cursor *c;
	uint8_t prefix[STORE_USER_KEY_MAX > STORE_ROOM_KEY_MAX ? STORE_USER_KEY_MAX : STORE_ROOM_KEY_MAX];
	size_t prefix_len;
	MDB_cursor_op op;
	MDB_val k;   /* where it starts */
	bool behind; /* the row of that very key is not wanted */
};
int store_walk_begin(struct store_walk *wk, const struct store *st, enum store_table t, const void *prefix, size_t len,
    const void *after, size_t after_len);
int store_walk_next(struct store_walk *wk, MDB_val *k, MDB_val *v);
void store_walk_end(struct store_walk *wk);

#endif
