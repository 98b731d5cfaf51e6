/*
 * store_writer.c - see store_writer.h: opening, batches, and row access inside them.
 */
#include "shm/store_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/store_batch.h"
#include "shm/store_gate.h"

#define WRITE_FLAGS (MDB_WRITEMAP | MDB_NOSYNC | MDB_NOMETASYNC)
#define PATH_CAP    4096

/* Rows "a" + slot of STORE_META: position applied. */
#define APPLIED_KEY 2u

static void applied_key(uint8_t key[APPLIED_KEY], unsigned slot)
{
	key[0] = 'a';
	key[1] = (uint8_t)slot;
}

/* Makes an empty store under a name nobody else opens; the rename then is the birth. */
static int create_store(const char *path, size_t map_size, uint64_t nonce)
{
	struct store_now now = {.outbox_next = 1, .journal_next = 1};
	struct store_env e = {0};
	char tmp[PATH_CAP];
	MDB_txn *txn = NULL;
	mdb_filehandle_t fd;
	int rc;

	if (snprintf(tmp, sizeof tmp, "%s-new", path) >= (int)sizeof tmp)
		return -ENAMETOOLONG;
	if (unlink(tmp) < 0 && errno != ENOENT)
		return -errno;
	rc = store_env_open(&e, tmp, map_size, WRITE_FLAGS | MDB_NOLOCK);
	if (rc)
		return rc;
	rc = store_env_errno(mdb_env_get_fd(e.env, &fd));
	/* Before the first page is touched through the map. */
	if (!rc)
		rc = -posix_fallocate(fd, 0, (off_t)map_size);
	if (rc)
		goto out;
	rc = store_env_errno(mdb_txn_begin(e.env, NULL, 0, &txn));
	if (rc)
		goto out;
	rc = store_env_tables(&e, txn, true);
	if (!rc)
		rc = store_env_put_head(&e, txn, nonce);
	if (!rc) {
		now.txn = mdb_txn_id(txn);
		rc = store_env_put_now(&e, txn, &now);
	}
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = store_env_errno(mdb_txn_commit(txn));
out:
	store_env_close(&e);
	if (!rc && rename(tmp, path) < 0)
		rc = -errno;
	if (rc)
		unlink(tmp);
	return rc;
}

static int load(struct store_writer *w, uint64_t nonce)
{
	uint8_t key[APPLIED_KEY];
	MDB_txn *txn;
	MDB_val v;
	int rc = store_env_errno(mdb_txn_begin(w->e.env, NULL, 0, &txn));

	if (rc)
		return rc;
	rc = store_env_tables(&w->e, txn, false);
	if (!rc)
		rc = store_env_check(&w->e, txn, nonce);
	if (!rc)
		rc = store_env_get_now(&w->e, txn, &w->kept);
	if (rc) {
		mdb_txn_abort(txn);
		return rc == -ENOENT ? -EPROTO : rc;
	}
	for (unsigned i = 0; i < SLOT_MAX && !rc; i++) {
		applied_key(key, i);
		rc = store_env_get(&w->e, txn, STORE_META, key, sizeof key, &v);
		if (rc == 0 && v.mv_size == sizeof w->kept_applied[i])
			memcpy(&w->kept_applied[i], v.mv_data, v.mv_size);
		else
			rc = rc == -ENOENT ? 0 : -EPROTO;
	}
	/* Every transaction writes its number; this one has written nothing, so the snapshot is one older. */
	if (!rc && w->kept.txn + 1 != mdb_txn_id(txn))
		rc = -EUCLEAN;
	w->used = store_env_pages(&w->e, txn);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = store_env_errno(mdb_txn_commit(txn));
	memcpy(w->applied, w->kept_applied, sizeof w->applied);
	w->now = w->kept;
	return rc;
}

/* Repairs and opens, with nobody else on the way in. */
static int open_in_gate(struct store_writer *w, const char *path, size_t map_size)
{
	int gate = store_gate_enter(path), rc;

	if (gate < 0)
		return gate;
	/* Before the repair: a commit in progress looks like one that was torn. */
	w->keeping = rc = store_gate_keep(path);
	if (rc < 0)
		goto out;
	rc = store_torn_open(&w->torn, path);
	if (rc)
		goto out;
	store_torn_repair(&w->torn);
	rc = store_env_open(&w->e, path, map_size, WRITE_FLAGS);
out:
	store_gate_leave(gate);
	return rc;
}

int store_writer_open(struct store_writer **out, const char *path, size_t map_size, uint64_t nonce, bool create)
{
	struct store_writer *w;
	int rc;

	map_size = store_env_size(map_size);
	w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->keeping = -1;
	w->map_pages = map_size / (size_t)sysconf(_SC_PAGESIZE);
	store_room_forget(&w->rooms);
	if (access(path, F_OK) < 0) {
		rc = create ? create_store(path, map_size, nonce) : -ENOENT;
		if (rc)
			goto fail;
	}
	rc = open_in_gate(w, path, map_size);
	if (rc)
		goto fail;
	rc = load(w, nonce);
	if (rc)
		goto fail;
	store_torn_note(&w->torn);
	rc = store_env_errno(mdb_txn_begin(w->e.env, NULL, MDB_RDONLY, &w->rtxn));
	if (rc)
		goto fail;
	mdb_txn_reset(w->rtxn);
	rc = store_reader_check(w);
	if (rc)
		goto fail;
	*out = w;
	return 0;
fail:
	store_writer_close(w);
	return rc;
}

void store_writer_close(struct store_writer *w)
{
	if (!w)
		return;
	if (w->txn)
		store_abort(w);
	if (w->rtxn)
		mdb_txn_abort(w->rtxn);
	store_env_close(&w->e);
	store_torn_close(&w->torn);
	if (w->keeping >= 0)
		close(w->keeping);
	free(w);
}

uint64_t store_applied(const struct store_writer *w, unsigned slot)
{
	return w->kept_applied[slot];
}

void store_set_workers(struct store_writer *w, const struct slot_mask *live)
{
	w->workers = *live;
}

void store_set_edges(struct store_writer *w, store_edges_fn fn, void *ctx)
{
	w->wanted = fn;
	w->wanted_ctx = ctx;
}

void store_set_keeps(struct store_writer *w, store_keeps_fn fn, void *ctx)
{
	w->keeps = fn;
	w->keeps_ctx = ctx;
}

void store_set_clock(struct store_writer *w, uint64_t now_ns, int64_t wall_ms)
{
	w->wall_ms = wall_ms > 0 ? (uint64_t)wall_ms : 0;
	w->clock_ns = now_ns;
}

int store_begin(struct store_writer *w)
{
	int rc;

	assert(!w->txn);
	rc = store_env_errno(mdb_txn_begin(w->e.env, NULL, 0, &w->txn));
	if (rc) {
		w->txn = NULL;
		return rc;
	}
	w->used = store_env_pages(&w->e, w->txn);
	w->uncounted = 0;
	return 0;
}

/* The batch is over: what LMDB freed with it, and the private state it is back or on to. */
static void batch_end(struct store_writer *w, bool committed)
{
	w->txn = NULL;
	memset(w->cur, 0, sizeof w->cur);
	memset(&w->moved, 0, sizeof w->moved);
	w->out_len = 0;
	store_room_forget(&w->rooms);
	if (committed) {
		w->kept = w->now;
		memcpy(w->kept_applied, w->applied, sizeof w->applied);
	} else {
		w->now = w->kept;
		memcpy(w->applied, w->kept_applied, sizeof w->applied);
	}
}

void store_advance(struct store_writer *w, unsigned slot, uint64_t end)
{
	assert(w->txn && slot < SLOT_MAX && end >= w->applied[slot]);
	w->applied[slot] = end;
	slot_mask_set(&w->moved, slot);
}

int store_commit(struct store_writer *w)
{
	uint8_t key[APPLIED_KEY];
	int rc;

	assert(w->txn);
	rc = store_room_flush(w);
	if (!rc)
		rc = store_outbox_flush(w);
	for (unsigned i = 0; i < SLOT_MAX && !rc; i++) {
		if (!slot_mask_has(&w->moved, i))
			continue;
		applied_key(key, i);
		rc = store_batch_put(w, STORE_META, key, sizeof key, &w->applied[i], sizeof w->applied[i], 0);
	}
	if (rc) {
		store_abort(w);
		return rc;
	}
	/* Always, so that every transaction moves the root (store_torn.h). */
	w->now.txn = mdb_txn_id(w->txn);
	rc = store_env_put_now(&w->e, w->txn, &w->now);
	if (rc) {
		store_abort(w);
		return rc;
	}
	w->used = store_env_pages(&w->e, w->txn);
	rc = store_env_errno(mdb_txn_commit(w->txn));
	batch_end(w, rc == 0);
	if (!rc)
		store_torn_note(&w->torn);
	return rc;
}

void store_abort(struct store_writer *w)
{
	assert(w->txn);
	mdb_txn_abort(w->txn);
	batch_end(w, false);
}

bool store_has_over(const struct store_writer *w)
{
	return w->kept.nover > 0;
}

uint64_t store_outbox_next(const struct store_writer *w)
{
	return w->kept.outbox_next;
}

uint64_t store_outbox_forgotten(const struct store_writer *w)
{
	return w->kept.outbox_sent;
}

bool store_is_full(const struct store_writer *w, size_t *used, size_t *size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (used)
		*used = w->used * page;
	if (size)
		*size = w->map_pages * page;
	return w->used * 100 > w->map_pages * STORE_FULL_PCT;
}

void store_writer_totals(const struct store_writer *w, uint64_t *sockets, uint64_t *users, uint64_t *rooms)
{
	*sockets = w->kept.sockets;
	*users = w->kept.users;
	*rooms = w->kept.rooms;
}
