/*
 * store_torn.h - a commit that was killed between two of its last stores.
 *
 * LMDB commits by filling in the older of its two meta pages, the transaction number last, so that whoever dies before
 * that has committed nothing.  With MDB_WRITEMAP these are plain stores into the map, and a compiler may order them:
 * in Debian 12's build of 0.9.24 the number of the transaction is stored one instruction *before* the last 16 bytes of
 * the tables' root (mdb_env_write_meta: the root is copied with the SSE register that was loaded last).  A keeper
 * killed between the two leaves a meta page that claims transaction N and points at the tree of N-2.
 *
 * It can be told: the root of N never is the root of N-2 (every one of our transactions writes a row, so the root moves
 * to a page that was free in N; the page of N-2's root was freed by N-1 at the earliest, and is not free for N).  So
 * the writer notes number and root beside each meta page after each commit, in bytes that LMDB does not use, and
 * before it opens a store left by a predecessor, gives a torn page its old number back: N-1 then is the last commit.
 * Readers are not concerned: they learn of a commit from the lock file, written after the whole meta page.
 */
#ifndef FORKCAST_SHM_STORE_TORN_H
#define FORKCAST_SHM_STORE_TORN_H

#include <stdbool.h>
#include <stdint.h>

/* The first two pages of the store's file, mapped by the writer for itself. */
struct store_torn {
	uint8_t *map;
	long page;
};

/* 0 or -errno; -EPROTO: these are not LMDB's meta pages. */
int store_torn_open(struct store_torn *t, const char *path);
void store_torn_close(struct store_torn *t);
/* Before mdb_env_open: takes a torn page back.  True when there was one. */
bool store_torn_repair(struct store_torn *t);
/* After each commit, and after the repair: notes numbers and roots. */
void store_torn_note(struct store_torn *t);

#endif
