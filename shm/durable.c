/*
 * durable.c - see durable.h.
 */
#include "shm/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/store_env.h"

#define PATH_CAP 4096
#define KEY_CAP  511

struct mark {
	uint32_t layout, reserved;
	uint64_t nonce, sequence;
};

struct durable {
	int lock;
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *txn;
	struct mark mark;
};

static const char mark_key[] = "m";

static int make_dir(const char *dir)
{
	char parent[PATH_CAP], *slash;

	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT || snprintf(parent, sizeof parent, "%s", dir) >= (int)sizeof parent)
		return -errno;
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return -ENOENT;
	*slash = '\0';
	if (mkdir(parent, 0700) < 0 && errno != EEXIST)
		return -errno;
	return mkdir(dir, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

static int take_lock(struct durable *d, const char *dir, bool make)
{
	char path[PATH_CAP];

	if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path)
		return -ENAMETOOLONG;
	d->lock = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
	if (d->lock < 0)
		return -errno;
	if (flock(d->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}

static int open_env(struct durable *d, const char *dir, size_t map_size)
{
	char path[PATH_CAP];
	int rc;

	if (snprintf(path, sizeof path, "%s/store", dir) >= (int)sizeof path)
		return -ENAMETOOLONG;
	rc = mdb_env_create(&d->env);
	if (!rc)
		rc = mdb_env_set_mapsize(d->env, store_env_size(map_size));
	/* Nobody else has it, by the lock: LMDB needs none of its own. */
	if (!rc)
		rc = mdb_env_open(d->env, path, MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOLOCK, 0600);
	return store_env_errno(rc);
}

static int load(struct durable *d)
{
	MDB_val k = {.mv_size = strlen(mark_key), .mv_data = (void *)(uintptr_t)mark_key}, v;
	MDB_txn *txn;
	int rc = mdb_txn_begin(d->env, NULL, 0, &txn);

	if (rc)
		return store_env_errno(rc);
	rc = mdb_dbi_open(txn, NULL, 0, &d->dbi);
	if (!rc)
		rc = mdb_get(txn, d->dbi, &k, &v);
	if (rc == MDB_NOTFOUND) {
		d->mark = (struct mark){.layout = DURABLE_LAYOUT};
		rc = 0;
	} else if (!rc && v.mv_size == sizeof d->mark) {
		memcpy(&d->mark, v.mv_data, sizeof d->mark);
	} else if (!rc) {
		rc = MDB_INVALID;
	}
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	if (!rc && d->mark.layout != DURABLE_LAYOUT)
		return -EPROTO;
	return store_env_errno(rc);
}

int durable_open(struct durable **out, const char *dir, size_t map_size, bool make)
{
	struct durable *d = calloc(1, sizeof *d);
	int rc = make ? make_dir(dir) : 0;

	if (!d)
		return -ENOMEM;
	d->lock = -1;
	if (!rc)
		rc = take_lock(d, dir, make);
	if (!rc)
		rc = open_env(d, dir, map_size);
	if (!rc)
		rc = load(d);
	if (rc)
		durable_close(d);
	else
		*out = d;
	return rc;
}

void durable_close(struct durable *d)
{
	if (!d)
		return;
	if (d->txn)
		durable_abort(d);
	if (d->env)
		mdb_env_close(d->env);
	if (d->lock >= 0)
		close(d->lock);
	free(d);
}

void durable_mark(const struct durable *d, uint64_t *nonce, uint64_t *sequence)
{
	*nonce = d->mark.nonce;
	*sequence = d->mark.sequence;
}

static size_t row_key(uint8_t out[KEY_CAP], const void *key, size_t len)
{
	if (len > KEY_CAP - 1)
		return 0;
	out[0] = 'r';
	if (len > 0)
		memcpy(out + 1, key, len);
	return 1 + len;
}

int durable_each(struct durable *d, const void *after, size_t after_len, unsigned max, durable_fn fn, void *ctx)
{
	uint8_t from[KEY_CAP];
	size_t len = row_key(from, after, after_len);
	MDB_val k = {.mv_size = len, .mv_data = from}, v;
	MDB_cursor *c;
	MDB_txn *txn;
	unsigned n = 0;
	int rc = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn), told = 0;

	if (rc)
		return store_env_errno(rc);
	rc = mdb_cursor_open(txn, d->dbi, &c);
	if (!rc) {
		rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
		if (!rc && after_len > 0 && k.mv_size == len && memcmp(k.mv_data, from, len) == 0)
			rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
		while (!rc && n < max && *(const uint8_t *)k.mv_data == 'r') {
			told = fn(ctx, (const uint8_t *)k.mv_data + 1, k.mv_size - 1, v.mv_data, v.mv_size);
			if (told)
				break;
			n++;
			rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
		}
		mdb_cursor_close(c);
	}
	mdb_txn_abort(txn);
	if (told)
		return told;
	return rc && rc != MDB_NOTFOUND ? store_env_errno(rc) : (int)n;
}

int durable_begin(struct durable *d)
{
	return store_env_errno(mdb_txn_begin(d->env, NULL, 0, &d->txn));
}

int durable_put(struct durable *d, const void *key, size_t key_len, const void *val, size_t len)
{
	uint8_t row[KEY_CAP];
	MDB_val k = {.mv_size = row_key(row, key, key_len), .mv_data = row};
	MDB_val v = {.mv_size = len, .mv_data = (void *)(uintptr_t)val};

	return k.mv_size == 0 ? -EINVAL : store_env_errno(mdb_put(d->txn, d->dbi, &k, &v, 0));
}

int durable_del(struct durable *d, const void *key, size_t key_len)
{
	uint8_t row[KEY_CAP];
	MDB_val k = {.mv_size = row_key(row, key, key_len), .mv_data = row};
	int rc = mdb_del(d->txn, d->dbi, &k, NULL);

	return rc == MDB_NOTFOUND ? 0 : store_env_errno(rc);
}

int durable_commit(struct durable *d, uint64_t nonce, uint64_t sequence)
{
	struct mark m = {.layout = DURABLE_LAYOUT, .nonce = nonce, .sequence = sequence};
	MDB_val k = {.mv_size = strlen(mark_key), .mv_data = (void *)(uintptr_t)mark_key};
	MDB_val v = {.mv_size = sizeof m, .mv_data = &m};
	int rc = mdb_put(d->txn, d->dbi, &k, &v, 0);

	if (rc) {
		durable_abort(d);
		return store_env_errno(rc);
	}
	rc = mdb_txn_commit(d->txn);
	d->txn = NULL;
	if (!rc)
		d->mark = m;
	return store_env_errno(rc);
}

void durable_abort(struct durable *d)
{
	mdb_txn_abort(d->txn);
	d->txn = NULL;
}
